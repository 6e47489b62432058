//! What people do with issues that GitHub offers by GraphQL or on its pages only: delete, transfer, draft.

use serde_json::json;

use super::issue_state;
use crate::answer::Refusal;
use crate::render::{issues, repositories};
use crate::store::{IssueState, Role, State};

fn require(state: &State, repository: u64, actor: u64, role: Role) -> Result<(), Refusal> {
    let found = state.repositories.get(&repository).ok_or_else(Refusal::not_found)?;
    if state.role(found, actor) < role {
        return Err(Refusal::new(403, "Must have admin rights to Repository."));
    }
    Ok(())
}

/// Deletes an issue: <https://docs.github.com/en/issues/tracking-your-work-with-issues/using-issues/deleting-an-issue>
///
/// # Errors
/// 403 for everybody but admins, 422 for a pull request.
pub fn delete(state: &mut State, place: (u64, u64), actor: u64) -> Result<(), Refusal> {
    require(state, place.0, actor, Role::Admin)?;
    plain(state, place)?;
    issue_state::tell(state, place, actor, "deleted", json!({}))?;
    take_out(state, place, None);
    Ok(())
}

fn plain(state: &State, place: (u64, u64)) -> Result<(), Refusal> {
    let found = state.repositories.get(&place.0).and_then(|found| found.issues.get(&place.1));
    match &found.ok_or_else(Refusal::not_found)?.pull {
        None => Ok(()),
        Some(_) => Err(Refusal::new(422, "Pull requests cannot be deleted or transferred")),
    }
}

fn take_out(state: &mut State, place: (u64, u64), to: Option<String>) {
    if let Some(found) = state.repositories.get_mut(&place.0) {
        found.issues.remove(&place.1);
        found.comments.retain(|_, comment| comment.issue != place.1);
        found.moved_issues.insert(place.1, to);
    }
}

/// Transfers an issue to another repository and gives its new number:
/// <https://docs.github.com/en/issues/tracking-your-work-with-issues/administering-issues/transferring-an-issue-to-another-repository>
///
/// # Errors
/// 403 without write access to both, 422 for another owner's repository or a pull request.
pub fn transfer(state: &mut State, place: (u64, u64), to: u64, actor: u64) -> Result<u64, Refusal> {
    require(state, place.0, actor, Role::Write)?;
    require(state, to, actor, Role::Write)?;
    plain(state, place)?;
    let (from, target) = (&state.repositories[&place.0], &state.repositories[&to]);
    if from.owner != target.owner || from.id == target.id {
        return Err(Refusal::new(422, "Issues can be transferred between repositories of one owner only"));
    }
    let old = from.issues.get(&place.1).ok_or_else(Refusal::not_found)?.clone();
    let comments: Vec<_> = from.comments_of(place.1).cloned().collect();
    let (id, now) = (state.fresh_id(), state.now());
    let Some(target) = state.repositories.get_mut(&to) else { return Err(Refusal::not_found()) };
    let number = target.next_number();
    let mut new = old;
    // Only labels of the same name go along.
    new.labels.retain(|name| target.label(name).is_some());
    (new.id, new.number, new.updated_at) = (id, number, now);
    target.issues.insert(number, new.clone());
    for mut comment in comments {
        comment.issue = number;
        target.comments.insert(comment.id, comment);
    }
    let (from, target) = (&state.repositories[&place.0], &state.repositories[&to]);
    let changes = json!({
        "new_issue": issues::issue(state, target, &new), "new_repository": repositories::repository(state, target),
    });
    let url = format!("{}/issues/{number}", repositories::api_url(state, target));
    let old_issue = from.issues.get(&place.1).map(|old| issues::issue(state, from, old));
    let opened = json!({ "old_issue": old_issue, "old_repository": repositories::repository(state, from) });
    issue_state::tell(state, place, actor, "transferred", json!({ "changes": changes }))?;
    take_out(state, place, Some(url));
    issue_state::tell(state, (to, number), actor, "opened", json!({ "changes": opened }))?;
    Ok(number)
}

/// Makes a pull request a draft, or ready:
/// <https://docs.github.com/en/pull-requests/collaborating-with-pull-requests/proposing-changes-to-your-work-with-pull-requests/changing-the-stage-of-a-pull-request>
///
/// # Errors
/// 403 without write access by another than the author, 422 when it is closed.
pub fn set_draft(state: &mut State, place: (u64, u64), actor: u64, draft: bool) -> Result<(), Refusal> {
    let found = state.repositories.get(&place.0).and_then(|found| found.issues.get(&place.1));
    let issue = found.ok_or_else(Refusal::not_found)?;
    let (author, open) = (issue.user, issue.state == IssueState::Open);
    if author != actor {
        require(state, place.0, actor, Role::Write)?;
    }
    if !open {
        return Err(Refusal::new(422, "The pull request is closed"));
    }
    let found = state.repositories.get_mut(&place.0).and_then(|found| found.issues.get_mut(&place.1));
    let pull = found.and_then(|issue| issue.pull.as_mut()).ok_or_else(Refusal::not_found)?;
    if pull.draft == draft {
        return Ok(());
    }
    pull.draft = draft;
    let action = if draft { "converted_to_draft" } else { "ready_for_review" };
    Ok(issue_state::tell(state, place, actor, action, json!({}))?)
}
