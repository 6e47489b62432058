//! The judge itself: good exchanges pass, and each kind of fault is reported.

use github_stand_in::contract::{Contract, Exchange, ViolationKind};
use serde_json::{Value, json};

use crate::harness::{REPO, World};

fn kinds(world: &World) -> Vec<ViolationKind> {
    world.github.take_violations().into_iter().map(|violation| violation.kind).collect()
}

#[tokio::test]
async fn a_request_outside_the_description_is_refused_or_reported() {
    let world = World::start().await;
    let token = world.token().await;
    world.assert_no_violations();
    world.send("GET", &format!("/repos/{REPO}/unheard-of"), &token, &Value::Null).await.expect(404);
    assert_eq!(kinds(&world), [ViolationKind::UnknownOperation]);
    world.send("GET", &format!("/repos/{REPO}/issues?colour=red"), &token, &Value::Null).await.expect(200);
    assert_eq!(kinds(&world), [ViolationKind::UndeclaredMember]);
    let body = json!({ "title": "t", "mood": "good" });
    world.send("POST", &format!("/repos/{REPO}/issues"), &token, &body).await.expect(201);
    assert_eq!(kinds(&world), [ViolationKind::UndeclaredMember]);
    let nested =
        json!({ "name": "n", "head_sha": world.tip("main"), "output": { "title": "t", "summary": "s", "tone": "x" } });
    world.send("POST", &format!("/repos/{REPO}/check-runs"), &token, &nested).await.expect(201);
    assert_eq!(kinds(&world), [ViolationKind::UndeclaredMember]);
    world.send("GET", &format!("/repos/{REPO}/deployments"), &token, &Value::Null).await.expect(501);
    assert_eq!(kinds(&world), [ViolationKind::NotBuilt]);
}

/// The positive control: what GitHub's description forbids is told.
#[tokio::test]
async fn a_malformed_answer_or_webhook_would_be_reported() {
    let world = World::start().await;
    let token = world.token().await;
    let path = format!("/repos/{REPO}/issues");
    let good = world.send("POST", &path, &token, &json!({ "title": "t" })).await.expect(201);
    let contract = Contract::github().unwrap();
    let (operation, _) = contract.operation("POST", &path).unwrap();
    let body = json!({ "title": "t" });
    let judge = |status: u16, body: &Value, answer: &Value| {
        let exchange = Exchange { operation, subject: "POST issues", query: &[], body, status, answer: Some(answer) };
        contract.check(&exchange).into_iter().map(|violation| violation.kind).collect::<Vec<_>>()
    };
    assert_eq!(judge(201, &body, &good), []);
    let mut missing = good.clone();
    missing.as_object_mut().unwrap().remove("html_url");
    assert_eq!(judge(201, &body, &missing), [ViolationKind::InvalidResponse]);
    let mut wrong = good.clone();
    wrong["created_at"] = json!("yesterday");
    assert_eq!(judge(201, &body, &wrong), [ViolationKind::InvalidResponse]);
    wrong = good.clone();
    wrong["url"] = json!("not an address");
    assert_eq!(judge(201, &body, &wrong), [ViolationKind::InvalidResponse]);
    assert_eq!(judge(201, &json!({}), &good), [ViolationKind::AcceptedInvalidRequest]);
    assert_eq!(judge(207, &body, &good), [ViolationKind::UndeclaredStatus]);
    assert_eq!(judge(401, &body, &json!({ "message": 7 })), [ViolationKind::InvalidResponse]);

    let payload = world.received().await[0].json();
    assert_eq!(contract.check_webhook("issues", Some("opened"), &payload), []);
    let mut broken = payload.clone();
    broken["issue"].as_object_mut().unwrap().remove("node_id");
    assert!(!contract.check_webhook("issues", Some("opened"), &broken).is_empty());
    assert!(!contract.check_webhook("issues", Some("closed"), &payload).is_empty(), "another action");
    assert!(!contract.check_webhook("issues", Some("sung"), &payload).is_empty(), "no such webhook");
    world.assert_no_violations();
}
