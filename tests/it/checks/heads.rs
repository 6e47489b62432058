//! What the check runs say of each commit that is the head of a pull request, one after the other: green only where wiz
//! itself ran the definition of done, one `wiz` for each head whatever happens there, one check run for each item.

use std::collections::BTreeMap;

use github_stand_in::{
    control::{MergeMethod, NewWorkflow},
    faults::{DeliveryFault, DeliveryFaultKind},
    store::{Conclusion, Rule, Trigger},
};
use scripted_model::Scene;
use wiz_demo::{Check, Pull, until};

use super::{PATIENCE, commits, follow_up, pull_request, workflow};
use crate::{
    orders::{
        scenes::{FILES, REPAIR, coder, planner_of, repair, reviewer},
        stage::{CHECKED, Stage, shown},
    },
    support::redact::redact,
};

const TITLE: &str = "Two proofs";

fn scenes() -> Vec<Scene> {
    let criteria = [
        ("the greeting is tested", "sh tests/greet_test.sh", "fails_then_passes"),
        ("it greets everyone", "sh greet.sh everyone", "passes"),
    ];
    vec![planner_of(TITLE, &FILES, &criteria), coder(TITLE, REPAIR), reviewer(TITLE)]
}

/// The check runs of wiz on a commit, by their names.
fn of_wiz(stage: &Stage, head: &str) -> Vec<Check> {
    let checks = stage.repo.checks().unwrap().into_iter();
    checks.filter(|check| check.head_sha == head && check.external_id.starts_with("wiz-run-")).collect()
}

/// How they ended, once all have.
async fn ended(stage: &Stage, head: &str, wanted: Conclusion) -> Vec<Check> {
    let what = format!("wiz's check on {head} is {}", wanted.as_str());
    let found = until(&what, PATIENCE, async || {
        let checks = of_wiz(stage, head);
        let main = checks.iter().find(|check| check.name == "wiz").and_then(|check| check.conclusion.as_deref());
        Ok((main == Some(wanted.as_str())).then_some(checks))
    });
    found.await.unwrap();
    stage.quiet().await;
    of_wiz(stage, head)
}

