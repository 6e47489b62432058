//! From the log of a job, as GitHub serves it, to the part a reader needs.
//!
//! The log is a stranger's text: whoever can open a pull request decides what stands in it. Nothing here makes it safe to
//! show or to obey; it only becomes shorter and readable.

/// Lines of the failing step's beginning that are kept when its middle is left out: the command and its environment.
const HEAD_LINES: usize = 12;

/// Longest single line that is kept, in characters; minified code and progress bars are longer.
const LINE_CHARS: usize = 400;

/// The log without what only terminals and GitHub's page need: byte order mark, timestamps, colours, overwritten
/// progress.
pub fn clean(log: &str) -> String {
    let mut text = String::with_capacity(log.len());
    for line in log.trim_start_matches('\u{feff}').lines() {
        let line = visible(line.trim_start_matches('\u{feff}'));
        let line = without_timestamp(&line);
        text.extend(line.trim_end().chars().take(LINE_CHARS));
        text.push('\n');
    }
    text
}

/// What a terminal would leave standing of a line.
fn visible(line: &str) -> String {
    let last = line.trim_end_matches('\r').rsplit('\r').next().unwrap_or_default();
    let mut text = String::with_capacity(last.len());
    let mut characters = last.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' => skip_sequence(&mut characters),
            '\t' => text.push_str("    "),
            _ if character.is_control() => {}
            _ => text.push(character),
        }
    }
    text
}

/// `ESC [ … letter`, `ESC ] … BEL`, or `ESC` and one more.
fn skip_sequence(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match characters.next() {
        Some('[') => while characters.next().is_some_and(|c| !c.is_ascii_alphabetic()) {},
        Some(']') => while characters.next().is_some_and(|c| c != '\u{7}') {},
        Some(_) | None => {}
    }
}

/// GitHub puts `2026-01-31T10:20:30.1234567Z ` before each line.
fn without_timestamp(line: &str) -> &str {
    let Some((stamp, rest)) = line.split_once(' ') else {
        return if is_timestamp(line) { "" } else { line };
    };
    if is_timestamp(stamp) { rest } else { line }
}

fn is_timestamp(word: &str) -> bool {
    let bytes = word.as_bytes();
    (20..=32).contains(&bytes.len())
        && bytes.ends_with(b"Z")
        && bytes[4] == b'-'
        && bytes[10] == b'T'
        && bytes.iter().all(|byte| byte.is_ascii_digit() || b"-:.TZ".contains(byte))
}

/// Marks of GitHub's runner.
const GROUP: &str = "##[group]";
const ERROR: &str = "##[error]";

/// The failing step of a cleaned log, at most `max_chars` of it: its beginning and, above all, its end.
pub fn excerpt(clean: &str, max_chars: usize) -> String {
    let lines: Vec<&str> = clean.lines().collect();
    let Some(first_error) = lines.iter().position(|line| line.starts_with(ERROR)) else {
        return cut(&lines, max_chars);
    };
    let begins = |line: &&str| line.starts_with("##[group]Run ");
    let start = lines[..first_error].iter().rposition(begins).unwrap_or(0);
    let next_step = lines[first_error..].iter().position(begins).map_or(lines.len(), |at| first_error + at);
    let last_error = lines[..next_step].iter().rposition(|line| line.starts_with(ERROR)).unwrap_or(first_error);
    let shown: Vec<&str> = lines[start..=last_error]
        .iter()
        .filter(|line| !line.starts_with("##[endgroup]"))
        .map(|line| line.strip_prefix(GROUP).unwrap_or(line))
        .map(|line| line.strip_prefix("##").unwrap_or(line))
        .collect();
    cut(&shown, max_chars)
}

