//! The Git Data API: blobs, trees, commits.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::Call;
use super::contents::wrapped_base64;
use crate::answer::{Answer, Handled, Refusal};
use crate::git::{Git, Identity, NewCommit, TreeChange, TreeEntry};
use crate::render::{commits, node_id, repositories};

/// Author and committer of what a caller makes without naming either.
pub fn bot_identity(call: &Call<'_>) -> Result<Identity, Refusal> {
    let account = call.state.accounts.get(&call.actor()?).ok_or_else(Refusal::not_found)?;
    Ok(Identity { name: account.login.clone(), email: account.noreply_email(), date: call.state.now() })
}

/// The `author` or `committer` of a body, or the default.
pub fn identity_of(call: &Call<'_>, member: &str, default: &Identity) -> Result<Identity, Refusal> {
    let given = &call.body[member];
    if given.is_null() {
        return Ok(default.clone());
    }
    let text = |name: &str, fallback: &str| given[name].as_str().unwrap_or(fallback).to_owned();
    let date = match given["date"].as_str() {
        Some(text) => DateTime::parse_from_rfc3339(text)
            .map_err(|_| Refusal::new(422, format!("`{text}` is not a valid date")))?
            .with_timezone(&Utc),
        None => default.date,
    };
    Ok(Identity { name: text("name", &default.name), email: text("email", &default.email), date })
}

/// `POST /repos/{owner}/{repo}/git/blobs`
pub fn create_blob(call: &mut Call<'_>) -> Handled {
    let content = call.text("content").unwrap_or_default();
    let bytes = match call.text("encoding").unwrap_or("utf-8") {
        "base64" => {
            let joined: String = content.split_whitespace().collect();
            STANDARD.decode(joined).map_err(|_| Refusal::new(422, "content is not valid Base64"))?
        }
        "utf-8" => content.as_bytes().to_vec(),
        other => return Err(Refusal::new(422, format!("Encoding {other} is not supported"))),
    };
    let sha = call.git()?.write_blob(&bytes)?;
    let url = format!("{}/git/blobs/{sha}", repositories::api_url(call.state, call.repo()?));
    Ok(Answer::created(json!({ "url": url, "sha": sha })))
}

/// `GET /repos/{owner}/{repo}/git/blobs/{file_sha}`
pub fn get_blob(call: &mut Call<'_>) -> Handled {
    let git = call.git()?;
    let sha = call.parameter("file_sha").to_owned();
    if git.object_type(&sha)?.as_deref() != Some("blob") {
        return Err(Refusal::not_found());
    }
    let bytes = git.blob(&sha)?;
    if call.accept.contains("raw") {
        return Ok(Answer::raw("application/vnd.github.raw+json; charset=utf-8", bytes));
    }
    Ok(Answer::ok(json!({
        "sha": sha,
        "node_id": node_id("Blob", &sha),
        "url": format!("{}/git/blobs/{sha}", repositories::api_url(call.state, call.repo()?)),
        "size": bytes.len(),
        "content": wrapped_base64(&bytes),
        "encoding": "base64",
    })))
}

fn tree_json(call: &Call<'_>, sha: &str, entries: &[TreeEntry]) -> Result<Value, Refusal> {
    let api = repositories::api_url(call.state, call.repo()?);
    let show = |entry: &TreeEntry| {
        let folder = if entry.kind == "tree" { "trees" } else { "blobs" };
        let mut value = json!({ "path": entry.path, "mode": entry.mode, "type": entry.kind, "sha": entry.sha });
        if entry.kind != "commit" {
            value["url"] = json!(format!("{api}/git/{folder}/{}", entry.sha));
        }
        if let Some(size) = entry.size {
            value["size"] = json!(size);
        }
        value
    };
    let tree: Vec<Value> = entries.iter().map(show).collect();
    Ok(json!({ "sha": sha, "url": format!("{api}/git/trees/{sha}"), "tree": tree, "truncated": false }))
}

/// `GET /repos/{owner}/{repo}/git/trees/{tree_sha}`; a branch or commit names its tree.
pub fn get_tree(call: &mut Call<'_>) -> Handled {
    let git = call.git()?;
    let name = call.parameter("tree_sha");
    if name.starts_with('-') {
        return Err(Refusal::not_found());
    }
    let found = git.ask(&["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{name}^{{tree}}")])?;
    let sha = found.ok_or_else(Refusal::not_found)?;
    // Any value of `recursive` counts, even 0 and false:
    // https://docs.github.com/en/rest/git/trees#get-a-tree
    let entries = git.list_tree(&sha, call.asked("recursive").is_some())?;
    Ok(Answer::ok(tree_json(call, &sha, &entries)?))
}

