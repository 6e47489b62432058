//! Work that stopped half-way, as people see it.

use super::example;
use crate::{
    error::UserMessage,
    ids::IssueNumber,
    money::MicroDollars,
    plan::{Approver, Gate},
    report::{
        FollowUpReason, FollowUpView, PullRequestLink, RunState, draft_branch_taken, draft_leaves_scope,
        draft_needs_approval, no_follow_up_draft, out_of_money, unfinished_follow_up, unfinished_follow_up_message,
        unfinished_message, unfinished_pull_request,
    },
};

#[test]
fn an_unfinished_pull_request_says_so() {
    let mut view = example::run_in(RunState::Paused);
    view.subject.title = "Dates before 1970 crash, @octo/all closes #1".into();
    view.plan = Some(example::plan());
    view.out_of_money = true;
    let text = unfinished_pull_request(&view);
    insta::assert_snapshot!(format!("{}\n----\n{}", text.title, text.body).replace('\u{200b}', "␣"), @r"
    Unfinished: Dates before 1970 crash, @␣octo/all closes #␣1
    ----
    > [!WARNING]
    > **Unfinished and unproven.** The budget of this run was used up before its work was done. Here is what it had so far; nothing of it was proven and reviewed to the end.
    >
    > `/wiz budget +$2` in #7 lets it go on from here. Once it is done and proven, this becomes ready for review.

    `parse_date` treats the year as unsigned, so dates before 1970 wrap around.

    For #7: Dates before 1970 crash, @␣octo/all closes #␣1

    ## Plan

    - [ ] **test** Write a failing test
    - [ ] **fix** Use a signed year

    ## Where this comes from

    | | |
    | --- | --- |
    | cost | cap $3.00 |
    | run | [12](https://wiz.example/runs/12) |
    | asked for by | alice |
    | plan | `20a475dc16619d6b29d45c9c110ba1d3e8cb73c4d53b7188079149c05fbfd27b` |
    | made on | `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa` |
    | model | `claude-sonnet-4-5` |

    wiz does not merge: that is yours.
    ");
    insta::assert_snapshot!(unfinished_message(&view).replace('\u{200b}', "␣"), @r"
    Unfinished: Dates before 1970 crash, @␣octo/all closes #␣1

    The run used up its budget before its work was done. Nothing of this is
    proven.

    Wiz-Run: 12
    ");
    let outlook = |state| {
        let body = unfinished_pull_request(&crate::report::RunView { state, ..view.clone() }).body;
        body.lines().nth(3).unwrap_or_default().to_owned()
    };
    let outlooks = [RunState::Working, RunState::Cancelled, RunState::Failed].map(outlook);
    insta::assert_snapshot!(outlooks.join("\n"), @r"
    > The run goes on; #7 shows how it stands. Once it is done and proven, this becomes ready for review.
    > The run was cancelled, so nobody goes on with it. `/wiz retry` in #7 does; otherwise close this.
    > The run has failed; #7 has the reason, and `/wiz retry` there tries again.
    ");
}

#[test]
fn unfinished_further_work_says_what_it_is_for_and_where_it_goes_on() {
    let mut view = example::finished();
    let reason = FollowUpReason::Review { by: "alice".parse().unwrap() };
    view.follow_up = Some(FollowUpView { number: 2, reason });
    let text = unfinished_follow_up(&view, IssueNumber(8));
    let message = unfinished_follow_up_message(&view);
    insta::assert_snapshot!(format!("{}\n----\n{}\n----\n{message}", text.title, text.body), @r"
    Unfinished: Follow the review by alice
    ----
    > [!WARNING]
    > **Unfinished and unproven.** The budget of a run was used up before its further work on #8 was done. Here is what it had so far, on top of #8; nothing of it was proven and reviewed to the end.
    >
    > #7 shows how it stands; while it rests, `/wiz budget +$2` there lets it go on from here. What comes of it is committed to #8, and this is closed then.

    ## Where this comes from

    | | |
    | --- | --- |
    | cost | spent $0.03, cap $3.00 |
    | run | [12](https://wiz.example/runs/12) |
    | asked for by | alice |
    | approved by | bob |
    | plan | `20a475dc16619d6b29d45c9c110ba1d3e8cb73c4d53b7188079149c05fbfd27b` |
    | made on | `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa` |
    | model | `claude-sonnet-4-5` |

    wiz does not merge: that is yours.

    ----
    Unfinished: Follow the review by alice

    The run used up its budget before its work was done. Nothing of this is
    proven.

    Wiz-Run: 12
    ");
    let base = "wiz/run-12".parse().unwrap();
    insta::assert_snapshot!(no_follow_up_draft(&base), @"GitHub takes no draft pull request into the branch `wiz/run-12`.");
    insta::assert_snapshot!(draft_branch_taken(&"wiz/run-12-unfinished_2".parse().unwrap()), @"Somebody else has written to the branch `wiz/run-12-unfinished_2`, where wiz would put it.");
}

#[test]
fn a_run_without_money_says_where_its_work_is() {
    let cap = MicroDollars::from_dollars(3);
    let secret = UserMessage::new("The change cannot be published:\n- a.py: this looks like an AWS key");
    let gate = Gate { approver: Approver::AnotherPerson, reasons: vec!["the path .github/x".into()] };
    let many = draft_leaves_scope(&(1..=42).map(|n| format!("{n}.rs")).collect::<Vec<_>>());
    let said = [
        out_of_money(cap, false, None),
        out_of_money(cap, true, None),
        out_of_money(cap, false, Some(&secret)),
        draft_leaves_scope(&["b.rs".into(), "@octo/x `y`".into()]),
        many.lines().last().unwrap_or_default().to_owned(),
        draft_needs_approval(&gate),
    ];
    insta::assert_snapshot!(said.join("\n----\n"), @r"
    The run has spent its budget of $3.00. What it has done and said is kept, and it goes on from there.
    ----
    The run has spent its budget of $3.00. What it has done so far is in the draft pull request below, unfinished and unproven, and it goes on from there.
    ----
    The run has spent its budget of $3.00. What it has done and said is kept, and it goes on from there, but no draft shows it. The change cannot be published:
    - a.py: this looks like an AWS key
    ----
    It touches files that the approved plan does not name:

    - `b.rs`
    - `` @octo/x `y` ``
    ----
    - and 2 more
    ----
    As it stands it needs an approval of its own:

    - the path .github/x
    ");
    let mut view = example::run_in(RunState::Paused);
    view.out_of_money = true;
    view.gate = Some(out_of_money(cap, true, None));
    view.pull_request =
        Some(PullRequestLink { number: IssueNumber(9), url: "http://x/9".into(), draft: true, open: true });
    insta::assert_snapshot!(crate::report::status_comment(&view), @r"
    ### Paused: the budget is used up

    `/wiz fix` by alice · Dates before 1970 crash · cap $3.00

    The run has spent its budget of \$3.00. What it has done so far is in the draft pull request below, unfinished and unproven, and it goes on from there.

    **Pull request:** [#9](http://x/9) as a draft

    **Next:** `/wiz budget +$2` (go on with more), `/wiz cancel` (end the run)

    <sub>[run 12](https://wiz.example/runs/12) · model `claude-sonnet-4-5`</sub>
    ");
}
