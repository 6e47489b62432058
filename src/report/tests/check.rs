use super::{super::*, example};
use crate::limits::CHECK_ACTIONS;

#[test]
fn every_state_has_a_headline_and_a_check_title() {
    let mut lines = String::new();
    for state in RunState::ALL {
        let view = RunView { state, ..example::finished() };
        let check = check_output(&view);
        let buttons: Vec<_> = check.actions.iter().map(|action| action.identifier.as_str()).collect();
        lines += &format!("{state:?} | {} | {:?} | {}\n", check.title, check.status, buttons.join(" "));
    }
    insta::assert_snapshot!(lines, @r"
    Queued | Waiting to start | Queued | cancel
    Planning | Planning | InProgress | cancel
    NeedsApproval | The plan is ready for approval: comment /wiz approve 20a475dc | Completed(ActionRequired) | approve:20a475dc reject
    NeedsAnswer | A question for you: comment /wiz answer … | Completed(ActionRequired) | cancel
    NeedsScope | The change leaves the approved files: comment /wiz approve scope | Completed(ActionRequired) | cancel
    Paused | Paused: comment /wiz resume | Completed(ActionRequired) | cancel
    Working | Working: 2 of 2 steps done | InProgress | cancel
    Verifying | Running the checks in a clean box | InProgress | cancel
    Reviewing | Reviewing the change | InProgress | cancel
    Publishing | Opening the pull request | InProgress | cancel
    Watching | Pull request #8 is open | Completed(Success) | cancel
    Succeeded | Done | Completed(Success) | 
    Failed | Failed: comment /wiz retry | Completed(Failure) | retry
    Cancelled | Cancelled | Completed(Cancelled) |
    ");
}

#[test]
fn the_check_run_tells_the_same_story() {
    let check = check_output(&example::planned());
    insta::assert_snapshot!(check.summary, @r"
    `/wiz fix` by alice · Dates before 1970 crash · about $0.04, cap $3.00

    `parse_date` treats the year as unsigned, so dates before 1970 wrap around.

    **Plan** `20a475dc`

    - [x] **test** Write a failing test
    - [x] **fix** Use a signed year

    **Done means**

    | | check | before | after |
    | --- | --- | --- | --- |
    | ⏳ | dates before 1970<br>`pytest tests/test_dates.py` | must fail | must pass |
    | ⏳ | all tests<br>`pytest \| tee log` |  | must pass |

    Edit this comment to change the plan: untick a step to leave it out, or reword the summary, a step or a check's name.

    **Next:** `/wiz approve 20a475dc` (go on), `/wiz revise …` (say what to change), `/wiz reject` (end the run)
    ");
    insta::assert_snapshot!(check.text.unwrap(), @r#"
    <details><summary>Steps in detail</summary>

    **test**

    Add a test for 1969-12-31 to `tests/test_dates.py`.

    **fix**

    Change the type in `src/dates.py`.

    </details>

    <details><summary>Risks</summary>

    - Callers may rely on the wrap-around.

    </details>

    <details><summary>Files this will touch</summary>

    - `src/dates.py`
    - `tests/`

    </details>

    <details><summary>Time</summary>

    - planning: 41 s

    </details>
    "#);
    assert_eq!(check.annotations, Vec::<Vec<Annotation>>::new());
}

#[test]
fn a_check_is_green_only_when_every_criterion_was_proven() {
    let status = |change: fn(&mut RunView)| {
        let mut view = example::finished();
        change(&mut view);
        check_output(&view).status
    };
    assert_eq!(status(|_| ()), CheckStatus::Completed(Conclusion::Success));
    assert_eq!(status(|view| view.evidence.truncate(1)), CheckStatus::Completed(Conclusion::Neutral));
    assert_eq!(status(|view| view.plan = None), CheckStatus::Completed(Conclusion::Neutral));
    let passes_before = |view: &mut RunView| {
        let after = view.evidence[0].after.clone();
        view.evidence[0].before = after;
    };
    assert_eq!(status(passes_before), CheckStatus::Completed(Conclusion::Neutral));
    assert_eq!(status(|view| view.evidence[0].before = None), CheckStatus::Completed(Conclusion::Neutral));
}

#[test]
fn annotations_come_in_batches_and_only_for_paths_of_the_tree() {
    let mut view = example::finished();
    let finding = |path: &str| Finding {
        path: path.into(),
        line: 0,
        level: AnnotationLevel::Warning,
        title: "t".repeat(300),
        detail: String::new(),
    };
    let paths = ["../etc/passwd", "/etc/passwd", "a/../b", ".GIT/config", "a\\b", "a\nb", ""];
    let mut findings: Vec<Finding> = paths.map(finding).to_vec();
    findings.extend((0..120).map(|n| finding(&format!("src/{n}.rs"))));
    view.review = Some(Review { approved: false, findings });
    let batches = check_output(&view).annotations;
    assert_eq!(batches.iter().map(Vec::len).collect::<Vec<_>>(), [50, 50, 20]);
    assert!(batches.concat().iter().all(|annotation| annotation.line == 1 && !annotation.message.is_empty()));
    assert!(batches.concat().iter().all(|annotation| annotation.title.chars().count() <= 255));
}

#[test]
fn buttons_fit_and_are_understood_again() {
    for state in RunState::ALL {
        let actions = check_output(&RunView { state, ..example::finished() }).actions;
        assert!(actions.len() <= CHECK_ACTIONS);
        for action in actions {
            let Action { label, description, identifier } = &action;
            assert!(label.len() <= 20 && description.len() <= 40 && identifier.len() <= 20, "{action:?}");
            assert!(ActionKind::read(identifier).is_some(), "{action:?}");
        }
    }
    let approve = ActionKind::Approve { plan_hash: "1a2b3c4d".into() };
    assert_eq!(ActionKind::read("approve:1a2b3c4d"), Some(approve));
    for other in ["approve", "approve:", "approve:1a2b3c4", "approve:1a2b3c4dd", "approve:zzzzzzzz", "merge", ""] {
        assert_eq!(ActionKind::read(other), None, "{other}");
    }
}
