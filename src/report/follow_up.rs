//! Further work on an open pull request: what it is called, and its commit.

use super::{RunState, RunView, plain, pull_request::wrapped};
use crate::ids::{CommitSha, Login};

/// Longest name of a check that is shown.
const NAME_CHARS: usize = 60;
/// Longest first line of a commit message, as git's own tools expect.
const SUBJECT_CHARS: usize = 72;

/// A follow-up as people are told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowUpView {
    /// Which of the run's follow-ups it is, from 1.
    pub number: u32,
    pub reason: FollowUpReason,
}

/// Why there is a follow-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FollowUpReason {
    FailingCheck {
        name: String,
    },
    Review {
        by: Login,
    },
    Command {
        by: Login,
    },
    /// The head is proven as it is.
    Proof {
        by: Login,
    },
}

impl FollowUpReason {
    fn subject(&self) -> String {
        match self {
            Self::FailingCheck { name } => format!("Mend the failing check {}", word(name)),
            Self::Review { by } => format!("Follow the review by {}", word(by.as_str())),
            Self::Command { by } => format!("Do what {} asked for", word(by.as_str())),
            Self::Proof { by } => format!("Prove the head again for {}", word(by.as_str())),
        }
    }
}

/// A name for places with and without Markdown: whatever could be more than a name there is left out.
fn word(name: &str) -> String {
    let name: String = name.chars().filter(|c| c.is_alphanumeric() || " ._-/():,+".contains(*c)).collect();
    plain(&name, NAME_CHARS)
}

/// What a run is doing in a follow-up, in a few words; none where the follow-up is not what matters.
pub(super) fn headline(view: &RunView) -> Option<String> {
    let subject = view.follow_up.as_ref()?.reason.subject();
    let doing = match view.state {
        RunState::Working => "working",
        RunState::Verifying => "running the checks in a clean box",
        RunState::Reviewing => "reviewing the change",
        RunState::Publishing => "publishing the commit",
        RunState::Failed => "failed",
        RunState::Queued
        | RunState::Planning
        | RunState::NeedsApproval
        | RunState::NeedsAnswer
        | RunState::NeedsScope
        | RunState::Paused
        | RunState::Watching
        | RunState::Succeeded
        | RunState::Cancelled => return None,
    };
    Some(format!("{subject}: {doing}"))
}

/// What the follow-up is for, in a line that is none of Markdown's.
pub(super) fn subject(view: &RunView) -> String {
    view.follow_up.as_ref().map_or_else(|| "Follow up".to_owned(), |follow_up| follow_up.reason.subject())
}

/// The message of a follow-up's commit: why, what the coder says it did, trailers.
pub fn follow_up_message(view: &RunView, summary: &str) -> String {
    let subject: String = subject(view).chars().take(SUBJECT_CHARS).collect();
    let summary = wrapped(summary);
    let body = if summary.is_empty() { String::new() } else { format!("\n\n{summary}") };
    let number = view.follow_up.as_ref().map(|follow_up| format!("\nWiz-Follow-Up: {}", follow_up.number));
    format!("{subject}{body}\n\nWiz-Run: {}{}\n", view.run, number.unwrap_or_default())
}

/// What would have been published holds a secret of this kind.
pub fn secret_in_text(kind: &str) -> String {
    format!("The text to be published holds {kind}, so nothing was published. `/wiz retry` lets the coder try again.")
}

/// Title and summary of a check run on a commit that is no longer the one to look at.
pub fn superseded_check(head: &CommitSha) -> (String, String) {
    let short: String = head.as_str().chars().take(8).collect();
    (format!("Continued on {short}"), format!("The run went on; its check is now on `{head}`."))
}
