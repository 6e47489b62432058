//! The `/wiz …` commands people write.
//!
//! A command starts a line of plain prose, so quoting somebody, showing code or hiding text in an HTML comment never
//! commands anything ([`prose`]). The line is read against one table ([`grammar`]), which also yields the help text and
//! the proposals in error messages, so the three cannot disagree.
//!
//! The way of the data: text → lines of prose that start with `/wiz` → one `Result<Command, CommandError>` each. On an
//! edit only lines that are new count, so that correcting a typo does not run anything twice.
//!
//! Never: look at who wrote the text, or whether the command makes sense now.
//!
//! Read first: [`parse`], [`Verb`], [`Command`].

mod grammar;
mod line;
pub mod nearest;
mod prose;

use std::{collections::HashMap, fmt};

pub use grammar::{Verb, help};

use crate::{ids::BranchName, money::MicroDollars, plan::ApprovalWish};

/// Longest instructions kept, in characters; more belongs in the issue or in a file.
pub const INSTRUCTION_CHARS: usize = 8_000;

/// Most commands taken from one text; a person writes one or two.
pub const COMMANDS_PER_TEXT: usize = 10;

/// A command as a person meant it. Its `Display` is the normal form: one line, verb and flags in fixed spelling and
/// order, white space collapsed; reading that line gives the same normal form again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    pub verb: Verb,
    /// Free words: the rest of the line without flags and, for the last command of a text, what follows below it.
    pub instructions: String,
    /// What the verb is about, where it takes one word with a meaning of its own.
    pub argument: Option<Argument>,
    pub flags: Flags,
}

/// The one word of verbs that take no free ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    /// `approve 1a2b3c4d`: at least the first eight digits of the plan's hash, in lower case.
    PlanHash(String),
    /// `approve scope`: files beyond the approved ones.
    Scope,
    /// `budget +$2`: more money.
    More(MicroDollars),
    /// `ci on`, `ci off`.
    Switch(bool),
    /// `allow example.com`, in lower case.
    Host(String),
    /// `forget 3`: a note's number.
    Note(i64),
}

/// What can be set for one command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flags {
    /// `--max $2`: the most the run may spend.
    pub max: Option<MicroDollars>,
    /// `--model NAME`: the model to use.
    pub model: Option<String>,
    /// `--base BRANCH`: where to start from, and what the pull request is for.
    pub base: Option<BranchName>,
    /// `--draft`: the pull request is opened as a draft.
    pub draft: bool,
    /// `--plan auto|ask`: whether the plan waits for approval.
    pub plan: Option<ApprovalWish>,
}

impl Flags {
    /// Whether one of them says how a pull request comes about.
    pub fn shape_pull_request(&self) -> bool {
        self.base.is_some() || self.draft || self.plan.is_some()
    }
}

