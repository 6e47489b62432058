//! Webhooks under load: how many deliveries a second are stored and acknowledged, and how long the slowest wait.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
    time::Instant,
};
use wiz_demo::World;

use crate::{median, probot::Probot};

/// Deliveries under way at once.
const CONNECTIONS: usize = 32;
/// Length of one run.
const RUN: Duration = Duration::from_secs(5);
/// Not counted, before the first run.
const WARM_UP: Duration = Duration::from_secs(2);
/// Size of the payload; GitHub's for a comment on a busy repository is about that.
const BODY_BYTES: usize = 14 * 1024;
/// Largest head of an answer.
const HEAD_BYTES: usize = 16 * 1024;

/// One run's figures.
#[derive(Debug, Clone, Copy)]
struct Figures {
    per_second: f64,
    p99_ms: f64,
}

/// Loads wiz and its peer in turns, and gives the table.
pub async fn compare(world: &World, peer: &Probot, runs: usize) -> Result<String> {
    let delivery = Delivery::new(world)?;
    let wiz_port = world.wiz_port();
    for port in [wiz_port, peer.port] {
        run(port, &delivery, WARM_UP).await?;
    }
    let (mut wiz, mut probot) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        wiz.push(run(wiz_port, &delivery, RUN).await?);
        probot.push(run(peer.port, &delivery, RUN).await?);
    }
    let middle = |of: fn(&Figures) -> f64, all: &[Figures]| median(all.iter().map(of).collect());
    let (wiz_rate, probot_rate) = (middle(|f| f.per_second, &wiz)?, middle(|f| f.per_second, &probot)?);
    let (wiz_p99, probot_p99) = (middle(|f| f.p99_ms, &wiz)?, middle(|f| f.p99_ms, &probot)?);
    Ok(format!(
        "webhooks of {} KiB, stored before they are answered, {CONNECTIONS} connections\n\
         {:24}{:>12}{:>12}{:>12}\n\
         {:24}{wiz_rate:>12.0}{probot_rate:>12.0}{:>11.1}×\n\
         {:24}{wiz_p99:>12.1}{probot_p99:>12.1}{:>11.2}×",
        BODY_BYTES / 1024,
        "",
        "wiz",
        "Probot",
        "wiz/Probot",
        "acknowledged a second",
        wiz_rate / probot_rate,
        "99th percentile, ms",
        wiz_p99 / probot_p99,
    ))
}

/// A delivery as it goes over the wire, but for its id.
#[derive(Debug, Clone)]
struct Delivery {
    before_id: String,
    after_id: String,
}

impl Delivery {
    /// A comment's delivery as the world's GitHub signs it, padded to size.
    fn new(world: &World) -> Result<Self> {
        let repo = world.repo();
        let maintainer = repo.maintainer()?;
        let issue = maintainer.open_issue(repo.full_name(), "Load", "")?;
        maintainer.comment(repo.full_name(), issue, "Nothing for wiz.")?;
        let deliveries = world.hub().control().deliveries();
        let comment = deliveries.into_iter().rfind(|one| one.event == "issue_comment").context("no delivery")?;
        let mut payload = comment.payload;
        let padding = BODY_BYTES.saturating_sub(payload.to_string().len());
        payload["comment"]["body"] = "Nothing for wiz. ".repeat(padding / 17 + 1).into();
        let body = payload.to_string();
        let mut signature = Hmac::<Sha256>::new_from_slice(world.hub().webhook_secret().as_bytes())?;
        signature.update(body.as_bytes());
        let signature = hex::encode(signature.finalize().into_bytes());
        let before_id = "POST /webhooks/github HTTP/1.1\r\nhost: localhost\r\nuser-agent: GitHub-Hookshot/1\r\n\
                         content-type: application/json\r\nx-github-event: issue_comment\r\nx-github-delivery: "
            .to_owned();
        let length = body.len();
        let after_id = format!("\r\nx-hub-signature-256: sha256={signature}\r\ncontent-length: {length}\r\n\r\n{body}");
        Ok(Self { before_id, after_id })
    }

    fn with_new_id(&self) -> String {
        format!("{}{}{}", self.before_id, uuid::Uuid::new_v4(), self.after_id)
    }
}

async fn run(port: u16, delivery: &Delivery, length: Duration) -> Result<Figures> {
    let begun = Instant::now();
    let mut senders = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let delivery = delivery.clone();
        senders.spawn(async move { send_until(port, &delivery, begun + length).await });
    }
    let mut waits = Vec::new();
    while let Some(sent) = senders.join_next().await {
        waits.extend(sent.context("a sender panicked")??);
    }
    let elapsed = begun.elapsed();
    waits.sort();
    let p99 = waits.get(waits.len() * 99 / 100).context("nothing was answered")?;
    let count = f64::from(u32::try_from(waits.len())?);
    Ok(Figures { per_second: count / elapsed.as_secs_f64(), p99_ms: p99.as_secs_f64() * 1000.0 })
}

/// Sends one delivery after the other, and gives how long each waited for its answer.
async fn send_until(port: u16, delivery: &Delivery, end: Instant) -> Result<Vec<Duration>> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    let mut waits = Vec::new();
    while Instant::now() < end {
        let request = delivery.with_new_id();
        let sent = Instant::now();
        stream.write_all(request.as_bytes()).await?;
        read_answer(&mut stream).await?;
        waits.push(sent.elapsed());
    }
    Ok(waits)
}

/// Reads one answer to its end; anything but a good one ends the measurement.
async fn read_answer(stream: &mut TcpStream) -> Result<()> {
    let mut answer = Vec::with_capacity(1024);
    loop {
        ensure!(stream.read_buf(&mut answer).await? > 0, "the server closed the connection");
        ensure!(answer.len() < HEAD_BYTES, "the answer is too long");
        let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = std::str::from_utf8(&answer[..end])?.to_ascii_lowercase();
        ensure!(head.starts_with("http/1.1 20"), "refused: {head}");
        let whole = match head.lines().find_map(|line| line.strip_prefix("content-length:")) {
            Some(length) => answer.len() >= end + 4 + length.trim().parse::<usize>()?,
            // The last chunk of an answer of unknown length.
            None => answer.ends_with(b"0\r\n\r\n"),
        };
        if whole {
            return Ok(());
        }
    }
}
