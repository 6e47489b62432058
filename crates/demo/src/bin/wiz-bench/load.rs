//! The load: signed deliveries of one real payload, each with an id of its own, over connections that stay open.

use std::{
    io::Read as _,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result};
use flate2::read::GzDecoder;
use hmac::{Hmac, Mac as _};
use reqwest::Client;
use sha2::Sha256;
use tokio::{task::JoinSet, time::Instant};

/// Connections, each with one request at a time.
pub const CONNECTIONS: usize = 32;
/// Size of the payload.
const PAYLOAD_BYTES: usize = 14 * 1024;
/// How long the load lasts.
pub const DURATION: Duration = Duration::from_secs(8);
/// Most deliveries of one load, which bounds what is left to do afterwards.
pub const MOST_DELIVERIES: u32 = 16_000;
/// GitHub's own patience.
const ANSWER_DEADLINE: Duration = Duration::from_secs(10);

/// A payload with its signature.
#[derive(Debug)]
pub struct Payload {
    body: Vec<u8>,
    signature: String,
}

impl Payload {
    /// A comment on an issue of an installation, from GitHub's examples. The comment is made longer until the payload has
    /// its size; nothing in it is a command.
    pub fn signed(secret: &str) -> Result<Self> {
        let path = wiz_demo::project_root().join("fixtures/webhooks/octokit-examples.json.gz");
        let file = std::fs::File::open(&path).with_context(|| format!("cannot open {}", path.display()))?;
        let mut text = String::new();
        GzDecoder::new(file).read_to_string(&mut text).context("cannot unpack the examples")?;
        let examples: Vec<serde_json::Value> = serde_json::from_str(&text)?;
        let example = examples.into_iter().find(|example| {
            example["event"] == "issue_comment"
                && example["payload"]["action"] == "created"
                && example["payload"]["installation"].is_object()
        });
        let mut payload = example.context("no example of a comment")?["payload"].take();
        let missing = PAYLOAD_BYTES.saturating_sub(serde_json::to_vec(&payload)?.len());
        let comment = payload["comment"]["body"].as_str().context("a comment without a body")?;
        payload["comment"]["body"] = format!("{comment}{}", " and so on".repeat(missing / 10)).into();
        let body = serde_json::to_vec(&payload)?;
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())?;
        mac.update(&body);
        Ok(Self { body, signature: format!("sha256={}", hex::encode(mac.finalize().into_bytes())) })
    }

    /// Its size.
    pub fn bytes(&self) -> usize {
        self.body.len()
    }
}

/// How a load was answered.
#[derive(Debug, Clone, Copy)]
pub struct Answers {
    /// With a status of success.
    pub good: u32,
    /// With another status, or not at all.
    pub bad: u32,
    /// Good answers per second.
    pub per_second: f64,
    pub p50: Duration,
    pub p99: Duration,
}

/// Sends deliveries to a webhook endpoint for at most `duration` and takes the time of each answer.
pub async fn apply(url: &str, payload: &Arc<Payload>, duration: Duration) -> Result<Answers> {
    let begun = Instant::now();
    let sent = Arc::new(AtomicU32::new(0));
    let mut connections = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let client = Client::builder().timeout(ANSWER_DEADLINE).no_proxy().http1_only().pool_max_idle_per_host(1);
        let connection = Connection {
            client: client.build().context("cannot make an HTTP client")?,
            url: url.to_owned(),
            payload: Arc::clone(payload),
        };
        let sent = Arc::clone(&sent);
        connections.spawn(async move {
            let mut answers = Vec::new();
            while begun.elapsed() < duration && sent.fetch_add(1, Ordering::Relaxed) < MOST_DELIVERIES {
                answers.push(connection.deliver().await);
            }
            answers
        });
    }
    let answers = connections.join_all().await.concat();
    Ok(summed_up(&answers, begun.elapsed()))
}

/// One connection that stays open.
struct Connection {
    client: Client,
    url: String,
    payload: Arc<Payload>,
}

impl Connection {
    /// The time until the whole answer was there; none when it was not a good one.
    async fn deliver(&self) -> Option<Duration> {
        let begun = Instant::now();
        let request = self
            .client
            .post(&self.url)
            .header("content-type", "application/json")
            .header("user-agent", "GitHub-Hookshot/bench")
            .header("x-github-event", "issue_comment")
            .header("x-github-delivery", uuid::Uuid::new_v4().to_string())
            .header("x-github-hook-id", "1")
            .header("x-github-hook-installation-target-type", "integration")
            .header("x-github-hook-installation-target-id", "1")
            .header("x-hub-signature-256", &self.payload.signature)
            .body(self.payload.body.clone());
        let answer = request.send().await.ok()?.error_for_status().ok()?;
        answer.bytes().await.ok()?;
        Some(begun.elapsed())
    }
}

fn summed_up(answers: &[Option<Duration>], took: Duration) -> Answers {
    let mut good: Vec<Duration> = answers.iter().copied().flatten().collect();
    good.sort_unstable();
    let counted = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let at = |percent: usize| good.get((good.len() * percent / 100).min(good.len().saturating_sub(1))).copied();
    Answers {
        good: counted(good.len()),
        bad: counted(answers.len() - good.len()),
        per_second: f64::from(counted(good.len())) / took.as_secs_f64(),
        p50: at(50).unwrap_or_default(),
        p99: at(99).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_summed_up_by_their_place() {
        let mut answers: Vec<_> = (1..=200).rev().map(|time| Some(Duration::from_millis(time))).collect();
        answers.push(None);
        let sum = summed_up(&answers, Duration::from_secs(2));
        assert_eq!((sum.good, sum.bad, sum.p50.as_millis(), sum.p99.as_millis()), (200, 1, 101, 199));
        assert!((sum.per_second - 100.0).abs() < 1e-9);
        let none = summed_up(&[None], Duration::from_secs(1));
        assert_eq!((none.good, none.bad, none.p99), (0, 1, Duration::ZERO));
    }

    #[test]
    fn the_payload_has_its_size_and_no_command() {
        let payload = Payload::signed("It's a Secret to Everybody").unwrap();
        assert!((PAYLOAD_BYTES - 20..=PAYLOAD_BYTES + 1024).contains(&payload.body.len()), "{}", payload.body.len());
        let body = String::from_utf8(payload.body).unwrap();
        assert!(!body.contains("/wiz"));
    }
}
