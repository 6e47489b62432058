//! Runs that a person wants back. Such a run shows nothing any more and never goes on.

use anyhow::Result;
use sqlx::PgConnection;

use crate::ids::RunId;

/// Notes that everything the run did is to be taken back.
pub async fn ask(connection: &mut PgConnection, run: RunId) -> Result<()> {
    sqlx::query!("update run_output set undo_asked_at = coalesce(undo_asked_at, now()) where run_id = $1", run as _)
        .execute(connection)
        .await?;
    Ok(())
}

/// Whether that was noted.
pub async fn is_asked(connection: &mut PgConnection, run: RunId) -> Result<bool> {
    let asked = sqlx::query_scalar!(
        r#"select undo_asked_at is not null as "asked!" from run_output where run_id = $1"#,
        run as _
    )
    .fetch_optional(connection)
    .await?;
    Ok(asked.unwrap_or(false))
}
