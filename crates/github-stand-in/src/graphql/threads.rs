//! Review threads as GraphQL objects, and their resolution.
//!
//! <https://docs.github.com/en/pull-requests/collaborating-with-pull-requests/reviewing-changes-in-pull-requests/commenting-on-a-pull-request#resolving-conversations>

use serde_json::{Value, json};

use crate::answer::Refusal;
use crate::auth::{Access, Caller, authorise};
use crate::events::{Audience, Event, emit};
use crate::render::{node_id, pulls, reviews};
use crate::rest::issue_moves;
use crate::store::{
    AccountKind, Issue, Level, PullRequest, Repository, Review, ReviewComment, ReviewState, Role, State, stamp,
};

/// The id of the thread that a comment began.
pub fn thread_node_id(root: u64) -> String {
    node_id("PullRequestReviewThread", root)
}

/// An actor. A bot's login has no `[bot]` here:
/// <https://docs.github.com/en/graphql/reference/objects#bot>
pub fn actor(state: &State, id: u64) -> Value {
    let bot = state.accounts.get(&id).is_some_and(|account| account.kind == AccountKind::Bot);
    let login = state.login(id);
    let shown = login.strip_suffix("[bot]").unwrap_or(login);
    let page = if bot { format!("{}/apps/{shown}", state.base_url) } else { format!("{}/{shown}", state.base_url) };
    json!({
        "__typename": if bot { "Bot" } else { "User" }, "login": shown, "url": page, "databaseId": id,
        "id": node_id(if bot { "Bot" } else { "User" }, id),
    })
}

/// A repository without its pull requests.
pub fn repository(state: &State, repository: &Repository) -> Value {
    json!({
        "__typename": "Repository", "id": node_id("Repository", repository.id), "name": repository.name,
        "nameWithOwner": state.full_name(repository),
    })
}

/// A pull request with all its threads.
pub fn pull_request(state: &State, repository: &Repository, number: u64) -> Option<Value> {
    let pull = repository.issues.get(&number)?.pull.as_ref()?;
    let threads: Vec<Value> = roots(pull).map(|root| thread(state, (repository, number, pull), root)).collect();
    let submitted = pull.reviews.iter().filter(|review| review.state != ReviewState::Pending);
    let reviews: Vec<Value> = submitted.map(|one| review(state, (repository, number, pull), one)).collect();
    Some(json!({
        "__typename": "PullRequest", "id": node_id("PullRequest", pull.id), "number": number,
        "headRefOid": pull.head_sha, "isDraft": pull.draft, "reviewThreads": threads,
        "reviews": reviews,
    }))
}

/// The comments that begin a thread; those of pending reviews are their author's alone.
fn roots(pull: &PullRequest) -> impl Iterator<Item = &ReviewComment> {
    let pending = |comment: &&ReviewComment| {
        pull.reviews.iter().any(|review| review.id == comment.review && review.state == ReviewState::Pending)
    };
    pull.review_comments.iter().filter(|comment| comment.in_reply_to.is_none()).filter(move |one| !pending(one))
}

fn thread(state: &State, place: (&Repository, u64, &PullRequest), root: &ReviewComment) -> Value {
    let (repository, _, pull) = place;
    let now = reviews::line_now(repository, pull, root);
    let outdated = root.line.is_some() && now.is_none();
    let resolved_by = pull.resolved_threads.get(&root.id);
    let all = pull.review_comments.iter().filter(|one| one.id == root.id || one.in_reply_to == Some(root.id));
    json!({
        "__typename": "PullRequestReviewThread", "id": thread_node_id(root.id),
        "isResolved": resolved_by.is_some(), "isOutdated": outdated, "isCollapsed": resolved_by.is_some() || outdated,
        "path": root.path, "line": now, "originalLine": root.line,
        "startLine": root.start_line.filter(|_| !outdated), "diffSide": root.side,
        "resolvedBy": resolved_by.map(|id| actor(state, *id)),
        "comments": all.map(|one| comment(state, place, one)).collect::<Vec<_>>(),
    })
}

fn comment(state: &State, place: (&Repository, u64, &PullRequest), comment: &ReviewComment) -> Value {
    let (repository, number, pull) = place;
    let now = reviews::line_now(repository, pull, comment);
    let review = pull.reviews.iter().find(|review| review.id == comment.review);
    let shown = reviews::comment(state, repository, number, comment);
    json!({
        "__typename": "PullRequestReviewComment", "id": shown["node_id"], "databaseId": comment.id,
        "fullDatabaseId": comment.id.to_string(), "body": comment.body, "path": comment.path, "line": now,
        "diffHunk": comment.diff_hunk, "outdated": comment.line.is_some() && now.is_none(),
        "createdAt": stamp(comment.created_at), "url": shown["html_url"], "author": actor(state, comment.user),
        "lastEditedAt": comment.edited_at.map(stamp),
        "pullRequestReview": review.map(review_itself),
    })
}

/// A review without its comments. Nobody edits one here, so its text is as it was submitted.
fn review_itself(review: &Review) -> Value {
    json!({
        "__typename": "PullRequestReview", "id": node_id("PullRequestReview", review.id), "databaseId": review.id,
        "fullDatabaseId": review.id.to_string(), "state": review.state.as_str(), "lastEditedAt": null,
    })
}

