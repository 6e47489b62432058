//! Answers of a line or two, as people read them.

use super::example;
use crate::{
    ids::{IssueNumber, RunId},
    plan::{Approver, Gate},
    report::{
        RunState, another_run_is_open, budget_reply, draft_ended, draft_given_up, gate_raised, lost_model, no_base,
        no_drafts, no_hosts, not_possible, plan_not_shown, secret_in_text, stage_given_up, status_reply,
        stopped_by_operator, unusable_model, unusable_policy_model,
    },
};

#[test]
fn each_says_what_is_and_what_can_be_done() {
    let gate = |approver| Gate { approver, reasons: vec!["the path a.rs".into()] };
    let mut view = example::run_in(RunState::NeedsApproval);
    view.plan = Some(example::plan());
    let answers = [
        another_run_is_open(RunId(4)),
        plan_not_shown(RunId(4)),
        unusable_model("x`y @octo", "anthropic/usual"),
        unusable_policy_model("x`y @octo", "anthropic/usual"),
        lost_model("x`y @octo"),
        stage_given_up(),
        stopped_by_operator(),
        gate_raised(&gate(Approver::Anybody)),
        gate_raised(&gate(Approver::AnotherPerson)),
        budget_reply(&view),
        not_possible("<b>dance"),
        no_hosts(),
        no_base(&"release/2.x".parse().unwrap()),
        no_drafts(),
        draft_ended(IssueNumber(9)),
        draft_given_up(),
        secret_in_text("an AWS access key"),
        status_reply(&view),
    ];
    insta::assert_snapshot!(answers.join("\n----\n").replace('\u{200b}', "␣"), @r"
    Run 4 cannot go on while another run is open here. `/wiz cancel` ends that one.
    ----
    The status comment of run 4 did not show this plan: it was edited, or not written yet. I cannot know what you saw, so I did not start. It shows the plan again now; approve that, or `/wiz revise …`.
    ----
    The model ``x`y @octo`` cannot be used here: it needs the form `provider/name`, a configured provider and a price. Without `--model`, runs use `anthropic/usual`.
    ----
    I cannot start: the policy's `model:` is ``x`y @octo``, which cannot be used here. It needs the form `provider/name`, a configured provider and a price; without it, runs use `anthropic/usual`. `/wiz config` shows where it is set, and `/wiz fix --model …` names another for one run.
    ----
    The model ``x`y @octo``, with which this run began, cannot be used on this server any more: its provider or its price is missing. `/wiz retry` goes on once the operator has brought it back.
    ----
    wiz could not finish this stage after several tries; the operator's log has the reason. `/wiz retry` goes on from here.
    ----
    The operator of this wiz stopped this stage. `/wiz retry` goes on from here.
    ----
    The change is made, and now that it is known it needs an approval:

    - the path a.rs

    ----
    The change is made, and now that it is known it needs the approval of another person than the one who asked for it:

    - the path a.rs

    ----
    Run 12 has spent $0.00 of its $3.00. `/wiz budget +$2` lets it spend more.
    ----
    `/wiz <b>dance` is not possible in this version of wiz. `/wiz help` lists what is.
    ----
    Boxes have no network, so there is no host to allow. What a run needs must be in its image: name one with `image:` in `.github/wiz.yml`.
    ----
    There is no branch `release/2.x` here, so there is nothing to start from. `/wiz fix --base …` starts over with another one.
    ----
    GitHub makes no draft pull requests in this repository.
    ----
    The draft #9 was closed or merged meanwhile.
    ----
    GitHub could not be reached for it; the operator's log has the reason.
    ----
    The text to be published holds an AWS access key, so nothing was published. `/wiz retry` lets the coder try again.
    ----
    **The plan is ready for approval**

    **Next:** `/wiz approve 20a475dc` (go on), `/wiz revise …` (say what to change), `/wiz reject` (end the run)
    ");
}

#[test]
fn what_is_ahead_is_told_with_its_price() {
    let view = example::planned();
    insta::assert_snapshot!(budget_reply(&view), @"Run 12 has spent $0.00 of its $3.00. The work ahead will probably cost $0.04. `/wiz budget +$2` lets it spend more.");
}
