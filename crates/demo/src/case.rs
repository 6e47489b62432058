//! Real bugs of real packages: what is released, what was wrong with it, and how upstream's own test tells.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use scripted_model::Script;
use tokio::process::Command;

use crate::scrutiny::{Lint, Remark, Scrutiny};

/// One package with a bug that its next release mended.
#[derive(Debug)]
pub struct Case {
    /// The package's name, in its registry and here.
    pub name: &'static str,
    pub language: &'static str,
    /// The release with the bug; it becomes the repository.
    pub from: &'static str,
    /// The release without it; it brings the tests that prove the repair.
    pub to: &'static str,
    pub issue_title: &'static str,
    pub issue_body: &'static str,
    /// Files the repository has and the released archive lacks.
    pub extra_files: &'static [(&'static str, &'static str)],
    /// The tests of `to` that fail on `from`, as a shell script. It runs at the root of the merged tree, with the files
    /// of `to` at `$UPSTREAM`.
    pub outside_proof: &'static str,
    /// Files the run changes, and no others: the fix, then its test.
    pub changed_files: &'static [&'static str],
    /// What CI and the maintainer object to before the merge.
    pub scrutiny: Option<Scrutiny>,
}

/// Every case.
pub const CASES: [&Case; 3] = [&HUMANIZE, &MINIMIST, &STRSIM];

/// Python: one line in `filesize.py`.
pub const HUMANIZE: Case = Case {
    name: "humanize",
    language: "Python",
    from: "4.12.2",
    to: "4.12.3",
    issue_title: "naturalsize(1.0) says \"1.0 Byte\"",
    issue_body: "`naturalsize` shows one byte differently from every other number of bytes when it is given a float or \
                 a string:\n\n```python\n>>> import humanize\n>>> humanize.naturalsize(1)\n'1 Byte'\n\
                 >>> humanize.naturalsize(1.0)\n'1.0 Byte'\n>>> humanize.naturalsize(2.0)\n'2 Bytes'\n```\n\n\
                 I expected `1 Byte` for `1.0`, and for `\"1\"` too.\n",
    extra_files: &[(
        ".github/wiz.yml",
        "checks:\n  - name: tests\n    run: PYTHONPATH=src python3 -m pytest -q --color=no\n",
    )],
    outside_proof: "cp \"$UPSTREAM\"/tests/test_filesize.py tests/test_filesize.py\n\
                    PYTHONPATH=src python3 -m pytest -q --color=no tests/test_filesize.py\n",
    changed_files: &["src/humanize/filesize.py", "tests/test_filesize.py"],
    scrutiny: Some(Scrutiny {
        // The package's own workflow and line length; what ruff 0.11.2 prints for this line.
        lint: Lint {
            workflow: "Lint",
            job: "lint",
            step: "pre-commit run --all-files",
            path: "src/humanize/filesize.py",
            text: "or as a string like \"1\".",
            log: "ruff.....................................................................Failed\n\
                  - hook id: ruff\n- exit code: 1\n\n\
                  src/humanize/filesize.py:94:89: E501 Line too long (105 > 88)\n   |\n\
                  93 |     if abs_bytes == 1 and not gnu:\n\
                  94 |         # One byte is shown as a whole number, also when it was given as a float or as a \
                  string like \"1\".\n   |\
                  \u{20}                                                                                        \
                  ^^^^^^^^^^^^^^^^^ E501\n\
                  95 |         return f\"{int(bytes_)} Byte\"\n   |\n\nFound 1 error.\n",
        },
        remark: Remark {
            path: "src/humanize/filesize.py",
            line: "# A whole number",
            text: "The code says this already, and the test why. Please drop the comment.",
        },
    }),
};

/// JavaScript: a prototype that an argument could change.
pub const MINIMIST: Case = Case {
    name: "minimist",
    language: "JavaScript",
    from: "1.2.5",
    to: "1.2.6",
    issue_title: "An argument can still change Function.prototype",
    issue_body: "`__proto__` is refused as a key since 1.2.3, but the same is possible through `constructor`:\n\n\
                 ```js\nvar parse = require('minimist');\nparse(['--_.concat.constructor.prototype.y', '123']);\n\
                 console.log((function () {}).y); // 123\n```\n\nAfter parsing, no function should have a property `y`.\n",
    extra_files: &[(".github/wiz.yml", "checks:\n  - name: tests\n    run: tape 'test/*.js'\n")],
    outside_proof: "cp \"$UPSTREAM\"/test/proto.js test/proto.js\ntape test/proto.js\n",
    changed_files: &["index.js", "test/proto.js"],
    scrutiny: None,
};

