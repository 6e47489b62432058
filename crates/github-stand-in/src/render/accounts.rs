//! Users, apps and installations.

use serde_json::{Value, json};

use super::node_id;
use crate::store::{Account, App, Installation, State, stamp};

/// A `simple-user`; GitHub shows a deleted account as `ghost`.
pub fn user(state: &State, id: u64) -> Value {
    let ghost;
    let account = match state.accounts.get(&id) {
        Some(account) => account,
        None => {
            ghost = Account {
                id: 10137,
                login: "ghost".to_owned(),
                kind: crate::store::AccountKind::User,
                created_at: chrono::DateTime::UNIX_EPOCH,
            };
            &ghost
        }
    };
    let login = &account.login;
    let path = super::url_path(login);
    let base = &state.base_url;
    let api = format!("{base}/users/{path}");
    let page = login.strip_suffix("[bot]").map_or_else(|| login.clone(), |slug| format!("apps/{slug}"));
    json!({
        "login": login,
        "id": account.id,
        "node_id": node_id("User", account.id),
        "avatar_url": format!("{base}/_stand-in/avatars/{}", account.id),
        "gravatar_id": "",
        "url": api,
        "html_url": format!("{base}/{page}"),
        "followers_url": format!("{api}/followers"),
        "following_url": format!("{api}/following{{/other_user}}"),
        "gists_url": format!("{api}/gists{{/gist_id}}"),
        "starred_url": format!("{api}/starred{{/owner}}{{/repo}}"),
        "subscriptions_url": format!("{api}/subscriptions"),
        "organizations_url": format!("{api}/orgs"),
        "repos_url": format!("{api}/repos"),
        "events_url": format!("{api}/events{{/privacy}}"),
        "received_events_url": format!("{api}/received_events"),
        "type": account.kind.as_str(),
        "user_view_type": "public",
        "site_admin": false,
    })
}

/// A user, or null.
pub fn user_or_null(state: &State, id: Option<u64>) -> Value {
    id.map_or(Value::Null, |id| user(state, id))
}

/// A `public-user`, the answer of `GET /users/{username}`.
pub fn public_user(state: &State, account: &Account) -> Value {
    let mut value = user(state, account.id);
    let more = json!({
        "name": account.login, "company": null, "blog": "", "location": null, "email": null, "hireable": null,
        "bio": null, "twitter_username": null, "public_repos": 0, "public_gists": 0, "followers": 0, "following": 0,
        "created_at": stamp(account.created_at), "updated_at": stamp(account.created_at),
    });
    merge(&mut value, more);
    value
}

/// An `integration`: the app as check runs, comments and `GET /app` show it.
pub fn app(state: &State, app: &App) -> Value {
    json!({
        "id": app.id,
        "client_id": app.client_id,
        "slug": app.slug,
        "node_id": node_id("App", app.id),
        "owner": user(state, app.owner),
        "name": app.name,
        "description": "",
        "external_url": format!("{}/apps/{}", state.base_url, app.slug),
        "html_url": format!("{}/apps/{}", state.base_url, app.slug),
        "created_at": stamp(app.created_at),
        "updated_at": stamp(app.created_at),
        "permissions": app.permissions,
        "events": app.events,
    })
}

/// An app by id, or null.
pub fn app_or_null(state: &State, id: Option<u64>) -> Value {
    id.and_then(|id| state.apps.get(&id)).map_or(Value::Null, |found| app(state, found))
}

/// An `installation`.
pub fn installation(state: &State, installation: &Installation) -> Value {
    let base = &state.base_url;
    let id = installation.id;
    let found = state.apps.get(&installation.app);
    let account_kind = state.accounts.get(&installation.account).map_or("User", |account| account.kind.as_str());
    json!({
        "id": id,
        "account": user(state, installation.account),
        "repository_selection": "selected",
        "access_tokens_url": format!("{base}/app/installations/{id}/access_tokens"),
        "repositories_url": format!("{base}/installation/repositories"),
        "html_url": format!("{base}/settings/installations/{id}"),
        "app_id": installation.app,
        "client_id": found.map(|app| app.client_id.as_str()),
        "app_slug": found.map(|app| app.slug.as_str()),
        "target_id": installation.account,
        "target_type": account_kind,
        "permissions": installation.permissions,
        "events": found.map(|app| &app.events),
        "created_at": stamp(installation.created_at),
        "updated_at": stamp(installation.created_at),
        "single_file_name": null,
        "has_multiple_single_files": false,
        "single_file_paths": [],
        "suspended_by": user_or_null(state, installation.suspended.map(|(_, by)| by)),
        "suspended_at": installation.suspended.map(|(at, _)| stamp(at)),
    })
}

/// Adds the members of one object to another.
pub fn merge(into: &mut Value, more: Value) {
    if let (Value::Object(into), Value::Object(more)) = (into, more) {
        into.extend(more);
    }
}
