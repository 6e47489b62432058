//! Removes the boxes of a run that has ended. Its stage jobs were cancelled in the transaction that ended it; one that
//! has not noticed yet loses its box here, and the box it was just asking for as well.

use std::time::Duration;

use anyhow::Context as _;
use tokio::time::{self, Instant};

use super::{Completed, JobFailure, Lease, RunId, Services, Task, complete, place, store};
use crate::queue;

/// Longest wait for cancelled stages to notice; what a worker that died left is swept up later.
const NOTICED: Duration = Duration::from_secs(20);
/// Time between two looks at them.
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// The engine finishes what it was asked for although nobody waits for the answer any more.
const ENGINE_SETTLES: Duration = Duration::from_secs(1);

pub(super) async fn execute(services: &Services, lease: &Lease, run: RunId, seq: i32) -> Result<Completed, JobFailure> {
    if has_ended(services, run, seq).await? {
        place::moved_on(services, lease.job()).await?;
        remove(services, run).await?;
        let until = Instant::now() + NOTICED;
        while Instant::now() < until && is_worked(services, run).await? && has_ended(services, run, seq).await? {
            time::sleep(LOOK_AGAIN).await;
        }
        time::sleep(ENGINE_SETTLES).await;
        if has_ended(services, run, seq).await? {
            remove(services, run).await?;
        }
    }
    complete(services, lease).await
}

/// Whether the run is still in the end `seq`. If not, its boxes belong to a stage that came after this end.
async fn has_ended(services: &Services, run: RunId, seq: i32) -> anyhow::Result<bool> {
    let stored = store::load(&mut *services.pool.acquire().await?, run).await?;
    Ok(stored.is_some_and(|stored| stored.run.seq == seq))
}

async fn is_worked(services: &Services, run: RunId) -> anyhow::Result<bool> {
    queue::is_running(&mut *services.pool.acquire().await?, run, &Task::STAGE_KINDS).await
}

async fn remove(services: &Services, run: RunId) -> anyhow::Result<()> {
    let removed = services.docker.remove_run(run).await.context("cannot remove the run's boxes")?;
    if removed > 0 {
        tracing::info!(%run, removed, "removed boxes of an ended run");
    }
    Ok(())
}
