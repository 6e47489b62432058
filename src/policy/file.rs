//! Reads `.github/wiz.yml` and says what is wrong with it, line by line.

use std::ops::Range;

use serde::{Deserialize, Deserializer, de::Error as _};

use super::{CheckCommand, RepositoryPolicy, Role};
use crate::{event::command::nearest::nearest, money::MicroDollars};

/// Largest policy file read, in bytes; a real one has some hundred.
const FILE_BYTES: usize = 64 * 1024;
/// Most setup commands, and most checks.
const COMMANDS: usize = 20;
/// Longest single command, in characters.
const COMMAND_CHARS: usize = 2_000;
/// Longest time one check may be given, in seconds.
const MAX_CHECK_TIMEOUT_S: u32 = 3_600;

/// One mistake in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFault {
    /// Counted from 1; 0 when the mistake has no place.
    pub line: usize,
    /// What is wrong and, where it can be guessed, what was meant. Quotes the file.
    pub message: String,
}

/// Reads a policy file. All faults are reported together, at most one for each top-level key.
pub fn parse(yaml: &str) -> Result<RepositoryPolicy, Vec<PolicyFault>> {
    if yaml.len() > FILE_BYTES {
        return Err(vec![PolicyFault { line: 0, message: format!("the file is larger than {FILE_BYTES} bytes") }]);
    }
    let mut lines: Vec<&str> = yaml.lines().collect();
    let mut faults = Vec::new();
    loop {
        let error = match serde_norway::from_str::<Option<RepositoryPolicy>>(&lines.join("\n")) {
            Ok(policy) if faults.is_empty() => return Ok(policy.unwrap_or_default()),
            Ok(_) => return Err(faults),
            Err(error) => error,
        };
        let line = error.location().map_or(0, |location| location.line());
        let message = message(&error.to_string());
        let Some((key, section)) = section(&lines, line) else {
            faults.push(PolicyFault { line, message });
            return Err(faults);
        };
        let names_key = message.starts_with(&key) || message.contains(" field `");
        faults.push(PolicyFault { line, message: if names_key { message } else { format!("{key}: {message}") } });
        // Without the faulty section the rest can be checked too; the other lines keep their numbers.
        lines[section].fill("");
    }
}

/// Reads a policy file as it lies in the repository.
pub fn parse_bytes(file: &[u8]) -> Result<RepositoryPolicy, Vec<PolicyFault>> {
    match std::str::from_utf8(file) {
        Ok(yaml) => parse(yaml),
        Err(_) => Err(vec![PolicyFault { line: 0, message: "the file is not UTF-8 text".to_owned() }]),
    }
}

/// The top-level key that holds `line` (counted from 1), with its lines.
fn section(lines: &[&str], line: usize) -> Option<(String, Range<usize>)> {
    let starts_key = |text: &str| text.starts_with(|c: char| c.is_alphanumeric() || "_\"'".contains(c));
    let at = line.checked_sub(1).filter(|at| *at < lines.len())?;
    let first = (0..=at).rev().find(|index| starts_key(lines[*index]))?;
    let end = (first + 1..lines.len()).find(|index| starts_key(lines[*index])).unwrap_or(lines.len());
    let key = lines[first].split(':').next().unwrap_or_default();
    Some((key.chars().take(40).collect(), first..end))
}

/// serde's message without its place, with the key that was probably meant instead of the list of all.
fn message(error: &str) -> String {
    let text = error.split(" at line ").next().unwrap_or(error);
    let Some((before, expected)) = text.split_once("`, expected") else { return text.to_owned() };
    let Some((_, unknown)) = before.rsplit_once('`') else { return text.to_owned() };
    let known: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
    match nearest(unknown, known.iter().copied()) {
        Some(name) => format!("{before}`; did you mean `{name}`?"),
        None => format!("{before}`; known are {}", known.join(", ")),
    }
}

/// `$3`, `3` or `0.5`.
pub(super) fn amount<'de, D: Deserializer<'de>>(deserializer: D) -> Result<MicroDollars, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Whole(u32),
        Decimal(f64),
        Text(String),
    }
    let text = match Written::deserialize(deserializer) {
        Ok(Written::Whole(dollars)) => dollars.to_string(),
        Ok(Written::Decimal(dollars)) => dollars.to_string(),
        Ok(Written::Text(text)) => text,
        Err(_) => String::new(),
    };
    text.parse().map_err(D::Error::custom)
}

pub(super) fn image<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    name(deserializer, "an image such as `python:3.13-slim`")
}

pub(super) fn model<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    name(deserializer, "the name of a model")
}

fn name<'de, D: Deserializer<'de>>(deserializer: D, expected: &str) -> Result<Option<String>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    let valid = (1..=255).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/@".contains(&byte));
    if valid { Ok(Some(text)) } else { Err(D::Error::custom(format!("expected {expected}"))) }
}

pub(super) fn setup<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let commands = Vec::<String>::deserialize(deserializer)?;
    if commands.len() > COMMANDS || !commands.iter().all(|command| is_command(command)) {
        return Err(D::Error::custom(format!(
            "expected at most {COMMANDS} commands, none empty or longer than {COMMAND_CHARS} characters"
        )));
    }
    Ok(commands)
}

pub(super) fn checks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<CheckCommand>, D::Error> {
    let checks = Vec::<CheckCommand>::deserialize(deserializer)?;
    if checks.len() > COMMANDS {
        return Err(D::Error::custom(format!("expected at most {COMMANDS} checks")));
    }
    for (index, check) in checks.iter().enumerate() {
        let CheckCommand { name, run, timeout_s } = check;
        if name.trim().is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
            return Err(D::Error::custom("a check's name is one line of at most 100 characters"));
        }
        if !is_command(run) {
            return Err(D::Error::custom(format!(
                "a check's command is not empty and has at most {COMMAND_CHARS} characters"
            )));
        }
        if !(1..=MAX_CHECK_TIMEOUT_S).contains(timeout_s) {
            return Err(D::Error::custom(format!("timeout_s is 1 to {MAX_CHECK_TIMEOUT_S} seconds")));
        }
        if checks[..index].iter().any(|other| other.name == *name) {
            return Err(D::Error::custom("two checks have the same name"));
        }
    }
    Ok(checks)
}

fn is_command(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= COMMAND_CHARS
}

pub(super) fn min_role<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Role, D::Error> {
    let text = String::deserialize(deserializer)?;
    match Role::named(&text) {
        Some(role) if role >= Role::Triage => Ok(role),
        // Everybody can read a public repository, and a run costs money.
        Some(_) | None => Err(D::Error::custom("expected triage, write, maintain or admin")),
    }
}
