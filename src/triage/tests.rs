use super::*;
use crate::ids::{CommentId, IssueNumber};

fn spoken(place: Place, pull_request: bool, fork: Option<bool>, closed: bool) -> Spoken {
    Spoken {
        place,
        issue: IssueNumber(1),
        pull_request,
        closed,
        locked: false,
        fork,
        head: None,
        id: CommentId(1),
        author: None,
        text: String::new(),
        previous_text: None,
        action: SpokenAction::Created,
        issue_title: String::new(),
        issue_body: None,
        review: None,
        anchor: None,
        url: None,
    }
}

#[test]
fn a_fork_is_told_from_a_branch_and_doubt_counts_as_a_fork() {
    use Ground::{ClosedIssue, ClosedPullRequest, ForeignPullRequest, Fork, Issue, OwnPullRequest};
    let table = [
        (spoken(Place::IssueComment, false, None, false), false, None, Issue),
        (spoken(Place::IssueComment, false, None, true), false, None, ClosedIssue),
        (spoken(Place::IssueComment, true, None, false), true, None, OwnPullRequest),
        (spoken(Place::IssueComment, true, None, false), false, Some(false), ForeignPullRequest),
        (spoken(Place::IssueComment, true, None, false), false, Some(true), Fork),
        (spoken(Place::IssueComment, true, None, false), false, None, Fork),
        (spoken(Place::Review, true, Some(true), false), false, None, Fork),
        (spoken(Place::Review, true, Some(false), false), false, None, ForeignPullRequest),
        (spoken(Place::PullRequest, true, Some(true), false), false, None, Fork),
        (spoken(Place::PullRequest, true, Some(true), true), false, None, ClosedPullRequest),
        (spoken(Place::IssueComment, true, None, true), true, None, ClosedPullRequest),
    ];
    for (spoken, own, fork, expected) in table {
        assert_eq!(ground(&spoken, own, fork), expected, "{spoken:?} {own} {fork:?}");
    }
}

#[test]
fn work_starts_on_issues_and_goes_on_on_pull_requests_of_this_repository() {
    let policy = RepositoryPolicy::default();
    let fix = command::parse("/wiz fix", None).remove(0);
    let more = command::parse("/wiz fix the name", None).remove(0);
    let plan = command::parse("/wiz plan", None).remove(0);
    for ground in [Ground::ClosedIssue, Ground::ClosedPullRequest] {
        let intent = decide(&fix, Role::Admin, &policy, ground);
        assert!(matches!(intent, Intent::Unsuited(_)), "{ground:?}: {intent:?}");
    }
    for ground in [Ground::OwnPullRequest, Ground::ForeignPullRequest, Ground::Fork] {
        let intent = decide(&more, Role::Write, &policy, ground);
        assert!(matches!(intent, Intent::FollowUp { .. }), "{ground:?}: {intent:?}");
        assert!(matches!(decide(&fix, Role::Write, &policy, ground), Intent::Unsuited(_)));
        assert!(matches!(decide(&fix, Role::Triage, &policy, ground), Intent::Deny { .. }));
        assert!(matches!(decide(&plan, Role::Write, &policy, ground), Intent::Unsuited(_)));
    }
    assert!(matches!(decide(&fix, Role::Write, &policy, Ground::Issue), Intent::Start { .. }));
    assert!(matches!(decide(&fix, Role::Triage, &policy, Ground::Fork), Intent::Deny { .. }));
}

#[test]
fn a_question_may_be_asked_wherever_people_talk() {
    let policy = RepositoryPolicy::default();
    let ask = command::parse("/wiz ask Why?", None).remove(0);
    for ground in [
        Ground::Issue,
        Ground::ClosedIssue,
        Ground::ClosedPullRequest,
        Ground::OwnPullRequest,
        Ground::ForeignPullRequest,
        Ground::Fork,
    ] {
        let intent = decide(&ask, Role::Write, &policy, ground);
        assert!(matches!(intent, Intent::Start { mission: Mission::Ask, .. }), "{ground:?}: {intent:?}");
    }
    assert!(matches!(decide(&ask, Role::Read, &policy, Ground::Fork), Intent::Deny { .. }));
    let cents = MicroDollars::from_cents;
    assert_eq!(run_budget(Mission::Ask, None, policy.budget_run), cents(50));
    assert_eq!(run_budget(Mission::Ask, None, cents(20)), cents(20));
    assert_eq!(run_budget(Mission::Ask, Some(cents(90)), policy.budget_run), cents(90));
    assert_eq!(run_budget(Mission::Fix, None, policy.budget_run), policy.budget_run);
}

