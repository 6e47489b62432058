//! Replaces one exact piece of a text by another, and says helpfully why it cannot.

use serde::{Deserialize, Serialize};

/// Most lines an [`EditFault`] names; more would not help anybody to find the right one.
const NAMED_LINES: usize = 5;

/// Longest line an [`EditFault`] quotes, in characters.
const QUOTED_CHARS: usize = 120;

/// Most lines compared when a near match is searched, so that a huge file costs no time.
const COMPARED_LINES: usize = 20_000;

/// Why an edit does not apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "edit", rename_all = "snake_case")]
pub enum EditFault {
    /// `old` is empty; there would be no place to put `new`.
    EmptyOld,
    /// `old` and `new` are the same.
    NoChange,
    /// `old` is not in the text; `nearest` are lines that look like its first line.
    NotFound { nearest: Vec<NearLine> },
    /// `old` is in the text more than once, at these lines, and not all were to be replaced.
    Ambiguous { count: u64, lines: Vec<u64> },
}

/// A line of the text, numbered from 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NearLine {
    pub line: u64,
    pub text: String,
}

impl std::fmt::Display for EditFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::EmptyOld => write!(f, "`old` is empty; give the exact text to replace"),
            Self::NoChange => write!(f, "`old` and `new` are the same"),
            Self::NotFound { nearest } if nearest.is_empty() => {
                write!(f, "`old` is not in the file; read it again and copy the text exactly")
            }
            Self::NotFound { nearest } => {
                write!(f, "`old` is not in the file; copy the text exactly. Lines that look like its first line:")?;
                nearest.iter().try_for_each(|near| write!(f, "\n{}: {}", near.line, near.text))
            }
            Self::Ambiguous { count, lines } => {
                let lines: Vec<_> = lines.iter().map(u64::to_string).collect();
                write!(
                    f,
                    "`old` is in the file {count} times (lines {}{}); add lines around it, or set replace_all",
                    lines.join(", "),
                    if u64::try_from(lines.len()).unwrap_or(0) < *count { ", …" } else { "" }
                )
            }
        }
    }
}

/// Replaces `old` by `new` in `text`: the only occurrence, or every one with `replace_all`. Gives the new text and the
/// number of replacements.
pub fn edit(text: &str, old: &str, new: &str, replace_all: bool) -> Result<(String, u64), EditFault> {
    if old.is_empty() {
        return Err(EditFault::EmptyOld);
    }
    if old == new {
        return Err(EditFault::NoChange);
    }
    let count = text.matches(old).count();
    let replacements = u64::try_from(count).unwrap_or(u64::MAX);
    match count {
        0 => Err(EditFault::NotFound { nearest: nearest_lines(text, old) }),
        1 => Ok((text.replacen(old, new, 1), 1)),
        _ if replace_all => Ok((text.replace(old, new), replacements)),
        _ => {
            let lines = text.match_indices(old).take(NAMED_LINES).map(|(at, _)| line_of(text, at)).collect();
            Err(EditFault::Ambiguous { count: replacements, lines })
        }
    }
}

fn line_of(text: &str, at: usize) -> u64 {
    let before = text.as_bytes().get(..at).unwrap_or_default();
    u64::try_from(before.iter().filter(|byte| **byte == b'\n').count()).unwrap_or(u64::MAX).saturating_add(1)
}

/// Lines whose words are mostly those of the first meaningful line of `old`: the usual mistake is white space, an
/// escaped character or one wrong word.
fn nearest_lines(text: &str, old: &str) -> Vec<NearLine> {
    let words = |line: &str| -> Vec<String> {
        line.split(|c: char| !c.is_alphanumeric() && c != '_')
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let Some(wanted) = old.lines().map(words).find(|words| !words.is_empty()) else { return Vec::new() };
    let mut scored: Vec<(usize, usize, &str)> = text
        .lines()
        .take(COMPARED_LINES)
        .enumerate()
        .filter_map(|(index, line)| {
            let found = words(line);
            let shared = wanted.iter().filter(|word| found.contains(word)).count();
            (shared * 2 >= wanted.len().max(1) && shared > 0).then_some((shared, index, line))
        })
        .collect();
    scored.sort_by_key(|(shared, index, _)| (std::cmp::Reverse(*shared), *index));
    scored
        .into_iter()
        .take(NAMED_LINES)
        .map(|(_, index, line)| NearLine {
            line: u64::try_from(index).unwrap_or(u64::MAX).saturating_add(1),
            text: line.chars().take(QUOTED_CHARS).collect(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_edit_is_exact_and_unique() {
        assert_eq!(edit("a\nb\n", "b", "c", false), Ok(("a\nc\n".into(), 1)));
        assert_eq!(edit("x x x", "x", "y", true), Ok(("y y y".into(), 3)));
        assert_eq!(edit("a", "", "b", false), Err(EditFault::EmptyOld));
        assert_eq!(edit("a", "a", "a", false), Err(EditFault::NoChange));
        let fault = edit("x\nx\n\nx\n", "x", "y", false).unwrap_err();
        assert_eq!(
            fault.to_string(),
            "`old` is in the file 3 times (lines 1, 2, 4); add lines around it, or set replace_all"
        );
    }

    #[test]
    fn a_miss_names_the_lines_that_look_like_it() {
        let fault = edit("fn add(a: i32) {\n\treturn a + 1;\n}\n", "    return a + 1;", "", false).unwrap_err();
        assert_eq!(
            fault.to_string(),
            "`old` is not in the file; copy the text exactly. Lines that look like its first line:\n2: \treturn a + 1;"
        );
    }

    proptest! {
        #[test]
        fn an_edit_changes_only_what_was_named(before in "[a-c\n]{0,20}", old in "[d-f]{1,5}", after in "[a-c\n]{0,20}", new in "\\PC{0,9}") {
            prop_assume!(old != new);
            let text = format!("{before}{old}{after}");
            prop_assert_eq!(edit(&text, &old, &new, false), Ok((format!("{before}{new}{after}"), 1)));
        }

        #[test]
        fn any_edit_ends_without_panic(text in "\\PC{0,60}", old in "\\PC{0,4}", new in "\\PC{0,4}", all in any::<bool>()) {
            if let Ok((result, replacements)) = edit(&text, &old, &new, all) {
                prop_assert!(replacements >= 1 && result != text || new.contains(&old) || text.contains(&old));
            }
        }
    }
}
