//! What becomes of a run while its pull request is open: the pull request moves, or there is more to do on it.
//!
//! One follow-up is under way at a time; further causes wait in order. Whoever merges or closes the pull request ends both
//! at once. A cause that speaks of a head which is no longer the head is dropped, since the new one has its own.
//!
//! Read first: [`follow_up`], [`begun`], [`watch_on`].

use super::{cancel, enter, fail, stay};
use crate::{
    error::UserMessage,
    ids::CommitSha,
    plan::StepKey,
    run::{
        follow_up::{FailingCheck, FollowUpCause, Waits},
        signal::{Effect, Gone, PullRequestChange, Refusal, Signal, StageResult, Transition},
        state::{CurrentPlan, FollowUp, HeadProof, Run, State, StepProgress, StepState},
    },
};

/// How often the branch may move under one follow-up before a person is asked.
pub const MAX_RESTARTS: u32 = 2;

/// Most causes that wait while a follow-up is under way.
pub const MAX_WAITING: usize = 8;

/// A run that watches a pull request it did not open.
pub(super) fn adopt(run: Run) -> Transition {
    enter(run, State::Watching, vec![])
}

/// Ends the run, since nobody can be asked or shown anything where it stood.
pub(super) fn gone(run: Run, gone: Gone) -> Transition {
    cancel(
        run,
        UserMessage::new(match gone {
            Gone::Issue => "The issue was deleted or moved to another repository.",
            Gone::Repository => {
                "The repository was deleted, or wiz has no access to it any more. Once it is back, `/wiz retry` goes on."
            }
            Gone::Archived => {
                "The repository was archived, so nothing can be changed there. `/wiz retry` once it is back."
            }
            Gone::Installation => "wiz was uninstalled. Once it is back, `/wiz retry` goes on.",
        }),
    )
}

pub(super) fn pull_request(mut run: Run, change: PullRequestChange) -> Result<Transition, Refusal> {
    let pull_request = run.progress.pull_request.as_mut().ok_or(Refusal::Stale)?;
    let (was_open, unfinished) = (pull_request.open, pull_request.unfinished);
    pull_request.open = change == PullRequestChange::Reopened;
    match (run.state, change) {
        (State::Succeeded, _) => Err(Refusal::Stale),
        (_, PullRequestChange::Merged) => {
            run.progress.failure = None;
            Ok(enter(without_work(run), State::Succeeded, vec![]))
        }
        (State::Failed | State::Cancelled, PullRequestChange::Closed) if was_open => {
            Ok(stay(without_work(run), vec![]))
        }
        (State::Failed | State::Cancelled, PullRequestChange::Reopened) if !was_open && unfinished => {
            Ok(stay(run, vec![]))
        }
        (State::Failed | State::Cancelled, PullRequestChange::Reopened) if !was_open => {
            run.progress.failure = None;
            Ok(enter(run, State::Watching, vec![]))
        }
        (State::Failed | State::Cancelled, PullRequestChange::Closed | PullRequestChange::Reopened)
        | (_, PullRequestChange::Reopened) => Err(Refusal::Stale),
        (_, PullRequestChange::Closed) => {
            Ok(cancel(without_work(run), UserMessage::new("The pull request was closed without merging.")))
        }
    }
}

/// Somebody pushed: what was proven is of another commit, and is shown there. Work under way finds out by itself.
pub(super) fn head_moved(mut run: Run, head: CommitSha) -> Result<Transition, Refusal> {
    let pull_request = run.progress.pull_request.as_mut().ok_or(Refusal::Stale)?;
    if run.state != State::Watching || pull_request.head == head {
        return Err(Refusal::Stale);
    }
    pull_request.head = head;
    Ok(stay(run, vec![]))
}

/// Nothing is done for a pull request that is not open.
fn without_work(mut run: Run) -> Run {
    // Who stood still ends as the stage it stood in.
    run.state = match (run.state, run.progress.pause.take()) {
        (State::Paused, Some(pause)) => pause.stage,
        (State::NeedsScope, _) => State::Verifying,
        (state, _) => state,
    };
    run.progress.scope.clear();
    run.progress.follow_up = None;
    run.progress.waiting.clear();
    run
}

