//! The control API over HTTP, for programs that are not written in Rust.

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::control::{Control, NewApp, NewCheck, NewRepository, NewWorkflow};
use crate::faults::{DeliveryFault, Fault};
use crate::store::{LogTicket, PermissionSet, Role};

type Shared = State<Arc<Control>>;

/// Everything below `/_stand-in`.
pub fn router() -> Router<Arc<Control>> {
    Router::new()
        .route("/health", get(|| async { Json(json!({ "status": "ok" })) }))
        .route("/users", post(create_user))
        .route("/organizations", post(create_organization))
        .route("/apps", post(create_app))
        .route("/apps/{app}/webhook", post(set_webhook))
        .route("/repositories", post(create_repository))
        .route("/repositories/{owner}/{repo}", get(get_repository))
        .route("/workflows", post(script_workflow))
        .route("/checks", post(script_check))
        .route("/actions/step", post(step_actions))
        .route("/logs/{ticket}", get(log))
        .route("/roles", post(set_role))
        .route("/installations", post(install))
        .route("/installations/{id}", post(change_installation))
        .route("/apps/{app}", post(change_app))
        .route("/rate-limit", post(set_rate_limit))
        .route("/installations/{id}/requests", post(spend_requests))
        .route("/act", post(act))
        .route("/faults", post(add_fault).delete(clear_faults))
        .route("/delivery-faults", post(add_delivery_fault))
        .route("/tokens/expire", post(expire_tokens))
        .route("/clock", post(advance_clock))
        .route("/deliveries.json", get(deliveries))
        .route("/deliveries/{id}/redeliver", post(redeliver))
        .route("/violations", get(violations))
}

fn answer<T: Serialize>(result: anyhow::Result<T>) -> Response {
    match result {
        Ok(value) => Json(value).into_response(),
        Err(error) => {
            (StatusCode::UNPROCESSABLE_ENTITY, Json(json!({ "message": format!("{error:#}") }))).into_response()
        }
    }
}

/// Setting up blocks for git and keys, so it runs beside the server's own threads.
async fn blocking<T: Serialize + Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> Response {
    answer(tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(error.into())))
}

#[derive(Deserialize)]
struct Login {
    login: String,
}

async fn create_user(State(control): Shared, Json(body): Json<Login>) -> Response {
    answer(control.create_user(&body.login))
}

async fn create_organization(State(control): Shared, Json(body): Json<Login>) -> Response {
    answer(control.create_organization(&body.login).map(|id| json!({ "id": id })))
}

async fn create_app(State(control): Shared, Json(body): Json<NewApp>) -> Response {
    blocking(move || control.create_app(&body)).await
}

#[derive(Deserialize)]
struct Webhook {
    url: String,
}

async fn set_webhook(State(control): Shared, Path(app): Path<u64>, Json(body): Json<Webhook>) -> Response {
    answer(control.set_webhook_url(app, &body.url))
}

async fn create_repository(State(control): Shared, Json(body): Json<NewRepository>) -> Response {
    blocking(move || control.create_repository(&body)).await
}

async fn get_repository(State(control): Shared, Path((owner, repo)): Path<(String, String)>) -> Response {
    answer(control.repository(&format!("{owner}/{repo}")))
}

#[derive(Deserialize)]
struct Script<T> {
    repository: String,
    #[serde(flatten)]
    script: T,
}

async fn script_workflow(State(control): Shared, Json(body): Json<Script<NewWorkflow>>) -> Response {
    answer(control.script_workflow(&body.repository, &body.script).map(|id| json!({ "id": id })))
}

async fn script_check(State(control): Shared, Json(body): Json<Script<NewCheck>>) -> Response {
    answer(control.script_check(&body.repository, &body.script).map(|id| json!({ "id": id })))
}

async fn step_actions(State(control): Shared) -> Response {
    blocking(move || Ok(json!({ "stepped": control.step_actions() }))).await
}