#[test]
fn a_review_reads_what_is_open() {
    let policy = RepositoryPolicy::default();
    let review = command::parse("/wiz review", None).remove(0);
    for ground in [Ground::OwnPullRequest, Ground::ForeignPullRequest, Ground::Fork] {
        let intent = decide(&review, Role::Write, &policy, ground);
        assert!(matches!(intent, Intent::Start { mission: Mission::Review, .. }), "{ground:?}: {intent:?}");
        assert!(matches!(decide(&review, Role::Triage, &policy, ground), Intent::Deny { .. }));
    }
    for ground in [Ground::Issue, Ground::ClosedIssue, Ground::ClosedPullRequest] {
        let intent = decide(&review, Role::Admin, &policy, ground);
        assert!(matches!(intent, Intent::Unsuited(_)), "{ground:?}: {intent:?}");
    }
}

#[test]
fn a_switch_is_moved_where_there_is_one_and_by_who_may() {
    let policy = RepositoryPolicy::default();
    let [on, asked] = ["/wiz ci on", "/wiz ci"].map(|text| command::parse(text, None).remove(0));
    for ground in [Ground::Issue, Ground::ClosedIssue, Ground::ClosedPullRequest, Ground::Fork] {
        assert!(matches!(decide(&on, Role::Admin, &policy, ground), Intent::Unsuited(_)), "{ground:?}");
    }
    for ground in [Ground::OwnPullRequest, Ground::ForeignPullRequest] {
        assert_eq!(decide(&on, Role::Write, &policy, ground), Intent::Ci { wanted: Some(true) });
        assert_eq!(decide(&asked, Role::Read, &policy, ground), Intent::Ci { wanted: None });
        assert_eq!(decide(&on, Role::Triage, &policy, ground), Intent::Deny { verb: "ci", needs: Role::Write });
    }
    let fault = PolicyFault { layer: Layer::Repository, line: 1, message: "no".to_owned() };
    let faulty = |wanted| unless_faulty(Intent::Ci { wanted }, std::slice::from_ref(&fault));
    assert!(matches!(faulty(Some(true)), Intent::Unsuited(_)));
    assert_eq!(faulty(Some(false)), Intent::Ci { wanted: Some(false) });
}

#[test]
fn a_button_needs_what_its_command_needs() {
    let policy = RepositoryPolicy::default();
    for role in [Role::Read, Role::Triage] {
        let pressed = press(Verb::Cancel, Ordered::Cancel, role, &policy);
        assert_eq!(pressed, Intent::Deny { verb: "cancel", needs: Role::Write });
    }
    let pressed = press(Verb::Cancel, Ordered::Cancel, Role::Write, &policy);
    assert_eq!(pressed, Intent::Order { verb: "cancel", order: Ordered::Cancel });
}

#[test]
fn mistakes_of_every_file_are_told_with_whose_it_is() {
    let fault = |layer, line, message: &str| PolicyFault { layer, line, message: message.to_owned() };
    let faults = [
        fault(Layer::Server, 1, "gate: unknown variant `x`"),
        fault(Layer::Organisation, 2, "`colour` is unknown"),
        fault(Layer::Repository, 0, "the file is not UTF-8 text"),
    ];
    insta::assert_snapshot!(faults_text(&faults), @r"
    `.github/wiz.yml` on the default branch has mistakes, so I did nothing:

    - `the file is not UTF-8 text`

    `wiz.yml` in this account's repository `.github` has mistakes, so I did nothing:

    - line 2: `` `colour` is unknown ``

    The policy file of this server has mistakes, so I did nothing:

    - line 1: `` gate: unknown variant `x` ``
    ");
}
