//! Records of a box against the tree it was given: everything a hostile box could try with paths, modes and contents.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fmt,
};

use sha2::{Digest as _, Sha256};
use wiz_runner::protocol::{Change as Reported, Record};

use super::{
    BaseEntry, BaseTree, Change, FileChange, FileMode, Patch,
    path::{PathFault, check_path},
};
use crate::limits;

/// Most faults reported; the rest would not help anybody.
const MAX_FAULTS: usize = 50;

/// Longest part of a bad path that is shown.
const SHOWN_PATH_CHARS: usize = 200;

/// One record that is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordFault {
    /// The path, shortened, with escapes for whatever is not plain text.
    pub path: String,
    pub fault: Fault,
}

impl fmt::Display for RecordFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.path, self.fault)
    }
}

/// Why a record is refused; the text follows the path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error(transparent)]
    Path(#[from] PathFault),
    #[error("is a symbolic link; only plain files are taken")]
    Symlink,
    #[error("has mode {0:o}; only plain files are taken")]
    Mode(u32),
    #[error("was reported with {reported} bytes but came with {found}")]
    Size { reported: u64, found: usize },
    #[error("does not match its SHA-256")]
    Digest,
    #[error("was reported as deleted but came with content or mode")]
    DeletedWithContent,
    #[error("has {0} bytes; at most {max} are taken", max = limits::PATCH_FILE_BYTES)]
    FileTooLarge(usize),
    #[error("was reported twice")]
    Duplicate,
    #[error("is a symbolic link or submodule in the repository and has to stay")]
    Fixed,
    #[error("lies below {0}, which is a file")]
    BelowFile(String),
    #[error("is a directory in the repository")]
    IsDirectory,
    #[error("differs from {0} only in upper and lower case")]
    CaseCollision(String),
    #[error("and the other changes are {0} files; at most {max} are taken", max = limits::PATCH_FILES)]
    TooManyFiles(usize),
    #[error("and the other changes have {0} bytes; at most {max} are taken", max = limits::PATCH_BYTES)]
    TooManyBytes(usize),
}

/// The changes that `records` make to `base`, or everything that is wrong with them. Records that change nothing are
/// dropped.
pub fn verify(records: Vec<Record>, base: &BaseTree) -> Result<Patch, Vec<RecordFault>> {
    let mut faults = Vec::new();
    let mut changes = BTreeMap::new();
    for record in records {
        let shown = show(&record.path);
        match check_record(record, base) {
            Ok(change) => {
                if changes.insert(change.path.clone(), change.change).is_some() {
                    faults.push(RecordFault { path: shown, fault: Fault::Duplicate });
                }
            }
            Err(fault) => faults.push(RecordFault { path: shown, fault }),
        }
    }
    let patch = changes.into_iter().collect::<Patch>().against(base);
    faults.extend(joint_faults(&patch, base));
    faults.truncate(MAX_FAULTS);
    if faults.is_empty() { Ok(patch) } else { Err(faults) }
}

/// What can be said about one record without the others.
fn check_record(record: Record, base: &BaseTree) -> Result<FileChange, Fault> {
    let path = check_path(&record.path)?.to_owned();
    if matches!(base.get(&path), Some(BaseEntry::Fixed)) {
        return Err(Fault::Fixed);
    }
    let change = match record.change {
        Reported::Deleted if record.mode != 0 || record.size != 0 || !record.content.is_empty() => {
            return Err(Fault::DeletedWithContent);
        }
        Reported::Deleted => Change::Delete,
        Reported::Written => written(record)?,
    };
    Ok(FileChange { path, change })
}

fn written(record: Record) -> Result<Change, Fault> {
    let mode = match record.mode {
        0o120_000 => return Err(Fault::Symlink),
        mode => FileMode::from_bits(mode).ok_or(Fault::Mode(mode))?,
    };
    let found = record.content.len();
    if u64::try_from(found) != Ok(record.size) {
        return Err(Fault::Size { reported: record.size, found });
    }
    if found > limits::PATCH_FILE_BYTES {
        return Err(Fault::FileTooLarge(found));
    }
    if hex::encode(Sha256::digest(&record.content)) != record.sha256 {
        return Err(Fault::Digest);
    }
    Ok(Change::Put { mode, content: record.content.into() })
}

