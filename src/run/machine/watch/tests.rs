//! The ways of a follow-up, spelled out.

use super::{
    super::tests::{
        TO_APPROVAL, TO_VERIFYING, new_run, order, plan, pull_request, sha, stage_of, step_done, unfinished, walk,
    },
    *,
};
use crate::{
    error::Advice,
    ids::{CommentId, IssueNumber, ReviewId},
    money::MicroDollars,
    run::{
        follow_up::{FailingCheck, Words},
        machine::advance,
        signal::{Drafted, Order, Signal, StageResult},
        state::{FollowUpDraft, PullRequest},
    },
};

/// A check that fails on the commit of this digit.
pub fn failing(head: char) -> FollowUpCause {
    FollowUpCause::FailingCheck(FailingCheck {
        head: sha(head),
        name: "test".into(),
        signature: "e3b0c442".into(),
        excerpt: "1 failed".into(),
    })
}

/// What a person asked for in the comment of this number.
pub fn asked(comment: i64) -> FollowUpCause {
    let by = "maintainer".parse().unwrap();
    FollowUpCause::Command(Words { id: CommentId(comment), by, text: "Rename it.".into(), files: vec![], kind: None })
}

const TO_WATCHING: [fn(&Run) -> Signal; 3] = [
    |run| stage_of(run, StageResult::Verified { feedback: None }),
    |run| stage_of(run, StageResult::Reviewed { feedback: None }),
    |run| stage_of(run, StageResult::Published(pull_request())),
];

/// The draft of what the run is at work on.
pub fn drafted(run: &Run) -> Drafted {
    let follow_up = run.progress.follow_ups;
    if follow_up == 0 { Drafted::Published(unfinished()) } else { Drafted::Beside(beside(follow_up)) }
}

fn beside(follow_up: u32) -> FollowUpDraft {
    let branch = format!("wiz/run-1-unfinished_{follow_up}").parse().unwrap();
    FollowUpDraft { follow_up, number: IssueNumber(90 + i64::from(follow_up)), branch, head: sha('f') }
}

/// [`walk`] over signals that are spelled out.
fn go<const N: usize>(run: Run, signals: [fn(&Run) -> Signal; N]) -> (Run, Vec<Effect>) {
    walk(run, signals)
}

/// A run that watches its pull request, whose head is `c`.
fn watching() -> Run {
    let run = go(crate::run::machine::start(new_run()).run, TO_APPROVAL).0;
    go(go(run, TO_VERIFYING).0, TO_WATCHING).0
}

fn begun(head: char) -> StageResult {
    StageResult::FollowUpBegun { head: sha(head), plan: None }
}

fn published(head: char) -> StageResult {
    StageResult::Published(PullRequest { head: sha(head), ..pull_request() })
}

/// From the beginning of a follow-up on `c` to its last stage.
const TO_PUBLISHING: [fn(&Run) -> Signal; 4] = [
    |run| stage_of(run, begun('c')),
    |run| stage_of(run, step_done(&format!("follow-up-{}", run.progress.follow_ups))),
    |run| stage_of(run, StageResult::Verified { feedback: None }),
    |run| stage_of(run, StageResult::Reviewed { feedback: None }),
];

/// The same from its first step, which it has begun.
const TO_PUBLISHING_AGAIN: [fn(&Run) -> Signal; 3] = [TO_PUBLISHING[1], TO_PUBLISHING[2], TO_PUBLISHING[3]];

#[test]
fn a_failing_check_becomes_a_further_commit_and_the_run_watches_again() {
    let (run, effects) = go(watching(), [|_: &Run| Signal::FollowUp(failing('c'))]);
    assert_eq!((run.state, &effects[0]), (State::Working, &Effect::Work("follow-up-1".parse().unwrap())));
    assert_eq!(run.progress.start(), None, "nobody has looked at the head yet");
    let (run, effects) = go(run, TO_PUBLISHING);
    assert_eq!((run.state, &effects[0]), (State::Publishing, &Effect::Publish));
    assert_eq!(run.progress.start(), Some(&sha('c')));
    let (run, _) = go(run, [|run: &Run| stage_of(run, published('d'))]);
    assert_eq!((run.state, run.progress.follow_up.is_none()), (State::Watching, true));
    assert_eq!(run.progress.pull_request.as_ref().unwrap().head, sha('d'));
    assert_eq!(run.progress.steps.len(), 3, "the plan's steps are as they were");
}

