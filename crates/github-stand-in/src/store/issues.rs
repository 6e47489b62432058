//! Issues, pull requests (which are issues too), comments, reviews and reactions.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Open or closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IssueState {
    /// Open.
    Open,
    /// Closed.
    Closed,
}

impl IssueState {
    /// GitHub's text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }
}

/// An emoji somebody left.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Reaction {
    /// Reaction id.
    pub id: u64,
    /// Who reacted.
    pub user: u64,
    /// `+1`, `-1`, `laugh`, `confused`, `heart`, `hooray`, `rocket` or `eyes`.
    pub content: String,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// An issue; a pull request carries `pull`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Issue {
    /// Issue id (a pull request has another id of its own).
    pub id: u64,
    /// Number within the repository.
    pub number: u64,
    /// Title.
    pub title: String,
    /// Text.
    pub body: Option<String>,
    /// Author.
    pub user: u64,
    /// App the author acted through.
    pub app: Option<u64>,
    /// Open or closed.
    pub state: IssueState,
    /// `completed`, `not_planned`, `reopened` or `duplicate`.
    pub state_reason: Option<String>,
    /// Label names.
    pub labels: Vec<String>,
    /// Assigned accounts.
    pub assignees: Vec<u64>,
    /// Reactions to the first post.
    pub reactions: Vec<Reaction>,
    /// Conversation locked, with the reason if one was given.
    pub locked: Option<Option<String>>,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
    /// Last change.
    pub updated_at: DateTime<Utc>,
    /// When it was closed.
    pub closed_at: Option<DateTime<Utc>>,
    /// By whom.
    pub closed_by: Option<u64>,
    /// The pull request, if it is one.
    pub pull: Option<PullRequest>,
}

/// What a pull request has beyond an issue.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PullRequest {
    /// Pull request id.
    pub id: u64,
    /// Branch with the changes.
    pub head_ref: String,
    /// Repository with that branch; another one for a fork, `None` once a fork is deleted.
    pub head_repository: Option<u64>,
    /// Its tip; frozen at merge or close.
    pub head_sha: String,
    /// Branch to merge into.
    pub base_ref: String,
    /// Its tip when the pull request was opened or last synchronised.
    pub base_sha: String,
    /// Not ready?
    pub draft: bool,
    /// May maintainers push to the head?
    pub maintainer_can_modify: bool,
    /// Asked to review.
    pub requested_reviewers: Vec<u64>,
    /// When merged.
    pub merged_at: Option<DateTime<Utc>>,
    /// By whom.
    pub merged_by: Option<u64>,
    /// The commit the merge made.
    pub merge_commit_sha: Option<String>,
    /// Reviews, oldest first.
    pub reviews: Vec<Review>,
    /// Line comments, oldest first.
    pub review_comments: Vec<ReviewComment>,
    /// Resolved threads by their first comment, with who resolved them.
    pub resolved_threads: BTreeMap<u64, u64>,
}

/// A comment in the conversation of an issue or pull request.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Comment {
    /// Comment id.
    pub id: u64,
    /// Number of the issue.
    pub issue: u64,
    /// Author.
    pub user: u64,
    /// App the author acted through.
    pub app: Option<u64>,
    /// Text.
    pub body: String,
    /// Reactions.
    pub reactions: Vec<Reaction>,
    /// When written.
    pub created_at: DateTime<Utc>,
    /// Last edit.
    pub updated_at: DateTime<Utc>,
}

/// What a review says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ReviewState {
    /// Approved.
    Approved,
    /// Changes are wanted.
    ChangesRequested,
    /// Neither.
    Commented,
    /// Not submitted.
    Pending,
    /// Taken back by somebody who may.
    Dismissed,
}

impl ReviewState {
    /// GitHub's text in REST answers; webhooks write it in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "APPROVED",
            Self::ChangesRequested => "CHANGES_REQUESTED",
            Self::Commented => "COMMENTED",
            Self::Pending => "PENDING",
            Self::Dismissed => "DISMISSED",
        }
    }
}

/// A review.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Review {
    /// Review id.
    pub id: u64,
    /// Reviewer.
    pub user: u64,
    /// Summary text.
    pub body: String,
    /// Verdict.
    pub state: ReviewState,
    /// Commit that was reviewed.
    pub commit: String,
    /// When submitted.
    pub submitted_at: Option<DateTime<Utc>>,
}

/// A comment on a line of the diff.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReviewComment {
    /// Comment id.
    pub id: u64,
    /// The review it belongs to.
    pub review: u64,
    /// Author.
    pub user: u64,
    /// Text.
    pub body: String,
    /// File.
    pub path: String,
    /// Commit it was made on.
    pub commit: String,
    /// Line in the file, on `side`.
    pub line: Option<u64>,
    /// First line of a range.
    pub start_line: Option<u64>,
    /// `LEFT` or `RIGHT`.
    pub side: String,
    /// Position in the diff, counted as GitHub does.
    pub position: Option<u64>,
    /// The diff up to the line.
    pub diff_hunk: String,
    /// Comment it answers.
    pub in_reply_to: Option<u64>,
    /// Reactions.
    pub reactions: Vec<Reaction>,
    /// When written.
    pub created_at: DateTime<Utc>,
    /// Last change.
    pub updated_at: DateTime<Utc>,
    /// When its text was last edited.
    pub edited_at: Option<DateTime<Utc>>,
}
