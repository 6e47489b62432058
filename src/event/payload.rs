//! The fields of GitHub's payloads that wiz reads, and no others. Everything GitHub may leave out or send as `null` is
//! optional; what a kind of event cannot do without is asked for in `convert`.

use serde::Deserialize;

/// What nearly every delivery carries.
#[derive(Debug, Deserialize)]
pub(super) struct Envelope {
    pub action: Option<String>,
    pub installation: Option<Installation>,
    pub repository: Option<Repository>,
    pub sender: Option<Account>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Installation {
    pub id: Option<i64>,
    pub account: Option<Account>,
    /// GitHub names levels by words; what is no word is not one of them.
    pub permissions: Option<std::collections::BTreeMap<String, serde_json::Value>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Repository {
    pub id: Option<i64>,
    pub full_name: Option<String>,
    pub default_branch: Option<String>,
    pub private: Option<bool>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Account {
    pub id: Option<i64>,
    pub login: Option<String>,
    #[serde(rename = "type")]
    pub kind: Option<String>,
}

/// `issues`, `issue_comment`, `pull_request`, `pull_request_review`, `pull_request_review_comment`.
#[derive(Debug, Deserialize)]
pub(super) struct Conversation {
    pub issue: Option<Issue>,
    pub pull_request: Option<PullRequest>,
    pub comment: Option<Comment>,
    pub review: Option<Comment>,
    pub changes: Option<Changes>,
    /// Of `labeled`.
    pub label: Option<Label>,
    /// Of `assigned`.
    pub assignee: Option<Account>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Label {
    pub name: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Issue {
    pub id: Option<i64>,
    pub number: Option<i64>,
    pub title: Option<String>,
    pub body: Option<String>,
    pub html_url: Option<String>,
    pub state: Option<String>,
    pub locked: Option<bool>,
    pub user: Option<Account>,
    /// Present (with links nobody needs) when the issue is a pull request.
    pub pull_request: Option<serde::de::IgnoredAny>,
}

#[derive(Debug, Deserialize)]
pub(super) struct PullRequest {
    pub id: Option<i64>,
    pub number: Option<i64>,
    pub title: Option<String>,
    pub body: Option<String>,
    pub html_url: Option<String>,
    pub state: Option<String>,
    pub locked: Option<bool>,
    pub user: Option<Account>,
    pub merged: Option<bool>,
    pub merge_commit_sha: Option<String>,
    pub head: Option<Branch>,
    pub base: Option<Branch>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Branch {
    #[serde(rename = "ref")]
    pub name: Option<String>,
    pub sha: Option<String>,
    /// `null` when the fork was deleted.
    pub repo: Option<Repository>,
}

/// A comment of any kind, or a review.
#[derive(Debug, Deserialize)]
pub(super) struct Comment {
    pub id: Option<i64>,
    pub body: Option<String>,
    pub html_url: Option<String>,
    pub user: Option<Account>,
    pub state: Option<String>,
    pub path: Option<String>,
    pub line: Option<u32>,
    pub original_line: Option<u32>,
    pub diff_hunk: Option<String>,
    pub in_reply_to_id: Option<i64>,
    pub pull_request_review_id: Option<i64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Changes {
    pub body: Option<Change>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Change {
    /// `null` when there was no text before.
    pub from: Option<String>,
}

/// `check_run` and `check_suite`.
#[derive(Debug, Deserialize)]
pub(super) struct Checks {
    pub check_run: Option<Check>,
    pub check_suite: Option<Check>,
    pub requested_action: Option<RequestedAction>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RequestedAction {
    pub identifier: Option<String>,
}

/// A check run, or a check suite.
#[derive(Debug, Deserialize)]
pub(super) struct Check {
    pub id: Option<i64>,
    pub name: Option<String>,
    pub external_id: Option<String>,
    pub head_sha: Option<String>,
    pub head_branch: Option<String>,
    pub conclusion: Option<String>,
    pub app: Option<App>,
    pub check_suite: Option<Suite>,
    pub pull_requests: Option<Vec<CheckedPullRequest>>,
}

/// `workflow_run`.
#[derive(Debug, Deserialize)]
pub(super) struct Workflows {
    pub workflow_run: Option<Workflow>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Workflow {
    pub head_sha: Option<String>,
    pub conclusion: Option<String>,
}

/// `status`.
#[derive(Debug, Deserialize)]
pub(super) struct Status {
    pub sha: Option<String>,
    pub state: Option<String>,
}

/// The suite a check run belongs to; only it knows the branch.
#[derive(Debug, Deserialize)]
pub(super) struct Suite {
    pub head_branch: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct App {
    pub slug: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct CheckedPullRequest {
    pub number: Option<i64>,
    pub base: Option<Branch>,
}

/// `installation` and `installation_repositories`.
#[derive(Debug, Deserialize)]
pub(super) struct Installed {
    pub repositories: Option<Vec<Repository>>,
    pub repositories_added: Option<Vec<Repository>>,
    pub repositories_removed: Option<Vec<Repository>>,
}

/// `push`.
#[derive(Debug, Deserialize)]
pub(super) struct Pushed {
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    pub before: Option<String>,
    pub after: Option<String>,
    pub deleted: Option<bool>,
    pub forced: Option<bool>,
    pub commits: Option<Vec<PushedCommit>>,
}

/// A commit of a push.
#[derive(Debug, Deserialize)]
pub(super) struct PushedCommit {
    #[serde(default)]
    pub added: Vec<String>,
    #[serde(default)]
    pub modified: Vec<String>,
    #[serde(default)]
    pub removed: Vec<String>,
}
