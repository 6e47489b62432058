//! Renaming, transferring, archiving and deleting repositories; the default branch.

use anyhow::Result;
use serde_json::{Value, json};

use super::Call;
use crate::answer::{Answer, Body, Handled, Refusal};
use crate::events::{Audience, Event, emit};
use crate::render::{accounts, repositories as render};
use crate::store::{Role, State};

/// `PATCH /repos/{owner}/{repo}`
pub fn update(call: &mut Call<'_>) -> Handled {
    if call.repo()?.archived && call.body["archived"] != Value::Bool(false) {
        return Err(Refusal::new(403, "Repository was archived so is read-only."));
    }
    if let Some(name) = call.text("name").map(str::to_owned).filter(|name| call.repo().is_ok_and(|r| r.name != *name)) {
        rename(call, &name)?;
    }
    if let Some(branch) = call.text("default_branch").map(str::to_owned) {
        set_default_branch(call, &branch)?;
    }
    if let Some(text) = call.text("description").map(str::to_owned) {
        let before = call.repo_mut()?.description.replace(text);
        call.tell("repository", "edited", json!({ "changes": { "description": { "from": before } } }))?;
    }
    if let Some(archived) =
        call.body["archived"].as_bool().filter(|wanted| call.repo().is_ok_and(|r| r.archived != *wanted))
    {
        call.repo_mut()?.archived = archived;
        call.tell("repository", if archived { "archived" } else { "unarchived" }, json!({}))?;
    }
    let mut value = render::repository(call.state, call.repo()?);
    value["permissions"] = render::permissions(Role::Admin);
    Ok(Answer::ok(value))
}

fn rename(call: &mut Call<'_>, name: &str) -> Result<(), Refusal> {
    let repository = call.repo()?;
    let owner = call.state.login(repository.owner).to_owned();
    if call.state.repository_by_name(&owner, name).is_some_and(|found| found.id != call.repository) {
        return Err(Refusal::invalid("Repository", "name already exists on this account"));
    }
    let before = repository.name.clone();
    leave_name(call.state, call.repository);
    name.clone_into(&mut call.repo_mut()?.name);
    call.state.former_names.remove(&format!("{owner}/{name}").to_lowercase());
    call.tell("repository", "renamed", json!({ "changes": { "repository": { "name": { "from": before } } } }))
}

fn leave_name(state: &mut State, id: u64) {
    if let Some(found) = state.repositories.get(&id) {
        let name = state.full_name(found).to_lowercase();
        state.former_names.insert(name, id);
    }
}

fn set_default_branch(call: &mut Call<'_>, branch: &str) -> Result<(), Refusal> {
    let git = call.git()?;
    if git.read_ref(&format!("refs/heads/{branch}"))?.is_none() {
        let message =
            format!("The branch {branch} was not found. Please push that ref first or create it via the Git Data API.");
        return Err(Refusal::invalid("Repository", message));
    }
    let before = call.repo()?.default_branch.clone();
    if before == branch {
        return Ok(());
    }
    git.run(&["symbolic-ref", "HEAD", &format!("refs/heads/{branch}")])?;
    branch.clone_into(&mut call.repo_mut()?.default_branch);
    call.tell("repository", "edited", json!({ "changes": { "default_branch": { "from": before } } }))
}

/// `POST /repos/{owner}/{repo}/transfer`. Between a person's own accounts it happens at once.
pub fn transfer(call: &mut Call<'_>) -> Handled {
    let actor = call.actor()?;
    let login = call.text("new_owner").unwrap_or_default().to_owned();
    let owner = call.state.account_by_login(&login).map(|account| account.id);
    let owner = owner.ok_or_else(|| Refusal::invalid_field("Repository", "new_owner", "invalid"))?;
    let repository = call.repo()?;
    let (before, name) = (repository.owner, call.text("new_name").unwrap_or(&repository.name).to_owned());
    if call.state.repository_by_name(&login, &name).is_some() {
        return Err(Refusal::invalid("Repository", "name already exists on the new account"));
    }
    leave_name(call.state, call.repository);
    let found = call.repo_mut()?;
    (found.owner, found.name) = (owner, name);
    // Who had it keeps access as a collaborator:
    // https://docs.github.com/en/repositories/creating-and-managing-repositories/transferring-a-repository
    found.roles.insert(before, Role::Write);
    found.roles.insert(actor, Role::Admin);
    let organization =
        call.state.accounts.get(&before).is_some_and(|one| one.kind == crate::store::AccountKind::Organization);
    let from = if organization { "organization" } else { "user" };
    let changes = json!({ "changes": { "owner": { "from": { from: accounts::user(call.state, before) } } } });
    call.tell("repository", "transferred", changes)?;
    leave_installations(call.state, call.repository, owner);
    let value = render::repository(call.state, call.repo()?);
    Ok(Answer { status: 202, body: Body::Json(value), headers: Vec::new() })
}

/// An installation covers repositories of its own account only.
fn leave_installations(state: &mut State, repository: u64, owner: u64) {
    let leaves = |one: &&crate::store::Installation| one.account != owner && one.repositories.contains(&repository);
    let ids: Vec<u64> = state.installations.values().filter(leaves).map(|one| one.id).collect();
    for id in ids {
        if let Some(found) = state.installations.get_mut(&id) {
            found.repositories.remove(&repository);
        }
        crate::control::setup::tell_installation(state, id, ("installation_repositories", "removed"), &[repository]);
    }
}

/// `DELETE /repos/{owner}/{repo}`. Pull requests from it stay, without a head repository.
pub fn delete(call: &mut Call<'_>) -> Handled {
    let (id, sender) = (call.repository, call.actor()?);
    let audience = Audience::Subscribers;
    let payload = json!({});
    let event = Event { name: "repository", action: Some("deleted"), repository: Some(id), sender, payload, audience };
    emit(call.state, &event);
    call.state.repositories.remove(&id);
    call.state.former_names.retain(|_, named| *named != id);
    for installation in call.state.installations.values_mut() {
        installation.repositories.remove(&id);
    }
    for found in call.state.repositories.values_mut() {
        if found.fork_of == Some(id) {
            found.fork_of = None;
        }
        for pull in found.issues.values_mut().filter_map(|issue| issue.pull.as_mut()) {
            if pull.head_repository == Some(id) {
                pull.head_repository = None;
            }
        }
    }
    Ok(Answer::no_content())
}
