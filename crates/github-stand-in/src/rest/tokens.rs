//! Installation tokens: made by the app, narrowed on request, good for an hour.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use rand::Rng;
use rand::distributions::Alphanumeric;
use serde_json::{Value, json};

use super::Call;
use crate::answer::{Answer, Handled, Refusal};
use crate::auth::Caller;
use crate::render::repositories;
use crate::store::{Installation, Level, PermissionSet, State, Token, TokenHolder, stamp};

/// <https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app>
const TOKEN_LIFE: TimeDelta = TimeDelta::hours(1);
const MAX_REPOSITORIES: usize = 500;

/// A secret in GitHub's form, such as `ghs_…`.
pub fn fresh_token(prefix: &str) -> String {
    let random: String = rand::thread_rng().sample_iter(Alphanumeric).take(36).map(char::from).collect();
    format!("{prefix}_{random}")
}

/// `POST /app/installations/{installation_id}/access_tokens`
pub fn create(call: &mut Call<'_>) -> Handled {
    let Caller::App(app) = call.caller else { return Err(Refusal::not_found()) };
    let id = call.number("installation_id")?;
    let found = call.state.installations.get(&id).filter(|installation| installation.app == app);
    let installation = found.ok_or_else(Refusal::not_found)?.clone();
    if installation.suspended.is_some() {
        return Err(Refusal::new(403, "This installation has been suspended"));
    }
    let narrowed = wanted_repositories(call, &installation)?;
    let permissions = wanted_permissions(call, &installation)?;
    let expires_at = call.state.now() + TOKEN_LIFE;
    let token = fresh_token("ghs");
    let mut value = json!({
        "token": token,
        "expires_at": stamp(expires_at),
        "permissions": permissions,
        "repository_selection": "selected",
    });
    if let Some(chosen) = &narrowed {
        let shown = chosen.iter().filter_map(|id| call.state.repositories.get(id));
        value["repositories"] = shown.map(|found| repositories::repository(call.state, found)).collect();
    }
    let repositories = narrowed.unwrap_or_else(|| installation.repositories.clone());
    let holder = TokenHolder::Installation { id, repositories, permissions };
    call.state.tokens.insert(token, Token { holder, expires_at: Some(expires_at) });
    Ok(Answer { status: 201, body: crate::answer::Body::Json(value), headers: Vec::new() })
}

/// The repositories asked for, by name or id; `None` when the whole installation is meant.
fn wanted_repositories(call: &Call<'_>, installation: &Installation) -> Result<Option<BTreeSet<u64>>, Refusal> {
    let refusal = || {
        Refusal::new(
            422,
            "There is at least one repository that does not exist or is not accessible to the parent installation.",
        )
    };
    let names = call.body["repositories"].as_array().map(Vec::as_slice).unwrap_or_default();
    let ids = call.body["repository_ids"].as_array().map(Vec::as_slice).unwrap_or_default();
    if names.len() + ids.len() > MAX_REPOSITORIES {
        return Err(Refusal::new(422, "No more than 500 repositories can be listed"));
    }
    if names.is_empty() && ids.is_empty() {
        return Ok(None);
    }
    let mut chosen = BTreeSet::new();
    for id in &installation.repositories {
        let Some(repository) = call.state.repositories.get(id) else { continue };
        let by_name = names.iter().any(|name| name.as_str().is_some_and(|n| n.eq_ignore_ascii_case(&repository.name)));
        if by_name || ids.contains(&json!(id)) {
            chosen.insert(*id);
        }
    }
    let asked: BTreeSet<String> = names.iter().chain(ids).map(Value::to_string).collect();
    if chosen.len() < asked.len() { Err(refusal()) } else { Ok(Some(chosen)) }
}

fn wanted_permissions(call: &Call<'_>, installation: &Installation) -> Result<PermissionSet, Refusal> {
    let mut granted = installation.permissions.clone();
    granted.entry("metadata".to_owned()).or_insert(Level::Read);
    let Some(asked) = call.body["permissions"].as_object().filter(|asked| !asked.is_empty()) else {
        return Ok(granted);
    };
    let mut permissions = PermissionSet::new();
    for (name, level) in asked {
        let level: Level = serde_json::from_value(level.clone())
            .map_err(|_| Refusal::new(422, format!("`{level}` is not a valid permission level")))?;
        if granted.get(name).is_none_or(|held| *held < level) {
            return Err(Refusal::new(422, "The permissions requested are not granted to this installation."));
        }
        permissions.insert(name.clone(), level);
    }
    permissions.entry("metadata".to_owned()).or_insert(Level::Read);
    Ok(permissions)
}

/// A token with all that an app's installation was granted, for what a script does in the app's name.
pub fn app_token(state: &mut State, app: u64, repository: u64) -> Option<String> {
    let installation = state.installation_for(app, repository)?;
    let mut permissions = installation.permissions.clone();
    permissions.entry("metadata".to_owned()).or_insert(Level::Read);
    let repositories = installation.repositories.clone();
    let holder = TokenHolder::Installation { id: installation.id, repositories, permissions };
    let (token, expires_at) = (fresh_token("ghs"), Some(state.now() + TOKEN_LIFE));
    state.tokens.insert(token.clone(), Token { holder, expires_at });
    Some(token)
}

/// `DELETE /installation/token`
pub fn revoke(call: &mut Call<'_>) -> Handled {
    if let Caller::Installation { token, .. } = &call.caller {
        call.state.tokens.remove(token);
    }
    Ok(Answer::no_content())
}

/// `GET /installation/repositories`
pub fn list_repositories(call: &mut Call<'_>) -> Handled {
    let Caller::Installation { repositories: reachable, .. } = &call.caller else {
        return Err(Refusal::new(
            403,
            "You must authenticate with an installation access token in order to access this endpoint.",
        ));
    };
    let found = reachable.iter().filter_map(|id| call.state.repositories.get(id));
    Ok(Answer::list_in("repositories", found.map(|one| repositories::repository(call.state, one)).collect()))
}
