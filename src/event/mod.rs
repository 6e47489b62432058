//! Turns a webhook payload into wiz's own [`Event`], and a person's words into commands. Pure.
//!
//! GitHub's payload shapes end here: `payload` holds the few fields wiz reads, all optional where GitHub may leave them
//! out, and `convert` folds them into one event. Five kinds of delivery in which a person can write (issues, issue
//! comments, pull requests, reviews, review comments) become one [`Spoken`]. Whatever wiz has no use for is
//! [`EventKind::Ignored`] with the reason, so that the delivery page can say why nothing happened.
//!
//! The way of the data: raw body → [`payload_of`] → JSON → [`parse`] → [`Event`] → triage, which hands the text of a
//! [`Spoken`] to [`command::parse`].
//!
//! Never: ask GitHub or the database anything, decide who may do what, panic on any input.
//!
//! Read first: [`Event`], [`Spoken`], [`command::Command`].

pub mod command;
mod convert;
mod payload;

use std::{borrow::Cow, collections::BTreeSet};

use crate::ids::{
    BranchName, CheckRunId, CommentId, CommitSha, InstallationId, IssueNumber, Login, RepositoryId, RepositoryName,
    ReviewId, UserId,
};

/// What happened on GitHub, in wiz's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The tenant; missing in deliveries that belong to the App itself or to a repository hook.
    pub installation: Option<InstallationId>,
    /// Where it happened; missing in deliveries about the installation as a whole.
    pub repository: Option<Repository>,
    /// Who did it; missing when the account is gone or has a name wiz cannot trust.
    pub actor: Option<Actor>,
    /// What it was.
    pub kind: EventKind,
}

/// The repository of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    pub id: RepositoryId,
    pub name: RepositoryName,
    /// Missing in the short form that installation events carry.
    pub default_branch: Option<BranchName>,
    /// Taken as private when GitHub does not say.
    pub private: bool,
}

/// An account as a payload names it. Its rights are asked from GitHub later, by id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    pub id: UserId,
    pub login: Login,
    /// Apps, and accounts whose login ends in `[bot]`.
    pub is_bot: bool,
}

/// The kinds of event wiz tells apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// A person wrote, changed or removed text.
    Spoken(Spoken),
    /// A person set a label on an issue or pull request, or assigned an issue.
    Triggered(Triggered),
    /// A pull request moved.
    PullRequest(PullRequest),
    /// A conversation that took no words of wiz takes them again.
    /// <https://docs.github.com/en/webhooks/webhook-events-and-payloads?actionType=unlocked#issues>
    Unlocked { issue: IssueNumber },
    /// A check run of any App moved, or a person pressed one of its buttons.
    CheckRun(CheckRun),
    /// All check runs of one App on one commit moved together.
    CheckSuite(CheckSuite),
    /// A workflow of GitHub Actions ended on a commit.
    WorkflowRun(WorkflowRun),
    /// Some service says how a commit stands with it.
    CommitStatus(CommitStatus),
    /// wiz was installed, removed, or given other repositories.
    Installation(InstallationChange),
    /// A repository was renamed, moved, closed or opened again.
    Repository(RepositoryChange),
    /// A branch moved.
    Push(Push),
    /// GitHub tries the webhook.
    Ping,
    /// Nothing for wiz; the reason is for the delivery page.
    Ignored { reason: String },
}

