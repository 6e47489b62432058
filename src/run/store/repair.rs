//! What repair works through: open runs to be read again, reports that never arrived, branches that lead nowhere.

use std::time::Duration;

use anyhow::Result;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::{
    ids::{InstallationId, RunId},
    queue,
    run::task::Task,
};

/// An open run whose turn it is to be read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    pub run: RunId,
    /// When it was last read again; none before the first time.
    pub before: Option<DateTime<Utc>>,
}

/// Takes up to `limit` open runs that were not read again for `interval`; nobody else takes them until it is over again.
pub async fn take_due(connection: &mut PgConnection, interval: Duration, limit: i64) -> Result<Vec<Due>> {
    let due = sqlx::query_as!(
        Due,
        r#"with due as (
               select run_output.run_id, reread_at
               from run_output
               join run on run.id = run_output.run_id
               join repository on repository.id = run.repository_id
               join installation on installation.id = repository.installation_id
               where run.state not in ('succeeded', 'failed', 'cancelled')
                 and installation.suspended_at is null and repository.removed_at is null
                 and coalesce(reread_at, run.created_at) < now() - make_interval(secs => $1)
               order by coalesce(reread_at, run.created_at), run_output.run_id
               limit $2
               for update of run_output skip locked
           )
           update run_output set reread_at = now() from due where run_output.run_id = due.run_id
           returning run_output.run_id as "run!: RunId", due.reread_at as before"#,
        interval.as_secs_f64(),
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(due)
}

/// Gives back a run that could not be read, so that nothing said since is passed over.
pub async fn give_back(connection: &mut PgConnection, due: Due) -> Result<()> {
    sqlx::query!("update run_output set reread_at = $2 where run_id = $1", due.run as _, due.before)
        .execute(connection)
        .await?;
    Ok(())
}

/// Asks once more for reports that never arrived, as when every try failed: what GitHub shows of a run, its check run above
/// all, is settled in the end. Answers for how many runs.
pub async fn report_unshown(connection: &mut PgConnection) -> Result<usize> {
    let unshown = sqlx::query!(
        r#"select run.id as "run: RunId", revision, repository.installation_id as "installation: InstallationId"
           from run
           join run_output on run_output.run_id = run.id
           join repository on repository.id = run.repository_id
           join installation on installation.id = repository.installation_id
           where shown_revision < revision
             and run.updated_at between now() - interval '7 days' and now() - interval '5 minutes'
             and installation.suspended_at is null and repository.removed_at is null
             and not exists (select from job where job.run_id = run.id and job.kind = 'report')
           order by run.id
           limit 50"#,
    )
    .fetch_all(&mut *connection)
    .await?;
    for row in &unshown {
        let report = Task::Report { run: row.run, revision: row.revision };
        queue::enqueue(connection, &report.job(row.installation, Duration::ZERO)?).await?;
    }
    Ok(unshown.len())
}

/// Ended runs that came as far as making a branch and have no pull request, a day after they ended: until then somebody may
/// let them go on. Each is looked at once.
pub async fn take_branches(connection: &mut PgConnection, limit: i64) -> Result<Vec<RunId>> {
    let runs = sqlx::query_scalar!(
        r#"with ended as (
               select run_output.run_id
               from run_output
               join run on run.id = run_output.run_id
               join repository on repository.id = run.repository_id
               join installation on installation.id = repository.installation_id
               where run.state in ('failed', 'cancelled') and progress ->> 'pull_request' is null
                 and run.updated_at < now() - interval '1 day'
                 and (branch_checked_at is null or branch_checked_at < run.updated_at)
                 and installation.suspended_at is null and repository.removed_at is null
                 and exists (select from run_event where run_event.run_id = run.id and to_state = 'publishing')
               order by run_output.run_id
               limit $1
               for update of run_output skip locked
           )
           update run_output set branch_checked_at = now() from ended where run_output.run_id = ended.run_id
           returning run_output.run_id as "run!: RunId""#,
        limit,
    )
    .fetch_all(connection)
    .await?;
    Ok(runs)
}
