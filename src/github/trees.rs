//! Whether a commit holds exactly the changes it should: both trees are read back and compared level by level.
//!
//! A tree's id covers everything below it, so only directories with intended changes need to be opened; anywhere else an
//! equal id proves that nothing changed.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{
    error::GitHubError,
    installation::{Installation, repository_path},
};
use crate::{
    ids::RepositoryName,
    patch::{BlobId, Change, FileChange, FileMode},
};

/// One line of one tree object.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Entry {
    #[serde(rename = "path")]
    name: String,
    mode: String,
    sha: String,
}

impl Entry {
    fn is_directory(&self) -> bool {
        self.mode.trim_start_matches('0') == "40000"
    }
}

type Level = BTreeMap<String, Entry>;

/// What must stand at each changed path afterwards.
struct Expected<'a> {
    leaves: BTreeMap<&'a str, Option<(FileMode, BlobId)>>,
    directories: BTreeSet<&'a str>,
}

impl<'a> Expected<'a> {
    fn of(changes: &'a [FileChange]) -> Self {
        let leaves = changes.iter().map(|change| {
            let leaf = match &change.change {
                Change::Put { mode, content } => Some((*mode, BlobId::of(content))),
                Change::Delete => None,
            };
            (change.path.as_str(), leaf)
        });
        let ancestors = |change: &'a FileChange| change.path.match_indices('/').map(|(at, _)| &change.path[..at]);
        Self { leaves: leaves.collect(), directories: changes.iter().flat_map(ancestors).collect() }
    }
}

/// A directory to open on both sides; `None` where a side has none.
#[derive(Debug, PartialEq, Eq)]
struct Pair {
    directory: String,
    before: Option<String>,
    after: Option<String>,
}

impl Installation {
    /// Fails with [`GitHubError::Conflict`] unless tree `after` is tree `before` with exactly `changes`.
    pub(super) async fn verify_tree(
        &self,
        repository: &RepositoryName,
        before: &str,
        after: &str,
        changes: &[FileChange],
    ) -> Result<(), GitHubError> {
        let expected = Expected::of(changes);
        let mut missing: BTreeSet<&str> =
            expected.leaves.iter().filter(|(_, leaf)| leaf.is_some()).map(|(path, _)| *path).collect();
        let mut pending =
            vec![Pair { directory: String::new(), before: Some(before.to_owned()), after: Some(after.to_owned()) }];
        while let Some(pair) = pending.pop() {
            let before = self.level(repository, pair.before.as_deref()).await?;
            let after = self.level(repository, pair.after.as_deref()).await?;
            let deeper = compare(&pair.directory, &before, &after, &expected, &mut missing)
                .map_err(|path| GitHubError::conflict(format!("the tree differs from the patch at {path:?}")))?;
            pending.extend(deeper);
        }
        match missing.first() {
            Some(path) => Err(GitHubError::conflict(format!("the tree lacks {path:?}"))),
            None => Ok(()),
        }
    }

    async fn level(&self, repository: &RepositoryName, tree: Option<&str>) -> Result<Level, GitHubError> {
        #[derive(Deserialize)]
        struct Reply {
            tree: Vec<Entry>,
            truncated: bool,
        }
        let Some(tree) = tree else { return Ok(Level::new()) };
        let path = repository_path(repository, format_args!("/git/trees/{tree}"));
        let reply: Reply = self.get(path).await?;
        if reply.truncated {
            return Err(GitHubError::conflict(format!("GitHub shows only a part of tree {tree}")));
        }
        Ok(reply.tree.into_iter().map(|entry| (entry.name.clone(), entry)).collect())
    }
}

