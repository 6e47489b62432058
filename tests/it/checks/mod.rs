//! Checks that fail on wiz's pull requests: mended from their logs, run again where they smell flaky, and left to people
//! when the same failure comes back.

mod archived;
mod default_branch;
mod heads;
mod loops;
mod others;
mod settled;
mod shared;
mod statuses;
mod switch;

use github_stand_in::{
    control::NewWorkflow,
    faults::{Fault, FaultKind},
    store::{Conclusion, JobScript, Rule},
};
use scripted_model::{Call, Scene, Turn, When};
use serde_json::json;
use wiz_demo::{Pull, until};

use crate::orders::{
    scenes::repair,
    stage::{CHECKED, PATIENCE, PRINTED_SECRET, Stage, shown},
};

/// A workflow with one job, and what it prints when it fails.
pub fn workflow(rule: Rule, log: &str) -> NewWorkflow {
    let job = JobScript {
        name: "lint".to_owned(),
        steps: vec!["make lint".to_owned()],
        rule,
        log: log.to_owned(),
        ..JobScript::default()
    };
    NewWorkflow { name: "CI".to_owned(), jobs: vec![job], ..NewWorkflow::default() }
}

/// The coder of a follow-up; it must have been shown these words.
pub(crate) fn follow_up(title: &str, step: &str, shown: &str, script: &str) -> Scene {
    let when =
        When { system: vec![], task: vec![title.to_owned(), "role: coder".to_owned(), format!("step: {step}:")] };
    let turn = |expects: &[&str], tool: &str, input| Turn {
        expects: expects.iter().map(|text| (*text).to_owned()).collect(),
        text: String::new(),
        calls: vec![Call { tool: tool.to_owned(), input }],
        delay_ms: 0,
        cut: false,
    };
    let report = json!({ "summary": "Says that it is linted.", "evidence": "I ran the tests." });
    let turns = vec![turn(&[shown], "bash", json!({ "command": script })), turn(&[], "submit", report)];
    Scene { name: format!("{title}, {step}"), when, turns }
}

/// Starts work on a new issue and waits for its pull request.
pub(crate) async fn pull_request(stage: &Stage, title: &str) -> (u64, Pull) {
    let issue = stage.issue(title);
    stage.say("maria", issue, "/wiz fix");
    let before = stage.repo.pulls().unwrap().len();
    let pull = until("the pull request is open", PATIENCE, async || {
        Ok(stage.repo.pulls()?.into_iter().nth(before).filter(|pull| !pull.merged))
    });
    (issue, pull.await.unwrap())
}

/// The commits of a pull request's branch since its base, oldest first.
pub(crate) fn commits(stage: &Stage, pull: &Pull) -> Vec<String> {
    let range = format!("{}..{}", pull.base_sha, pull.head_ref);
    let list = stage.repo.git(&["rev-list", "--reverse", &range]).unwrap();
    list.lines().map(str::to_owned).collect()
}

/// The same, by the pull request's number.
fn commits_of(stage: &Stage, number: u64) -> Vec<String> {
    let pull = stage.repo.pulls().unwrap().into_iter().find(|pull| pull.number == number).unwrap();
    commits(stage, &pull)
}

/// How wiz's own check on a commit stood, one after the other.
pub(crate) fn stood(stage: &Stage, head: &str) -> String {
    let own = stage.repo.checks().unwrap().into_iter().filter(|check| check.head_sha == head && check.name == "wiz");
    own.map(|check| check.stood.join(", ")).collect::<Vec<_>>().join("\n")
}

/// A conversation in which what wiz says in a row is sorted: the answer to words and what comes of them are independent.
pub(crate) fn in_any_order(talk: &str) -> String {
    let mut lines: Vec<&str> = talk.split("\n----\n").collect();
    lines.chunk_by_mut(|one, next| one.starts_with("wiz: ") && next.starts_with("wiz: ")).for_each(<[&str]>::sort);
    lines.join("\n----\n")
}

