//! The machine's promises, checked over random walks, and the main ways through it, spelled out.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::{
    ids::{CommitSha, Login, RunId},
    money::MicroDollars,
    plan::{Approver, Criterion, Gate, LeftOut, Plan, Proof, Question, Step},
    run::{
        signal::{Drafted, Notice, Order, PullRequestChange, StageResult},
        state::{Progress, PullRequest},
    },
};

pub(crate) fn sha(digit: char) -> CommitSha {
    digit.to_string().repeat(40).parse().unwrap()
}

fn person() -> Login {
    "maintainer".parse().unwrap()
}

/// A plan whose second and third step both build on the first.
pub(super) fn plan() -> Plan {
    let step = |id: &str, after: &[&str]| Step {
        id: id.parse().unwrap(),
        title: id.into(),
        detail: id.into(),
        depends_on: after.iter().map(|key| key.parse().unwrap()).collect(),
    };
    Plan {
        summary: "Summary".into(),
        steps: vec![step("a", &[]), step("b", &["a"]), step("c", &["a"])],
        definition_of_done: vec![Criterion { name: "tests".into(), command: "make test".into(), proof: Proof::Passes }],
        risks: vec![],
        files: vec![],
    }
}

fn question() -> Question {
    let options = vec!["the first".to_owned(), "the second".to_owned()];
    Question { question: "Which?".to_owned(), options, default: "the first".to_owned(), files: vec![] }
}

fn gate(approver: Approver) -> Gate {
    Gate { approver, reasons: vec!["the default here".to_owned()] }
}

pub(crate) fn new_run() -> Run {
    Run {
        id: RunId(1),
        state: State::Queued,
        seq: 0,
        budget: MicroDollars::from_dollars(3),
        progress: Progress::default(),
    }
}

pub(crate) fn pull_request() -> PullRequest {
    PullRequest {
        number: crate::ids::IssueNumber(7),
        branch: "wiz/run-1-fix".parse().unwrap(),
        head: sha('c'),
        open: true,
        fork: false,
        unfinished: false,
    }
}

pub(super) fn stage_of(run: &Run, result: StageResult) -> Signal {
    Signal::Stage { seq: run.seq, result }
}

pub(super) fn order(order: Order) -> Signal {
    Signal::Human { by: person(), order }
}

/// Approves what the run would show.
fn approval(run: &Run, base_now: CommitSha) -> Signal {
    order(Order::Approve { typed_hash: None, base_now, shown: shown(run) })
}

fn shown(run: &Run) -> Option<crate::plan::PlanHash> {
    run.progress.plan.as_ref().map(|current| current.hash(run.budget))
}

/// What an approval of more files must name.
fn wider(run: &Run) -> Option<crate::plan::PlanHash> {
    shown(run).map(|hash| hash.widened(&run.progress.asked_beyond()))
}

/// Sends signals that must all be accepted, and returns the run and the last transition's effects.
pub(super) fn walk(mut run: Run, signals: impl IntoIterator<Item = fn(&Run) -> Signal>) -> (Run, Vec<Effect>) {
    let mut effects = vec![];
    for signal in signals {
        let signal = signal(&run);
        let transition = advance(&run, signal.clone()).unwrap_or_else(|refusal| panic!("{signal:?}: {refusal:?}"));
        (run, effects) = (transition.run, transition.effects);
    }
    (run, effects)
}

pub(super) fn step_done(key: &str) -> StageResult {
    StageResult::StepDone { step: key.parse().unwrap() }
}

pub(super) const TO_APPROVAL: [fn(&Run) -> Signal; 2] = [
    |run| stage_of(run, StageResult::PlanningStarted),
    |run| stage_of(run, StageResult::Planned { plan: plan(), base: sha('b'), gate: gate(Approver::Anybody) }),
];

pub(super) const TO_VERIFYING: [fn(&Run) -> Signal; 4] = [
    |run| approval(run, sha('b')),
    |run| stage_of(run, step_done("a")),
    |run| stage_of(run, step_done("b")),
    |run| stage_of(run, step_done("c")),
];

#[test]
fn a_stage_has_its_time_with_a_worker_and_not_in_line() {
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let table = [
        (State::Publishing, vec![], None),
        (State::Publishing, vec![None], Some(minutes(5))),
        (State::Publishing, vec![Some(minutes(10))], Some(minutes(20))),
        (State::Publishing, vec![Some(minutes(30))], None),
        (State::Working, vec![None, Some(minutes(170)), Some(minutes(1))], Some(minutes(10))),
        (State::Working, vec![Some(minutes(1)), Some(minutes(181))], None),
        (State::NeedsAnswer, vec![None], None),
        (State::Failed, vec![None], None),
    ];
    for (state, held, expected) in table {
        assert_eq!(deadline_left(state, &held), expected, "{state:?} {held:?}");
    }
}