/// What is wrong with changes that are fine one by one.
fn joint_faults(patch: &Patch, base: &BaseTree) -> Vec<RecordFault> {
    let fault = |path: &str, fault| RecordFault { path: show(path.as_bytes()), fault };
    let mut faults = Vec::new();
    if let Some(first) = patch.changes().first() {
        if patch.changes().len() > limits::PATCH_FILES {
            faults.push(fault(&first.path, Fault::TooManyFiles(patch.changes().len())));
        }
        if patch.bytes() > limits::PATCH_BYTES {
            faults.push(fault(&first.path, Fault::TooManyBytes(patch.bytes())));
        }
    }
    let after = After::of(patch, base);
    for path in &after.put {
        if let Some(file) = ancestors(path).find(|ancestor| after.is_file(ancestor)) {
            faults.push(fault(path, Fault::BelowFile(file.to_owned())));
        }
        if after.has_base_entry_below(path) {
            faults.push(fault(path, Fault::IsDirectory));
        }
    }
    faults.extend(after.case_collisions().into_iter().map(|(path, twin)| fault(path, Fault::CaseCollision(twin))));
    faults
}

/// The tree after the changes, as three sets.
struct After<'a> {
    base: &'a BaseTree,
    put: BTreeSet<&'a str>,
    deleted: HashSet<&'a str>,
}

impl<'a> After<'a> {
    fn of(patch: &'a Patch, base: &'a BaseTree) -> Self {
        let (mut put, mut deleted) = (BTreeSet::new(), HashSet::new());
        for change in patch.changes() {
            match change.change {
                Change::Put { .. } => put.insert(change.path.as_str()),
                Change::Delete => deleted.insert(change.path.as_str()),
            };
        }
        Self { base, put, deleted }
    }

    fn is_file(&self, path: &str) -> bool {
        self.put.contains(path) || (self.base.get(path).is_some() && !self.deleted.contains(path))
    }

    fn has_base_entry_below(&self, path: &str) -> bool {
        self.base.below(path).any(|entry| !self.deleted.contains(entry))
    }

    /// New paths that a file system which ignores case takes for an existing one, directories included, each with its
    /// twin. Twins that the base has already are its own affair.
    fn case_collisions(&self) -> Vec<(&'a str, String)> {
        let new: Vec<&'a str> = self.put.iter().copied().filter(|path| self.base.get(path).is_none()).collect();
        let mut spellings: HashMap<String, Option<&str>> = HashMap::new();
        for path in new.iter().flat_map(|path| with_ancestors(path)) {
            spellings.insert(path.to_lowercase(), None);
        }
        let kept = self.base.iter().map(|(path, _)| path).filter(|path| !self.deleted.contains(path));
        for path in kept.flat_map(with_ancestors) {
            if let Some(spelling) = spellings.get_mut(&path.to_lowercase()) {
                spelling.get_or_insert(path);
            }
        }
        let mut collisions = Vec::new();
        for path in new {
            for part in with_ancestors(path) {
                let spelling = spellings.entry(part.to_lowercase()).or_default();
                let first = *spelling.get_or_insert(part);
                if first != part {
                    collisions.push((path, first.to_owned()));
                    break;
                }
            }
        }
        collisions
    }
}

/// The directories above a path, outermost first.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at])
}

fn with_ancestors(path: &str) -> impl Iterator<Item = &str> {
    ancestors(path).chain([path])
}