fn cut(lines: &[&str], max_chars: usize) -> String {
    let length = |lines: &[&str]| lines.iter().map(|line| line.chars().count() + 1).sum::<usize>();
    if length(lines) <= max_chars {
        return lines.join("\n");
    }
    let head: Vec<&str> = lines.iter().take(HEAD_LINES).copied().collect();
    let head = if length(&head) <= max_chars / 4 { head } else { vec![] };
    let mut left = max_chars.saturating_sub(length(&head) + 40);
    let mut tail = Vec::new();
    for line in lines[head.len()..].iter().rev() {
        let chars = line.chars().count() + 1;
        if chars > left {
            break;
        }
        left -= chars;
        tail.push(*line);
    }
    tail.reverse();
    let missing = format!("[{} lines left out]", lines.len() - head.len() - tail.len());
    head.into_iter().chain([missing.as_str()]).chain(tail).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LOG: &str = "\u{feff}2026-01-31T10:20:30.1234567Z Current runner version: '2.328.0'\n\
        2026-01-31T10:20:30.1234567Z ##[group]Run actions/checkout@v4\n\
        2026-01-31T10:20:30.1234567Z ##[endgroup]\n\
        2026-01-31T10:20:31.1234567Z ##[group]Run make test\n\
        2026-01-31T10:20:31.1234567Z \u{1b}[36;1mmake test\u{1b}[0m\n\
        2026-01-31T10:20:31.1234567Z shell: /usr/bin/bash -e {0}\n\
        2026-01-31T10:20:31.1234567Z ##[endgroup]\n\
        2026-01-31T10:20:32.1234567Z 10%\r 50%\r100%\r\n\
        2026-01-31T10:20:33.1234567Z \u{1b}[31mFAILED\u{1b}[0m tests/test_dates.py::test_old - assert 1 == 2\n\
        2026-01-31T10:20:33.1234567Z \n\
        2026-01-31T10:20:33.1234567Z ##[error]Process completed with exit code 1.\n\
        2026-01-31T10:20:34.1234567Z ##[group]Run actions/upload-artifact@v4\n\
        2026-01-31T10:20:34.1234567Z Cleaning up orphan processes\n";

    #[test]
    fn the_failing_step_is_found_and_can_be_read() {
        insta::assert_snapshot!(excerpt(&clean(LOG), 4_000), @r"
        Run make test
        make test
        shell: /usr/bin/bash -e {0}
        100%
        FAILED tests/test_dates.py::test_old - assert 1 == 2

        [error]Process completed with exit code 1.
        ");
    }

    #[test]
    fn of_a_long_step_the_beginning_and_the_end_are_shown() {
        let noise: String = (0..2_000).map(|number| format!("building {number}\n")).collect();
        let log = format!("##[group]Run make\n{noise}FAILED at last\n##[error]Process completed with exit code 2.\n");
        let shown = excerpt(&clean(&log), 1_200);
        assert!(shown.starts_with("Run make\nbuilding 0\n"), "{shown}");
        assert!(shown.contains("lines left out]"), "{shown}");
        assert!(shown.ends_with("FAILED at last\n[error]Process completed with exit code 2."), "{shown}");
    }

    #[test]
    fn without_the_runner_s_marks_the_end_is_shown() {
        assert_eq!(excerpt("one\ntwo\nthree\n", 10), "[3 lines left out]");
        assert_eq!(excerpt(&clean("2026-01-31T10:20:30Z one\r\ntwo"), 100), "one\ntwo");
        assert_eq!(excerpt("", 100), "");
    }

    proptest! {
        #[test]
        fn any_log_becomes_short_and_plain(log in "(\u{feff}|[ -~]|\r|\n|\t|\u{1b}\\[|\u{1b}\\]|##\\[error\\]|##\\[group\\]Run |é){0,300}", max in 60_usize..400) {
            let shown = excerpt(&clean(&log), max);
            prop_assert!(shown.chars().count() <= max, "{} > {max}", shown.chars().count());
            prop_assert!(!shown.contains(|c: char| c.is_control() && c != '\n'));
        }
    }
}