fn review(state: &State, place: (&Repository, u64, &PullRequest), review: &Review) -> Value {
    let of_it = place.2.review_comments.iter().filter(|comment| comment.review == review.id);
    let mut value = review_itself(review);
    value["comments"] = of_it.map(|one| comment(state, place, one)).collect();
    value
}

/// Resolves a thread or opens it again, if the caller may.
///
/// # Errors
/// 404 for no such thread, 403 for who may not.
pub fn resolve_as(state: &mut State, caller: &Caller, id: &str, resolved: bool) -> Result<Value, Refusal> {
    let (place, root, author) = find(state, id).ok_or_else(Refusal::not_found)?;
    let repository = state.repositories.get(&place.0).ok_or_else(Refusal::not_found)?;
    let actor = caller.account().ok_or_else(Refusal::not_found)?;
    // Who opened the pull request may resolve; everybody else needs write access.
    let role = if author == actor { Role::Read } else { Role::Write };
    // An app needs to write contents as well, which the documentation does not say:
    // https://github.com/orgs/community/discussions/44650
    for permissions in [&["pull_requests"], &["contents"]] {
        authorise(state, caller, repository, &Access::Repository { permissions, level: Level::Write, role })?;
    }
    resolve(state, (place.0, place.1, root), actor, resolved)?;
    let repository = state.repositories.get(&place.0).ok_or_else(Refusal::not_found)?;
    let pull = repository.issues.get(&place.1).and_then(|issue| issue.pull.as_ref()).ok_or_else(Refusal::not_found)?;
    let comment = pull.review_comments.iter().find(|one| one.id == root).ok_or_else(Refusal::not_found)?;
    Ok(thread(state, (repository, place.1, pull), comment))
}

/// Makes a draft ready for review, if the caller may.
/// <https://docs.github.com/en/graphql/reference/mutations#markpullrequestreadyforreview>
///
/// # Errors
/// 404 for no such pull request, 403 for who may not, 422 for one that is closed or no draft.
pub fn ready_as(state: &mut State, caller: &Caller, id: &str) -> Result<Value, Refusal> {
    let found = state.repositories.values().find_map(|repository| {
        let is_it = |issue: &&Issue| issue.pull.as_ref().is_some_and(|pull| node_id("PullRequest", pull.id) == id);
        repository.issues.values().find(is_it).map(|issue| (repository, issue))
    });
    let (repository, issue) = found.ok_or_else(Refusal::not_found)?;
    let (place, author) = ((repository.id, issue.number), issue.user);
    let is_draft = issue.pull.as_ref().is_some_and(|pull| pull.draft);
    let actor = caller.account().ok_or_else(Refusal::not_found)?;
    let role = if author == actor { Role::Read } else { Role::Write };
    // As with threads, an app needs to write contents as well: https://github.com/cli/cli/issues/8910
    for permissions in [&["pull_requests"], &["contents"]] {
        authorise(state, caller, repository, &Access::Repository { permissions, level: Level::Write, role })?;
    }
    if !is_draft {
        return Err(Refusal::new(422, "Pull request is not a draft"));
    }
    issue_moves::set_draft(state, place, actor, false)?;
    let repository = state.repositories.get(&place.0).ok_or_else(Refusal::not_found)?;
    pull_request(state, repository, place.1).ok_or_else(Refusal::not_found)
}

/// The thread with this node id: repository and number, first comment, the pull request's author.
fn find(state: &State, id: &str) -> Option<((u64, u64), u64, u64)> {
    state.repositories.values().find_map(|repository| {
        repository.issues.values().find_map(|issue| {
            let root = roots(issue.pull.as_ref()?).find(|root| thread_node_id(root.id) == id)?;
            Some(((repository.id, issue.number), root.id, issue.user))
        })
    })
}

/// Resolves a thread, or opens it again, and tells the subscribers; nothing happens if it already is.
///
/// # Errors
/// 404 for no such thread.
fn resolve(state: &mut State, place: (u64, u64, u64), actor: u64, resolved: bool) -> Result<(), Refusal> {
    let (repository, number, root) = place;
    let found = state.repositories.get_mut(&repository).and_then(|found| found.issues.get_mut(&number));
    let pull = found.and_then(|issue| issue.pull.as_mut()).ok_or_else(Refusal::not_found)?;
    if !roots(pull).any(|one| one.id == root) {
        return Err(Refusal::not_found());
    }
    if pull.resolved_threads.contains_key(&root) == resolved {
        return Ok(());
    }
    if resolved {
        pull.resolved_threads.insert(root, actor);
    } else {
        pull.resolved_threads.remove(&root);
    }
    let Some(found) = state.repositories.get(&repository) else { return Ok(()) };
    let Some(issue) = found.issues.get(&number) else { return Ok(()) };
    let Some(pull) = &issue.pull else { return Ok(()) };
    let comments = pull.review_comments.iter().filter(|one| one.id == root || one.in_reply_to == Some(root));
    let comments: Vec<Value> = comments.map(|one| reviews::comment(state, found, number, one)).collect();
    let payload = json!({
        "thread": { "node_id": thread_node_id(root), "comments": comments },
        "pull_request": pulls::simple(state, found, issue, pull),
    });
    let event = Event {
        name: "pull_request_review_thread",
        action: Some(if resolved { "resolved" } else { "unresolved" }),
        repository: Some(repository),
        sender: actor,
        payload,
        audience: Audience::Subscribers,
    };
    emit(state, &event);
    Ok(())
}
