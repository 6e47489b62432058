//! How fast webhooks are answered, by wiz and by a Probot app, each after the delivery is on disk in the same Postgres.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use wiz_demo::{Options, Wiz, World, until};

use crate::{
    figure::{Figure, Table, Unit},
    load::{self, Answers, CONNECTIONS, DURATION, MOST_DELIVERIES, Payload},
    memory,
    peer::Peer,
    store,
};

/// Before each measured load: connections of the pools, prepared statements, Node's compiler.
const WARM_UP: Duration = Duration::from_secs(1);
/// How long the triage jobs of a load may take.
const TRIAGE_DEADLINE: Duration = Duration::from_secs(300);

/// One measured load.
#[derive(Debug)]
struct Round {
    answers: Answers,
    /// Rows that were there afterwards and not before.
    stored: i64,
    /// Resident memory right after it, in MiB.
    resident: f64,
    /// Triage jobs that wiz finished meanwhile.
    triaged: i64,
}

/// What is shown of a round.
type Row = (&'static str, Unit, fn(&Round) -> f64);

/// Loads wiz and the peer in turn and adds the figures to the table.
pub async fn measure(options: &Options, times: usize, table: &mut Table) -> Result<()> {
    let mut world = World::start(options.clone()).await?;
    let store = world.store().await?;
    let durability = store::durability(store.pool()).await?;
    let payload = Arc::new(Payload::signed(&world.hub().webhook_secret())?);
    let socket = world.data_dir().join("postgres/socket");
    let log = tempfile::NamedTempFile::new()?;
    let peer = Peer::start(world.hub(), &store, &socket, log.path()).await;
    let (mut wizs, mut peers) = (Vec::new(), Vec::new());
    for _ in 0..times {
        wizs.push(load_wiz(&world, &payload).await?);
        if let Ok(peer) = &peer {
            peers.push(load_peer(peer, &payload).await?);
        }
    }
    table.part(
        &format!("Webhooks answered, median of {times} rounds, wiz and Probot in turn"),
        &format!(
            "{}; {CONNECTIONS} keep-alive connections on loopback, load generator on the same cores, {} bytes \
             of issue_comment, signed, unique ids, for {} s or {MOST_DELIVERIES} deliveries; one Postgres for both \
             ({durability}), 20 connections each, a row is written before the answer; logs at info to a file",
            options.wiz.display(),
            payload.bytes(),
            DURATION.as_secs()
        ),
    );
    show(&wizs, &peers, table);
    match &peer {
        Ok(peer) => table.note(&format!(
            "The peer: {}, one Node process, NODE_ENV=production. It does nothing with what it stores.",
            peer.parts()?
        )),
        Err(error) => table.note(&format!("Probot was skipped: {error:#}")),
    }
    drop(peer);
    world.stop().await
}

async fn load_wiz(world: &World, payload: &Arc<Payload>) -> Result<Round> {
    let store = world.store().await?;
    let pool = store.pool();
    let url = format!("{}/webhooks/github", world.wiz_url());
    load::apply(&url, payload, WARM_UP).await?;
    until_triaged(pool).await?;
    let (deliveries, triaged) = (store::deliveries(pool).await?, store::triaged(pool).await?);
    let answers = load::apply(&url, payload, DURATION).await?;
    let round = Round {
        answers,
        triaged: store::triaged(pool).await? - triaged,
        resident: memory::resident_mib(world.wiz().and_then(Wiz::pid).context("wiz has ended")?)?,
        stored: store::deliveries(pool).await? - deliveries,
    };
    // The peer has the machine for itself.
    until_triaged(pool).await?;
    Ok(round)
}

async fn until_triaged(pool: &sqlx::PgPool) -> Result<()> {
    until("every delivery is triaged", TRIAGE_DEADLINE, async || Ok((!store::is_triaging(pool).await?).then_some(())))
        .await
}

async fn load_peer(peer: &Peer, payload: &Arc<Payload>) -> Result<Round> {
    let pool = peer.store.pool();
    let warm_up = load::apply(&peer.url, payload, WARM_UP).await?;
    ensure!(warm_up.good > 0, "Probot answers no delivery");
    let deliveries = store::deliveries(pool).await?;
    let answers = load::apply(&peer.url, payload, DURATION).await?;
    let stored = store::deliveries(pool).await? - deliveries;
    Ok(Round { answers, stored, resident: memory::resident_mib(peer.pid()?)?, triaged: 0 })
}

fn show(wizs: &[Round], peers: &[Round], table: &mut Table) {
    let rows: [Row; 4] = [
        ("deliveries answered", Unit::PerSecond, |round| round.answers.per_second),
        ("latency, p50", Unit::Milliseconds, |round| round.answers.p50.as_secs_f64() * 1000.0),
        ("latency, p99", Unit::Milliseconds, |round| round.answers.p99.as_secs_f64() * 1000.0),
        ("VmRSS right after the load", Unit::Mebibytes, |round| round.resident),
    ];
    for (what, unit, of) in rows {
        let wiz = Figure::new(unit, wizs.iter().map(of));
        let peer = Figure::new(unit, peers.iter().map(of));
        let ratio = wiz.ratio_to(&peer).map(|ratio| format!("{ratio:.2} × Probot")).unwrap_or_default();
        table.row(&format!("wiz: {what}"), &wiz, &ratio);
        table.row(&format!("Probot: {what}"), &peer, "");
    }
    for (name, rounds) in [("wiz", wizs), ("Probot", peers)] {
        let good: u32 = rounds.iter().map(|round| round.answers.good).sum();
        let bad: u32 = rounds.iter().map(|round| round.answers.bad).sum();
        let stored: i64 = rounds.iter().map(|round| round.stored).sum();
        table
            .note(&format!("{name}: {good} answered well, {bad} badly or not at all, {stored} rows found afterwards."));
    }
    let triaged: i64 = wizs.iter().map(|round| round.triaged).sum();
    table.note(&format!("wiz triaged with its 4 workers during the load: {triaged} deliveries done by its end."));
}
