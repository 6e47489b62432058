//! Files through the contents API.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Call;
use super::git_data::{bot_identity, identity_of};
use crate::answer::{Answer, Body, Handled, Refusal};
use crate::git::{NewCommit, TreeChange, TreeEntry};
use crate::render::{commits, repositories, url_path};

/// Above this, only the raw media type gives the content:
/// <https://docs.github.com/en/rest/repos/contents#get-repository-content>
const MAX_INLINE_BYTES: usize = 1_000_000;

/// What every kind of entry shows.
fn entry_common(call: &Call<'_>, entry: &TreeEntry, reference: &str) -> Result<Value, Refusal> {
    let repository = call.repo()?;
    let api = repositories::api_url(call.state, repository);
    let page = repositories::page_url(call.state, repository);
    let path = url_path(&entry.path);
    let reference = url_path(reference);
    let (kind, object, view) = match (entry.kind.as_str(), entry.mode.as_str()) {
        ("tree", _) => ("dir", "trees", "tree"),
        ("commit", _) => ("submodule", "trees", "tree"),
        (_, "120000") => ("symlink", "blobs", "blob"),
        _ => ("file", "blobs", "blob"),
    };
    let url = format!("{api}/contents/{path}?ref={reference}");
    let git_url = format!("{api}/git/{object}/{}", entry.sha);
    let html_url = format!("{page}/{view}/{reference}/{path}");
    let download_url = (object == "blobs").then(|| format!("{page}/raw/{reference}/{path}"));
    Ok(json!({
        "type": kind,
        "name": entry.path.rsplit('/').next(),
        "path": entry.path,
        "sha": entry.sha,
        "size": entry.size.unwrap_or(0),
        "url": url, "git_url": git_url, "html_url": html_url, "download_url": download_url,
        "_links": { "self": url, "git": git_url, "html": html_url },
    }))
}

/// `GET /repos/{owner}/{repo}/contents/{path}`
pub fn get(call: &mut Call<'_>) -> Handled {
    let git = call.git()?;
    let reference = call.asked("ref").unwrap_or(&call.repo()?.default_branch).to_owned();
    let path = call.parameter("path").trim_matches('/').to_owned();
    let missing = || Refusal::new(404, format!("No commit found for the ref {reference}"));
    let commit = git.commit(reference.trim_start_matches("refs/"))?.ok_or_else(missing)?;
    let entry = if path.is_empty() { None } else { git.entry(&commit.tree, &path)? };
    let entry = match entry {
        None if path.is_empty() => None,
        None => return Err(Refusal::not_found()),
        Some(entry) if entry.kind == "tree" => None,
        Some(entry) => Some(entry),
    };
    let Some(entry) = entry else { return list_directory(call, &git, &commit.tree, &path, &reference) };
    let mut value = entry_common(call, &entry, &reference)?;
    if entry.kind == "commit" {
        value["submodule_git_url"] = Value::Null;
        return Ok(Answer::ok(value));
    }
    let bytes = git.blob(&entry.sha)?;
    if call.accept.contains("raw") {
        return Ok(Answer::raw("application/vnd.github.raw+json; charset=utf-8", bytes));
    }
    if entry.mode == "120000" {
        value["target"] = json!(String::from_utf8_lossy(&bytes));
        return Ok(Answer::ok(value));
    }
    let inline = bytes.len() <= MAX_INLINE_BYTES;
    value["encoding"] = json!(if inline { "base64" } else { "none" });
    value["content"] = json!(if inline { wrapped_base64(&bytes) } else { String::new() });
    Ok(Answer::ok(value))
}

fn list_directory(call: &Call<'_>, git: &crate::git::Git, tree: &str, path: &str, reference: &str) -> Handled {
    let spec = if path.is_empty() { tree.to_owned() } else { format!("{tree}:{path}") };
    let mut items = Vec::new();
    for mut entry in git.list_tree(&spec, false)? {
        if !path.is_empty() {
            entry.path = format!("{path}/{}", entry.path);
        }
        items.push(entry_common(call, &entry, reference)?);
    }
    // Not paged: GitHub gives up to 1,000 entries at once.
    Ok(Answer::ok(Value::Array(items)))
}

