//! The journal's rows.

use anyhow::Result;
use sqlx::{PgConnection, PgPool, types::Json};

use super::Change;
use crate::ids::{InstallationId, JobId, RunId};

/// One noted write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    pub id: i64,
    pub change: Change,
    /// Whether GitHub did it; none if nobody knows.
    pub done: Option<bool>,
    /// GitHub's number of what was made.
    pub made: Option<i64>,
    /// Whether it was taken back, or found to be what cannot be.
    pub undone: bool,
}

pub(super) async fn begin(
    pool: &PgPool,
    installation: InstallationId,
    (job, run): (Option<JobId>, Option<RunId>),
    change: &Change,
) -> Result<i64> {
    let id = sqlx::query_scalar!(
        "insert into github_write (installation_id, job_id, run_id, change) values ($1, $2, $3, $4) returning id",
        installation as _,
        job as _,
        run as _,
        Json(change) as _,
    )
    .fetch_one(pool)
    .await?;
    Ok(id)
}

pub(super) async fn end(pool: &PgPool, id: i64, done: bool, made: Option<i64>) -> Result<()> {
    sqlx::query!("update github_write set done = $2, made = $3 where id = $1", id, done, made).execute(pool).await?;
    Ok(())
}

/// Gives a run what a job did before it was known to be about that run.
pub async fn adopt(connection: &mut PgConnection, job: JobId, run: RunId) -> Result<()> {
    sqlx::query!("update github_write set run_id = $2 where job_id = $1 and run_id is null", job as _, run as _)
        .execute(connection)
        .await?;
    Ok(())
}

/// What a run did on GitHub, in the order it was asked for; refused writes are left out.
pub async fn of_run(connection: &mut PgConnection, run: RunId) -> Result<Vec<Noted>> {
    let rows = sqlx::query!(
        r#"select id, change as "change: Json<Change>", done, made, undone_at is not null as "undone!"
           from github_write where run_id = $1 and done is distinct from false order by id"#,
        run as _,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Noted { id: row.id, change: row.change.0, done: row.done, made: row.made, undone: row.undone })
        .collect())
}

/// Notes that these writes were taken back, or found to be what cannot be, and that the job's own did it. What others noted
/// since was not looked at.
pub async fn close(connection: &mut PgConnection, (run, writes): (RunId, &[i64]), by: JobId) -> Result<()> {
    sqlx::query!(
        "update github_write set undone_at = now()
         where run_id = $1 and (id = any($2) or job_id = $3) and undone_at is null",
        run as _,
        writes,
        by as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}
