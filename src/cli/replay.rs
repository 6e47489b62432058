//! `wiz replay FILE`: send a stored webhook payload to a running server, signed as GitHub signs.

use std::{io::Write as _, path::PathBuf, process::ExitCode};

use anyhow::Context as _;
use clap::Args;
use hmac::{Hmac, Mac as _};
use http_body_util::{BodyExt as _, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use sha2::Sha256;
use url::Url;

use crate::{ids::DeliveryId, limits::WEBHOOK_BODY_BYTES};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// File with the payload as GitHub sent it, in JSON.
    file: PathBuf,
    /// `X-GitHub-Event`, such as `issue_comment`.
    #[arg(long)]
    event: String,
    /// `X-GitHub-Delivery`; a new one by default, so that the payload is taken as news.
    #[arg(long)]
    delivery: Option<DeliveryId>,
    /// The webhook endpoint.
    #[arg(long, default_value = "http://127.0.0.1:8080/webhooks/github")]
    url: Url,
}

/// Most of an answer that is shown.
const ANSWER_BYTES: usize = 64 * 1024;

pub(super) async fn replay(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(arguments.url.scheme() == "http", "replay talks to this machine over http:// only");
    let body =
        tokio::fs::read(&arguments.file).await.with_context(|| format!("cannot read {}", arguments.file.display()))?;
    anyhow::ensure!(body.len() <= WEBHOOK_BODY_BYTES, "GitHub sends no payload over {WEBHOOK_BODY_BYTES} bytes");
    serde_json::from_slice::<serde::de::IgnoredAny>(&body).context("the file is not JSON")?;
    let secret = super::environment("WIZ_GITHUB_WEBHOOK_SECRETS")
        .and_then(|secrets| secrets.split(',').next().map(|secret| secret.trim().to_owned()))
        .filter(|secret| !secret.is_empty())
        .context("WIZ_GITHUB_WEBHOOK_SECRETS is not set; the payload must be signed with the server's secret")?;
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).context("cannot sign with this secret")?;
    mac.update(&body);
    let delivery = arguments.delivery.unwrap_or_else(|| DeliveryId(uuid::Uuid::new_v4()));
    let request = http::Request::post(arguments.url.as_str())
        .header("content-type", "application/json")
        .header("x-github-event", &arguments.event)
        .header("x-github-delivery", delivery.to_string())
        .header("x-hub-signature-256", format!("sha256={}", hex::encode(mac.finalize().into_bytes())))
        .body(Full::new(bytes::Bytes::from(body)))?;
    let client = Client::builder(TokioExecutor::new()).build_http();
    let answer = client.request(request).await.with_context(|| format!("cannot reach {}", arguments.url))?;
    let status = answer.status();
    let text = http_body_util::Limited::new(answer.into_body(), ANSWER_BYTES)
        .collect()
        .await
        .map_err(|error| anyhow::anyhow!("cannot read the answer: {error}"))?
        .to_bytes();
    writeln!(std::io::stdout(), "{status} delivery {delivery}: {}", String::from_utf8_lossy(&text).trim())?;
    Ok(if status.is_success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
