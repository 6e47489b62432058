//! Which failure a text tells of: the same words without what differs from run to run.

use std::{collections::BTreeSet, fmt};

use sha2::{Digest as _, Sha256};

/// Most lines that make up a signature; more are the same failure, told again.
const LINES: usize = 60;
/// Lines of the end that count where no line looks like an error.
const LAST_LINES: usize = 15;
/// Characters of a signature: enough to tell a repository's failures apart.
const HEX_DIGITS: usize = 16;

/// Words by which a line that says what is wrong is known.
const SIGNS: [&str; 14] = [
    "error",
    "fail",
    "panic",
    "assert",
    "exception",
    "expected",
    "not found",
    "undefined",
    "cannot",
    "fatal",
    "mismatch",
    "refused",
    "unexpected",
    "no such",
];

/// The name of a failure: the same for two runs that failed for the same reason.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signature(String);

impl Signature {
    /// The signature of what a check printed; two checks never share one.
    pub fn of(check: &str, text: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(check);
        for line in essence(text) {
            hash.update("\n");
            hash.update(line);
        }
        Self(hex::encode(hash.finalize()).chars().take(HEX_DIGITS).collect())
    }

    /// A signature that was stored.
    pub fn stored(text: String) -> Self {
        Self(text)
    }

    /// Its digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The lines that matter, normalised, each once and sorted: tests that run side by side fail in any order.
fn essence(text: &str) -> BTreeSet<String> {
    let lines: Vec<String> = text.lines().map(normalised).filter(|line| !line.is_empty()).collect();
    let tells = |line: &&String| {
        let line = line.to_ascii_lowercase();
        SIGNS.iter().any(|sign| line.contains(sign))
    };
    let telling: BTreeSet<String> = lines.iter().filter(tells).take(LINES).cloned().collect();
    if telling.is_empty() { lines.into_iter().rev().take(LAST_LINES).collect() } else { telling }
}

/// A line without numbers, addresses, absolute paths, durations and times.
fn normalised(line: &str) -> String {
    line.split_whitespace().map(word).collect::<Vec<_>>().join(" ")
}

fn word(word: &str) -> String {
    let opens = |c: char| "\"'`([{<".contains(c);
    let closes = |c: char| "\"'`)]}>,;.:!".contains(c);
    let bare = word.trim_start_matches(opens).trim_end_matches(closes);
    if bare.contains('/') || bare.contains('\\') {
        return digits_replaced(&without_directories(bare));
    }
    if is_hexadecimal(bare) {
        return "#".to_owned();
    }
    digits_replaced(bare)
}

/// Of an absolute path only the last part, since a checkout or a temporary directory may lie anywhere.
fn without_directories(path: &str) -> String {
    let drive = path.as_bytes().get(1) == Some(&b':');
    if path.starts_with('/') || path.starts_with('~') || drive {
        path.rsplit(['/', '\\']).next().unwrap_or_default().to_owned()
    } else {
        path.to_owned()
    }
}

/// `0x7ffe…`, and long words of hexadecimal digits: commits, digests, addresses.
fn is_hexadecimal(word: &str) -> bool {
    let digits = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X"));
    match digits {
        Some(digits) => !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => {
            let digits = word.bytes().filter(u8::is_ascii_digit).count();
            word.len() >= 7 && digits > 0 && word.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
        }
    }
}

/// Each run of digits, with the dots, colons and signs within it, becomes `#`, and a unit of time behind it goes:
/// `1.25s`, `10:20:31`, `2026-01-31`.
fn digits_replaced(word: &str) -> String {
    let mut text = String::with_capacity(word.len());
    let mut characters = word.chars().peekable();
    while let Some(character) = characters.next() {
        if !character.is_ascii_digit() {
            text.push(character);
            continue;
        }
        while characters.peek().is_some_and(|next| next.is_ascii_digit() || ".,:-_".contains(*next)) {
            characters.next();
        }
        text.push('#');
    }
    for unit in ["#ms", "#µs", "#us", "#ns", "#s", "#m", "#h"] {
        if text == unit {
            return "#".to_owned();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_differs_from_run_to_run_does_not_count() {
        let same = [
            "FAILED tests/test_dates.py::test_old - assert 1 == 2\n3 failed, 10 passed in 1.25s",
            "FAILED tests/test_dates.py::test_old - assert 7 == 12\n3 failed, 12 passed in 0.98s",
            "3 failed, 10 passed in 12ms\nFAILED tests/test_dates.py::test_old - assert 1 == 2",
            "collected 13 items\nFAILED tests/test_dates.py::test_old - assert 1 == 2\n1 failed, 1 passed in 2s",
        ];
        let of = |text: &str| Signature::of("test", text);
        for text in same {
            assert_eq!(of(text), of(same[0]), "{text}");
        }
        assert_eq!(
            of("error: cannot open /tmp/tmp8f3a/work/src/main.c:12:5 at 0x7ffe12 in 3f9d2c1a"),
            of("error: cannot open /home/runner/work/src/main.c:90:1 at 0x55aa in 99e1c0ffee0"),
        );
    }

    #[test]
    fn what_tells_failures_apart_counts() {
        let texts = [
            "FAILED tests/test_dates.py::test_old - assert 1 == 2",
            "FAILED tests/test_dates.py::test_new - assert 1 == 2",
            "FAILED tests/test_times.py::test_old - assert 1 == 2",
            "error[E0308]: mismatched types",
            "done",
            "gone",
        ];
        let signatures: BTreeSet<Signature> = texts.iter().map(|text| Signature::of("test", text)).collect();
        assert_eq!(signatures.len(), texts.len());
        assert_ne!(Signature::of("test", texts[0]), Signature::of("lint", texts[0]), "two checks");
        assert_eq!(Signature::of("test", "").as_str().len(), HEX_DIGITS);
    }

    proptest! {
        #[test]
        fn numbers_never_count(text in "[a-z :/.-]{0,60}", one in 0_u32.., other in 0_u32..) {
            let with = |number: u32| format!("{text} error {number} at {number}ms");
            prop_assert_eq!(Signature::of("test", &with(one)), Signature::of("test", &with(other)));
        }
    }
}
