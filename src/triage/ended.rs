//! Which deliveries tell that a check has ended on a commit.

use crate::{
    event::{CheckRunAction, CheckSuiteAction, EventKind},
    ids::CommitSha,
};

/// A check that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended<'a> {
    pub head: &'a CommitSha,
    /// GitHub's word for how.
    pub conclusion: Option<&'a str>,
    /// The App whose check it is; unknown for workflows and commit statuses.
    pub by: Option<&'a str>,
}

/// The check that ended by an event, if one did.
pub fn ended(kind: &EventKind) -> Option<Ended<'_>> {
    match kind {
        EventKind::CheckRun(run) => match &run.action {
            CheckRunAction::Completed { conclusion } => {
                Some(Ended { head: &run.head_sha, conclusion: conclusion.as_deref(), by: run.app_slug.as_deref() })
            }
            CheckRunAction::RequestedAction { .. } | CheckRunAction::Rerequested => None,
        },
        EventKind::CheckSuite(suite) => match &suite.action {
            CheckSuiteAction::Completed { conclusion } => {
                Some(Ended { head: &suite.head_sha, conclusion: conclusion.as_deref(), by: suite.app_slug.as_deref() })
            }
            CheckSuiteAction::Rerequested => None,
        },
        EventKind::WorkflowRun(run) => {
            Some(Ended { head: &run.head_sha, conclusion: run.conclusion.as_deref(), by: None })
        }
        EventKind::CommitStatus(status) if status.state != "pending" => {
            Some(Ended { head: &status.head_sha, conclusion: Some(&status.state), by: None })
        }
        EventKind::CommitStatus(_)
        | EventKind::Spoken(_)
        | EventKind::Triggered(_)
        | EventKind::PullRequest(_)
        | EventKind::Unlocked { .. }
        | EventKind::Installation(_)
        | EventKind::Repository(_)
        | EventKind::Push(_)
        | EventKind::Ping
        | EventKind::Ignored { .. } => None,
    }
}
