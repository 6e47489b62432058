//! Reviews and line comments.

use github_stand_in::control::Verdict;
use serde_json::{Value, json};

use crate::harness::{REPO, World};

async fn pull_request(world: &World) -> (u64, String) {
    let ann = world.github.act_as("ann").unwrap();
    ann.write_file(REPO, "topic", ("src/lib.txt", "line 1\nsecond\n"), "Cut").unwrap();
    let token = world.token().await;
    let body = json!({ "title": "Cut", "head": "topic", "base": "main" });
    let pull = world.send("POST", &format!("/repos/{REPO}/pulls"), &token, &body).await.expect(201);
    world.received_names().await;
    (pull["number"].as_u64().unwrap(), token)
}

/// <https://docs.github.com/en/rest/pulls/reviews#create-a-review-for-a-pull-request>
#[tokio::test]
async fn nobody_approves_their_own_pull_request() {
    let world = World::start().await;
    let (number, token) = pull_request(&world).await;
    let path = format!("/repos/{REPO}/pulls/{number}/reviews");
    let refused = world.send("POST", &path, &token, &json!({ "event": "APPROVE" })).await.expect(422);
    assert_eq!(refused["errors"][0], "Can not approve your own pull request");
    world.send("POST", &path, &token, &json!({ "event": "REQUEST_CHANGES", "body": "no" })).await.expect(422);
    world.send("POST", &path, &token, &json!({ "event": "COMMENT", "body": "a note" })).await.expect(200);
    let ann = world.github.act_as("ann").unwrap();
    assert!(ann.review(REPO, number, Verdict::RequestChanges, "").is_err(), "a reason is needed");
    ann.review(REPO, number, Verdict::RequestChanges, "Keep line 3").unwrap();
    ann.review(REPO, number, Verdict::Approve, "").unwrap();
    let reviews = world.send("GET", &path, &token, &Value::Null).await.expect(200);
    let states: Vec<&str> = reviews.as_array().unwrap().iter().map(|r| r["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["COMMENTED", "CHANGES_REQUESTED", "APPROVED"]);
    // Webhooks write the state in lower case.
    let received = world.received().await;
    let told: Vec<String> = received.iter().map(|one| one.json()["review"]["state"].to_string()).collect();
    assert!(told.contains(&"\"changes_requested\"".to_owned()), "{told:?}");
    world.assert_no_violations();
}

/// <https://docs.github.com/en/rest/pulls/comments>
#[tokio::test]
async fn line_comments_stay_within_the_diff() {
    let world = World::start().await;
    let (number, token) = pull_request(&world).await;
    let head = world.tip("topic");
    let path = format!("/repos/{REPO}/pulls/{number}/comments");
    let body =
        |line: u64, file: &str| json!({ "body": "hm", "commit_id": head, "path": file, "line": line, "side": "RIGHT" });
    world.send("POST", &path, &token, &body(3, "src/lib.txt")).await.expect(422);
    world.send("POST", &path, &token, &body(1, "README.md")).await.expect(422);
    let comment = world.send("POST", &path, &token, &body(2, "src/lib.txt")).await.expect(201);
    assert!(comment["diff_hunk"].as_str().unwrap().ends_with("+second"), "{comment}");
    let id = comment["id"].as_u64().unwrap();
    let answer =
        world.send("POST", &format!("{path}/{id}/replies"), &token, &json!({ "body": "so?" })).await.expect(201);
    assert_eq!(answer["in_reply_to_id"], id);
    let reaction = format!("/repos/{REPO}/pulls/comments/{id}/reactions");
    world.send("POST", &reaction, &token, &json!({ "content": "+1" })).await.expect(201);
    let review = json!({
        "event": "COMMENT", "body": "see",
        "comments": [{ "path": "src/lib.txt", "line": 1, "side": "RIGHT", "body": "one" }],
    });
    let review =
        world.send("POST", &format!("/repos/{REPO}/pulls/{number}/reviews"), &token, &review).await.expect(200);
    let listed = format!("/repos/{REPO}/pulls/{number}/reviews/{}/comments", review["id"]);
    assert_eq!(world.send("GET", &listed, &token, &Value::Null).await.expect(200)[0]["body"], "one");
    assert_eq!(world.send("GET", &path, &token, &Value::Null).await.expect(200).as_array().unwrap().len(), 3);
    world.assert_no_violations();
}

#[tokio::test]
async fn reviewers_are_asked() {
    let world = World::start().await;
    let (number, token) = pull_request(&world).await;
    let path = format!("/repos/{REPO}/pulls/{number}/requested_reviewers");
    let asked = world.send("POST", &path, &token, &json!({ "reviewers": ["ann"] })).await.expect(201);
    assert_eq!(asked["requested_reviewers"][0]["login"], "ann");
    world.send("POST", &path, &token, &json!({ "reviewers": ["helper[bot]"] })).await.expect(422);
    assert_eq!(world.received_names().await, ["pull_request.review_requested"]);
    world.assert_no_violations();
}
