//! Reads `/wiz …` lines.

use super::{
    Argument, Command, CommandError, Flags, INSTRUCTION_CHARS,
    grammar::{FLAGS, Flag, Sets, Takes, Verb},
    nearest::nearest,
    prose::Prose,
};
use crate::{money::MicroDollars, plan::ApprovalWish};

/// One `/wiz` line of a text.
pub(super) struct Found {
    pub command: Result<Command, CommandError>,
    /// What makes two lines the same command across an edit: the line itself, without what follows below it.
    pub key: String,
}

/// A `/wiz` line before it is understood.
struct Line {
    /// What follows `/wiz`.
    rest: String,
    /// Where the next line starts.
    end: usize,
}

/// Every command of a text, in order, at most [`super::COMMANDS_PER_TEXT`].
pub(super) fn read(text: &str) -> Vec<Found> {
    let prose = Prose::of(text);
    let mut lines = command_lines(text, &prose);
    let last = lines.len().saturating_sub(1);
    lines.truncate(super::COMMANDS_PER_TEXT);
    let understood = lines.iter().enumerate().map(|(index, line)| {
        let command = command(&line.rest);
        let key = match &command {
            Ok(command) => command.to_string(),
            Err(_) => line.rest.split_whitespace().collect::<Vec<_>>().join(" "),
        };
        let below = (index == last).then(|| prose.visible(text, line.end..text.len()));
        let command = command.map(|command| with_text_below(command, below.as_deref().unwrap_or_default()));
        Found { command: command.and_then(with_needed_words), key }
    });
    understood.collect()
}

fn command_lines(text: &str, prose: &Prose) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive(['\n', '\r']) {
        let end = start + line.len();
        let indent = line.len() - line.trim_start_matches(' ').len();
        if indent <= 3
            && let Some(rest) = after_wiz(&line[indent..])
            && prose.is_plain(start + indent)
        {
            let from = end - rest.len();
            lines.push(Line { rest: prose.visible(text, from..end), end });
        }
        start = end;
    }
    lines
}

/// What follows `/wiz` in any case, if it is a word of its own.
fn after_wiz(line: &str) -> Option<&str> {
    let (word, rest) = line.split_at_checked("/wiz".len())?;
    (word.eq_ignore_ascii_case("/wiz") && rest.chars().next().is_none_or(char::is_whitespace)).then_some(rest)
}

fn command(rest: &str) -> Result<Command, CommandError> {
    let mut words = rest.split_whitespace();
    let Some(name) = words.next() else {
        return Ok(Command { verb: Verb::Help, instructions: String::new(), argument: None, flags: Flags::default() });
    };
    let Some(verb) = Verb::named(name) else {
        return Err(CommandError::UnknownVerb {
            word: quoted(name),
            nearest: nearest(name, Verb::listed().map(Verb::name)),
        });
    };
    let command = |instructions, argument, flags| Command { verb, instructions, argument, flags };
    let plain = |argument| Ok(command(String::new(), argument, Flags::default()));
    match verb.takes() {
        Takes::Anything => plain(None),
        Takes::Instructions => {
            let (flags, instructions) = flags_and_words(words, Some(verb))?;
            Ok(command(instructions, None, flags))
        }
        Takes::Words => match flags_and_words(words, None)? {
            (flags, instructions) if flags == Flags::default() => Ok(command(instructions, None, flags)),
            _ => Err(CommandError::TakesNoFlags { verb }),
        },
        Takes::Nothing => match without_flags(verb, words)?.as_slice() {
            [] => plain(None),
            [..] => Err(CommandError::TakesNoWords { verb }),
        },
        Takes::Approval => argument(verb, words, "at least the first 8 digits of the plan's hash", approval),
        Takes::Amount => argument(verb, words, "an amount such as `+$2`", more),
        Takes::Switch => argument(verb, words, "`on` or `off`", switch),
        Takes::Host => argument(verb, words, "the name of a host", host),
        Takes::Note => argument(verb, words, "the number of a note, as `/wiz remember` lists them", note),
    }
}

fn without_flags<'line>(verb: Verb, words: impl Iterator<Item = &'line str>) -> Result<Vec<&'line str>, CommandError> {
    let words: Vec<&str> = words.collect();
    let flag = words.iter().any(|word| word.starts_with("--"));
    if flag { Err(CommandError::TakesNoFlags { verb }) } else { Ok(words) }
}

/// A command whose one word, or its absence, `read` understands.
fn argument<'line>(
    verb: Verb,
    words: impl Iterator<Item = &'line str>,
    expected: &'static str,
    read: fn(Option<&str>) -> Option<Option<Argument>>,
) -> Result<Command, CommandError> {
    let argument = match without_flags(verb, words)?.as_slice() {
        [] => read(None),
        [word] => read(Some(word)),
        [..] => None,
    };
    let argument = argument.ok_or(CommandError::Argument { verb, expected })?;
    Ok(Command { verb, instructions: String::new(), argument, flags: Flags::default() })
}

