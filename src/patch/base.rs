//! The tree a run started from: what a box was given, and what its records are compared with.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use sha1::{Digest as _, Sha1};

use super::change::{Change, FileMode, Patch};

/// The id git gives a file's content.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BlobId(String);

impl BlobId {
    /// The id of `content` in a repository that names objects by SHA-1, as every repository on GitHub does.
    pub fn of(content: &[u8]) -> Self {
        let mut hash = Sha1::new();
        hash.update(format!("blob {}\0", content.len()));
        hash.update(content);
        Self(hex::encode(hash.finalize()))
    }

    /// An id that was computed elsewhere.
    pub(super) fn hashed(digest: &[u8]) -> Self {
        Self(hex::encode(digest))
    }

    /// The 40 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for BlobId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let valid = text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        if valid { Ok(Self(text.to_owned())) } else { Err("a blob id is 40 hexadecimal digits") }
    }
}

impl TryFrom<String> for BlobId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<BlobId> for String {
    fn from(id: BlobId) -> String {
        id.0
    }
}

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What stands at a path of the base tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BaseEntry {
    /// A file a box may change.
    File { mode: FileMode, blob: BlobId },
    /// A symbolic link or submodule: it stays as it is.
    Fixed,
}

/// Every path of a commit, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BaseTree {
    entries: BTreeMap<String, BaseEntry>,
}

impl BaseTree {
    /// What stands at `path`.
    pub fn get(&self, path: &str) -> Option<&BaseEntry> {
        self.entries.get(path)
    }

    /// All paths with what stands there, sorted by bytes.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &BaseEntry)> {
        self.entries.iter().map(|(path, entry)| (path.as_str(), entry))
    }

    /// The paths of all entries below the directory `path`.
    pub fn below(&self, path: &str) -> impl Iterator<Item = &str> {
        let prefix = format!("{path}/");
        let from_there = self.entries.range(prefix.clone()..).map(|(entry, _)| entry.as_str());
        from_there.take_while(move |entry| entry.starts_with(&prefix))
    }

    /// Whether `path` is a directory: some entry lies below it.
    pub fn is_directory(&self, path: &str) -> bool {
        self.below(path).next().is_some()
    }

    /// The tree after `patch`: the base of the run's next step.
    pub fn with(mut self, patch: &Patch) -> Self {
        for change in patch.changes() {
            match &change.change {
                Change::Put { mode, content } => {
                    let entry = BaseEntry::File { mode: *mode, blob: BlobId::of(content) };
                    self.entries.insert(change.path.clone(), entry);
                }
                Change::Delete => {
                    self.entries.remove(&change.path);
                }
            }
        }
        self
    }
}

impl FromIterator<(String, BaseEntry)> for BaseTree {
    fn from_iter<I: IntoIterator<Item = (String, BaseEntry)>>(entries: I) -> Self {
        Self { entries: entries.into_iter().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_id_is_the_one_git_computes() {
        // `printf 'hello\n' | git hash-object --stdin`
        assert_eq!(BlobId::of(b"hello\n").as_str(), "ce013625030ba8dba906f756967f9e9ca394464a");
        assert_eq!(BlobId::of(b"").as_str(), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
        assert!(
            "ce01".parse::<BlobId>().is_err() && "CE013625030ba8dba906f756967f9e9ca394464a".parse::<BlobId>().is_err()
        );
    }

    #[test]
    fn directories_are_seen_and_patches_applied() {
        let file = || BaseEntry::File { mode: FileMode::Regular, blob: BlobId::of(b"x") };
        let base: BaseTree = ["a/b", "a-b", "c"].map(|path| (path.to_owned(), file())).into_iter().collect();
        assert!(base.is_directory("a") && !base.is_directory("a-b") && !base.is_directory("c"));
        let patch: Patch = [
            ("a/b".to_owned(), Change::Delete),
            ("d".to_owned(), Change::Put { mode: FileMode::Executable, content: b"y".to_vec().into() }),
        ]
        .into_iter()
        .collect();
        let after = base.with(&patch);
        assert!(after.get("a/b").is_none() && !after.is_directory("a"));
        assert_eq!(after.get("d"), Some(&BaseEntry::File { mode: FileMode::Executable, blob: BlobId::of(b"y") }));
    }
}
