//! What goes over the wire, against a server that only counts and redirects.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use serde_json::json;
use tokio::{sync::Semaphore, task::JoinSet};
use wiz::{
    github::{GitHub, GitHubError, Reactable, Reaction},
    ids::{InstallationId, IssueNumber, RepositoryName},
};

use super::config;

/// A place that takes webhooks and counts them.
pub struct Receiver {
    pub url: String,
    received: Arc<AtomicUsize>,
    _server: JoinSet<()>,
}

impl Receiver {
    pub async fn start() -> Self {
        let received = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&received);
        let router = Router::new().fallback(async move || {
            counter.fetch_add(1, Ordering::SeqCst);
            StatusCode::ACCEPTED
        });
        let (url, server) = serve(router).await;
        Self { url, received, _server: server }
    }

    pub fn count(&self) -> usize {
        self.received.load(Ordering::SeqCst)
    }
}

async fn serve(router: Router) -> (String, JoinSet<()>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mut server = JoinSet::new();
    server.spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, server)
}

type Log = Arc<Mutex<Vec<(String, HeaderMap)>>>;

/// A server of its own, which gives no token before the gate has a permit.
async fn serve_answers(log: &Log, away: String, gate: &Arc<Semaphore>) -> (String, JoinSet<()>) {
    serve(Router::new().fallback(answer).with_state((Arc::clone(log), away, Arc::clone(gate)))).await
}

/// Gives tokens; answers `/repos/new/*` and redirects `/repos/old/*` there and `/repos/away/*` to another port.
async fn answer(State((log, away, gate)): State<(Log, String, Arc<Semaphore>)>, request: Request) -> Response {
    let line = format!("{} {}", request.method(), request.uri());
    log.lock().unwrap().push((line, request.headers().clone()));
    let path = request.uri().path();
    if path.ends_with("/access_tokens") {
        let _open = gate.acquire().await.unwrap();
        let expires_at = chrono::Utc::now() + chrono::TimeDelta::hours(1);
        return (StatusCode::CREATED, Json(json!({ "token": "ghs_test", "expires_at": expires_at }))).into_response();
    }
    let redirect = |to: String| {
        let status = if request.method() == "GET" { 301 } else { 307 };
        (StatusCode::from_u16(status).unwrap(), [(header::LOCATION, to)]).into_response()
    };
    if let Some(rest) = path.strip_prefix("/repos/old/") {
        let host = request.headers()[header::HOST].to_str().unwrap();
        return redirect(format!("http://{host}/repos/new/{rest}"));
    }
    if let Some(rest) = path.strip_prefix("/repos/away/") {
        return redirect(format!("{away}/repos/new/{rest}"));
    }
    if path.starts_with("/repos/new/") && path.ends_with("/reactions") {
        return (StatusCode::CREATED, Json(json!({}))).into_response();
    }
    Json(json!({ "id": 1, "full_name": "new/x", "default_branch": "main", "private": false })).into_response()
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_calls_share_one_token() {
    let (log, gate) = (Log::default(), Arc::new(Semaphore::new(0)));
    let (url, _server) = serve_answers(&log, String::new(), &gate).await;
    let wiz = GitHub::new(&config(&url, 1)).unwrap();
    let repository: RepositoryName = "new/x".parse().unwrap();
    let mut calls: Vec<_> = (0..20)
        .map(|_| {
            let installation = wiz.installation(InstallationId(7));
            let repository = &repository;
            Box::pin(async move { installation.repository(repository).await.unwrap().unwrap() })
        })
        .collect();
    // All of them want the token before there is one.
    for call in &mut calls {
        assert!(futures::poll!(call.as_mut()).is_pending());
    }
    gate.add_permits(1);
    assert_eq!(futures::future::join_all(calls).await.len(), 20);
    let log = log.lock().unwrap();
    let count = |line: &str| log.iter().filter(|(seen, _)| seen == line).count();
    assert_eq!(count("POST /app/installations/7/access_tokens"), 1);
    assert_eq!(count("GET /repos/new/x"), 20);
    for (line, headers) in log.iter() {
        let all = |name: &str| headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect::<Vec<_>>();
        assert_eq!(all("user-agent"), [concat!("wiz/", env!("CARGO_PKG_VERSION"))], "{line}");
        assert_eq!(all("x-github-api-version"), ["2022-11-28"], "{line}");
        assert_eq!(all("authorization").len(), 1, "{line}");
        assert_eq!(all("authorization")[0] == "Bearer ghs_test", line.starts_with("GET"), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_are_followed_at_home_only() {
    let (log, away_log) = (Log::default(), Log::default());
    let gate = Arc::new(Semaphore::new(1));
    let (away, _away) = serve_answers(&away_log, String::new(), &gate).await;
    let (url, _server) = serve_answers(&log, away, &gate).await;
    let installation = GitHub::new(&config(&url, 1)).unwrap().installation(InstallationId(7));
    let (old, away): (RepositoryName, RepositoryName) = ("old/x".parse().unwrap(), "away/x".parse().unwrap());
    let renamed = installation.repository(&old).await.unwrap().unwrap();
    assert_eq!(renamed.name.to_string(), "new/x");
    let on = Reactable::Issue(IssueNumber(1));
    installation.react(&old, on, Reaction::Eyes).await.unwrap();
    let posts = log.lock().unwrap().iter().filter(|(line, _)| line == "POST /repos/new/x/issues/1/reactions").count();
    assert_eq!(posts, 1, "a write keeps its method");

    assert_eq!(installation.repository(&away).await, Ok(None));
    installation.react(&away, on, Reaction::Eyes).await.unwrap();
    assert!(away_log.lock().unwrap().is_empty(), "no request and no token leaves the configured host");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absent_server_is_transient_for_reads_and_ambiguous_for_nothing() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let wiz = GitHub::new(&config(&url, 1)).unwrap();
    let error = wiz.identity().await.unwrap_err();
    assert!(matches!(&error, GitHubError::Transient(detail) if detail.message.contains("refused")), "{error}");
    let token = wiz.installation(InstallationId(7)).token(wiz::github::Purpose::Converse).await;
    assert!(matches!(token, Err(GitHubError::Transient(_))), "{token:?}");
}
