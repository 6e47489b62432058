//! Commits, file changes, refs.

use anyhow::Result;
use serde_json::{Value, json};

use super::accounts::user;
use super::issues::association;
use super::repositories::{api_url, page_url};
use super::{node_id, url_path};
use crate::git::{Commit, FileChange, Git, Identity};
use crate::store::{CommitComment, Repository, State, stamp};

/// The `verification` member. GitHub signs what it commits itself; a pushed commit is unsigned.
///
/// <https://docs.github.com/en/authentication/managing-commit-signature-verification/about-commit-signature-verification#signature-verification-for-bots>
pub fn verification(repository: &Repository, sha: &str) -> Value {
    if repository.signed_commits.contains(sha) {
        json!({
            "verified": true,
            "reason": "valid",
            "signature": "-----BEGIN PGP SIGNATURE-----\n\nstand-in\n-----END PGP SIGNATURE-----\n",
            "payload": format!("commit {sha}"),
            "verified_at": stamp(repository.pushed_at),
        })
    } else {
        json!({ "verified": false, "reason": "unsigned", "signature": null, "payload": null, "verified_at": null })
    }
}

/// Name, email and date.
pub fn identity(identity: &Identity) -> Value {
    json!({ "name": identity.name, "email": identity.email, "date": stamp(identity.date) })
}

/// The account behind a commit's author, found by the no-reply address as GitHub does, or null.
fn account(state: &State, identity: &Identity) -> Value {
    let found = state.accounts.values().find(|account| account.noreply_email() == identity.email);
    found.map_or(Value::Null, |account| user(state, account.id))
}

/// A `commit` as lists show it, without stats and files.
pub fn commit(state: &State, repository: &Repository, commit: &Commit) -> Value {
    let api = api_url(state, repository);
    let page = page_url(state, repository);
    let sha = &commit.sha;
    let parents: Vec<Value> = commit
        .parents
        .iter()
        .map(|p| json!({ "sha": p, "url": format!("{api}/commits/{p}"), "html_url": format!("{page}/commit/{p}") }))
        .collect();
    json!({
        "sha": sha,
        "node_id": node_id("Commit", sha),
        "url": format!("{api}/commits/{sha}"),
        "html_url": format!("{page}/commit/{sha}"),
        "comments_url": format!("{api}/commits/{sha}/comments"),
        "commit": {
            "url": format!("{api}/git/commits/{sha}"),
            "author": identity(&commit.author),
            "committer": identity(&commit.committer),
            "message": commit.message,
            "tree": { "sha": commit.tree, "url": format!("{api}/git/trees/{}", commit.tree) },
            "comment_count": 0,
            "verification": verification(repository, sha),
        },
        "author": account(state, &commit.author),
        "committer": account(state, &commit.committer),
        "parents": parents,
    })
}

/// A `git-commit`: the Git Data API's view.
pub fn git_commit(state: &State, repository: &Repository, commit: &Commit) -> Value {
    let api = api_url(state, repository);
    let page = page_url(state, repository);
    let sha = &commit.sha;
    let parents: Vec<Value> = commit
        .parents
        .iter()
        .map(|p| json!({ "sha": p, "url": format!("{api}/git/commits/{p}"), "html_url": format!("{page}/commit/{p}") }))
        .collect();
    json!({
        "sha": sha,
        "node_id": node_id("Commit", sha),
        "url": format!("{api}/git/commits/{sha}"),
        "html_url": format!("{page}/commit/{sha}"),
        "author": identity(&commit.author),
        "committer": identity(&commit.committer),
        "message": commit.message,
        "tree": { "sha": commit.tree, "url": format!("{api}/git/trees/{}", commit.tree) },
        "parents": parents,
        "verification": verification(repository, sha),
    })
}

/// A `diff-entry`.
pub fn file_change(state: &State, repository: &Repository, change: &FileChange, sha: &str) -> Value {
    let api = api_url(state, repository);
    let page = page_url(state, repository);
    let path = url_path(&change.path);
    let mut value = json!({
        "sha": change.sha,
        "filename": change.path,
        "status": change.status.as_str(),
        "additions": change.additions,
        "deletions": change.deletions,
        "changes": change.additions + change.deletions,
        "blob_url": format!("{page}/blob/{sha}/{path}"),
        "raw_url": format!("{page}/raw/{sha}/{path}"),
        "contents_url": format!("{api}/contents/{path}?ref={sha}"),
    });
    if let Some(patch) = &change.patch {
        value["patch"] = json!(patch);
    }
    if let Some(previous) = &change.previous_path {
        value["previous_filename"] = json!(previous);
    }
    value
}

/// A `git-ref`.
pub fn git_ref(state: &State, repository: &Repository, git: &Git, name: &str, sha: &str) -> Result<Value> {
    let api = api_url(state, repository);
    let kind = git.object_type(sha)?.unwrap_or_else(|| "commit".to_owned());
    let folder = if kind == "tag" { "tags" } else { "commits" };
    Ok(json!({
        "ref": name,
        "node_id": node_id("Ref", name),
        "url": format!("{api}/git/{}", url_path(name)),
        "object": { "sha": sha, "type": kind, "url": format!("{api}/git/{folder}/{sha}") },
    }))
}

/// A commit as push events show it.
pub fn pushed_commit(state: &State, repository: &Repository, git: &Git, commit: &Commit) -> Result<Value> {
    let mut lists: [Vec<String>; 3] = Default::default();
    let empty_tree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
    let from = commit.parents.first().map_or(empty_tree, String::as_str);
    for change in git.changes(from, &commit.sha)? {
        let slot = match change.status {
            crate::git::FileStatus::Added | crate::git::FileStatus::Copied => 0,
            crate::git::FileStatus::Removed => 1,
            crate::git::FileStatus::Modified | crate::git::FileStatus::Renamed | crate::git::FileStatus::Changed => 2,
        };
        lists[slot].push(change.path);
    }
    let [added, removed, modified] = lists;
    Ok(json!({
        "id": commit.sha,
        "tree_id": commit.tree,
        "distinct": true,
        "message": commit.message,
        "timestamp": stamp(commit.committer.date),
        "url": format!("{}/commit/{}", page_url(state, repository), commit.sha),
        "author": { "name": commit.author.name, "email": commit.author.email, "date": stamp(commit.author.date) },
        "committer": {
            "name": commit.committer.name, "email": commit.committer.email, "date": stamp(commit.committer.date),
        },
        "added": added, "removed": removed, "modified": modified,
    }))
}

/// A comment on a commit as a whole.
pub fn comment(state: &State, repository: &Repository, comment: &CommitComment) -> Value {
    let api = api_url(state, repository);
    let page = page_url(state, repository);
    json!({
        "html_url": format!("{page}/commit/{}#commitcomment-{}", comment.sha, comment.id),
        "url": format!("{api}/comments/{}", comment.id), "id": comment.id,
        "node_id": node_id("CommitComment", comment.id), "body": comment.body, "path": null, "position": null,
        "line": null, "commit_id": comment.sha, "user": user(state, comment.user),
        "created_at": stamp(comment.created_at), "updated_at": stamp(comment.created_at),
        "author_association": association(state, repository, comment.user),
    })
}
