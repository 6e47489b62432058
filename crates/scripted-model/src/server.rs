//! The HTTP server: checks a request, finds its turn, answers on the wire it came on.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};

use crate::{
    fault::{Fault, Weather},
    script::Script,
    wire::{Tokens, Wire},
};

/// How long a silent fault holds the connection.
const SILENCE: Duration = Duration::from_secs(600);
/// Most requests kept for [`ScriptedModel::requests`].
const RECORDED: usize = 10_000;

/// A running server. It stops when this is dropped.
pub struct ScriptedModel {
    address: SocketAddr,
    stage: Arc<Stage>,
    _server: JoinSet<std::io::Result<()>>,
}

/// One request as it came, and what became of it.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The path, which tells the wire.
    pub path: String,
    /// The body, or null when it was no JSON.
    pub body: Value,
    /// The HTTP status it was answered with; 0 for a fault that answered nothing.
    pub status: u16,
    /// `scene/turn`, counted from 1, when it was played.
    pub played: Option<String>,
}

struct Stage {
    script: Script,
    weather: Weather,
    requests: Mutex<Vec<Recorded>>,
    faults: Mutex<Vec<String>>,
}

impl ScriptedModel {
    /// Plays the script on a free port of this machine.
    pub async fn start(script: Script) -> anyhow::Result<Self> {
        Self::listen(script, SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// Plays the script at an address.
    pub async fn listen(script: Script, address: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
        let address = listener.local_addr()?;
        let stage = Arc::new(Stage {
            script,
            weather: Weather::default(),
            requests: Mutex::default(),
            faults: Mutex::default(),
        });
        let router = router(Arc::clone(&stage));
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, stage, _server: server })
    }