#[test]
fn the_plain_way_leads_to_a_merged_pull_request() {
    let started = start(new_run());
    assert_eq!(started.effects, [Effect::Plan, Effect::Report, Effect::Deadline(DAY)]);
    let (run, _) = walk(started.run, TO_APPROVAL);
    assert_eq!(run.state, State::NeedsApproval);
    let (run, effects) = walk(run, [TO_VERIFYING[0], TO_VERIFYING[1]]);
    let both = [Effect::Work("b".parse().unwrap()), Effect::Work("c".parse().unwrap()), Effect::Report];
    assert_eq!(effects, both, "both dependents start once their dependency is done");
    let (run, effects) = walk(run, [TO_VERIFYING[2], TO_VERIFYING[3]]);
    assert_eq!((run.state, &effects[0]), (State::Verifying, &Effect::Verify));
    let (run, effects) = walk(
        run,
        [
            |run: &Run| stage_of(run, StageResult::Verified { feedback: None }),
            |run: &Run| stage_of(run, StageResult::Reviewed { feedback: None }),
            |run: &Run| stage_of(run, StageResult::Published(pull_request())),
            |_: &Run| Signal::PullRequest(PullRequestChange::Merged),
        ],
    );
    assert_eq!((run.state, effects), (State::Succeeded, vec![Effect::Report, Effect::Halt]));
}

#[test]
fn an_approval_that_does_not_fit_asks_again() {
    let (run, _) = walk(start(new_run()).run, TO_APPROVAL);
    let hash = shown(&run).unwrap();

    let foreign = Order::Approve { typed_hash: Some("deadbeef".into()), base_now: sha('b'), shown: shown(&run) };
    assert_eq!(advance(&run, order(foreign)), Err(Refusal::ForeignPlan));

    let moved = advance(&run, approval(&run, sha('d'))).unwrap();
    assert_eq!((moved.run.state, &moved.notice), (State::NeedsApproval, &Some(Notice::BaseMoved)));
    assert_ne!(shown(&moved.run), shown(&run), "the old hash approves nothing any more");
    let stale = Order::Approve { typed_hash: Some(hash.short().into()), base_now: sha('d'), shown: shown(&run) };
    assert_eq!(advance(&moved.run, order(stale)), Err(Refusal::ForeignPlan));

    for not_this_plan in [None, shown(&moved.run)] {
        let unseen = Order::Approve { typed_hash: None, base_now: sha('b'), shown: not_this_plan };
        let unseen = advance(&run, order(unseen)).unwrap();
        assert_eq!((unseen.run.state, unseen.notice), (State::NeedsApproval, Some(Notice::PlanNotShown)));
    }

    let typed = Order::Approve { typed_hash: Some(hash.short().into()), base_now: sha('b'), shown: shown(&run) };
    assert_eq!(advance(&run, order(typed)).unwrap().run.state, State::Working);
}

#[test]
fn rework_is_bounded_and_a_retry_goes_on_with_the_last_findings() {
    let (mut run, _) = walk(walk(start(new_run()).run, TO_APPROVAL).0, TO_VERIFYING);
    for round in 1..=MAX_REWORK_ROUNDS {
        let failed = StageResult::Verified { feedback: Some(format!("finding {round}")) };
        let transition = advance(&run, stage_of(&run, failed)).unwrap();
        let key = format!("rework-{round}");
        assert_eq!(transition.effects[0], Effect::Work(key.parse().unwrap()));
        run = advance(&transition.run, stage_of(&transition.run, step_done(&key))).unwrap().run;
        assert_eq!(run.state, State::Verifying);
    }
    let last = StageResult::Verified { feedback: Some("the last finding".into()) };
    run = advance(&run, stage_of(&run, last)).unwrap().run;
    assert_eq!(run.state, State::Failed);
    let retried = advance(&run, order(Order::Retry)).unwrap();
    assert_eq!(retried.effects[0], Effect::Work("rework-3".parse().unwrap()));
    assert_eq!(retried.run.progress.steps.last().unwrap().feedback.as_deref(), Some("the last finding"));
}

