use std::time::Duration;

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
    Watching | The definition of done holds on this commit | Completed(Success) | cancel
    Succeeded | The definition of done holds on this commit | Completed(Success) | cancel
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

    Edit this comment to change the plan: untick a step to leave it out, tick it to have it back, or reword the summary, a step or a check's name.

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
fn a_check_says_why_it_is_not_green_and_what_to_do() {
    let shown = |change: fn(&mut RunView)| {
        let mut view = example::finished();
        change(&mut view);
        let check = check_output(&view);
        let (reason, _) = check.summary.split_once("\n\n").unwrap();
        format!("{}\n{reason}", check.title)
    };
    let nothing_to_do = |view: &mut RunView| view.plan.as_mut().unwrap().plan.definition_of_done.clear();
    let texts = [
        shown(|view| view.evidence_is_of_head = false),
        shown(nothing_to_do),
        shown(|view| view.evidence.truncate(1)),
        shown(|view| second(view, Outcome::Failed { exit: 2 })),
    ];
    insta::assert_snapshot!(texts.join("\n----\n"), @r"
    wiz has not proven this commit
    wiz has not run the definition of done on this commit, so this check says nothing about it. *Re-run* on this check lets wiz do that.
    ----
    wiz has not proven this commit
    wiz has not run the definition of done on this commit, so this check says nothing about it. *Re-run* on this check lets wiz do that.
    ----
    wiz could not prove this commit
    Not every command ran to its end here, or one that must fail without the change did not. *Re-run* on this check tries again.
    ----
    The definition of done does not hold on this commit
    A command of the definition of done fails on this commit. Push a commit that mends it and press *Re-run* on this check, or comment `/wiz fix …` on the pull request.
    ");
}

#[test]
fn a_merge_changes_nothing_about_what_was_proven() {
    let mut view = example::finished();
    let open = check_output(&view);
    view.state = RunState::Succeeded;
    view.timings.push(Timing { stage: RunState::Watching, duration: Duration::from_secs(90) });
    assert_eq!(check_output(&view), open);
    view.evidence_is_of_head = false;
    assert_eq!(check_output(&view).title, "wiz has not proven this commit");
}

#[test]
fn what_failed_is_not_retried_where_the_pull_request_is_closed() {
    let open = RunView { state: RunState::Failed, ..example::finished() };
    let link = open.pull_request.clone().unwrap();
    let closed = RunView { pull_request: Some(PullRequestLink { open: false, ..link }), ..open.clone() };
    let shown = |view: &RunView| {
        let check = check_output(view);
        let offered = status_comment(view).lines().find(|line| line.starts_with("**Next:**")).unwrap().to_owned();
        format!("{} | {} buttons | {offered}", check.title, check.actions.len())
    };
    insta::assert_snapshot!(shown(&open), @"Failed: comment /wiz retry | 1 buttons | **Next:** `/wiz retry` (try again), `/wiz fix …` (start over, with other words)");
    insta::assert_snapshot!(shown(&closed), @"Failed: comment /wiz fix | 0 buttons | **Next:** `/wiz fix` (start over)");
}

#[test]
fn each_item_has_a_check_of_its_own_where_there_are_several() {
    let checks = criterion_checks(&example::finished());
    let shown = |check: &CriterionCheck| {
        format!("{}: {}\n{}\n{}", check.name, check.title, check.summary, check.text.clone().unwrap_or_default())
    };
    insta::assert_snapshot!(checks.iter().map(shown).collect::<Vec<_>>().join("\n====\n"), @r"
    wiz / dates before 1970: Fails without the change, passes with it
    wiz ran it in clean boxes without an agent:

    | `pytest tests/test_dates.py` | exit code | took |
    | --- | --- | --- |
    | on the base, with the tests of this commit | 1 | 1.3 s |
    | on this commit | 0 | 900 ms |

    <details><summary>Output on the base, with the tests of this commit</summary>

    ```text
    E   OverflowError
    1 failed
    ```

    </details>

    <details><summary>Output on this commit</summary>

    ```text
    1 passed
    ```

    </details>
    ====
    wiz / all tests: Passes
    wiz ran it in clean boxes without an agent:

    | `pytest \| tee log` | exit code | took |
    | --- | --- | --- |
    | on this commit | 0 | 1 min 15 s |
    ");
    let mut hostile = example::finished();
    for name in
        [&mut hostile.plan.as_mut().unwrap().plan.definition_of_done[0].name, &mut hostile.evidence[0].criterion]
    {
        *name = "@everyone <!-- closes #1".into();
    }
    let check = criterion_checks(&hostile).swap_remove(0);
    let mut namesakes = example::finished();
    namesakes.plan.as_mut().unwrap().plan.definition_of_done[1].name = "dates before 1970".into();
    let names: Vec<String> = criterion_checks(&namesakes).into_iter().map(|check| check.name).collect();
    assert_eq!(names, ["wiz / dates before 1970", "wiz / dates before 1970 (2)"]);
    assert_eq!(check.conclusion, Conclusion::Success);
    assert!(!check.name.contains("@everyone") && !check.name.contains("#1"), "{}", check.name);
    let one_item = |view: &mut RunView| view.plan.as_mut().unwrap().plan.definition_of_done.truncate(1);
    let nothing: [fn(&mut RunView); 3] =
        [|view| view.evidence_is_of_head = false, |view| view.state = RunState::Working, one_item];
    for change in nothing {
        let mut view = example::finished();
        change(&mut view);
        assert_eq!(criterion_checks(&view), []);
    }
}

fn broken() -> Outcome {
    Outcome::Broken { reason: "it did not run to its end".into() }
}

/// Lets the second item end otherwise.
fn second(view: &mut RunView, outcome: Outcome) {
    view.evidence[1].after.as_mut().unwrap().outcome = outcome;
}

#[test]
fn an_item_is_green_only_as_its_proof_wants_it() {
    let ended = |change: fn(&mut RunView)| {
        let mut view = example::finished();
        change(&mut view);
        let checks = criterion_checks(&view).into_iter();
        checks.map(|check| format!("{} ({})", check.conclusion.name(), check.title)).collect::<Vec<_>>().join(", ")
    };
    let lines = [
        ended(|view| view.evidence[0].before = view.evidence[0].after.clone()),
        ended(|view| second(view, broken())),
        ended(|view| second(view, Outcome::Failed { exit: 2 })),
        ended(|view| view.evidence.truncate(1)),
        ended(|view| view.plan.as_mut().unwrap().plan.definition_of_done[1].proof = Proof::PassesThroughout),
        ended(|view| {
            view.plan.as_mut().unwrap().plan.definition_of_done[1].proof = Proof::PassesThroughout;
            view.evidence[1].before = view.evidence[1].after.clone();
        }),
    ];
    insta::assert_snapshot!(lines.join("\n"), @r"
    neutral (Passes without the change as well), success (Passes)
    success (Fails without the change, passes with it), neutral (It did not run to its end)
    success (Fails without the change, passes with it), failure (Fails)
    success (Fails without the change, passes with it), skipped (wiz has not run it)
    success (Fails without the change, passes with it), failure (Fails)
    success (Fails without the change, passes with it), success (Passes before and after)
    ");
    let mut view = example::finished();
    second(&mut view, broken());
    view.evidence[0].after.as_mut().unwrap().outcome = Outcome::Broken { reason: "its box | died".into() };
    let late = criterion_checks(&view);
    view.evidence.truncate(1);
    let unseen = criterion_checks(&view).swap_remove(1);
    let mut same = example::finished();
    same.plan.as_mut().unwrap().plan.definition_of_done[1].proof = Proof::PassesThroughout;
    same.evidence[1].before = same.evidence[1].after.clone();
    let refactored = criterion_checks(&same).swap_remove(1);
    let said = [&late[0], &late[1], &unseen, &refactored].map(|check| check.summary.as_str());
    insta::assert_snapshot!(said.join("\n----\n"), @r"
    wiz ran it in clean boxes without an agent:

    | `pytest tests/test_dates.py` | exit code | took |
    | --- | --- | --- |
    | on the base, with the tests of this commit | 1 | 1.3 s |
    | on this commit | none, its box \| died | 900 ms |

    ----
    wiz ran it in clean boxes without an agent:

    | `pytest \| tee log` | exit code | took |
    | --- | --- | --- |
    | on this commit | none, it did not run to its end | 1 min 15 s |

    ----
    wiz has not run it.
    ----
    wiz ran it in clean boxes without an agent:

    | `pytest \| tee log` | exit code | took |
    | --- | --- | --- |
    | on the base | 0 | 1 min 15 s |
    | on this commit | 0 | 1 min 15 s |
    ");
    let plan = same.plan.as_ref().unwrap();
    insta::assert_snapshot!(sections::definition_of_done(&view, plan, sections::Detail::Full), @r"
    | | check | before | after |
    | --- | --- | --- | --- |
    | ❌ | dates before 1970<br>`pytest tests/test_dates.py` | 🔴 failed (exit 1), 1.3 s | 🔴 its box \| died, 900 ms |
    | ⏳ | all tests<br>`pytest \| tee log` | must pass | must pass |
    ");
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
    let mut told = Vec::new();
    for state in RunState::ALL {
        let actions = check_output(&RunView { state, ..example::finished() }).actions;
        assert!(actions.len() <= CHECK_ACTIONS);
        for action in actions {
            let Action { label, description, identifier } = &action;
            assert!(label.len() <= 20 && description.len() <= 40 && identifier.len() <= 20, "{action:?}");
            assert!(ActionKind::read(identifier).is_some(), "{action:?}");
            told.push(format!("{label}: {description}"));
        }
    }
    told.sort();
    told.dedup();
    insta::assert_snapshot!(told.join("\n"), @r"
    Approve plan: Start working on exactly this plan
    Cancel: Stop this run
    Reject plan: Turn the plan down and end the run
    Retry: Try again from where the run failed
    ");
    let approve = ActionKind::Approve { plan_hash: "1a2b3c4d".into() };
    assert_eq!(ActionKind::read("approve:1a2b3c4d"), Some(approve));
    for other in ["approve", "approve:", "approve:1a2b3c4", "approve:1a2b3c4dd", "approve:zzzzzzzz", "merge", ""] {
        assert_eq!(ActionKind::read(other), None, "{other}");
    }
}

#[test]
fn findings_are_annotations_and_a_list() {
    let mut view = example::finished();
    let finding = |level, detail: &str| Finding {
        path: "src/dates.py".into(),
        line: 14,
        level,
        title: "The year @octo".into(),
        detail: detail.into(),
    };
    view.review.as_mut().unwrap().findings = vec![
        finding(AnnotationLevel::Notice, "It is unsigned.\n/wiz fix"),
        finding(AnnotationLevel::Warning, ""),
        finding(AnnotationLevel::Failure, "It wraps."),
    ];
    let annotations = check_output(&view).annotations.concat();
    let told =
        annotations.iter().map(|it| format!("{}:{} {:?} {}: {}", it.path, it.line, it.level, it.title, it.message));
    let told = told.chain([sections::findings(&view, sections::Detail::Full)]).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(told.replace('\u{200b}', "␣"), @r"
    src/dates.py:14 Notice The year @␣octo: It is unsigned. /wiz fix
    src/dates.py:14 Warning The year @␣octo: The year @␣octo
    src/dates.py:14 Failure The year @␣octo: It wraps.
    - **notice** `src/dates.py:14` The year @␣octo – It is unsigned. /wiz fix
    - **warning** `src/dates.py:14` The year @␣octo
    - **failure** `src/dates.py:14` The year @␣octo – It wraps.
    ");
}
