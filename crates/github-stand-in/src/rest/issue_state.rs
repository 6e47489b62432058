//! Opening and closing of issues and pull requests, from wherever it comes.

use anyhow::Result;
use serde_json::{Value, json};

use crate::events::{Audience, Event, emit};
use crate::render::{issues, pulls};
use crate::store::{IssueState, State};

/// Closes an open issue or pull request and tells the subscribers; does nothing if it is closed or missing.
///
/// # Errors
/// When git fails while the pull request is rendered.
pub fn close(state: &mut State, place: (u64, u64), actor: u64, reason: &str) -> Result<()> {
    set(state, place, actor, (IssueState::Closed, Some(reason)))
}

/// Opens or closes; nothing happens if it already is.
///
/// # Errors
/// When git fails while the pull request is rendered.
pub fn set(state: &mut State, place: (u64, u64), actor: u64, wanted: (IssueState, Option<&str>)) -> Result<()> {
    let (repository, number) = place;
    let now = state.now();
    let Some(found) = state.repositories.get_mut(&repository) else { return Ok(()) };
    let Some(issue) = found.issues.get_mut(&number) else { return Ok(()) };
    if issue.state == wanted.0 {
        return Ok(());
    }
    let closing = wanted.0 == IssueState::Closed;
    issue.state = wanted.0;
    issue.updated_at = now;
    issue.closed_at = closing.then_some(now);
    issue.closed_by = closing.then_some(actor);
    if issue.pull.is_none() {
        issue.state_reason = Some(wanted.1.unwrap_or(if closing { "completed" } else { "reopened" }).to_owned());
    }
    tell(state, place, actor, if closing { "closed" } else { "reopened" }, json!({}))
}

/// Records that a pull request's commits are in its base.
pub fn mark_merged(state: &mut State, place: (u64, u64), actor: u64, merge_commit: &str) {
    let (repository, number) = place;
    let now = state.now();
    let found = state.repositories.get_mut(&repository).and_then(|found| found.issues.get_mut(&number));
    if let Some(pull) = found.and_then(|issue| issue.pull.as_mut()) {
        pull.merged_at = Some(now);
        pull.merged_by = Some(actor);
        pull.merge_commit_sha = Some(merge_commit.to_owned());
    }
}

/// Sends `issues` or `pull_request` with an action, whichever the number is.
///
/// # Errors
/// When git fails while the pull request is rendered.
pub fn tell(state: &mut State, place: (u64, u64), actor: u64, action: &'static str, more: Value) -> Result<()> {
    let (repository, number) = place;
    let Some(found) = state.repositories.get(&repository) else { return Ok(()) };
    let Some(issue) = found.issues.get(&number) else { return Ok(()) };
    let (name, mut payload) = match &issue.pull {
        None => ("issues", json!({ "issue": issues::issue(state, found, issue) })),
        Some(pull) => {
            let full = pulls::full(state, found, issue, pull)?;
            ("pull_request", json!({ "number": number, "pull_request": full }))
        }
    };
    crate::render::accounts::merge(&mut payload, more);
    let event = Event {
        name,
        action: Some(action),
        repository: Some(repository),
        sender: actor,
        payload,
        audience: Audience::Subscribers,
    };
    emit(state, &event);
    Ok(())
}
