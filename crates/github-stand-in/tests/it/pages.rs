//! The pages, as far as a test can see them.

use github_stand_in::control::MergeMethod;
use github_stand_in::store::IssueState;
use serde_json::json;

use crate::harness::{REPO, World};

async fn page(world: &World, path: &str) -> String {
    let answer = world.send("GET", path, "", &serde_json::Value::Null).await;
    assert_eq!(answer.status, 200, "{path}");
    String::from_utf8(answer.bytes.to_vec()).unwrap()
}

async fn submit(world: &World, form: &str) -> String {
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("cookie", "stand_in_user=ann")];
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let mut request = client.post(format!("{}/{REPO}/do", world.github.url)).body(form.to_owned());
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 303);
    response.headers()["location"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_person_reads_and_acts_on_the_pages() {
    let world = World::start().await;
    submit(&world, "action=open_issue&title=It+is+broken&body=See+%3Cscript%3Ealert(1)%3C/script%3E").await;
    submit(&world, "action=comment&number=1&body=A+comment").await;
    assert!(page(&world, "/").await.contains("acme/widgets"));
    assert!(page(&world, &format!("/{REPO}/issues")).await.contains("It is broken"));
    let issue = page(&world, &format!("/{REPO}/issues/1")).await;
    assert!(issue.contains("A comment") && issue.contains("&lt;script&gt;") && !issue.contains("<script>"));
    let token = world.token().await;
    let ann = world.github.act_as("ann").unwrap();
    ann.write_file(REPO, "topic", ("src/lib.txt", "line 1\nsecond\n"), "Cut it").unwrap();
    let body = json!({ "title": "Cut", "head": "topic", "base": "main", "body": "Fixes #1" });
    world.send("POST", &format!("/repos/{REPO}/pulls"), &token, &body).await.expect(201);
    let note = json!({ "path": "src/lib.txt", "start_line": 2, "end_line": 2, "annotation_level": "failure", "message": "Look here" });
    let run = json!({
        "name": "tests", "head_sha": world.tip("topic"), "conclusion": "neutral",
        "output": { "title": "Nearly", "summary": "**Bold**", "annotations": [note] },
        "actions": [{ "label": "Fix it", "description": "Fix it now", "identifier": "fix" }],
    });
    let run = world.send("POST", &format!("/repos/{REPO}/check-runs"), &token, &run).await.expect(201)["id"].clone();
    assert!(page(&world, &format!("/{REPO}/pull/2")).await.contains("Merge pull request"));
    assert!(page(&world, &format!("/{REPO}/pull/2/files")).await.contains("+second"));
    assert!(page(&world, &format!("/{REPO}/pull/2/commits")).await.contains("Cut it"));
    let checks = page(&world, &format!("/{REPO}/pull/2/checks")).await;
    assert!(checks.contains("Look here") && checks.contains("Fix it") && checks.contains("<strong>Bold</strong>"));
    world.received_names().await;
    submit(&world, &format!("action=click:fix&check_run={run}")).await;
    assert_eq!(world.received_names().await, ["check_run.requested_action"]);
    submit(&world, "action=approve&number=2&body=").await;
    submit(&world, "action=squash&number=2").await;
    let refused = submit(&world, "action=squash&number=2").await;
    assert!(refused.contains("notice="), "what GitHub refuses is told: {refused}");
    assert!(world.github.act_as("ann").unwrap().merge(REPO, 2, MergeMethod::Merge).is_err());
    assert_eq!(world.github.issue(REPO, 1).unwrap().state, IssueState::Closed);
    world.settle().await;
    assert_eq!(world.send("GET", "/favicon.ico", "", &serde_json::Value::Null).await.status, 204);
    let log = page(&world, "/_stand-in").await;
    assert!(log.contains("check_run") && log.contains("None."), "deliveries, and no violations");
    let id = world.github.deliveries()[0].id;
    assert!(page(&world, &format!("/_stand-in/deliveries/{id}")).await.contains("X-Hub-Signature-256"));
    world.assert_no_violations();
}
