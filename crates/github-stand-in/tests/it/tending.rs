//! Labels, assignees, locks, and issues that go away.

use github_stand_in::control::NewRepository;
use serde_json::{Value, json};

use crate::harness::{REPO, World};

/// <https://docs.github.com/en/rest/issues/labels>, <https://docs.github.com/en/rest/issues/assignees>
#[tokio::test]
async fn labels_and_assignees_come_and_go() {
    let world = World::start().await;
    let token = world.token().await;
    let ann = world.github.act_as("ann").unwrap();
    let issue = ann.open_issue(REPO, "Broken", "").unwrap();
    world.received_names().await;
    ann.label(REPO, issue, &["bug", "help wanted", "a/b"]).unwrap();
    ann.unlabel(REPO, issue, "Help Wanted").unwrap();
    ann.unlabel(REPO, issue, "a/b").unwrap();
    assert!(ann.unlabel(REPO, issue, "bugs").is_err());
    let path = format!("/repos/{REPO}/issues/{issue}");
    let labels = world.send("PUT", &format!("{path}/labels"), &token, &json!({ "labels": ["new"] })).await.expect(200);
    assert_eq!((labels.as_array().unwrap().len(), &labels[0]["name"]), (1, &json!("new")));
    world.send("DELETE", &format!("{path}/labels"), &token, &Value::Null).await.expect(204);
    let names = world.received_names().await;
    assert_eq!(names.iter().filter(|name| *name == "issues.labeled").count(), 4);
    assert_eq!(names.iter().filter(|name| *name == "issues.unlabeled").count(), 4);
    ann.assign(REPO, issue, &["tom", "helper[bot]", "nobody"]).unwrap();
    ann.unassign(REPO, issue, &["tom"]).unwrap();
    assert_eq!(world.received_names().await, ["issues.assigned", "issues.unassigned"]);
    // An app's bot cannot be assigned.
    assert!(ann.request("PATCH", &path, &json!({ "assignees": ["helper[bot]"] })).is_err());
    let able = async |login: &str| {
        world.send("GET", &format!("/repos/{REPO}/assignees/{login}"), &token, &Value::Null).await.status
    };
    assert_eq!((able("tom").await, able("helper%5Bbot%5D").await), (204, 404));
    ann.edit_title(REPO, issue, "Very broken").unwrap();
    ann.close_as(REPO, issue, "not_planned").unwrap();
    let received = world.received().await;
    let told: Vec<Value> = received.iter().map(github_issue_reason).collect();
    assert!(told.contains(&json!("not_planned")), "{told:?}");
    world.assert_no_violations();
}

fn github_issue_reason(one: &crate::harness::Received) -> Value {
    one.json()["issue"]["state_reason"].clone()
}

/// <https://docs.github.com/en/communities/moderating-comments-and-conversations/locking-conversations>
#[tokio::test]
async fn an_app_says_nothing_in_a_locked_conversation() {
    let world = World::start().await;
    let token = world.token().await;
    let (ann, rita) = (world.github.act_as("ann").unwrap(), world.github.act_as("rita").unwrap());
    let issue = ann.open_issue(REPO, "Hot", "").unwrap();
    world.received_names().await;
    assert!(rita.lock(REPO, issue, None).is_err());
    ann.lock(REPO, issue, Some("too heated")).unwrap();
    let path = format!("/repos/{REPO}/issues/{issue}");
    let refused = world.send("POST", &format!("{path}/comments"), &token, &json!({ "body": "hi" })).await.expect(403);
    assert_eq!(refused["message"], "Unable to create comment because issue is locked.");
    assert!(rita.comment(REPO, issue, "hi").is_err());
    ann.comment(REPO, issue, "calm down").unwrap();
    let shown = world.send("GET", &path, &token, &Value::Null).await.expect(200);
    assert_eq!((&shown["locked"], &shown["active_lock_reason"]), (&json!(true), &json!("too heated")));
    ann.unlock(REPO, issue).unwrap();
    let comment = world.send("POST", &format!("{path}/comments"), &token, &json!({ "body": "hi" })).await.expect(201);
    // Somebody else edits it: the sender is not the author.
    ann.edit_comment(REPO, comment["id"].as_u64().unwrap(), "edited").unwrap();
    let edited = world.received().await.into_iter().find(|one| one.name() == "issue_comment.edited").unwrap().json();
    assert_eq!(
        (&edited["sender"]["login"], &edited["comment"]["user"]["login"]),
        (&json!("ann"), &json!("helper[bot]"))
    );
    world
        .send("DELETE", &format!("/repos/{REPO}/issues/comments/{}", comment["id"]), &token, &Value::Null)
        .await
        .expect(204);
    world.assert_no_violations();
}

/// <https://docs.github.com/en/rest/issues/issues#get-an-issue>
#[tokio::test]
async fn issues_are_deleted_and_transferred() {
    let world = World::start().await;
    let token = world.token().await;
    let ann = world.github.act_as("ann").unwrap();
    let new = NewRepository { owner: "acme".to_owned(), name: "other".to_owned(), ..NewRepository::default() };
    world.github.create_repository(&new).unwrap();
    world.github.set_role("acme/other", "ann", github_stand_in::store::Role::Admin).unwrap();
    world.github.add_to_installation(world.installation, &["acme/other"]).unwrap();
    let (gone, moved) = (ann.open_issue(REPO, "One", "").unwrap(), ann.open_issue(REPO, "Two", "").unwrap());
    ann.comment(REPO, moved, "hm").unwrap();
    world.received_names().await;
    assert!(world.github.act_as("tom").unwrap().delete_issue(REPO, gone).is_err());
    ann.delete_issue(REPO, gone).unwrap();
    let number = ann.transfer_issue(REPO, moved, "acme/other").unwrap();
    assert_eq!(world.received_names().await, ["issues.deleted", "issues.opened", "issues.transferred"]);
    let get = async |number: u64| world.send_once(&format!("/repos/{REPO}/issues/{number}"), &token).await;
    get(gone).await.expect(410);
    let elsewhere = get(moved).await;
    assert_eq!(elsewhere.status, 301);
    assert!(elsewhere.header("location").ends_with(&format!("/repos/acme/other/issues/{number}")));
    assert_eq!(world.github.comments("acme/other", number).unwrap().len(), 1);
    assert_eq!(ann.open_issue(REPO, "Three", "").unwrap(), 3, "numbers are not used again");
    world.assert_no_violations();
}
