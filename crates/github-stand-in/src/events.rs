//! Webhooks: which app hears of what, the payload's common members, the signature.
//!
//! Every event is sent to each installed app that covers the repository, is subscribed and holds the permission; a few
//! go to one app only. Each delivery is checked against GitHub's schema before it leaves.
//! Read first: [`Event`], [`emit`].

use std::collections::BTreeMap;
use std::time::Duration;

use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::contract::Contract;
use crate::faults::{DeliveryFaultKind, take_for_delivery};
use crate::render::{accounts, node_id, repositories};
use crate::store::{AccountKind, App, Delivery, Installation, Level, Outgoing, Repository, State};

/// Who hears of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Every app that is installed, subscribed and permitted.
    Subscribers,
    /// One app, whether subscribed or not, if its installation reaches the repository.
    OneApp(u64),
    /// The app of one installation; for events about the installation itself, which cannot be unsubscribed.
    Installation(u64),
}

/// Something that happened.
#[derive(Debug)]
pub struct Event {
    /// `X-GitHub-Event`.
    pub name: &'static str,
    /// The payload's `action`.
    pub action: Option<&'static str>,
    /// Where.
    pub repository: Option<u64>,
    /// Who did it.
    pub sender: u64,
    /// Members besides `action`, `repository`, `sender`, `installation` and `organization`.
    pub payload: Value,
    /// Who hears of it.
    pub audience: Audience,
}

/// The permission an app needs to hear of an event:
/// <https://docs.github.com/en/webhooks/webhook-events-and-payloads>
pub fn needed_permissions(event: &str) -> &'static [&'static str] {
    match event {
        "issues" => &["issues"],
        "issue_comment" => &["issues", "pull_requests"],
        "pull_request" | "pull_request_review" | "pull_request_review_comment" | "pull_request_review_thread" => {
            &["pull_requests"]
        }
        "push" | "create" | "delete" | "fork" | "commit_comment" => &["contents"],
        "check_run" | "check_suite" => &["checks"],
        "status" => &["statuses"],
        "workflow_run" | "workflow_job" => &["actions"],
        _ => &[],
    }
}

/// Queues the deliveries of an event.
pub fn emit(state: &mut State, event: &Event) {
    for (app, installation) in listeners(state, event) {
        let mut payload = event.payload.clone();
        complete(state, event, &installation, &mut payload);
        deliver(state, &app, Some(&installation), event, payload);
    }
}

fn listeners(state: &State, event: &Event) -> Vec<(App, Installation)> {
    let heard = |installation: &&Installation| {
        let Some(app) = state.apps.get(&installation.app) else { return false };
        if let Audience::Installation(id) = event.audience {
            return installation.id == id;
        }
        let covers = event.repository.is_some_and(|repository| installation.repositories.contains(&repository));
        let needed = needed_permissions(event.name);
        let holds = |level: Level| needed.iter().any(|name| installation.permissions.get(*name) >= Some(&level));
        let wanted = match event.audience {
            Audience::Subscribers => app.events.contains(event.name) && (needed.is_empty() || holds(Level::Read)),
            Audience::OneApp(id) => app.id == id && holds(Level::Write),
            Audience::Installation(_) => false,
        };
        covers && wanted && installation.suspended.is_none()
    };
    let found = state.installations.values().filter(heard);
    found.filter_map(|i| state.apps.get(&i.app).map(|app| (app.clone(), i.clone()))).collect()
}

/// Adds the members that every payload shares.
fn complete(state: &State, event: &Event, installation: &Installation, payload: &mut Value) {
    if let Some(action) = event.action {
        payload["action"] = json!(action);
    }
    payload["sender"] = accounts::user(state, event.sender);
    if matches!(event.audience, Audience::Installation(_)) {
        payload["installation"] = accounts::installation(state, installation);
        return;
    }
    payload["installation"] = json!({ "id": installation.id, "node_id": node_id("Integration", installation.id) });
    let Some(repository) = event.repository.and_then(|id| state.repositories.get(&id)) else { return };
    if payload.get("repository").is_none() {
        payload["repository"] = event_repository(state, repository, event.name);
    }
    if let Some(owner) = state.accounts.get(&repository.owner)
        && owner.kind == AccountKind::Organization
    {
        let api = format!("{}/orgs/{}", state.base_url, owner.login);
        payload["organization"] = json!({
            "login": owner.login, "id": owner.id, "node_id": node_id("Organization", owner.id), "url": api,
            "repos_url": format!("{api}/repos"), "events_url": format!("{api}/events"),
            "hooks_url": format!("{api}/hooks"), "issues_url": format!("{api}/issues"),
            "members_url": format!("{api}/members{{/member}}"),
            "public_members_url": format!("{api}/public_members{{/member}}"),
            "avatar_url": format!("{}/_stand-in/avatars/{}", state.base_url, owner.id), "description": null,
        });
    }
}

/// Push events tell the repository's times as Unix seconds; all others as text.
fn event_repository(state: &State, repository: &Repository, event: &str) -> Value {
    let mut value = repositories::repository(state, repository);
    if event == "push" {
        value["created_at"] = json!(repository.created_at.timestamp());
        value["pushed_at"] = json!(repository.pushed_at.timestamp());
        value["master_branch"] = json!(repository.default_branch);
    }
    value
}

