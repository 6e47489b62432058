//! Sends webhooks. Each delivery is tried once, cut off after ten seconds, and recorded with request and response.
//!
//! <https://docs.github.com/en/webhooks/using-webhooks/handling-failed-webhook-deliveries>: GitHub does not redeliver by
//! itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::engine::Engine;
use crate::store::Outgoing;

/// <https://docs.github.com/en/webhooks/using-webhooks/best-practices-for-using-webhooks#respond-within-10-seconds>
const CUT_OFF: Duration = Duration::from_secs(10);
const MAX_RESPONSE_BYTES: usize = 64 * 1024;

struct Outcome {
    status: String,
    status_code: u16,
    headers: BTreeMap<String, String>,
    body: String,
}

/// Sends whatever is in the outbox until told to stop.
pub async fn run(engine: Arc<Engine>, client: reqwest::Client, shutdown: CancellationToken) {
    let mut sending = JoinSet::new();
    loop {
        for outgoing in engine.take_mail() {
            sending.spawn(send(Arc::clone(&engine), client.clone(), outgoing));
        }
        tokio::select! {
            () = shutdown.cancelled() => break,
            () = engine.mail.notified() => {}
            Some(_) = sending.join_next() => {}
        }
    }
}

async fn send(engine: Arc<Engine>, client: reqwest::Client, outgoing: Outgoing) {
    if !outgoing.delay.is_zero() {
        tokio::time::sleep(outgoing.delay).await;
    }
    let began = Instant::now();
    let outcome = tokio::time::timeout(CUT_OFF, post(&client, &outgoing)).await;
    let outcome = match outcome {
        Ok(Ok(outcome)) => outcome,
        // A host that cannot be reached and one that is too slow are both failures with a status of GitHub's own.
        Ok(Err(error)) => failure("failed to connect to host", 502, &error.to_string()),
        Err(_) => failure("timed out", 504, ""),
    };
    engine.delivered(|state| {
        if let Some(delivery) = state.deliveries.iter_mut().rev().find(|one| one.id == outgoing.delivery) {
            delivery.duration_s = began.elapsed().as_secs_f64();
            delivery.status = outcome.status;
            delivery.status_code = outcome.status_code;
            delivery.response_headers = outcome.headers;
            delivery.response_body = outcome.body;
        }
    });
}

fn failure(status: &str, status_code: u16, body: &str) -> Outcome {
    Outcome { status: status.to_owned(), status_code, headers: BTreeMap::new(), body: body.to_owned() }
}

async fn post(client: &reqwest::Client, outgoing: &Outgoing) -> Result<Outcome, reqwest::Error> {
    let mut request = client.post(&outgoing.url).body(outgoing.body.clone());
    for (name, value) in &outgoing.headers {
        request = request.header(name, value);
    }
    let mut response = request.send().await?;
    let status = response.status();
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_RESPONSE_BYTES {
            body.truncate(MAX_RESPONSE_BYTES);
            break;
        }
    }
    let text =
        if status.is_success() { "OK".to_owned() } else { format!("Invalid HTTP Response: {}", status.as_u16()) };
    let body = String::from_utf8_lossy(&body).into_owned();
    Ok(Outcome { status: text, status_code: status.as_u16(), headers, body })
}