/// Text a person wrote in an issue or pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spoken {
    /// Which of GitHub's five text fields it is.
    pub place: Place,
    /// The issue or pull request.
    pub issue: IssueNumber,
    /// Whether `issue` is a pull request.
    pub pull_request: bool,
    /// Whether `issue` was closed when the text was written.
    pub closed: bool,
    /// Whether the conversation takes no words of wiz.
    /// <https://docs.github.com/en/communities/moderating-comments-and-conversations/locking-conversations>
    pub locked: bool,
    /// Whether the pull request comes from another repository; unknown (`None`) where the payload does not say.
    /// A deleted head repository counts as a fork.
    pub fork: Option<bool>,
    /// The pull request's head, where the payload names it.
    pub head: Option<CommitSha>,
    /// The comment or review; for the text of an issue or pull request itself, the id of that issue.
    pub id: CommentId,
    /// Who wrote the text; on an edit the event's actor may be somebody else.
    pub author: Option<Actor>,
    /// What stands there now, or stood there before a deletion.
    pub text: String,
    /// On an edit, what stood there before; equal to `text` when the edit changed something else, such as the title.
    pub previous_text: Option<String>,
    pub action: SpokenAction,
    pub issue_title: String,
    /// The description of the issue or pull request, where the payload carries it.
    pub issue_body: Option<String>,
    /// What a review concluded; only for [`Place::Review`].
    pub review: Option<ReviewState>,
    /// Which line a review comment is about; only for [`Place::ReviewComment`].
    pub anchor: Option<Anchor>,
    /// The page of the text.
    pub url: Option<String>,
}

/// Something done to an issue or pull request without words that may start work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Triggered {
    /// Its own text; nobody wrote it just now.
    pub subject: Spoken,
    pub by: Trigger,
}

/// What was done to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trigger {
    /// It was given this label.
    Label(String),
    /// It was assigned to this account.
    Assignee(Login),
}

/// Where a text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The description of an issue.
    Issue,
    /// A comment in the conversation of an issue or pull request.
    IssueComment,
    /// The description of a pull request.
    PullRequest,
    /// The body of a review.
    Review,
    /// A comment on a line of a diff.
    ReviewComment,
}

/// What was done to a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpokenAction {
    Created,
    Edited,
    Deleted,
}

/// What a review concluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReviewState {
    Approved,
    ChangesRequested,
    Commented,
}

/// The line of a diff a review comment is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    pub path: String,
    /// The first comment of the thread; the comment itself where it begins one.
    pub thread: CommentId,
    /// The review it was made with.
    pub review: Option<ReviewId>,
    /// Missing when the line is outdated.
    pub line: Option<u32>,
    /// The lines of the diff around it.
    pub diff_hunk: Option<String>,
}

/// A pull request that moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequest {
    pub number: IssueNumber,
    pub change: PullRequestChange,
    pub head_sha: CommitSha,
    /// Missing when GitHub allows a name that git would not.
    pub head_branch: Option<BranchName>,
    pub base_branch: Option<BranchName>,
    /// Whether the head lies in another repository, or in one that is gone.
    pub fork: bool,
    pub author: Option<Actor>,
}

/// How a pull request moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PullRequestChange {
    /// Closed without being merged.
    Closed,
    /// Merged; GitHub names the commit it made.
    Merged {
        commit: Option<CommitSha>,
    },
    Reopened,
    /// New commits on the head branch.
    Synchronize,
}

/// A check run that moved. Button presses and re-runs reach only the App that made the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckRun {
    pub id: CheckRunId,
    pub action: CheckRunAction,
    pub name: String,
    /// What the App that made the run wrote into it; empty when nothing.
    pub external_id: String,
    pub head_sha: CommitSha,
    /// Missing for heads in forks.
    pub head_branch: Option<BranchName>,
    /// The App that made the run.
    pub app_slug: Option<String>,
    /// Pull requests of this same repository with that head; always empty for forks, so map by `head_sha`.
    pub pull_requests: Vec<IssueNumber>,
}

/// How a check run moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckRunAction {
    /// A person pressed the button with this identifier.
    RequestedAction { identifier: String },
    /// A person asked for another run.
    Rerequested,
    /// The run ended, with GitHub's word for how (`success`, `failure`, `timed_out` …).
    Completed { conclusion: Option<String> },
}

/// A check suite that moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckSuite {
    pub action: CheckSuiteAction,
    pub head_sha: CommitSha,
    /// Missing for heads in forks.
    pub head_branch: Option<BranchName>,
    pub app_slug: Option<String>,
    pub pull_requests: Vec<IssueNumber>,
}

