//! The app's own endpoints: itself, its webhook, its deliveries, its installations.

use serde_json::{Value, json};

use super::Call;
use crate::answer::{Answer, Body, Handled, Refusal};
use crate::auth::Caller;
use crate::events;
use crate::render::accounts;
use crate::store::{App, Delivery, stamp};

fn app<'a>(call: &'a Call<'_>) -> Result<&'a App, Refusal> {
    let Caller::App(id) = call.caller else { return Err(Refusal::new(401, "A JSON web token could not be decoded")) };
    call.state.apps.get(&id).ok_or_else(Refusal::not_found)
}

/// `GET /app`
pub fn get(call: &mut Call<'_>) -> Handled {
    let app = app(call)?;
    let mut value = accounts::app(call.state, app);
    value["installations_count"] =
        json!(call.state.installations.values().filter(|installation| installation.app == app.id).count());
    Ok(Answer::ok(value))
}

fn hook_config(app: &App) -> Value {
    json!({
        "content_type": "json", "insecure_ssl": "0", "secret": "********",
        "url": app.webhook_url.clone().unwrap_or_default(),
    })
}

/// `GET /app/hook/config`
pub fn get_hook_config(call: &mut Call<'_>) -> Handled {
    Ok(Answer::ok(hook_config(app(call)?)))
}

/// `PATCH /app/hook/config`
pub fn update_hook_config(call: &mut Call<'_>) -> Handled {
    let id = app(call)?.id;
    let url = call.text("url").map(str::to_owned);
    let secret = call.text("secret").map(str::to_owned);
    let app = call.state.apps.get_mut(&id).ok_or_else(Refusal::not_found)?;
    if let Some(url) = url {
        app.webhook_url = Some(url);
    }
    if let Some(secret) = secret {
        app.webhook_secret = secret;
    }
    Ok(Answer::ok(hook_config(app)))
}

fn delivery_item(delivery: &Delivery) -> Value {
    json!({
        "id": delivery.id,
        "guid": delivery.guid,
        "delivered_at": stamp(delivery.delivered_at),
        "redelivery": delivery.redelivery,
        "duration": delivery.duration_s,
        "status": delivery.status,
        "status_code": delivery.status_code,
        "event": delivery.event,
        "action": delivery.action,
        "installation_id": delivery.installation,
        "repository_id": delivery.repository,
        "throttled_at": null,
    })
}

/// `GET /app/hook/deliveries`: newest first, by cursor. A delivery under way is not listed yet.
pub fn list_deliveries(call: &mut Call<'_>) -> Handled {
    let app = app(call)?.id;
    let per_page = call.asked("per_page").and_then(|text| text.parse::<usize>().ok()).unwrap_or(30).clamp(1, 100);
    let status = call.asked("status").map(str::to_owned);
    let cursor = match call.asked("cursor") {
        Some(text) => Some(text.parse::<u64>().map_err(|_| Refusal::new(400, "Invalid cursor"))?),
        None => None,
    };
    let good = |delivery: &Delivery| match status.as_deref() {
        Some("success") => (200..400).contains(&delivery.status_code),
        Some("failure") => !(200..400).contains(&delivery.status_code),
        Some(_) | None => true,
    };
    let mut found: Vec<&Delivery> = call
        .state
        .deliveries
        .iter()
        .rev()
        .filter(|delivery| delivery.app == app && delivery.status_code != 0)
        .filter(|delivery| cursor.is_none_or(|cursor| delivery.id < cursor) && good(delivery))
        .take(per_page + 1)
        .collect();
    let more = found.len() > per_page;
    found.truncate(per_page);
    let items = found.iter().map(|delivery| delivery_item(delivery)).collect();
    let mut answer = Answer { status: 200, body: Body::Json(Value::Array(items)), headers: Vec::new() };
    if let Some(last) = found.last().filter(|_| more) {
        let url = format!("{}/app/hook/deliveries?per_page={per_page}&cursor={}", call.state.base_url, last.id);
        answer.headers.push(("link", format!("<{url}>; rel=\"next\"")));
    }
    Ok(answer)
}

fn delivery<'a>(call: &'a Call<'_>) -> Result<&'a Delivery, Refusal> {
    let (app, id) = (app(call)?.id, call.number("delivery_id")?);
    let found = call.state.deliveries.iter().find(|delivery| delivery.app == app && delivery.id == id);
    found.ok_or_else(Refusal::not_found)
}

/// `GET /app/hook/deliveries/{delivery_id}`
pub fn get_delivery(call: &mut Call<'_>) -> Handled {
    let delivery = delivery(call)?;
    let mut value = delivery_item(delivery);
    value["url"] = json!(delivery.url);
    value["request"] = json!({ "headers": delivery.request_headers, "payload": delivery.payload });
    value["response"] = json!({ "headers": delivery.response_headers, "payload": delivery.response_body });
    Ok(Answer::ok(value))
}

/// `POST /app/hook/deliveries/{delivery_id}/attempts`
pub fn redeliver(call: &mut Call<'_>) -> Handled {
    let delivery = delivery(call)?.clone();
    events::redeliver(call.state, &delivery);
    Ok(Answer { status: 202, body: Body::Json(json!({})), headers: Vec::new() })
}

/// `GET /app/installations`
pub fn list_installations(call: &mut Call<'_>) -> Handled {
    let app = app(call)?.id;
    let all = call.state.installations.values().filter(|installation| installation.app == app);
    Ok(Answer::list(all.map(|installation| accounts::installation(call.state, installation)).collect()))
}

/// `GET /app/installations/{installation_id}`
pub fn get_installation(call: &mut Call<'_>) -> Handled {
    let (app, id) = (app(call)?.id, call.number("installation_id")?);
    let found = call.state.installations.get(&id).filter(|installation| installation.app == app);
    let installation = found.ok_or_else(Refusal::not_found)?;
    Ok(Answer::ok(accounts::installation(call.state, installation)))
}

/// `GET /repos/{owner}/{repo}/installation`
pub fn get_repository_installation(call: &mut Call<'_>) -> Handled {
    let app = app(call)?.id;
    let (owner, name) = (call.parameter("owner"), call.parameter("repo"));
    let repository = call.state.repository_by_name(owner, name).ok_or_else(Refusal::not_found)?;
    let installation = call.state.installation_for(app, repository.id).ok_or_else(Refusal::not_found)?;
    Ok(Answer::ok(accounts::installation(call.state, installation)))
}