/// Why a `/wiz` line could not be read. The text quotes the person only in letters, digits and `-_.`, so it is safe to
/// post.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    #[error("`{word}` is not a command{}", proposal(*.nearest))]
    UnknownVerb { word: String, nearest: Option<&'static str> },
    #[error("`{flag}` is not a flag{}", proposal(*.nearest))]
    UnknownFlag { flag: String, nearest: Option<&'static str> },
    #[error("`{flag}` needs a value: {expected}")]
    FlagValue { flag: &'static str, expected: &'static str },
    #[error("`{flag}` takes no value")]
    FlagTakesNoValue { flag: &'static str },
    #[error("`{flag}` is given twice")]
    FlagTwice { flag: &'static str },
    #[error("`{}` takes no flags", .verb.name())]
    TakesNoFlags { verb: Verb },
    #[error("`{}` takes no `{flag}`", .verb.name())]
    UnfitFlag { verb: Verb, flag: &'static str },
    #[error("`{}` takes no further words, so it was not run", .verb.name())]
    TakesNoWords { verb: Verb },
    #[error("`{}` needs {}", .verb.name(), .verb.needs().unwrap_or("words"))]
    NeedsWords { verb: Verb },
    #[error("`{}` takes {expected} and no further words, so it was not run", .verb.name())]
    Argument { verb: Verb, expected: &'static str },
}

impl CommandError {
    /// How the command is written; for an unknown one, the list of them all.
    pub fn usage(&self) -> String {
        match self {
            Self::TakesNoFlags { verb }
            | Self::TakesNoWords { verb }
            | Self::NeedsWords { verb }
            | Self::Argument { verb, .. } => verb.usage().to_owned(),
            Self::UnfitFlag { verb, .. } => {
                let fit = grammar::FLAGS.into_iter().filter(|flag| verb.takes_flag(flag.sets));
                let fit: Vec<&str> = fit.map(|flag| flag.usage).collect();
                verb.usage().replace("[flags]", &fit.join(" "))
            }
            Self::UnknownFlag { .. }
            | Self::FlagValue { .. }
            | Self::FlagTakesNoValue { .. }
            | Self::FlagTwice { .. } => {
                format!("/wiz COMMAND {} words", grammar::FLAGS.map(|flag| flag.usage).join(" "))
            }
            Self::UnknownVerb { .. } => {
                format!("/wiz {}", Verb::listed().map(Verb::name).collect::<Vec<_>>().join("|"))
            }
        }
    }
}

fn proposal(nearest: Option<&'static str>) -> String {
    nearest.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

impl Verb {
    /// Whether the command starts work of its own, rather than steering or asking.
    pub fn starts_work(self) -> bool {
        self.takes() == grammar::Takes::Instructions
    }
}

/// The commands in `text`, in order. With the text as it was before an edit, only those whose line was not there already.
pub fn parse(text: &str, previous: Option<&str>) -> Vec<Result<Command, CommandError>> {
    let mut already = HashMap::<String, usize>::new();
    for found in previous.map(line::read).unwrap_or_default() {
        *already.entry(found.key).or_default() += 1;
    }
    let mut is_new = |found: &line::Found| match already.get_mut(&found.key) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        Some(_) | None => true,
    };
    let mut found = line::read(text);
    found.retain(|found| is_new(found));
    found.into_iter().map(|found| found.command).collect()
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { verb, instructions, argument, flags: Flags { max, model, base, draft, plan } } = self;
        write!(f, "/wiz {}", verb.name())?;
        match argument {
            None => {}
            Some(Argument::PlanHash(hash)) => write!(f, " {hash}")?,
            Some(Argument::Scope) => write!(f, " scope")?,
            Some(Argument::More(more)) => write!(f, " +{}", Exact(*more))?,
            Some(Argument::Switch(on)) => write!(f, " {}", if *on { "on" } else { "off" })?,
            Some(Argument::Host(host)) => write!(f, " {host}")?,
            Some(Argument::Note(number)) => write!(f, " {number}")?,
        }
        if let Some(max) = max {
            write!(f, " --max {}", Exact(*max))?;
        }
        if let Some(model) = model {
            write!(f, " --model {model}")?;
        }
        if let Some(base) = base {
            write!(f, " --base {base}")?;
        }
        if *draft {
            write!(f, " --draft")?;
        }
        match plan {
            None => {}
            Some(ApprovalWish::Auto) => write!(f, " --plan auto")?,
            Some(ApprovalWish::Ask) => write!(f, " --plan ask")?,
        }
        let words: Vec<&str> = instructions.split_whitespace().collect();
        if words.iter().any(|word| word.starts_with("--")) {
            f.write_str(" --")?;
        }
        for word in words {
            // A comment opened in one paragraph would swallow the next once they share a line.
            write!(f, " {}", word.replace("<!--", "<!__"))?;
        }
        Ok(())
    }
}

/// An amount without rounding, in the spelling that `--max` reads.
struct Exact(MicroDollars);

impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micro_dollars = self.0.get();
        let text = format!("${}.{:06}", micro_dollars / 1_000_000, micro_dollars % 1_000_000);
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

#[cfg(test)]
mod tests;
