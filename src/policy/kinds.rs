//! Which files a kind of work may change.

use super::{changes::is_test_path, pattern::matches_path};
use crate::plan::WorkKind;

/// Folders that hold nothing but documentation.
const DOCS_FOLDERS: [&str; 4] = ["docs", "doc", "documentation", "man"];
/// Names of documentation files, wherever they lie.
const DOCS_NAMES: [&str; 11] = [
    "*.md",
    "*.markdown",
    "*.rst",
    "*.adoc",
    "*.asciidoc",
    "README*",
    "CHANGELOG*",
    "CHANGES*",
    "CONTRIBUTING*",
    "LICENSE*",
    "NOTICE*",
];
/// Endings of programs, which are no documentation in whatever folder they lie.
const PROGRAM_NAMES: [&str; 10] =
    ["*.py", "*.js", "*.ts", "*.rs", "*.go", "*.rb", "*.sh", "*.java", "conf.py", "Makefile"];

/// Whether work of this kind may change the file, or anything below the folder.
pub fn suits(kind: WorkKind, path: &str) -> bool {
    match kind {
        WorkKind::Fix | WorkKind::Feature | WorkKind::Refactor => true,
        WorkKind::Test => is_test_path(path),
        WorkKind::Docs => is_docs_path(path),
    }
}

/// What the files have in common that a kind of work may change; none where it may change any.
pub fn suited_files(kind: WorkKind) -> Option<&'static str> {
    match kind {
        WorkKind::Fix | WorkKind::Feature | WorkKind::Refactor => None,
        WorkKind::Test => Some("test files"),
        WorkKind::Docs => Some("documentation files"),
    }
}

fn is_docs_path(path: &str) -> bool {
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    let is = |names: &[&str]| names.iter().any(|rule| matches_path(rule, name));
    let in_docs = folders.split('/').any(|folder| DOCS_FOLDERS.contains(&folder));
    (is(&DOCS_NAMES) || in_docs) && !is(&PROGRAM_NAMES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_and_documentation_are_told_from_programs() {
        let suited = |kind| {
            let paths = [
                "src/lib.rs",
                "tests/it/main.rs",
                "README.md",
                "docs/guide.txt",
                "docs/conf.py",
                "docs/",
                "src/",
                "tests/",
                "src/man/wiz.rst",
            ];
            paths.into_iter().filter(|path| suits(kind, path)).collect::<Vec<_>>()
        };
        assert_eq!(suited(WorkKind::Fix).len(), 9);
        assert_eq!(suited(WorkKind::Test), ["tests/it/main.rs", "tests/"]);
        assert_eq!(suited(WorkKind::Docs), ["README.md", "docs/guide.txt", "docs/", "src/man/wiz.rst"]);
    }
}