/// A workflow of GitHub Actions that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowRun {
    pub head_sha: CommitSha,
    pub conclusion: Option<String>,
}

/// What a service says of a commit that makes no check runs.
/// <https://docs.github.com/en/rest/commits/statuses>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitStatus {
    pub head_sha: CommitSha,
    /// `error`, `failure`, `pending` or `success`.
    pub state: String,
}

/// How a check suite moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckSuiteAction {
    Rerequested,
    Completed { conclusion: Option<String> },
}

/// What happened to an installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InstallationChange {
    Created {
        account: Option<Actor>,
        permissions: Permissions,
        repositories: Vec<InstalledRepository>,
    },
    Deleted,
    Suspended,
    Unsuspended,
    /// An owner agreed to new permissions.
    PermissionsAccepted {
        permissions: Permissions,
    },
    Repositories {
        added: Vec<InstalledRepository>,
        removed: Vec<InstalledRepository>,
    },
}

/// What an owner has granted: permission by permission, with its level.
pub type Permissions = std::collections::BTreeMap<String, String>;

/// What happened to a repository; the event's own repository says how it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RepositoryChange {
    /// It has another name, owner, default branch or description.
    Described,
    Deleted,
    /// It can only be read.
    Archived,
    Unarchived,
}

/// A repository as installation events name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstalledRepository {
    pub id: RepositoryId,
    pub name: RepositoryName,
    pub private: bool,
}

/// A branch that moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    pub branch: BranchName,
    /// All zeros when the branch is new.
    pub before: CommitSha,
    /// All zeros when the branch was deleted.
    pub after: CommitSha,
    pub deleted: bool,
    /// Every file that the commits touch; none where the delivery cannot name them all.
    pub paths: Option<BTreeSet<String>>,
}

impl Push {
    /// Whether the push may have changed this file.
    pub fn may_touch(&self, path: &str) -> bool {
        self.paths.as_ref().is_none_or(|paths| paths.contains(path))
    }
}

/// Why a delivery could not be read. GitHub sends nothing like it; a caller keeps the delivery and goes on.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    #[error("{event}: the payload is not the JSON that GitHub documents")]
    Json {
        event: String,
        #[source]
        source: serde_json::Error,
    },
    #[error("{event}: {field} is missing")]
    Missing { event: String, field: &'static str },
    #[error("the form has no field `payload`")]
    FormWithoutPayload,
    #[error("content type {0:?} is neither JSON nor a form")]
    ContentType(String),
}

/// Reads the JSON `payload` of a delivery whose `X-GitHub-Event` header is `name`.
///
/// Unknown events and actions are [`EventKind::Ignored`]. Errors mean JSON that is broken or lacks what GitHub documents
/// as always there. <https://docs.github.com/en/webhooks/webhook-events-and-payloads>
pub fn parse(name: &str, payload: &[u8]) -> Result<Event, EventError> {
    convert::event(name, payload)
}

/// The JSON inside a request body. GitHub sends JSON as it is or, by the hook's setting, as the form field `payload`.
/// A missing content type is taken as JSON.
/// <https://docs.github.com/en/webhooks/using-webhooks/creating-webhooks#creating-a-repository-webhook>
pub fn payload_of<'body>(content_type: Option<&str>, body: &'body [u8]) -> Result<Cow<'body, [u8]>, EventError> {
    let Some(content_type) = content_type else { return Ok(Cow::Borrowed(body)) };
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if essence == "application/json" || essence.ends_with("+json") {
        return Ok(Cow::Borrowed(body));
    }
    if essence != "application/x-www-form-urlencoded" {
        return Err(EventError::ContentType(content_type.chars().take(100).collect()));
    }
    url::form_urlencoded::parse(body)
        .find(|(name, _)| name == "payload")
        .map(|(_, value)| Cow::Owned(value.into_owned().into_bytes()))
        .ok_or(EventError::FormWithoutPayload)
}

#[cfg(test)]
mod tests;
