//! Conversation comments of issues and pull requests.

use serde_json::{Value, json};

use super::Call;
use crate::answer::{Answer, Handled, Refusal};
use crate::auth::Caller;
use crate::render::issues as render;
use crate::store::{Comment, Role};

/// GitHub refuses longer texts with `body is too long (maximum is 65536 characters)`.
pub const MAX_BODY_CHARS: usize = 65_536;

/// A comment's text: not blank, not too long.
pub fn check_body(call: &Call<'_>, resource: &str) -> Result<String, Refusal> {
    let body = call.text("body").unwrap_or_default();
    if body.trim().is_empty() {
        return Err(Refusal::invalid_field(resource, "body", "missing_field"));
    }
    if body.chars().count() > MAX_BODY_CHARS {
        return Err(Refusal::invalid(resource, "body is too long (maximum is 65536 characters)"));
    }
    Ok(body.to_owned())
}

/// Who may not comment on a locked conversation. Apps may not, whatever they were granted:
/// <https://docs.github.com/en/communities/moderating-comments-and-conversations/locking-conversations>
pub fn refuse_locked(call: &Call<'_>, number: u64) -> Result<(), Refusal> {
    let locked = call.repo()?.issues.get(&number).is_some_and(|issue| issue.locked.is_some());
    let person = matches!(call.caller, Caller::User(_));
    if locked && !(person && call.role()? >= Role::Write) {
        return Err(Refusal::new(403, "Unable to create comment because issue is locked."));
    }
    Ok(())
}

fn comment<'a>(call: &'a Call<'_>) -> Result<&'a Comment, Refusal> {
    call.repo()?.comments.get(&call.number("comment_id")?).ok_or_else(Refusal::not_found)
}

/// `GET /repos/{owner}/{repo}/issues/{issue_number}/comments`, oldest first.
pub fn list(call: &mut Call<'_>) -> Handled {
    let number = call.issue("issue_number")?.number;
    let repository = call.repo()?;
    let since = call.asked("since").and_then(|text| chrono::DateTime::parse_from_rfc3339(text).ok());
    let found = repository.comments_of(number).filter(|comment| since.is_none_or(|at| comment.updated_at >= at));
    Ok(Answer::list(found.map(|comment| render::comment(call.state, repository, comment)).collect()))
}

/// `GET /repos/{owner}/{repo}/issues/comments/{comment_id}`
pub fn get(call: &mut Call<'_>) -> Handled {
    Ok(Answer::ok(render::comment(call.state, call.repo()?, comment(call)?)))
}

/// `POST /repos/{owner}/{repo}/issues/{issue_number}/comments`
pub fn create(call: &mut Call<'_>) -> Handled {
    let number = call.issue("issue_number")?.number;
    refuse_locked(call, number)?;
    let body = check_body(call, "IssueComment")?;
    let (user, app, now) = (call.actor()?, call.caller.app(), call.state.now());
    let id = call.state.fresh_id();
    let comment =
        Comment { id, issue: number, user, app, body, reactions: Vec::new(), created_at: now, updated_at: now };
    let repository = call.repo_mut()?;
    repository.comments.insert(id, comment);
    if let Some(issue) = repository.issues.get_mut(&number) {
        issue.updated_at = now;
    }
    tell(call, id, "created", json!({}))?;
    let repository = call.repo()?;
    let comment = repository.comments.get(&id).ok_or_else(Refusal::not_found)?;
    Ok(Answer::created(render::comment(call.state, repository, comment)))
}

/// `PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}`
pub fn update(call: &mut Call<'_>) -> Handled {
    let (id, author, old) = {
        let found = comment(call)?;
        (found.id, found.user, found.body.clone())
    };
    if author != call.actor()? && call.role()? < Role::Write {
        return Err(Refusal::new(403, "Must have admin rights to Repository."));
    }
    let body = check_body(call, "IssueComment")?;
    let now = call.state.now();
    let comment = call.repo_mut()?.comments.get_mut(&id).ok_or_else(Refusal::not_found)?;
    comment.body = body;
    comment.updated_at = now;
    tell(call, id, "edited", json!({ "changes": { "body": { "from": old } } }))?;
    get(call)
}

/// `DELETE /repos/{owner}/{repo}/issues/comments/{comment_id}`
pub fn delete(call: &mut Call<'_>) -> Handled {
    let (id, author) = (comment(call)?.id, comment(call)?.user);
    if author != call.actor()? && call.role()? < Role::Write {
        return Err(Refusal::new(403, "Must have admin rights to Repository."));
    }
    tell(call, id, "deleted", json!({}))?;
    call.repo_mut()?.comments.remove(&id);
    Ok(Answer::no_content())
}

fn tell(call: &mut Call<'_>, id: u64, action: &'static str, more: Value) -> Result<(), Refusal> {
    let repository = call.repo()?;
    let comment = repository.comments.get(&id).ok_or_else(Refusal::not_found)?;
    let issue = repository.issues.get(&comment.issue).ok_or_else(Refusal::not_found)?;
    let mut payload = json!({
        "issue": render::issue(call.state, repository, issue),
        "comment": render::comment(call.state, repository, comment),
    });
    crate::render::accounts::merge(&mut payload, more);
    call.tell("issue_comment", action, payload)
}
