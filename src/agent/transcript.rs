//! The record of a session: entries that are only ever added, each bound to the one before by a hash.
//!
//! Everything the loop knows it derives from here, so a new process that reads the entries is where the old one was.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    ids::RunId,
    llm::{AgentRole, Block, Message, ModelName, Speaker, StopCause, Usage},
};

/// What stands in the place of tool output that was left out to save context.
const MASKED: &str = "[output left out to save context; make the call again if you need it]";
/// The hash before the first entry.
const NO_HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// One row of the transcript. Positions alternate: opening, assistant, results, assistant, …
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Entry {
    /// What the session was begun with.
    Opening { role: AgentRole, model: ModelName, system: String, task: String },
    /// One answer of the model.
    Assistant {
        /// Tool output before this position was left out of the request.
        masked: usize,
        blocks: Vec<Block>,
        stop: StopCause,
        usage: Usage,
    },
    /// What the loop said to it.
    Results { answers: Vec<Answer>, notes: Vec<Note> },
}

/// The answer to one tool call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    pub id: String,
    pub content: String,
    pub grade: Grade,
}

/// How a tool call went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    Fine,
    /// The call was understood and failed.
    Failed,
    /// The call was not understood.
    Malformed,
}

/// Words of the loop itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    pub kind: NoteKind,
    pub text: String,
}

/// Why the loop speaks up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteKind {
    /// The model called no tool.
    Reminder,
    /// The answer was cut at the output limit before any call.
    CutOff,
    /// The model repeats itself.
    Nudge,
    /// A limit is near.
    WrapUp,
}

/// The entries of one session, in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Transcript {
    entries: Vec<Entry>,
}

/// An entry as it is stored: its JSON and the hash beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredEntry {
    pub body: String,
    pub hash: String,
}

/// A stored entry that does not fit the hash beside it, or cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("entry {position} of session {step_key} {fault}")]
pub struct BrokenChain {
    pub step_key: String,
    pub position: usize,
    pub fault: &'static str,
}

/// Reads a session's stored entries, oldest first, and checks the whole chain; needs no database. Also gives the hash
/// that the next entry continues from.
pub fn read_chain(run: RunId, step_key: &str, rows: &[StoredEntry]) -> Result<(Transcript, String), BrokenChain> {
    let mut transcript = Transcript::default();
    let mut last_hash = NO_HASH.to_owned();
    for (position, row) in rows.iter().enumerate() {
        let broken = |fault| BrokenChain { step_key: step_key.to_owned(), position, fault };
        last_hash = entry_hash(&last_hash, run, step_key, position, &row.body);
        if last_hash != row.hash {
            return Err(broken("does not fit its hash"));
        }
        transcript.push(serde_json::from_str(&row.body).map_err(|_| broken("cannot be read"))?);
    }
    Ok((transcript, last_hash))
}

/// The hash that binds `body` to its place and to everything before it.
pub(super) fn entry_hash(prev_hash: &str, run: RunId, step_key: &str, position: usize, body: &str) -> String {
    let mut hasher = Sha256::new();
    // Lengths are fixed or followed by a byte that cannot occur in what they delimit.
    hasher.update(format!("{prev_hash}\n{run}\n{step_key}\n{position}\n"));
    hasher.update(body);
    hex::encode(hasher.finalize())
}

impl Transcript {
    /// The entries in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(super) fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// Model turns so far.
    pub fn turns(&self) -> u32 {
        let turns = self.entries.iter().filter(|entry| matches!(entry, Entry::Assistant { .. })).count();
        u32::try_from(turns).unwrap_or(u32::MAX)
    }

    /// Tokens of all turns.
    pub fn tokens(&self) -> u64 {
        self.usages().map(Usage::total).sum()
    }

    /// Tokens in the context after the newest turn.
    pub(super) fn context_tokens(&self) -> u64 {
        self.usages().last().map_or(0, Usage::total)
    }

