//! A command and what became of it.

use std::time::Duration;

use wiz_runner::protocol::{CutShort, Ran, RanEnd};

/// Bytes kept of a command's output, from its beginning and again from its end.
pub const KEEP_BYTES: usize = 64 * 1024;

/// A shell command for a box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Text for `/bin/sh -c`, run in the workspace.
    pub script: String,
    /// After this the command and all of its process group are killed.
    pub timeout: Duration,
    /// Variables beside those of the image. Never a secret: every process in the box can read them.
    pub env: Vec<(String, String)>,
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandOutcome {
    pub end: CommandEnd,
    pub output: Output,
    pub duration: Duration,
    /// The box had no process left for this command, so all background processes were killed before it.
    pub cleared_processes: bool,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandEnd {
    /// The shell ended with this code.
    Exited(i32),
    /// A signal ended the shell.
    Signalled(i32),
    /// Its time was over.
    TimedOut,
    /// wiz ended it because nobody waited any more.
    Stopped,
    /// It failed while the kernel killed processes of the box for want of memory.
    OutOfMemory,
    /// It killed or stopped the box's runner. Every process of the box was killed, and the output is lost.
    RunnerKilled,
}

impl CommandEnd {
    /// Whether the command ended well.
    pub fn is_success(self) -> bool {
        self == Self::Exited(0)
    }
}

/// Standard output and error in the order they came, cut in the middle when there is too much.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    /// The beginning.
    pub head: Vec<u8>,
    /// The end, when the beginning is not all.
    pub tail: Vec<u8>,
    /// Bytes between the two that were thrown away.
    pub cut_bytes: u64,
    /// A file in the box with the whole output, when there is much.
    pub whole_in: Option<String>,
}

impl Output {
    /// The output as text of at most about `max_chars` characters, half from its head and half from its tail, with a
    /// line between them that says what is missing and where it is.
    pub fn text(&self, max_chars: usize) -> String {
        let (head, tail) = (String::from_utf8_lossy(&self.head), String::from_utf8_lossy(&self.tail));
        let whole = format!("{head}{tail}");
        if self.cut_bytes == 0 && whole.chars().count() <= max_chars {
            return whole;
        }
        let (front, back): (&str, &str) = if self.cut_bytes == 0 { (&whole, &whole) } else { (&head, &tail) };
        let half = max_chars / 2;
        let first: String = front.chars().take(half).collect();
        let last: String = back.chars().skip(back.chars().count().saturating_sub(half)).collect();
        let shown = u64::try_from(first.len() + last.len()).unwrap_or(u64::MAX);
        let missing = self.total_bytes().saturating_sub(shown);
        let place = self.whole_in.as_ref().map(|path| format!("; the whole output is in {path}")).unwrap_or_default();
        format!("{first}\n[… {missing} bytes left out{place} …]\n{last}")
    }

    /// All bytes the command wrote.
    pub fn total_bytes(&self) -> u64 {
        u64::try_from(self.head.len() + self.tail.len()).unwrap_or(u64::MAX).saturating_add(self.cut_bytes)
    }
}

impl CommandOutcome {
    /// Reads the runner's answer. An exit code counts as out of memory only when it is a failure.
    pub fn from_ran(ran: Ran, body: Vec<u8>) -> Self {
        let end = match (ran.cut_short, ran.end) {
            (Some(CutShort::TimedOut), _) => CommandEnd::TimedOut,
            (Some(CutShort::Stopped), _) => CommandEnd::Stopped,
            (None, RanEnd::Exited(0)) => CommandEnd::Exited(0),
            (None, _) if ran.oom_kills > 0 => CommandEnd::OutOfMemory,
            (None, RanEnd::Exited(code)) => CommandEnd::Exited(code),
            (None, RanEnd::Signalled(signal)) => CommandEnd::Signalled(signal),
            (None, RanEnd::Stuck) => CommandEnd::TimedOut,
        };
        let mut head = body;
        let tail = head.split_off(ran.head_bytes.min(head.len()));
        let kept = u64::try_from(head.len() + tail.len()).unwrap_or(u64::MAX);
        let output = Output { cut_bytes: ran.total_bytes.saturating_sub(kept), head, tail, whole_in: ran.spool };
        let duration = Duration::from_millis(ran.duration_ms);
        Self { end, output, duration, cleared_processes: ran.cleared_processes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_output_is_shown_from_both_ends() {
        let output = |head: &str, tail: &str, cut_bytes, whole_in: Option<&str>| Output {
            head: head.into(),
            tail: tail.into(),
            cut_bytes,
            whole_in: whole_in.map(Into::into),
        };
        assert_eq!(output("abc", "", 0, None).text(10), "abc");
        assert_eq!(output("abcdefgh", "ij", 0, None).text(10), "abcdefghij");
        insta::assert_snapshot!(output("abcdefgh", "ij", 0, Some("/tmp/output/1.txt")).text(4), @r"
        ab
        [… 6 bytes left out; the whole output is in /tmp/output/1.txt …]
        ij
        ");
        insta::assert_snapshot!(output("abcd", "wxyz", 1000, None).text(6), @r"
        abc
        [… 1002 bytes left out …]
        xyz
        ");
    }

    #[test]
    fn want_of_memory_is_told_from_an_ordinary_failure() {
        let ran = |end, oom_kills, cut_short| Ran {
            end,
            cut_short,
            oom_kills,
            cleared_processes: false,
            head_bytes: 0,
            total_bytes: 0,
            spool: None,
            duration_ms: 1,
        };
        for (ran, end) in [
            (ran(RanEnd::Exited(0), 1, None), CommandEnd::Exited(0)),
            (ran(RanEnd::Exited(1), 0, None), CommandEnd::Exited(1)),
            (ran(RanEnd::Exited(137), 1, None), CommandEnd::OutOfMemory),
            (ran(RanEnd::Signalled(9), 0, None), CommandEnd::Signalled(9)),
            (ran(RanEnd::Signalled(9), 1, Some(CutShort::TimedOut)), CommandEnd::TimedOut),
            (ran(RanEnd::Stuck, 0, Some(CutShort::Stopped)), CommandEnd::Stopped),
        ] {
            assert_eq!(CommandOutcome::from_ran(ran, Vec::new()).end, end);
        }
    }
}