/// `POST /repos/{owner}/{repo}/git/trees`
pub fn create_tree(call: &mut Call<'_>) -> Handled {
    let git = call.git()?;
    let base = match call.text("base_tree") {
        None => None,
        Some(name) => {
            let known = git.object_type(name)?.is_some_and(|kind| kind == "tree" || kind == "commit");
            if !known {
                return Err(Refusal::new(404, "base_tree is not a valid tree oid"));
            }
            Some(git.run(&["rev-parse", &format!("{name}^{{tree}}")])?)
        }
    };
    let mut changes = Vec::new();
    for item in call.body["tree"].as_array().into_iter().flatten() {
        changes.push(tree_change(&git, item, base.as_deref())?);
    }
    if changes.is_empty() && base.is_none() {
        return Err(Refusal::new(422, "Invalid tree info"));
    }
    let workflows = changes.iter().any(|change| change.path.starts_with(".github/workflows"));
    if workflows && !super::contents::may_write_workflows(call) {
        return Err(Refusal::not_accessible());
    }
    let sha = git.write_tree(base.as_deref(), &changes)?;
    let entries = git.list_tree(&sha, false)?;
    Ok(Answer::created(tree_json(call, &sha, &entries)?))
}

fn tree_change(git: &Git, item: &Value, base: Option<&str>) -> Result<TreeChange, Refusal> {
    let invalid = |why: &str| Refusal::new(422, format!("tree.{why}"));
    let path = item["path"].as_str().ok_or_else(|| invalid("path is missing"))?.to_owned();
    let malformed = path.is_empty() || path.split('/').any(|part| matches!(part, "" | "." | ".." | ".git"));
    if malformed {
        return Err(Refusal::new(422, "tree.path contains a malformed path component"));
    }
    let mode = item["mode"].as_str().unwrap_or("100644").to_owned();
    if let Some(text) = item["content"].as_str() {
        return Ok(TreeChange { path, mode, sha: Some(git.write_blob(text.as_bytes())?) });
    }
    let Some(sha) = item["sha"].as_str() else {
        // `sha: null` removes a path of the base tree, which must be there.
        let known = base.map(|tree| git.entry(tree, &path)).transpose()?.flatten();
        return match known {
            Some(entry) => Ok(TreeChange { path, mode: entry.mode, sha: None }),
            None => Err(Refusal::new(422, "GitRPC::BadObjectState")),
        };
    };
    let kind = git.object_type(sha)?;
    let expected = match mode.as_str() {
        "040000" => "tree",
        "160000" => "commit",
        _ => "blob",
    };
    if expected != "commit" && kind.as_deref() != Some(expected) {
        return Err(Refusal::new(422, format!("tree.sha {sha} is not a valid {expected}")));
    }
    Ok(TreeChange { path, mode, sha: Some(sha.to_owned()) })
}

/// `POST /repos/{owner}/{repo}/git/commits`
pub fn create_commit(call: &mut Call<'_>) -> Handled {
    let git = call.git()?;
    let tree = call.text("tree").unwrap_or_default().to_owned();
    if git.object_type(&tree)?.as_deref() != Some("tree") {
        return Err(Refusal::new(422, "Tree SHA does not exist"));
    }
    let mut parents = Vec::new();
    for parent in call.body["parents"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if git.object_type(parent)?.as_deref() != Some("commit") {
            return Err(Refusal::new(422, "Parent SHA does not exist or is not a commit object"));
        }
        parents.push(parent.to_owned());
    }
    let default = bot_identity(call)?;
    let author = identity_of(call, "author", &default)?;
    let committer =
        if call.body["committer"].is_null() { author.clone() } else { identity_of(call, "committer", &default)? };
    let message = call.text("message").unwrap_or_default();
    let new = NewCommit { tree: &tree, parents: &parents, message, author: &author, committer: &committer };
    let sha = git.write_commit(&new)?;
    // GitHub signs a bot's commit only when the request names no author, committer or signature:
    // https://docs.github.com/en/authentication/managing-commit-signature-verification/about-commit-signature-verification#signature-verification-for-bots
    let custom = ["author", "committer", "signature"].iter().any(|member| !call.body[*member].is_null());
    if call.caller.app().is_some() && !custom {
        call.repo_mut()?.signed_commits.insert(sha.clone());
    }
    let commit = git.commit(&sha)?.ok_or_else(Refusal::not_found)?;
    Ok(Answer::created(commits::git_commit(call.state, call.repo()?, &commit)))
}

/// `GET /repos/{owner}/{repo}/git/commits/{commit_sha}`
pub fn get_commit(call: &mut Call<'_>) -> Handled {
    let git = call.git()?;
    let sha = call.parameter("commit_sha");
    if git.object_type(sha)?.as_deref() != Some("commit") {
        return Err(Refusal::not_found());
    }
    let commit = git.commit(sha)?.ok_or_else(Refusal::not_found)?;
    Ok(Answer::ok(commits::git_commit(call.state, call.repo()?, &commit)))
}
