//! Runs that open their pull request right now, or were stopped while they did.

use anyhow::Result;
use sqlx::PgConnection;

use crate::ids::{RepositoryId, RunId};

/// The repository's runs of which a pull request may be on GitHub that is not stored here yet. It is for a moment, and no
/// longer than a run may stay in that state.
pub async fn opening(connection: &mut PgConnection, repository: RepositoryId) -> Result<Vec<RunId>> {
    let runs = sqlx::query_scalar!(
        r#"select id as "id: RunId" from run
           where repository_id = $1 and progress ->> 'pull_request' is null
             and (state = 'publishing' or (progress ->> 'drafting')::boolean)
           order by id"#,
        repository as _,
    )
    .fetch_all(connection)
    .await?;
    Ok(runs)
}
