//! Removes boxes that no run needs: a process that was killed leaves its boxes behind, and only those of open runs are
//! worth keeping, since their stages go on in them.

use std::{collections::HashMap, time::Duration};

use anyhow::{Context as _, Result};
use tokio_util::sync::CancellationToken;

use super::{services::Services, store};

/// Time between two sweeps: a run that ended on another machine leaves its boxes here for at most this long.
const INTERVAL: Duration = Duration::from_secs(5 * 60);

/// Sweeps again and again until `shutdown`. An engine that does not answer is asked again next time.
pub async fn keep_sweeping(services: Services, shutdown: CancellationToken) -> Result<()> {
    while shutdown.run_until_cancelled(tokio::time::sleep(INTERVAL)).await.is_some() {
        if let Err(error) = orphan_boxes(&services).await {
            tracing::warn!("cannot sweep: {error:#}");
        }
    }
    Ok(())
}

/// Removes the boxes of every run that has ended or is unknown here. Answers how many.
pub async fn orphan_boxes(services: &Services) -> Result<usize> {
    let mut ended = HashMap::new();
    for key in services.docker.live_boxes().await.context("cannot list boxes")? {
        if ended.contains_key(&key.run) {
            continue;
        }
        let stored = store::load(&mut *services.pool.acquire().await?, key.run).await?;
        ended.insert(key.run, stored.is_none_or(|stored| stored.run.state.is_terminal()));
    }
    let mut removed = 0;
    for run in ended.into_iter().filter_map(|(run, is_over)| is_over.then_some(run)) {
        removed +=
            services.docker.remove_run(run).await.with_context(|| format!("cannot remove boxes of run {run}"))?;
    }
    if removed > 0 {
        tracing::info!(removed, "removed boxes that no run needs");
    }
    Ok(removed)
}
