//! Reviews and line comments.

use serde_json::{Value, json};

use super::accounts::{merge, user};
use super::issues::{association, rollup};
use super::node_id;
use super::repositories::{api_url, page_url};
use crate::store::{Repository, Review, ReviewComment, State, stamp};

/// A review.
pub fn review(state: &State, repository: &Repository, number: u64, review: &Review) -> Value {
    let pull = format!("{}/pulls/{number}", api_url(state, repository));
    let html = format!("{}/pull/{number}#pullrequestreview-{}", page_url(state, repository), review.id);
    json!({
        "id": review.id,
        "node_id": node_id("PullRequestReview", review.id),
        "user": user(state, review.user),
        "body": review.body,
        "state": review.state.as_str(),
        "html_url": html,
        "pull_request_url": pull,
        "_links": { "html": { "href": html }, "pull_request": { "href": pull } },
        "submitted_at": review.submitted_at.map(stamp),
        "commit_id": review.commit,
        "author_association": association(state, repository, review.user),
    })
}

/// A line comment.
pub fn comment(state: &State, repository: &Repository, number: u64, comment: &ReviewComment) -> Value {
    let api = api_url(state, repository);
    let url = format!("{api}/pulls/comments/{}", comment.id);
    let pull = format!("{api}/pulls/{number}");
    let html = format!("{}/pull/{number}#discussion_r{}", page_url(state, repository), comment.id);
    let mut value = json!({
        "url": url,
        "id": comment.id,
        "node_id": node_id("PullRequestReviewComment", comment.id),
        "pull_request_review_id": comment.review,
        "diff_hunk": comment.diff_hunk,
        "path": comment.path,
        "commit_id": comment.commit,
        "original_commit_id": comment.commit,
        "user": user(state, comment.user),
        "body": comment.body,
        "created_at": stamp(comment.created_at),
        "updated_at": stamp(comment.updated_at),
        "html_url": html,
        "pull_request_url": pull,
        "_links": { "self": { "href": url }, "html": { "href": html }, "pull_request": { "href": pull } },
        "author_association": association(state, repository, comment.user),
        "reactions": rollup(&url, &comment.reactions),
        "position": comment.position.unwrap_or(1),
        "original_position": comment.position.unwrap_or(1),
        "line": comment.line,
        "original_line": comment.line,
        "start_line": comment.start_line,
        "original_start_line": comment.start_line,
        "side": comment.side,
        "start_side": comment.start_line.map(|_| comment.side.clone()),
        "subject_type": if comment.line.is_some() { "line" } else { "file" },
    });
    if let Some(parent) = comment.in_reply_to {
        merge(&mut value, json!({ "in_reply_to_id": parent }));
    }
    value
}
