//! From payload structs to [`Event`]: one function per family of deliveries.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;

use super::{
    Actor, Anchor, CheckRun, CheckRunAction, CheckSuite, CheckSuiteAction, CommitStatus, Event, EventError, EventKind,
    InstallationChange, InstalledRepository, Permissions, Place, PullRequest, PullRequestChange, Push, Repository,
    RepositoryChange, ReviewState, Spoken, SpokenAction, Trigger, Triggered, WorkflowRun, payload,
};
use crate::ids::{CheckRunId, CommentId, CommitSha, InstallationId, IssueNumber, RepositoryId, ReviewId, UserId};

/// One delivery on its way to an [`Event`].
struct Delivery<'a> {
    name: &'a str,
    action: &'a str,
    payload: &'a [u8],
    repository: Option<RepositoryId>,
}

pub(super) fn event(name: &str, bytes: &[u8]) -> Result<Event, EventError> {
    let envelope: payload::Envelope = json(name, bytes)?;
    let repository = envelope.repository.and_then(repository);
    let action = envelope.action.unwrap_or_default();
    let delivery =
        Delivery { name, action: &action, payload: bytes, repository: repository.as_ref().map(|found| found.id) };
    let account = envelope.installation.as_ref().and_then(|found| actor(found.account.as_ref()));
    let permissions = granted(envelope.installation.as_ref());
    let kind = match name {
        "issues" | "pull_request" if delivery.action == "unlocked" => delivery.unlocked()?,
        "issues" if matches!(delivery.action, "labeled" | "assigned") => delivery.triggered()?,
        "issues" | "issue_comment" | "pull_request_review" | "pull_request_review_comment" => delivery.spoken()?,
        "pull_request" => delivery.pull_request()?,
        "check_run" => delivery.check_run()?,
        "check_suite" => delivery.check_suite()?,
        "workflow_run" => delivery.workflow_run()?,
        "status" => delivery.status()?,
        "installation" => delivery.installation(account, permissions)?,
        "installation_repositories" => delivery.installation_repositories()?,
        "repository" => delivery.repository(),
        "push" => delivery.push()?,
        "ping" => EventKind::Ping,
        _ => EventKind::Ignored { reason: format!("wiz has no use for {} deliveries", quoted(name)) },
    };
    Ok(Event {
        installation: envelope.installation.and_then(|found| found.id).map(InstallationId),
        repository,
        actor: actor(envelope.sender.as_ref()),
        kind,
    })
}

