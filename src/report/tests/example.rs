//! A run as the tests show it: an issue about dates, planned, worked, proven.

use std::time::Duration;

use super::super::*;
use crate::plan::{Criterion, Proof, Step};

pub(super) fn run_in(state: RunState) -> RunView {
    RunView {
        run: RunId(12),
        state,
        subject: Subject { number: IssueNumber(7), title: "Dates before 1970 crash".into(), is_pull_request: false },
        verb: "fix".into(),
        requester: Some("alice".parse().unwrap()),
        approver: None,
        plan: None,
        gate: None,
        question: None,
        asked_of: Vec::new(),
        gate_raised: false,
        out_of_money: false,
        money: Money { cap: MicroDollars::from_dollars(3), spent: MicroDollars::ZERO, quote: None },
        evidence: Vec::new(),
        evidence_is_of_head: false,
        review: None,
        changes: Vec::new(),
        pull_request: None,
        follow_up_draft: None,
        follow_up: None,
        follow_ups: 0,
        model: Some("claude-sonnet-4-5".into()),
        branch: None,
        failure: None,
        queue: None,
        forecast: None,
        timings: Vec::new(),
        page_url: Some("https://wiz.example/runs/12".into()),
        ungranted: None,
    }
}

pub(super) fn plan() -> PlanView {
    let step = |id: &str, title: &str, detail: &str, after: &[&str]| Step {
        id: id.parse().unwrap(),
        title: title.into(),
        detail: detail.into(),
        depends_on: after.iter().map(|key| key.parse().unwrap()).collect(),
    };
    let plan = Plan {
        summary: "`parse_date` treats the year as unsigned, so dates before 1970 wrap around.".into(),
        steps: vec![
            step("test", "Write a failing test", "Add a test for 1969-12-31 to `tests/test_dates.py`.", &[]),
            step("fix", "Use a signed year", "Change the type in `src/dates.py`.", &["test"]),
        ],
        definition_of_done: vec![
            Criterion {
                name: "dates before 1970".into(),
                command: "pytest tests/test_dates.py".into(),
                proof: Proof::FailsThenPasses,
            },
            Criterion { name: "all tests".into(), command: "pytest | tee log".into(), proof: Proof::Passes },
        ],
        risks: vec!["Callers may rely on the wrap-around.".into()],
        files: vec!["src/dates.py".into(), "tests/".into()],
    };
    let base: CommitSha = "a".repeat(40).parse().unwrap();
    let hash = plan.hash(&base, MicroDollars::from_dollars(3));
    PlanView { plan, left_out: Vec::new(), hash, base, gate: None, progress: Vec::new() }
}

pub(in crate::report) fn planned() -> RunView {
    let mut view = run_in(RunState::NeedsApproval);
    view.plan = Some(plan());
    view.money.quote = Some(MicroDollars::new(40_000));
    view.timings = vec![Timing { stage: RunState::Planning, duration: Duration::from_secs(41) }];
    view
}

pub(super) fn finished() -> RunView {
    let mut view = planned();
    view.state = RunState::Watching;
    view.approver = Some("bob".parse().unwrap());
    view.money.spent = MicroDollars::new(31_000);
    let done = ["test", "fix"].map(|key| (key.parse().unwrap(), StepProgress::Done));
    view.plan.as_mut().unwrap().progress = done.to_vec();
    let seen = |outcome, output: &str, ms| Observation {
        outcome,
        duration: Duration::from_millis(ms),
        output_tail: output.into(),
    };
    view.evidence_is_of_head = true;
    view.evidence = vec![
        Evidence {
            criterion: "dates before 1970".into(),
            before: Some(seen(Outcome::Failed { exit: 1 }, "E   OverflowError\n1 failed", 1_300)),
            after: Some(seen(Outcome::Passed, "1 passed", 900)),
        },
        Evidence { criterion: "all tests".into(), before: None, after: Some(seen(Outcome::Passed, "", 75_000)) },
    ];
    view.changes = vec![
        ChangedFile { path: "src/dates.py".into(), change: FileChange::Changed, added_lines: 3, removed_lines: 1 },
        ChangedFile { path: "tests/test_dates.py".into(), change: FileChange::Added, added_lines: 9, removed_lines: 0 },
    ];
    view.review = Some(Review {
        approved: true,
        findings: vec![Finding {
            path: "src/dates.py".into(),
            line: 14,
            level: AnnotationLevel::Notice,
            title: "Name the constant".into(),
            detail: "`86400` appears twice.".into(),
        }],
    });
    view.branch = Some("wiz/run-12".parse().unwrap());
    view.pull_request = Some(PullRequestLink {
        number: IssueNumber(8),
        url: "https://github.com/acme/dates/pull/8".into(),
        open: true,
        draft: false,
    });
    view
}