/// How wiz's own check stands on a commit.
fn own_check(stage: &Stage, head: &str) -> Vec<Option<String>> {
    let checks = stage.repo.checks().unwrap().into_iter();
    checks.filter(|check| check.head_sha == head && check.name == "wiz").map(|check| check.conclusion).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn failing_checks_are_mended_run_again_or_left_to_people() {
    let mut scenes = vec![
        follow_up("It is not linted", "follow-up-1", "greet.sh: line 1: not linted", "echo '# linted' >> greet.sh"),
        follow_up("It never passes", "follow-up-1", "nothing is good enough", "echo '# better' >> greet.sh"),
    ];
    for title in ["It is not linted", "It is flaky", "It never passes"] {
        scenes.extend(repair(title));
    }
    let stage = Stage::set(&format!("gate: autonomous\n{CHECKED}"), scenes).await;
    mended_from_the_log(&stage).await;
    flaky_is_only_run_again(&stage).await;
    never_passing_is_left_to_people(&stage).await;
    stage.clear().await;
}

async fn mended_from_the_log(stage: &Stage) {
    let rule = Rule::FailsWhileFileLacks { path: "greet.sh".to_owned(), text: "# linted".to_owned() };
    let log = format!("greet.sh: line 1: not linted\nTOKEN={PRINTED_SECRET}\nmake: *** [lint] Error 1");
    let control = stage.world.hub().control();
    control.script_workflow(stage.repo.full_name(), &workflow(rule, &log)).unwrap();
    let (issue, pull) = pull_request(stage, "It is not linted").await;
    let first = pull.head_sha.clone();
    let mended = until("a further commit is there", PATIENCE, async || {
        Ok(Some(commits(stage, &pull)).filter(|commits| commits.len() > 1))
    });
    let mended = mended.await.unwrap();
    stage.until_says(issue, "### Pull request #").await;
    assert_eq!(mended.len(), 2);
    assert_eq!(mended[0], first);
    let message = stage.repo.git(&["log", "-1", "--format=%B", &mended[1]]).unwrap();
    insta::assert_snapshot!(message.trim(), @r"
    Mend the failing check lint

    Says that it is linted.

    Wiz-Run: 1
    Wiz-Follow-Up: 1
    ");
    let changed = stage.repo.git(&["diff", "--name-only", &mended[0], &mended[1]]).unwrap();
    assert_eq!(changed.trim(), "greet.sh");
    let good = Some("success".to_owned());
    let settled = until("wiz's checks have ended", PATIENCE, async || {
        let both = [own_check(stage, &mended[0]), own_check(stage, &mended[1])];
        let ended = both.iter().flatten().all(Option::is_some) && both[1] == [good.clone()];
        Ok(ended.then_some(both))
    });
    let [on_first, _] = settled.await.unwrap();
    assert!(on_first.iter().all(|one| [&good, &Some("neutral".to_owned())].contains(&one)), "{on_first:?}");
}

async fn flaky_is_only_run_again(stage: &Stage) {
    let control = stage.world.hub().control();
    let asked = stage.world.model().unwrap().requests().len();
    control
        .script_workflow(
            stage.repo.full_name(),
            &workflow(Rule::Flaky, "curl: (28) Connection timed out after 30001 ms"),
        )
        .unwrap();
    let (issue, pull) = pull_request(stage, "It is flaky").await;
    let passed = until("the second try has passed", PATIENCE, async || {
        let runs = control.workflow_runs(stage.repo.full_name())?;
        let last = runs.iter().rfind(|run| run.head_sha == pull.head_sha);
        let attempt = last.and_then(|run| run.latest()).filter(|attempt| attempt.number == 2);
        Ok(attempt
            .and_then(|attempt| attempt.conclusion)
            .map(|conclusion| (conclusion, last.map(|run| run.attempts.len()))))
    });
    assert_eq!(passed.await.unwrap(), (Conclusion::Success, Some(2)));
    stage.quiet().await;
    stage.until_says(issue, "### Pull request #").await;
    assert_eq!(commits(stage, &pull).len(), 1, "nothing was changed");
    // Two turns each of planner, coder and reviewer at most, and none for the check.
    assert!(stage.world.model().unwrap().requests().len() - asked <= 5, "the model was asked about a flake");
}

async fn never_passing_is_left_to_people(stage: &Stage) {
    let control = stage.world.hub().control();
    let never = Rule::Outcomes { outcomes: vec![Conclusion::Failure] };
    control.script_workflow(stage.repo.full_name(), &workflow(never, "error: nothing is good enough")).unwrap();
    // CI has failed on the second commit before wiz knows that it is there.
    let path = "/repos/*/git/refs/".to_owned();
    control.add_fault(Fault { method: Some("PATCH".to_owned()), path, kind: FaultKind::Late { ms: 3_000 }, times: 1 });
    let (issue, pull) = pull_request(stage, "It never passes").await;
    let word = stage.until_answers(pull.number, "still fails").await;
    insta::assert_snapshot!(shown(&word), @"`lint` still fails on `<hash>`, and it is the same failure that my last commit was to mend. I leave it to you; `/wiz ci on` lets me try again.");
    stage.until_says(issue, "### Pull request #").await;
    stage.quiet().await;
    assert_eq!(commits(stage, &pull).len(), 2, "one attempt at one failure");
}
