//! The table of commands and flags. The parser, the proposals in errors and the help text all read it.

/// What a person can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    Fix,
    Plan,
    Approve,
    Reject,
    Revise,
    Retry,
    Cancel,
    Status,
    Help,
}

/// What may follow a verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// Instructions, also in the paragraphs below, and flags.
    Instructions,
    /// Words, also in the paragraphs below, without flags.
    Words,
    /// A plan's hash and flags' absence.
    PlanHash,
    /// Nothing at all: words are more likely a misunderstanding than decoration.
    Nothing,
    /// Anything; it is not read.
    Anything,
}

/// One row of the table.
struct Row {
    name: &'static str,
    usage: &'static str,
    meaning: &'static str,
    takes: Takes,
}

impl Verb {
    /// Every verb, in the order of the help text.
    pub const ALL: [Self; 9] = [
        Self::Fix,
        Self::Plan,
        Self::Approve,
        Self::Revise,
        Self::Reject,
        Self::Retry,
        Self::Cancel,
        Self::Status,
        Self::Help,
    ];

    const fn row(self) -> Row {
        let (name, usage, meaning, takes) = match self {
            Self::Fix => (
                "fix",
                "/wiz fix [--max $2] [--model NAME] [instructions]",
                "Plan the change, and after approval make it and open a pull request.",
                Takes::Instructions,
            ),
            Self::Plan => (
                "plan",
                "/wiz plan [--max $2] [--model NAME] [instructions]",
                "Plan the change, and wait for approval whatever the repository's gate is.",
                Takes::Instructions,
            ),
            Self::Approve => (
                "approve",
                "/wiz approve [HASH]",
                "Approve the plan with this hash, or the one shown now.",
                Takes::PlanHash,
            ),
            Self::Revise => (
                "revise",
                "/wiz revise instructions",
                "Say what to change about the plan, or answer wiz's question.",
                Takes::Words,
            ),
            Self::Reject => ("reject", "/wiz reject [reason]", "Turn the plan down and end the run.", Takes::Words),
            Self::Retry => ("retry", "/wiz retry", "Try again from where the run failed.", Takes::Nothing),
            Self::Cancel => ("cancel", "/wiz cancel", "Stop the run.", Takes::Nothing),
            Self::Status => ("status", "/wiz status", "Say what the run is doing.", Takes::Nothing),
            Self::Help => ("help", "/wiz help", "Show this list.", Takes::Anything),
        };
        Row { name, usage, meaning, takes }
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
pub(super) const FLAGS: [Flag; 2] = [
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
];

/// All commands and flags as Markdown.
pub fn help() -> String {
    let mut text = String::from("| command | what it does |\n| --- | --- |\n");
    for verb in Verb::ALL {
        text += &format!("| `{}` | {} |\n", verb.usage(), verb.meaning());
    }
    for flag in FLAGS {
        text += &format!("| `{}` | {} |\n", flag.usage.trim_matches(['[', ']']), flag.meaning);
    }
    text += "\nA command starts a line of its own, outside quotes and code. Instructions may go on in the paragraphs \
             below it. Put `--` before instructions that contain words starting with `--`.\n";
    text
}