/// There is more to do on the pull request.
pub(super) fn follow_up(mut run: Run, cause: FollowUpCause) -> Result<Transition, Refusal> {
    let Some(pull_request) = run.progress.pull_request.as_ref().filter(|pull_request| pull_request.open) else {
        return Err(Refusal::NotNow);
    };
    // What failed before it was finished has its own work to go on with.
    if pull_request.unfinished && run.state == State::Failed {
        return Err(Refusal::NotNow);
    }
    let known = run.progress.follow_up.iter().map(|follow_up| &follow_up.cause).chain(&run.progress.waiting);
    let is_known = known.into_iter().any(|known| known.is_same(&cause));
    match run.state {
        State::Watching | State::Failed if !run.progress.drafting => begin(run, cause, 0),
        State::Watching
        | State::Working
        | State::Verifying
        | State::Reviewing
        | State::Publishing
        | State::NeedsScope
        | State::Paused
            if is_known =>
        {
            Err(Refusal::Stale)
        }
        State::Watching
        | State::Working
        | State::Verifying
        | State::Reviewing
        | State::Publishing
        | State::NeedsScope
        | State::Paused
            if run.progress.waiting.len() < MAX_WAITING =>
        {
            run.progress.waiting.push(cause);
            Ok(stay(run, vec![]))
        }
        State::Queued
        | State::Planning
        | State::NeedsApproval
        | State::NeedsAnswer
        | State::NeedsScope
        | State::Paused
        | State::Working
        | State::Verifying
        | State::Reviewing
        | State::Publishing
        | State::Watching
        | State::Succeeded
        | State::Failed
        | State::Cancelled => Err(Refusal::NotNow),
    }
}

fn begin(mut run: Run, cause: FollowUpCause, restarts: u32) -> Result<Transition, Refusal> {
    let number = run.progress.follow_ups + 1;
    let key = FollowUp::step_key(number).ok_or(Refusal::NotNow)?;
    let step = StepProgress { key: key.clone(), depends_on: vec![], state: StepState::Running, feedback: None };
    let (state, steps, effect) = if cause.only_proves() {
        (State::Verifying, vec![], Effect::Verify)
    } else {
        (State::Working, vec![step], Effect::Work(key))
    };
    if run.state == State::Failed {
        // Where there is no plan of its own, the next work may go by rules that were mended meanwhile.
        run.progress.plan = run.progress.plan.filter(|current| !current.plan.steps.is_empty());
    }
    run.progress.follow_ups = number;
    run.progress.follow_up = Some(FollowUp { number, cause, head: None, restarts, steps });
    run.progress.rework_rounds = 0;
    run.progress.failure = None;
    Ok(enter(run, state, vec![effect]))
}

/// The first job of a follow-up has looked at the pull request.
pub(super) fn begun(mut run: Run, head: CommitSha, plan: Option<Box<CurrentPlan>>) -> Result<Transition, Refusal> {
    let (Some(follow_up), Some(pull_request)) = (&mut run.progress.follow_up, &mut run.progress.pull_request) else {
        return Err(Refusal::Stale);
    };
    if follow_up.head.is_some() {
        return Err(Refusal::Stale);
    }
    pull_request.head = head.clone();
    if !follow_up.cause.fits(&head) {
        return watch_on(run, Some(&head));
    }
    follow_up.head = Some(head);
    run.progress.plan = run.progress.plan.or(plan.map(|plan| *plan));
    if run.progress.plan.is_none() {
        return Err(Refusal::Stale);
    }
    Ok(stay(run, vec![]))
}

/// Somebody else's commit is the head now; nothing was published.
pub(super) fn branch_moved(mut run: Run, head: CommitSha) -> Result<Transition, Refusal> {
    let (Some(follow_up), Some(pull_request)) = (run.progress.follow_up.take(), &mut run.progress.pull_request) else {
        return Err(Refusal::Stale);
    };
    pull_request.head = head.clone();
    if !follow_up.cause.fits(&head) {
        return watch_on(run, Some(&head));
    }
    if follow_up.restarts < MAX_RESTARTS {
        return begin(run, follow_up.cause, follow_up.restarts + 1);
    }
    run.progress.follow_up = Some(follow_up);
    let message = "The branch moved again and again while wiz was at work on it, so nothing was published. `/wiz retry` \
                   starts from the commit that is there then.";
    Ok(fail(run, UserMessage::new(message)))
}

