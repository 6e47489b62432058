//! The last step of registering an app from a manifest: the code becomes the app's secrets, once, within an hour.
//!
//! <https://docs.github.com/en/apps/sharing-github-apps/registering-a-github-app-from-a-manifest>

use serde_json::{Value, json};

use super::{Call, fresh_token};
use crate::answer::{Answer, Body, Handled, Refusal};
use crate::control::setup::key_pair;
use crate::render::accounts;

/// `POST /app-manifests/{code}/conversions`
pub fn convert(call: &mut Call<'_>) -> Handled {
    let now = call.state.now();
    let code = call.parameter("code").to_owned();
    // Taken out at once: a code works a single time.
    let (app, until) = call.state.manifest_codes.remove(&code).ok_or_else(Refusal::not_found)?;
    if now > until {
        return Err(Refusal::not_found());
    }
    let (private_key, public_key) = key_pair(None)?;
    let found = call.state.apps.get_mut(&app).ok_or_else(Refusal::not_found)?;
    (found.private_key, found.public_key) = (private_key, public_key);
    let found = call.state.apps.get(&app).ok_or_else(Refusal::not_found)?;
    let mut value = accounts::app(call.state, found);
    let secret = if found.webhook_secret.is_empty() { Value::Null } else { json!(found.webhook_secret) };
    let more = json!({ "client_secret": fresh_token("cs"), "webhook_secret": secret, "pem": found.private_key });
    accounts::merge(&mut value, more);
    Ok(Answer { status: 201, body: Body::Json(value), headers: Vec::new() })
}
