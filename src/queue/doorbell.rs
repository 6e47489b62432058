//! Waking idle workers. A lost ring costs at most one poll interval, so nothing here retries.
//!
//! A transaction that notifies takes a lock that serialises the commits of the whole cluster, therefore the ring is
//! never part of an enqueue: it follows the commit, in a transaction of its own, and rings that come close together
//! become one.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use sqlx::{PgPool, postgres::PgListener};
use tokio::{sync::Notify, time};
use tokio_util::sync::CancellationToken;

use super::arrivals::{Arrivals, Arriving};

/// The notification channel of the queue.
const CHANNEL: &str = "wiz_queue";

/// Rings after the first one wait this long and go out as one.
const COALESCE: Duration = Duration::from_millis(10);

/// How long a ring or the check of a quiet listener may take.
const DEADLINE: Duration = Duration::from_secs(5);

/// A listener that heard nothing for this long asks whether its connection still lives.
const QUIET_CHECK: Duration = Duration::from_secs(10);

/// Wakes the workers of every process once. For occasional use; a hot path uses a [`Doorbell`].
pub async fn ring(pool: &PgPool) -> Result<()> {
    let notify = sqlx::query!("select pg_notify($1, '')", CHANNEL).execute(pool);
    time::timeout(DEADLINE, notify).await.context("ringing timed out")?.context("cannot ring the workers")?;
    Ok(())
}

/// A bell that may be rung at any rate: the first ring goes out at once, the ones close behind it as one.
/// [`Worker::run`](super::Worker::run) answers it; a process without a worker runs [`Doorbell::run`] itself.
#[derive(Debug, Clone, Default)]
pub struct Doorbell {
    rung: Arc<Notify>,
    arrivals: Arrivals,
}

impl Doorbell {
    /// Says that something is being accepted, until the answer is dropped. This process's workers let a burst pass
    /// before they take up more.
    pub fn arriving(&self) -> Arriving {
        self.arrivals.enter()
    }

    /// Returns once no burst arrives, or after half a second.
    pub(super) async fn calm(&self) {
        self.arrivals.calm().await;
    }

    /// Asks for a ring and does not wait for it. Call it after the commit.
    pub fn ring(&self) {
        self.rung.notify_one();
    }

    /// Sends the rings until `shutdown`, and then one that is still due.
    pub async fn run(&self, pool: &PgPool, shutdown: &CancellationToken) {
        loop {
            let ending = tokio::select! {
                () = self.rung.notified() => shutdown.is_cancelled(),
                () = shutdown.cancelled() => true,
            };
            if let Err(error) = ring(pool).await {
                tracing::warn!("{error:#}; the workers find the jobs by polling");
            }
            if ending {
                return;
            }
            time::sleep(COALESCE).await;
        }
    }
}

/// Hears the rings of all processes and passes them on to `wake`, over a connection of its own that is made again
/// whenever it breaks, until `shutdown`.
pub(super) async fn listen(pool: &PgPool, wake: &Notify, shutdown: &CancellationToken) {
    loop {
        let heard = shutdown.run_until_cancelled(hear(pool, wake)).await;
        let Some(Err(error)) = heard else { return };
        tracing::warn!("cannot listen for jobs, polling meanwhile: {error:#}");
        if shutdown.run_until_cancelled(time::sleep(DEADLINE)).await.is_none() {
            return;
        }
    }
}

async fn hear(pool: &PgPool, wake: &Notify) -> Result<()> {
    let mut listener = PgListener::connect_with(pool).await.context("cannot connect")?;
    listener.listen(CHANNEL).await.context("cannot subscribe")?;
    loop {
        match time::timeout(QUIET_CHECK, listener.recv()).await {
            Ok(heard) => {
                heard.context("the connection broke")?;
                while listener.next_buffered().is_some() {}
                wake.notify_one();
            }
            // A half-open connection stays quiet for ever; only traffic tells it from a quiet queue.
            Err(_elapsed) => {
                let probe = sqlx::query!("select 1 as one").fetch_one(&mut listener);
                time::timeout(DEADLINE, probe).await.context("the connection is half open")??;
            }
        }
    }
}
