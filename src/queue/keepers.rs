//! What a worker does beside its jobs: its heartbeat, the rescue of others' jobs, and cancellations.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use sqlx::{Connection, PgConnection};
use tokio::time;
use tokio_util::sync::CancellationToken;

use super::{
    Interruption, JobState,
    groups::remove_idle_slots,
    heartbeat::{beat, held_rows, rescue, rescue_abandoned},
    settle::{cancel_waiting, cancelling},
    worker::Crew,
};

/// How often the slots of idle groups are removed: they cost nothing but their rows.
const IDLE_GROUPS_EVERY: Duration = Duration::from_secs(5 * 60);

/// Renews the heartbeat until `closing_time`, over a connection of its own: jobs that use up the pool must not cost
/// the leases. Interrupts the jobs that are no longer ours, and all of them once nobody can say that they are.
pub(super) async fn keep_beating(crew: &Crew, closing_time: &CancellationToken) {
    let settings = &crew.settings;
    let mut connection = None;
    let mut renewed = Instant::now();
    while closing_time.run_until_cancelled(time::sleep(settings.heartbeat)).await.is_some() {
        let asked = Instant::now();
        match time::timeout(settings.heartbeat, renew(crew, &mut connection)).await {
            Ok(Ok(())) => {
                renewed = asked;
                continue;
            }
            Ok(Err(error)) => tracing::warn!("the heartbeat failed: {error:#}"),
            Err(_elapsed) => tracing::warn!("the heartbeat timed out"),
        }
        connection = None;
        if renewed.elapsed() >= settings.safe_silence() {
            crew.held.interrupt_all(Interruption::Lost);
        }
    }
}

async fn renew(crew: &Crew, connection: &mut Option<PgConnection>) -> Result<()> {
    // Taken before the question: a claim made while it is answered is not missed in the answer.
    let held = crew.held.all();
    let mut own = match connection.take() {
        Some(own) => own,
        None => PgConnection::connect_with(&crew.pool.connect_options()).await.context("cannot connect")?,
    };
    beat(&mut own, crew.id, &crew.settings).await?;
    let rows = held_rows(&mut own, crew.id, crew.settings.expiry).await?;
    *connection = Some(own);
    for lease in held {
        if !rows.iter().any(|row| (row.id, row.run_seq) == (lease.job(), lease.run_seq())) {
            // Completed a moment ago, which this does not disturb, or taken over.
            lease.interrupt(Interruption::Lost);
        }
    }
    for row in rows.iter().filter(|row| row.old && !crew.held.contains((row.id, row.run_seq))) {
        let claim = (row.id, row.run_seq);
        if let Err(error) = rescue_abandoned(&crew.pool, crew.handler.as_ref(), claim, crew.settings.crash_limit).await
        {
            tracing::error!(job = %row.id, "{error:#}");
        }
    }
    Ok(())
}

/// Carries out cancellations every poll, rescues the jobs of silent workers every heartbeat and removes what idle groups
/// leave now and then, until `closing_time`.
pub(super) async fn keep_tidy(crew: &Crew, closing_time: &CancellationToken) {
    let (mut rescued, mut swept) = (None::<Instant>, None::<Instant>);
    loop {
        if rescued.is_none_or(|at| at.elapsed() >= crew.settings.heartbeat) {
            rescued = Some(Instant::now());
            let settings = &crew.settings;
            if let Err(error) = rescue(&crew.pool, crew.handler.as_ref(), settings.expiry, settings.crash_limit).await {
                tracing::warn!("{error:#}; trying again at the next heartbeat");
            }
        }
        if swept.is_none_or(|at| at.elapsed() >= IDLE_GROUPS_EVERY) {
            swept = Some(Instant::now());
            if let Err(error) = remove_idle_slots(&crew.pool).await {
                tracing::warn!("{error:#}; trying again later");
            }
        }
        if let Err(error) = cancel_requested(crew).await {
            tracing::warn!("{error:#}; trying again");
        }
        if closing_time.run_until_cancelled(time::sleep(crew.settings.poll)).await.is_none() {
            return;
        }
    }
}

async fn cancel_requested(crew: &Crew) -> Result<()> {
    for job in cancelling(&crew.pool).await? {
        match job.state {
            JobState::Running => crew.held.interrupt((job.id, job.run_seq), Interruption::CancelRequested),
            JobState::Scheduled | JobState::Blocked | JobState::Gated | JobState::Ready => {
                if let Err(error) = cancel_waiting(&crew.pool, crew.handler.as_ref(), job.id).await {
                    tracing::error!(job = %job.id, "{error:#}; trying again");
                }
            }
        }
    }
    Ok(())
}
