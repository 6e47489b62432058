//! Forks, and pull requests whose head is in one.

use anyhow::Result;
use serde_json::Value;

use super::Call;
use crate::answer::{Answer, Body, Handled, Refusal};
use crate::auth::Caller;
use crate::control::setup::new_repository;
use crate::events::{Audience, Event, emit};
use crate::git::Git;
use crate::render::repositories as render;
use crate::store::{PullRequest, Role, State};

/// `POST /repos/{owner}/{repo}/forks`: the caller's fork; the one they have, if they have one.
pub fn create(call: &mut Call<'_>) -> Handled {
    // An app needs to be installed on the account that gets the fork, with administration; none here is.
    let Caller::User(person) = call.caller else { return Err(Refusal::not_accessible()) };
    let owner = match call.text("organization") {
        None => person,
        Some(login) => call.state.account_by_login(login).map(|found| found.id).ok_or_else(Refusal::not_found)?,
    };
    let parent = call.repo()?;
    let of = |found: &&crate::store::Repository| found.fork_of == Some(parent.id) && found.owner == owner;
    if let Some(known) = call.state.repositories.values().find(of) {
        return Ok(accepted(render::repository(call.state, known)));
    }
    if parent.owner == owner {
        return Err(Refusal::new(403, "You cannot fork your own repository into the same account."));
    }
    let name = call.text("name").unwrap_or(&parent.name).to_owned();
    let (from, branch, private, source) =
        (parent.git_dir.clone(), parent.default_branch.clone(), parent.private, parent.id);
    let only = (call.body["default_branch_only"] == Value::Bool(true)).then(|| branch.clone());
    let id = new_repository(call.state, owner, (&name, &branch), private)?;
    let found = call.state.repositories.get_mut(&id).ok_or_else(Refusal::not_found)?;
    let git = Git::at(&found.git_dir);
    git.copy_branches(&from, only.as_deref())?;
    found.announced_refs = git.refs()?;
    found.fork_of = Some(source);
    found.roles.insert(person, Role::Admin);
    let value = call.state.repositories.get(&id).map_or(Value::Null, |found| render::repository(call.state, found));
    let event = Event {
        name: "fork",
        action: None,
        repository: Some(call.repository),
        sender: person,
        payload: serde_json::json!({ "forkee": value }),
        audience: Audience::Subscribers,
    };
    emit(call.state, &event);
    Ok(accepted(value))
}

fn accepted(value: Value) -> Answer {
    Answer { status: 202, body: Body::Json(value), headers: Vec::new() }
}

/// `GET /repos/{owner}/{repo}/forks`, newest first.
pub fn list(call: &mut Call<'_>) -> Handled {
    let all = call.state.repositories.values().rev().filter(|found| found.fork_of == Some(call.repository));
    Ok(Answer::list(all.map(|found| render::repository(call.state, found)).collect()))
}

/// The head of a pull request that is to be made.
#[derive(Debug)]
pub struct Head {
    /// The repository that has the branch.
    pub repository: u64,
    /// The branch.
    pub branch: String,
    /// Its tip, which the base repository has by now.
    pub sha: String,
}

/// Finds `head`, a branch of this repository or `owner:branch` of a fork, and takes its commits over.
///
/// # Errors
/// 422 for a branch that does not exist, 403 for one the caller may not offer.
pub fn head(call: &Call<'_>) -> Result<Head, Refusal> {
    let invalid = || Refusal::invalid_field("PullRequest", "head", "invalid");
    let repository = call.repo()?;
    let text = call.text("head").unwrap_or_default();
    let (owner, branch) = text.split_once(':').unwrap_or((call.state.login(repository.owner), text));
    let owns = |found: &&crate::store::Repository| call.state.login(found.owner).eq_ignore_ascii_case(owner);
    let mut family = call
        .state
        .repositories
        .values()
        .filter(|found| found.id == repository.id || found.fork_of == Some(repository.id));
    let of = family.find(owns).ok_or_else(invalid)?;
    let may = match &call.caller {
        Caller::User(id) => call.state.role(of, *id) >= Role::Write,
        // An installation reaches its own repositories only.
        Caller::Installation { repositories, .. } => repositories.contains(&of.id),
        Caller::Anonymous | Caller::App(_) => false,
    };
    if !may {
        return Err(Refusal::new(403, "Must be a collaborator to create a pull request from this repository's branch"));
    }
    let sha = Git::at(&of.git_dir).read_ref(&format!("refs/heads/{branch}"))?.ok_or_else(invalid)?;
    if of.id != repository.id {
        // Under the ref that the pull request will have.
        let name = format!("refs/pull/{}/head", repository.next_number());
        call.git()?.fetch(&of.git_dir, &sha, &name)?;
    }
    Ok(Head { repository: of.id, branch: branch.to_owned(), sha })
}

/// The tip of a pull request's branch now, taken over from a fork if it is in one; `None` when the branch is gone.
///
/// # Errors
/// When git fails.
pub fn tip(state: &State, base: u64, pull: &PullRequest, number: u64) -> Result<Option<String>> {
    let Some(of) = pull.head_repository.and_then(|id| state.repositories.get(&id)) else { return Ok(None) };
    let Some(sha) = Git::at(&of.git_dir).read_ref(&format!("refs/heads/{}", pull.head_ref))? else { return Ok(None) };
    if let Some(base) = state.repositories.get(&base).filter(|base| base.id != of.id) {
        Git::at(&base.git_dir).fetch(&of.git_dir, &sha, &format!("refs/pull/{number}/head"))?;
    }
    Ok(Some(sha))
}
