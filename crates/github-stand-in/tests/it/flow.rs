//! The whole way of a bot: issue, reaction, comment, reading, commit, branch, pull request, check run, merge.

use base64::Engine as _;
use github_stand_in::control::{MergeMethod, Verdict};
use serde_json::{Value, json};

use crate::harness::{REPO, World, git};

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "one story, told from beginning to end")]
async fn a_bot_takes_an_issue_to_a_merged_pull_request() {
    let world = World::start().await;
    let ann = world.github.act_as("ann").unwrap();
    let issue = ann.open_issue(REPO, "Line 3 is wrong", "Please fix `src/lib.txt`.").unwrap();
    assert_eq!(world.received_names().await, ["issues.opened"]);
    let token = world.token().await;
    let send = async |method: &str, path: &str, body: Value, status: u16| {
        world.send(method, &format!("/repos/{REPO}{path}"), &token, &body).await.expect(status)
    };

    // Acknowledge, comment, edit.
    send("POST", &format!("/issues/{issue}/reactions"), json!({ "content": "eyes" }), 201).await;
    send("POST", &format!("/issues/{issue}/reactions"), json!({ "content": "eyes" }), 200).await;
    let comment = send("POST", &format!("/issues/{issue}/comments"), json!({ "body": "on it" }), 201).await;
    assert_eq!(comment["user"]["login"], "helper[bot]");
    assert_eq!(comment["user"]["type"], "Bot");
    assert_eq!(comment["performed_via_github_app"]["slug"], "helper");
    let id = comment["id"].as_u64().unwrap();
    let edited = send("PATCH", &format!("/issues/comments/{id}"), json!({ "body": "done" }), 200).await;
    assert_eq!(edited["body"], "done");
    assert_eq!(world.received_names().await, ["issue_comment.created", "issue_comment.edited"]);

    // Read: who asks, what is there.
    let permission = send("GET", "/collaborators/tom/permission", Value::Null, 200).await;
    assert_eq!((&permission["permission"], &permission["role_name"]), (&json!("read"), &json!("triage")));
    let file = send("GET", "/contents/src/lib.txt", Value::Null, 200).await;
    let content: String = file["content"].as_str().unwrap().split_whitespace().collect();
    let content = base64::engine::general_purpose::STANDARD.decode(content).unwrap();
    assert!(content.starts_with(b"line 1\n"));
    assert_eq!(send("GET", "/contents/", Value::Null, 200).await.as_array().unwrap().len(), 2);

    // Commit without a checkout: blob, tree, commit, ref.
    let base = world.tip("main");
    let fixed = String::from_utf8(content).unwrap().replace("line 3\n", "line three\n");
    let blob = send("POST", "/git/blobs", json!({ "content": fixed, "encoding": "utf-8" }), 201).await;
    let entry = json!({ "path": "src/lib.txt", "mode": "100644", "type": "blob", "sha": blob["sha"] });
    let tree = send("POST", "/git/trees", json!({ "base_tree": base, "tree": [entry] }), 201).await;
    let commit = json!({ "message": "Spell line 3", "tree": tree["sha"], "parents": [base] });
    let commit = send("POST", "/git/commits", commit, 201).await;
    assert_eq!(commit["verification"]["verified"], true);
    assert_eq!(commit["author"]["name"], "helper[bot]");
    let reference = json!({ "ref": "refs/heads/fix/3", "sha": commit["sha"] });
    send("POST", "/git/refs", reference, 201).await;
    assert_eq!(world.received_names().await, ["check_suite.requested", "create", "push"]);

    // Pull request and check run.
    let body = json!({ "title": "Spell line 3", "body": format!("Fixes #{issue}"), "head": "fix/3", "base": "main" });
    let pull = send("POST", "/pulls", body, 201).await;
    let number = pull["number"].as_u64().unwrap();
    assert_eq!((&pull["changed_files"], &pull["additions"], &pull["mergeable"]), (&json!(1), &json!(1), &Value::Null));
    send("GET", &format!("/pulls/{number}"), Value::Null, 200).await;
    assert_eq!(send("GET", &format!("/pulls/{number}"), Value::Null, 200).await["mergeable"], true);
    let run = json!({
        "name": "helper", "head_sha": commit["sha"], "status": "completed", "conclusion": "success",
        "external_id": "run-1", "output": { "title": "ok", "summary": "All good" },
        "actions": [{ "label": "Again", "description": "Once more", "identifier": "again" }],
    });
    let run = send("POST", "/check-runs", run, 201).await;
    assert_eq!(run["pull_requests"][0]["number"], number);
    let listed = send("GET", "/commits/fix%2F3/check-runs", Value::Null, 200).await;
    assert_eq!(listed["total_count"], 1);
    assert_eq!(world.received_names().await, ["check_run.completed", "check_run.created", "pull_request.opened"]);

    // People: click, review, merge.
    ann.click(REPO, run["id"].as_u64().unwrap(), "again").unwrap();
    ann.comment_on_line(REPO, number, ("src/lib.txt", 3), "nice").unwrap();
    ann.review(REPO, number, Verdict::Approve, "").unwrap();
    let expected = [
        "check_run.requested_action",
        "pull_request_review.submitted",
        "pull_request_review.submitted",
        "pull_request_review_comment.created",
    ];
    assert_eq!(world.received_names().await, expected);
    let merged = ann.merge(REPO, number, MergeMethod::Squash).unwrap();
    assert_eq!(world.tip("main"), merged);
    let bare = world.github.git_dir(REPO).unwrap();
    assert_eq!(git(&bare, &["show", "main:src/lib.txt"]), fixed.trim());
    let names = world.received_names().await;
    assert_eq!(names, ["check_suite.requested", "issues.closed", "pull_request.closed", "push"]);
    let issue = send("GET", &format!("/issues/{issue}"), Value::Null, 200).await;
    assert_eq!((&issue["state"], &issue["state_reason"]), (&json!("closed"), &json!("completed")));
    world.assert_no_violations();
}