fn show(path: &[u8]) -> String {
    String::from_utf8_lossy(path).escape_debug().take(SHOWN_PATH_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::BlobId, *};

    fn written(path: &str, content: &[u8]) -> Record {
        Record {
            path: path.as_bytes().to_vec(),
            mode: 0o100_644,
            change: Reported::Written,
            size: content.len() as u64,
            sha256: hex::encode(Sha256::digest(content)),
            content: content.to_vec(),
        }
    }

    fn deleted(path: &str) -> Record {
        let (mode, size, sha256, content) = (0, 0, String::new(), Vec::new());
        Record { path: path.as_bytes().to_vec(), mode, change: Reported::Deleted, size, sha256, content }
    }

    fn base() -> BaseTree {
        let file = |path: &str| {
            let entry = BaseEntry::File { mode: FileMode::Regular, blob: BlobId::of(path.as_bytes()) };
            (path.to_owned(), entry)
        };
        let fixed = |path: &str| (path.to_owned(), BaseEntry::Fixed);
        ["README.md", "src/lib.rs", "src/main.rs", "docs/a.md", "Twin", "twin"]
            .map(file)
            .into_iter()
            .chain([fixed("link"), fixed("vendor/sub")])
            .collect()
    }

    fn faults(records: Vec<Record>) -> Vec<String> {
        verify(records, &base()).map_or_else(|faults| faults, |_| vec![]).iter().map(ToString::to_string).collect()
    }

    /// One record each, with the fault it must have. Paths have their own table in `path`.
    #[test]
    fn bad_records_are_refused() {
        let with = |change: fn(&mut Record)| {
            let mut record = written("new.txt", b"hello");
            change(&mut record);
            record
        };
        let raw_path = |path: &[u8]| Record { path: path.to_vec(), ..written("x", b"x") };
        let table = [
            (raw_path(b"../x"), Fault::Path(PathFault::DotPart)),
            (raw_path(b"/x"), Fault::Path(PathFault::Absolute)),
            (raw_path(b""), Fault::Path(PathFault::Empty)),
            (raw_path(b"\xff"), Fault::Path(PathFault::NotUtf8)),
            (raw_path(b"a/.GIT/x"), Fault::Path(PathFault::GitDirectory)),
            (Record { path: b".git/config".to_vec(), ..deleted("x") }, Fault::Path(PathFault::GitDirectory)),
            (with(|r| r.mode = 0o120_000), Fault::Symlink),
            (with(|r| r.mode = 0o160_000), Fault::Mode(0o160_000)),
            (with(|r| r.mode = 0o040_000), Fault::Mode(0o040_000)),
            (with(|r| r.mode = 0o100_666), Fault::Mode(0o100_666)),
            (with(|r| r.mode = 0o104_755), Fault::Mode(0o104_755)),
            (with(|r| r.mode = 0o102_755), Fault::Mode(0o102_755)),
            (with(|r| r.mode = 0o010_644), Fault::Mode(0o010_644)),
            (with(|r| r.mode = 0o140_755), Fault::Mode(0o140_755)),
            (with(|r| r.mode = 0o020_666), Fault::Mode(0o020_666)),
            (with(|r| r.mode = 0), Fault::Mode(0)),
            (with(|r| r.mode = u32::MAX), Fault::Mode(u32::MAX)),
            (with(|r| r.size = 4), Fault::Size { reported: 4, found: 5 }),
            (with(|r| r.size = u64::MAX), Fault::Size { reported: u64::MAX, found: 5 }),
            (with(|r| r.content.push(0)), Fault::Size { reported: 5, found: 6 }),
            (with(|r| r.content[0] = b'j'), Fault::Digest),
            (with(|r| r.sha256.clear()), Fault::Digest),
            (with(|r| r.sha256.make_ascii_uppercase()), Fault::Digest),
            (with(|r| r.sha256.push('0')), Fault::Digest),
            (with(|r| r.change = Reported::Deleted), Fault::DeletedWithContent),
            (Record { mode: 0o100_644, ..deleted("README.md") }, Fault::DeletedWithContent),
            (Record { size: 1, ..deleted("README.md") }, Fault::DeletedWithContent),
            (Record { content: vec![0], ..deleted("README.md") }, Fault::DeletedWithContent),
            (written("link", b"x"), Fault::Fixed),
            (deleted("link"), Fault::Fixed),
            (written("vendor/sub", b"x"), Fault::Fixed),
            (written("link/x", b"x"), Fault::BelowFile("link".into())),
            (written("vendor/sub/x", b"x"), Fault::BelowFile("vendor/sub".into())),
            (written("README.md/x", b"x"), Fault::BelowFile("README.md".into())),
            (written("src/lib.rs/a/b", b"x"), Fault::BelowFile("src/lib.rs".into())),
            (written("src", b"x"), Fault::IsDirectory),
            (written("vendor", b"x"), Fault::IsDirectory),
            (written("readme.md", b"x"), Fault::CaseCollision("README.md".into())),
            (written("src/LIB.rs", b"x"), Fault::CaseCollision("src/lib.rs".into())),
            (written("SRC/new.rs", b"x"), Fault::CaseCollision("src".into())),
            (written("LINK", b"x"), Fault::CaseCollision("link".into())),
            (written("TWIN", b"x"), Fault::CaseCollision("Twin".into())),
            (written("Docs/a.md", b"x"), Fault::CaseCollision("docs".into())),
        ];
        for (record, fault) in table {
            let shown = format!("{record:?}");
            let found = verify(vec![record], &base()).unwrap_err();
            assert_eq!(found.into_iter().map(|it| it.fault).collect::<Vec<_>>(), [fault], "{shown}");
        }
    }

    #[test]
    fn bad_combinations_are_refused() {
        let large = vec![b'x'; limits::PATCH_FILE_BYTES];
        let many = |count: usize| (0..count).map(|n| written(&format!("f{n:03}"), b"x")).collect::<Vec<_>>();
        let table = [
            (vec![written("a", b"1"), written("a", b"2")], vec!["a was reported twice"]),
            (vec![written("README.md", b"1"), deleted("README.md")], vec!["README.md was reported twice"]),
            (vec![written("a", b"1"), written("A", b"2")], vec!["a differs from A only in upper and lower case"]),
            (vec![written("d/x", b"1"), written("D/y", b"2")], vec!["d/x differs from D only in upper and lower case"]),
            (vec![written("É", b"1"), written("é", b"2")], vec!["é differs from É only in upper and lower case"]),
            (vec![written("a", b"1"), written("a/b", b"2")], vec!["a/b lies below a, which is a file"]),
            (vec![written("a", b"1"), written("a/b/c", b"2")], vec!["a/b/c lies below a, which is a file"]),
            (vec![deleted("src/lib.rs"), written("src", b"x")], vec!["src is a directory in the repository"]),
            (many(101), vec!["f000 and the other changes are 101 files; at most 100 are taken"]),
            (
                ["a", "b", "c", "d", "e"].map(|path| written(path, &large)).to_vec(),
                vec!["a and the other changes have 5242880 bytes; at most 4194304 are taken"],
            ),
            (
                vec![written("big", &[large.as_slice(), b"x"].concat())],
                vec!["big has 1048577 bytes; at most 1048576 are taken"],
            ),
            (
                vec![written("ok", b"1"), written("../a", b"1"), written("b\n", b"1")],
                vec!["../a has a part that is `.` or `..`", "b\\n holds a control character"],
            ),
        ];
        for (records, expected) in table {
            assert_eq!(faults(records), expected);
        }
        assert_eq!(faults((0..200).map(|_| written("..", b"")).collect()).len(), MAX_FAULTS);
        assert_eq!(faults(vec![written(&"x".repeat(9_000), b"")])[0].len(), SHOWN_PATH_CHARS + " is too long".len());
    }

    #[test]
    fn honest_work_becomes_a_patch_and_nothing_else() {
        let records = vec![
            written("src/new.rs", b"new"),
            written("README.md", b"README.md"),
            Record { mode: 0o100_755, ..written("src/main.rs", b"src/main.rs") },
            deleted("docs/a.md"),
            written("docs", b"now a file"),
            deleted("Twin"),
            deleted("was/never/here"),
            written("link2", b"\0\xff"),
        ];
        let patch = verify(records, &base()).unwrap();
        let put = |mode, content: &'static [u8]| Change::Put { mode, content: content.into() };
        let expected: Patch = [
            ("src/new.rs".to_owned(), put(FileMode::Regular, b"new")),
            ("src/main.rs".to_owned(), put(FileMode::Executable, b"src/main.rs")),
            ("docs/a.md".to_owned(), Change::Delete),
            ("docs".to_owned(), put(FileMode::Regular, b"now a file")),
            ("Twin".to_owned(), Change::Delete),
            ("link2".to_owned(), put(FileMode::Regular, b"\0\xff")),
        ]
        .into_iter()
        .collect();
        assert_eq!(patch, expected);
        assert_eq!(verify(vec![deleted("README.md"), written("readme.md", b"x")], &base()).unwrap().changes().len(), 2);
        assert!(verify(vec![], &base()).unwrap().is_empty());
    }

    fn any_path() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            prop::collection::vec(any::<u8>(), 0..40),
            "[aA./~: \\\\gGiIt\u{200c}]{0,12}".prop_map(String::into_bytes),
            "(src|SRC|link|vendor|docs)(/[a-cA-C]{1,2}){0,3}".prop_map(String::into_bytes),
        ]
    }

    fn any_record() -> impl Strategy<Value = Record> {
        let mode = prop_oneof![Just(0o100_644), Just(0o100_755), Just(0), Just(0o120_000), any::<u32>()];
        (any_path(), mode, any::<bool>(), prop::collection::vec(any::<u8>(), 0..9), any::<bool>()).prop_map(
            |(path, mode, written, content, honest)| Record {
                path,
                mode,
                change: if written { Reported::Written } else { Reported::Deleted },
                size: if honest { content.len() as u64 } else { 3 },
                sha256: hex::encode(Sha256::digest(&content)),
                content,
            },
        )
    }

    proptest! {
        #[test]
        fn no_records_cause_a_panic_and_what_passes_is_sound(records in prop::collection::vec(any_record(), 0..12)) {
            let base = base();
            if let Ok(patch) = verify(records, &base) {
                let after = base.clone().with(&patch);
                for change in patch.changes() {
                    prop_assert!(check_path(change.path.as_bytes()).is_ok());
                    prop_assert!(change.is_effective(&base));
                    prop_assert_ne!(base.get(&change.path), Some(&BaseEntry::Fixed));
                    if matches!(change.change, Change::Put { .. }) {
                        prop_assert!(!after.is_directory(&change.path));
                        prop_assert!(ancestors(&change.path).all(|above| after.get(above).is_none()));
                    }
                }
            }
        }
    }
}
