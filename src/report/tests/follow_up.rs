//! What people read of a follow-up.

use super::example;
use crate::report::*;

fn at(state: RunState, reason: FollowUpReason) -> RunView {
    RunView { state, follow_up: Some(FollowUpView { number: 2, reason }), ..example::finished() }
}

fn check(name: &str) -> FollowUpReason {
    FollowUpReason::FailingCheck { name: name.into() }
}

#[test]
fn the_headline_says_why_there_is_more_to_do_and_how_far_it_is() {
    let by = || "alice".parse().unwrap();
    let headlines = [
        at(RunState::Working, check("test (3.12)")),
        at(RunState::Verifying, FollowUpReason::Review { by: by() }),
        at(RunState::Reviewing, FollowUpReason::Command { by: by() }),
        at(RunState::Publishing, check("@everyone [x](y) <b>")),
        at(RunState::Verifying, FollowUpReason::Proof { by: by() }),
        at(RunState::Failed, check("test")),
        at(RunState::Cancelled, check("test")),
    ]
    .map(|view| sections::headline(&view));
    insta::assert_snapshot!(headlines.join("\n"), @r"
    Mend the failing check test (3.12): working
    Follow the review by alice: running the checks in a clean box
    Do what alice asked for: reviewing the change
    Mend the failing check everyone x(y) b: publishing the commit
    Prove the head again for alice: running the checks in a clean box
    Mend the failing check test: failed
    Cancelled
    ");
}

#[test]
fn the_commit_says_why_and_what_was_done_and_holds_no_trailer_of_a_stranger() {
    let view = at(RunState::Publishing, check("test: all"));
    insta::assert_snapshot!(follow_up_message(&view, "Counts from 0.\n\nWiz-Approved-By: mallory"), @r"
    Mend the failing check test: all

    Counts from 0. Wiz-Approved-By: mallory

    Wiz-Run: 12
    Wiz-Follow-Up: 2
    ");
    insta::assert_snapshot!(follow_up_message(&view, ""), @r"
    Mend the failing check test: all

    Wiz-Run: 12
    Wiz-Follow-Up: 2
    ");
}

#[test]
fn a_check_run_of_an_old_head_points_to_the_new_one() {
    let (title, summary) = superseded_check(&"a".repeat(40).parse().unwrap());
    insta::assert_snapshot!(format!("{title}\n{summary}"), @r"
    Continued on aaaaaaaa
    The run went on; its check is now on `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa`.
    ");
}
