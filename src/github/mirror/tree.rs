//! What git says about a commit's files, read with suspicion.

use bytes::Bytes;

use super::MirrorError;
use crate::{
    limits,
    patch::{BaseEntry, BaseTree, BlobId, FileMode, Listing, check_path},
};

/// Longest listing read: [`limits::TREE_ENTRIES`] of 200 bytes.
pub(super) const LISTING_BYTES: u64 = 20 * 1024 * 1024;

/// The files of one commit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    /// In git's order.
    pub entries: Vec<TreeEntry>,
    /// Paths of honest but unusual form that wiz neither shows to a box nor changes.
    pub left_out: Vec<LeftOut>,
    /// The same entries as git hashes them, unusual ones too.
    pub listing: Listing,
}

/// One path of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeEntry {
    pub path: String,
    pub mode: EntryMode,
    pub blob: BlobId,
    /// Bytes of the content; 0 for a submodule.
    pub size: u64,
}

/// What git knows at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryMode {
    File(FileMode),
    /// Its content is the path it points at, which may lead anywhere.
    Symlink,
    /// A commit of another repository; its files are not here.
    Submodule,
}

/// A path that is not used, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The path with what is not UTF-8 replaced.
    pub path: String,
    pub fault: crate::patch::PathFault,
}

impl Tree {
    /// The tree as records are checked against it.
    pub fn base(&self) -> BaseTree {
        let entry = |entry: &TreeEntry| match entry.mode {
            EntryMode::File(mode) => BaseEntry::File { mode, blob: entry.blob.clone() },
            EntryMode::Symlink | EntryMode::Submodule => BaseEntry::Fixed,
        };
        let used = self.entries.iter().map(|each| (each.path.clone(), entry(each)));
        used.chain(self.left_out.iter().map(|each| (each.path.clone(), BaseEntry::Fixed))).collect()
    }
}

/// Reads `git ls-tree -r -z -l`: `<mode> <type> <object> <size>\t<path>\0`.
pub(super) fn parse(listing: &[u8], root: BlobId) -> Result<Tree, MirrorError> {
    let mut tree = Tree::default();
    let mut all = Vec::new();
    for line in listing.split(|byte| *byte == 0).filter(|line| !line.is_empty()) {
        if tree.entries.len() >= limits::TREE_ENTRIES {
            return Err(MirrorError::TooLarge(format!("the commit has more than {} files", limits::TREE_ENTRIES)));
        }
        let unreadable = || MirrorError::Failed(format!("git lists {:?}", String::from_utf8_lossy(line)));
        let tab = line.iter().position(|byte| *byte == b'\t').ok_or_else(unreadable)?;
        let head = std::str::from_utf8(&line[..tab]).map_err(|_| unreadable())?;
        let (mode, blob, size) = head_fields(head).ok_or_else(unreadable)?;
        all.push((line[tab + 1..].to_vec(), mode.as_str(), blob.clone()));
        match check_path(&line[tab + 1..]) {
            Ok(path) => tree.entries.push(TreeEntry { path: path.to_owned(), mode, blob, size }),
            Err(fault) => {
                let path = String::from_utf8_lossy(&line[tab + 1..]).into_owned();
                if fault.is_hostile() {
                    return Err(MirrorError::Hostile { path, fault });
                }
                tree.left_out.push(LeftOut { path, fault });
            }
        }
    }
    tree.listing = Listing::new(root, all);
    Ok(tree)
}

impl EntryMode {
    fn as_str(self) -> &'static str {
        match self {
            Self::File(mode) => mode.as_str(),
            Self::Symlink => "120000",
            Self::Submodule => "160000",
        }
    }
}

fn head_fields(head: &str) -> Option<(EntryMode, BlobId, u64)> {
    let mut fields = head.split_ascii_whitespace();
    let mode = match (fields.next()?, fields.next()?) {
        // git wrote 100664 until 2005; it checks it out as 100644.
        ("100644" | "100664", "blob") => EntryMode::File(FileMode::Regular),
        ("100755", "blob") => EntryMode::File(FileMode::Executable),
        ("120000", "blob") => EntryMode::Symlink,
        ("160000", "commit") => EntryMode::Submodule,
        _ => return None,
    };
    let blob = fields.next()?.parse().ok()?;
    let size = match (mode, fields.next()?) {
        (EntryMode::Submodule, _) => 0,
        (EntryMode::File(_) | EntryMode::Symlink, size) => size.parse().ok()?,
    };
    Some((mode, blob, size))
}

