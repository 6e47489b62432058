//! The table of commands and flags. The parser, the proposals in errors and the help text all read it.

/// What a person can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    Fix,
    Feature,
    Test,
    Docs,
    Refactor,
    Review,
    Plan,
    Ask,
    Approve,
    Revise,
    Answer,
    Reject,
    Retry,
    Cancel,
    Pause,
    Resume,
    Status,
    Budget,
    Config,
    Ci,
    Allow,
    Remember,
    Forget,
    Undo,
    Selftest,
    Help,
}

/// What may follow a verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// Instructions, also in the paragraphs below, and flags.
    Instructions,
    /// Words, also in the paragraphs below, without flags.
    Words,
    /// A plan's hash, `scope`, or nothing.
    Approval,
    /// `+$2`, or nothing.
    Amount,
    /// `on`, `off`, or nothing.
    Switch,
    /// The name of a host.
    Host,
    /// A note's number.
    Note,
    /// Nothing at all: words are more likely a misunderstanding than decoration.
    Nothing,
    /// Anything; it is not read.
    Anything,
}

/// Whether people are told of a verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    InHelp,
    /// It is understood, and answered with the reason why nothing comes of it.
    Nowhere,
}

/// One row of the table.
struct Row {
    name: &'static str,
    usage: &'static str,
    meaning: &'static str,
    takes: Takes,
    shown: Shown,
}

const fn listed(name: &'static str, usage: &'static str, meaning: &'static str, takes: Takes) -> Row {
    Row { name, usage, meaning, takes, shown: Shown::InHelp }
}

const fn unlisted(name: &'static str, usage: &'static str, meaning: &'static str, takes: Takes) -> Row {
    Row { name, usage, meaning, takes, shown: Shown::Nowhere }
}

/// One row for each verb, in the order of [`Verb::ALL`].
const TABLE: [Row; 26] = {
    use Takes::{Amount, Anything, Approval, Host, Instructions, Note, Nothing, Switch, Words};
    [
        listed(
            "fix",
            "/wiz fix [flags] [instructions]",
            "Plan the change, and after approval make it and open a pull request.",
            Instructions,
        ),
        listed(
            "feature",
            "/wiz feature [flags] [instructions]",
            "Add something new: its tests fail before and pass after.",
            Instructions,
        ),
        listed("test", "/wiz test [flags] [instructions]", "Add tests only: no other file changes.", Instructions),
        listed("docs", "/wiz docs [flags] [instructions]", "Change documentation only.", Instructions),
        listed(
            "refactor",
            "/wiz refactor [flags] [instructions]",
            "Change the form of the code: what passes before must pass after.",
            Instructions,
        ),
        listed(
            "review",
            "/wiz review [flags] [instructions]",
            "Read a pull request, forks included, and say what is wrong with it; nothing is changed.",
            Instructions,
        ),
        listed(
            "plan",
            "/wiz plan [flags] [instructions]",
            "Plan the change, and wait for approval whatever the repository's gate is.",
            Instructions,
        ),
        listed(
            "ask",
            "/wiz ask [flags] question",
            "Answer a question about the code, where it was asked.",
            Instructions,
        ),
        listed(
            "approve",
            "/wiz approve [HASH|scope]",
            "Approve the plan with this hash, or the one shown now; `scope`: files beyond it.",
            Approval,
        ),
        listed("revise", "/wiz revise instructions", "Say what to change about the plan.", Words),
        listed(
            "answer",
            "/wiz answer NUMBER|words",
            "Answer wiz's question, by an option's number or in your own words.",
            Words,
        ),
        listed("reject", "/wiz reject [reason]", "Turn the plan down and end the run.", Words),
        listed("retry", "/wiz retry", "Try again from where the run failed.", Nothing),
        listed("cancel", "/wiz cancel", "Stop the run.", Nothing),
        listed("pause", "/wiz pause", "Let the run rest: no work, no box, no money.", Nothing),
        listed("resume", "/wiz resume", "Go on with a run that rests, where it stopped.", Nothing),
        listed("status", "/wiz status", "Say what the run is doing.", Nothing),
        listed("budget", "/wiz budget [+$2]", "Say what the run has spent, or let it spend more.", Amount),
        listed("config", "/wiz config", "Show the rules that hold here, and where they come from.", Nothing),
        listed(
            "ci",
            "/wiz ci [on|off]",
            "Say whether failing checks of this pull request are answered, or switch that.",
            Switch,
        ),
        unlisted("allow", "/wiz allow HOST", "Let boxes reach a host.", Host),
        listed(
            "remember",
            "/wiz remember [words]",
            "Tell every later run of this repository; without words, list what was told.",
            Words,
        ),
        listed("forget", "/wiz forget NUMBER", "Take one of these notes back.", Note),
        listed("undo", "/wiz undo", "Take back what the run did on GitHub, as far as that goes.", Nothing),
        listed(
            "selftest",
            "/wiz selftest",
            "Try every part of wiz on this repository, and say what is missing.",
            Nothing,
        ),
        listed("help", "/wiz help", "Show this list.", Anything),
    ]
};