/// GitHub breaks base64 into lines of 60 characters; clients must cope.
pub fn wrapped_base64(bytes: &[u8]) -> String {
    let text = STANDARD.encode(bytes);
    let mut wrapped = String::with_capacity(text.len() + text.len() / 60 + 1);
    for (index, character) in text.chars().enumerate() {
        if index > 0 && index % 60 == 0 {
            wrapped.push('\n');
        }
        wrapped.push(character);
    }
    wrapped + "\n"
}

/// `PUT /repos/{owner}/{repo}/contents/{path}`
pub fn put(call: &mut Call<'_>) -> Handled {
    let git = call.git()?;
    let path = call.parameter("path").trim_matches('/').to_owned();
    let branch = call.text("branch").unwrap_or(&call.repo()?.default_branch).to_owned();
    let name = format!("refs/heads/{branch}");
    let tip = git.read_ref(&name)?.ok_or_else(|| Refusal::new(404, format!("Branch {branch} not found")))?;
    let content: String = call.text("content").unwrap_or_default().split_whitespace().collect();
    let bytes = STANDARD.decode(content).map_err(|_| Refusal::new(422, "content is not valid Base64"))?;
    if path.starts_with(".github/workflows/") && !may_write_workflows(call) {
        return Err(Refusal::not_accessible());
    }
    let old = git.entry(&format!("{tip}^{{tree}}"), &path)?;
    match (&old, call.text("sha")) {
        (Some(_), None) => return Err(Refusal::new(422, "Invalid request.\n\n\"sha\" wasn't supplied.")),
        (Some(entry), Some(sha)) if entry.sha != sha => {
            return Err(Refusal::new(409, format!("{path} does not match {sha}")));
        }
        (Some(_) | None, _) => {}
    }
    let blob = git.write_blob(&bytes)?;
    let mode = old.as_ref().map_or("100644", |entry| entry.mode.as_str()).to_owned();
    let change = TreeChange { path: path.clone(), mode, sha: Some(blob) };
    let tree = git.write_tree(Some(&format!("{tip}^{{tree}}")), &[change])?;
    let default = bot_identity(call)?;
    let author = identity_of(call, "author", &default)?;
    let committer = identity_of(call, "committer", &default)?;
    let message = call.text("message").unwrap_or_default();
    let parents = [tip.clone()];
    let new = NewCommit { tree: &tree, parents: &parents, message, author: &author, committer: &committer };
    let sha = git.write_commit(&new)?;
    if !git.move_ref(&name, &sha, Some(&tip))? {
        return Err(Refusal::new(409, "is at a different commit than expected"));
    }
    if call.body["author"].is_null() && call.body["committer"].is_null() {
        call.repo_mut()?.signed_commits.insert(sha.clone());
    }
    call.announce()?;
    let entry = git.entry(&tree, &path)?.ok_or_else(Refusal::not_found)?;
    let commit = git.commit(&sha)?.ok_or_else(Refusal::not_found)?;
    let value = json!({
        "content": entry_common(call, &entry, &branch)?,
        "commit": commits::git_commit(call.state, call.repo()?, &commit),
    });
    let status = if old.is_some() { 200 } else { 201 };
    Ok(Answer { status, body: Body::Json(value), headers: Vec::new() })
}

/// Workflow files need a permission of their own:
/// <https://docs.github.com/en/rest/authentication/permissions-required-for-github-apps#repository-permissions-for-workflows>
pub fn may_write_workflows(call: &Call<'_>) -> bool {
    match &call.caller {
        crate::auth::Caller::Installation { permissions, .. } => permissions.contains_key("workflows"),
        crate::auth::Caller::Anonymous | crate::auth::Caller::User(_) | crate::auth::Caller::App(_) => true,
    }
}