#[test]
fn what_does_not_hold_goes_back_to_the_follow_up_and_only_to_it() {
    let (run, _) = go(watching(), [|_: &Run| Signal::FollowUp(asked(1))]);
    let (run, _) = go(run, [TO_PUBLISHING[0], TO_PUBLISHING[1]]);
    let (run, effects) = go(run, [|run: &Run| stage_of(run, StageResult::Verified { feedback: Some("red".into()) })]);
    assert_eq!(effects[0], Effect::Work("follow-up-1-rework-1".parse().unwrap()));
    let key = "follow-up-1-rework-1".parse().unwrap();
    assert_eq!(run.progress.ancestors(&key), ["follow-up-1".parse().unwrap()]);
}

#[test]
fn causes_wait_in_order_and_those_of_an_old_head_are_dropped() {
    let (run, _) = go(watching(), [|_: &Run| Signal::FollowUp(asked(1))]);
    let (run, _) = go(
        run,
        [
            |_: &Run| Signal::FollowUp(failing('c')),
            |_: &Run| Signal::FollowUp(asked(2)),
            |_: &Run| Signal::FollowUp(asked(3)),
        ],
    );
    for known in [asked(1), asked(2), failing('c')] {
        assert_eq!(advance(&run, Signal::FollowUp(known)), Err(Refusal::Stale), "told twice");
    }
    let (run, _) = go(run, TO_PUBLISHING);
    let (run, effects) = go(run, [|run: &Run| stage_of(run, published('d'))]);
    assert_eq!(effects[0], Effect::Work("follow-up-2".parse().unwrap()), "it goes on without a pause");
    assert_eq!(run.progress.follow_up.as_ref().unwrap().cause, asked(2), "the check was of the old head");
    assert_eq!(run.progress.waiting, [asked(3)]);
}

#[test]
fn a_branch_that_moves_is_started_from_again_and_not_for_ever() {
    let moved = |run: &Run| stage_of(run, StageResult::BranchMoved { head: sha('e') });
    let (mut run, _) = go(watching(), [|_: &Run| Signal::FollowUp(asked(1))]);
    for number in 2..=MAX_RESTARTS + 1 {
        run = go(run, TO_PUBLISHING).0;
        let (again, effects) = go(run, [moved]);
        assert_eq!(effects[0], Effect::Work(format!("follow-up-{number}").parse().unwrap()));
        assert_eq!(again.progress.start(), None, "it looks at the head again");
        run = again;
    }
    run = go(go(run, TO_PUBLISHING).0, [moved]).0;
    assert_eq!(run.state, State::Failed);
    let (run, effects) = go(run, [|_: &Run| order(Order::Retry)]);
    assert_eq!(effects[0], Effect::Publish);
    assert_eq!(go(run, [moved]).0.state, State::Working, "a retry may start again as often");
}

#[test]
fn a_check_of_another_head_than_the_present_one_is_not_worked_on() {
    let (run, _) = go(watching(), [|_: &Run| Signal::FollowUp(failing('c'))]);
    let (run, _) = go(run, [|run: &Run| stage_of(run, begun('e'))]);
    assert_eq!((run.state, &run.progress.pull_request.unwrap().head), (State::Watching, &sha('e')));

    let (run, _) = go(watching(), [|_: &Run| Signal::FollowUp(failing('c'))]);
    let moved = |run: &Run| stage_of(run, StageResult::BranchMoved { head: sha('e') });
    let (run, _) = go(go(run, TO_PUBLISHING).0, [moved]);
    assert_eq!(run.state, State::Watching, "the new head has checks of its own");
}