impl Delivery<'_> {
    fn json<T: DeserializeOwned>(&self) -> Result<T, EventError> {
        json(self.name, self.payload)
    }

    fn need<T>(&self, value: Option<T>, field: &'static str) -> Result<T, EventError> {
        value.ok_or_else(|| EventError::Missing { event: quoted(self.name), field })
    }

    fn ignored(&self) -> EventKind {
        EventKind::Ignored { reason: format!("wiz has no use for {} {}", quoted(self.name), quoted(self.action)) }
    }

    /// The text a person wrote, whichever of the five deliveries brings it.
    fn spoken(&self) -> Result<EventKind, EventError> {
        let action = match (self.name, self.action) {
            ("issues" | "pull_request", "opened")
            | ("issue_comment" | "pull_request_review_comment", "created")
            | ("pull_request_review", "submitted") => SpokenAction::Created,
            (_, "edited") => SpokenAction::Edited,
            ("issue_comment" | "pull_request_review_comment", "deleted") => SpokenAction::Deleted,
            _ => return Ok(self.ignored()),
        };
        let found: payload::Conversation = self.json()?;
        let text_of = |text: Option<String>| text.unwrap_or_default();
        let subject = self.subject(found.issue, found.pull_request)?;
        let mut spoken = match (found.comment, found.review) {
            (Some(comment), _) | (None, Some(comment)) => {
                let mut spoken = subject;
                spoken.id = CommentId(self.need(comment.id, "the comment's id")?);
                spoken.text = text_of(comment.body);
                spoken.url = comment.html_url;
                spoken.author = actor(comment.user.as_ref());
                spoken.place = self.place_of_comment();
                spoken.review = match (spoken.place, comment.state.as_deref()) {
                    (Place::Review, state) => Some(review_state(state)),
                    (Place::Issue | Place::IssueComment | Place::PullRequest | Place::ReviewComment, _) => None,
                };
                let thread = CommentId(comment.in_reply_to_id.unwrap_or(spoken.id.0));
                spoken.anchor = comment.path.map(|path| Anchor {
                    path,
                    thread,
                    review: comment.pull_request_review_id.map(ReviewId),
                    line: comment.line.or(comment.original_line),
                    diff_hunk: comment.diff_hunk,
                });
                spoken
            }
            (None, None) if matches!(self.name, "issues" | "pull_request") => {
                let text = text_of(subject.issue_body.clone());
                Spoken { text, ..subject }
            }
            (None, None) => return Err(EventError::Missing { event: quoted(self.name), field: "the comment" }),
        };
        spoken.action = action;
        if action == SpokenAction::Edited {
            // GitHub sends `edited` for titles too, and sometimes for a fresh review before its `submitted`. Without
            // `changes.body` the text stayed as it was, so no command in it is new.
            let before = found.changes.and_then(|changes| changes.body).map(|change| text_of(change.from));
            spoken.previous_text = Some(before.unwrap_or_else(|| spoken.text.clone()));
        }
        Ok(EventKind::Spoken(spoken))
    }

    /// A label of an issue or pull request, or an issue's assignee. What is missing or no valid name triggers nothing.
    fn triggered(&self) -> Result<EventKind, EventError> {
        let found: payload::Conversation = self.json()?;
        let label = found.label.and_then(|label| label.name).map(Trigger::Label);
        let assignee = actor(found.assignee.as_ref()).map(|account| Trigger::Assignee(account.login));
        let by = if self.action == "labeled" { label } else { assignee };
        let Some(by) = by else { return Ok(self.ignored()) };
        let subject = self.subject(found.issue, found.pull_request)?;
        Ok(EventKind::Triggered(Triggered { subject, by }))
    }

    fn unlocked(&self) -> Result<EventKind, EventError> {
        let found: payload::Conversation = self.json()?;
        Ok(EventKind::Unlocked { issue: self.subject(found.issue, found.pull_request)?.issue })
    }

    fn place_of_comment(&self) -> Place {
        match self.name {
            "pull_request_review" => Place::Review,
            "pull_request_review_comment" => Place::ReviewComment,
            _ => Place::IssueComment,
        }
    }

    /// The issue or pull request as a [`Spoken`] about its own description.
    fn subject(
        &self,
        issue: Option<payload::Issue>,
        pull_request: Option<payload::PullRequest>,
    ) -> Result<Spoken, EventError> {
        let (id, number, fork) = match (&issue, &pull_request) {
            (Some(issue), _) => (issue.id, issue.number, None),
            (None, Some(pull)) => (pull.id, pull.number, Some(self.is_fork(pull))),
            (None, None) => return Err(EventError::Missing { event: quoted(self.name), field: "the issue" }),
        };
        let is_pull_request = issue.as_ref().is_none_or(|issue| issue.pull_request.is_some());
        let locked =
            issue.as_ref().map_or_else(|| pull_request.as_ref().and_then(|pull| pull.locked), |issue| issue.locked);
        let head = pull_request.as_ref().and_then(|pull| pull.head.as_ref());
        let head = head.and_then(|head| parsed(head.sha.as_deref()));
        let (title, body, url, user, state) = match (issue, pull_request) {
            (Some(issue), _) => (issue.title, issue.body, issue.html_url, issue.user, issue.state),
            (None, Some(pull)) => (pull.title, pull.body, pull.html_url, pull.user, pull.state),
            (None, None) => (None, None, None, None, None),
        };
        Ok(Spoken {
            place: if is_pull_request { Place::PullRequest } else { Place::Issue },
            issue: IssueNumber(self.need(number, "the issue's number")?),
            pull_request: is_pull_request,
            closed: state.as_deref() == Some("closed"),
            locked: locked == Some(true),
            fork,
            head,
            id: CommentId(self.need(id, "the issue's id")?),
            author: actor(user.as_ref()),
            text: String::new(),
            previous_text: None,
            action: SpokenAction::Created,
            issue_title: title.unwrap_or_default(),
            issue_body: body,
            review: None,
            anchor: None,
            url,
        })
    }

    /// Whether the head lies outside this repository. What cannot be told apart counts as a fork.
    fn is_fork(&self, pull: &payload::PullRequest) -> bool {
        let head = pull.head.as_ref().and_then(|head| head.repo.as_ref()).and_then(|repo| repo.id);
        head.is_none() || head != self.repository.map(|id| id.0)
    }

    fn pull_request(&self) -> Result<EventKind, EventError> {
        match self.action {
            "opened" | "edited" => return self.spoken(),
            "labeled" => return self.triggered(),
            _ => {}
        }
        if !matches!(self.action, "closed" | "reopened" | "synchronize") {
            return Ok(self.ignored());
        }
        let found: payload::Conversation = self.json()?;
        let pull = self.need(found.pull_request, "the pull request")?;
        let fork = self.is_fork(&pull);
        let change = match self.action {
            "closed" if pull.merged == Some(true) => {
                PullRequestChange::Merged { commit: parsed(pull.merge_commit_sha.as_deref()) }
            }
            "closed" => PullRequestChange::Closed,
            "reopened" => PullRequestChange::Reopened,
            _ => PullRequestChange::Synchronize,
        };
        let head = self.need(pull.head, "the head")?;
        Ok(EventKind::PullRequest(PullRequest {
            number: IssueNumber(self.need(pull.number, "the pull request's number")?),
            change,
            head_sha: self.sha(head.sha.as_deref(), "the head's commit")?,
            head_branch: parsed(head.name.as_deref()),
            base_branch: pull.base.and_then(|base| parsed(base.name.as_deref())),
            fork,
            author: actor(pull.user.as_ref()),
        }))
    }

    fn check_run(&self) -> Result<EventKind, EventError> {
        if !matches!(self.action, "requested_action" | "rerequested" | "completed") {
            return Ok(self.ignored());
        }
        let found: payload::Checks = self.json()?;
        let check = self.need(found.check_run, "the check run")?;
        let action = match self.action {
            "requested_action" => {
                let identifier = found.requested_action.and_then(|action| action.identifier);
                CheckRunAction::RequestedAction { identifier: self.need(identifier, "the button's identifier")? }
            }
            "rerequested" => CheckRunAction::Rerequested,
            _ => CheckRunAction::Completed { conclusion: check.conclusion },
        };
        Ok(EventKind::CheckRun(CheckRun {
            id: CheckRunId(self.need(check.id, "the check run's id")?),
            action,
            name: check.name.unwrap_or_default(),
            external_id: check.external_id.unwrap_or_default(),
            head_sha: self.sha(check.head_sha.as_deref(), "the checked commit")?,
            head_branch: check.check_suite.and_then(|suite| parsed(suite.head_branch.as_deref())),
            app_slug: check.app.and_then(|app| app.slug),
            pull_requests: self.own_pull_requests(check.pull_requests),
        }))
    }

    fn check_suite(&self) -> Result<EventKind, EventError> {
        if !matches!(self.action, "rerequested" | "completed") {
            return Ok(self.ignored());
        }
        let found: payload::Checks = self.json()?;
        let suite = self.need(found.check_suite, "the check suite")?;
        let action = match self.action {
            "rerequested" => CheckSuiteAction::Rerequested,
            _ => CheckSuiteAction::Completed { conclusion: suite.conclusion },
        };
        Ok(EventKind::CheckSuite(CheckSuite {
            action,
            head_sha: self.sha(suite.head_sha.as_deref(), "the checked commit")?,
            head_branch: parsed(suite.head_branch.as_deref()),
            app_slug: suite.app.and_then(|app| app.slug),
            pull_requests: self.own_pull_requests(suite.pull_requests),
        }))
    }

    fn workflow_run(&self) -> Result<EventKind, EventError> {
        if self.action != "completed" {
            return Ok(self.ignored());
        }
        let found: payload::Workflows = self.json()?;
        let run = self.need(found.workflow_run, "the workflow run")?;
        let head_sha = self.sha(run.head_sha.as_deref(), "the checked commit")?;
        Ok(EventKind::WorkflowRun(WorkflowRun { head_sha, conclusion: run.conclusion }))
    }

    fn status(&self) -> Result<EventKind, EventError> {
        let found: payload::Status = self.json()?;
        let head_sha = self.sha(found.sha.as_deref(), "the commit")?;
        Ok(EventKind::CommitStatus(CommitStatus { head_sha, state: self.need(found.state, "the state")? }))
    }

    /// A listed pull request may belong to another repository that has the same commit.
    fn own_pull_requests(&self, listed: Option<Vec<payload::CheckedPullRequest>>) -> Vec<IssueNumber> {
        let base_of = |pull: &payload::CheckedPullRequest| {
            pull.base.as_ref().and_then(|base| base.repo.as_ref()).and_then(|repo| repo.id).map(RepositoryId)
        };
        let listed = listed.unwrap_or_default();
        let own = listed.iter().filter(|pull| self.repository.is_some() && base_of(pull) == self.repository);
        own.filter_map(|pull| pull.number).map(IssueNumber).collect()
    }

    fn installation(&self, account: Option<Actor>, permissions: Permissions) -> Result<EventKind, EventError> {
        let change = match self.action {
            "created" => {
                let found: payload::Installed = self.json()?;
                InstallationChange::Created { account, permissions, repositories: installed(found.repositories) }
            }
            "deleted" => InstallationChange::Deleted,
            "suspend" => InstallationChange::Suspended,
            "unsuspend" => InstallationChange::Unsuspended,
            "new_permissions_accepted" => InstallationChange::PermissionsAccepted { permissions },
            _ => return Ok(self.ignored()),
        };
        Ok(EventKind::Installation(change))
    }

    fn installation_repositories(&self) -> Result<EventKind, EventError> {
        if !matches!(self.action, "added" | "removed") {
            return Ok(self.ignored());
        }
        let found: payload::Installed = self.json()?;
        Ok(EventKind::Installation(InstallationChange::Repositories {
            added: installed(found.repositories_added),
            removed: installed(found.repositories_removed),
        }))
    }

    fn repository(&self) -> EventKind {
        EventKind::Repository(match self.action {
            "renamed" | "transferred" | "edited" => RepositoryChange::Described,
            "deleted" => RepositoryChange::Deleted,
            "archived" => RepositoryChange::Archived,
            "unarchived" => RepositoryChange::Unarchived,
            _ => return self.ignored(),
        })
    }

    fn push(&self) -> Result<EventKind, EventError> {
        let found: payload::Pushed = self.json()?;
        let reference = self.need(found.reference, "the ref")?;
        let Some(branch) = reference.strip_prefix("refs/heads/").and_then(|name| name.parse().ok()) else {
            return Ok(EventKind::Ignored { reason: "the pushed ref is not a branch".into() });
        };
        Ok(EventKind::Push(Push {
            branch,
            before: self.sha(found.before.as_deref(), "the commit before")?,
            after: self.sha(found.after.as_deref(), "the commit after")?,
            deleted: found.deleted.unwrap_or(false),
            paths: pushed_paths(found.forced, found.commits),
        }))
    }

    fn sha(&self, text: Option<&str>, field: &'static str) -> Result<CommitSha, EventError> {
        self.need(parsed(text), field)
    }
}

