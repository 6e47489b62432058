//! A request of any wire in one form, and the rules it must keep.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::script::{Call, Scene};

/// What a client sent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Seen {
    pub model: String,
    pub system: String,
    pub messages: Vec<SeenMessage>,
    /// Names of the tools on offer.
    pub tools: Vec<String>,
    pub max_output_tokens: u64,
    pub stream: bool,
}

/// One side's turn, however many items the wire makes of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SeenMessage {
    pub assistant: bool,
    /// Words, and for users the tools' results too, joined by line breaks.
    pub text: String,
    /// Calls with their ids.
    pub calls: Vec<(String, Call)>,
    /// Ids of the calls that are answered here.
    pub results: Vec<String>,
}

impl SeenMessage {
    pub(crate) fn add_text(&mut self, text: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(text);
    }
}

impl Seen {
    /// The newest turn when it is of this side, or a new one: wires that send items one by one leave the turns implicit.
    pub(crate) fn turn_of(&mut self, assistant: bool) -> &mut SeenMessage {
        if self.messages.last().is_none_or(|last| last.assistant != assistant) {
            self.messages.push(SeenMessage { assistant, ..SeenMessage::default() });
        }
        let last = self.messages.len() - 1;
        &mut self.messages[last]
    }

    pub(crate) fn assistant_turns(&self) -> usize {
        self.messages.iter().filter(|message| message.assistant).count()
    }

    /// The rules every provider has, whatever the script.
    pub(crate) fn check_form(&self) -> Result<(), String> {
        if self.stream {
            return Err("streaming is not scripted; leave `stream` out".into());
        }
        if self.max_output_tokens == 0 {
            return Err("the output limit must be above zero".into());
        }
        if self.model.is_empty() {
            return Err("no model is named".into());
        }
        let mut open: BTreeSet<&str> = BTreeSet::new();
        for (position, message) in self.messages.iter().enumerate() {
            if message.assistant != (position % 2 == 1) {
                return Err(format!("message {position} breaks the order user, assistant, user …"));
            }
            if message.assistant {
                open = message.calls.iter().map(|(id, _)| id.as_str()).collect();
                if open.len() != message.calls.len() {
                    return Err(format!("message {position} uses a call id twice"));
                }
                continue;
            }
            for id in &message.results {
                if !open.remove(id.as_str()) {
                    return Err(format!("message {position} answers {id}, which is not an open call"));
                }
            }
            if let Some(id) = open.first() {
                return Err(format!("message {position} leaves call {id} unanswered"));
            }
        }
        match self.messages.last() {
            None => Err("there are no messages".into()),
            Some(last) if last.assistant => Err("the last message is the assistant's".into()),
            Some(_) => Ok(()),
        }
    }

    /// What the scene expects: its own turns in the history, its tools on offer, and its words in the results.
    pub(crate) fn check_scene(&self, scene: &Scene, number: usize) -> Result<(), String> {
        let at = |number: usize| format!("scene {}, turn {}", scene.name, number + 1);
        let history = self.messages.iter().filter(|message| message.assistant);
        for (played, (message, turn)) in history.zip(&scene.turns).enumerate() {
            let same = message.calls.len() == turn.calls.len()
                && message.calls.iter().zip(&turn.calls).all(|((_, seen), scripted)| seen == scripted);
            if !same || message.text != turn.text {
                return Err(format!("{}: the history does not hold what was said", at(played)));
            }
        }
        let turn = &scene.turns[number];
        if let Some(call) = turn.calls.iter().find(|call| !self.tools.contains(&call.tool)) {
            return Err(format!("{}: the tool {} is not on offer", at(number), call.tool));
        }
        let newest = self.messages.last().map(|message| message.text.as_str()).unwrap_or_default();
        match turn.expects.iter().find(|text| !newest.contains(*text)) {
            Some(missing) => Err(format!("{}: expected {missing:?} in: {}", at(number), shortened(newest))),
            None => Ok(()),
        }
    }
}

/// The end of a long text: results end with how it went.
fn shortened(text: &str) -> String {
    let skipped = text.chars().count().saturating_sub(1_500);
    text.chars().skip(skipped).collect()
}

/// Text of a field that is a string, or a list of parts with a `text`.
pub(crate) fn plain_text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n"),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => String::new(),
    }
}