/// Where a log redirect leads. Storage takes no other credentials than those in the address, and refuses a request that
/// brings some: <https://learn.microsoft.com/en-us/rest/api/storageservices/authorize-requests-to-azure-storage>
async fn log(State(control): Shared, Path(ticket): Path<String>, headers: HeaderMap) -> Response {
    if headers.contains_key(header::AUTHORIZATION) {
        return (StatusCode::BAD_REQUEST, "InvalidAuthenticationInfo").into_response();
    }
    let found = control.engine().with(|state| {
        let now = state.now();
        state.log_tickets.get(&ticket).filter(|ticket| now <= ticket.until).cloned()
    });
    match found {
        Some(LogTicket { media_type, bytes: Some(bytes), .. }) => {
            ([(header::CONTENT_TYPE, media_type)], bytes).into_response()
        }
        Some(LogTicket { bytes: None, .. }) => (StatusCode::NOT_FOUND, "BlobNotFound").into_response(),
        None => (StatusCode::FORBIDDEN, "AuthenticationFailed").into_response(),
    }
}

#[derive(Deserialize)]
struct RoleOf {
    repository: String,
    login: String,
    role: Role,
}

async fn set_role(State(control): Shared, Json(body): Json<RoleOf>) -> Response {
    answer(control.set_role(&body.repository, &body.login, body.role))
}

#[derive(Deserialize)]
struct Install {
    app: u64,
    repositories: Vec<String>,
}

async fn install(State(control): Shared, Json(body): Json<Install>) -> Response {
    let names: Vec<&str> = body.repositories.iter().map(String::as_str).collect();
    answer(control.install(body.app, &names).map(|id| json!({ "id": id })))
}

/// What happens to an installation on the owner's pages.
#[derive(Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
enum Change {
    Add { repositories: Vec<String> },
    Remove { repositories: Vec<String> },
    Suspend,
    Unsuspend,
    Delete,
    AcceptPermissions,
}

async fn change_installation(State(control): Shared, Path(id): Path<u64>, Json(change): Json<Change>) -> Response {
    fn names(given: &[String]) -> Vec<&str> {
        given.iter().map(String::as_str).collect()
    }
    answer(match change {
        Change::Add { repositories } => control.add_to_installation(id, &names(&repositories)),
        Change::Remove { repositories } => control.remove_from_installation(id, &names(&repositories)),
        Change::Suspend => control.set_suspended(id, true),
        Change::Unsuspend => control.set_suspended(id, false),
        Change::Delete => control.uninstall(id),
        Change::AcceptPermissions => control.accept_permissions(id),
    })
}

#[derive(Deserialize)]
struct AskedFor {
    permissions: PermissionSet,
    events: Vec<String>,
}

async fn change_app(State(control): Shared, Path(app): Path<u64>, Json(body): Json<AskedFor>) -> Response {
    let events: Vec<&str> = body.events.iter().map(String::as_str).collect();
    answer(control.change_app(app, body.permissions, &events))
}

#[derive(Deserialize)]
struct RateLimit {
    limit: Option<u32>,
}

async fn set_rate_limit(State(control): Shared, Json(body): Json<RateLimit>) -> Response {
    control.set_rate_limit(body.limit);
    answer(Ok(Value::Null))
}

#[derive(Deserialize)]
struct Spent {
    spent: u32,
}

async fn spend_requests(State(control): Shared, Path(id): Path<u64>, Json(body): Json<Spent>) -> Response {
    control.spend_requests(id, body.spent);
    answer(Ok(Value::Null))
}

