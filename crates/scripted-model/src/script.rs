//! The script: scenes, and the turns the model takes in them.

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::Value;

use crate::request::Seen;

/// Largest request accepted unless the script says otherwise.
const MAX_BODY_BYTES: usize = 2_000_000;

/// Everything the model will say.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// Texts that must not occur in any request: secrets the client knows.
    #[serde(default)]
    pub canaries: Vec<String>,
    #[serde(default = "default_max_body_bytes")]
    pub max_body_bytes: usize,
    pub scenes: Vec<Scene>,
}

const fn default_max_body_bytes() -> usize {
    MAX_BODY_BYTES
}

/// One conversation.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scene {
    pub name: String,
    #[serde(default)]
    pub when: When,
    pub turns: Vec<Turn>,
}

/// When a scene is played: every text must occur.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// In the system prompt.
    #[serde(default)]
    pub system: Vec<String>,
    /// In the first user message.
    #[serde(default)]
    pub task: Vec<String>,
}

/// What the model says once.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// Texts that must occur in the newest user message.
    #[serde(default)]
    pub expects: Vec<String>,
    #[serde(default)]
    pub text: String,
    #[serde(default)]
    pub calls: Vec<Call>,
    #[serde(default)]
    pub delay_ms: u64,
    /// The answer claims to have run into the output limit.
    #[serde(default)]
    pub cut: bool,
}

/// A tool call.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    pub tool: String,
    pub input: Value,
}

impl Script {
    /// Reads a script and refuses one that cannot be played.
    pub fn from_yaml(yaml: &str) -> anyhow::Result<Self> {
        let script: Self = serde_norway::from_str(yaml).context("cannot read the script")?;
        for scene in &script.scenes {
            anyhow::ensure!(!scene.turns.is_empty(), "scene {} has no turns", scene.name);
            for (number, turn) in scene.turns.iter().enumerate() {
                let silent = turn.text.is_empty() && turn.calls.is_empty();
                anyhow::ensure!(!silent, "turn {} of scene {} says nothing", number + 1, scene.name);
            }
        }
        Ok(script)
    }

    /// Plays another script's scenes too, after one's own.
    pub fn extend(&mut self, other: Self) {
        self.canaries.extend(other.canaries);
        self.scenes.extend(other.scenes);
        self.max_body_bytes = self.max_body_bytes.max(other.max_body_bytes);
    }

    /// The scene and the number (from 0) of the turn the request asks for, or why there is none.
    pub(crate) fn turn_for(&self, seen: &Seen) -> Result<(&Scene, usize), String> {
        let scene = self.scenes.iter().find(|scene| scene.when.fits(seen)).ok_or("no scene fits this request")?;
        let number = seen.assistant_turns();
        if number >= scene.turns.len() {
            return Err(format!("scene {} ends after {} turns", scene.name, scene.turns.len()));
        }
        Ok((scene, number))
    }
}

impl When {
    fn fits(&self, seen: &Seen) -> bool {
        let task = seen.messages.first().map(|message| message.text.as_str()).unwrap_or_default();
        self.system.iter().all(|text| seen.system.contains(text)) && self.task.iter().all(|text| task.contains(text))
    }
}