#[test]
fn a_closed_pull_request_can_be_reopened_but_not_retried() {
    let (run, _) = walk(walk(start(new_run()).run, TO_APPROVAL).0, TO_VERIFYING);
    let (run, _) = walk(
        run,
        [
            |run: &Run| stage_of(run, StageResult::Verified { feedback: None }),
            |run: &Run| stage_of(run, StageResult::Reviewed { feedback: None }),
            |run: &Run| stage_of(run, StageResult::Published(pull_request())),
            |_: &Run| Signal::PullRequest(PullRequestChange::Closed),
        ],
    );
    assert_eq!(run.state, State::Cancelled);
    assert_eq!(advance(&run, order(Order::Retry)), Err(Refusal::NotNow));
    let reopened = advance(&run, Signal::PullRequest(PullRequestChange::Reopened)).unwrap();
    assert_eq!(reopened.run.state, State::Watching);
}

#[test]
fn a_question_is_answered_by_number_in_words_or_by_its_default() {
    let queued = start(new_run()).run;
    let planning = advance(&queued, stage_of(&queued, StageResult::PlanningStarted)).unwrap().run;
    let asking = advance(&planning, stage_of(&planning, StageResult::Questioned { question: question(), of: vec![] }))
        .unwrap()
        .run;
    assert_eq!((asking.state, asking.progress.questions), (State::NeedsAnswer, 1));
    let answer = |words: &str| advance(&asking, order(Order::Answer { words: words.to_owned() }));
    for (words, told) in [
        ("2", "Which?\n\nThe answer: the second"),
        (" 1. ", "Which?\n\nThe answer: the first"),
        ("both", "Which?\n\nThe answer: both"),
    ] {
        let run = answer(words).unwrap().run;
        assert_eq!((run.state, run.progress.asked), (State::Queued, None), "{words}");
        assert_eq!(run.progress.revisions, [told], "{words}");
    }
    assert_eq!(answer("3"), Err(Refusal::NoSuchOption));
    assert_eq!(answer("0"), Err(Refusal::NoSuchOption));
    let late = advance(&asking, Signal::Deadline { seq: asking.seq }).unwrap().run;
    assert_eq!(late.progress.revisions, ["Which?\n\nNobody answered, so do this: the first"]);
    assert_eq!(advance(&planning, order(Order::Answer { words: "1".to_owned() })), Err(Refusal::NotNow));
}

#[test]
fn an_edited_plan_is_another_plan() {
    let (asking, _) = walk(start(new_run()).run, TO_APPROVAL);
    let of = shown(&asking).unwrap();
    let shorter = Plan { steps: plan().steps[..1].to_vec(), ..plan() };
    let edit = |of: &crate::plan::PlanHash| {
        let texts = ["written".to_owned(), "edited".to_owned()];
        let left_out = vec![LeftOut { step: plan().steps[1].clone(), place: 1 }];
        order(Order::Edit { plan: shorter.clone(), left_out, of: of.clone(), texts })
    };
    let edited = advance(&asking, edit(&of)).unwrap().run;
    assert_eq!(edited.progress.plan.as_ref().unwrap().left_out.len(), 1);
    assert_eq!((edited.state, edited.progress.plan.as_ref().unwrap().version), (State::NeedsApproval, 2));
    assert_ne!(shown(&edited), Some(of.clone()), "the old hash approves nothing any more");
    assert_eq!(advance(&edited, edit(&of)), Err(Refusal::ForeignPlan), "an edit of a plan that is gone");
    let (working, _) = walk(edited, [TO_VERIFYING[0]]);
    assert_eq!(advance(&working, edit(&of)), Err(Refusal::NotNow));
}

#[test]
fn a_run_that_rests_goes_on_in_the_conversations_it_had() {
    let (working, _) = walk(walk(start(new_run()).run, TO_APPROVAL).0, [TO_VERIFYING[0], TO_VERIFYING[1]]);
    let paused = advance(&working, order(Order::Pause)).unwrap();
    assert_eq!(paused.effects, [Effect::Halt, Effect::Report, Effect::Deadline(30 * DAY)]);
    assert_eq!(advance(&paused.run, stage_of(&working, step_done("b"))), Err(Refusal::Stale));
    for not_now in [Order::Pause, Order::Retry] {
        assert_eq!(advance(&paused.run, order(not_now)), Err(Refusal::NotNow));
    }
    let resumed = advance(&paused.run, order(Order::Resume)).unwrap();
    let both = [Effect::Work("b".parse().unwrap()), Effect::Work("c".parse().unwrap())];
    assert_eq!(resumed.effects[..2], both);
    assert_eq!(resumed.run.progress.retries, working.progress.retries, "a retry would forget what was said");

    let expired = advance(&paused.run, Signal::Deadline { seq: paused.run.seq }).unwrap();
    assert_eq!(expired.run.state, State::Cancelled);
    let retried = advance(&expired.run, order(Order::Retry)).unwrap();
    assert_eq!((retried.run.state, &retried.effects[..2]), (State::Working, &both[..]));
    let asking = walk(start(new_run()).run, TO_APPROVAL).0;
    assert_eq!(advance(&asking, order(Order::Pause)), Err(Refusal::NotNow), "it rests already");
}

