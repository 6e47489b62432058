//! A patch as a unified diff, for a reviewer with limited room.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use similar::{ChangeTag, TextDiff};

use super::{BaseEntry, BaseTree, Change, FileChange, FileMode, Patch};

/// Longest search for the smallest diff of one file; after it a larger diff is good enough.
const DIFF_TIMEOUT: Duration = Duration::from_millis(500);

/// Unchanged lines around each change.
const CONTEXT_LINES: usize = 3;

/// The patch as git would show it, at most about `max_chars` long. Every file gets an equal share of the room, so that a
/// large file cannot hide a small one; what is cut is said. `before` gives the old content of a path.
pub fn unified_diff(
    patch: &Patch,
    base: &BaseTree,
    before: &dyn Fn(&str) -> Option<Bytes>,
    max_chars: usize,
) -> String {
    let files: Vec<String> = patch.changes().iter().map(|change| file_diff(change, base, before)).collect();
    let mut room = max_chars;
    let mut smallest_first: Vec<usize> = (0..files.len()).collect();
    smallest_first.sort_by_key(|index| files[*index].chars().count());
    let mut shares = vec![0; files.len()];
    for (position, index) in smallest_first.into_iter().enumerate() {
        shares[index] = files[index].chars().count().min(room / (files.len() - position));
        room -= shares[index];
    }
    files.iter().zip(shares).map(|(file, share)| cut(file, share)).collect()
}

/// What a patch does to one file, in lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineCount {
    pub path: String,
    /// Whether the file is new.
    pub is_new: bool,
    pub deleted: bool,
    pub added: usize,
    pub removed: usize,
}

/// Lines added and removed in each file; none for what is not text. `before` gives the old content of a path.
pub fn line_counts(patch: &Patch, base: &BaseTree, before: &dyn Fn(&str) -> Option<Bytes>) -> Vec<LineCount> {
    let count = |change: &FileChange| {
        let is_new = base.get(&change.path).is_none();
        let old = if is_new { Bytes::new() } else { before(&change.path).unwrap_or_default() };
        let (deleted, new) = match &change.change {
            Change::Put { content, .. } => (false, content.clone()),
            Change::Delete => (true, Bytes::new()),
        };
        let (mut added, mut removed) = (0, 0);
        if let (Ok(old), Ok(new)) = (std::str::from_utf8(&old), std::str::from_utf8(&new)) {
            for line in TextDiff::configure().timeout(DIFF_TIMEOUT).diff_lines(old, new).iter_all_changes() {
                match line.tag() {
                    ChangeTag::Insert => added += 1,
                    ChangeTag::Delete => removed += 1,
                    ChangeTag::Equal => {}
                }
            }
        }
        LineCount { path: change.path.clone(), is_new, deleted, added, removed }
    };
    patch.changes().iter().map(count).collect()
}

fn file_diff(change: &FileChange, base: &BaseTree, before: &dyn Fn(&str) -> Option<Bytes>) -> String {
    let path = &change.path;
    let old_mode = match base.get(path) {
        Some(BaseEntry::File { mode, .. }) => Some(*mode),
        Some(BaseEntry::Fixed) | None => None,
    };
    let (new_mode, new) = match &change.change {
        Change::Put { mode, content } => (Some(*mode), content.clone()),
        Change::Delete => (None, Bytes::new()),
    };
    let old = old_mode.and_then(|_| before(path)).unwrap_or_default();
    let mut text = format!("diff --git a/{path} b/{path}\n");
    text.push_str(&mode_lines(old_mode, new_mode));
    if old == new {
        return text;
    }
    match (std::str::from_utf8(&old), std::str::from_utf8(&new)) {
        (Ok(old), Ok(new)) if !old.contains('\0') && !new.contains('\0') => {
            let from = old_mode.map_or_else(|| "/dev/null".to_owned(), |_| format!("a/{path}"));
            let to = new_mode.map_or_else(|| "/dev/null".to_owned(), |_| format!("b/{path}"));
            let diff = TextDiff::configure().timeout(DIFF_TIMEOUT).diff_lines(old, new);
            text.push_str(&diff.unified_diff().context_radius(CONTEXT_LINES).header(&from, &to).to_string());
        }
        _ => text.push_str(&format!("binary, {} bytes before and {} after\n", old.len(), new.len())),
    }
    text
}