#[test]
fn merging_and_closing_end_a_follow_up_at_once() {
    for (change, state) in
        [(PullRequestChange::Merged, State::Succeeded), (PullRequestChange::Closed, State::Cancelled)]
    {
        for stage in 0..TO_PUBLISHING.len() {
            let (run, _) = go(watching(), [|_: &Run| Signal::FollowUp(asked(1))]);
            let (run, _) =
                go(walk(run, TO_PUBLISHING.into_iter().take(stage)).0, [|_: &Run| Signal::FollowUp(asked(2))]);
            let ended = advance(&run, Signal::PullRequest(change)).unwrap();
            assert_eq!((ended.run.state, ended.effects.contains(&Effect::Halt)), (state, true));
            assert!(ended.run.progress.follow_up.is_none() && ended.run.progress.waiting.is_empty());
            assert_eq!(advance(&ended.run, order(Order::Retry)), Err(Refusal::NotNow));
            assert_eq!(advance(&ended.run, Signal::FollowUp(asked(3))), Err(Refusal::NotNow));
        }
    }
}

#[test]
fn a_follow_up_that_was_cancelled_goes_on_where_it_stopped_unless_the_pull_request_was_closed() {
    let (run, _) = go(watching(), [|_: &Run| Signal::FollowUp(asked(1)), |run: &Run| stage_of(run, begun('c'))]);
    let (run, _) = go(run, [|_: &Run| order(Order::Cancel)]);
    assert_eq!(advance(&run, Signal::FollowUp(asked(2))), Err(Refusal::NotNow), "a person said stop");
    let retried = advance(&run, order(Order::Retry)).unwrap();
    assert_eq!(retried.effects[0], Effect::Work("follow-up-1".parse().unwrap()));

    let (closed, _) = go(run, [|_: &Run| Signal::PullRequest(PullRequestChange::Closed)]);
    assert_eq!(closed.state, State::Cancelled);
    assert_eq!(advance(&closed, order(Order::Retry)), Err(Refusal::NotNow));
    let (reopened, _) = go(closed, [|_: &Run| Signal::PullRequest(PullRequestChange::Reopened)]);
    assert_eq!(reopened.state, State::Watching);
}

#[test]
fn after_a_failure_the_next_cause_is_taken() {
    let (run, _) = go(watching(), [|_: &Run| Signal::FollowUp(asked(1)), |run: &Run| stage_of(run, begun('c'))]);
    let failed = |run: &Run| stage_of(run, StageResult::Failed { message: UserMessage::new("No money.") });
    let (run, _) = go(run, [failed]);
    assert_eq!(run.state, State::Failed);
    let (run, effects) = go(run, [|_: &Run| Signal::FollowUp(asked(2))]);
    assert_eq!(effects[0], Effect::Work("follow-up-2".parse().unwrap()));
    assert_eq!(run.progress.failure, None);
}

#[test]
fn what_a_failure_advises_is_what_the_run_then_takes() {
    let working = go(crate::run::machine::start(new_run()).run, TO_APPROVAL).0;
    let working = go(working, [TO_VERIFYING[0]]).0;
    let following = go(watching(), [|_: &Run| Signal::FollowUp(asked(1)), |run: &Run| stage_of(run, begun('c'))]).0;
    let mut drafted = working.clone();
    drafted.progress.pull_request = Some(PullRequest { unfinished: true, ..pull_request() });
    for (run, advised) in [(working, "`/wiz revise …`"), (following, "`/wiz fix …`"), (drafted, "`/wiz retry`")] {
        let message = UserMessage::new("It went in circles.").advising(Advice::Steer("with a hint helps"));
        let failed = advance(&run, stage_of(&run, StageResult::Failed { message })).unwrap().run;
        let said = failed.progress.failure.as_ref().unwrap().message.to_string();
        let takes = |signal: Signal| advance(&failed, signal).is_ok();
        let revised = takes(order(Order::Revise { text: "Differently.".into() }));
        assert_eq!(
            [revised, takes(Signal::FollowUp(asked(2))), takes(order(Order::Retry))],
            [said.contains("/wiz revise"), said.contains("/wiz fix"), true],
            "{said}"
        );
        assert!(said.starts_with(&format!("It went in circles. {advised} ")), "{said}");
    }
}