/// GitHub lists at most so many commits, and a forced push undoes some that it does not list.
/// <https://docs.github.com/en/webhooks/webhook-events-and-payloads#push>
const LISTED_COMMITS: usize = 2_048;

fn pushed_paths(forced: Option<bool>, commits: Option<Vec<payload::PushedCommit>>) -> Option<BTreeSet<String>> {
    let commits = commits.filter(|commits| !commits.is_empty() && commits.len() < LISTED_COMMITS)?;
    let paths = commits.into_iter().flat_map(|commit| [commit.added, commit.modified, commit.removed].concat());
    (forced != Some(true)).then(|| paths.collect())
}

fn json<T: DeserializeOwned>(event: &str, payload: &[u8]) -> Result<T, EventError> {
    serde_json::from_slice(payload).map_err(|source| EventError::Json { event: quoted(event), source })
}

/// Event and action names end up in logs and on the delivery page.
fn quoted(name: &str) -> String {
    if name.is_empty() {
        return "(nothing)".into();
    }
    name.chars().take(60).map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '?' }).collect()
}

fn parsed<T: std::str::FromStr>(text: Option<&str>) -> Option<T> {
    text.and_then(|text| text.parse().ok())
}

fn actor(account: Option<&payload::Account>) -> Option<Actor> {
    let account = account?;
    let login = account.login.as_deref()?;
    let is_bot = account.kind.as_deref() == Some("Bot") || login.ends_with("[bot]");
    Some(Actor { id: UserId(account.id?), login: login.parse().ok()?, is_bot })
}

fn repository(found: payload::Repository) -> Option<Repository> {
    Some(Repository {
        id: RepositoryId(found.id?),
        name: parsed(found.full_name.as_deref())?,
        default_branch: parsed(found.default_branch.as_deref()),
        private: found.private.unwrap_or(true),
    })
}

fn granted(installation: Option<&payload::Installation>) -> Permissions {
    let permissions = installation.and_then(|found| found.permissions.as_ref()).into_iter().flatten();
    permissions.filter_map(|(name, level)| Some((name.clone(), level.as_str()?.to_owned()))).collect()
}

fn installed(found: Option<Vec<payload::Repository>>) -> Vec<InstalledRepository> {
    let repositories = found.unwrap_or_default().into_iter().filter_map(repository);
    repositories.map(|Repository { id, name, private, .. }| InstalledRepository { id, name, private }).collect()
}

fn review_state(state: Option<&str>) -> ReviewState {
    match state.map(str::to_ascii_lowercase).as_deref() {
        Some("approved") => ReviewState::Approved,
        Some("changes_requested") => ReviewState::ChangesRequested,
        _ => ReviewState::Commented,
    }
}
