//! The run's transition function: state × signal → state × effects. No I/O, no clock, no randomness.
//!
//! Three promises are property-tested below: from every state that is not an end, a person and a deadline each lead
//! out; work done for a state that the run has left changes nothing; and no effect is asked for twice for one state
//! entry, so its queue key is unique.

use std::time::Duration;

use super::{
    signal::{Effect, Notice, Order, PullRequestChange, Refusal, Signal, StageResult, Transition},
    state::{CurrentPlan, Failure, Run, State, StepProgress, StepState},
};
use crate::{
    error::UserMessage,
    ids::CommitSha,
    plan::{Plan, PlanHash, StepKey},
};

/// How often verification and review together may send a change back before wiz gives up. The evidence on repair loops
/// is that the first round helps most and later ones mostly cost money.
pub const MAX_REWORK_ROUNDS: u32 = 2;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a run may stay in a state; none for the ends.
pub fn deadline(state: State) -> Option<Duration> {
    match state {
        State::Queued | State::Planning => Some(DAY),
        State::Reviewing | State::Publishing => Some(30 * MINUTE),
        State::Working => Some(180 * MINUTE),
        State::Verifying => Some(90 * MINUTE),
        State::NeedsApproval | State::NeedsAnswer => Some(14 * DAY),
        State::Watching => Some(90 * DAY),
        State::Succeeded | State::Failed | State::Cancelled => None,
    }
}

/// The run as it is created, with its first effects.
pub fn start(run: Run) -> Transition {
    enter(run, State::Queued, vec![Effect::Plan])
}

/// What `signal` does to `run`.
pub fn advance(run: &Run, signal: Signal) -> Result<Transition, Refusal> {
    match signal {
        Signal::Stage { seq, result } if seq == run.seq => stage(run.clone(), result),
        Signal::Stage { .. } => Err(Refusal::Stale),
        Signal::Human { by: _, order } => human(run.clone(), order),
        Signal::PullRequest(change) => pull_request(run.clone(), change),
        Signal::Deadline { seq } if seq == run.seq && !run.state.is_terminal() => Ok(expire(run.clone())),
        Signal::Deadline { .. } => Err(Refusal::Stale),
    }
}

/// Enters `state`: counts the entry, shows it, and sets its deadline or clears up behind an end.
fn enter(mut run: Run, state: State, mut effects: Vec<Effect>) -> Transition {
    run.state = state;
    run.seq += 1;
    effects.push(Effect::Report);
    effects.push(deadline(state).map_or(Effect::Halt, Effect::Deadline));
    Transition { run, effects, notice: None }
}

/// Stays in the state but shows what changed.
fn stay(run: Run, mut effects: Vec<Effect>) -> Transition {
    effects.push(Effect::Report);
    Transition { run, effects, notice: None }
}

fn stage(mut run: Run, result: StageResult) -> Result<Transition, Refusal> {
    match (run.state, result) {
        (State::Queued, StageResult::PlanningStarted) => {
            // Not a new entry: the job that reports this goes on to plan, under the number and deadline of `Queued`.
            run.state = State::Planning;
            Ok(stay(run, vec![]))
        }
        (State::Planning, StageResult::Planned { plan, base, needs_approval }) => {
            Ok(planned(run, plan, base, needs_approval))
        }
        (State::Planning, StageResult::Questioned { question }) => {
            run.progress.question = Some(question);
            Ok(enter(run, State::NeedsAnswer, vec![]))
        }
        (State::Working, StageResult::StepDone { step }) => step_done(run, &step),
        (State::Verifying, StageResult::Verified { feedback: None }) => {
            Ok(enter(run, State::Reviewing, vec![Effect::Review]))
        }
        (State::Reviewing, StageResult::Reviewed { feedback: None }) => {
            Ok(enter(run, State::Publishing, vec![Effect::Publish]))
        }
        (State::Verifying, StageResult::Objected { feedback, told }) => Ok(rework(run, feedback, told)),
        (State::Verifying, StageResult::Verified { feedback: Some(feedback) }) => {
            let give_up = "The change does not meet the definition of done; the evidence is below. `/wiz retry` tries \
                           again, `/wiz revise …` changes the plan.";
            Ok(rework(run, feedback, UserMessage::new(give_up)))
        }
        (State::Reviewing, StageResult::Reviewed { feedback: Some(feedback) }) => {
            let give_up = "The reviewer still asks for changes; its findings are below. `/wiz retry` tries again, \
                           `/wiz revise …` changes the plan.";
            Ok(rework(run, feedback, UserMessage::new(give_up)))
        }
        (State::Publishing, StageResult::Published(pull_request)) => {
            run.progress.pull_request = Some(pull_request);
            Ok(enter(run, State::Watching, vec![]))
        }
        (
            State::Queued | State::Planning | State::Working | State::Verifying | State::Reviewing | State::Publishing,
            StageResult::Failed { message },
        ) => Ok(fail(run, message)),
        _ => Err(Refusal::Stale),
    }
}