/// Cuts `git cat-file --batch` output, `<object> blob <size>\n<content>\n` each, without copying.
pub(super) fn split_batch(ids: &[BlobId], mut output: Bytes) -> Result<Vec<Bytes>, MirrorError> {
    let mut contents = Vec::with_capacity(ids.len());
    for id in ids {
        let end = output.iter().position(|byte| *byte == b'\n').unwrap_or(output.len());
        let head = output.split_to(end);
        let size = std::str::from_utf8(&head)
            .ok()
            .and_then(|head| head.strip_prefix(id.as_str())?.strip_prefix(" blob ")?.parse::<usize>().ok())
            .filter(|size| size.checked_add(2).is_some_and(|needed| needed <= output.len()))
            .ok_or_else(|| MirrorError::NotFound(format!("blob {id}")))?;
        contents.push(output.slice(1..=size));
        output = output.slice(size + 2..);
    }
    Ok(contents)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patch::PathFault;

    const ID: &str = "ce013625030ba8dba906f756967f9e9ca394464a";

    #[test]
    fn a_listing_is_read_and_hostile_paths_stop_it() {
        let line = |mode: &str, kind: &str, size: &str, path: &[u8]| {
            [format!("{mode} {kind} {ID} {size:>7}\t").as_bytes(), path, b"\0"].concat()
        };
        let listing = [
            line("100644", "blob", "6", b"a b\xc3\xa9"),
            line("100755", "blob", "6", b"run"),
            line("120000", "blob", "11", b"link"),
            line("160000", "commit", "-", b"sub"),
            line("100644", "blob", "6", b"caf\xe9"),
        ]
        .concat();
        let tree = parse(&listing, ID.parse().unwrap()).unwrap();
        let seen: Vec<_> = tree.entries.iter().map(|entry| (entry.path.as_str(), entry.mode, entry.size)).collect();
        assert_eq!(
            seen,
            [
                ("a bé", EntryMode::File(FileMode::Regular), 6),
                ("run", EntryMode::File(FileMode::Executable), 6),
                ("link", EntryMode::Symlink, 11),
                ("sub", EntryMode::Submodule, 0),
            ]
        );
        assert_eq!(tree.left_out, [LeftOut { path: "caf\u{fffd}".into(), fault: PathFault::NotUtf8 }]);
        assert_eq!(tree.base().get("link"), Some(&BaseEntry::Fixed));
        for path in [&b".git/config"[..], b"a/../b", b"..", b"/x", b"a//b", b".GiT", b"git~1/x"] {
            let outcome = parse(&[listing.clone(), line("100644", "blob", "6", path)].concat(), ID.parse().unwrap());
            assert!(matches!(outcome, Err(MirrorError::Hostile { .. })), "{}", String::from_utf8_lossy(path));
        }
        for nonsense in [&b"x\0"[..], b"100644 blob\tx\0", b"040000 tree ce01 -\tx\0", b"\xff\tx\0"] {
            assert!(matches!(parse(nonsense, ID.parse().unwrap()), Err(MirrorError::Failed(_))));
        }
    }

    #[test]
    fn a_batch_is_cut_where_its_sizes_say() {
        let id: BlobId = ID.parse().unwrap();
        let ids = [id.clone(), id.clone()];
        let output = format!("{ID} blob 6\nhello\n\n{ID} blob 0\n\n");
        assert_eq!(split_batch(&ids, output.into()).unwrap(), [Bytes::from("hello\n"), Bytes::new()]);
        for bad in [
            "",
            "\n",
            &format!("{ID} missing\n"),
            &format!("{ID} blob 7\nhello\n"),
            &format!("{ID} blob 18446744073709551615\nx\n"),
            &format!("{ID} tree 1\nx\n"),
        ] {
            assert!(matches!(split_batch(&ids[..1], bad.to_owned().into()), Err(MirrorError::NotFound(_))), "{bad}");
        }
    }
}
