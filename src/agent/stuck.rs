//! Notices an agent that goes in circles. Pure: looks at the transcript only, so a resumed session judges the same.

use super::transcript::{Answer, Entry, Grade, NoteKind, Transcript};
use crate::llm::Block;

/// The same call with the same result, in a row.
const SAME: usize = 4;
/// The same call failing, in a row.
const SAME_FAILURE: usize = 3;
/// Turns without a call, in a row.
const TALK: usize = 3;
/// Two calls taking turns.
const ALTERNATING: usize = 6;

/// What to do about the newest turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Fine,
    /// Tell the agent, once.
    Nudge,
    /// It was told, and goes on.
    Stop,
}

/// What one turn did, as far as repetition is concerned.
#[derive(Debug, PartialEq)]
enum Step<'a> {
    Talk,
    Act { calls: Vec<(&'a str, &'a serde_json::Value)>, results: Vec<String>, failed: bool },
}

/// Judges the turns since the last nudge.
pub(super) fn verdict(transcript: &Transcript) -> Verdict {
    let entries = transcript.entries();
    let is_nudge = |entry: &Entry| match entry {
        Entry::Results { notes, .. } => notes.iter().any(|note| note.kind == NoteKind::Nudge),
        Entry::Opening { .. } | Entry::Assistant { .. } => false,
    };
    let nudged = entries.iter().rposition(is_nudge);
    let steps = steps(&entries[nudged.map_or(0, |position| position + 1)..]);
    match (repeats(&steps), nudged) {
        (false, _) => Verdict::Fine,
        (true, None) => Verdict::Nudge,
        (true, Some(_)) => Verdict::Stop,
    }
}

fn repeats(steps: &[Step<'_>]) -> bool {
    let last = |count: usize| steps.len().checked_sub(count).map(|start| &steps[start..]);
    let failing_call = |step: &Step<'_>| match step {
        Step::Act { failed, .. } => *failed,
        Step::Talk => false,
    };
    let same_call = |a: &Step<'_>, b: &Step<'_>| match (a, b) {
        (Step::Act { calls: a, .. }, Step::Act { calls: b, .. }) => a == b,
        (Step::Talk, _) | (_, Step::Talk) => false,
    };
    last(TALK).is_some_and(|steps| steps.iter().all(|step| *step == Step::Talk))
        || last(SAME).is_some_and(|steps| steps[0] != Step::Talk && steps.iter().all(|step| *step == steps[0]))
        || last(SAME_FAILURE)
            .is_some_and(|steps| steps.iter().all(|step| failing_call(step) && same_call(step, &steps[0])))
        || last(ALTERNATING)
            .is_some_and(|steps| steps[0] != steps[1] && steps.windows(3).all(|window| window[0] == window[2]))
}

fn steps(entries: &[Entry]) -> Vec<Step<'_>> {
    let mut steps = Vec::new();
    let mut pending: Option<&[Block]> = None;
    for entry in entries {
        match entry {
            Entry::Opening { .. } => {}
            Entry::Assistant { blocks, .. } => pending = Some(blocks),
            Entry::Results { answers, .. } => steps.extend(pending.take().map(|blocks| step(blocks, answers))),
        }
    }
    steps
}

fn step<'a>(blocks: &'a [Block], answers: &[Answer]) -> Step<'a> {
    let calls: Vec<_> = blocks
        .iter()
        .filter_map(|block| match block {
            Block::ToolUse { name, input, .. } => Some((name.as_str(), input)),
            Block::Text { .. } | Block::Thinking { .. } | Block::ToolResult { .. } => None,
        })
        .collect();
    if calls.is_empty() {
        return Step::Talk;
    }
    Step::Act {
        calls,
        results: answers.iter().map(|answer| without_numbers(&answer.content)).collect(),
        failed: answers.iter().all(|answer| answer.grade != Grade::Fine),
    }
}

/// Durations, process ids and addresses differ between runs of the same command; that is no progress.
fn without_numbers(text: &str) -> String {
    text.chars().filter(|c| !c.is_ascii_digit()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        agent::transcript::Note,
        llm::{StopCause, Usage},
    };

    /// `a!`: call a fails; `a`: call a works; `-`: talk; `N`: a nudge after the turn before.
    fn transcript(script: &str) -> Transcript {
        let mut transcript = Transcript::default();
        for (number, word) in script.split_whitespace().enumerate() {
            let (name, grade) = match word.strip_suffix('!') {
                Some(name) => (name, Grade::Failed),
                None => (word.trim_end_matches('N'), Grade::Fine),
            };
            let call = Block::ToolUse { id: number.to_string(), name: name.into(), input: serde_json::json!({}) };
            let blocks = if name == "-" { vec![Block::text("hm")] } else { vec![call] };
            let answers = if name == "-" {
                vec![]
            } else {
                vec![Answer { id: number.to_string(), content: format!("done in 0.{number} s"), grade }]
            };
            let notes =
                if word.ends_with('N') { vec![Note { kind: NoteKind::Nudge, text: String::new() }] } else { vec![] };
            transcript.push(Entry::Assistant { masked: 0, blocks, stop: StopCause::Finished, usage: Usage::default() });
            transcript.push(Entry::Results { answers, notes });
        }
        transcript
    }

    #[test]
    fn circles_are_nudged_once_and_then_stopped() {
        for (script, expected) in [
            ("", Verdict::Fine),
            ("a a a", Verdict::Fine),
            ("a a a a", Verdict::Nudge),
            ("b a a a a", Verdict::Nudge),
            ("a a a a b", Verdict::Fine),
            ("a! a!", Verdict::Fine),
            ("a! a! a!", Verdict::Nudge),
            ("a! b! a!", Verdict::Fine),
            ("- -", Verdict::Fine),
            ("- - -", Verdict::Nudge),
            ("a b a b a", Verdict::Fine),
            ("a b a b a b", Verdict::Nudge),
            ("a b c a b c a b c", Verdict::Fine),
            ("a a a aN", Verdict::Fine),
            ("a a a aN a a a", Verdict::Fine),
            ("a a a aN a a a a", Verdict::Stop),
            ("a a a aN b - - -", Verdict::Stop),
        ] {
            assert_eq!(verdict(&transcript(script)), expected, "{script:?}");
        }
    }
}
