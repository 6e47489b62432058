//! Runs that stand still without being over: paused by a person, out of money, or at work outside the approved files.

use super::{begin_ready_steps, cancel, enter, stages, stay};
use crate::{
    error::{Advice, UserMessage},
    money::MicroDollars,
    plan::{Gate, PlanHash},
    run::{
        signal::{Effect, Notice, Refusal, Transition},
        state::{Pause, PauseCause, Run, State, StepState},
    },
};

/// Lets the run rest: its jobs stop, its boxes go, and its conversations stay as they are stored.
pub(super) fn pause(mut run: Run, cause: PauseCause) -> Result<Transition, Refusal> {
    let stage = match run.state {
        State::Queued | State::Planning => State::Queued,
        State::Working | State::Verifying | State::Reviewing | State::Publishing => run.state,
        State::NeedsApproval
        | State::NeedsAnswer
        | State::NeedsScope
        | State::Paused
        | State::Watching
        | State::Succeeded
        | State::Failed
        | State::Cancelled => return Err(Refusal::NotNow),
    };
    wait_again(&mut run);
    run.progress.pause = Some(Pause { stage, cause, withheld: None, resumes: false });
    Ok(enter(run, State::Paused, vec![Effect::Halt]))
}

/// Goes on where the run stopped, in the conversations it had.
pub(super) fn resume(mut run: Run) -> Result<Transition, Refusal> {
    if let Some(pause) = run.progress.pause.as_mut().filter(|_| run.state == State::Paused && run.progress.drafting) {
        // Two jobs must not write to one branch at a time.
        pause.resumes = true;
        return Ok(stay(run, vec![]));
    }
    let Some(pause) = run.progress.pause.take().filter(|_| run.state == State::Paused) else {
        return Err(Refusal::NotNow);
    };
    Ok(match pause.stage {
        State::Working => {
            let effects = begin_ready_steps(&mut run);
            enter(run, State::Working, effects)
        }
        State::Verifying => enter(run, State::Verifying, vec![Effect::Verify]),
        State::Reviewing => enter(run, State::Reviewing, vec![Effect::Review]),
        State::Publishing => enter(run, State::Publishing, vec![Effect::Publish]),
        State::Queued
        | State::Planning
        | State::NeedsApproval
        | State::NeedsAnswer
        | State::NeedsScope
        | State::Paused
        | State::Watching
        | State::Succeeded
        | State::Failed
        | State::Cancelled => enter(run, State::Queued, vec![Effect::Plan]),
    })
}

/// Lets the run spend more. One that stopped for want of money goes on; a plan that waits gets another hash, since its
/// approval is for a sum.
pub(super) fn more_money(mut run: Run, more: MicroDollars) -> Result<Transition, Refusal> {
    if run.state.is_terminal() {
        return Err(Refusal::NotNow);
    }
    run.budget = run.budget + more;
    let out_of_money = run.progress.pause.as_ref().is_some_and(|pause| pause.cause == PauseCause::OutOfMoney);
    match run.state {
        State::Paused if out_of_money => resume(run),
        State::NeedsApproval => Ok(enter(run, State::NeedsApproval, vec![])),
        State::NeedsScope => Ok(enter(run, State::NeedsScope, vec![])),
        State::Queued
        | State::Planning
        | State::NeedsAnswer
        | State::Working
        | State::Verifying
        | State::Reviewing
        | State::Publishing
        | State::Paused
        | State::Watching
        | State::Succeeded
        | State::Failed
        | State::Cancelled => Ok(stay(run, vec![])),
    }
}

/// The change leaves the files that were approved: a person decides.
pub(super) fn left_scope(mut run: Run, paths: Vec<String>) -> Transition {
    run.progress.scope = paths;
    enter(run, State::NeedsScope, vec![])
}

/// The change needs more agreement than its plan did: a person decides.
pub(super) fn gate_raised(mut run: Run, gate: Gate) -> Transition {
    run.progress.raised = Some(gate);
    enter(run, State::NeedsScope, vec![])
}

/// Allows what is shown, and checks the change again.
pub(super) fn widen(mut run: Run, shown: Option<&PlanHash>) -> Result<Transition, Refusal> {
    let budget = run.budget;
    let asked = run.progress.plan.as_ref().map(|current| current.hash(budget).widened(&run.progress.asked_beyond()));
    let (State::NeedsScope, Some(asked)) = (run.state, asked) else { return Err(Refusal::NotNow) };
    if shown != Some(&asked) {
        return Ok(Transition { notice: Some(Notice::PlanNotShown), ..enter(run, State::NeedsScope, vec![]) });
    }
    let (scope, raised) = (std::mem::take(&mut run.progress.scope), run.progress.raised.take());
    if let Some(current) = &mut run.progress.plan {
        current.widened.extend(scope);
        current.gate = raised.or_else(|| current.gate.take());
    }
    Ok(enter(run, State::Verifying, vec![Effect::Verify]))
}

/// Sends the coder back behind the line.
pub(super) fn keep_scope(mut run: Run) -> Transition {
    if run.progress.raised.take().is_some() {
        return cancel(run, UserMessage::new("The change was rejected. `/wiz retry` checks it again and asks again."));
    }
    let paths = std::mem::take(&mut run.progress.scope);
    let list: String = paths.iter().map(|path| format!("\n- {path}")).collect();
    let feedback = format!(
        "These files are outside the approved plan, and a maintainer turned them down. Put them back as they were, and do \
         the work without them:{list}"
    );
    let give_up = UserMessage::new("The change still leaves the approved files.");
    stages::rework(run, feedback, give_up.advising(Advice::RetryOrSteer("tries again")))
}

/// Ends a run that stood still for too long; `/wiz retry` goes on from where it stood.
pub(super) fn expire(run: Run) -> Transition {
    let text = match run.state {
        State::NeedsScope => "Nobody decided within 14 days whether more files may change. `/wiz retry` asks again.",
        State::Queued
        | State::Planning
        | State::NeedsApproval
        | State::NeedsAnswer
        | State::Paused
        | State::Working
        | State::Verifying
        | State::Reviewing
        | State::Publishing
        | State::Watching
        | State::Succeeded
        | State::Failed
        | State::Cancelled => "The run rested for 30 days. `/wiz retry` goes on.",
    };
    cancel(run, UserMessage::new(text))
}

/// Steps that were being worked wait for a worker again.
pub(super) fn wait_again(run: &mut Run) {
    for step in run.progress.current_steps_mut().iter_mut().filter(|step| step.state == StepState::Running) {
        step.state = StepState::Waiting;
    }
}
