//! One request to a provider: deadline, size cap, and every outcome as a [`ModelError`] or JSON.

use std::time::Duration;

use anyhow::Context as _;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use super::{ModelError, ModelName, Provider, wire};
use crate::config::ProviderConfig;

/// Largest answer read; a full output of 128,000 tokens is below 1 MiB.
const ANSWER_BYTES: usize = 8 * 1024 * 1024;
/// Time to reach a provider at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The version of the messages wire. <https://docs.claude.com/en/api/versioning>
const ANTHROPIC_VERSION: &str = "2023-06-01";

/// The shared connection pool. Redirects are refused: they would carry the key to another host.
pub(super) fn client() -> anyhow::Result<reqwest::Client> {
    reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("wiz/", env!("CARGO_PKG_VERSION")))
        .build()
        .context("cannot build the HTTP client for models")
}

/// A provider's address and key.
#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    base_url: String,
    api_key: SecretString,
}

impl Endpoint {
    pub(super) fn new(config: &ProviderConfig) -> Self {
        Self { base_url: config.base_url.as_str().trim_end_matches('/').to_owned(), api_key: config.api_key.clone() }
    }
}

/// Sends `body` (the bytes that were counted for the reservation) and reads the answer, all within `timeout`.
pub(super) async fn post(
    client: &reqwest::Client,
    endpoint: &Endpoint,
    provider: Provider,
    body: String,
    timeout: Duration,
) -> Result<Value, ModelError> {
    let request = client
        .post(format!("{}{}", endpoint.base_url, wire::path(provider)))
        .header("content-type", "application/json")
        .timeout(timeout)
        .body(body);
    let response = signed(request, endpoint, provider).send().await.map_err(network_error)?;
    let (status, retry_after) = (response.status(), retry_after(response.headers()));
    let text = read_capped(response).await?;
    if !status.is_success() {
        return Err(ModelError::from_status(status.as_u16(), retry_after, &text));
    }
    // The parser's own message would quote the text.
    serde_json::from_str(&text).map_err(|error| {
        ModelError::protocol(format!("{} bytes that are not JSON (line {})", text.len(), error.line()))
    })
}

/// Whether the provider takes the key and has the model; false where it does not tell of models, as many local servers and
/// gateways do not.
pub(super) async fn has_model(
    client: &reqwest::Client,
    endpoint: &Endpoint,
    model: &ModelName,
    timeout: Duration,
) -> Result<bool, ModelError> {
    let request = client.get(format!("{}{}", endpoint.base_url, wire::model_path(model))).timeout(timeout);
    let response = signed(request, endpoint, model.provider).send().await.map_err(network_error)?;
    let (status, retry_after) = (response.status(), retry_after(response.headers()));
    if status.is_success() {
        return Ok(true);
    }
    match status.as_u16() {
        404 | 405 | 501 => Ok(false),
        status => Err(ModelError::from_status(status, retry_after, &read_capped(response).await?)),
    }
}

fn signed(request: reqwest::RequestBuilder, endpoint: &Endpoint, provider: Provider) -> reqwest::RequestBuilder {
    let key = endpoint.api_key.expose_secret();
    match provider {
        Provider::Anthropic => request.header("x-api-key", key).header("anthropic-version", ANTHROPIC_VERSION),
        Provider::OpenAi | Provider::OpenAiChat => request.bearer_auth(key),
    }
}

async fn read_capped(mut response: reqwest::Response) -> Result<String, ModelError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(network_error)? {
        if bytes.len() + chunk.len() > ANSWER_BYTES {
            return Err(ModelError::protocol(format!("more than {ANSWER_BYTES} bytes")));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Whole seconds, or Azure's and OpenAI's `retry-after-ms`. A date (the header's other form) is used by none of them.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
    let seconds = number("retry-after-ms").map(|ms| ms / 1_000.0).or_else(|| number(RETRY_AFTER.as_str()))?;
    Duration::try_from_secs_f64(seconds).ok()
}

fn network_error(error: reqwest::Error) -> ModelError {
    let sent = !error.is_connect() && !error.is_builder();
    let kind = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection"
    } else {
        "the connection broke"
    };
    // The URL is left out, as a base URL may hold credentials; the innermost cause says what happened.
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    ModelError::Network { message: format!("{kind} ({cause})"), sent }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_asked_for_below_its_providers_address() {
        let paths = ["anthropic/claude-sonnet-4-5", "openai/gpt-5", "openai-chat/org/qwen3"]
            .map(|model| wire::model_path(&model.parse().unwrap()));
        assert_eq!(paths, ["/v1/models/claude-sonnet-4-5", "/models/gpt-5", "/models/org/qwen3"]);
    }

    #[test]
    fn waits_are_read_from_either_header() {
        let headers = |pairs: &[(&'static str, &'static str)]| {
            HeaderMap::from_iter(pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())))
        };
        for (pairs, expected) in [
            (headers(&[("retry-after", "7")]), Some(Duration::from_secs(7))),
            (headers(&[("retry-after-ms", "250"), ("retry-after", "1")]), Some(Duration::from_millis(250))),
            (headers(&[("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT")]), None),
            (headers(&[("retry-after", "-1")]), None),
            (headers(&[("retry-after", "inf")]), None),
            (headers(&[]), None),
        ] {
            assert_eq!(retry_after(&pairs), expected);
        }
    }
}