/// The definition of done was run on the head as it is.
pub(super) fn proven_again(mut run: Run, holds: bool) -> Result<Transition, Refusal> {
    let head = run.progress.follow_up.as_ref().and_then(|follow_up| follow_up.head.clone()).ok_or(Refusal::Stale)?;
    run.progress.prove(HeadProof { head, verified: run.seq, holds });
    settled(run, None, false)
}

/// The follow-up's coder found nothing to change; what it has to say is all that comes of it.
pub(super) fn nothing_to_change(run: Run, key: &StepKey) -> Result<Transition, Refusal> {
    let working = |step: &StepProgress| step.key == *key && step.state == StepState::Running;
    let is_it = run.progress.follow_up.as_ref().is_some_and(|follow_up| follow_up.steps.iter().any(working));
    if is_it { settled(run, None, false) } else { Err(Refusal::Stale) }
}

/// The work under way is over, with or without a commit. A review gets its answers; then watching goes on.
pub(super) fn settled(run: Run, commit: Option<CommitSha>, offered: bool) -> Result<Transition, Refusal> {
    let review = run.progress.follow_up.as_ref().and_then(|follow_up| follow_up.cause.review());
    let mut transition = watch_on(run, commit.as_ref())?;
    transition.effects.extend(review.map(|review| Effect::AnswerReview { review, commit, offered }));
    Ok(transition)
}

/// The failing checks for which nothing will be published: those that waited, and the one whose work was given up, because
/// their commit is no longer the head, the pull request was closed, or what somebody asked for took the place of work that
/// had failed. A check that fails after that takes it too, but then what was tried must count, or it would go on for ever.
pub fn forsaken(before: &Run, signal: &Signal, after: &Run) -> Vec<FailingCheck> {
    let came_to_its_end = matches!(
        signal,
        Signal::Stage {
            result: StageResult::Published(_) | StageResult::Offered | StageResult::NothingToChange { .. },
            ..
        }
    );
    let counts = came_to_its_end || matches!(signal, Signal::FollowUp(FollowUpCause::FailingCheck(_)));
    let under_way = before.progress.follow_up.iter().filter(|_| !counts).map(|follow_up| &follow_up.cause);
    let left = |cause: &&FollowUpCause| {
        let mut kept = after.progress.follow_up.iter().map(|follow_up| &follow_up.cause).chain(&after.progress.waiting);
        !kept.any(|kept| kept == *cause)
    };
    let causes = under_way.chain(&before.progress.waiting).filter(left);
    causes.filter_map(FollowUpCause::failing_check).cloned().collect()
}

/// Everybody who waits for a follow-up: the one that is under way, and those behind it.
pub(super) fn waiting_for(run: &Run) -> impl Iterator<Item = Waits> {
    let causes = run.progress.follow_up.iter().map(|follow_up| &follow_up.cause).chain(&run.progress.waiting);
    causes.filter_map(FollowUpCause::waits)
}

/// Begins what waits, or goes on watching. Where the head is `known` for certain, what means nothing there is dropped;
/// otherwise the beginning finds out, since somebody may have pushed meanwhile.
pub(super) fn watch_on(mut run: Run, known: Option<&CommitSha>) -> Result<Transition, Refusal> {
    run.progress.follow_up = None;
    let mut waiting = std::mem::take(&mut run.progress.waiting);
    waiting.retain(|cause| known.is_none_or(|head| cause.fits(head)));
    if waiting.is_empty() {
        return Ok(enter(run, State::Watching, vec![]));
    }
    let next = waiting.remove(0);
    run.progress.waiting = waiting;
    begin(run, next, 0)
}

#[cfg(test)]
pub(super) mod tests;
