//! Periodic repair of what an outage leaves undone, of wiz or of GitHub's deliveries.
//!
//! Four things are looked after, each found by asking again and each harmless when asked too often: deliveries that
//! failed come in once more through the front door ([`missed()`]); open runs are compared with their issue, pull request,
//! its checks, reviews and conversation, in case even the log knows nothing (`runs`, `failures`, `reviews`);
//! installations and repositories with what GitHub lists (`reach`); and ended runs with what they left behind
//! (`remains`). Everything bounded: a round asks for so many things and no more, and a limit of GitHub's ends it until the
//! next.
//!
//! This room changes a run only by the signals that a delivery would have sent. Read first: [`run`], [`missed()`].

mod delivery;
mod failures;
mod missed;
mod reach;
mod remains;
mod reviews;
mod runs;

use std::time::{Duration, Instant};

use anyhow::Result;
use chrono::TimeDelta;
use tokio_util::sync::CancellationToken;

pub use missed::missed;

use crate::run::{services::Services, store::usage};

/// Time between two looks at GitHub's log of deliveries, and at which runs are due.
const INTERVAL: Duration = Duration::from_secs(15);

/// Time between two looks at installations, repositories and remains, which change by hand and whose deliveries come, and at
/// the whole of the log.
const SLOW_INTERVAL: Duration = Duration::from_secs(10 * 60);

/// Repairs until `shutdown`. A look that fails is logged and taken again next time.
pub async fn run(services: Services, shutdown: CancellationToken) -> Result<()> {
    // Asked once per process: a wrong App id or key is told at the start, and not to the first person who comes.
    match shutdown.run_until_cancelled(services.github.identity()).await {
        None => return Ok(()),
        Some(Ok(identity)) => tracing::info!(app = identity.slug, "GitHub knows the App"),
        Some(Err(error)) => tracing::warn!(%error, "GitHub does not know the App, or cannot be reached"),
    }
    let mut last_slow: Option<Instant> = None;
    let mut log_is_known = false;
    let mut is_first = true;
    loop {
        let slow = last_slow.is_none_or(|last| last.elapsed() >= SLOW_INTERVAL);
        if slow {
            last_slow = Some(Instant::now());
        }
        let back = if slow || !log_is_known { missed::HORIZON } else { missed::RECENT };
        let at_start = std::mem::take(&mut is_first);
        match shutdown.run_until_cancelled(round(&services, slow, (back, at_start))).await {
            None => return Ok(()),
            Some(was_read) => log_is_known = was_read,
        }
        if shutdown.run_until_cancelled(tokio::time::sleep(INTERVAL)).await.is_none() {
            return Ok(());
        }
    }
}

/// One round; answers whether GitHub's log could be read `back` to where it was to be.
async fn round(services: &Services, slow: bool, (back, at_start): (TimeDelta, bool)) -> bool {
    let services = &services.on_behalf_of(None, None);
    let fetched = missed::fetch_missed(&services.pool, &services.github, back, at_start).await;
    let was_read = fetched.is_ok();
    tell("asked GitHub to deliver again what was missed", fetched);
    if slow {
        tell("brought installations and repositories up to date", reach::compare(services).await);
        tell("looked after what ended runs left behind", remains::clear(services).await);
    }
    tell("changed runs by what they missed", runs::reread(services).await);
    services.doorbell.ring();
    usage::record(&services.pool, "repair", services.github.calls()).await;
    was_read
}

fn tell(what: &str, outcome: Result<usize>) {
    match outcome {
        Ok(0) => {}
        Ok(count) => tracing::info!(count, "{what}"),
        Err(error) => tracing::warn!("a part of repair failed ({what}): {error:#}"),
    }
}
