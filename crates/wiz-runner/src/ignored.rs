//! Which untracked files are no work product: what the repository's `.gitignore` files name, and what build tools
//! leave behind even where a repository forgot to name it. Files that wiz loaded are never ignored.

use std::{
    os::fd::BorrowedFd,
    path::{Path, PathBuf},
};

use ignore::{
    Match,
    gitignore::{Gitignore, GitignoreBuilder},
};

use crate::export::small_file;

/// Weaker than any `.gitignore`, so that a repository can take each of these back.
const LEFT_BY_TOOLS: [&str; 8] =
    ["__pycache__/", "*.pyc", ".pytest_cache/", ".mypy_cache/", ".ruff_cache/", "node_modules/", ".DS_Store", "*.swp"];

/// A folder with this file holds nothing but a cache: cargo's `target`, pytest's and mypy's. <https://bford.info/cachedir/>
const CACHE_TAG: &str = "CACHEDIR.TAG";
const CACHE_TAG_START: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";

/// The rules of a folder and all above it.
pub struct Rules(Vec<Gitignore>);

impl Rules {
    /// The rules that hold even without a `.gitignore`.
    pub fn built_in() -> Self {
        Self(vec![parse(Path::new("/"), LEFT_BY_TOOLS.iter().copied())])
    }

    /// Adds the `.gitignore` of `folder`, whose path in the workspace is `path`; undone by [`Rules::leave`].
    pub fn enter(&mut self, folder: BorrowedFd<'_>, path: &Path) {
        let bytes = small_file(folder, ".gitignore").unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        self.0.push(parse(&rooted(path), text.lines()));
    }

    /// Forgets the folder entered last.
    pub fn leave(&mut self) {
        self.0.pop();
    }

    /// Whether the deepest rule that speaks of `path` says that it is ignored.
    pub fn ignore(&self, path: &Path, is_folder: bool) -> bool {
        let path = rooted(path);
        self.0
            .iter()
            .rev()
            .map(|rules| rules.matched(&path, is_folder))
            .find(|answer| !matches!(answer, Match::None))
            .is_some_and(|answer| answer.is_ignore())
    }
}

/// Whether `folder` says of itself that it is a cache.
pub fn is_cache(folder: BorrowedFd<'_>) -> bool {
    small_file(folder, CACHE_TAG).is_some_and(|bytes| bytes.starts_with(CACHE_TAG_START))
}

fn rooted(path: &Path) -> PathBuf {
    Path::new("/").join(path)
}

fn parse<'a>(root: &Path, lines: impl Iterator<Item = &'a str>) -> Gitignore {
    let mut builder = GitignoreBuilder::new(root);
    for line in lines {
        // Git ignores a pattern that it does not understand, too.
        drop(builder.add_line(None, line));
    }
    builder.build().unwrap_or_else(|_| Gitignore::empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deepest_rule_that_speaks_wins() {
        // Rules are asked only about what lies below the folders entered.
        let mut rules = Rules::built_in();
        rules.0.push(parse(Path::new("/"), ["*.log", "/build", "docs/*.tmp", "!keep.log"].into_iter()));
        let check = |rules: &Rules, cases: &[(&str, bool, bool)]| {
            for (path, is_folder, ignored) in cases {
                assert_eq!(rules.ignore(Path::new(path), *is_folder), *ignored, "{path}");
            }
        };
        check(
            &rules,
            &[
                ("a.log", false, true),
                ("keep.log", false, false),
                ("build", true, true),
                ("docs/x.tmp", false, true),
                ("only", false, false),
                ("deep/__pycache__", true, true),
                ("deep/__pycache__", false, false),
                ("node_modules", true, true),
                ("src/main.rs", false, false),
            ],
        );
        rules.0.push(parse(Path::new("/sub"), ["!*.log", "only", "/here"].into_iter()));
        check(
            &rules,
            &[
                ("sub/a.log", false, false),
                ("sub/build", true, false),
                ("sub/only", false, true),
                ("sub/deep/only", false, true),
                ("sub/here", false, true),
                ("sub/deep/here", false, false),
                ("sub/m.pyc", false, true),
            ],
        );
        rules.leave();
        check(&rules, &[("sub/a.log", false, true)]);
    }
}
