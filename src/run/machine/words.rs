//! What people read of a run that has ended, whichever way it did.

use super::{
    advance, start,
    tests::{TO_APPROVAL, TO_VERIFYING, new_run, order, pull_request, sha, stage_of, walk},
};
use crate::{
    ids::CommitSha,
    plan::{Approver, Gate},
    run::{
        follow_up::FollowUpCause,
        signal::{Gone, Order, PullRequestChange, Signal, StageResult, Transition},
        state::{FollowUp, Run, State, StepProgress, StepState},
    },
};

fn in_state(state: State) -> Run {
    let mut run = walk(start(new_run()).run, TO_APPROVAL).0;
    run.state = state;
    run.progress.pull_request = (state == State::Watching).then(pull_request);
    run
}

fn said(run: &Run, signal: Signal) -> String {
    let Transition { run, .. } = advance(run, signal).unwrap();
    format!("{:?}: {}", run.state, run.progress.failure.unwrap().message)
}

#[test]
fn time_that_is_over_is_told() {
    let states = [
        State::NeedsAnswer,
        State::NeedsApproval,
        State::NeedsScope,
        State::Paused,
        State::Watching,
        State::Planning,
        State::Working,
    ];
    let said = states.map(in_state).map(|run| said(&run, Signal::Deadline { seq: run.seq }));
    insta::assert_snapshot!(said.join("\n"), @r"
    Cancelled: Nobody answered in time. `/wiz retry` plans again.
    Cancelled: Nobody answered within 14 days. `/wiz retry` plans again.
    Cancelled: Nobody decided within 14 days whether more files may change. `/wiz retry` asks again.
    Cancelled: The run rested for 30 days. `/wiz retry` goes on.
    Cancelled: The pull request was open for 90 days, so wiz no longer watches it. `/wiz retry` does.
    Failed: This stage took too long and was stopped. `/wiz retry` goes on from here.
    Failed: This stage took too long and was stopped. `/wiz retry` goes on from here.
    ");
}

#[test]
fn what_went_away_is_told() {
    let run = in_state(State::Working);
    let gone = [Gone::Issue, Gone::Repository, Gone::Archived, Gone::Installation];
    let gone = gone.map(|gone| said(&run, Signal::Gone(gone)));
    let watching = in_state(State::Watching);
    let closed = said(&watching, Signal::PullRequest(PullRequestChange::Closed));
    insta::assert_snapshot!([gone.join("\n"), closed].join("\n"), @r"
    Cancelled: The issue was deleted or moved to another repository.
    Cancelled: The repository was deleted, or wiz has no access to it any more. Once it is back, `/wiz retry` goes on.
    Cancelled: The repository was archived, so nothing can be changed there. `/wiz retry` once it is back.
    Cancelled: wiz was uninstalled. Once it is back, `/wiz retry` goes on.
    Cancelled: The pull request was closed without merging.
    ");
}

#[test]
fn what_a_person_ended_is_told() {
    let asking = in_state(State::NeedsApproval);
    let rejected = said(&asking, order(Order::Reject));
    let cancelled = said(&asking, order(Order::Cancel));
    let mut raised = in_state(State::NeedsScope);
    raised.progress.raised = Some(Gate { approver: Approver::AnotherPerson, reasons: vec![] });
    let refused = said(&raised, order(Order::Reject));
    insta::assert_snapshot!([rejected, cancelled, refused].join("\n"), @r"
    Cancelled: The plan was rejected. `/wiz retry` plans again.
    Cancelled: Cancelled. `/wiz retry` goes on.
    Cancelled: The change was rejected. `/wiz retry` checks it again and asks again.
    ");
}

#[test]
fn what_was_tried_too_often_is_told() {
    let (mut verifying, _) = walk(walk(start(new_run()).run, TO_APPROVAL).0, TO_VERIFYING);
    verifying.progress.rework_rounds = super::MAX_REWORK_ROUNDS;
    let red = said(&verifying, stage_of(&verifying, StageResult::Verified { feedback: Some("red".into()) }));
    let mut again = verifying.clone();
    again.progress.current_steps_mut().extend((1..=100).map(|round| StepProgress {
        key: format!("rework-{round}").parse().unwrap(),
        depends_on: vec![],
        state: StepState::Done,
        feedback: None,
    }));
    let again = said(&again, stage_of(&again, StageResult::Verified { feedback: Some("red".into()) }));
    let mut reviewing = verifying.clone();
    reviewing.state = State::Reviewing;
    let no = said(&reviewing, stage_of(&reviewing, StageResult::Reviewed { feedback: Some("no".into()) }));
    let mut scope = verifying;
    scope.state = State::NeedsScope;
    scope.progress.scope = vec!["b.rs".into()];
    let outside = said(&scope, order(Order::Reject));

    let mut moving = in_state(State::Watching);
    moving.state = State::Publishing;
    let head: CommitSha = sha('c');
    let cause: FollowUpCause = super::watch::tests::asked(1);
    let steps = vec![];
    moving.progress.follow_up =
        Some(FollowUp { number: 1, cause, head: Some(head), restarts: super::MAX_RESTARTS, steps });
    let moved = said(&moving, stage_of(&moving, StageResult::BranchMoved { head: sha('e') }));
    insta::assert_snapshot!([again, red, no, outside, moved].join("\n"), @r"
    Failed: The change was sent back too often. `/wiz revise …` makes a new start.
    Failed: The change does not meet the definition of done; the evidence is below. `/wiz retry` tries again, `/wiz revise …` changes the plan.
    Failed: The reviewer still asks for changes; its findings are below. `/wiz retry` tries again, `/wiz revise …` changes the plan.
    Failed: The change still leaves the approved files. `/wiz retry` tries again, `/wiz revise …` changes the plan.
    Failed: The branch moved again and again while wiz was at work on it, so nothing was published. `/wiz retry` starts from the commit that is there then.
    ");
}
