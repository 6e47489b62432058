//! What a reviewer wants, thread by thread, and what the coder says to each of them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::prompt::Statement;

/// Longest reply in a thread, in characters.
const MAX_REPLY_CHARS: usize = 2_000;

/// A thread of a review, as the coder is shown it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewThread {
    /// Its name in this task, such as `T1`.
    pub key: String,
    /// Where it stands, such as `src/a.py, line 12`.
    pub place: String,
    /// The lines of the diff it is about; empty for the review's own text.
    pub hunk: String,
    /// What was said in it, oldest first.
    pub words: Vec<Statement>,
}

/// What the coder says to one thread.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ThreadAnswer {
    /// The thread's name in the task.
    pub thread: String,
    pub verdict: ThreadVerdict,
    /// To the person who wrote it.
    pub reply: String,
}

/// What became of a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThreadVerdict {
    /// It asked for a change, and the change was made.
    Changed,
    /// It asked something, or only remarked it.
    Answered,
    /// It asked for a change that was not made.
    Declined,
}

/// What is wrong with the answers, in words for the model: each thread is answered once, and no other.
pub(super) fn fault(threads: &[ReviewThread], answers: &[ThreadAnswer]) -> Option<String> {
    let wanted: BTreeSet<&str> = threads.iter().map(|thread| thread.key.as_str()).collect();
    let mut given = BTreeSet::new();
    for answer in answers {
        let key = answer.thread.as_str();
        if !wanted.contains(key) {
            let known: Vec<&str> = wanted.iter().copied().collect();
            return Some(format!("there is no thread {key:?}; the threads are {}", known.join(", ")));
        }
        if !given.insert(key) {
            return Some(format!("{key} has two verdicts; give one"));
        }
        if answer.reply.trim().is_empty() || answer.reply.chars().count() > MAX_REPLY_CHARS {
            return Some(format!("the reply to {key} is empty or longer than {MAX_REPLY_CHARS} characters"));
        }
    }
    let missing: Vec<&str> = wanted.difference(&given).copied().collect();
    (!missing.is_empty()).then(|| format!("these threads have no verdict yet: {}", missing.join(", ")))
}

/// The part of the coder's `submit` that asks for the verdicts.
pub(super) fn schema(threads: &[ReviewThread]) -> Value {
    let keys: Vec<&str> = threads.iter().map(|thread| thread.key.as_str()).collect();
    let answer = json!({
        "type": "object", "additionalProperties": false, "required": ["thread", "verdict", "reply"],
        "properties": {
            "thread": { "enum": keys },
            "verdict": { "enum": ["changed", "answered", "declined"] },
            "reply": { "type": "string", "description": "To the person who wrote it: what you did and why, the answer, or the reason." },
        },
    });
    json!({ "type": "array", "description": "One verdict for each thread of the review.", "items": answer })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thread_is_answered_once() {
        let thread = |key: &str| ReviewThread {
            key: key.to_owned(),
            place: "a.py, line 1".to_owned(),
            hunk: String::new(),
            words: vec![],
        };
        let answer = |key: &str, reply: &str| ThreadAnswer {
            thread: key.to_owned(),
            verdict: ThreadVerdict::Answered,
            reply: reply.to_owned(),
        };
        let threads = [thread("T1"), thread("T2")];
        assert_eq!(fault(&threads, &[answer("T2", "No."), answer("T1", "Yes.")]), None);
        for (answers, expected) in [
            (vec![], "these threads have no verdict yet: T1, T2"),
            (vec![answer("T2", "No.")], "these threads have no verdict yet: T1"),
            (vec![answer("T3", "No.")], "there is no thread \"T3\"; the threads are T1, T2"),
            (vec![answer("T1", "No."), answer("T1", "Yes.")], "T1 has two verdicts; give one"),
            (vec![answer("T1", " ")], "the reply to T1 is empty or longer than 2000 characters"),
        ] {
            assert_eq!(fault(&threads, &answers).as_deref(), Some(expected));
        }
        assert_eq!(fault(&[], &[answer("T1", "No.")]).as_deref(), Some("there is no thread \"T1\"; the threads are "));
    }
}
