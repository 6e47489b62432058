//! A repository's default branch, its newest commit, and files in that.
//!
//! <https://docs.github.com/en/graphql/reference/objects#commit>

use serde_json::{Value, json};

use crate::answer::Refusal;
use crate::git::{Git, TreeEntry};
use crate::render::node_id;
use crate::store::Repository;

/// Above this, `text` is cut; the schema does not say where.
const MAX_TEXT_BYTES: usize = 512_000;

/// A branch and the commit it points at.
#[derive(Debug)]
pub struct Tip {
    /// The branch's name.
    pub branch: String,
    /// The commit's whole name.
    pub commit: String,
}

/// What the default branch points at; `None` in a repository without commits.
///
/// # Errors
/// Git fails.
pub fn tip(repository: &Repository) -> Result<Option<Tip>, Refusal> {
    let branch = repository.default_branch.clone();
    let commit = Git::at(&repository.git_dir).read_ref(&format!("refs/heads/{branch}"))?;
    Ok(commit.map(|commit| Tip { branch, commit }))
}

/// A commit, without its files.
pub fn commit(sha: &str) -> Value {
    json!({ "__typename": "Commit", "id": node_id("Commit", sha), "oid": sha, "abbreviatedOid": &sha[..7] })
}

/// What lies at a path of a commit; null for nothing.
///
/// # Errors
/// Git fails.
pub fn entry(repository: &Repository, commit: &str, path: &str) -> Result<Value, Refusal> {
    let git = Git::at(&repository.git_dir);
    match git.entry(&format!("{commit}^{{tree}}"), path.trim_matches('/'))? {
        Some(entry) if !path.is_empty() => tree_entry(&git, &entry),
        Some(_) | None => Ok(Value::Null),
    }
}

fn tree_entry(git: &Git, entry: &TreeEntry) -> Result<Value, Refusal> {
    let object = match entry.kind.as_str() {
        "blob" => blob(&entry.sha, &git.blob(&entry.sha)?),
        "tree" => json!({ "__typename": "Tree", "id": node_id("Tree", &entry.sha), "oid": entry.sha }),
        // A submodule's commit is in another repository.
        _ => Value::Null,
    };
    Ok(json!({
        "__typename": "TreeEntry", "name": entry.path.rsplit('/').next(), "path": entry.path, "oid": entry.sha,
        "type": entry.kind, "mode": u32::from_str_radix(&entry.mode, 8).unwrap_or_default(), "object": object,
    }))
}

fn blob(sha: &str, bytes: &[u8]) -> Value {
    let text = std::str::from_utf8(bytes).ok().filter(|text| !text.contains('\0'));
    let shown = text.map(|text| &text[..text.floor_char_boundary(MAX_TEXT_BYTES)]);
    json!({
        "__typename": "Blob", "id": node_id("Blob", sha), "oid": sha, "abbreviatedOid": &sha[..7],
        "byteSize": bytes.len(), "isBinary": text.is_none(), "isTruncated": bytes.len() > MAX_TEXT_BYTES, "text": shown,
    })
}