fn planned(mut run: Run, plan: Plan, base: CommitSha, needs_approval: bool) -> Transition {
    let version = run.progress.plan.as_ref().map_or(0, |current| current.version) + 1;
    run.progress.question = None;
    run.progress.plan = Some(CurrentPlan { version, plan, base, approved: false });
    if needs_approval { enter(run, State::NeedsApproval, vec![]) } else { approve(run) }
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
    for step in &mut run.progress.steps {
        if ready.contains(&step.key) {
            step.state = StepState::Running;
        }
    }
    ready.into_iter().map(Effect::Work).collect()
}

fn step_done(mut run: Run, key: &StepKey) -> Result<Transition, Refusal> {
    let step = run.progress.steps.iter_mut().find(|step| step.key == *key && step.state == StepState::Running);
    step.ok_or(Refusal::Stale)?.state = StepState::Done;
    if run.progress.steps.iter().all(|step| step.state == StepState::Done) {
        return Ok(enter(run, State::Verifying, vec![Effect::Verify]));
    }
    let effects = begin_ready_steps(&mut run);
    Ok(stay(run, effects))
}

/// Sends the change back to work with what was found, as one more step after all others. After [`MAX_REWORK_ROUNDS`]
/// the step waits for a person's `/wiz retry`.
fn rework(mut run: Run, feedback: String, give_up: UserMessage) -> Transition {
    let Some(key) = rework_key(&run) else {
        return fail(run, UserMessage::new("The change was sent back too often. `/wiz revise …` plans again."));
    };
    let depends_on = run.progress.steps.iter().map(|step| step.key.clone()).collect();
    run.progress.steps.push(StepProgress { key, depends_on, state: StepState::Waiting, feedback: Some(feedback) });
    if run.progress.rework_rounds >= MAX_REWORK_ROUNDS {
        run.progress.failure = Some(Failure { stage: State::Working, message: give_up });
        return enter(run, State::Failed, vec![]);
    }
    run.progress.rework_rounds += 1;
    let effects = begin_ready_steps(&mut run);
    enter(run, State::Working, effects)
}

/// A key that no step of the run has: `rework-1`, `rework-2`, …
fn rework_key(run: &Run) -> Option<StepKey> {
    (1..=100)
        .filter_map(|number| format!("rework-{number}").parse::<StepKey>().ok())
        .find(|key| run.progress.steps.iter().all(|step| step.key != *key))
}

fn fail(mut run: Run, message: UserMessage) -> Transition {
    run.progress.failure = Some(Failure { stage: run.state, message });
    enter(run, State::Failed, vec![])
}

fn cancel(mut run: Run, message: UserMessage) -> Transition {
    run.progress.failure = Some(Failure { stage: run.state, message });
    enter(run, State::Cancelled, vec![])
}

