//! `POST /webhooks/github`: every request is accepted, known, or refused with one line that says why.

use axum::{
    Json, Router,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
    routing::post,
};
use http::{HeaderMap, StatusCode};
use secrecy::SecretString;
use serde_json::json;
use sqlx::PgPool;

use super::{
    body::{BodyFault, BodyMemory},
    payload,
    signature::{self, Secrets, Signature},
    store::{NewDelivery, Stored},
    writer::{self, Inbox, NotStored, Writer},
};
use crate::{ids::DeliveryId, queue::Doorbell};

/// What the endpoint needs.
#[derive(Debug, Clone)]
pub struct Intake {
    inbox: Inbox,
    secrets: Secrets,
    doorbell: Doorbell,
    memory: BodyMemory,
}

impl Intake {
    /// An endpoint that accepts deliveries signed with any of the secrets and rings for each, and the writer that must
    /// run for it.
    pub fn new(pool: PgPool, secrets: &[SecretString], doorbell: Doorbell) -> (Self, Writer) {
        let (inbox, writer) = writer::inbox(pool);
        (Self { inbox, secrets: Secrets::new(secrets), doorbell, memory: BodyMemory::default() }, writer)
    }
}

/// The endpoint's route.
pub fn router(intake: Intake) -> Router {
    Router::new().route("/webhooks/github", post(receive)).with_state(intake)
}

async fn receive(State(intake): State<Intake>, headers: HeaderMap, body: Body) -> Response {
    match accept(&intake, &headers, body).await {
        Ok(answer) => answer.into_response(),
        Err(refusal) => {
            tracing::info!(status = refusal.status().as_u16(), reason = refusal.reason(), "refused a delivery");
            refusal.into_response()
        }
    }
}

/// The order matters: nothing is read for a request without a signature, and nothing is interpreted before the
/// signature holds.
async fn accept(intake: &Intake, headers: &HeaderMap, body: Body) -> Result<Answer, Refusal> {
    let signature = headers.get("x-hub-signature-256").ok_or(Refusal::Unsigned)?;
    let signature = Signature::parse(signature.as_bytes()).ok_or(Refusal::Unsigned)?;
    let body = intake.memory.read(headers, body).await?;
    let secret = signature::verify(&intake.secrets, &body.bytes, &signature).ok_or(Refusal::WronglySigned)?;
    let event = text(headers, "x-github-event").filter(|event| is_event_name(event)).ok_or(Refusal::NoEvent)?;
    let id = text(headers, "x-github-delivery").ok_or(Refusal::NoDelivery)?;
    let id: DeliveryId = id.parse().map_err(|_| Refusal::NoDelivery)?;
    let content_type = headers.get(http::header::CONTENT_TYPE).map(http::HeaderValue::as_bytes).unwrap_or_default();
    let encoding = payload::inspect(content_type, &body.bytes).map_err(Refusal::NoPayload)?;
    let delivery = NewDelivery {
        id,
        event: event.to_owned(),
        encoding,
        body: body.bytes.clone(),
        hook_id: number(headers, "x-github-hook-id"),
        target_type: text(headers, "x-github-hook-installation-target-type").map(str::to_owned),
        target_id: number(headers, "x-github-hook-installation-target-id"),
        secret_index: i16::try_from(secret).unwrap_or(i16::MAX),
    };
    let _arriving = intake.doorbell.arriving();
    match intake.inbox.store(delivery).await {
        Ok(Stored::New(job)) => {
            intake.doorbell.ring();
            tracing::info!(delivery = %id, event, %job, "accepted");
            Ok(Answer::Accepted)
        }
        Ok(Stored::Known) => Ok(Answer::Known),
        Err(NotStored) => Err(Refusal::Unavailable),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn number(headers: &HeaderMap, name: &str) -> Option<i64> {
    text(headers, name)?.parse().ok()
}

/// GitHub's event names are short, lower case and joined by underscores.
fn is_event_name(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// What a good delivery is told.
#[derive(Debug, Clone, Copy)]
enum Answer {
    Accepted,
    Known,
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        match self {
            Self::Accepted => (StatusCode::ACCEPTED, Json(json!({ "status": "accepted" }))),
            Self::Known => (StatusCode::OK, Json(json!({ "status": "this delivery is known" }))),
        }
        .into_response()
    }
}

/// Why a delivery was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    Unsigned,
    WronglySigned,
    NoEvent,
    NoDelivery,
    NoPayload(&'static str),
    Body(BodyFault),
    Unavailable,
}

impl From<BodyFault> for Refusal {
    fn from(fault: BodyFault) -> Self {
        Self::Body(fault)
    }
}

impl Refusal {
    fn status(self) -> StatusCode {
        match self {
            Self::Unsigned | Self::WronglySigned => StatusCode::UNAUTHORIZED,
            Self::NoEvent | Self::NoDelivery | Self::NoPayload(_) => StatusCode::BAD_REQUEST,
            Self::Body(BodyFault::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Body(BodyFault::Incomplete) => StatusCode::REQUEST_TIMEOUT,
            Self::Body(BodyFault::NoMemory) | Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// One line for whoever reads the App's "Recent deliveries" page.
    fn reason(self) -> &'static str {
        match self {
            Self::Unsigned => "X-Hub-Signature-256 must be sha256= and 64 hexadecimal digits; set a webhook secret",
            Self::WronglySigned => "the signature does not fit the body; is the webhook secret the one wiz has?",
            Self::NoEvent => "X-GitHub-Event must name the event",
            Self::NoDelivery => "X-GitHub-Delivery must be a GUID",
            Self::NoPayload(reason) => reason,
            Self::Body(BodyFault::TooLarge) => "the body is over 25 MiB",
            Self::Body(BodyFault::Incomplete) => "the body did not arrive in time",
            Self::Body(BodyFault::NoMemory) => "too many deliveries at once; redeliver later",
            Self::Unavailable => "the delivery could not be stored; redeliver later",
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status(), Json(json!({ "error": self.reason() }))).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_names_are_plain() {
        for good in ["push", "pull_request_review_comment", "something_new"] {
            assert!(is_event_name(good), "{good}");
        }
        for bad in ["", "Push", "a b", "a\n", "issue-comment", &"a".repeat(65)] {
            assert!(!is_event_name(bad), "{bad:?}");
        }
    }
}