#[test]
fn an_adopted_pull_request_gets_its_plan_when_the_first_work_begins() {
    let mut run = new_run();
    run.progress.pull_request = Some(pull_request());
    let adopted = crate::run::machine::adopt(run);
    assert_eq!((adopted.run.state, adopted.effects.len()), (State::Watching, 2));
    let (run, _) = go(adopted.run, [|_: &Run| Signal::FollowUp(asked(1))]);
    assert_eq!(advance(&run, stage_of(&run, begun('c'))), Err(Refusal::Stale), "there is nothing to work by");
    let plan = CurrentPlan {
        version: 1,
        plan: plan(),
        base: sha('b'),
        approved: true,
        widened: vec![],
        left_out: vec![],
        edits: vec![],
        gate: None,
    };
    let with_plan = StageResult::FollowUpBegun { head: sha('c'), plan: Some(Box::new(plan.clone())) };
    let begun = advance(&run, stage_of(&run, with_plan)).unwrap();
    assert_eq!((begun.run.state, begun.run.progress.plan), (State::Working, Some(plan)));
}

#[test]
fn unfinished_further_work_is_shown_in_a_draft_of_its_own_that_ends_with_it() {
    let (working, _) = go(watching(), [|_: &Run| Signal::FollowUp(asked(1)), |run: &Run| stage_of(run, begun('c'))]);
    let paused = advance(&working, stage_of(&working, StageResult::OutOfMoney)).unwrap();
    assert!(paused.effects.contains(&Effect::Draft));
    let ends = |transition: &Transition| transition.effects.contains(&Effect::EndDraft(beside(1)));
    let told = |run: &Run| advance(run, Signal::Draft(Drafted::Beside(beside(1)))).unwrap();
    let drafted = told(&paused.run);
    assert_eq!(drafted.run.progress.pull_request, working.progress.pull_request, "that holds only what was proven");
    assert_eq!((drafted.run.progress.follow_up_draft.as_ref(), ends(&drafted)), (Some(&beside(1)), false));

    let more = order(Order::Budget { more: MicroDollars::from_dollars(2) });
    let (run, effects) = go(advance(&drafted.run, more).unwrap().run, TO_PUBLISHING_AGAIN);
    assert!(!effects.contains(&Effect::EndDraft(beside(1))));
    let published = advance(&run, stage_of(&run, published('d'))).unwrap();
    assert_eq!((ends(&published), &published.run.progress.follow_up_draft), (true, &None));
    let moved = advance(&run, stage_of(&run, StageResult::BranchMoved { head: sha('e') })).unwrap();
    assert!(ends(&moved), "it is on a head of the past");

    let cancelled = advance(&drafted.run, order(Order::Cancel)).unwrap();
    assert!(!ends(&cancelled), "somebody may try again");
    assert!(ends(&advance(&cancelled.run, Signal::PullRequest(PullRequestChange::Closed)).unwrap()));

    // It was over before its draft was there, and what is asked for then waits until that is known.
    let closed = advance(&paused.run, Signal::PullRequest(PullRequestChange::Closed)).unwrap().run;
    let (open, _) =
        go(closed, [|_: &Run| Signal::PullRequest(PullRequestChange::Reopened), |_: &Run| Signal::FollowUp(asked(2))]);
    assert_eq!((open.state, open.progress.waiting.len()), (State::Watching, 1));
    let on = told(&open);
    assert_eq!((on.run.state, ends(&on)), (State::Working, true));

    let mut fork = working;
    fork.progress.pull_request.as_mut().unwrap().fork = true;
    let paused = advance(&fork, stage_of(&fork, StageResult::OutOfMoney)).unwrap();
    assert!(!paused.effects.contains(&Effect::Draft), "nothing is written there");
}

/// The review of this number.
fn review(number: i64, text: &str) -> FollowUpCause {
    let by = "reviewer".parse().unwrap();
    FollowUpCause::Review(Words { id: CommentId(number), by, text: text.into(), files: vec![], kind: None })
}

