//! What happens to runs when an installation or a repository goes out of wiz's reach or comes back; told by a delivery, or
//! found by asking again.

use std::time::Duration;

use anyhow::Result;
use chrono::Utc;
use sqlx::PgConnection;

use super::{
    signal::{Gone, Signal, StageResult},
    store::{self, reach},
    task::Task,
};
use crate::{
    error::UserMessage,
    ids::{InstallationId, RepositoryId, RepositoryName, RunId},
    queue,
};

/// What people read, once wiz is back, of work that a suspension ended.
pub const SUSPENDED: &str = "wiz was suspended here while it was at work. Once it is back, `/wiz retry` goes on.";

/// The installation is suspended: what is at work fails, and can go on later.
pub async fn suspended(connection: &mut PgConnection, installation: InstallationId) -> Result<()> {
    reach::suspend(connection, installation, true).await?;
    for (run, seq) in reach::at_work(connection, installation).await? {
        let result = StageResult::Failed { message: UserMessage::new(SUSPENDED) };
        store::signal(connection, run, Signal::Stage { seq, result }).await?;
    }
    Ok(())
}

/// The installation was removed: GitHub accepts no call any more, so every run ends.
pub async fn uninstalled(connection: &mut PgConnection, installation: InstallationId) -> Result<()> {
    reach::remove_installation(connection, installation).await?;
    let runs = reach::open_in_installation(connection, installation).await?;
    end(connection, runs, Gone::Installation).await
}

/// The installation can be reached again: what could not be shown meanwhile is, and pushes that were not told of may have
/// brought other schedules. Nothing comes of it where it could be reached before.
pub async fn back(connection: &mut PgConnection, installation: InstallationId) -> Result<()> {
    if reach::suspended_at(connection, installation).await?.is_none() {
        return Ok(());
    }
    reach::report_unseen(connection, installation).await?;
    reach::suspend(connection, installation, false).await?;
    let known = reach::repositories(connection, installation).await?;
    read_schedules(connection, installation, known.into_iter().map(|id| (id, None)).collect()).await
}

/// The repository is as GitHub now describes it; if it can be written to again, what could not be shown meanwhile is.
/// Answers whether it is back in this way, so that nobody knows what happened there meanwhile.
pub async fn described(connection: &mut PgConnection, repository: &reach::Described) -> Result<bool> {
    let is_back = reach::describe_repository(connection, repository).await?;
    if is_back {
        tracing::info!(repo = %repository.name, "a repository is back");
        reach::report_unseen_in(connection, repository.id).await?;
    }
    Ok(is_back)
}

/// Time between two repositories whose schedules are read one after the other, since an installation may have hundreds.
const BETWEEN_READS: Duration = Duration::from_secs(2);

/// Asks for the schedules of repositories that nobody pushed to, as far as wiz was told. One that wiz does not know is found
/// by its name.
pub async fn read_schedules(
    connection: &mut PgConnection,
    installation: InstallationId,
    repositories: Vec<(RepositoryId, Option<RepositoryName>)>,
) -> Result<()> {
    // Each time counts: a reading that is under way may not see what came since.
    let after = format!("reach-{}", Utc::now().timestamp_micros());
    let mut delay = Duration::ZERO;
    for (repository, name) in repositories {
        let read = Task::Schedules { installation, repository, after: after.clone(), name };
        queue::enqueue(connection, &read.job(installation, delay)?).await?;
        delay += BETWEEN_READS;
    }
    Ok(())
}

/// The repository was deleted or taken from the installation.
pub async fn repository_gone(
    connection: &mut PgConnection,
    installation: InstallationId,
    repository: RepositoryId,
) -> Result<()> {
    if !reach::remove_repository(connection, installation, repository).await? {
        return Ok(());
    }
    let runs = reach::open_in_repository(connection, repository).await?;
    end(connection, runs, Gone::Repository).await
}

/// The repository can only be read.
pub async fn repository_archived(connection: &mut PgConnection, repository: RepositoryId) -> Result<()> {
    let runs = reach::open_in_repository(connection, repository).await?;
    end(connection, runs, Gone::Archived).await
}

async fn end(connection: &mut PgConnection, runs: Vec<RunId>, gone: Gone) -> Result<()> {
    for run in runs {
        store::signal(connection, run, Signal::Gone(gone)).await?;
        tracing::info!(%run, ?gone, "ended a run whose ground is gone");
    }
    Ok(())
}
