//! Check runs, suites, statuses.

use github_stand_in::control::NewApp;
use github_stand_in::store::Level;
use serde_json::{Value, json};

use crate::harness::{KEY, REPO, World};

fn annotations(count: u64) -> Value {
    let one = |line| json!({ "path": "src/lib.txt", "start_line": line, "end_line": line, "annotation_level": "warning", "message": "hm" });
    (1..=count).map(one).collect()
}

/// <https://docs.github.com/en/rest/checks/runs>
#[tokio::test]
async fn a_check_run_has_githubs_limits() {
    let world = World::start().await;
    let token = world.token().await;
    let head = world.tip("main");
    let path = format!("/repos/{REPO}/check-runs");
    let post = async |more: Value| {
        let mut body = json!({ "name": "tests", "head_sha": head });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        world.send("POST", &path, &token, &body).await
    };
    let output = |count: u64| json!({ "output": { "title": "t", "summary": "s", "annotations": annotations(count) } });
    post(output(51)).await.expect(422);
    let action = |id: &str| json!({ "label": "Go", "description": "Go on", "identifier": id });
    post(json!({ "actions": [action("a"), action("b"), action("c"), action("d")] })).await.expect(422);
    post(json!({ "actions": [action(&"x".repeat(21))] })).await.expect(422);
    post(json!({ "output": { "title": "t", "summary": "s".repeat(65_536) } })).await.expect(422);
    post(json!({ "status": "completed" })).await.expect(422);
    post(json!({ "head_sha": "0".repeat(40) })).await.expect(422);
    let run = post(output(50)).await.expect(201);
    assert_eq!((&run["status"], &run["conclusion"]), (&json!("queued"), &Value::Null));
    // Each update adds to the annotations.
    let one = format!("{path}/{}", run["id"]);
    let updated = world.send("PATCH", &one, &token, &output(7)).await.expect(200);
    assert_eq!(updated["output"]["annotations_count"], 57);
    let done = world.send("PATCH", &one, &token, &json!({ "conclusion": "failure" })).await.expect(200);
    assert_eq!(done["status"], "completed");
    assert!(done["completed_at"].is_string());
    assert_eq!(world.send("GET", &one, &token, &Value::Null).await.expect(200)["conclusion"], "failure");
    let suites =
        world.send("GET", &format!("/repos/{REPO}/commits/main/check-suites"), &token, &Value::Null).await.expect(200);
    assert_eq!(suites["check_suites"][0]["conclusion"], "failure");
    assert_eq!(world.received_names().await, ["check_run.completed", "check_run.created"]);
    world.assert_no_violations();
}

/// <https://docs.github.com/en/rest/guides/using-the-rest-api-to-interact-with-checks>: only the app that made the run
/// hears of its buttons; only apps make runs.
#[tokio::test]
async fn buttons_are_told_to_the_owner_only() {
    let world = World::start().await;
    let token = world.token().await;
    let other = NewApp {
        slug: "other".to_owned(),
        owner: "ann".to_owned(),
        permissions: [("checks".to_owned(), Level::Write)].into(),
        events: vec!["check_run".to_owned()],
        webhook_url: Some(world.hook_url.clone()),
        private_key_pem: Some(KEY.to_owned()),
        ..NewApp::default()
    };
    let other = world.github.create_app(&other).unwrap();
    world.github.install(other.id, &[REPO]).unwrap();
    let head = world.tip("main");
    let path = format!("/repos/{REPO}/check-runs");
    let action = json!({ "label": "Go", "description": "Go on", "identifier": "go" });
    let body = json!({ "name": "tests", "head_sha": head, "actions": [action] });
    let run = world.send("POST", &path, &token, &body).await.expect(201)["id"].as_u64().unwrap();
    let ann = world.github.act_as("ann").unwrap();
    assert!(ann.request("POST", &path, &body).is_err(), "people make no check runs");
    assert!(ann.click(REPO, run, "go").is_err(), "no buttons before the end");
    world.send("PATCH", &format!("{path}/{run}"), &token, &json!({ "conclusion": "neutral" })).await.expect(200);
    assert!(ann.click(REPO, run, "stop").is_err(), "no such button");
    assert_eq!(world.received_names().await.len(), 4, "both apps hear of created and completed");
    ann.click(REPO, run, "go").unwrap();
    ann.rerequest(REPO, run).unwrap();
    let received = world.received().await;
    assert_eq!(received.len(), 2);
    for one in &received {
        assert_eq!(one.header("x-github-hook-installation-target-id"), world.app.id.to_string());
    }
    assert_eq!(received[0].json()["requested_action"]["identifier"], "go");
    world.assert_no_violations();
}

#[tokio::test]
async fn the_latest_run_of_a_name_is_listed() {
    let world = World::start().await;
    let token = world.token().await;
    let head = world.tip("main");
    for name in ["tests", "lint", "tests"] {
        let body = json!({ "name": name, "head_sha": head });
        world.send("POST", &format!("/repos/{REPO}/check-runs"), &token, &body).await.expect(201);
    }
    let list = async |query: &str| {
        let path = format!("/repos/{REPO}/commits/{head}/check-runs{query}");
        world.send("GET", &path, &token, &Value::Null).await.expect(200)["total_count"].clone()
    };
    assert_eq!(list("").await, 2);
    assert_eq!(list("?filter=all").await, 3);
    assert_eq!(list("?check_name=lint").await, 1);
    assert_eq!(list("?status=completed").await, 0);
    world.assert_no_violations();
}

/// <https://docs.github.com/en/rest/commits/statuses>
#[tokio::test]
async fn statuses_add_up() {
    let world = World::start().await;
    let token = world.token().await;
    let head = world.tip("main");
    let post = async |body: Value| world.send("POST", &format!("/repos/{REPO}/statuses/{head}"), &token, &body).await;
    let combined = async || {
        let path = format!("/repos/{REPO}/commits/main/status");
        world.send("GET", &path, &token, &Value::Null).await.expect(200)["state"].clone()
    };
    assert_eq!(combined().await, "pending");
    post(json!({ "state": "failure", "context": "ci" })).await.expect(201);
    assert_eq!(combined().await, "failure");
    post(json!({ "state": "success", "context": "ci", "target_url": "https://ci.example" })).await.expect(201);
    assert_eq!(combined().await, "success");
    post(json!({ "state": "success", "description": "x".repeat(141) })).await.expect(422);
    post(json!({ "state": "fine" })).await.expect(422);
    world.assert_no_violations();
}