/// Compares one directory; gives the directories to open next or the path that is not as it should be. Takes every
/// expected file it has seen out of `missing`.
fn compare<'a>(
    directory: &str,
    before: &Level,
    after: &Level,
    expected: &Expected<'a>,
    missing: &mut BTreeSet<&'a str>,
) -> Result<Vec<Pair>, String> {
    let mut deeper = Vec::new();
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for name in names {
        let path = if directory.is_empty() { name.clone() } else { format!("{directory}/{name}") };
        let split = |level: &'_ Level| {
            let entry = level.get(name);
            let (directory, leaf) = (entry.filter(|e| e.is_directory()), entry.filter(|e| !e.is_directory()));
            (directory.map(|e| e.sha.clone()), leaf.map(|e| (e.mode.clone(), e.sha.clone())))
        };
        let ((before_tree, before_leaf), (after_tree, after_leaf)) = (split(before), split(after));
        let leaf_is_right = match expected.leaves.get(path.as_str()) {
            Some(Some((mode, blob))) => {
                after_leaf.as_ref().is_some_and(|(m, sha)| m == mode.as_str() && sha == blob.as_str())
            }
            Some(None) => after_leaf.is_none(),
            None => before_leaf == after_leaf,
        };
        if !leaf_is_right {
            return Err(path);
        }
        missing.remove(path.as_str());
        if expected.directories.contains(path.as_str()) {
            if before_tree.is_some() || after_tree.is_some() {
                deeper.push(Pair { directory: path, before: before_tree, after: after_tree });
            }
        } else if before_tree != after_tree {
            return Err(path);
        }
    }
    Ok(deeper)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(entries: &[(&str, &str, &str)]) -> Level {
        let entry = |(name, mode, sha): &(&str, &str, &str)| {
            ((*name).to_owned(), Entry { name: (*name).into(), mode: (*mode).into(), sha: (*sha).into() })
        };
        entries.iter().map(entry).collect()
    }

    fn put(path: &str) -> FileChange {
        FileChange {
            path: path.into(),
            change: Change::Put { mode: FileMode::Regular, content: b"new".to_vec().into() },
        }
    }

    #[test]
    fn exactly_the_intended_changes_pass() {
        let new = BlobId::of(b"new").to_string();
        let new = new.as_str();
        let before = [("a", "100644", "1"), ("src", "040000", "s1"), ("doc", "040000", "d1")];
        let changes = [put("a"), put("src/x"), FileChange { path: "old".into(), change: Change::Delete }];
        type Row<'a> = (&'a str, Vec<(&'a str, &'a str, &'a str)>, Result<Vec<&'a str>, &'a str>);
        let doc = ("doc", "040000", "d1");
        let src = ("src", "040000", "s2");
        let table: Vec<Row<'_>> = vec![
            ("as intended", vec![("a", "100644", new), src, doc], Ok(vec!["src"])),
            ("another content", vec![("a", "100644", "9"), src, doc], Err("a")),
            ("another mode", vec![("a", "100755", new), src, doc], Err("a")),
            ("a symlink", vec![("a", "120000", new), src, doc], Err("a")),
            ("missing", vec![src, doc], Err("a")),
            ("an extra file", vec![("a", "100644", new), ("b", "100644", "1"), src, doc], Err("b")),
            ("a change elsewhere", vec![("a", "100644", new), src, ("doc", "040000", "d2")], Err("doc")),
            ("a directory gone", vec![("a", "100644", new), src], Err("doc")),
            ("not deleted", vec![("a", "100644", new), ("old", "100644", "1"), src, doc], Err("old")),
        ];
        for (name, after, outcome) in table {
            let expected = Expected::of(&changes);
            let mut missing = BTreeSet::from(["a", "src/x"]);
            let before = level(&before).into_iter().chain(level(&[("old", "100644", "1")])).collect();
            let found = compare("", &before, &level(&after), &expected, &mut missing);
            let found = found.map(|pairs| pairs.into_iter().map(|pair| pair.directory).collect::<Vec<_>>());
            let outcome = outcome.map(|d| d.into_iter().map(str::to_owned).collect()).map_err(str::to_owned);
            assert_eq!(found, outcome, "{name}");
            if found.is_ok() {
                assert_eq!(missing, BTreeSet::from(["src/x"]), "{name}");
            }
        }
    }
}
