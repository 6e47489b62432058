//! Single values of a policy file, each with the words that say what was expected.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de::Error as _};

use super::{CheckCommand, Role};
use crate::{
    event::command::{Verb, nearest::nearest},
    money::MicroDollars,
};

/// Most setup commands, and most checks.
const COMMANDS: usize = 20;
/// Longest single command, in characters.
const COMMAND_CHARS: usize = 2_000;
/// Longest time one check may be given, in seconds.
const MAX_CHECK_TIMEOUT_S: u32 = 3_600;

/// `$3`, `3` or `0.5`: US dollars.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Amount {
    Whole(u32),
    Decimal(f64),
    Text(String),
}

pub(super) fn amount<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<MicroDollars>, D::Error> {
    let text = match Amount::deserialize(deserializer) {
        Ok(Amount::Whole(dollars)) => dollars.to_string(),
        Ok(Amount::Decimal(dollars)) => dollars.to_string(),
        Ok(Amount::Text(text)) => text,
        Err(_) => String::new(),
    };
    text.parse().map(Some).map_err(D::Error::custom)
}

pub(super) fn image<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    name(deserializer, "an image such as `python:3.13-slim`")
}

pub(super) fn model<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let expected = "a model as `provider/name`";
    match name(deserializer, expected)? {
        Some(text) if !text.contains('/') => Err(D::Error::custom(format!("expected {expected}"))),
        named => Ok(named),
    }
}

fn name<'de, D: Deserializer<'de>>(deserializer: D, expected: &str) -> Result<Option<String>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    let valid = (1..=255).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/@".contains(&byte));
    if valid { Ok(Some(text)) } else { Err(D::Error::custom(format!("expected {expected}"))) }
}

pub(super) fn setup<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    let commands = Vec::<String>::deserialize(deserializer)?;
    if commands.len() > COMMANDS || !commands.iter().all(|command| is_command(command)) {
        return Err(D::Error::custom(format!(
            "expected at most {COMMANDS} commands, none empty or longer than {COMMAND_CHARS} characters"
        )));
    }
    Ok(Some(commands))
}

pub(super) fn checks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<CheckCommand>>, D::Error> {
    let checks = Vec::<CheckCommand>::deserialize(deserializer)?;
    if checks.len() > COMMANDS {
        return Err(D::Error::custom(format!("expected at most {COMMANDS} checks")));
    }
    for (index, check) in checks.iter().enumerate() {
        let CheckCommand { name, run, timeout_s } = check;
        if !is_line(name, 100) {
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
    Ok(Some(checks))
}

/// Whether the text is one line that says something.
pub(super) fn is_line(text: &str, chars: usize) -> bool {
    !text.trim().is_empty() && text.chars().count() <= chars && !text.chars().any(char::is_control)
}

/// Names of commands.
pub(super) fn verbs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Verb>, D::Error> {
    let words = Vec::<String>::deserialize(deserializer)?;
    words.iter().map(|word| verb(word).map_err(D::Error::custom)).collect()
}

/// A command that starts work.
pub(super) fn verb(word: &str) -> Result<Verb, String> {
    let working = || Verb::ALL.into_iter().filter(|verb| verb.starts_work());
    working().find(|verb| verb.name() == word).ok_or_else(|| {
        let names: Vec<&str> = working().map(Verb::name).collect();
        match nearest(word, names.iter().copied()) {
            Some(name) => format!("`{word}` starts no work; did you mean `{name}`?"),
            None => format!("`{word}` starts no work; known are {}", names.join(", ")),
        }
    })
}

fn is_command(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= COMMAND_CHARS
}

/// The roles that may be the least one.
#[derive(JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes the words to editors")]
pub(super) enum LeastRole {
    Triage,
    Write,
    Maintain,
    Admin,
}

pub(super) fn min_role<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Role>, D::Error> {
    let text = String::deserialize(deserializer)?;
    match Role::named(&text) {
        Some(role) if role >= Role::Triage => Ok(Some(role)),
        // Everybody can read a public repository, and a run costs money.
        Some(_) | None => Err(D::Error::custom("expected triage, write, maintain or admin")),
    }
}