#[test]
fn money_that_is_used_up_lets_a_run_rest_until_there_is_more() {
    let (planning, _) = walk(start(new_run()).run, [TO_APPROVAL[0]]);
    let paused = advance(&planning, stage_of(&planning, StageResult::OutOfMoney)).unwrap().run;
    assert_eq!(paused.state, State::Paused);
    let more = MicroDollars::from_dollars(2);
    let richer = advance(&paused, order(Order::Budget { more })).unwrap();
    assert_eq!((richer.run.state, richer.run.budget), (State::Queued, MicroDollars::from_dollars(5)));
    assert_eq!(richer.effects[0], Effect::Plan);

    let (asking, _) = walk(start(new_run()).run, TO_APPROVAL);
    let richer = advance(&asking, order(Order::Budget { more })).unwrap().run;
    assert_eq!(richer.state, State::NeedsApproval);
    assert_ne!(shown(&richer), shown(&asking), "an approval is for a sum");
    let resting = advance(&asking, order(Order::Cancel)).unwrap().run;
    assert_eq!(advance(&resting, order(Order::Budget { more })), Err(Refusal::NotNow));
}

/// What was done when the money was used up.
pub(super) fn unfinished() -> PullRequest {
    PullRequest { unfinished: true, ..pull_request() }
}

#[test]
fn files_beyond_the_plan_wait_for_a_person() {
    let (verifying, _) = walk(walk(start(new_run()).run, TO_APPROVAL).0, TO_VERIFYING);
    let left = StageResult::LeftScope { paths: vec!["b.rs".into()] };
    let asking = advance(&verifying, stage_of(&verifying, left)).unwrap().run;
    assert_eq!(asking.state, State::NeedsScope);
    assert_eq!(advance(&asking, approval(&asking, sha('b'))), Err(Refusal::NotNow), "the plan is not the question");

    for unseen in [None, shown(&asking)] {
        let again = advance(&asking, order(Order::Widen { shown: unseen })).unwrap();
        assert_eq!((again.run.state, again.notice), (State::NeedsScope, Some(Notice::PlanNotShown)));
    }
    let allowed = advance(&asking, order(Order::Widen { shown: wider(&asking) })).unwrap();
    assert_eq!((allowed.run.state, &allowed.effects[0]), (State::Verifying, &Effect::Verify));
    assert_eq!(allowed.run.progress.plan.unwrap().widened, ["b.rs"]);

    let refused = advance(&asking, order(Order::Reject)).unwrap();
    assert_eq!((refused.run.state, &refused.effects[0]), (State::Working, &Effect::Work("rework-1".parse().unwrap())));
    assert!(refused.run.progress.steps.last().unwrap().feedback.as_ref().unwrap().contains("- b.rs"));
    let expired = advance(&asking, Signal::Deadline { seq: asking.seq }).unwrap().run;
    assert_eq!(advance(&expired, order(Order::Retry)).unwrap().run.state, State::Verifying);
}

#[test]
fn what_policy_forbids_goes_back_to_the_coder() {
    let (verifying, _) = walk(walk(start(new_run()).run, TO_APPROVAL).0, TO_VERIFYING);
    let told = UserMessage::new("It holds a secret.");
    let objected = StageResult::Objected { feedback: "a secret in a.rs".into(), told: told.clone() };
    let mut run = verifying;
    for round in 1..=MAX_REWORK_ROUNDS {
        let back = advance(&run, stage_of(&run, objected.clone())).unwrap();
        let key = format!("rework-{round}");
        assert_eq!(back.effects[0], Effect::Work(key.parse().unwrap()));
        run = advance(&back.run, stage_of(&back.run, step_done(&key))).unwrap().run;
    }
    let given_up = advance(&run, stage_of(&run, objected)).unwrap().run;
    assert_eq!(given_up.progress.failure.unwrap().message, told);
}

