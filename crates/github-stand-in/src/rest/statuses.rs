//! Commit statuses.

use serde_json::{Value, json};

use super::Call;
use crate::answer::{Answer, Handled, Refusal};
use crate::events::{Audience, Event, emit};
use crate::render::{checks as render, commits, repositories};
use crate::store::CommitStatus;

/// GitHub refuses longer descriptions.
const MAX_DESCRIPTION_CHARS: usize = 140;

/// `POST /repos/{owner}/{repo}/statuses/{sha}`
pub fn create(call: &mut Call<'_>) -> Handled {
    let sha = call.parameter("sha").to_owned();
    if call.git()?.object_type(&sha)?.as_deref() != Some("commit") {
        return Err(Refusal::new(422, format!("No commit found for SHA: {sha}")));
    }
    let description = call.text("description").map(str::to_owned);
    if description.as_ref().is_some_and(|text| text.chars().count() > MAX_DESCRIPTION_CHARS) {
        return Err(Refusal::invalid("Status", "description is too long (maximum is 140 characters)"));
    }
    let status = CommitStatus {
        id: call.state.fresh_id(),
        sha,
        state: call.text("state").unwrap_or_default().to_owned(),
        context: call.text("context").unwrap_or("default").to_owned(),
        description,
        target_url: call.text("target_url").map(str::to_owned),
        creator: call.actor()?,
        created_at: call.state.now(),
    };
    call.repo_mut()?.statuses.push(status.clone());
    tell(call, &status)?;
    Ok(Answer::created(render::status(call.state, call.repo()?, &status)))
}

/// `GET /repos/{owner}/{repo}/commits/{ref}/statuses`: every status, newest first.
pub fn list(call: &mut Call<'_>) -> Handled {
    let name = call.parameter("ref");
    let sha = call.git()?.resolve_commit(name.trim_start_matches("refs/"))?.ok_or_else(Refusal::not_found)?;
    let repository = call.repo()?;
    let found = repository.statuses.iter().rev().filter(|status| status.sha == sha);
    Ok(Answer::list(found.map(|status| render::status(call.state, repository, status)).collect()))
}

/// `GET /repos/{owner}/{repo}/commits/{ref}/status`: the latest status of each context, and their sum.
pub fn combined(call: &mut Call<'_>) -> Handled {
    let name = call.parameter("ref");
    let sha = call.git()?.resolve_commit(name.trim_start_matches("refs/"))?.ok_or_else(Refusal::not_found)?;
    let repository = call.repo()?;
    let mut latest: Vec<&CommitStatus> = Vec::new();
    for status in repository.statuses.iter().rev().filter(|status| status.sha == sha) {
        if !latest.iter().any(|newer| newer.context == status.context) {
            latest.push(status);
        }
    }
    let has = |state: &str| latest.iter().any(|status| status.state == state);
    let state = if has("failure") || has("error") {
        "failure"
    } else if latest.is_empty() || has("pending") {
        "pending"
    } else {
        "success"
    };
    let api = repositories::api_url(call.state, repository);
    let statuses: Vec<Value> = latest.iter().map(|status| render::status(call.state, repository, status)).collect();
    Ok(Answer::ok(json!({
        "state": state, "statuses": statuses, "sha": sha, "total_count": latest.len(),
        "repository": repositories::repository(call.state, repository),
        "commit_url": format!("{api}/commits/{sha}"), "url": format!("{api}/commits/{sha}/status"),
    })))
}

/// Sends `status`, which has no action.
fn tell(call: &mut Call<'_>, status: &CommitStatus) -> Result<(), Refusal> {
    let repository = call.repo()?;
    let commit = call.git()?.commit(&status.sha)?.ok_or_else(Refusal::not_found)?;
    let branches = repository.announced_refs.iter().filter(|(_, sha)| **sha == status.sha);
    let branches: Vec<Value> = branches
        .filter_map(|(name, sha)| Some((name.strip_prefix("refs/heads/")?, sha)))
        .map(|(name, sha)| {
            let url = format!("{}/commits/{sha}", repositories::api_url(call.state, repository));
            json!({ "name": name, "commit": { "sha": sha, "url": url }, "protected": false })
        })
        .collect();
    let shown = render::status(call.state, repository, status);
    let payload = json!({
        "id": status.id, "sha": status.sha, "name": call.state.full_name(repository), "context": status.context,
        "avatar_url": shown["avatar_url"], "target_url": status.target_url, "description": status.description,
        "state": status.state, "commit": commits::commit(call.state, repository, &commit), "branches": branches,
        "created_at": shown["created_at"], "updated_at": shown["updated_at"],
    });
    let (repository, sender) = (Some(call.repository), call.actor()?);
    let audience = Audience::Subscribers;
    emit(call.state, &Event { name: "status", action: None, repository, sender, payload, audience });
    Ok(())
}
