//! The control API over HTTP, and the buttons of the newer pages.

use serde_json::{Value, json};

use crate::harness::{REPO, World};

async fn control(world: &World, path: &str, body: Value) -> Value {
    let headers = [("content-type", "application/json")];
    let path = format!("/_stand-in/{path}");
    world.send_with("POST", &path, "", (&body, &headers)).await.expect(200)
}

async fn submit(world: &World, form: &str) {
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let request = client.post(format!("{}/{REPO}/do", world.github.url)).body(form.to_owned());
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let response = request.header("cookie", "stand_in_user=ann").send().await.unwrap();
    let back = response.headers()["location"].to_str().unwrap().to_owned();
    assert!(!back.contains("notice="), "{form}: {back}");
}

#[tokio::test]
async fn everything_scripted_can_be_scripted_over_http() {
    let world = World::start().await;
    let rule = json!({ "kind": "fails_while_file_lacks", "path": "notes.txt", "text": "fixed" });
    let job = json!({ "name": "test", "steps": ["make test"], "rule": rule, "log": "no note" });
    let workflow = json!({ "repository": REPO, "name": "CI", "jobs": [job], "pace": { "kind": "by_hand" } });
    assert!(control(&world, "workflows", workflow).await["id"].is_u64());
    let write = json!({
        "action": "request", "login": "ann", "method": "PUT", "path": format!("/repos/{REPO}/contents/notes.txt"),
        "body": { "message": "Note", "content": "eA==", "branch": "main" },
    });
    control(&world, "act", write).await;
    while control(&world, "actions/step", json!({})).await["stepped"] == true {}
    let run = world.github.workflow_runs(REPO).unwrap().remove(0);
    assert_eq!(run.attempts[0].conclusion.unwrap().as_str(), "failure");
    submit(&world, &format!("action=rerun_failed&run={}", run.id)).await;
    assert_eq!(world.github.workflow_runs(REPO).unwrap()[0].attempts.len(), 2);
    let page = world.send("GET", &format!("/{REPO}/actions/runs/{}", run.id), "", &Value::Null).await;
    assert!(String::from_utf8_lossy(&page.bytes).contains("Re-run failed jobs"));
    control(&world, "rate-limit", json!({ "limit": 7 })).await;
    control(&world, "rate-limit", json!({ "limit": null })).await;
    let permissions = json!({ "checks": "write", "issues": "write" });
    control(&world, &format!("apps/{}", world.app.id), json!({ "permissions": permissions, "events": ["issues"] }))
        .await;
    let installation = format!("installations/{}", world.installation);
    control(&world, &format!("{installation}/requests"), json!({ "spent": 7 })).await;
    for action in ["accept_permissions", "suspend", "unsuspend"] {
        control(&world, &installation, json!({ "action": action })).await;
    }
    let check = json!({
        "repository": REPO, "app": world.app.id, "kind": "check_run", "name": "other",
        "failed": { "title": "No", "annotations": [] },
    });
    assert!(control(&world, "checks", check).await["id"].is_u64());
    let path = format!("/repos/{REPO}/check-runs");
    let body = json!({ "name": "mine", "head_sha": world.tip("main") });
    let act = json!({ "action": "request_as_app", "app": world.app.id, "repository": REPO, "method": "POST", "path": path, "body": body });
    assert_eq!(control(&world, "act", act).await["name"], "mine");
    world.settle().await;
    world.assert_no_violations();
}

#[tokio::test]
async fn people_tend_issues_and_threads_on_the_pages() {
    let world = World::start().await;
    let ann = world.github.act_as("ann").unwrap();
    let issue = ann.open_issue(REPO, "Broken", "").unwrap();
    submit(&world, &format!("action=label&number={issue}&label=bug")).await;
    submit(&world, &format!("action=lock&number={issue}")).await;
    let page = world.send("GET", &format!("/{REPO}/issues/{issue}"), "", &Value::Null).await;
    let page = String::from_utf8_lossy(&page.bytes).into_owned();
    assert!(page.contains("locked") && page.contains(">bug<"), "{page}");
    ann.write_file(REPO, "topic", ("notes.txt", "one\n"), "Note").unwrap();
    let number = ann.open_pull_request(REPO, ("topic", "main"), "Note", "").unwrap();
    let comment = ann.comment_on_line(REPO, number, ("notes.txt", 1), "Two, please").unwrap();
    submit(&world, &format!("action=reply&number={number}&comment={comment}&body=No")).await;
    submit(&world, &format!("action=resolve&number={number}&comment={comment}&body=")).await;
    submit(&world, &format!("action=draft&number={number}")).await;
    let page = world.send("GET", &format!("/{REPO}/pull/{number}"), "", &Value::Null).await;
    let page = String::from_utf8_lossy(&page.bytes).into_owned();
    assert!(page.contains("Resolved") && page.contains("Unresolve conversation") && page.contains("Draft"), "{page}");
    for act in [
        json!({ "action": "resolve_thread", "login": "ann", "repository": REPO, "comment": comment, "resolved": false }),
        json!({ "action": "set_draft", "login": "ann", "repository": REPO, "number": number, "draft": false }),
        json!({ "action": "delete_issue", "login": "ann", "repository": REPO, "number": issue }),
    ] {
        control(&world, "act", act).await;
    }
    world.settle().await;
    world.assert_no_violations();
}
