//! Lets the failed jobs of a workflow run try again. Should GitHub refuse, the failures are looked at once more, and then
//! as what will not pass by itself.

use std::time::Duration;

use sqlx::PgConnection;

use super::{Completed, JobFailure, Lease, Services, Task, store};
use crate::{
    queue,
    run::{
        store::ci,
        task::{Checks, Occasion, Rerun},
    },
};

pub(super) async fn execute(services: &Services, lease: &Lease, wanted: &Rerun) -> Result<Completed, JobFailure> {
    let mut connection = services.pool.acquire().await?;
    if let Some(watcher) = wanted.watcher
        && store::undo::is_asked(&mut connection, watcher).await?
    {
        return super::complete(services, lease).await;
    }
    let name = store::repository_name(&mut connection, wanted.repository).await?;
    drop(connection);
    let github = services.github.installation(wanted.installation);
    let asked = github.rerun_failed_jobs(&name, wanted.repository, (wanted.run, wanted.attempt)).await;
    let refused = match asked {
        Ok(()) => false,
        Err(error) if error.is_retryable() => return Err(super::retry(error.into())),
        Err(error) => {
            tracing::warn!(%error, head = %wanted.head, "the failed jobs cannot be run again");
            true
        }
    };
    let mut transaction = services.pool.begin().await?;
    let completed = lease.complete(&mut transaction).await?;
    if refused {
        not_again(&mut transaction, wanted).await?;
    }
    transaction.commit().await?;
    Ok(completed)
}

/// There will be no other try, so the failure is one that stays, now and whenever the checks are looked at.
pub(super) async fn not_again(connection: &mut PgConnection, wanted: &Rerun) -> anyhow::Result<()> {
    ci::rerun_refused(connection, (wanted.repository, &wanted.head), (wanted.run, wanted.attempt)).await?;
    ci::watch(connection, wanted.repository, &wanted.head).await?;
    let look = Task::Checks(Checks {
        installation: wanted.installation,
        repository: wanted.repository,
        head: wanted.head.clone(),
        occasion: Occasion::RerunRefused,
    });
    queue::enqueue(connection, &look.job(wanted.installation, Duration::ZERO)?).await.map(drop)
}