/// Rust: a guard against overflow that answered too early.
pub const STRSIM: Case = Case {
    name: "strsim",
    language: "Rust",
    from: "0.9.2",
    to: "0.9.3",
    issue_title: "jaro(\"a\", \"a\") is 0",
    issue_body: "Two equal strings of one character have no similarity, while longer ones have 1:\n\n```rust\n\
                 assert_eq!(1.0, jaro(\"ab\", \"ab\")); // holds\nassert_eq!(1.0, jaro(\"a\", \"a\")); // 0.0\n```\n\n\
                 The same goes for `jaro_winkler`.\n",
    extra_files: &[
        (".github/wiz.yml", "checks:\n  - name: tests\n    run: cargo test --offline --quiet\n"),
        (".gitignore", "/target\n/Cargo.lock\n"),
    ],
    // Upstream keeps its unit tests at the end of the source file: its tests go behind our code.
    outside_proof: "sed '/^#\\[cfg(test)\\]/,$d' src/lib.rs > code.rs\n\
                    sed -n '/^#\\[cfg(test)\\]/,$p' \"$UPSTREAM\"/src/lib.rs > tests.rs\n\
                    cat code.rs tests.rs > src/lib.rs\n\
                    cargo test --offline --quiet --lib\n",
    changed_files: &["src/lib.rs", "tests/lib.rs"],
    scrutiny: None,
};

/// What registries add to an archive, and what nobody would commit.
const NOT_COMMITTED: [&str; 4] = ["PKG-INFO", ".cargo-checksum.json", ".cargo_vcs_info.json", "Cargo.toml.orig"];

/// A file of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// From the root, with slashes.
    pub path: String,
    pub content: Vec<u8>,
}

impl Case {
    /// The case of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        CASES.into_iter().find(|case| case.name == name)
    }

    /// The scripted model's lines for this case.
    pub fn script(&self) -> Result<Script> {
        let path = project_root().join(format!("fixtures/scripts/{}.yaml", self.name));
        let yaml = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Script::from_yaml(&yaml)
    }

    /// The repository as it was when the bug was reported.
    pub async fn repository_files(&self) -> Result<Vec<File>> {
        let mut files = files_under(&fetch(self.name, self.from).await?)?;
        files.retain(|file| !NOT_COMMITTED.contains(&file.path.as_str()));
        files.extend(
            self.extra_files
                .iter()
                .map(|(path, text)| File { path: (*path).to_owned(), content: text.as_bytes().to_vec() }),
        );
        Ok(files)
    }

    /// The files of the release that mended the bug.
    pub async fn upstream_files(&self) -> Result<Vec<File>> {
        files_under(&fetch(self.name, self.to).await?)
    }
}

/// The checkout this crate was built from; scripts and fixtures are read there.
pub fn project_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Fetches a released package; quick when it was fetched before.
async fn fetch(package: &str, version: &str) -> Result<PathBuf> {
    let mut script = Command::new(project_root().join("scripts/fetch-package"));
    let output = script.args([package, version]).output().await.context("cannot run scripts/fetch-package")?;
    ensure!(
        output.status.success(),
        "cannot fetch {package} {version}: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8(output.stdout).context("a path that is not UTF-8")?.trim().into())
}

fn files_under(root: &Path) -> Result<Vec<File>> {
    let mut files = Vec::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(&directory).with_context(|| format!("cannot list {}", directory.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                directories.push(path);
            } else {
                let content = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
                let relative = path.strip_prefix(root)?.to_str().context("a path that is not UTF-8")?.to_owned();
                files.push(File { path: relative, content });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_case_is_a_release_whose_files_are_there() {
        for case in CASES {
            let before = case.repository_files().await.unwrap();
            let after = case.upstream_files().await.unwrap();
            let content = |files: &[File], path: &str| {
                files.iter().find(|file| file.path == path).map(|file| file.content.clone())
            };
            for path in case.changed_files {
                assert!(content(&before, path).is_some(), "{path} is missing from {} {}", case.name, case.from);
            }
            let code = case.changed_files[0];
            assert_ne!(
                content(&before, code),
                content(&after, code),
                "{code} is the same in {} {}",
                case.name,
                case.to
            );
            assert!(before.iter().all(|file| !NOT_COMMITTED.contains(&file.path.as_str())));
        }
    }
}