fn approval(word: Option<&str>) -> Option<Option<Argument>> {
    match word {
        None => Some(None),
        Some(word) if word.eq_ignore_ascii_case("scope") => Some(Some(Argument::Scope)),
        Some(word) => is_plan_hash(word).then(|| Some(Argument::PlanHash(word.to_ascii_lowercase()))),
    }
}

fn more(word: Option<&str>) -> Option<Option<Argument>> {
    let Some(word) = word else { return Some(None) };
    let amount: MicroDollars = word.strip_prefix('+')?.parse().ok()?;
    (amount > MicroDollars::ZERO).then_some(Some(Argument::More(amount)))
}

fn switch(word: Option<&str>) -> Option<Option<Argument>> {
    let Some(word) = word else { return Some(None) };
    let on = ["on", "off"].into_iter().position(|name| word.eq_ignore_ascii_case(name))?;
    Some(Some(Argument::Switch(on == 0)))
}

/// Longest name of a host. <https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4>
const HOST_CHARS: usize = 253;

fn host(word: Option<&str>) -> Option<Option<Argument>> {
    let word = word?;
    let label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
    };
    let valid = word.len() <= HOST_CHARS && word.contains('.') && word.split('.').all(label);
    valid.then(|| Some(Argument::Host(word.to_ascii_lowercase())))
}

fn note(word: Option<&str>) -> Option<Option<Argument>> {
    let number: i64 = word?.parse().ok()?;
    (number > 0).then_some(Some(Argument::Note(number)))
}

fn is_plan_hash(word: &str) -> bool {
    (8..=64).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Flags may stand anywhere in the line, up to a bare `--`. Those that mean nothing to the verb are refused, as nobody would
/// notice that they are not followed.
fn flags_and_words<'line>(
    mut rest: impl Iterator<Item = &'line str>,
    of: Option<Verb>,
) -> Result<(Flags, String), CommandError> {
    let mut flags = Flags::default();
    let mut words = Vec::new();
    while let Some(word) = rest.next() {
        if word == "--" {
            words.extend(rest.by_ref());
        } else if word.starts_with("--") {
            let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
            let flag = flag_named(name)?;
            if let Some(verb) = of.filter(|verb| !verb.takes_flag(flag.sets)) {
                return Err(CommandError::UnfitFlag { verb, flag: flag.name });
            }
            let value = if flag.sets.has_value() { value.or_else(|| rest.next()) } else { value };
            set(&mut flags, flag, value.unwrap_or_default())?;
        } else {
            words.push(word);
        }
    }
    Ok((flags, words.join(" ")))
}

fn flag_named(name: &str) -> Result<Flag, CommandError> {
    let named = FLAGS.into_iter().find(|flag| flag.name.eq_ignore_ascii_case(name));
    named.ok_or_else(|| CommandError::UnknownFlag {
        flag: quoted(name),
        nearest: nearest(name, FLAGS.map(|flag| flag.name)),
    })
}

fn set(flags: &mut Flags, flag: Flag, value: &str) -> Result<(), CommandError> {
    let bad_value = CommandError::FlagValue { flag: flag.name, expected: flag.expected };
    let twice = match flag.sets {
        Sets::Max => flags.max.replace(value.parse().map_err(|_| bad_value)?).is_some(),
        Sets::Model if !is_model_name(value) => return Err(bad_value),
        Sets::Model => flags.model.replace(value.to_owned()).is_some(),
        Sets::Base => flags.base.replace(value.parse().map_err(|_| bad_value)?).is_some(),
        Sets::Draft if !value.is_empty() => return Err(CommandError::FlagTakesNoValue { flag: flag.name }),
        Sets::Draft => std::mem::replace(&mut flags.draft, true),
        Sets::Plan => flags.plan.replace(plan_wish(value).ok_or(bad_value)?).is_some(),
    };
    if twice { Err(CommandError::FlagTwice { flag: flag.name }) } else { Ok(()) }
}

fn plan_wish(text: &str) -> Option<ApprovalWish> {
    match text.to_ascii_lowercase().as_str() {
        "auto" => Some(ApprovalWish::Auto),
        "ask" => Some(ApprovalWish::Ask),
        _ => None,
    }
}

fn is_model_name(text: &str) -> bool {
    (1..=100).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/@".contains(&byte))
}

/// Adds what stands below the last command of a text, and cuts the whole at [`INSTRUCTION_CHARS`].
fn with_text_below(mut command: Command, below: &str) -> Command {
    if !matches!(command.verb.takes(), Takes::Instructions | Takes::Words) {
        return command;
    }
    let all = format!("{}\n\n{}", command.instructions, below.replace("\r\n", "\n").trim());
    command.instructions = all.trim().chars().take(INSTRUCTION_CHARS).collect::<String>().trim_end().to_owned();
    command
}

/// Some commands without words would only cost money.
fn with_needed_words(command: Command) -> Result<Command, CommandError> {
    if command.verb.needs().is_some() && command.instructions.is_empty() {
        return Err(CommandError::NeedsWords { verb: command.verb });
    }
    Ok(command)
}

/// A person's word, fit to be shown again.
fn quoted(word: &str) -> String {
    word.chars().take(30).map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '?' }).collect()
}
