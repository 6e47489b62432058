//! Pages for people: what they would see on GitHub, plain. Reading needs no login here; acting is done as a chosen user.
//!
//! A form posts to `…/do`, which acts through [`crate::control::Human`] (so through REST, under GitHub's rules) and leads
//! back. Pages never change state themselves. Read first: [`router`], [`layout::page`], [`issue`].

mod actions;
mod activity;
mod apps;
mod deliveries;
mod forms;
mod issue;
mod layout;
mod lists;
mod pull;
mod threads;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use maud::Markup;
use serde::Deserialize;

use crate::control::Control;
use crate::store::State as Store;

type Shared = State<Arc<Control>>;
const ACTOR_COOKIE: &str = "stand_in_user";

/// Pages and forms. Paths are GitHub's.
pub fn router() -> Router<Arc<Control>> {
    Router::new()
        .route("/", get(home))
        .route("/settings/apps/new", post(apps::new_own))
        .route("/settings/apps/create", post(apps::create))
        .route("/organizations/{organization}/settings/apps/new", post(apps::new_of_organization))
        .route("/apps/{slug}/installations/new", get(apps::install_page))
        .route("/apps/{slug}/installations", post(apps::install))
        .route("/{owner}/{repo}", get(issues))
        .route("/{owner}/{repo}/issues", get(issues))
        .route("/{owner}/{repo}/pulls", get(pulls))
        .route("/{owner}/{repo}/issues/{number}", get(conversation))
        .route("/{owner}/{repo}/pull/{number}", get(conversation))
        .route("/{owner}/{repo}/pull/{number}/commits", get(commits))
        .route("/{owner}/{repo}/pull/{number}/files", get(files))
        .route("/{owner}/{repo}/pull/{number}/checks", get(checks))
        .route("/{owner}/{repo}/actions", get(runs))
        .route("/{owner}/{repo}/actions/runs/{number}", get(run))
        .route("/{owner}/{repo}/actions/runs/{number}/job/{job}", get(job))
        .route("/{owner}/{repo}/do", post(forms::submit))
}

/// The stand-in's own pages, below `/_stand-in`.
pub fn own_router() -> Router<Arc<Control>> {
    Router::new()
        .route("/", get(delivery_list))
        .route("/deliveries/{id}", get(delivery))
        .route("/act-as", post(forms::act_as))
}

/// Is this path a page? REST paths begin with words that are no logins, so a known repository decides.
pub fn is_page(state: &Store, path: &str) -> bool {
    let mut parts = path.trim_start_matches('/').split('/');
    let (owner, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let own = owner == "settings" || owner == "organizations" || (owner == "apps" && path.contains("/installations"));
    path == "/" || own || state.repository_by_name(owner, name).is_some()
}

/// The user chosen on the page, from the cookie; otherwise the first person there is.
pub fn actor(state: &Store, headers: &HeaderMap) -> Option<u64> {
    let cookies = headers.get(header::COOKIE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let chosen = cookies.split("; ").find_map(|pair| pair.strip_prefix(ACTOR_COOKIE)?.strip_prefix('='));
    let chosen = chosen.and_then(|login| state.account_by_login(login)).map(|account| account.id);
    chosen.or_else(|| layout::people(state).first().map(|account| account.id))
}

/// What a page is made for.
pub struct View<'a> {
    state: &'a Store,
    actor: Option<u64>,
    /// A message from the last form, such as a refusal.
    notice: Option<String>,
}

#[derive(Deserialize)]
struct Notice {
    notice: Option<String>,
}

/// Draws a page under the lock, beside the server's own threads since drawing asks git.
async fn draw(
    control: Arc<Control>,
    headers: HeaderMap,
    notice: Notice,
    page: impl FnOnce(&View<'_>) -> anyhow::Result<Option<Markup>> + Send + 'static,
) -> Response {
    let drawn = tokio::task::spawn_blocking(move || {
        control.engine().with(|state| {
            let view = View { actor: actor(state, &headers), notice: notice.notice, state };
            page(&view)
        })
    });
    match drawn.await {
        Ok(Ok(Some(markup))) => Html(markup.into_string()).into_response(),
        Ok(Ok(None)) => (StatusCode::NOT_FOUND, Html(layout::not_found().into_string())).into_response(),
        Ok(Err(error)) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}")).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn home(State(control): Shared, headers: HeaderMap, Query(notice): Query<Notice>) -> Response {
    draw(control, headers, notice, |view| Ok(Some(lists::home(view)))).await
}

type RepositoryPath = Path<(String, String)>;
type NumberPath = Path<(String, String, u64)>;

async fn issues(
    State(control): Shared,
    Path((owner, repo)): RepositoryPath,
    headers: HeaderMap,
    Query(notice): Query<Notice>,
) -> Response {
    draw(control, headers, notice, move |view| Ok(lists::issues(view, (&owner, &repo), false))).await
}

async fn pulls(
    State(control): Shared,
    Path((owner, repo)): RepositoryPath,
    headers: HeaderMap,
    Query(notice): Query<Notice>,
) -> Response {
    draw(control, headers, notice, move |view| Ok(lists::issues(view, (&owner, &repo), true))).await
}

async fn conversation(
    State(control): Shared,
    Path((owner, repo, number)): NumberPath,
    headers: HeaderMap,
    Query(notice): Query<Notice>,
) -> Response {
    draw(control, headers, notice, move |view| issue::conversation(view, (&owner, &repo, number))).await
}

async fn commits(
    State(control): Shared,
    Path((owner, repo, number)): NumberPath,
    headers: HeaderMap,
    Query(notice): Query<Notice>,
) -> Response {
    draw(control, headers, notice, move |view| pull::commits(view, (&owner, &repo, number))).await
}

async fn files(
    State(control): Shared,
    Path((owner, repo, number)): NumberPath,
    headers: HeaderMap,
    Query(notice): Query<Notice>,
) -> Response {
    draw(control, headers, notice, move |view| pull::files(view, (&owner, &repo, number))).await
}

async fn checks(
    State(control): Shared,
    Path((owner, repo, number)): NumberPath,
    headers: HeaderMap,
    Query(notice): Query<Notice>,
) -> Response {
    draw(control, headers, notice, move |view| Ok(pull::checks(view, (&owner, &repo, number)))).await
}

async fn runs(
    State(control): Shared,
    Path((owner, repo)): RepositoryPath,
    headers: HeaderMap,
    Query(notice): Query<Notice>,
) -> Response {
    draw(control, headers, notice, move |view| Ok(actions::list(view, (&owner, &repo)))).await
}

async fn run(
    State(control): Shared,
    Path((owner, repo, run)): NumberPath,
    headers: HeaderMap,
    Query(notice): Query<Notice>,
) -> Response {
    draw(control, headers, notice, move |view| Ok(actions::run(view, (&owner, &repo, run)))).await
}

async fn job(
    State(control): Shared,
    Path((owner, repo, _run, job)): Path<(String, String, u64, u64)>,
    headers: HeaderMap,
    Query(notice): Query<Notice>,
) -> Response {
    draw(control, headers, notice, move |view| Ok(actions::job(view, (&owner, &repo, job)))).await
}

async fn delivery_list(State(control): Shared, headers: HeaderMap, Query(notice): Query<Notice>) -> Response {
    draw(control, headers, notice, |view| Ok(Some(deliveries::list(view)))).await
}

async fn delivery(
    State(control): Shared,
    Path(id): Path<u64>,
    headers: HeaderMap,
    Query(notice): Query<Notice>,
) -> Response {
    draw(control, headers, notice, move |view| Ok(deliveries::one(view, id))).await
}
