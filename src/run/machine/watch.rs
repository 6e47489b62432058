//! What becomes of a run when its pull request moves.

use super::{cancel, enter};
use crate::{
    error::UserMessage,
    run::{
        signal::{PullRequestChange, Refusal, Transition},
        state::{Run, State},
    },
};

pub(super) fn pull_request(mut run: Run, change: PullRequestChange) -> Result<Transition, Refusal> {
    let pull_request = run.progress.pull_request.as_mut().ok_or(Refusal::Stale)?;
    match (run.state, change) {
        (State::Watching | State::Cancelled | State::Failed, PullRequestChange::Merged) => {
            pull_request.open = false;
            run.progress.failure = None;
            Ok(enter(run, State::Succeeded, vec![]))
        }
        (State::Watching, PullRequestChange::Closed) => {
            pull_request.open = false;
            Ok(cancel(run, UserMessage::new("The pull request was closed without merging.")))
        }
        (State::Cancelled, PullRequestChange::Reopened) => {
            pull_request.open = true;
            run.progress.failure = None;
            Ok(enter(run, State::Watching, vec![]))
        }
        (_, PullRequestChange::Merged | PullRequestChange::Closed | PullRequestChange::Reopened) => Err(Refusal::Stale),
    }
}
