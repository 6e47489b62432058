//! Tells the machine that a state lasted too long.

use super::{Completed, JobFailure, Lease, RunId, Services, Signal, Task, store};
use crate::{queue, run::machine};

pub(super) async fn execute(services: &Services, lease: &Lease, run: RunId, seq: i32) -> Result<Completed, JobFailure> {
    let mut transaction = services.pool.begin().await?;
    let stored = store::load(&mut transaction, run).await?.filter(|stored| stored.run.seq == seq);
    if let Some(stored) = stored {
        let held = queue::held_for(&mut transaction, run, &Task::STAGE_KINDS).await?;
        if let Some(after) = machine::deadline_left(stored.run.state, &held) {
            let error = anyhow::anyhow!("no worker has had the stage for as long as it may take");
            return Err(JobFailure::TooEarly { error, after });
        }
    }
    let completed = lease.complete(&mut transaction).await?;
    store::signal(&mut transaction, run, Signal::Deadline { seq }).await?;
    transaction.commit().await?;
    Ok(completed)
}