fn mode_lines(old: Option<FileMode>, new: Option<FileMode>) -> String {
    match (old, new) {
        (None, Some(mode)) => format!("new file mode {}\n", mode.as_str()),
        (Some(mode), None) => format!("deleted file mode {}\n", mode.as_str()),
        (Some(old), Some(new)) if old != new => format!("old mode {}\nnew mode {}\n", old.as_str(), new.as_str()),
        (Some(_), Some(_)) | (None, None) => String::new(),
    }
}

/// The first `share` characters, up to a line's end, and a note of how many lines are missing.
fn cut(file: &str, share: usize) -> String {
    let Some((end, _)) = file.char_indices().nth(share) else { return file.to_owned() };
    let end = file[..end].rfind('\n').map_or(0, |newline| newline + 1);
    let mut text = file[..end].to_owned();
    text.push_str(&format!("[{} more lines of this file's diff are not shown]\n", file[end..].lines().count()));
    text
}

#[cfg(test)]
mod tests {
    use super::{super::BlobId, *};

    #[test]
    fn a_reviewer_sees_every_kind_of_change() {
        let old = "one\ntwo\nthree\nfour\nfive\nsix\n";
        let file = |path: &str, content: &str| {
            (path.to_owned(), BaseEntry::File { mode: FileMode::Regular, blob: BlobId::of(content.as_bytes()) })
        };
        let base: BaseTree =
            [file("edit.txt", old), file("gone.txt", "bye\n"), file("run.sh", "x")].into_iter().collect();
        let before = |path: &str| match path {
            "edit.txt" => Some(Bytes::from(old)),
            "gone.txt" => Some(Bytes::from("bye\n")),
            _ => Some(Bytes::from("x")),
        };
        let put =
            |path: &str, mode, content: &'static [u8]| (path.to_owned(), Change::Put { mode, content: content.into() });
        let patch: Patch = [
            put("edit.txt", FileMode::Regular, b"one\ntwo\nthree\nfour\n5\nsix\n"),
            put("new.txt", FileMode::Regular, b"no newline"),
            put("pic.png", FileMode::Regular, b"\x89PNG\0"),
            put("run.sh", FileMode::Executable, b"x"),
            ("gone.txt".to_owned(), Change::Delete),
        ]
        .into_iter()
        .collect();
        insta::assert_snapshot!(unified_diff(&patch, &base, &before, 10_000), @r"
        diff --git a/edit.txt b/edit.txt
        --- a/edit.txt
        +++ b/edit.txt
        @@ -2,5 +2,5 @@
         two
         three
         four
        -five
        +5
         six
        diff --git a/gone.txt b/gone.txt
        deleted file mode 100644
        --- a/gone.txt
        +++ /dev/null
        @@ -1 +0,0 @@
        -bye
        diff --git a/new.txt b/new.txt
        new file mode 100644
        --- /dev/null
        +++ b/new.txt
        @@ -0,0 +1 @@
        +no newline
        \ No newline at end of file
        diff --git a/pic.png b/pic.png
        new file mode 100644
        binary, 0 bytes before and 5 after
        diff --git a/run.sh b/run.sh
        old mode 100644
        new mode 100755
        ");
    }

    #[test]
    fn a_large_file_cannot_hide_a_small_one() {
        let lines = |count: usize| (0..count).map(|n| format!("line {n}\n")).collect::<String>().into_bytes();
        let put = |path: &str, count| {
            (path.to_owned(), Change::Put { mode: FileMode::Regular, content: lines(count).into() })
        };
        let patch: Patch = [put("a-large.txt", 1_000), put("b-small.txt", 2)].into_iter().collect();
        insta::assert_snapshot!(unified_diff(&patch, &BaseTree::default(), &|_| None, 280), @r"
        diff --git a/a-large.txt b/a-large.txt
        new file mode 100644
        --- /dev/null
        +++ b/a-large.txt
        @@ -0,0 +1,1000 @@
        +line 0
        +line 1
        +line 2
        +line 3
        +line 4
        [995 more lines of this file's diff are not shown]
        diff --git a/b-small.txt b/b-small.txt
        new file mode 100644
        --- /dev/null
        +++ b/b-small.txt
        @@ -0,0 +1,2 @@
        +line 0
        +line 1
        ");
    }
}