    fn usages(&self) -> impl Iterator<Item = &Usage> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Assistant { usage, .. } => Some(usage),
            Entry::Opening { .. } | Entry::Results { .. } => None,
        })
    }

    /// The position before which the newest request left tool output out.
    pub(super) fn masked(&self) -> usize {
        let of = |entry: &Entry| match entry {
            Entry::Assistant { masked, .. } => Some(*masked),
            Entry::Opening { .. } | Entry::Results { .. } => None,
        };
        self.entries.iter().rev().find_map(of).unwrap_or(0)
    }

    /// The position of the oldest of the newest `kept` result entries.
    pub(super) fn position_before_last_results(&self, kept: usize) -> usize {
        let results = self.entries.iter().enumerate().filter(|(_, entry)| matches!(entry, Entry::Results { .. }));
        results.rev().take(kept).last().map_or(0, |(position, _)| position)
    }

    /// Result entries at positions from `from` up to, not including, `to`.
    pub(super) fn results_between(&self, from: usize, to: usize) -> usize {
        let range = self.entries.get(from..to.max(from)).unwrap_or_default();
        range.iter().filter(|entry| matches!(entry, Entry::Results { .. })).count()
    }

    /// How many of the newest result entries in a row speak of malformed calls.
    pub(super) fn malformed_in_a_row(&self) -> usize {
        let is_malformed = |entry: &Entry| match entry {
            Entry::Results { answers, notes } => Some(
                answers.iter().any(|answer| answer.grade == Grade::Malformed)
                    || notes.iter().any(|note| note.kind == NoteKind::CutOff),
            ),
            Entry::Opening { .. } | Entry::Assistant { .. } => None,
        };
        self.entries.iter().rev().filter_map(is_malformed).take_while(|malformed| *malformed).count()
    }

    /// Whether the loop has said a thing of this kind.
    pub(super) fn has_note(&self, kind: NoteKind) -> bool {
        self.entries.iter().any(|entry| match entry {
            Entry::Results { notes, .. } => notes.iter().any(|note| note.kind == kind),
            Entry::Opening { .. } | Entry::Assistant { .. } => false,
        })
    }

    /// The conversation as the model sees it, with tool output before `masked` left out.
    pub(super) fn messages(&self, masked: usize) -> Vec<Message> {
        self.entries.iter().enumerate().map(|(position, entry)| entry.message(position < masked)).collect()
    }
}

impl Entry {
    fn message(&self, is_masked: bool) -> Message {
        match self {
            Self::Opening { task, .. } => Message { speaker: Speaker::User, blocks: vec![Block::text(task)] },
            // Providers refuse an empty turn, although models make one now and then.
            Self::Assistant { blocks, .. } if blocks.is_empty() => {
                Message { speaker: Speaker::Assistant, blocks: vec![Block::text("(no answer)")] }
            }
            Self::Assistant { blocks, .. } => Message { speaker: Speaker::Assistant, blocks: blocks.clone() },
            Self::Results { answers, notes } => {
                let answers = answers.iter().map(|answer| Block::ToolResult {
                    id: answer.id.clone(),
                    content: if is_masked && answer.content.len() > MASKED.len() {
                        MASKED.to_owned()
                    } else {
                        answer.content.clone()
                    },
                    is_error: answer.grade != Grade::Fine,
                });
                let notes = notes.iter().map(|note| Block::text(&note.text));
                Message { speaker: Speaker::User, blocks: answers.chain(notes).collect() }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(answers: usize) -> Transcript {
        let mut transcript = Transcript::default();
        transcript.push(Entry::Opening {
            role: AgentRole::Coder,
            model: "anthropic/scripted".parse().unwrap(),
            system: "system".into(),
            task: "task".into(),
        });
        for number in 0..answers {
            let usage = Usage { input: 100, ..Usage::default() };
            transcript.push(Entry::Assistant { masked: 0, blocks: vec![], stop: StopCause::Finished, usage });
            let answer = Answer { id: number.to_string(), content: "x".repeat(200), grade: Grade::Fine };
            transcript.push(Entry::Results { answers: vec![answer], notes: vec![] });
        }
        transcript
    }

    fn stored(transcript: &Transcript) -> Vec<StoredEntry> {
        let mut hash = NO_HASH.to_owned();
        let entries = transcript.entries().iter().enumerate();
        entries
            .map(|(position, entry)| {
                let body = serde_json::to_string(entry).unwrap();
                hash = entry_hash(&hash, RunId(7), "work-1", position, &body);
                StoredEntry { body, hash: hash.clone() }
            })
            .collect()
    }

    #[test]
    fn a_chain_shows_every_change() {
        let transcript = session(2);
        let rows = stored(&transcript);
        assert_eq!(read_chain(RunId(7), "work-1", &rows).unwrap().0, transcript);
        let broken_at = |rows: &[StoredEntry]| read_chain(RunId(7), "work-1", rows).unwrap_err().position;

        let mut changed = rows.clone();
        changed[1].body = changed[1].body.replace("100", "101");
        assert_eq!(broken_at(&changed), 1);
        let mut dropped = rows.clone();
        dropped.remove(2);
        assert_eq!(broken_at(&dropped), 2);
        let mut swapped = rows.clone();
        swapped.swap(2, 4);
        assert_eq!(broken_at(&swapped), 2);
        assert!(read_chain(RunId(8), "work-1", &rows).is_err(), "an entry belongs to its run");
        assert!(read_chain(RunId(7), "work-2", &rows).is_err(), "and to its session");
    }

    #[test]
    fn old_output_is_left_out_of_the_conversation_only() {
        let transcript = session(3);
        let messages = transcript.messages(transcript.position_before_last_results(1));
        let shown: Vec<usize> = messages
            .iter()
            .flat_map(|message| &message.blocks)
            .filter_map(|block| match block {
                Block::ToolResult { content, .. } => Some(content.len()),
                Block::Text { .. } | Block::Thinking { .. } | Block::ToolUse { .. } => None,
            })
            .collect();
        assert_eq!(shown, [MASKED.len(), MASKED.len(), 200]);
        assert_eq!(transcript.messages(0).len(), transcript.entries().len());
    }
}
