//! The HTTP front: sorts requests into REST, git, pages and the control API. Holds no rules of its own.

mod control;
mod git_http;
mod markdown;
mod pages;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{Request, Response, StatusCode};
use axum::routing::get;
use tower::ServiceExt;

use crate::control::Control;
use crate::rest::{ApiRequest, ApiResponse};

/// Larger bodies are refused. A push of a big repository arrives as one body.
const MAX_BODY_BYTES: usize = 256 * 1024 * 1024;

/// The whole server.
pub fn router(control: Control) -> Router {
    let control = Arc::new(control);
    let front = Front { control: Arc::clone(&control), pages: pages::router().with_state(Arc::clone(&control)) };
    Router::new()
        .nest("/_stand-in", control::router().merge(pages::own_router()).with_state(control))
        // Browsers ask for one on their own; that is no mistake of the app under test.
        .route("/favicon.ico", get(|| async { StatusCode::NO_CONTENT }))
        .fallback(dispatch)
        .with_state(Arc::new(front))
}

struct Front {
    control: Arc<Control>,
    pages: Router,
}

async fn dispatch(State(front): State<Arc<Front>>, request: Request<Body>) -> Response<Body> {
    let control = Arc::clone(&front.control);
    let git = git_http::parse(request.uri().path());
    if git.is_none() && control.engine().with(|state| pages::is_page(state, request.uri().path())) {
        return front.pages.clone().oneshot(request).await.unwrap_or_else(|never| match never {});
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY_BYTES).await else {
        return plain(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large");
    };
    let headers = parts
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let request = ApiRequest {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers,
        body,
        by_hand: false,
    };
    if let Some(git) = git {
        return git_http::serve(&control, git, request).await;
    }
    match tokio::task::spawn_blocking(move || control.engine().serve(&request)).await {
        // Ends when the client goes.
        Ok(response) if response.withheld => std::future::pending().await,
        Ok(response) => {
            tokio::time::sleep(Duration::from_millis(response.late_ms)).await;
            into_http(response)
        }
        Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, &format!("github-stand-in failed: {error}")),
    }
}

fn into_http(response: ApiResponse) -> Response<Body> {
    let mut builder = Response::builder().status(response.status);
    for (name, value) in response.headers {
        builder = builder.header(name, value);
    }
    builder.body(Body::from(response.body)).unwrap_or_else(|error| {
        plain(StatusCode::INTERNAL_SERVER_ERROR, &format!("github-stand-in made an impossible answer: {error}"))
    })
}

fn plain(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(text.to_owned()));
    *response.status_mut() = status;
    response
}
