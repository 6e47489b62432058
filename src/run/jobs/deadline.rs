//! Tells the machine that a state lasted too long.

use super::{Completed, JobFailure, Lease, RunId, Services, Signal, store};

pub(super) async fn execute(services: &Services, lease: &Lease, run: RunId, seq: i32) -> Result<Completed, JobFailure> {
    let mut transaction = services.pool.begin().await?;
    let completed = lease.complete(&mut transaction).await?;
    store::signal(&mut transaction, run, Signal::Deadline { seq }).await?;
    transaction.commit().await?;
    Ok(completed)
}
