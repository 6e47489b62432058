//! Reviews and line comments.

use serde_json::{Value, json};

use super::accounts::{merge, user};
use super::issues::{association, rollup};
use super::node_id;
use super::repositories::{api_url, page_url};
use crate::git::Git;
use crate::store::{PullRequest, Repository, Review, ReviewComment, State, stamp};

/// A review.
pub fn review(state: &State, repository: &Repository, number: u64, review: &Review) -> Value {
    let pull = format!("{}/pulls/{number}", api_url(state, repository));
    let html = format!("{}/pull/{number}#pullrequestreview-{}", page_url(state, repository), review.id);
    let mut value = json!({
        "id": review.id,
        "node_id": node_id("PullRequestReview", review.id),
        "user": user(state, review.user),
        "body": review.body,
        "state": review.state.as_str(),
        "html_url": html,
        "pull_request_url": pull,
        "_links": { "html": { "href": html }, "pull_request": { "href": pull } },
        "commit_id": review.commit,
        "author_association": association(state, repository, review.user),
    });
    // A pending review has no such member.
    if let Some(at) = review.submitted_at {
        value["submitted_at"] = stamp(at).into();
    }
    value
}

/// Where a comment's line is now; `None` when it is outdated (or about a whole file). A comment on the old side stays.
pub fn line_now(repository: &Repository, pull: &PullRequest, comment: &ReviewComment) -> Option<u64> {
    let line = comment.line?;
    if comment.commit == pull.head_sha || comment.side == "LEFT" {
        return Some(line);
    }
    let followed = Git::at(&repository.git_dir).follow_line((&comment.commit, &pull.head_sha), &comment.path, line);
    followed.unwrap_or_else(|error| {
        tracing::error!(error = format!("{error:#}"), "a line could not be followed");
        Some(line)
    })
}

/// A line comment.
pub fn comment(state: &State, repository: &Repository, number: u64, comment: &ReviewComment) -> Value {
    let api = api_url(state, repository);
    let url = format!("{api}/pulls/comments/{}", comment.id);
    let pull = format!("{api}/pulls/{number}");
    let html = format!("{}/pull/{number}#discussion_r{}", page_url(state, repository), comment.id);
    let pull_record = repository.issues.get(&number).and_then(|issue| issue.pull.as_ref());
    let now = pull_record.map_or(comment.line, |pull| line_now(repository, pull, comment));
    let outdated = comment.line.is_some() && now.is_none();
    let head = pull_record.filter(|_| !outdated).map_or(&comment.commit, |pull| &pull.head_sha);
    let shift = |line: u64| (line + now.unwrap_or(line)).saturating_sub(comment.line.unwrap_or(line));
    let mut value = json!({
        "url": url,
        "id": comment.id,
        "node_id": node_id("PullRequestReviewComment", comment.id),
        "pull_request_review_id": comment.review,
        "diff_hunk": comment.diff_hunk,
        "path": comment.path,
        "commit_id": head,
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
        "position": if outdated { None } else { Some(comment.position.unwrap_or(1)) },
        "original_position": comment.position.unwrap_or(1),
        "line": now,
        "original_line": comment.line,
        "start_line": comment.start_line.filter(|_| !outdated).map(shift),
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
