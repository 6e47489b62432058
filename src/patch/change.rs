//! A verified set of file changes, its order, and how the changes of several steps become one.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// The two file modes wiz writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileMode {
    /// `100644`.
    Regular,
    /// `100755`.
    Executable,
}

impl FileMode {
    /// As git writes it in a tree.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Regular => "100644",
            Self::Executable => "100755",
        }
    }

    /// From the bits git knows; anything but a plain file is `None`.
    pub fn from_bits(mode: u32) -> Option<Self> {
        match mode {
            0o100_644 => Some(Self::Regular),
            0o100_755 => Some(Self::Executable),
            _ => None,
        }
    }
}

impl From<FileMode> for wiz_runner::protocol::FileMode {
    fn from(mode: FileMode) -> Self {
        match mode {
            FileMode::Regular => Self::Regular,
            FileMode::Executable => Self::Executable,
        }
    }
}

/// What happens at a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The file has this mode and content afterwards, whether it existed or not.
    Put {
        mode: FileMode,
        #[serde(with = "base64_bytes")]
        content: Bytes,
    },
    /// The file is gone afterwards.
    Delete,
}

/// One changed file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChange {
    /// Path from the repository's root, with `/` between its parts.
    pub path: String,
    pub change: Change,
}

/// Changes to distinct paths, sorted by path. Collecting pairs keeps the last change of a path.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<FileChange>", into = "Vec<FileChange>")]
pub struct Patch {
    changes: Vec<FileChange>,
}

impl Patch {
    /// The changes, sorted by path.
    pub fn changes(&self) -> &[FileChange] {
        &self.changes
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Bytes of all new contents together.
    pub fn bytes(&self) -> usize {
        self.changes.iter().map(FileChange::bytes).sum()
    }

    /// The changes of `self` followed by those of `next`: where both change a path, `next` decides. A file made by one
    /// step and deleted by a later one leaves a `Delete` of something the first base never had;
    /// [`Patch::against`] removes those.
    #[must_use]
    pub fn merge(self, next: Self) -> Self {
        self.changes.into_iter().chain(next.changes).map(|change| (change.path, change.change)).collect()
    }

    /// Without the changes that change nothing in `base`.
    #[must_use]
    pub fn against(self, base: &super::BaseTree) -> Self {
        let changes = self.changes.into_iter().filter(|change| change.is_effective(base)).collect();
        Self { changes }
    }
}

impl FileChange {
    /// Bytes of the new content; none for a deletion.
    pub fn bytes(&self) -> usize {
        match &self.change {
            Change::Put { content, .. } => content.len(),
            Change::Delete => 0,
        }
    }

    /// Whether `base` differs after this change.
    pub fn is_effective(&self, base: &super::BaseTree) -> bool {
        use super::{BaseEntry, BlobId};
        match (&self.change, base.get(&self.path)) {
            (Change::Delete, None) => false,
            (Change::Delete, Some(_)) | (Change::Put { .. }, None | Some(BaseEntry::Fixed)) => true,
            (Change::Put { mode, content }, Some(BaseEntry::File { mode: base_mode, blob })) => {
                mode != base_mode || BlobId::of(content) != *blob
            }
        }
    }
}

impl FromIterator<(String, Change)> for Patch {
    fn from_iter<I: IntoIterator<Item = (String, Change)>>(changes: I) -> Self {
        let by_path: BTreeMap<String, Change> = changes.into_iter().collect();
        Self { changes: by_path.into_iter().map(|(path, change)| FileChange { path, change }).collect() }
    }
}

impl From<Vec<FileChange>> for Patch {
    fn from(changes: Vec<FileChange>) -> Self {
        changes.into_iter().map(|change| (change.path, change.change)).collect()
    }
}

impl From<Patch> for Vec<FileChange> {
    fn from(patch: Patch) -> Self {
        patch.changes
    }
}

/// Contents are bytes and may be anything; JSON takes them as base64.
mod base64_bytes {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use bytes::Bytes;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub fn serialize<S: Serializer>(content: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(content))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(Bytes::from).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::BaseTree, *};

    fn put(path: &str, content: &[u8]) -> (String, Change) {
        (path.to_owned(), Change::Put { mode: FileMode::Regular, content: content.to_vec().into() })
    }

    fn delete(path: &str) -> (String, Change) {
        (path.to_owned(), Change::Delete)
    }

    #[test]
    fn later_steps_decide_and_order_is_stable() {
        let first: Patch = [put("b", b"1"), put("a", b"1"), delete("c")].into_iter().collect();
        let second: Patch = [put("b", b"2"), delete("a"), put("c", b"2")].into_iter().collect();
        let merged = first.merge(second);
        let expected: Patch = [delete("a"), put("b", b"2"), put("c", b"2")].into_iter().collect();
        assert_eq!(merged, expected);
        assert_eq!(merged.changes().iter().map(|change| change.path.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(merged.bytes(), 2);

        let base = BaseTree::default().with(&[put("b", b"2")].into_iter().collect());
        let effective: Patch = [put("c", b"2")].into_iter().collect();
        assert_eq!(merged.against(&base), effective, "a was never in the base and b did not change");
    }

    #[test]
    fn a_patch_survives_storage() {
        let patch: Patch = [put("a", &[0, 159, 146, 150]), delete("b")].into_iter().collect();
        let stored = serde_json::to_string(&patch).unwrap();
        insta::assert_snapshot!(stored, @r#"[{"path":"a","change":{"put":{"mode":"regular","content":"AJ+Slg=="}}},{"path":"b","change":"delete"}]"#);
        assert_eq!(serde_json::from_str::<Patch>(&stored).unwrap(), patch);
    }
}
