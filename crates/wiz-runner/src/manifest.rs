//! What wiz loaded into a workspace: per path the git mode, size and blob id, so that an export can tell what changed
//! without reading anything that commands could have written.
//!
//! On the wire: `mode SP size SP blob TAB path NUL`, one entry after the other, close to `git ls-tree -z`.

use std::collections::HashMap;

use sha1::{Digest, Sha1};
use sha2::Sha256;

/// One loaded file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestEntry {
    /// Git's mode of the file.
    pub mode: u32,
    pub size: u64,
    /// Git's id of its content, SHA-1 or SHA-256 in lower-case hexadecimal.
    pub blob: String,
}

/// All loaded files by path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest(pub HashMap<Vec<u8>, ManifestEntry>);

impl Manifest {
    /// The manifest's bytes, sorted by path.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut entries: Vec<_> = self.0.iter().collect();
        entries.sort_by_key(|(path, _)| path.as_slice());
        let mut bytes = Vec::new();
        for (path, entry) in entries {
            bytes.extend_from_slice(format!("{:o} {} {}\t", entry.mode, entry.size, entry.blob).as_bytes());
            bytes.extend_from_slice(path);
            bytes.push(0);
        }
        bytes
    }

    /// Reads what [`Manifest::to_bytes`] wrote; `None` when the bytes are anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut manifest = HashMap::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let end = rest.iter().position(|byte| *byte == 0)?;
            let (line, after) = rest.split_at(end);
            rest = after.get(1..)?;
            let tab = line.iter().position(|byte| *byte == b'\t')?;
            let (fields, path) = line.split_at(tab);
            let mut fields = std::str::from_utf8(fields).ok()?.split(' ');
            let mode = u32::from_str_radix(fields.next()?, 8).ok()?;
            let size = fields.next()?.parse().ok()?;
            let blob = fields.next()?.to_owned();
            if fields.next().is_some() {
                return None;
            }
            manifest.insert(path.get(1..)?.to_vec(), ManifestEntry { mode, size, blob });
        }
        Some(Self(manifest))
    }
}

/// Computes a git blob id piece by piece, in the hash that `like` (another blob id) uses.
pub enum BlobHasher {
    Sha1(Sha1),
    Sha256(Sha256),
}

impl BlobHasher {
    /// Starts the id of a blob of `size` bytes; SHA-256 when `like` has its 64 digits.
    pub fn new(like: &str, size: u64) -> Self {
        let prefix = format!("blob {size}\0");
        if like.len() == 64 {
            Self::Sha256(Sha256::new_with_prefix(prefix))
        } else {
            Self::Sha1(Sha1::new_with_prefix(prefix))
        }
    }

    /// Takes more of the content.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha1(hasher) => hasher.update(bytes),
            Self::Sha256(hasher) => hasher.update(bytes),
        }
    }

    /// The id in lower-case hexadecimal.
    pub fn finish(self) -> String {
        match self {
            Self::Sha1(hasher) => hex::encode(hasher.finalize()),
            Self::Sha256(hasher) => hex::encode(hasher.finalize()),
        }
    }
}

/// The git blob id (SHA-1) of a content.
pub fn blob_id(content: &[u8]) -> String {
    let mut hasher = BlobHasher::new("", u64::try_from(content.len()).unwrap_or(u64::MAX));
    hasher.update(content);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn blob_ids_are_those_of_git() {
        // printf 'hello\n' | git hash-object --stdin
        assert_eq!(blob_id(b"hello\n"), "ce013625030ba8dba906f756967f9e9ca394464a");
        assert_eq!(blob_id(b""), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
    }

    proptest! {
        #[test]
        fn a_manifest_survives_its_bytes(
            entries in prop::collection::hash_map(
                prop::collection::vec(1_u8..=255, 1..30), (any::<u32>(), any::<u64>(), "[0-9a-f]{40}"), 0..20)
        ) {
            let manifest = Manifest(
                entries.into_iter().map(|(path, (mode, size, blob))| (path, ManifestEntry { mode, size, blob })).collect(),
            );
            prop_assert_eq!(Manifest::from_bytes(&manifest.to_bytes()), Some(manifest));
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Some(manifest) = Manifest::from_bytes(&bytes) {
                prop_assert!(manifest.0.len() <= bytes.len());
            }
        }
    }
}
