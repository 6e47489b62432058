//! Issues, comments, labels, assignees, reactions.

use serde_json::{Value, json};

use crate::harness::{REPO, World};

/// GitHub refuses longer bodies with 422 `body is too long (maximum is 65536 characters)`.
#[tokio::test]
async fn a_comment_has_a_longest_length_and_is_not_blank() {
    let world = World::start().await;
    let token = world.token().await;
    let number = world.github.act_as("ann").unwrap().open_issue(REPO, "An issue", "").unwrap();
    let path = format!("/repos/{REPO}/issues/{number}/comments");
    let post = async |body: String| world.send("POST", &path, &token, &json!({ "body": body })).await;
    post("é".repeat(65_536)).await.expect(201);
    let refused = post("é".repeat(65_537)).await.expect(422);
    assert_eq!(refused["errors"][0]["message"], "body is too long (maximum is 65536 characters)");
    post(" \n".to_owned()).await.expect(422);
    world.send("POST", &path, &token, &json!({})).await.expect(422);
    world.send("POST", &format!("/repos/{REPO}/issues/99/comments"), &token, &json!({ "body": "x" })).await.expect(404);
    let broken = reqwest::Client::new_without_proxy().post(format!("{}{path}", world.github.url));
    let broken = broken.header("user-agent", "t").header("authorization", format!("Bearer {token}")).body("{");
    assert_eq!(broken.send().await.unwrap().status(), 400);
    assert_eq!(world.github.comments(REPO, number).unwrap().len(), 1);
    world.assert_no_violations();
}

/// A client whose requests never leave this machine.
trait WithoutProxy {
    fn new_without_proxy() -> reqwest::Client;
}

impl WithoutProxy for reqwest::Client {
    fn new_without_proxy() -> reqwest::Client {
        reqwest::Client::builder().no_proxy().build().unwrap()
    }
}

#[tokio::test]
async fn an_issue_is_edited_labelled_assigned_closed_and_reopened() {
    let world = World::start().await;
    let token = world.token().await;
    let (ann, rita) = (world.github.act_as("ann").unwrap(), world.github.act_as("rita").unwrap());
    let number = rita.open_issue(REPO, "An issue", "first").unwrap();
    world.received_names().await;
    ann.edit_issue(REPO, number, "second").unwrap();
    let edited = world.received().await;
    assert_eq!(edited[0].json()["changes"]["body"]["from"], "first");
    world.received_names().await;
    ann.edit_issue(REPO, number, "second").unwrap();
    assert!(world.received_names().await.is_empty(), "no change, no event");
    ann.label(REPO, number, &["bug", "help wanted"]).unwrap();
    ann.label(REPO, number, &["BUG"]).unwrap();
    assert_eq!(world.received_names().await, ["issues.labeled", "issues.labeled"]);
    let path = format!("/repos/{REPO}/issues/{number}");
    let assigned =
        world.send("POST", &format!("{path}/assignees"), &token, &json!({ "assignees": ["tom", "nobody"] })).await;
    assert_eq!(assigned.expect(201)["assignees"][0]["login"], "tom");
    assert!(rita.label(REPO, number, &["mine"]).is_err(), "read may not label");
    assert!(world.github.act_as("tom").unwrap().label(REPO, number, &["triaged"]).is_ok(), "triage may");
    world.received_names().await;
    ann.close(REPO, number).unwrap();
    ann.close(REPO, number).unwrap();
    ann.reopen(REPO, number).unwrap();
    assert_eq!(world.received_names().await, ["issues.closed", "issues.reopened"]);
    let open = world.send("GET", &format!("/repos/{REPO}/issues?labels=bug"), &token, &Value::Null).await.expect(200);
    assert_eq!(open.as_array().unwrap().len(), 1);
    let none = world.send("GET", &format!("/repos/{REPO}/issues?state=closed"), &token, &Value::Null).await.expect(200);
    assert_eq!(none, json!([]));
    let made = json!({ "name": "wiz", "color": "00ff00", "description": "ours" });
    world.send("POST", &format!("/repos/{REPO}/labels"), &token, &made).await.expect(201);
    world.send("POST", &format!("/repos/{REPO}/labels"), &token, &made).await.expect(422);
    let labels = world.send("GET", &format!("/repos/{REPO}/labels"), &token, &Value::Null).await.expect(200);
    assert_eq!(labels.as_array().unwrap().len(), 4);
    world.assert_no_violations();
}

#[tokio::test]
async fn comments_are_edited_and_deleted_by_those_who_may() {
    let world = World::start().await;
    let (ann, rita) = (world.github.act_as("ann").unwrap(), world.github.act_as("rita").unwrap());
    let number = rita.open_issue(REPO, "An issue", "").unwrap();
    let comment = ann.comment(REPO, number, "one").unwrap();
    assert!(rita.edit_comment(REPO, comment, "mine now").is_err());
    ann.edit_comment(REPO, comment, "two").unwrap();
    let edited = world.received().await.into_iter().find(|one| one.name() == "issue_comment.edited").unwrap();
    assert_eq!(edited.json()["changes"]["body"]["from"], "one");
    assert_eq!(edited.json()["comment"]["body"], "two");
    assert!(rita.delete_comment(REPO, comment).is_err());
    ann.delete_comment(REPO, comment).unwrap();
    assert!(world.github.comments(REPO, number).unwrap().is_empty());
    assert!(world.received_names().await.contains(&"issue_comment.deleted".to_owned()));
    world.assert_no_violations();
}

/// Reactions send no webhook: <https://docs.github.com/en/webhooks/webhook-events-and-payloads> lists none.
#[tokio::test]
async fn a_reaction_is_left_once_and_told_to_nobody() {
    let world = World::start().await;
    let token = world.token().await;
    let ann = world.github.act_as("ann").unwrap();
    let number = ann.open_issue(REPO, "An issue", "").unwrap();
    let comment = ann.comment(REPO, number, "hello").unwrap();
    world.received_names().await;
    let path = format!("/repos/{REPO}/issues/comments/{comment}/reactions");
    let made = world.send("POST", &path, &token, &json!({ "content": "rocket" })).await.expect(201);
    world.send("POST", &path, &token, &json!({ "content": "rocket" })).await.expect(200);
    world.send("POST", &path, &token, &json!({ "content": "tada" })).await.expect(422);
    let shown = world.send("GET", &format!("/repos/{REPO}/issues/comments/{comment}"), &token, &Value::Null).await;
    assert_eq!(shown.expect(200)["reactions"]["rocket"], 1);
    let one = format!("{path}/{}", made["id"]);
    world.send("DELETE", &one, &token, &Value::Null).await.expect(204);
    world.send("DELETE", &one, &token, &Value::Null).await.expect(404);
    assert!(world.received_names().await.is_empty());
    world.assert_no_violations();
}