fn human(run: Run, order: Order) -> Result<Transition, Refusal> {
    match order {
        Order::Approve { typed_hash, base_now, shown } => {
            approve_as_shown(run, typed_hash.as_deref(), base_now, shown.as_ref())
        }
        Order::Reject if run.state == State::NeedsApproval => {
            Ok(cancel(run, UserMessage::new("The plan was rejected. `/wiz retry` plans again.")))
        }
        Order::Revise { text }
            if matches!(run.state, State::NeedsApproval | State::NeedsAnswer | State::Failed)
                && run.progress.pull_request.is_none() =>
        {
            Ok(plan_again(run, Some(text)))
        }
        Order::Retry => retry(run),
        Order::Cancel if !run.state.is_terminal() => {
            Ok(cancel(run, UserMessage::new("Cancelled. `/wiz retry` goes on.")))
        }
        Order::Reject | Order::Revise { .. } | Order::Cancel => Err(Refusal::NotNow),
    }
}

/// Approves only what the person saw: the plan by its hash, on the commit it was made for, in a comment nobody changed.
fn approve_as_shown(
    mut run: Run,
    typed_hash: Option<&str>,
    base_now: CommitSha,
    shown: Option<&PlanHash>,
) -> Result<Transition, Refusal> {
    if run.state != State::NeedsApproval {
        return Err(Refusal::NotNow);
    }
    let budget = run.budget;
    let current = run.progress.plan.as_mut().ok_or(Refusal::NotNow)?;
    if typed_hash.is_some_and(|typed| !current.hash(budget).is_meant_by(typed)) {
        return Err(Refusal::ForeignPlan);
    }
    let notice = if shown != Some(&current.hash(budget)) {
        Some(Notice::PlanNotShown)
    } else if base_now != current.base {
        Some(Notice::BaseMoved)
    } else {
        None
    };
    if notice.is_none() {
        return Ok(approve(run));
    }
    if notice == Some(Notice::BaseMoved) {
        current.base = base_now;
        current.version += 1;
    }
    Ok(Transition { notice, ..enter(run, State::NeedsApproval, vec![]) })
}

fn plan_again(mut run: Run, revision: Option<String>) -> Transition {
    run.progress.revisions.extend(revision);
    run.progress.failure = None;
    run.progress.question = None;
    run.progress.steps.clear();
    run.progress.retries += 1;
    enter(run, State::Queued, vec![Effect::Plan])
}

/// Goes on from the stage that failed or was cancelled, with fresh conversations.
fn retry(mut run: Run) -> Result<Transition, Refusal> {
    if !matches!(run.state, State::Failed | State::Cancelled) {
        return Err(Refusal::NotNow);
    }
    let stage = run.progress.failure.take().map_or(State::Planning, |failure| failure.stage);
    let approved = run.progress.plan.as_ref().is_some_and(|current| current.approved);
    run.progress.rework_rounds = 0;
    match stage {
        State::Watching if run.progress.pull_request.as_ref().is_some_and(|pull_request| pull_request.open) => {
            Ok(enter(run, State::Watching, vec![]))
        }
        State::Watching => Err(Refusal::NotNow),
        State::Publishing if approved => {
            run.progress.retries += 1;
            Ok(enter(run, State::Publishing, vec![Effect::Publish]))
        }
        State::Reviewing if approved => {
            run.progress.retries += 1;
            Ok(enter(run, State::Reviewing, vec![Effect::Review]))
        }
        State::Verifying if approved => {
            run.progress.retries += 1;
            Ok(enter(run, State::Verifying, vec![Effect::Verify]))
        }
        State::Working if approved => {
            run.progress.retries += 1;
            for step in run.progress.steps.iter_mut().filter(|step| step.state == StepState::Running) {
                step.state = StepState::Waiting;
            }
            let effects = begin_ready_steps(&mut run);
            Ok(enter(run, State::Working, effects))
        }
        State::Queued
        | State::Planning
        | State::NeedsApproval
        | State::NeedsAnswer
        | State::Working
        | State::Verifying
        | State::Reviewing
        | State::Publishing
        | State::Succeeded
        | State::Failed
        | State::Cancelled => Ok(plan_again(run, None)),
    }
}

fn pull_request(mut run: Run, change: PullRequestChange) -> Result<Transition, Refusal> {
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

fn expire(run: Run) -> Transition {
    match run.state {
        State::NeedsApproval | State::NeedsAnswer => {
            cancel(run, UserMessage::new("Nobody answered within 14 days. `/wiz retry` plans again."))
        }
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
mod tests;