/// What a person does that the REST API has no call for.
#[derive(Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
enum Act {
    /// Any REST request in the person's name.
    Request {
        login: String,
        method: String,
        path: String,
        #[serde(default)]
        body: Value,
    },
    /// Any REST request in the name of an app's installation on a repository.
    RequestAsApp {
        app: u64,
        repository: String,
        method: String,
        path: String,
        #[serde(default)]
        body: Value,
    },
    /// A button of a check run.
    Click { login: String, repository: String, check_run: u64, identifier: String },
    /// Re-run a check run.
    Rerequest { login: String, repository: String, check_run: u64 },
    /// Remove a comment.
    DeleteComment { login: String, repository: String, comment: u64 },
    /// Delete an issue.
    DeleteIssue { login: String, repository: String, number: u64 },
    /// Transfer an issue.
    TransferIssue { login: String, repository: String, number: u64, to: String },
    /// Make a pull request a draft, or ready.
    SetDraft { login: String, repository: String, number: u64, draft: bool },
    /// Resolve the thread a line comment began, or open it again.
    ResolveThread { login: String, repository: String, comment: u64, resolved: bool },
    /// Register an app from a manifest.
    RegisterApp {
        login: String,
        organization: Option<String>,
        manifest: String,
        #[serde(default)]
        state: String,
    },
    /// Install an app.
    InstallApp { login: String, slug: String, repositories: Vec<String> },
}

async fn act(State(control): Shared, Json(body): Json<Act>) -> Response {
    blocking(move || perform(&control, body)).await
}

fn perform(control: &Control, act: Act) -> anyhow::Result<Value> {
    match act {
        Act::Request { login, method, path, body } => control.act_as(&login)?.request(&method, &path, &body),
        Act::RequestAsApp { app, repository, method, path, body } => {
            control.request_as_app(app, &repository, (&method, &path), &body)
        }
        Act::Click { login, repository, check_run, identifier } => {
            control.act_as(&login)?.click(&repository, check_run, &identifier).map(|()| Value::Null)
        }
        Act::Rerequest { login, repository, check_run } => {
            control.act_as(&login)?.rerequest(&repository, check_run).map(|()| Value::Null)
        }
        Act::DeleteComment { login, repository, comment } => {
            control.act_as(&login)?.delete_comment(&repository, comment).map(|()| Value::Null)
        }
        Act::DeleteIssue { login, repository, number } => {
            control.act_as(&login)?.delete_issue(&repository, number).map(|()| Value::Null)
        }
        Act::TransferIssue { login, repository, number, to } => {
            control.act_as(&login)?.transfer_issue(&repository, number, &to).map(|number| json!({ "number": number }))
        }
        Act::SetDraft { login, repository, number, draft } => {
            control.act_as(&login)?.set_draft(&repository, number, draft).map(|()| Value::Null)
        }
        Act::ResolveThread { login, repository, comment, resolved } => {
            control.act_as(&login)?.resolve_thread(&repository, comment, resolved).map(|()| Value::Null)
        }
        Act::RegisterApp { login, organization, manifest, state } => {
            let url = control.act_as(&login)?.register_app(organization.as_deref(), &manifest, &state)?;
            Ok(json!({ "redirect": url }))
        }
        Act::InstallApp { login, slug, repositories } => {
            let names: Vec<&str> = repositories.iter().map(String::as_str).collect();
            Ok(json!({ "redirect": control.act_as(&login)?.install_app(&slug, &names)? }))
        }
    }
}

async fn add_fault(State(control): Shared, Json(fault): Json<Fault>) -> Response {
    control.add_fault(fault);
    answer(Ok(Value::Null))
}

async fn clear_faults(State(control): Shared) -> Response {
    control.clear_faults();
    answer(Ok(Value::Null))
}

async fn add_delivery_fault(State(control): Shared, Json(fault): Json<DeliveryFault>) -> Response {
    control.add_delivery_fault(fault);
    answer(Ok(Value::Null))
}

async fn expire_tokens(State(control): Shared) -> Response {
    control.expire_tokens();
    answer(Ok(Value::Null))
}

#[derive(Deserialize)]
struct Clock {
    advance_s: i64,
}

async fn advance_clock(State(control): Shared, Json(body): Json<Clock>) -> Response {
    control.advance_clock(chrono::TimeDelta::seconds(body.advance_s));
    answer(Ok(Value::Null))
}

async fn deliveries(State(control): Shared) -> Response {
    answer(Ok(control.deliveries()))
}

async fn redeliver(State(control): Shared, Path(id): Path<u64>) -> Response {
    answer(control.redeliver(id))
}

async fn violations(State(control): Shared) -> Response {
    answer(Ok(control.violations()))
}
