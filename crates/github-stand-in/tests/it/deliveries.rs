//! Webhooks: signature, headers, log, redelivery, faults.

use github_stand_in::faults::{DeliveryFault, DeliveryFaultKind, Fault, FaultKind};
use hmac::{Hmac, Mac};
use serde_json::{Value, json};

use crate::harness::{REPO, World};

/// <https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>
#[tokio::test]
async fn a_delivery_is_signed_over_its_bytes() {
    let world = World::start().await;
    world.github.act_as("ann").unwrap().open_issue(REPO, "An issue", "with ünïcode").unwrap();
    let received = world.received().await;
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(world.app.webhook_secret.as_bytes()).unwrap();
    mac.update(&received[0].body);
    let expected = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    assert_eq!(received[0].header("x-hub-signature-256"), expected);
    assert!(received[0].header("user-agent").starts_with("GitHub-Hookshot/"));
    assert_eq!(received[0].header("x-github-hook-installation-target-type"), "integration");
    uuid::Uuid::parse_str(received[0].header("x-github-delivery")).unwrap();
    let payload = received[0].json();
    assert_eq!(payload["installation"]["id"], world.installation);
    assert_eq!(payload["organization"]["login"], "acme");
    assert_eq!(payload["sender"]["login"], "ann");
    world.assert_no_violations();
}

/// <https://docs.github.com/en/rest/apps/webhooks>: a failed delivery is not repeated, but can be sent again by hand.
#[tokio::test]
async fn a_failed_delivery_is_logged_and_sent_again_only_when_asked() {
    let world = World::start().await;
    world.settle().await;
    *world.inbox.answer.lock().unwrap() = 500;
    world.github.act_as("ann").unwrap().open_issue(REPO, "An issue", "").unwrap();
    assert_eq!(world.received().await.len(), 1);
    let jwt = world.jwt();
    let list = world.send("GET", "/app/hook/deliveries?per_page=1", &jwt, &Value::Null).await;
    assert!(list.header("link").contains("cursor="), "there are older ones");
    let failed = list.expect(200)[0].clone();
    assert_eq!((&failed["event"], &failed["status_code"]), (&json!("issues"), &json!(500)));
    *world.inbox.answer.lock().unwrap() = 200;
    let path = format!("/app/hook/deliveries/{}", failed["id"]);
    let full = world.send("GET", &path, &jwt, &Value::Null).await.expect(200);
    assert_eq!(full["request"]["payload"]["action"], "opened");
    world.send("POST", &format!("{path}/attempts"), &jwt, &Value::Null).await.expect(202);
    let received = world.received().await;
    assert_eq!(received.len(), 2);
    assert_eq!(received[0].body, received[1].body);
    assert_eq!(received[0].header("x-github-delivery"), received[1].header("x-github-delivery"));
    let again = world.send("GET", "/app/hook/deliveries", &jwt, &Value::Null).await.expect(200)[0].clone();
    assert_eq!((&again["redelivery"], &again["guid"]), (&json!(true), &failed["guid"]));
    world.send("GET", "/app/hook/deliveries/1", &jwt, &Value::Null).await.expect(404);
    world.assert_no_violations();
}

#[tokio::test]
async fn deliveries_are_dropped_doubled_delayed_and_reordered_on_demand() {
    let world = World::start().await;
    let ann = world.github.act_as("ann").unwrap();
    let fault = |kind| DeliveryFault { event: Some("issues".to_owned()), kind, times: 1 };
    world.github.add_delivery_fault(fault(DeliveryFaultKind::Drop));
    ann.open_issue(REPO, "dropped", "").unwrap();
    assert!(world.received_names().await.is_empty());
    world.github.add_delivery_fault(fault(DeliveryFaultKind::Duplicate));
    ann.open_issue(REPO, "doubled", "").unwrap();
    let received = world.received().await;
    assert_eq!(received.len(), 2);
    assert_eq!(received[0].header("x-github-delivery"), received[1].header("x-github-delivery"));
    world.received_names().await;
    world.github.add_delivery_fault(fault(DeliveryFaultKind::Delay { delay_ms: 50 }));
    ann.open_issue(REPO, "late", "").unwrap();
    assert_eq!(world.received_names().await, ["issues.opened"]);
    world.github.add_delivery_fault(fault(DeliveryFaultKind::Reorder { behind: 1 }));
    let number = ann.open_issue(REPO, "overtaken", "").unwrap();
    assert!(world.received_names().await.is_empty(), "held until another passes");
    ann.comment(REPO, number, "first").unwrap();
    assert_eq!(world.received_names().await, ["issue_comment.created", "issues.opened"]);
    world.assert_no_violations();
}

/// <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit>
#[tokio::test]
async fn requests_fail_on_demand() {
    let world = World::start().await;
    let token = world.token().await;
    let number = world.github.act_as("ann").unwrap().open_issue(REPO, "An issue", "").unwrap();
    let path = format!("/repos/{REPO}/issues/{number}/comments");
    let post = async || world.send("POST", &path, &token, &json!({ "body": "hello" })).await;
    let fault = |kind| Fault { method: Some("POST".to_owned()), path: "/repos/*/comments".to_owned(), kind, times: 1 };
    world.github.add_fault(fault(FaultKind::Status { status: 503 }));
    post().await.expect(503);
    world.github.add_fault(fault(FaultKind::SecondaryRateLimit { status: 429, retry_after_s: 7 }));
    let limited = post().await;
    assert_eq!((limited.status, limited.header("retry-after")), (429, "7"));
    world.github.add_fault(fault(FaultKind::PrimaryRateLimit { reset_s: 30 }));
    let limited = post().await;
    assert_eq!((limited.status, limited.header("x-ratelimit-remaining")), (403, "0"));
    assert!(world.github.comments(REPO, number).unwrap().is_empty(), "nothing was written so far");
    world.github.add_fault(fault(FaultKind::AfterWork { status: 502 }));
    post().await.expect(502);
    assert_eq!(world.github.comments(REPO, number).unwrap().len(), 1, "the work was done");
    post().await.expect(201);
    world.github.add_fault(fault(FaultKind::Unanswered));
    world.github.act_as("ann").unwrap().comment(REPO, number, "people meet no fault").unwrap();
    let waited = tokio::time::timeout(std::time::Duration::from_millis(200), post()).await;
    assert!(waited.is_err(), "no answer comes");
    assert_eq!(world.github.comments(REPO, number).unwrap().len(), 4, "the work was done");
    assert_eq!(world.github.faults(), []);
    world.assert_no_violations();
}

#[tokio::test]
async fn only_subscribed_and_permitted_events_are_sent() {
    let world = World::start().await;
    let quiet = github_stand_in::control::NewApp {
        slug: "quiet".to_owned(),
        owner: "ann".to_owned(),
        events: vec!["issues".to_owned()],
        webhook_url: Some(world.hook_url.clone()),
        private_key_pem: Some(crate::harness::KEY.to_owned()),
        ..Default::default()
    };
    let quiet = world.github.create_app(&quiet).unwrap();
    world.github.install(quiet.id, &[REPO]).unwrap();
    world.github.act_as("ann").unwrap().open_issue(REPO, "An issue", "").unwrap();
    let received = world.received().await;
    assert_eq!(received.len(), 1, "subscribed without the permission hears nothing");
    assert_eq!(received[0].header("x-github-hook-installation-target-id"), world.app.id.to_string());
    world.assert_no_violations();
}
