//! Removes boxes that no run needs: a process that was killed leaves its boxes behind, and only those of open runs are
//! worth keeping, since their stages go on in them.

use std::collections::HashMap;

use anyhow::{Context as _, Result};

use super::{services::Services, store};

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