#[test]
fn a_review_is_answered_with_its_commit_or_without_one() {
    let (run, _) = go(watching(), [|_: &Run| Signal::FollowUp(review(7, "Rename it."))]);
    let (run, _) = go(run, TO_PUBLISHING);
    let (run, effects) = go(run, [|run: &Run| stage_of(run, published('d'))]);
    let answer = Effect::AnswerReview { review: ReviewId(7), commit: Some(sha('d')), offered: false };
    assert_eq!((run.state, effects.last()), (State::Watching, Some(&answer)));

    // A question changes nothing, and what waits is begun behind it. An edited review is the same review.
    let (run, _) = go(run, [|_: &Run| Signal::FollowUp(review(8, "Why?"))]);
    assert_eq!(advance(&run, Signal::FollowUp(review(8, "Why not?"))), Err(Refusal::Stale));
    let (run, _) = go(run, [|_: &Run| Signal::FollowUp(review(9, "And this?"))]);
    let (run, _) = go(run, [|run: &Run| stage_of(run, begun('d'))]);
    let key = run.progress.current_steps()[0].key.clone();
    let words = StageResult::NothingToChange { step: key };
    let transition = advance(&run, stage_of(&run, words.clone())).unwrap();
    let answer = Effect::AnswerReview { review: ReviewId(8), commit: None, offered: false };
    assert!(transition.effects.contains(&answer), "{:?}", transition.effects);
    assert_eq!((transition.run.state, transition.run.progress.follow_ups), (State::Working, 3));
    assert_eq!(advance(&transition.run, stage_of(&transition.run, words)), Err(Refusal::Stale));

    // Without a commit nobody knows the head: checks that failed on what somebody pushed meanwhile are looked at.
    let (run, _) = go(watching(), [|_: &Run| Signal::FollowUp(review(8, "Why?"))]);
    let (run, _) = go(run, [|_: &Run| Signal::FollowUp(failing('e'))]);
    let (run, _) = go(run, [|run: &Run| stage_of(run, begun('c'))]);
    let key = run.progress.current_steps()[0].key.clone();
    let on = advance(&run, stage_of(&run, StageResult::NothingToChange { step: key })).unwrap().run;
    let cause = |run: &Run| run.progress.follow_up.as_ref().map(|follow_up| follow_up.cause.clone());
    assert_eq!(cause(&on), Some(failing('e')));
    let here = advance(&on, stage_of(&on, begun('e'))).unwrap().run;
    assert_eq!(cause(&here), Some(failing('e')));
    let gone = advance(&on, stage_of(&on, begun('f'))).unwrap().run;
    assert_eq!((gone.state, cause(&gone)), (State::Watching, None), "somebody has pushed once more");

    // Other follow-ups have nobody to answer.
    let (run, _) = go(watching(), [|_: &Run| Signal::FollowUp(failing('c'))]);
    let (run, _) = go(run, TO_PUBLISHING);
    let (_, effects) = go(run, [|run: &Run| stage_of(run, published('d'))]);
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::AnswerReview { .. })));
}

#[test]
fn what_is_offered_ends_as_what_is_published_and_a_failure_is_told_to_all_who_wait() {
    let (run, _) = go(watching(), [|_: &Run| Signal::FollowUp(review(7, "Rename it."))]);
    let (run, _) = go(run, TO_PUBLISHING);
    let (run, effects) = go(run, [|run: &Run| stage_of(run, StageResult::Offered)]);
    let answer = Effect::AnswerReview { review: ReviewId(7), commit: None, offered: true };
    assert_eq!((run.state, effects.last()), (State::Watching, Some(&answer)));

    let (run, _) = go(run, [|_: &Run| Signal::FollowUp(review(8, "And this."))]);
    let (run, _) = go(run, [|_: &Run| Signal::FollowUp(review(9, "And that."))]);
    let (run, _) = go(run, [|_: &Run| Signal::FollowUp(failing('c'))]);
    let failed = StageResult::Failed { message: crate::error::UserMessage::new("It broke.") };
    let transition = advance(&run, stage_of(&run, failed)).unwrap();
    let told: Vec<&Effect> =
        transition.effects.iter().filter(|effect| matches!(effect, Effect::TellFailure(_))).collect();
    let waits = |review| Effect::TellFailure(crate::run::follow_up::Waits::Review(ReviewId(review)));
    assert_eq!((transition.run.state, told), (State::Failed, vec![&waits(8), &waits(9)]));
}

