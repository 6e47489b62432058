//! Reads `.github/wiz.yml` and says what is wrong with it, line by line.

use std::ops::Range;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    CheckCommand, CiRules, Pattern, RepositoryPolicy, Role,
    gate::{Gate, WrittenGate},
    layers::{Key, Layer, OuterLayers, combine},
    schedule::{self, Schedule, WrittenSchedule},
    triggers::{Triggers, WrittenTriggers},
    values,
};
use crate::{event::command::nearest::nearest, money::MicroDollars};

/// Largest policy file read, in bytes; a real one has some hundred.
const FILE_BYTES: usize = 64 * 1024;
/// One mistake in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFault {
    /// Whose file it is in.
    pub layer: Layer,
    /// Counted from 1; 0 when the mistake has no place.
    pub line: usize,
    /// What is wrong and, where it can be guessed, what was meant. Quotes the file.
    pub message: String,
}

/// A policy file as it is written: what it does not say is left open.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "keys such as `checks` and `gate`")]
#[schemars(title = "wiz.yml", rename_all = "snake_case")]
pub struct PolicyFile {
    /// Container image of the boxes in which checks and agents run. It must be on the engine already.
    #[serde(deserialize_with = "values::image")]
    pub image: Option<String>,
    /// Shell commands that prepare a fresh box, in order.
    #[serde(deserialize_with = "values::setup")]
    #[schemars(length(max = 20))]
    pub setup: Option<Vec<String>>,
    /// What must pass. Without it wiz looks for the tests that the project's kind suggests.
    #[serde(deserialize_with = "values::checks")]
    #[schemars(length(max = 20))]
    pub checks: Option<Vec<CheckCommand>>,
    /// Least role for commands that start or steer work.
    #[serde(deserialize_with = "values::min_role")]
    #[schemars(with = "Option<values::LeastRole>")]
    pub min_role: Option<Role>,
    /// When a person must approve.
    #[schemars(with = "Option<WrittenGate>")]
    pub gate: Option<Gate>,
    /// The most one run may spend.
    #[serde(deserialize_with = "values::amount")]
    #[schemars(with = "Option<values::Amount>")]
    pub budget_run: Option<MicroDollars>,
    /// The most all runs of the repository may spend in 24 hours.
    #[serde(deserialize_with = "values::amount")]
    #[schemars(with = "Option<values::Amount>")]
    pub budget_day: Option<MicroDollars>,
    /// Paths a person must look at, besides the built-in ones.
    pub protected_paths: Option<Vec<Pattern>>,
    /// Paths taken out of the built-in protection.
    pub unprotected_paths: Option<Vec<Pattern>>,
    /// The only paths a run may change at all.
    pub allowed_paths: Option<Vec<Pattern>>,
    /// Model for this repository; the server's default if not given.
    #[serde(deserialize_with = "values::model")]
    pub model: Option<String>,
    /// Which failing checks are answered, and how often.
    pub ci: Option<CiRules>,
    /// Work that begins at set times. For a repository's own file.
    #[serde(deserialize_with = "schedule::schedules")]
    #[schemars(with = "Option<Vec<WrittenSchedule>>", length(max = 20))]
    pub schedules: Option<Vec<Schedule>>,
    /// Labels and assignments that start work. For a repository's own file.
    #[schemars(with = "Option<WrittenTriggers>")]
    pub triggers: Option<Triggers>,
    /// Keys that the files above this one may only make stricter. For the organisation's and the server's file.
    pub locked: Option<Vec<Key>>,
}

/// Reads a repository's policy file that lies over no other.
pub fn parse(yaml: &str) -> Result<RepositoryPolicy, Vec<PolicyFault>> {
    parse_bytes(yaml.as_bytes())
}

/// Reads a repository's policy file as it lies there, over no other.
pub fn parse_bytes(file: &[u8]) -> Result<RepositoryPolicy, Vec<PolicyFault>> {
    Ok(combine(&OuterLayers::default(), parse_layer(Layer::Repository, file)?).policy)
}

/// Reads a policy file as it lies in its layer. All faults are reported together, at most one for each top-level key.
pub fn parse_layer(layer: Layer, file: &[u8]) -> Result<PolicyFile, Vec<PolicyFault>> {
    let Ok(yaml) = std::str::from_utf8(file) else {
        return Err(vec![PolicyFault { layer, line: 0, message: "the file is not UTF-8 text".to_owned() }]);
    };
    let file = read(layer, yaml)?;
    let (key, message) = match layer {
        Layer::Repository if file.locked.is_some() => {
            ("locked", "locked: only an organisation's or a server's file may lock keys")
        }
        Layer::Organisation | Layer::Server if file.schedules.is_some() => {
            ("schedules", "schedules: only a repository's own file may have schedules")
        }
        Layer::Organisation | Layer::Server if file.triggers.is_some() => {
            ("triggers", "triggers: only a repository's own file may have triggers")
        }
        Layer::Repository | Layer::Organisation | Layer::Server | Layer::BuiltIn => return Ok(file),
    };
    let line = yaml.lines().position(|line| line.starts_with(key)).map_or(0, |index| index + 1);
    Err(vec![PolicyFault { layer, line, message: message.to_owned() }])
}

fn read(layer: Layer, yaml: &str) -> Result<PolicyFile, Vec<PolicyFault>> {
    if yaml.len() > FILE_BYTES {
        return Err(vec![PolicyFault {
            layer,
            line: 0,
            message: format!("the file is larger than {FILE_BYTES} bytes"),
        }]);
    }
    let mut lines: Vec<&str> = yaml.lines().collect();
    let mut faults = Vec::new();
    loop {
        let error = match serde_norway::from_str::<Option<PolicyFile>>(&lines.join("\n")) {
            Ok(policy) if faults.is_empty() => return Ok(policy.unwrap_or_default()),
            Ok(_) => return Err(faults),
            Err(error) => error,
        };
        let line = error.location().map_or(0, |location| location.line());
        let message = message(&error.to_string());
        let Some((key, section)) = section(&lines, line) else {
            faults.push(PolicyFault { layer, line, message });
            return Err(faults);
        };
        let names_key = message.starts_with(&key) || message.contains(" field `");
        faults.push(PolicyFault {
            layer,
            line,
            message: if names_key { message } else { format!("{key}: {message}") },
        });
        // Without the faulty section the rest can be checked too; the other lines keep their numbers.
        lines[section].fill("");
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
    if !text.contains("unknown field") && !text.contains("unknown variant") {
        return text.to_owned();
    }
    let Some((before, expected)) = text.split_once("`, expected") else { return text.to_owned() };
    let Some((_, unknown)) = before.rsplit_once('`') else { return text.to_owned() };
    let known: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
    match nearest(unknown, known.iter().copied()) {
        Some(name) => format!("{before}`; did you mean `{name}`?"),
        None => format!("{before}`; known are {}", known.join(", ")),
    }
}
