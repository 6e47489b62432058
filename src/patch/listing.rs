//! Every entry of a commit as git hashes it, so that the id of "this commit with that patch" can be computed here.
//!
//! An id covers everything below it: if GitHub names the same id for a tree it has made, the tree is exactly the parent
//! with the patch, and nothing need be read back.

use std::collections::BTreeMap;

use sha1::{Digest as _, Sha1};

use super::{
    base::BlobId,
    change::{Change, Patch},
};

/// All entries of one commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    root: Option<BlobId>,
    entries: BTreeMap<Vec<u8>, (&'static str, BlobId)>,
}

impl Listing {
    /// `root` is the commit's tree, the entries are all paths below it with mode and object.
    pub fn new(root: BlobId, entries: impl IntoIterator<Item = (Vec<u8>, &'static str, BlobId)>) -> Self {
        let entries = entries.into_iter().map(|(path, mode, object)| (path, (mode, object)));
        Self { root: Some(root), entries: entries.collect() }
    }

    /// The commit's tree.
    pub fn root(&self) -> Option<&BlobId> {
        self.root.as_ref()
    }

    /// The id of the tree with `patch` applied. `None` if the entries do not make up the commit's tree to begin with, as
    /// where a mode is written as git wrote it before 2005.
    pub fn after(&self, patch: &Patch) -> Option<BlobId> {
        if self.root.as_ref() != Some(&id_of(&self.entries)) {
            return None;
        }
        let mut entries = self.entries.clone();
        for change in patch.changes() {
            let path = change.path.as_bytes().to_vec();
            match &change.change {
                Change::Put { mode, content } => entries.insert(path, (mode.as_str(), BlobId::of(content))),
                Change::Delete => entries.remove(&path),
            };
        }
        Some(id_of(&entries))
    }
}

type Line<'a> = (&'a [u8], &'static str, &'a BlobId);

fn id_of(entries: &BTreeMap<Vec<u8>, (&'static str, BlobId)>) -> BlobId {
    let lines: Vec<Line<'_>> = entries.iter().map(|(path, (mode, object))| (path.as_slice(), *mode, object)).collect();
    tree_id(&lines, 0)
}

/// The id of the directory whose name ends before byte `at` of each path. Sorted by their bytes, paths stand in the order
/// in which git lists them: it compares a directory's name with a slash behind it.
fn tree_id(mut lines: &[Line<'_>], at: usize) -> BlobId {
    let mut body = Vec::new();
    while let Some((path, mode, object)) = lines.first() {
        let name = &path[at..];
        let (name, mode, object, used) = match name.iter().position(|byte| *byte == b'/') {
            None => (name, *mode, (*object).clone(), 1),
            Some(slash) => {
                let directory = &path[..=at + slash];
                let used = lines.iter().take_while(|(path, ..)| path.starts_with(directory)).count();
                (&name[..slash], "40000", tree_id(&lines[..used], directory.len()), used)
            }
        };
        body.extend_from_slice(mode.as_bytes());
        body.push(b' ');
        body.extend_from_slice(name);
        body.push(0);
        body.extend(hex::decode(object.as_str()).unwrap_or_default());
        lines = &lines[used..];
    }
    let mut hash = Sha1::new();
    hash.update(format!("tree {}\0", body.len()));
    hash.update(&body);
    BlobId::hashed(&hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patch::FileMode;

    /// Made with git itself: names around the slash, a link, a submodule, an executable.
    const ENTRIES: [(&str, &str, &str); 8] = [
        ("a-b", "100644", "587be6b4c3f93f93c489c0111bba5596147a26cb"),
        ("a.c", "100644", "587be6b4c3f93f93c489c0111bba5596147a26cb"),
        ("a/b/c", "100755", "587be6b4c3f93f93c489c0111bba5596147a26cb"),
        ("a/d", "100644", "587be6b4c3f93f93c489c0111bba5596147a26cb"),
        ("a0", "100644", "587be6b4c3f93f93c489c0111bba5596147a26cb"),
        ("link", "120000", "42061c01a1c70097d1e4579f29a5adf40abdec95"),
        ("sub", "160000", "0123456789012345678901234567890123456789"),
        ("z", "100644", "587be6b4c3f93f93c489c0111bba5596147a26cb"),
    ];

    fn listing(root: &str) -> Listing {
        let entries = ENTRIES.map(|(path, mode, object)| (path.as_bytes().to_vec(), mode, object.parse().unwrap()));
        Listing::new(root.parse().unwrap(), entries)
    }

    #[test]
    fn the_id_is_the_one_git_computes() {
        let before = listing("97a7aa08efd87b9ea9352b84ca452fb53774f96a");
        assert_eq!(before.after(&Patch::default()).as_ref(), before.root());
        let patch: Patch = [
            ("a/b/c".to_owned(), Change::Delete),
            ("a/d".to_owned(), Change::Put { mode: FileMode::Executable, content: b"y\n".to_vec().into() }),
            ("new/x".to_owned(), Change::Put { mode: FileMode::Regular, content: b"x\n".to_vec().into() }),
        ]
        .into_iter()
        .collect();
        assert_eq!(before.after(&patch).unwrap().as_str(), "f2cdcbb7e486f2b28b281190be9c4b52835d5a4b");
        let wrong = listing("0123456789012345678901234567890123456789");
        assert_eq!(wrong.after(&patch), None, "entries that do not make up the commit prove nothing");
    }
}