impl Verb {
    /// Every verb, in the order of the help text.
    pub const ALL: [Self; 26] = [
        Self::Fix,
        Self::Feature,
        Self::Test,
        Self::Docs,
        Self::Refactor,
        Self::Review,
        Self::Plan,
        Self::Ask,
        Self::Approve,
        Self::Revise,
        Self::Answer,
        Self::Reject,
        Self::Retry,
        Self::Cancel,
        Self::Pause,
        Self::Resume,
        Self::Status,
        Self::Budget,
        Self::Config,
        Self::Ci,
        Self::Allow,
        Self::Remember,
        Self::Forget,
        Self::Undo,
        Self::Selftest,
        Self::Help,
    ];

    const fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// The verbs that people are told of.
    pub fn listed() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|verb| verb.row().shown == Shown::InHelp)
    }

    /// The word people write, in lower case.
    pub const fn name(self) -> &'static str {
        self.row().name
    }

    /// How the whole command is written.
    pub const fn usage(self) -> &'static str {
        self.row().usage
    }

    /// What it does, in a sentence.
    pub const fn meaning(self) -> &'static str {
        self.row().meaning
    }

    pub(super) const fn takes(self) -> Takes {
        self.row().takes
    }

    /// The words without which the command would only cost money.
    pub(super) const fn needs(self) -> Option<&'static str> {
        match self {
            Self::Revise => Some("words that say what to change"),
            Self::Answer => Some("an option's number, or words"),
            Self::Ask => Some("a question"),
            Self::Fix
            | Self::Feature
            | Self::Test
            | Self::Docs
            | Self::Refactor
            | Self::Review
            | Self::Plan
            | Self::Approve
            | Self::Reject
            | Self::Retry
            | Self::Cancel
            | Self::Pause
            | Self::Resume
            | Self::Status
            | Self::Budget
            | Self::Config
            | Self::Ci
            | Self::Allow
            | Self::Remember
            | Self::Forget
            | Self::Undo
            | Self::Selftest
            | Self::Help => None,
        }
    }

    /// Whether a flag means anything here: questions and reviews bring no pull request and have no plan, what a review reads
    /// is the pull request's head, and `plan` always waits.
    pub(super) const fn takes_flag(self, flag: Sets) -> bool {
        match (self, flag) {
            (Self::Ask | Self::Review, Sets::Draft | Sets::Plan)
            | (Self::Review, Sets::Base)
            | (Self::Plan, Sets::Plan) => false,
            (_, Sets::Max | Sets::Model | Sets::Base | Sets::Draft | Sets::Plan) => true,
        }
    }

    /// The verb with this name in any case.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verb| verb.name().eq_ignore_ascii_case(word))
    }
}

/// What a flag sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sets {
    Max,
    Model,
    Base,
    Draft,
    Plan,
}

impl Sets {
    /// Whether a value follows the flag.
    pub const fn has_value(self) -> bool {
        match self {
            Self::Max | Self::Model | Self::Base | Self::Plan => true,
            Self::Draft => false,
        }
    }
}

/// One flag.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flag {
    pub name: &'static str,
    pub usage: &'static str,
    pub meaning: &'static str,
    pub sets: Sets,
    /// What its value looks like.
    pub expected: &'static str,
}

/// Every flag.
pub(super) const FLAGS: [Flag; 5] = [
    Flag {
        name: "--max",
        usage: "[--max $2]",
        meaning: "The most this run may spend; never above the repository's own cap.",
        sets: Sets::Max,
        expected: "an amount such as `$2` or `$0.50`",
    },
    Flag {
        name: "--model",
        usage: "[--model NAME]",
        meaning: "The model to use, if the server offers it.",
        sets: Sets::Model,
        expected: "the name of a model",
    },
    Flag {
        name: "--base",
        usage: "[--base BRANCH]",
        meaning: "The branch to start from and to open the pull request against; the rules still come from the default branch.",
        sets: Sets::Base,
        expected: "the name of a branch",
    },
    Flag {
        name: "--draft",
        usage: "[--draft]",
        meaning: "Open the pull request as a draft.",
        sets: Sets::Draft,
        expected: "nothing",
    },
    Flag {
        name: "--plan",
        usage: "[--plan auto|ask]",
        meaning: "`ask` waits for approval of the plan; `auto` does not, where the repository's gate allows it.",
        sets: Sets::Plan,
        expected: "`auto` or `ask`",
    },
];

/// All commands and flags as Markdown.
pub fn help() -> String {
    let mut text = String::from("| command | what it does |\n| --- | --- |\n");
    for verb in Verb::listed() {
        text += &format!("| `{}` | {} |\n", in_cell(verb.usage()), verb.meaning());
    }
    for flag in FLAGS {
        text += &format!("| `{}` | {} |\n", in_cell(flag.usage.trim_matches(['[', ']'])), flag.meaning);
    }
    text += "\nA command starts a line of its own, outside quotes and code. Instructions may go on in the paragraphs \
             below it. Put `--` before instructions that contain words starting with `--`.\n";
    text
}

/// A bar would end the cell, also inside code. <https://github.github.com/gfm/#tables-extension->
fn in_cell(usage: &str) -> String {
    usage.replace('|', "\\|")
}
