//! What happens to runs when an installation or a repository goes out of wiz's reach or comes back; told by a delivery, or
//! found by asking again.

use anyhow::Result;
use sqlx::PgConnection;

use super::{
    signal::{Gone, Signal, StageResult},
    store::{self, reach},
};
use crate::{
    error::UserMessage,
    ids::{InstallationId, RepositoryId, RunId},
};

/// The installation is suspended: what is at work fails, and can go on later.
pub async fn suspended(connection: &mut PgConnection, installation: InstallationId) -> Result<()> {
    reach::suspend(connection, installation, true).await?;
    for (run, seq) in reach::at_work(connection, installation).await? {
        let message =
            UserMessage::new("wiz was suspended here while it was at work. Once it is back, `/wiz retry` goes on.");
        let result = StageResult::Failed { message };
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

/// The installation can be reached again: what could not be shown meanwhile is.
pub async fn back(connection: &mut PgConnection, installation: InstallationId) -> Result<()> {
    reach::report_unseen(connection, installation).await?;
    reach::suspend(connection, installation, false).await
}

/// The repository is as GitHub now describes it; if it can be written to again, what could not be shown meanwhile is.
pub async fn described(connection: &mut PgConnection, repository: &reach::Described) -> Result<()> {
    if reach::describe_repository(connection, repository).await? {
        tracing::info!(repo = %repository.name, "a repository is back");
        reach::report_unseen_in(connection, repository.id).await?;
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
