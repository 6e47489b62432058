//! What the end of a stage does to a run.

use super::{approve, begin_ready_steps, draft, enter, fail, rest, stay, watch};
use crate::{
    error::{Advice, UserMessage},
    ids::CommitSha,
    plan::{Approver, Gate, Plan, StepKey},
    run::{
        signal::{Effect, Refusal, StageResult, Transition},
        state::{CurrentPlan, Failure, HeadProof, Run, State, StepProgress, StepState},
    },
};

/// How often verification and review together may send a change back before wiz gives up. The evidence on repair loops
/// is that the first round helps most and later ones mostly cost money.
pub const MAX_REWORK_ROUNDS: u32 = 2;

pub(super) fn stage(mut run: Run, result: StageResult) -> Result<Transition, Refusal> {
    if let (State::Verifying, StageResult::Verified { feedback }) = (run.state, &result) {
        run.progress.verified = Some(run.seq);
        if run.progress.only_proves() {
            return watch::proven_again(run, feedback.is_none());
        }
    }
    match (run.state, result) {
        (State::Queued, StageResult::PlanningStarted) => {
            // Not a new entry: the job that reports this goes on to plan, under the number and deadline of `Queued`.
            run.state = State::Planning;
            Ok(stay(run, vec![]))
        }
        (State::Planning, StageResult::Planned { plan, base, gate }) => Ok(planned(run, plan, base, gate)),
        (State::Planning, StageResult::Questioned { question, of }) => {
            run.progress.questions += 1;
            run.progress.asked_of = of;
            run.progress.asked = Some(question);
            Ok(enter(run, State::NeedsAnswer, vec![]))
        }
        (State::Planning, StageResult::Answered) => Ok(enter(run, State::Succeeded, vec![])),
        (State::Working, StageResult::StepDone { step }) => step_done(run, &step),
        (State::Verifying, StageResult::Verified { feedback: None }) => {
            Ok(enter(run, State::Reviewing, vec![Effect::Review]))
        }
        (State::Reviewing, StageResult::Reviewed { feedback: None }) => {
            Ok(enter(run, State::Publishing, vec![Effect::Publish]))
        }
        (State::Verifying, StageResult::LeftScope { paths }) => Ok(rest::left_scope(run, paths)),
        (State::Verifying, StageResult::GateRaised { gate }) => Ok(rest::gate_raised(run, gate)),
        (_, StageResult::OutOfMoney) => draft::out_of_money(run).map_err(|_| Refusal::Stale),
        (State::Verifying, StageResult::Objected { feedback, told }) => Ok(rework(run, feedback, told)),
        (State::Verifying, StageResult::Verified { feedback: Some(feedback) }) => {
            let give_up = UserMessage::new("The change does not meet the definition of done; the evidence is below.");
            Ok(rework(run, feedback, give_up.advising(Advice::RetryOrSteer("tries again"))))
        }
        (State::Reviewing, StageResult::Reviewed { feedback: Some(feedback) }) => {
            let give_up = UserMessage::new("The reviewer still asks for changes; its findings are below.");
            Ok(rework(run, feedback, give_up.advising(Advice::RetryOrSteer("tries again"))))
        }
        (State::Publishing, StageResult::Published(pull_request)) => {
            let commit = pull_request.head.clone();
            run.progress.pull_request = Some(pull_request);
            if let Some(verified) = run.progress.verified {
                // Nothing else is ever published.
                run.progress.prove(HeadProof { head: commit.clone(), verified, holds: true });
            }
            watch::settled(run, Some(commit), false)
        }
        (State::Publishing, StageResult::Offered) if run.progress.follow_up.is_some() => {
            watch::settled(run, None, true)
        }
        (State::Working, StageResult::NothingToChange { step }) => watch::nothing_to_change(run, &step),
        (State::Working | State::Verifying, StageResult::FollowUpBegun { head, plan }) => watch::begun(run, head, plan),
        (State::Publishing, StageResult::BranchMoved { head }) => watch::branch_moved(run, head),
        (State::Working | State::Verifying | State::Publishing, StageResult::PullRequestEnded(change)) => {
            watch::pull_request(run, change)
        }
        (
            State::Queued | State::Planning | State::Working | State::Verifying | State::Reviewing | State::Publishing,
            StageResult::Failed { message },
        ) => Ok(fail(run, message)),
        _ => Err(Refusal::Stale),
    }
}

fn planned(mut run: Run, plan: Plan, base: CommitSha, gate: Gate) -> Transition {
    let version = run.progress.plan.as_ref().map_or(0, |current| current.version) + 1;
    let asked = gate.approver;
    run.progress.asked = None;
    run.progress.plan = Some(CurrentPlan {
        version,
        plan,
        base,
        approved: false,
        widened: vec![],
        left_out: vec![],
        edits: vec![],
        gate: Some(gate),
    });
    match asked {
        Approver::Nobody => approve(run),
        Approver::Anybody | Approver::AnotherPerson => enter(run, State::NeedsApproval, vec![]),
    }
}

fn step_done(mut run: Run, key: &StepKey) -> Result<Transition, Refusal> {
    let step =
        run.progress.current_steps_mut().iter_mut().find(|step| step.key == *key && step.state == StepState::Running);
    step.ok_or(Refusal::Stale)?.state = StepState::Done;
    if run.progress.current_steps().iter().all(|step| step.state == StepState::Done) {
        return Ok(enter(run, State::Verifying, vec![Effect::Verify]));
    }
    let effects = begin_ready_steps(&mut run);
    Ok(stay(run, effects))
}

/// Sends the change back to work with what was found, as one more step after all others. After [`MAX_REWORK_ROUNDS`]
/// the step waits for a person's `/wiz retry`.
pub(super) fn rework(mut run: Run, feedback: String, give_up: UserMessage) -> Transition {
    let Some(key) = rework_key(&run) else {
        let message = UserMessage::new("The change was sent back too often.");
        return fail(run, message.advising(Advice::Steer("makes a new start")));
    };
    let steps = run.progress.current_steps_mut();
    let depends_on = steps.iter().map(|step| step.key.clone()).collect();
    steps.push(StepProgress { key, depends_on, state: StepState::Waiting, feedback: Some(feedback) });
    if run.progress.rework_rounds >= MAX_REWORK_ROUNDS {
        let message = give_up.settled(run.progress.steering());
        run.progress.failure = Some(Failure { stage: State::Working, message });
        return enter(run, State::Failed, vec![]);
    }
    run.progress.rework_rounds += 1;
    let effects = begin_ready_steps(&mut run);
    enter(run, State::Working, effects)
}

/// A key that no step of the run has: `rework-1`, `rework-2`, …, or the follow-up's own.
fn rework_key(run: &Run) -> Option<StepKey> {
    let key = |round: u32| match &run.progress.follow_up {
        Some(follow_up) => follow_up.rework_key(round),
        None => format!("rework-{round}").parse().ok(),
    };
    (1..=100).filter_map(key).find(|key| run.progress.current_steps().iter().all(|step| step.key != *key))
}