    /// The base URL, for the Anthropic wire; the OpenAI wires are below `/v1`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request so far, oldest first.
    pub fn requests(&self) -> Vec<Recorded> {
        self.stage.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What was wrong with the requests so far; a test ends with this being empty.
    pub fn faults(&self) -> Vec<String> {
        self.stage.faults.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets the next `calls` calls fail.
    pub fn fail_next(&self, calls: usize, fault: Fault) {
        self.stage.weather.add(calls, fault);
    }
}

fn router(stage: Arc<Stage>) -> Router {
    let play = |wire: Wire, path: &'static str| {
        post(async move |State(stage): State<Arc<Stage>>, headers: HeaderMap, body: Bytes| {
            stage.answer(wire, path, &headers, &body).await
        })
    };
    Router::new()
        .route("/v1/messages", play(Wire::Messages, "/v1/messages"))
        .route("/v1/responses", play(Wire::Responses, "/v1/responses"))
        .route("/v1/chat/completions", play(Wire::Chat, "/v1/chat/completions"))
        .route("/v1/models/{*model}", get(tell_of_model))
        .route("/_script/faults", get(list_faults))
        .route("/_script/fail", post(fail))
        // Own limit, with an answer in the wire's form.
        .layer(DefaultBodyLimit::disable())
        .with_state(stage)
}

/// Every model is there, for whoever has a key.
async fn tell_of_model(State(stage): State<Arc<Stage>>, Path(model): Path<String>, headers: HeaderMap) -> Response {
    let told = json!({ "id": model, "object": "model" });
    match stage.weather.next() {
        _ if !has_key(Wire::Messages, &headers) && !has_key(Wire::Chat, &headers) => {
            error(StatusCode::UNAUTHORIZED, "authentication_error", "no key was sent")
        }
        Some(fault) => faulty(fault, &told),
        None => Json(told).into_response(),
    }
}

async fn list_faults(State(stage): State<Arc<Stage>>) -> Json<Vec<String>> {
    Json(stage.faults.lock().unwrap_or_else(PoisonError::into_inner).clone())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FailRequest {
    calls: usize,
    fault: Fault,
}

async fn fail(State(stage): State<Arc<Stage>>, Json(request): Json<FailRequest>) -> StatusCode {
    stage.weather.add(request.calls.min(1_000), request.fault);
    StatusCode::NO_CONTENT
}

impl Stage {
    async fn answer(&self, wire: Wire, path: &str, headers: &HeaderMap, body: &[u8]) -> Response {
        let parsed: Value = serde_json::from_slice(body).unwrap_or_default();
        let fault = self.weather.next();
        let (status, played, response) = match self.play(wire, headers, body, &parsed).await {
            Err((status, reason)) => {
                self.faults.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{path}: {reason}"));
                (status.as_u16(), None, error(status, "invalid_request_error", &reason))
            }
            Ok((played, answer)) => match fault {
                None => (200, Some(played), Json(answer).into_response()),
                Some(Fault::Silent) => (0, None, StatusCode::GATEWAY_TIMEOUT.into_response()),
                Some(fault) => {
                    let response = faulty(fault, &answer);
                    (response.status().as_u16(), None, response)
                }
            },
        };
        {
            let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
            if requests.len() < RECORDED {
                requests.push(Recorded { path: path.to_owned(), body: parsed, status, played });
            }
        }
        if status == 0 {
            tokio::time::sleep(SILENCE).await;
        }
        response
    }

    /// The scripted answer and the name of its turn, or what is wrong with the request.
    async fn play(
        &self,
        wire: Wire,
        headers: &HeaderMap,
        body: &[u8],
        parsed: &Value,
    ) -> Result<(String, Value), (StatusCode, String)> {
        let bad = |reason: String| (StatusCode::BAD_REQUEST, reason);
        if !has_key(wire, headers) {
            return Err((StatusCode::UNAUTHORIZED, "no key was sent".to_owned()));
        }
        if body.len() > self.script.max_body_bytes {
            return Err((StatusCode::PAYLOAD_TOO_LARGE, format!("{} bytes are too many", body.len())));
        }
        if parsed.is_null() {
            return Err(bad("the body is not JSON".to_owned()));
        }
        let text = String::from_utf8_lossy(body);
        if let Some(number) = self.script.canaries.iter().position(|canary| text.contains(canary)) {
            return Err(bad(format!("canary {number} was sent")));
        }
        let seen = wire.read(parsed).map_err(bad)?;
        seen.check_form().map_err(bad)?;
        let (scene, number) = self.script.turn_for(&seen).map_err(bad)?;
        seen.check_scene(scene, number).map_err(bad)?;
        let turn = &scene.turns[number];
        if turn.delay_ms > 0 {
            tokio::time::sleep(Duration::from_millis(turn.delay_ms)).await;
        }
        let answer = wire.write(turn, number, Tokens::of(body.len(), &seen, turn), &seen.model);
        Ok((format!("{}/{}", scene.name, number + 1), answer))
    }
}

fn has_key(wire: Wire, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match wire {
        Wire::Messages => !text("x-api-key").is_empty() && !text("anthropic-version").is_empty(),
        Wire::Responses | Wire::Chat => text("authorization").len() > "Bearer ".len(),
    }
}

fn error(status: StatusCode, kind: &str, message: &str) -> Response {
    let body = json!({ "type": "error", "error": { "type": kind, "message": message } });
    (status, Json(body)).into_response()
}

fn faulty(fault: Fault, answer: &Value) -> Response {
    let overloaded = StatusCode::from_u16(529).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    match fault {
        Fault::RateLimited { retry_after_s } => {
            let mut response = error(StatusCode::TOO_MANY_REQUESTS, "rate_limit_error", "too many requests");
            response.headers_mut().insert(header::RETRY_AFTER, retry_after_s.into());
            response
        }
        Fault::KeyRefused => error(StatusCode::UNAUTHORIZED, "authentication_error", "invalid key"),
        Fault::Overloaded => error(overloaded, "overloaded_error", "Overloaded"),
        Fault::Broken | Fault::Silent => (StatusCode::INTERNAL_SERVER_ERROR, "<html>oops</html>").into_response(),
        Fault::Truncated => {
            let text = answer.to_string();
            let half = text.floor_char_boundary(text.len() / 2);
            ([(header::CONTENT_TYPE, "application/json")], text[..half].to_owned()).into_response()
        }
    }
}