/// Any signal, with stage results for the current entry or a stale one.
fn any_signal() -> impl Strategy<Value = fn(&Run, bool) -> Signal> {
    fn stage(run: &Run, stale: bool, result: StageResult) -> Signal {
        Signal::Stage { seq: run.seq - i32::from(stale), result }
    }
    fn running_step(run: &Run) -> StageResult {
        let running = run.progress.current_steps().iter().find(|step| step.state == StepState::Running);
        running.map_or(step_done("a"), |step| StageResult::StepDone { step: step.key.clone() })
    }
    fn nothing_to_change(run: &Run) -> StageResult {
        let running = run.progress.current_steps().iter().find(|step| step.state == StepState::Running);
        StageResult::NothingToChange { step: running.map_or_else(|| "a".parse().unwrap(), |step| step.key.clone()) }
    }
    let signals: Vec<fn(&Run, bool) -> Signal> = vec![
        |run, stale| stage(run, stale, StageResult::PlanningStarted),
        |run, stale| {
            stage(run, stale, StageResult::Planned { plan: plan(), base: sha('b'), gate: gate(Approver::Anybody) })
        },
        |run, stale| {
            stage(run, stale, StageResult::Planned { plan: plan(), base: sha('b'), gate: gate(Approver::Nobody) })
        },
        |run, stale| stage(run, stale, StageResult::Questioned { question: question(), of: vec![] }),
        |run, stale| stage(run, stale, StageResult::Answered),
        |run, stale| stage(run, stale, running_step(run)),
        |run, stale| stage(run, stale, StageResult::Verified { feedback: None }),
        |run, stale| stage(run, stale, StageResult::Verified { feedback: Some("red".into()) }),
        |run, stale| {
            let told = UserMessage::new("blocked");
            stage(run, stale, StageResult::Objected { feedback: "blocked".into(), told })
        },
        |run, stale| stage(run, stale, StageResult::LeftScope { paths: vec!["b.rs".into()] }),
        |run, stale| stage(run, stale, StageResult::OutOfMoney),
        |run, stale| stage(run, stale, StageResult::Reviewed { feedback: None }),
        |run, stale| stage(run, stale, StageResult::Reviewed { feedback: Some("no".into()) }),
        |run, stale| stage(run, stale, StageResult::Published(pull_request())),
        |run, stale| stage(run, stale, StageResult::Failed { message: UserMessage::new("broken") }),
        |run, _| approval(run, sha('b')),
        |run, _| approval(run, sha('d')),
        |_, _| order(Order::Approve { typed_hash: None, base_now: sha('b'), shown: None }),
        |_, _| order(Order::Reject),
        |run, _| {
            let of = shown(run).unwrap_or_else(|| plan().hash(&sha('e'), run.budget));
            order(Order::Edit { plan: plan(), left_out: vec![], of, texts: [String::new(), String::new()] })
        },
        |run, _| order(Order::Widen { shown: wider(run) }),
        |_, _| order(Order::Widen { shown: None }),
        |_, _| order(Order::Answer { words: "2".to_owned() }),
        |_, _| order(Order::Pause),
        |_, _| order(Order::Resume),
        |_, _| order(Order::Budget { more: MicroDollars::from_cents(1) }),
        |_, _| order(Order::Revise { text: "rather so".into() }),
        |_, _| order(Order::Retry),
        |_, _| order(Order::Cancel),
        |_, _| Signal::PullRequest(PullRequestChange::Merged),
        |_, _| Signal::PullRequest(PullRequestChange::Closed),
        |_, _| Signal::PullRequest(PullRequestChange::Reopened),
        |_, _| Signal::FollowUp(watch::tests::failing('c')),
        |_, _| Signal::FollowUp(watch::tests::failing('e')),
        |_, _| Signal::FollowUp(watch::tests::asked(1)),
        |run, _| Signal::FollowUp(watch::tests::asked(run.seq.into())),
        |run, stale| stage(run, stale, StageResult::FollowUpBegun { head: sha('c'), plan: None }),
        |run, stale| stage(run, stale, StageResult::FollowUpBegun { head: sha('e'), plan: None }),
        |run, stale| stage(run, stale, nothing_to_change(run)),
        |run, stale| stage(run, stale, StageResult::Offered),
        |run, stale| stage(run, stale, StageResult::BranchMoved { head: sha('e') }),
        |run, stale| stage(run, stale, StageResult::PullRequestEnded(PullRequestChange::Closed)),
        |run, stale| stage(run, stale, StageResult::PullRequestEnded(PullRequestChange::Merged)),
        |run, stale| Signal::Deadline { seq: run.seq - i32::from(stale) },
    ];
    proptest::sample::select([signals, drafts()].concat())
}

