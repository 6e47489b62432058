//! Scripted GitHub Actions, and checks of other apps.

use chrono::TimeDelta;
use github_stand_in::control::{NewApp, NewCheck, NewWorkflow};
use github_stand_in::store::{CheckKind, CheckOutput, Conclusion, JobScript, Level, Pace, Rule, Trigger};
use serde_json::{Value, json};

use crate::harness::{KEY, REPO, World};

fn job(name: &str, rule: Rule) -> JobScript {
    JobScript {
        name: name.to_owned(),
        steps: vec!["cargo build".to_owned(), "cargo test".to_owned()],
        rule,
        log: "\u{1b}[31mline 3 is wrong\u{1b}[0m\n##[group]Details\nexpected three\n##[endgroup]".to_owned(),
        ..JobScript::default()
    }
}

fn workflow(jobs: Vec<JobScript>, pace: Pace) -> NewWorkflow {
    NewWorkflow { name: "CI".to_owned(), jobs, pace, ..NewWorkflow::default() }
}

/// An app that watches Actions.
async fn watcher(world: &World) -> String {
    let token = world.token_with(&["actions", "checks", "contents", "pull_requests", "statuses"]).await;
    world.received_names().await;
    token
}

/// <https://docs.github.com/en/webhooks/webhook-events-and-payloads#workflow_run>: stages, webhooks and REST agree.
#[tokio::test]
async fn a_workflow_goes_through_its_stages() {
    let world = World::start().await;
    let token = watcher(&world).await;
    let get = async |path: &str| world.send("GET", &format!("/repos/{REPO}{path}"), &token, &Value::Null).await;
    let wrong = Rule::FailsWhileFileContains { path: "src/lib.txt".to_owned(), text: "line 3".to_owned() };
    world
        .github
        .script_workflow(REPO, &workflow(vec![job("lint", Rule::Succeeds), job("test", wrong)], Pace::ByHand))
        .unwrap();
    let ann = world.github.act_as("ann").unwrap();
    let head = ann.write_file(REPO, "topic", ("notes.txt", "x"), "Note").unwrap();
    let started = [
        "check_run.created",
        "check_run.created",
        "check_suite.requested",
        "check_suite.requested",
        "create",
        "push",
        "push",
        "workflow_job.queued",
        "workflow_job.queued",
        "workflow_job.queued",
        "workflow_job.queued",
        "workflow_run.requested",
        "workflow_run.requested",
    ];
    // The branch was made from main first, so two heads were pushed.
    let mut expected: Vec<&str> = started.to_vec();
    expected.extend(["check_run.created", "check_run.created"]);
    expected.sort_unstable();
    assert_eq!(world.received_names().await, expected);
    let runs = get(&format!("/actions/runs?head_sha={head}")).await.expect(200);
    assert_eq!((&runs["total_count"], &runs["workflow_runs"][0]["status"]), (&json!(1), &json!("queued")));
    let run = runs["workflow_runs"][0]["id"].as_u64().unwrap();
    assert_eq!(get("/actions/workflows").await.expect(200)["workflows"][0]["path"], ".github/workflows/ci.yml");
    let jobs = get(&format!("/actions/runs/{run}/jobs")).await.expect(200);
    let failing = jobs["jobs"][1]["id"].as_u64().unwrap();
    get(&format!("/actions/jobs/{failing}/logs")).await.expect(404);
    let rerun = format!("/repos/{REPO}/actions/runs/{run}/rerun-failed-jobs");
    world.send("POST", &rerun, &token, &Value::Null).await.expect(403);
    while world.github.step_actions() {}
    let names = world.received_names().await;
    for (name, times) in [
        ("workflow_run.in_progress", 2),
        ("workflow_job.in_progress", 4),
        ("workflow_job.completed", 4),
        ("check_run.completed", 4),
        ("workflow_run.completed", 2),
        ("check_suite.completed", 2),
    ] {
        assert_eq!(names.iter().filter(|one| *one == name).count(), times, "{name}");
    }
    let done = get(&format!("/actions/runs/{run}")).await.expect(200);
    assert_eq!((&done["status"], &done["conclusion"]), (&json!("completed"), &json!("failure")));
    let suite = done["check_suite_id"].as_u64().unwrap();
    let listed = get(&format!("/check-suites/{suite}/check-runs")).await.expect(200);
    assert_eq!(listed["total_count"], 2);
    assert_eq!(get(&format!("/check-suites/{suite}")).await.expect(200)["conclusion"], "failure");
    let notes = get(&format!("/check-runs/{failing}/annotations")).await.expect(200);
    assert_eq!(notes[0]["message"], "Process completed with exit code 1.");
    let shown = get(&format!("/actions/jobs/{failing}")).await.expect(200);
    assert_eq!(shown["steps"].as_array().unwrap().len(), 4);
    assert_eq!(shown["steps"][2]["conclusion"], "failure");
    let page = world.send("GET", &format!("/{REPO}/actions/runs/{run}/job/{failing}"), "", &Value::Null).await;
    assert!(String::from_utf8_lossy(&page.bytes).contains("line 3 is wrong"));
    world.assert_no_violations();
}

