//! Who owns which files, by the repository's `CODEOWNERS`.
//!
//! <https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners>

use std::collections::BTreeMap;

use super::pattern::matches_path;
use crate::ids::Mention;

/// Where the file may lie; the first that is there counts.
pub const OWNERS_PATHS: [&str; 3] = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"];

/// Most lines that are read; each file is compared with every one.
const LINES: usize = 2_000;

/// Longest pattern, in characters; bounds the work of matching.
const PATTERN_CHARS: usize = 200;

/// One line: the later one wins.
struct Line {
    patterns: Vec<String>,
    owners: Vec<Mention>,
}

/// Who owns these files, whoever owns most of them first. Lines that GitHub would skip are skipped, and so are owners that
/// are named by their mail, whom no comment can call.
pub fn code_owners(text: &str, files: &[&str]) -> Vec<Mention> {
    let lines: Vec<Line> = text.lines().take(LINES).filter_map(line).collect();
    let mut owned: BTreeMap<Mention, usize> = BTreeMap::new();
    for file in files {
        let last = lines.iter().rev().find(|line| line.patterns.iter().any(|pattern| matches_path(pattern, file)));
        for owner in last.into_iter().flat_map(|line| &line.owners) {
            *owned.entry(owner.clone()).or_default() += 1;
        }
    }
    let mut owners: Vec<(Mention, usize)> = owned.into_iter().collect();
    owners.sort_by_key(|(_, files)| std::cmp::Reverse(*files));
    owners.into_iter().map(|(owner, _)| owner).collect()
}

/// A line that says something. One without owners takes them from what an earlier line gave.
fn line(text: &str) -> Option<Line> {
    let mut words = words(text).into_iter();
    let patterns = patterns(&words.next()?)?;
    let owners = words.filter_map(|word| word.strip_prefix('@')?.parse().ok()).collect();
    Some(Line { patterns, owners })
}

/// The words up to a comment; a backslash takes a blank or `#` into a word.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        let Some(word) = words.last_mut() else { break };
        match letter {
            '\\' => word.extend(letters.next()),
            '#' => break,
            letter if letter.is_whitespace() => words.push(String::new()),
            letter => word.push(letter),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// What a pattern covers, in patterns of our own. `!` and `[…]` mean nothing here.
fn patterns(word: &str) -> Option<Vec<String>> {
    if word.starts_with('!') || word.contains('[') || word.chars().count() > PATTERN_CHARS {
        return None;
    }
    let path = word.trim_start_matches('/');
    let whole = path.trim_end_matches('/');
    let last = whole.rsplit('/').next().filter(|last| !last.is_empty())?;
    let is_anchored = word.starts_with('/') || whole.contains('/');
    let start = if is_anchored { "" } else { "**/" };
    let below = format!("{start}{whole}/");
    // `docs/*` covers no deeper file, while the name of a folder covers everything in it.
    Some(match (path.ends_with('/'), last.contains('*')) {
        (true, _) => vec![below],
        (false, true) => vec![format!("{start}{whole}")],
        (false, false) => vec![format!("{start}{whole}"), below],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owners(text: &str, files: &[&str]) -> String {
        let owners = code_owners(text, files);
        owners.iter().map(|owner| format!("@{owner}")).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_last_line_that_matches_names_the_owners() {
        let text = "\
# Everything
*            @everybody
*.js         @js-owner  # inline
/build/logs/ @doctocat
docs/*       docs@example.com @octo/docs
apps/        @octocat
/scripts     @doctocat @octocat
**/logs      @logger
/apps/github
with\\ blank @blanky
![no]        @nobody
src/[ab]     @nobody
bad..name    @../../etc @a/b/c @-x
";
        let table = [
            ("lib/readme", "@everybody"),
            ("web/a.js", "@js-owner"),
            ("build/logs/x/y.txt", "@logger"),
            ("old/build/logs/x", "@logger"),
            ("docs/start.md", "@octo/docs"),
            ("docs/deep/start.md", "@everybody"),
            ("x/apps/y/z", "@octocat"),
            ("apps/github/a", ""),
            ("scripts/run", "@doctocat @octocat"),
            ("with blank", "@blanky"),
            ("src/a", "@everybody"),
            ("bad..name", "@-x"),
        ];
        for (file, expected) in table {
            assert_eq!(owners(text, &[file]), expected, "{file}");
        }
    }

    #[test]
    fn who_owns_most_is_named_first() {
        let text = "* @one\nsrc/ @two @octo/three\n";
        assert_eq!(owners(text, &["a", "src/a", "src/b"]), "@octo/three @two @one");
        assert_eq!(owners("", &["a"]), "");
        assert_eq!(owners(&"\u{0}[\\".repeat(100), &["a"]), "");
    }
}
