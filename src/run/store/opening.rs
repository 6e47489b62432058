//! Runs that open their pull request right now, or were stopped while they did.

use anyhow::Result;
use sqlx::PgConnection;

use crate::ids::{RepositoryId, RunId};

/// The repository's runs of which a pull request may be on GitHub that is not stored here yet: those for which a worker has
/// begun to make one. It is for a moment, or until the next try.
pub async fn opening(connection: &mut PgConnection, repository: RepositoryId) -> Result<Vec<RunId>> {
    let runs = sqlx::query_scalar!(
        r#"select id as "id: RunId" from run
           where repository_id = $1
             and (state = 'publishing' and progress ->> 'pull_request' is null
                  or (progress ->> 'drafting')::boolean
                     and (progress ->> 'pull_request' is null or progress ->> 'follow_up' is not null))
             and exists(select from job where run_id = run.id and kind in ('publish', 'draft') and run_seq > 0)
           order by id"#,
        repository as _,
    )
    .fetch_all(connection)
    .await?;
    Ok(runs)
}
