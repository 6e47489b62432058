//! The run's transition function: state × signal → state × effects. No I/O, no clock, no randomness.
//!
//! Three promises are property-tested below: from every state that is not an end, a person and a deadline each lead
//! out; work done for a state that the run has left changes nothing; and no effect is asked for twice for one state
//! entry, so its queue key is unique.

mod draft;
mod orders;
mod rest;
mod stages;
mod watch;

use std::time::Duration;

use super::{
    signal::{Effect, Refusal, Signal, Transition},
    state::{Failure, Run, State, StepProgress, StepState},
};
use crate::error::UserMessage;
pub use draft::finished;
pub use stages::MAX_REWORK_ROUNDS;
pub use watch::{MAX_RESTARTS, MAX_WAITING, forsaken};

const MINUTE: Duration = Duration::from_secs(60);
/// How soon to look again for a stage that no worker has.
const IN_LINE: Duration = Duration::from_secs(5 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a run may stay in a state; none for the ends.
pub fn deadline(state: State) -> Option<Duration> {
    match state {
        State::Queued | State::Planning => Some(DAY),
        State::Reviewing | State::Publishing => Some(30 * MINUTE),
        State::Working => Some(180 * MINUTE),
        State::Verifying => Some(90 * MINUTE),
        State::NeedsAnswer => Some(DAY),
        State::NeedsApproval | State::NeedsScope => Some(14 * DAY),
        State::Paused => Some(30 * DAY),
        State::Watching => Some(90 * DAY),
        State::Succeeded | State::Failed | State::Cancelled => None,
    }
}

/// How long a deadline that has come must wait yet; none where the state has lasted too long. At work, what counts is how
/// long workers have had the stage's jobs, since neither standing in line nor an absence of wiz or GitHub is their fault.
pub fn deadline_left(state: State, held: &[Option<Duration>]) -> Option<Duration> {
    let limit = deadline(state).filter(|_| state.is_at_work() && !held.is_empty())?;
    let longest = held.iter().flatten().max();
    let left = longest.map_or(IN_LINE, |longest| limit.saturating_sub(*longest));
    (!left.is_zero()).then_some(left)
}

/// The run as it is created, with its first effects.
pub fn start(run: Run) -> Transition {
    enter(run, State::Queued, vec![Effect::Plan])
}

/// The run that watches a pull request which it did not open.
pub fn adopt(run: Run) -> Transition {
    watch::adopt(run)
}

/// What `signal` does to `run`.
pub fn advance(run: &Run, signal: Signal) -> Result<Transition, Refusal> {
    let transition = match signal {
        Signal::Stage { seq, result } if seq == run.seq => stages::stage(run.clone(), result),
        Signal::Stage { .. } => Err(Refusal::Stale),
        Signal::Human { by: _, order } => orders::human(run.clone(), order),
        Signal::PullRequest(change) => watch::pull_request(run.clone(), change),
        Signal::HeadMoved { head } => watch::head_moved(run.clone(), head),
        Signal::FollowUp(cause) => watch::follow_up(run.clone(), cause),
        Signal::Draft(drafted) => draft::drafted(run.clone(), drafted),
        Signal::Gone(gone) if !run.state.is_terminal() => Ok(watch::gone(run.clone(), gone)),
        Signal::Gone(_) => Err(Refusal::Stale),
        Signal::Deadline { seq } if seq == run.seq && !run.state.is_terminal() => Ok(expire(run.clone())),
        Signal::Deadline { .. } => Err(Refusal::Stale),
    };
    transition.map(draft::without_draft_of_the_past)
}

/// Enters `state`: counts the entry, shows it, and sets its deadline or clears up behind an end.
fn enter(mut run: Run, state: State, mut effects: Vec<Effect>) -> Transition {
    run.state = state;
    run.seq += 1;
    effects.push(Effect::Report);
    if state == State::Failed {
        effects.extend(watch::waiting_for(&run).map(Effect::TellFailure));
    }
    effects.push(deadline(state).map_or(Effect::Halt, Effect::Deadline));
    Transition { run, effects, notice: None }
}

/// Stays in the state but shows what changed.
fn stay(run: Run, mut effects: Vec<Effect>) -> Transition {
    effects.push(Effect::Report);
    Transition { run, effects, notice: None }
}

/// Starts the work of the current plan from its first step.
fn approve(mut run: Run) -> Transition {
    if let Some(current) = &mut run.progress.plan {
        current.approved = true;
        run.progress.steps = current
            .plan
            .steps
            .iter()
            .map(|step| StepProgress {
                key: step.id.clone(),
                depends_on: step.depends_on.clone(),
                state: StepState::Waiting,
                feedback: None,
            })
            .collect();
    }
    run.progress.rework_rounds = 0;
    let effects = begin_ready_steps(&mut run);
    enter(run, State::Working, effects)
}

/// Marks every ready step as running and asks for its work.
fn begin_ready_steps(run: &mut Run) -> Vec<Effect> {
    let ready = run.progress.ready_steps();
    for step in run.progress.current_steps_mut() {
        if ready.contains(&step.key) {
            step.state = StepState::Running;
        }
    }
    ready.into_iter().map(Effect::Work).collect()
}

fn fail(mut run: Run, message: UserMessage) -> Transition {
    let message = message.settled(run.progress.steering());
    run.progress.failure = Some(Failure { stage: run.state, message });
    enter(run, State::Failed, vec![])
}

fn cancel(mut run: Run, message: UserMessage) -> Transition {
    // A run that stood still goes on where it would have gone on.
    let stage = match (run.state, run.progress.pause.take()) {
        (State::Paused, Some(pause)) => pause.stage,
        (State::NeedsScope, _) => State::Verifying,
        (state, _) => state,
    };
    run.progress.scope.clear();
    run.progress.raised = None;
    run.progress.failure = Some(Failure { stage, message });
    enter(run, State::Cancelled, vec![])
}

fn expire(run: Run) -> Transition {
    match run.state {
        State::NeedsAnswer => orders::take_default(&run)
            .unwrap_or_else(|| cancel(run, UserMessage::new("Nobody answered in time. `/wiz retry` plans again."))),
        State::NeedsApproval => {
            cancel(run, UserMessage::new("Nobody answered within 14 days. `/wiz retry` plans again."))
        }
        State::NeedsScope | State::Paused => rest::expire(run),
        State::Watching => cancel(
            run,
            UserMessage::new("The pull request was open for 90 days, so wiz no longer watches it. `/wiz retry` does."),
        ),
        State::Queued
        | State::Planning
        | State::Working
        | State::Verifying
        | State::Reviewing
        | State::Publishing
        | State::Succeeded
        | State::Failed
        | State::Cancelled => {
            fail(run, UserMessage::new("This stage took too long and was stopped. `/wiz retry` goes on from here."))
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
#[cfg(test)]
mod words;
