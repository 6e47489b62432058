//! Removes the boxes of a run that has ended. Its stage jobs were cancelled in the transaction that ended it; one that
//! has not noticed yet loses its box here.

use anyhow::Context as _;

use super::{Completed, JobFailure, Lease, RunId, Services, complete, store};

pub(super) async fn execute(services: &Services, lease: &Lease, run: RunId, seq: i32) -> Result<Completed, JobFailure> {
    let stored = store::load(&mut *services.pool.acquire().await?, run).await?;
    if stored.is_none_or(|stored| stored.run.seq != seq) {
        // The run goes on: its boxes belong to a stage that came after this end.
        return complete(services, lease).await;
    }
    let removed = services.docker.remove_run(run).await.context("cannot remove the run's boxes")?;
    if removed > 0 {
        tracing::info!(%run, removed, "removed boxes of an ended run");
    }
    complete(services, lease).await
}