fn names(checks: &[Check]) -> String {
    let line =
        |check: &Check| format!("{} | {} | {}", check.name, check.conclusion.as_deref().unwrap_or("open"), check.title);
    checks.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Somebody else's commit on the branch of wiz's pull request; gives its number.
fn push(stage: &Stage, pull: &Pull, (path, text): (&str, &str)) -> String {
    stage.person("wim").write_file(stage.repo.full_name(), &pull.head_ref, (path, text), "By hand").unwrap();
    stage.repo.git(&["rev-parse", &pull.head_ref]).unwrap()
}

/// Presses "Re-run" on the check named `wiz`.
fn rerun(stage: &Stage, login: &str, head: &str) {
    let check = of_wiz(stage, head).into_iter().find(|check| check.name == "wiz").unwrap();
    stage.person(login).rerequest(stage.repo.full_name(), check.id).unwrap();
}

/// No commit has two check runs of one name.
fn assert_each_once(stage: &Stage) {
    let mut count: BTreeMap<(String, String), u32> = BTreeMap::new();
    for check in stage.repo.checks().unwrap().into_iter().filter(|check| check.external_id.starts_with("wiz-run-")) {
        *count.entry((check.head_sha, check.name)).or_default() += 1;
    }
    assert!(count.values().all(|count| *count == 1), "{count:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_head_is_judged_by_what_was_run_on_it() {
    let stage = Stage::set(&format!("gate: autonomous\n{CHECKED}"), scenes()).await;
    let (issue, pull) = pull_request(&stage, TITLE).await;
    let first = items(&stage, &pull).await;
    let second = foreign_until_proven(&stage, &pull).await;
    let third = refuted(&stage, &pull).await;
    assert_ne!(first, second);
    // The branch goes back to where it was proven; nothing needs to be run for that.
    let forced = serde_json::json!({ "sha": second, "force": true });
    let path = format!("/repos/{}/git/refs/heads/{}", stage.repo.full_name(), pull.head_ref);
    stage.person("wim").request("PATCH", &path, &forced).unwrap();
    stage.quiet().await;
    ended(&stage, &second, Conclusion::Success).await;
    assert_eq!(names(&of_wiz(&stage, &third)).lines().next(), Some(REFUTED), "what was seen there stays");
    assert_each_once(&stage);
    stage.until_says(issue, "### Pull request #").await;
    insta::assert_snapshot!(stage.talk(pull.number).await, @"wiz: sam may not use `/wiz retry` here: it needs the role **write** in this repository.");
    stage.clear().await;
}

const REFUTED: &str = "wiz | failure | The definition of done does not hold on this commit";

/// The commit that wiz made: each item with its evidence.
async fn items(stage: &Stage, pull: &Pull) -> String {
    let head = pull.head_sha.clone();
    let checks = ended(stage, &head, Conclusion::Success).await;
    insta::assert_snapshot!(names(&checks), @r"
    wiz | success | The definition of done holds on this commit
    wiz / the greeting is tested | success | Fails without the change, passes with it
    wiz / it greets everyone | success | Passes
    ");
    insta::assert_snapshot!(redact(&format!("{}\n\n{}", checks[1].summary, checks[1].text)), @r"
    wiz ran it in clean boxes without an agent:

    | `sh tests/greet_test.sh` | exit code | took |
    | --- | --- | --- |
    | on the base, with the tests of this commit | 1 | <time> |
    | on this commit | 0 | <time> |
    ");
    insta::assert_snapshot!(redact(&format!("{}\n\n{}", checks[2].summary, checks[2].text)), @r"
    wiz ran it in clean boxes without an agent:

    | `sh greet.sh everyone` | exit code | took |
    | --- | --- | --- |
    | on this commit | 0 | <time> |


    <details><summary>Output on this commit</summary>

    ```text
    <output>
    ```

    </details>
    ");
    head
}

/// A commit of somebody else: nothing is said of it until somebody with the role asks, and then it is run.
async fn foreign_until_proven(stage: &Stage, pull: &Pull) -> String {
    let head = push(stage, pull, ("README.md", "# greeter\n\nIt greets.\n"));
    let checks = ended(stage, &head, Conclusion::Neutral).await;
    insta::assert_snapshot!(names(&checks), @"wiz | neutral | wiz has not proven this commit");
    let (reason, _) = checks[0].summary.split_once("\n\n").unwrap();
    insta::assert_snapshot!(reason, @"wiz has not run the definition of done on this commit, so this check says nothing about it. *Re-run* on this check lets wiz do that.");
    rerun(stage, "sam", &head);
    stage.quiet().await;
    assert_eq!(names(&of_wiz(stage, &head)), names(&checks), "whoever may only read changes nothing");
    rerun(stage, "wim", &head);
    let checks = ended(stage, &head, Conclusion::Success).await;
    assert_eq!(checks.len(), 3, "{}", names(&checks));
    head
}

/// A commit that breaks what was proven.
async fn refuted(stage: &Stage, pull: &Pull) -> String {
    let head = push(stage, pull, ("greet.sh", "exit 3\n"));
    let check = ended(stage, &head, Conclusion::Neutral).await.remove(0);
    let name = stage.repo.full_name();
    let suite = stage.world.hub().control().repository(name).unwrap().check_runs[&check.id].suite;
    stage.person("wim").rerequest_suite(name, suite).unwrap();
    let checks = ended(stage, &head, Conclusion::Failure).await;
    insta::assert_snapshot!(names(&checks), @r"
    wiz | failure | The definition of done does not hold on this commit
    wiz / the greeting is tested | failure | Fails
    wiz / it greets everyone | failure | Fails
    ");
    head
}

/// A pull request whose CI has failed, while the coder is at work on that; a second one would be quicker.
async fn under_repair() -> (Stage, u64, Pull) {
    let title = "It is not linted";
    let mut slow = follow_up(title, "follow-up-1", "not linted", "echo '# linted' >> greet.sh");
    // Long enough for a push on a busy machine; the model answers no sooner.
    slow.turns[1].delay_ms = 5_000;
    let again = follow_up(title, "follow-up-2", "not linted", "echo '# linted' >> greet.sh");
    let stage = Stage::set(&format!("gate: autonomous\n{CHECKED}"), [vec![slow, again], repair(title)].concat()).await;
    let rule = Rule::FailsWhileFileLacks { path: "greet.sh".to_owned(), text: "# linted".to_owned() };
    let lint = NewWorkflow { on: vec![Trigger::PullRequest], ..workflow(rule, "greet.sh: line 1: not linted") };
    stage.world.hub().control().script_workflow(stage.repo.full_name(), &lint).unwrap();
    let (issue, pull) = pull_request(&stage, title).await;
    let model = stage.world.model().unwrap();
    until("the coder is at work", PATIENCE, async || Ok((model.requests().len() > 4).then_some(()))).await.unwrap();
    (stage, issue, pull)
}

/// Somebody pushes while a follow-up is under way. Its cause was the old head's, so nothing more is done, and the new head
/// must not be taken for proven.
#[tokio::test(flavor = "multi_thread")]
async fn a_push_under_a_follow_up_is_not_taken_for_proven() {
    let (stage, issue, pull) = under_repair().await;
    // CI likes this one, so that nothing else is done about it.
    let head = push(&stage, &pull, ("greet.sh", "# linted\necho \"Hello, ${1:-you}\"\n"));
    let checks = ended(&stage, &head, Conclusion::Neutral).await;
    insta::assert_snapshot!(names(&checks), @"wiz | neutral | wiz has not proven this commit");
    let on_first = ended(&stage, &pull.head_sha, Conclusion::Success).await;
    assert_eq!(on_first.len(), 1);
    assert_eq!(commits(&stage, &pull).len(), 2, "wiz wrote nothing over it");
    assert_each_once(&stage);
    shown(&stage.until_says(issue, "### Pull request #").await);
    stage.clear().await;
}

/// The repair of the first head is left when somebody pushes, so the same failure on the new head is not one that it did not
/// help against.
#[tokio::test(flavor = "multi_thread")]
async fn a_repair_that_a_push_made_idle_is_not_held_against_the_next() {
    let (stage, issue, pull) = under_repair().await;
    let pushed = push(&stage, &pull, ("NEWS.md", "Mine.\n"));
    stage.until_followed_up(issue, 2).await;
    stage.until_says(issue, "### Pull request #").await;
    stage.quiet().await;
    let made = commits(&stage, &pull);
    assert_eq!((made.len(), &made[1]), (3, &pushed), "one commit of wiz's follows the push");
    assert_eq!(stage.talk(pull.number).await, "");
    stage.clear().await;
}

/// Two pull requests have one branch, so two runs have one head. Its checks say what that run has to say which knows more of
/// it, their buttons are that run's, and what the other one did is taken back without them.
#[tokio::test(flavor = "multi_thread")]
async fn two_runs_on_one_head_have_one_check_there() {
    let (title, other) = ("Both ways", "The same for next");
    let order = follow_up(other, "follow-up-1", "say that it is linted", "echo '# linted' >> greet.sh");
    let own = planner_of(title, &FILES, &[("tests", "sh tests/greet_test.sh", "fails_then_passes")]);
    let scenes = vec![order, reviewer(other), own, coder(title, REPAIR), reviewer(title)];
    let both = format!("gate: autonomous\n{CHECKED}  - name: everyone\n    run: sh greet.sh everyone\n");
    let stage = Stage::set(&both, scenes).await;
    let (name, wim) = (stage.repo.full_name().to_owned(), stage.person("wim"));
    let (issue, pull) = pull_request(&stage, title).await;
    ended(&stage, &pull.head_sha, Conclusion::Success).await;
    wim.write_file(&name, "next", ("NEWS.md", "It begins.\n"), "Begin").unwrap();
    let second = wim.open_pull_request(&name, (&pull.head_ref, "next"), other, "Short.").unwrap();

    stage.say("maria", second, "/wiz fix say that it is linted");
    stage.until_followed_up(second, 1).await;
    let head = stage.repo.git(&["rev-parse", &pull.head_ref]).unwrap();
    assert_eq!(commits(&stage, &pull), [pull.head_sha.clone(), head.clone()]);
    let checks = ended(&stage, &head, Conclusion::Success).await;
    insta::assert_snapshot!(names(&checks), @r"
    wiz | success | The definition of done holds on this commit
    wiz / tests | success | Passes
    wiz / everyone | success | Passes
    ");
    let check = &checks[0];
    assert_eq!(check.external_id, "wiz-run-2", "the first run has not proven it");
    let first = names(&of_wiz(&stage, &pull.head_sha));
    assert_eq!(first.split(" | ").nth(1), Some("success"), "what the first run proved stays: {first}");
    assert_each_once(&stage);

    // The second run is over, and the word goes to the first one.
    stage.until_says(second, "is open").await;
    stage.person("max").click(&name, check.id, "cancel").unwrap();
    stage.until_says(second, "### Cancelled").await;
    let check = ended(&stage, &head, Conclusion::Neutral).await.remove(0);
    assert_eq!(check.external_id, "wiz-run-1");
    rerun(&stage, "wim", &head);
    let checks = ended(&stage, &head, Conclusion::Success).await;
    assert!(checks.iter().all(|check| check.external_id.starts_with("wiz-run-1")), "{checks:?}");
    stage.say("maria", second, "/wiz undo");
    let said = stage.until_answers(second, "### Taken back").await;
    insta::assert_snapshot!(shown(&said), @r"
    ### Taken back

    Of run 2 I have

    - removed 1 comment
    - removed 1 reaction

    What stays:

    - on the branch `wiz/run-1-both-ways`, which is not mine, `git revert` takes back `<hash>`
    - 4 check runs, which show what another run says of the same commit

    Mails and notifications are with people already. `/wiz fix` on an issue starts over.
    ");
    let first = names(&of_wiz(&stage, &pull.head_sha));
    assert_eq!(first.split(" | ").nth(1), Some("success"), "nor does it take back what the first run proved: {first}");
    assert_eq!(names(&of_wiz(&stage, &head)), names(&checks), "the first run stands by them");
    stage.until_says(issue, "is open").await;
    assert_each_once(&stage);
    pressed_too_late(&stage, (issue, &pull), check.id).await;
    stage.clear().await;
}

/// A button that was pressed before the merge, and is told after it: one short answer, and nothing else.
async fn pressed_too_late(stage: &Stage, (issue, pull): (u64, &Pull), check: u64) {
    let control = stage.world.hub().control();
    // wiz's own writes bring deliveries of this kind too.
    stage.quiet().await;
    let late = DeliveryFaultKind::Delay { delay_ms: 30_000 };
    control.add_delivery_fault(DeliveryFault { event: Some("check_run".to_owned()), kind: late, times: 2 });
    for _ in 0..2 {
        stage.person("max").click(stage.repo.full_name(), check, "cancel").unwrap();
    }
    stage.person("maria").merge(stage.repo.full_name(), pull.number, MergeMethod::Merge).unwrap();
    stage.until_says(issue, "### Done").await;
    stage.until_answers(pull.number, "does not fit now").await;
    insta::assert_snapshot!(stage.talk(pull.number).await, @"wiz: `/wiz cancel` does not fit now: run 1 is done. `/wiz status` shows more.");
    let shown = &control.repository(stage.repo.full_name()).unwrap().check_runs[&check];
    assert_eq!(
        (shown.conclusion.as_deref(), shown.actions.len()),
        (Some("success"), 1),
        "no call is spent on a button"
    );
    // GitHub shows it as queued again, so it is written again, and nothing is said.
    stage.person("max").rerequest(stage.repo.full_name(), check).unwrap();
    stage.quiet().await;
    assert_eq!(stage.talk(pull.number).await.matches("wiz: ").count(), 1);
}