/// <https://docs.github.com/en/rest/actions/workflow-jobs#download-job-logs-for-a-workflow-run>: a redirect that is good
/// for one minute, to a host that takes no credentials.
#[tokio::test]
async fn logs_are_behind_a_short_lived_redirect() {
    let world = World::start().await;
    let token = watcher(&world).await;
    let failing = Rule::Outcomes { outcomes: vec![Conclusion::Failure] };
    world.github.script_workflow(REPO, &workflow(vec![job("test", failing)], Pace::Every { stage_ms: 1 })).unwrap();
    let ann = world.github.act_as("ann").unwrap();
    ann.write_file(REPO, "main", ("notes.txt", "x"), "Note").unwrap();
    world.settle().await;
    let run = world.github.workflow_runs(REPO).unwrap().remove(0);
    let job = run.attempts[0].jobs[0].id;
    let redirect = world.send_once(&format!("/repos/{REPO}/actions/jobs/{job}/logs"), &token).await;
    assert_eq!(redirect.status, 302);
    let address = redirect.header("location").to_owned();
    assert!(address.contains("//localhost:"), "{address}");
    let text = world.fetch(&address, None).await;
    let text = String::from_utf8(text.bytes.to_vec()).unwrap();
    assert!(text.starts_with('\u{feff}') && text.contains("##[group]Run cargo test"), "{text}");
    assert!(
        text.contains("Z \u{1b}[31mline 3 is wrong\u{1b}[0m")
            && text.contains("##[error]Process completed with exit code 1.")
    );
    assert_eq!(world.fetch(&address, Some(&token)).await.status, 400);
    let zip = world.send_once(&format!("/repos/{REPO}/actions/runs/{}/logs", run.id), &token).await;
    let zip = world.fetch(zip.header("location"), None).await.bytes;
    assert!(zip.starts_with(b"PK\x03\x04") && zip.windows(10).any(|part| part == b"0_test.txt"));
    // https://github.com/cli/cli/blob/trunk/pkg/cmd/run/view/logs.go
    assert!(zip.windows(25).any(|part| part == b"test/3_Run cargo test.txt"));
    assert!(!zip.windows(15).any(|part| part == b"line 3 is wrong"), "it is packed");
    world.github.advance_clock(TimeDelta::seconds(61));
    assert_eq!(world.fetch(&address, None).await.status, 403);
    world.send("GET", &format!("/repos/{REPO}/actions/jobs/{job}/logs"), "", &Value::Null).await.expect(404);
    world.github.advance_clock(TimeDelta::days(91));
    let late = world.token_with(&["actions"]).await;
    world.send("GET", &format!("/repos/{REPO}/actions/jobs/{job}/logs"), &late, &Value::Null).await.expect(410);
    world.assert_no_violations();
}

/// <https://docs.github.com/en/actions/how-tos/manage-workflow-runs/re-run-workflows-and-jobs>
#[tokio::test]
async fn failed_jobs_run_again() {
    let world = World::start().await;
    let token = watcher(&world).await;
    let jobs = vec![job("lint", Rule::Succeeds), job("test", Rule::Flaky)];
    let mut new = workflow(jobs, Pace::Every { stage_ms: 1 });
    new.on = vec![Trigger::PullRequest];
    world.github.script_workflow(REPO, &new).unwrap();
    let ann = world.github.act_as("ann").unwrap();
    ann.write_file(REPO, "topic", ("notes.txt", "x"), "Note").unwrap();
    world.settle().await;
    assert_eq!(world.github.workflow_runs(REPO).unwrap().len(), 0, "pushes do not start it");
    let pull = ann.open_pull_request(REPO, ("topic", "main"), "Note", "").unwrap();
    world.received_names().await;
    let run = world.github.workflow_runs(REPO).unwrap().remove(0);
    let read_only = world.token_with(&["checks"]).await;
    let path = format!("/repos/{REPO}/actions/runs/{}", run.id);
    world.send("POST", &format!("{path}/rerun-failed-jobs"), &read_only, &Value::Null).await.expect(403);
    let again = world.send("POST", &format!("{path}/rerun-failed-jobs"), &token, &Value::Null).await.expect(201);
    assert_eq!(again, json!({}));
    let names = world.received_names().await;
    let expected = [
        "check_run.completed",
        "check_run.created",
        "check_suite.completed",
        "workflow_job.completed",
        "workflow_job.in_progress",
        "workflow_job.queued",
        "workflow_run.completed",
        "workflow_run.in_progress",
    ];
    assert_eq!(names, expected);
    let done = world.send("GET", &path, &token, &Value::Null).await.expect(200);
    assert_eq!((&done["run_attempt"], &done["conclusion"]), (&json!(2), &json!("success")));
    assert_eq!(done["pull_requests"][0]["number"], pull);
    let first = world.send("GET", &format!("{path}/attempts/1"), &token, &Value::Null).await.expect(200);
    assert_eq!(first["conclusion"], "failure");
    let jobs = world.send("GET", &format!("{path}/attempts/2/jobs"), &token, &Value::Null).await.expect(200);
    assert_eq!((&jobs["total_count"], &jobs["jobs"][1]["conclusion"]), (&json!(2), &json!("success")));
    // Nothing failed any more; one job may still run again, and so may everything.
    world.send("POST", &format!("{path}/rerun-failed-jobs"), &token, &Value::Null).await.expect(403);
    ann.rerequest(REPO, jobs["jobs"][1]["id"].as_u64().unwrap()).unwrap();
    world.settle().await;
    world.send("POST", &format!("{path}/rerun"), &token, &Value::Null).await.expect(201);
    world.settle().await;
    assert_eq!(world.github.workflow_runs(REPO).unwrap()[0].attempts.len(), 4);
    world.github.advance_clock(TimeDelta::days(31));
    assert!(ann.rerun(REPO, run.id).unwrap_err().to_string().contains("over a month ago"));
    world.assert_no_violations();
}

