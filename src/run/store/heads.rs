//! The check run `wiz` of each commit: one, whoever comes to the commit. Which run has the word there, which one makes it,
//! and which one wrote it last.

use anyhow::Result;
use sqlx::PgConnection;

use crate::ids::{CheckRunId, CommitSha, RepositoryId, RunId};

/// A commit of a repository.
pub type Head<'a> = (RepositoryId, &'a CommitSha);

/// Who makes the check run of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// This run, and nobody tried before.
    Fresh,
    /// This run, and it may be there already.
    Again,
    /// It is made.
    Made(CheckRunId),
    /// Another run is making it.
    Elsewhere(RunId),
}

/// The run that has the word on a commit, among those whose pull request it is the head of: who is at work on it, then who
/// has run the definition of done on it, then who has not ended. Who was taken back says nothing any more.
pub async fn speaker(connection: &mut PgConnection, (repository, head): Head<'_>) -> Result<Option<RunId>> {
    let run = sqlx::query_scalar!(
        r#"select id as "id: RunId" from run
           where repository_id = $1 and progress -> 'pull_request' ->> 'head' = $2 and verb not in ('ask', 'review')
             and not exists (select from run_output where run_id = run.id and undo_asked_at is not null)
           order by state not in ('watching', 'succeeded', 'failed', 'cancelled') desc,
                    (state in ('watching', 'succeeded')
                        and progress -> 'proofs' @> jsonb_build_array(jsonb_build_object('head', $2::text))) desc,
                    state in ('succeeded', 'failed', 'cancelled'), id
           limit 1"#,
        repository as _,
        head.as_str(),
    )
    .fetch_optional(connection)
    .await?;
    Ok(run)
}

/// Whether any run has seen the whole definition of done hold on a commit.
pub async fn is_proven(connection: &mut PgConnection, (repository, head): Head<'_>) -> Result<bool> {
    let proven = sqlx::query_scalar!(
        r#"select exists(
               select from run
               where repository_id = $1
                 and progress -> 'proofs' @> jsonb_build_array(jsonb_build_object('head', $2::text, 'holds', true))
           ) as "proven!""#,
        repository as _,
        head.as_str(),
    )
    .fetch_one(connection)
    .await?;
    Ok(proven)
}

/// Asks to make the check run of a commit. A run that began to and has no report under way any more has given it up.
pub async fn claim(connection: &mut PgConnection, (repository, head): Head<'_>, run: RunId) -> Result<Claim> {
    let fresh = sqlx::query!(
        "insert into head_check (repository_id, head, run_id) values ($1, $2, $3) on conflict do nothing",
        repository as _,
        head as _,
        run as _,
    )
    .execute(&mut *connection)
    .await?;
    if fresh.rows_affected() == 1 {
        return Ok(Claim::Fresh);
    }
    let again = sqlx::query!(
        "update head_check set run_id = $3
         where repository_id = $1 and head = $2 and check_run_id is null
           and (run_id = $3 or not exists (
               select from job where job.run_id = head_check.run_id and kind in ('report', 'restore')))",
        repository as _,
        head as _,
        run as _,
    )
    .execute(&mut *connection)
    .await?;
    if again.rows_affected() == 1 {
        return Ok(Claim::Again);
    }
    let known = sqlx::query!(
        r#"select run_id as "run: RunId", check_run_id as "made: CheckRunId" from head_check
           where repository_id = $1 and head = $2"#,
        repository as _,
        head as _,
    )
    .fetch_one(connection)
    .await?;
    Ok(known.made.map_or(Claim::Elsewhere(known.run), Claim::Made))
}

/// Notes whose words the check run of a commit shows.
pub async fn spoke(
    connection: &mut PgConnection,
    (repository, head): Head<'_>,
    (run, check): (RunId, CheckRunId),
) -> Result<()> {
    sqlx::query!(
        "insert into head_check (repository_id, head, run_id, check_run_id) values ($1, $2, $3, $4)
         on conflict (repository_id, head)
         do update set run_id = excluded.run_id, check_run_id = excluded.check_run_id",
        repository as _,
        head as _,
        run as _,
        check as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The commits whose check run shows the words of a run.
pub async fn said_by(connection: &mut PgConnection, run: RunId) -> Result<Vec<CommitSha>> {
    let heads = sqlx::query_scalar!(r#"select head as "head: CommitSha" from head_check where run_id = $1"#, run as _)
        .fetch_all(connection)
        .await?;
    Ok(heads)
}

/// The check run of a commit, if it was made, and the run whose words it shows.
pub async fn shown(connection: &mut PgConnection, (repository, head): Head<'_>) -> Result<Option<(CheckRunId, RunId)>> {
    let row = sqlx::query!(
        r#"select check_run_id as "id!: CheckRunId", run_id as "run: RunId" from head_check
           where repository_id = $1 and head = $2 and check_run_id is not null"#,
        repository as _,
        head as _,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| (row.id, row.run)))
}