fn deliver(state: &mut State, app: &App, installation: Option<&Installation>, event: &Event, payload: Value) {
    match Contract::github() {
        Ok(contract) => {
            let broken = contract.check_webhook(event.name, event.action, &payload);
            state.violations.extend(broken);
        }
        Err(error) => tracing::error!(error = format!("{error:#}"), "no contract to check webhooks by"),
    }
    let Some(url) = app.webhook_url.clone() else { return };
    let delivery = Delivery {
        id: state.fresh_id(),
        guid: uuid::Uuid::new_v4().to_string(),
        app: app.id,
        url,
        event: event.name.to_owned(),
        action: event.action.map(str::to_owned),
        installation: installation.map(|installation| installation.id),
        repository: event.repository,
        payload,
        request_headers: BTreeMap::new(),
        redelivery: false,
        delivered_at: state.now(),
        duration_s: 0.0,
        status: String::new(),
        status_code: 0,
        response_headers: BTreeMap::new(),
        response_body: String::new(),
    };
    let fault = take_for_delivery(&mut state.delivery_faults, event.name);
    let (copies, delay, after) = match fault {
        Some(DeliveryFaultKind::Drop) => return,
        Some(DeliveryFaultKind::Duplicate) => (2, Duration::ZERO, 0),
        Some(DeliveryFaultKind::Delay { delay_ms }) => (1, Duration::from_millis(delay_ms), 0),
        Some(DeliveryFaultKind::Reorder { behind }) => (1, Duration::ZERO, behind),
        None => (1, Duration::ZERO, 0),
    };
    for _ in 0..copies {
        let mut copy = delivery.clone();
        copy.id = state.fresh_id();
        queue(state, app, copy, delay, after);
    }
}

/// Sends an old delivery again: same id, same payload, a new row in the log.
pub fn redeliver(state: &mut State, delivery: &Delivery) {
    let Some(app) = state.apps.get(&delivery.app).cloned() else { return };
    let mut copy = delivery.clone();
    copy.id = state.fresh_id();
    copy.redelivery = true;
    copy.delivered_at = state.now();
    copy.status = String::new();
    copy.status_code = 0;
    copy.response_headers.clear();
    copy.response_body.clear();
    if let Some(url) = &app.webhook_url {
        copy.url.clone_from(url);
    }
    queue(state, &app, copy, Duration::ZERO, 0);
}

/// The `ping` that an app gets when its webhook is set.
pub fn ping(state: &mut State, app: u64) {
    let Some(app) = state.apps.get(&app).filter(|app| app.webhook_url.is_some()).cloned() else { return };
    let hook = json!({
        "type": "App", "id": app.hook, "name": "web", "active": true, "app_id": app.id, "events": app.events,
        "config": { "content_type": "json", "insecure_ssl": "0", "url": app.webhook_url, "secret": "********" },
        "updated_at": crate::store::stamp(app.created_at), "created_at": crate::store::stamp(app.created_at),
        "deliveries_url": format!("{}/app/hook/deliveries", state.base_url),
    });
    let payload = json!({ "zen": "Design for failure.", "hook_id": app.hook, "hook": hook });
    let event = Event {
        name: "ping",
        action: None,
        repository: None,
        sender: app.owner,
        payload: Value::Null,
        audience: Audience::OneApp(app.id),
    };
    deliver(state, &app, None, &event, payload);
}

fn queue(state: &mut State, app: &App, mut delivery: Delivery, delay: Duration, after: u32) {
    let body = delivery.payload.to_string().into_bytes();
    delivery.request_headers = headers(app, &delivery, &body);
    state.outbox.push_back(Outgoing {
        delivery: delivery.id,
        url: delivery.url.clone(),
        body,
        headers: delivery.request_headers.clone(),
        delay,
        after,
    });
    state.deliveries.push(delivery);
}

/// <https://docs.github.com/en/webhooks/webhook-events-and-payloads#delivery-headers>
fn headers(app: &App, delivery: &Delivery, body: &[u8]) -> BTreeMap<String, String> {
    let short_id: String = delivery.guid.chars().take(7).collect();
    let mut headers: BTreeMap<String, String> = [
        ("Accept", "*/*".to_owned()),
        ("Content-Type", "application/json".to_owned()),
        ("User-Agent", format!("GitHub-Hookshot/{short_id}")),
        ("X-GitHub-Delivery", delivery.guid.clone()),
        ("X-GitHub-Event", delivery.event.clone()),
        ("X-GitHub-Hook-ID", app.hook.to_string()),
        ("X-GitHub-Hook-Installation-Target-ID", app.id.to_string()),
        ("X-GitHub-Hook-Installation-Target-Type", "integration".to_owned()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    if !app.webhook_secret.is_empty() {
        headers.insert("X-Hub-Signature-256".to_owned(), signature(&app.webhook_secret, body));
    }
    headers
}

/// `sha256=` and the HMAC over the raw body:
/// <https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>
pub fn signature(secret: &str, body: &[u8]) -> String {
    // HMAC takes a key of any length, so this cannot fail; an empty signature would be refused by the receiver anyway.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    /// The example of GitHub's page on validating deliveries.
    #[test]
    fn the_signature_is_githubs() {
        assert_eq!(
            super::signature("It's a Secret to Everybody", b"Hello, World!"),
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        );
    }
}
