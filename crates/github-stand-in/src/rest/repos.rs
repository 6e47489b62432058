//! Repositories, people's permissions on them, users, the rate limit.

use serde_json::{Value, json};

use super::Call;
use super::serve::hourly_limit;
use crate::answer::{Answer, Handled, Refusal};
use crate::auth::Caller;
use crate::render::accounts;
use crate::render::repositories;
use crate::store::Role;

/// `GET /repos/{owner}/{repo}`
pub fn get(call: &mut Call<'_>) -> Handled {
    let repository = call.repo()?;
    let mut value = repositories::repository(call.state, repository);
    value["permissions"] = match &call.caller {
        Caller::User(id) => repositories::permissions(call.state.role(repository, *id)),
        Caller::Anonymous | Caller::App(_) | Caller::Installation { .. } => repositories::permissions(Role::None),
    };
    Ok(Answer::ok(value))
}

/// `GET /repos/{owner}/{repo}/collaborators/{username}/permission`
pub fn get_permission(call: &mut Call<'_>) -> Handled {
    if matches!(call.caller, Caller::Anonymous) {
        return Err(Refusal::new(401, "Requires authentication"));
    }
    let repository = call.repo()?;
    let login = call.parameter("username");
    let Some(account) = call.state.account_by_login(login) else {
        return Err(Refusal::new(404, format!("{login} is not a user")));
    };
    let role = call.state.role(repository, account.id);
    let mut user = accounts::user(call.state, account.id);
    user["role_name"] = json!(role.as_str());
    user["permissions"] = repositories::permissions(role);
    Ok(Answer::ok(json!({ "permission": role.folded(), "role_name": role.as_str(), "user": user })))
}

/// `GET /users/{username}`
pub fn get_user(call: &mut Call<'_>) -> Handled {
    let account = call.state.account_by_login(call.parameter("username")).ok_or_else(Refusal::not_found)?;
    Ok(Answer::ok(accounts::public_user(call.state, account)))
}

/// `GET /rate_limit`
pub fn rate_limit(call: &mut Call<'_>) -> Handled {
    let key = call.caller.rate_key();
    let limit = hourly_limit(call.state, Some(&call.caller));
    let window = |limit: u32, key: &str| -> Value {
        let (used, reset) = (call.state.spent(key), call.state.rate_reset(key));
        json!({ "limit": limit, "remaining": limit.saturating_sub(used), "reset": reset, "used": used })
    };
    let core = window(limit, &key);
    let (search, graphql) = (window(30, &format!("search-{key}")), window(limit, &format!("graphql-{key}")));
    Ok(Answer::ok(json!({
        "resources": { "core": core, "search": search, "graphql": graphql },
        "rate": core,
    })))
}
