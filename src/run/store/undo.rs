//! Runs that a person wants back. Such a run shows nothing any more and never goes on.

use std::collections::BTreeSet;

use anyhow::Result;
use sqlx::PgConnection;

use crate::ids::{CheckRunId, RepositoryId, RunId};

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

/// Which of these check runs another run stands by: it wrote to them last, or it has run the definition of done on their
/// commit.
pub async fn held_by_others(
    connection: &mut PgConnection,
    (repository, run): (RepositoryId, RunId),
    checks: &BTreeSet<CheckRunId>,
) -> Result<BTreeSet<CheckRunId>> {
    let checks: Vec<i64> = checks.iter().map(|check| check.0).collect();
    let held = sqlx::query_scalar!(
        r#"with written as (
               select github_write.id, github_write.run_id, coalesce((change ->> 'check')::bigint, made) as check_run
               from github_write
               join run on run.id = github_write.run_id
               join run_output on run_output.run_id = run.id
               where repository_id = $1 and (run.id = $2 or undo_asked_at is null)
                 and done is distinct from false and change ->> 'kind' in ('check_run', 'check_run_state')
           ), last as (
               select distinct on (check_run) check_run, run_id from written
               where check_run = any($3)
               order by check_run, id desc
           )
           select check_run as "check_run!: CheckRunId" from last where run_id <> $2
           union
           select check_run_id from head_check
           where head_check.repository_id = $1 and check_run_id = any($3) and exists (
               select from run
               join run_output on run_output.run_id = run.id
               where run.repository_id = $1 and run.id <> $2 and undo_asked_at is null
                 and progress -> 'proofs' @> jsonb_build_array(jsonb_build_object('head', head_check.head))
           )"#,
        repository as _,
        run as _,
        &checks,
    )
    .fetch_all(connection)
    .await?;
    Ok(held.into_iter().collect())
}