#[tokio::test]
async fn other_apps_check_too() {
    let world = World::start().await;
    let token = watcher(&world).await;
    let new = NewApp {
        slug: "codecov".to_owned(),
        owner: "ann".to_owned(),
        permissions: [("checks".to_owned(), Level::Write), ("statuses".to_owned(), Level::Write)].into(),
        private_key_pem: Some(KEY.to_owned()),
        ..NewApp::default()
    };
    let other = world.github.create_app(&new).unwrap().id;
    world.github.install(other, &[REPO]).unwrap();
    let failed = CheckOutput {
        title: Some("Coverage fell".to_owned()),
        summary: Some("by 3 %".to_owned()),
        ..CheckOutput::default()
    };
    for (kind, name) in [(CheckKind::CheckRun, "coverage"), (CheckKind::Status, "ci/old")] {
        let pace = Pace::Every { stage_ms: 1 };
        let (rule, failed) = (Rule::Flaky, failed.clone());
        let check = NewCheck { app: other, kind, name: name.to_owned(), rule, failed, details_url: None, pace };
        world.github.script_check(REPO, &check).unwrap();
    }
    let ann = world.github.act_as("ann").unwrap();
    let head = ann.write_file(REPO, "main", ("notes.txt", "x"), "Note").unwrap();
    let names = world.received_names().await;
    let expected = ["check_run.completed", "check_run.created", "check_suite.requested", "push", "status", "status"];
    assert_eq!(names, expected);
    let statuses =
        world.send("GET", &format!("/repos/{REPO}/commits/{head}/statuses"), &token, &Value::Null).await.expect(200);
    assert_eq!((&statuses[0]["state"], &statuses[0]["description"]), (&json!("failure"), &json!("Coverage fell")));
    let runs = world.github.check_runs(REPO).unwrap();
    assert_eq!(runs[0].conclusion.as_deref(), Some("failure"));
    ann.rerequest(REPO, runs[0].id).unwrap();
    world.settle().await;
    assert_eq!(world.github.check_runs(REPO).unwrap()[1].conclusion.as_deref(), Some("success"));
    let body = json!({ "name": "by hand", "head_sha": head, "conclusion": "neutral" });
    let made = world.github.request_as_app(other, REPO, ("POST", &format!("/repos/{REPO}/check-runs")), &body).unwrap();
    assert_eq!(made["app"]["slug"], "codecov");
    world.assert_no_violations();
}

/// A faulty workflow file: a run without jobs, whose suite has no check runs, and no logs.
#[tokio::test]
async fn a_workflow_without_jobs_never_starts() {
    let world = World::start().await;
    let token = watcher(&world).await;
    world.github.script_workflow(REPO, &workflow(vec![], Pace::Every { stage_ms: 1 })).unwrap();
    let ann = world.github.act_as("ann").unwrap();
    ann.write_file(REPO, "main", ("notes.txt", "x"), "Note").unwrap();
    world.settle().await;
    let run = world.github.workflow_runs(REPO).unwrap().remove(0);
    assert_eq!(run.latest().and_then(|attempt| attempt.conclusion), Some(Conclusion::StartupFailure));
    let names = world.received_names().await;
    let told = |name: &str| names.iter().any(|received| received == name);
    assert!(told("workflow_run.completed") && told("check_suite.completed") && !told("check_run.created"), "{names:?}");
    let get = async |path: &str| world.send("GET", &format!("/repos/{REPO}{path}"), &token, &Value::Null).await;
    let runs = get(&format!("/actions/runs?head_sha={}", run.head_sha)).await.expect(200);
    assert_eq!(runs["workflow_runs"][0]["conclusion"], "startup_failure");
    assert_eq!(get(&format!("/actions/runs/{}/jobs", run.id)).await.expect(200)["total_count"], 0);
    assert_eq!(get(&format!("/check-suites/{}", run.suite)).await.expect(200)["conclusion"], "startup_failure");
    get(&format!("/actions/runs/{}/logs", run.id)).await.expect(404);
    world
        .send("POST", &format!("/repos/{REPO}/actions/runs/{}/rerun-failed-jobs", run.id), &token, &json!({}))
        .await
        .expect(403);
    world.assert_no_violations();
}
