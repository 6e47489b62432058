//! What changed between two commits, file by file.

use anyhow::{Context, Result};

use super::Git;

/// How a file changed; GitHub's `status` member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileStatus {
    /// New.
    Added,
    /// Gone.
    Removed,
    /// Changed.
    Modified,
    /// Moved, perhaps changed too.
    Renamed,
    /// Copied.
    Copied,
    /// Another kind of file now.
    Changed,
}

impl FileStatus {
    /// GitHub's text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Modified => "modified",
            Self::Renamed => "renamed",
            Self::Copied => "copied",
            Self::Changed => "changed",
        }
    }
}

/// One changed file.
#[derive(Debug, Clone)]
pub struct FileChange {
    /// Path now (or before, if removed).
    pub path: String,
    /// Path before, if moved.
    pub previous_path: Option<String>,
    /// Blob now (or before, if removed).
    pub sha: String,
    /// Kind of change.
    pub status: FileStatus,
    /// Lines added; 0 for binary files.
    pub additions: u64,
    /// Lines removed; 0 for binary files.
    pub deletions: u64,
    /// Hunks, without the file header; `None` for binary files and pure moves.
    pub patch: Option<String>,
}

impl Git {
    /// Changed files between two commits or trees, in git's order.
    pub fn changes(&self, from: &str, to: &str) -> Result<Vec<FileChange>> {
        let raw = self.run(&["diff", "--raw", "--no-abbrev", "-M", "-z", from, to])?;
        let numbers = self.run(&["diff", "--numstat", "-M", "-z", from, to])?;
        let patches = patches(&self.patch(from, to)?);
        let mut changes = Vec::new();
        let mut fields = raw.split('\0').filter(|field| !field.is_empty());
        let mut counts = numbers.split('\0').filter(|field| !field.is_empty());
        while let Some(meta) = fields.next() {
            let mut change = parse_raw(meta, &mut fields)?;
            let count = counts.next().context("git diff --numstat ended early")?;
            let mut parts = count.splitn(3, '\t');
            change.additions = parts.next().and_then(|n| n.parse().ok()).unwrap_or(0);
            change.deletions = parts.next().and_then(|n| n.parse().ok()).unwrap_or(0);
            if change.previous_path.is_some() {
                // A moved file has its two paths in fields of their own.
                counts.next();
                counts.next();
            }
            change.patch = patches.get(changes.len()).cloned().flatten();
            changes.push(change);
        }
        Ok(changes)
    }

    /// Where a line of a file is after the change between two commits; `None` when it was changed or removed itself.
    pub fn follow_line(&self, between: (&str, &str), path: &str, line: u64) -> Result<Option<u64>> {
        let (from, to) = between;
        if self.entry(&format!("{to}^{{tree}}"), path)?.is_none() {
            return Ok(None);
        }
        let text = self.run(&["diff", "--no-color", "--no-ext-diff", "-U0", from, to, "--", path])?;
        let mut now = line;
        for header in text.lines().filter(|line| line.starts_with("@@")) {
            let range = |mark: char| -> Option<(u64, u64)> {
                let part = header.split(' ').find_map(|part| part.strip_prefix(mark))?;
                let (start, length) = part.split_once(',').unwrap_or((part, "1"));
                Some((start.parse().ok()?, length.parse().ok()?))
            };
            let (Some((start, gone)), Some((_, come))) = (range('-'), range('+')) else { continue };
            if gone > 0 && (start..start + gone).contains(&line) {
                return Ok(None);
            }
            // An insertion names the line it follows.
            if line > start {
                now = now + come - gone;
            }
        }
        Ok(Some(now))
    }

    /// The whole diff as text, as `.diff` pages show it.
    pub fn patch(&self, from: &str, to: &str) -> Result<String> {
        let text = self.run(&["-c", "core.quotePath=false", "diff", "--no-color", "--no-ext-diff", "-M", from, to])?;
        Ok(if text.is_empty() { text } else { text + "\n" })
    }
}

fn parse_raw<'a>(meta: &str, fields: &mut impl Iterator<Item = &'a str>) -> Result<FileChange> {
    let parts: Vec<&str> = meta.trim_start_matches(':').split(' ').collect();
    let [_, _, old_sha, new_sha, letter] = parts[..] else { anyhow::bail!("git diff --raw spoke unexpectedly") };
    let first = fields.next().context("git diff --raw ended early")?.to_owned();
    let status = match letter.as_bytes().first() {
        Some(b'A') => FileStatus::Added,
        Some(b'D') => FileStatus::Removed,
        Some(b'R') => FileStatus::Renamed,
        Some(b'C') => FileStatus::Copied,
        Some(b'T') => FileStatus::Changed,
        _ => FileStatus::Modified,
    };
    let moved = matches!(status, FileStatus::Renamed | FileStatus::Copied);
    let (path, previous_path) = if moved {
        (fields.next().context("git diff --raw ended early")?.to_owned(), Some(first))
    } else {
        (first, None)
    };
    let sha = if status == FileStatus::Removed { old_sha } else { new_sha }.to_owned();
    Ok(FileChange { path, previous_path, sha, status, additions: 0, deletions: 0, patch: None })
}

/// The hunks of each file of a diff, in order. Lines of content never begin with `diff --git`: each has a mark before it.
fn patches(diff: &str) -> Vec<Option<String>> {
    let mut files: Vec<Vec<&str>> = Vec::new();
    for line in diff.split('\n') {
        if line.starts_with("diff --git ") {
            files.push(Vec::new());
        } else if let Some(file) = files.last_mut() {
            file.push(line);
        }
    }
    let hunks = |lines: Vec<&str>| {
        let start = lines.iter().position(|line| line.starts_with("@@"))?;
        Some(lines[start..].join("\n").trim_end_matches('\n').to_owned())
    };
    files.into_iter().map(hunks).collect()
}
