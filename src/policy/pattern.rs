//! Path patterns, as people know them from `.gitignore`, reduced to what can be said in three lines: `*` and `?` stay
//! within one part of a path, `**` as a part of its own stands for any number of parts, and a trailing `/` means everything
//! below. A pattern always covers the whole path from the root.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

/// Longest pattern, in characters; bounds the work of matching.
const PATTERN_CHARS: usize = 200;

/// A checked pattern.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
pub struct Pattern(String);

/// Why a pattern was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    #[error("a path pattern has 1 to {PATTERN_CHARS} characters")]
    Length,
    #[error("a path pattern starts at the repository's root: no leading `/`, no `.`, `..` or empty part, no `\\`")]
    Path,
    #[error("`**` in a path pattern must be a part of its own, as in `docs/**/*.md`")]
    DoubleStar,
}

impl std::str::FromStr for Pattern {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, InvalidPattern> {
        if text.is_empty() || text.chars().count() > PATTERN_CHARS {
            return Err(InvalidPattern::Length);
        }
        let mut parts = text.strip_suffix('/').unwrap_or(text).split('/');
        if text.contains(['\\', '\n', '\0']) || parts.clone().any(|part| matches!(part, "" | "." | "..")) {
            return Err(InvalidPattern::Path);
        }
        if parts.any(|part| part != "**" && part.contains("**")) {
            return Err(InvalidPattern::DoubleStar);
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for Pattern {
    type Error = InvalidPattern;

    fn try_from(text: String) -> Result<Self, InvalidPattern> {
        text.parse()
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Pattern {
    /// Whether the pattern covers this path, letter by letter.
    pub fn matches(&self, path: &str) -> bool {
        matches_path(&self.0, path)
    }

    /// Whether the pattern covers this path on a file system that folds case and ignores invisible characters. Used
    /// where missing a match would be the dangerous mistake.
    pub fn matches_folded(&self, path: &str) -> bool {
        matches_path(&folded(&self.0), &folded(path))
    }

    /// Whether work on this path may touch what the pattern covers, as [`Pattern::matches_folded`] judges. A folder,
    /// written with `/` at its end, stands for everything below it, so a pattern that begins below it is concerned.
    pub fn may_concern(&self, path: &str) -> bool {
        let begins_with = self.0.split_inclusive('/').take_while(|part| !part.contains(['*', '?']));
        let begins_with: String = begins_with.collect();
        self.matches_folded(path) || (path.ends_with('/') && folded(&begins_with).starts_with(&folded(path)))
    }
}

pub(super) fn matches_path(pattern: &str, path: &str) -> bool {
    let mut parts: Vec<&str> = pattern.strip_suffix('/').unwrap_or(pattern).split('/').collect();
    let path: Vec<&str> = path.split('/').collect();
    if pattern.ends_with('/') {
        // Everything below, but not a file of that name.
        parts.extend(["*", "**"]);
    }
    match_sequence(&parts, &path, |part| *part == "**", |part, name| matches_part(part, name))
}

fn matches_part(part: &str, name: &str) -> bool {
    let part: Vec<char> = part.chars().collect();
    let name: Vec<char> = name.chars().collect();
    match_sequence(&part, &name, |c| *c == '*', |c, other| *c == '?' || c == other)
}

/// The classic wildcard walk: remember the last star, and on a mismatch let it swallow one more. At most
/// pattern × text steps.
fn match_sequence<P, T>(
    pattern: &[P],
    text: &[T],
    is_star: impl Fn(&P) -> bool,
    matches: impl Fn(&P, &T) -> bool,
) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star = None;
    while t < text.len() {
        if p < pattern.len() && is_star(&pattern[p]) {
            star = Some((p, t));
            p += 1;
        } else if p < pattern.len() && matches(&pattern[p], &text[t]) {
            p += 1;
            t += 1;
        } else if let Some((star_p, star_t)) = star {
            star = Some((star_p, star_t + 1));
            p = star_p + 1;
            t = star_t + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(is_star)
}

/// Lower case, without the characters that HFS+ ignores in names.
pub(super) fn folded(text: &str) -> String {
    let ignored = |c: &char| matches!(c, '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{206a}'..='\u{206f}' | '\u{200b}' | '\u{feff}');
    text.chars().filter(|c| !ignored(c)).flat_map(char::to_lowercase).collect()
}