/// Whatever may come of a draft.
fn drafts() -> Vec<fn(&Run, bool) -> Signal> {
    vec![|run, _| Signal::Draft(watch::tests::drafted(run)), |_, _| Signal::Draft(Drafted::Nothing), |_, _| {
        Signal::Draft(Drafted::Withheld { why: UserMessage::new("blocked") })
    }]
}

/// The part of an effect that must be unique among all effects of one run; reports may repeat.
fn queue_key(run: &Run, effect: &Effect) -> Option<String> {
    match effect {
        // A review is taken once, its answer is found by its own name, and closing a draft again is closing it.
        Effect::Report | Effect::AnswerReview { .. } | Effect::TellFailure(_) | Effect::EndDraft(_) => None,
        Effect::Plan | Effect::Verify | Effect::Review | Effect::Publish | Effect::Draft | Effect::Halt => {
            Some(format!("{effect:?}:{}", run.seq))
        }
        Effect::Deadline(_) => Some(format!("deadline:{}", run.seq)),
        Effect::Work(step) => Some(format!("work:{step}:{}", run.seq)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn no_walk_breaks_a_promise(walk in proptest::collection::vec((any_signal(), any::<bool>()), 0..60)) {
        let started = start(new_run());
        let mut run = started.run;
        let mut keys: HashSet<String> = started.effects.iter().filter_map(|effect| queue_key(&run, effect)).collect();
        for (signal, stale) in walk {
            let signal = signal(&run, stale);
            match advance(&run, signal.clone()) {
                Ok(transition) => {
                    let outdated = stale && matches!(signal, Signal::Stage { .. } | Signal::Deadline { .. });
                    prop_assert!(!outdated, "stale work changed the run");
                    run = transition.run;
                    prop_assert!(transition.effects.contains(&Effect::Report), "every change is shown");
                    for effect in &transition.effects {
                        let Some(key) = queue_key(&run, effect) else { continue };
                        prop_assert!(keys.insert(key.clone()), "{key} was asked for twice");
                    }
                }
                Err(Refusal::Stale | Refusal::ForeignPlan | Refusal::NoSuchOption | Refusal::NotNow) => {}
            }
            let merged = run.state == State::Succeeded;
            let by_person = [Order::Cancel, Order::Retry].map(|way| advance(&run, order(way)).is_ok());
            let closed = run.progress.pull_request.as_ref().is_some_and(|pull_request| !pull_request.open);
            // A draft that is being published is a matter of seconds, and its job always ends.
            let drafting = run.progress.drafting;
            let has_way_out = merged || closed || drafting || by_person.contains(&true);
            prop_assert!(has_way_out, "{:?} has no way out for a person", run.state);
            prop_assert!(!drafting || !run.state.is_at_work(), "two jobs write to one branch");
            let expired = advance(&run, Signal::Deadline { seq: run.seq });
            prop_assert_eq!(expired.is_ok(), !run.state.is_terminal());
            prop_assert_eq!(deadline(run.state).is_some(), !run.state.is_terminal());
            if run.state == State::Working {
                let running = run.progress.current_steps().iter().any(|step| step.state == StepState::Running);
                prop_assert!(running, "somebody works while the run is working");
            }
            if let Some(pull_request) = &run.progress.pull_request {
                use State::{Publishing, Reviewing, Verifying, Working};
                let at_work = [Working, Verifying, Reviewing, Publishing].contains(&run.state);
                let has_work = run.progress.follow_up.is_some() || pull_request.unfinished;
                prop_assert!(!at_work || (pull_request.open && has_work), "{:?}", run);
                prop_assert!(run.state != State::Watching || !pull_request.unfinished, "{:?}", run);
                prop_assert!(run.state != State::Watching || run.progress.follow_up.is_none());
                prop_assert!(pull_request.open || run.progress.waiting.is_empty(), "work waits for a closed pull request");
                let plans = [State::Queued, State::Planning, State::NeedsApproval, State::NeedsAnswer];
                prop_assert!(!plans.contains(&run.state), "what is published is not planned anew");
            }
            prop_assert!(run.progress.waiting.len() <= MAX_WAITING);
            let stored: Progress = serde_json::from_value(serde_json::to_value(&run.progress).unwrap()).unwrap();
            prop_assert_eq!(&stored, &run.progress);
        }
    }
}
