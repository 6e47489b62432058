//! `wiz migrate`: bring the database up to date and end.

use std::process::ExitCode;

use crate::database::Database;

pub(super) async fn migrate() -> anyhow::Result<ExitCode> {
    let database = Database::attach(&super::database_config()?).await?;
    database.close().await?;
    tracing::info!("the database is up to date");
    Ok(ExitCode::SUCCESS)
}