#[test]
fn what_was_proven_is_of_one_commit_and_of_no_other() {
    let proven = |run: &Run| run.progress.proof_of_head().map(|proof| proof.holds);
    let run = watching();
    assert_eq!(proven(&run), Some(true), "wiz published it");
    let moved = |head| Signal::HeadMoved { head: sha(head) };
    let run = advance(&run, moved('d')).unwrap().run;
    assert_eq!((run.state, proven(&run)), (State::Watching, None), "somebody else made it");
    assert_eq!(advance(&run, moved('d')), Err(Refusal::Stale), "told twice");
    assert_eq!(proven(&advance(&run, moved('c')).unwrap().run), Some(true), "it goes back");

    let wish = FollowUpCause::Proof { by: "maintainer".parse().unwrap() };
    let (run, effects) =
        go(run, [|_: &Run| Signal::FollowUp(FollowUpCause::Proof { by: "maintainer".parse().unwrap() })]);
    assert_eq!((run.state, &effects[0]), (State::Verifying, &Effect::Verify));
    assert_eq!(advance(&run, Signal::FollowUp(wish)), Err(Refusal::Stale), "asked twice");
    assert_eq!(advance(&run, moved('e')), Err(Refusal::Stale), "work under way finds out by itself");
    let (run, _) = go(run, [|run: &Run| stage_of(run, begun('d'))]);
    let holds = go(run.clone(), [|run: &Run| stage_of(run, StageResult::Verified { feedback: None })]).0;
    assert_eq!((holds.state, proven(&holds)), (State::Watching, Some(true)));
    let fails = go(run, [|run: &Run| stage_of(run, StageResult::Verified { feedback: Some("red".into()) })]).0;
    assert_eq!((fails.state, proven(&fails)), (State::Watching, Some(false)), "nobody is sent back to work");
}

#[test]
fn a_push_under_a_follow_up_leaves_the_new_head_unproven() {
    let (run, _) = go(watching(), [|_: &Run| Signal::FollowUp(failing('c'))]);
    let (run, _) = go(run, TO_PUBLISHING);
    let (run, _) = go(run, [|run: &Run| stage_of(run, StageResult::BranchMoved { head: sha('e') })]);
    assert_eq!((run.state, run.progress.proof_of_head()), (State::Watching, None));
}

#[test]
fn a_failing_check_that_nobody_works_on_any_more_is_forsaken() {
    let forsaken_by = |before: &Run, signal: Signal| {
        let after = advance(before, signal.clone()).unwrap().run;
        forsaken(before, &signal, &after).into_iter().map(|check| check.head).collect::<Vec<_>>()
    };
    let publish = |run: &Run| stage_of(run, published('d'));

    // It waited behind other work, and that made another head.
    let busy = go(go(watching(), [|_: &Run| Signal::FollowUp(asked(1))]).0, TO_PUBLISHING).0;
    let busy = go(busy, [|_: &Run| Signal::FollowUp(failing('c'))]).0;
    assert_eq!(forsaken_by(&busy, publish(&busy)), [sha('c')]);
    // What was published is done.
    let idle = go(watching(), [|_: &Run| Signal::FollowUp(failing('c'))]).0;
    let mended = go(idle.clone(), TO_PUBLISHING).0;
    assert_eq!(forsaken_by(&mended, publish(&mended)), []);
    // Somebody pushed before the work began, or before it was published.
    assert_eq!(forsaken_by(&idle, stage_of(&idle, begun('d'))), [sha('c')]);
    let moved = stage_of(&mended, StageResult::BranchMoved { head: sha('d') });
    assert_eq!(forsaken_by(&mended, moved), [sha('c')]);
    let closed = Signal::PullRequest(PullRequestChange::Closed);
    assert_eq!(forsaken_by(&mended, closed), [sha('c')], "open again, the check wants an answer");
    let failed = StageResult::Failed { message: crate::error::UserMessage::new("It broke.") };
    let failed = advance(&mended, stage_of(&mended, failed)).unwrap().run;
    assert_eq!(forsaken_by(&failed, Signal::FollowUp(review(8, "And this."))), [sha('c')], "nothing was published");
    assert_eq!(forsaken_by(&failed, Signal::FollowUp(failing('d'))), [], "attempts count");
}
