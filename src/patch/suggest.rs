//! A patch as replacements of lines, which is all that GitHub's suggestions can say.

use std::{ops::RangeInclusive, time::Duration};

use bytes::Bytes;
use similar::{DiffOp, TextDiff};

use super::{BaseEntry, BaseTree, Change, FileChange, Patch};

/// Longest search for the smallest diff of one file; after it a larger diff is good enough.
const DIFF_TIMEOUT: Duration = Duration::from_millis(500);

/// These lines of a file become others, or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replacement {
    pub path: String,
    /// Counted from 1.
    pub lines: RangeInclusive<u32>,
    /// Whole lines, each with its end.
    pub text: String,
}

/// The patch as replacements; none where any part of it is more than that: a new, deleted or binary file, another mode, or
/// ends of lines that a suggestion would not keep.
pub fn replacements(
    patch: &Patch,
    base: &BaseTree,
    before: &dyn Fn(&str) -> Option<Bytes>,
) -> Option<Vec<Replacement>> {
    let of_files: Option<Vec<Vec<Replacement>>> =
        patch.changes().iter().map(|change| of_file(change, base, before)).collect();
    of_files.map(|files| files.into_iter().flatten().collect())
}

fn of_file(change: &FileChange, base: &BaseTree, before: &dyn Fn(&str) -> Option<Bytes>) -> Option<Vec<Replacement>> {
    let (Change::Put { mode, content }, Some(BaseEntry::File { mode: old_mode, .. })) =
        (&change.change, base.get(&change.path))
    else {
        return None;
    };
    let old = before(&change.path)?;
    let (old, new) = (std::str::from_utf8(&old).ok()?, std::str::from_utf8(content).ok()?);
    if mode != old_mode || !is_plain(old) || !is_plain(new) {
        return None;
    }
    let diff = TextDiff::configure().timeout(DIFF_TIMEOUT).diff_lines(old, new);
    let (old, new): (Vec<&str>, Vec<&str>) = (old.split_inclusive('\n').collect(), new.split_inclusive('\n').collect());
    let changed = diff.ops().iter().filter(|op| !matches!(op, DiffOp::Equal { .. }));
    changed
        .map(|op| {
            replacement(op, &old, &new).map(|(lines, text)| Replacement { path: change.path.clone(), lines, text })
        })
        .collect()
}

/// Text whose every line ends as GitHub ends the lines of a suggestion.
fn is_plain(text: &str) -> bool {
    text.ends_with('\n') && !text.contains(['\0', '\r'])
}

/// What one difference does to which lines. An insertion replaces the line before it, or the first one, by itself and more.
fn replacement(op: &DiffOp, old: &[&str], new: &[&str]) -> Option<(RangeInclusive<u32>, String)> {
    let (from, to) = (op.old_range(), op.new_range());
    let added = new.get(to)?.concat();
    let number = |index: usize| u32::try_from(index).ok();
    if !from.is_empty() {
        return Some((number(from.start + 1)?..=number(from.end)?, added));
    }
    match from.start.checked_sub(1) {
        Some(last) => Some((number(from.start)?..=number(from.start)?, format!("{}{added}", old.get(last)?))),
        None => Some((1..=1, format!("{added}{}", old.first()?))),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{BlobId, FileMode},
        *,
    };

    const OLD: &str = "one\ntwo\nthree\nfour\n";

    fn replaced(path: &str, mode: FileMode, new: &str) -> Option<Vec<(RangeInclusive<u32>, String)>> {
        let file = |path: &str| (path.to_owned(), BaseEntry::File { mode: FileMode::Regular, blob: BlobId::of(b"") });
        let base: BaseTree = [file("a.txt"), file("crlf.txt"), file("bare.txt")].into_iter().collect();
        let before = |path: &str| {
            Some(Bytes::from(match path {
                "a.txt" => OLD,
                "crlf.txt" => "one\r\n",
                _ => "one",
            }))
        };
        let put = Change::Put { mode, content: Bytes::copy_from_slice(new.as_bytes()) };
        let patch: Patch = [(path.to_owned(), put)].into_iter().collect();
        let found = replacements(&patch, &base, &before)?;
        Some(found.into_iter().map(|found| (found.lines, found.text)).collect())
    }

    #[test]
    fn a_change_of_lines_is_a_replacement() {
        let same = FileMode::Regular;
        let a = |new: &str| replaced("a.txt", same, new).unwrap();
        assert_eq!(a("one\n2\n3\nfour\n"), [(2..=3, "2\n3\n".to_owned())]);
        assert_eq!(a("one\nfour\n"), [(2..=3, String::new())]);
        assert_eq!(a("one\ntwo\nand\nthree\nfour\n"), [(2..=2, "two\nand\n".to_owned())]);
        assert_eq!(a("zero\none\ntwo\nthree\nfour\n"), [(1..=1, "zero\none\n".to_owned())]);
        assert_eq!(a("1\ntwo\nthree\n4\n"), [(1..=1, "1\n".to_owned()), (4..=4, "4\n".to_owned())]);
        for (path, mode, new) in [
            ("new.txt", same, "x\n"),
            ("a.txt", FileMode::Executable, OLD),
            ("a.txt", same, "one"),
            ("crlf.txt", same, "two\r\n"),
            ("bare.txt", same, "two\n"),
            ("a.txt", same, "\0\n"),
        ] {
            assert_eq!(replaced(path, mode, new), None, "{path} {new:?}");
        }
        let gone: Patch = [("a.txt".to_owned(), Change::Delete)].into_iter().collect();
        assert_eq!(replacements(&gone, &BaseTree::default(), &|_| None), None);
    }
}
