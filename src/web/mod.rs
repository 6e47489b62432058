//! The web server: routes, health, and what every request gets (a log span, a time limit, a fence around panics).
//!
//! [`router`] joins the webhook endpoint with `/healthz` (this process lives) and `/readyz` (what it needs answers),
//! and [`serve`] runs it until shutdown. The checks are handed in by name, so this room knows no other room but
//! `intake`, `policy` for the schema it publishes and, for one of the checks, `database`. Every answer is JSON, errors too, and none tells more of the inside than
//! its reason.
//!
//! Read first: [`router`], [`serve`], [`ReadyCheck`].

mod health;

use std::time::Duration;

use anyhow::{Context, Result};
use axum::{Json, Router, body::Body, extract::DefaultBodyLimit, response::IntoResponse, routing::get};
use http::{Request, Response, StatusCode, header::CONTENT_TYPE};
use serde_json::json;
use tokio::{net::TcpListener, time};
use tokio_util::sync::CancellationToken;
use tower_http::{catch_panic::CatchPanicLayer, timeout::TimeoutLayer, trace::TraceLayer};
use tracing::Span;

pub use self::health::{ReadyCheck, database_check};
use crate::{intake, limits::SHUTDOWN_GRACE, policy};

/// Longest a request may take: GitHub gives a webhook ten seconds.
/// <https://docs.github.com/en/webhooks/using-webhooks/best-practices-for-using-webhooks#respond-within-10-seconds>
const REQUEST_DEADLINE: Duration = Duration::from_secs(9);

/// Largest body of every route but the webhook endpoint, which reads its own.
const BODY_BYTES: usize = 64 * 1024;

/// All routes of wiz.
pub fn router(intake: intake::Intake, checks: Vec<ReadyCheck>) -> Router {
    Router::new()
        .merge(health::router(checks))
        .merge(intake::router(intake))
        .route("/schema/wiz.json", get(schema))
        .fallback(async || refusal(StatusCode::NOT_FOUND, "there is no such page"))
        .method_not_allowed_fallback(async || refusal(StatusCode::METHOD_NOT_ALLOWED, "this page takes another method"))
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, REQUEST_DEADLINE))
        .layer(CatchPanicLayer::custom(|_panic| {
            refusal(StatusCode::INTERNAL_SERVER_ERROR, "something went wrong; the log knows what").into_response()
        }))
        .layer(TraceLayer::new_for_http().make_span_with(request_span).on_request(()).on_response(log_response))
}

/// Serves until `shutdown`, then lets the requests in flight finish, up to the grace.
pub async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) -> Result<()> {
    let deadline = async {
        shutdown.cancelled().await;
        time::sleep(SHUTDOWN_GRACE).await;
    };
    let serving = axum::serve(listener, router).with_graceful_shutdown(shutdown.clone().cancelled_owned());
    tokio::select! {
        served = async { serving.await } => served.context("the web server failed"),
        () = deadline => {
            tracing::warn!("some requests did not finish in time");
            Ok(())
        }
    }
}

/// The schema of policy files, for editors.
async fn schema() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/schema+json")], policy::schema())
}

fn refusal(status: StatusCode, reason: &'static str) -> impl IntoResponse {
    (status, Json(json!({ "error": reason })))
}

fn request_span(request: &Request<Body>) -> Span {
    let delivery = request.headers().get("x-github-delivery").and_then(|id| id.to_str().ok());
    // A stranger's header: shown only as far as a GUID goes.
    let delivery = delivery.map(|id| id.get(..36).unwrap_or(id));
    tracing::info_span!("request", method = %request.method(), path = request.uri().path(), delivery)
}

fn log_response(response: &Response<Body>, latency: Duration, _span: &Span) {
    tracing::debug!(status = response.status().as_u16(), latency_ms = latency.as_secs_f64() * 1000.0, "answered");
}
