//! Webhook deliveries: the log, and what still has to be sent.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One attempt to deliver one event to one app.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Delivery {
    /// Attempt id.
    pub id: u64,
    /// `X-GitHub-Delivery`; the same for a redelivery.
    pub guid: String,
    /// App it goes to.
    pub app: u64,
    /// Where it was sent.
    pub url: String,
    /// `X-GitHub-Event`.
    pub event: String,
    /// The payload's `action`.
    pub action: Option<String>,
    /// Installation, if the event has one.
    pub installation: Option<u64>,
    /// Repository, if the event has one.
    pub repository: Option<u64>,
    /// The payload, parsed.
    pub payload: Value,
    /// Request headers as sent.
    pub request_headers: BTreeMap<String, String>,
    /// Sent again by hand?
    pub redelivery: bool,
    /// When the attempt began.
    pub delivered_at: DateTime<Utc>,
    /// Length of the attempt in seconds.
    pub duration_s: f64,
    /// `OK`, `Invalid HTTP Response: 500`, `timed out` …; empty while under way.
    pub status: String,
    /// HTTP status; 0 while under way.
    pub status_code: u16,
    /// Response headers.
    pub response_headers: BTreeMap<String, String>,
    /// Response body, at most 64 KiB of it.
    pub response_body: String,
}

/// A delivery the dispatcher has to send.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Row in the log.
    pub delivery: u64,
    /// Where to.
    pub url: String,
    /// Exact bytes; the signature is over these.
    pub body: Vec<u8>,
    /// Headers.
    pub headers: BTreeMap<String, String>,
    /// Wait before sending.
    pub delay: Duration,
    /// Send only after this many later deliveries have gone out (0: at once).
    pub after: u32,
}
