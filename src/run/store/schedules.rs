//! Schedules and their ticks.

use anyhow::Result;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::{
    ids::{IssueNumber, RepositoryId, RunId},
    policy::{Schedule, ScheduleName},
};

/// A schedule as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSchedule {
    pub name: ScheduleName,
    pub cron: String,
    pub timezone: String,
    /// The next tick.
    pub due: DateTime<Utc>,
    pub issue: Option<IssueNumber>,
}

/// What came of a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum TickOutcome {
    Started,
    /// The run of an earlier tick is not over.
    StillOpen,
    /// wiz was down, and too much time has passed.
    Missed,
    /// The policy file cannot be understood.
    Faulty,
    /// Somebody closed the tracking issue.
    Paused,
    /// The repository may spend no more today.
    NoBudget,
    /// The policy names a model that cannot be used here.
    UnusableModel,
}

/// A tick that was dealt with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    pub due: DateTime<Utc>,
    pub outcome: TickOutcome,
    /// The run that was started, or that was still open.
    pub run: Option<RunId>,
}

/// Every schedule of a repository.
pub async fn of_repository(connection: &mut PgConnection, repository: RepositoryId) -> Result<Vec<StoredSchedule>> {
    let rows = sqlx::query_as!(
        StoredSchedule,
        r#"select name as "name: ScheduleName", cron, timezone, due_at as due, issue_number as "issue: IssueNumber"
           from schedule where repository_id = $1 order by name"#,
        repository as _,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows)
}

/// One schedule, held until the transaction ends.
pub async fn lock(
    connection: &mut PgConnection,
    repository: RepositoryId,
    name: &ScheduleName,
) -> Result<Option<StoredSchedule>> {
    let row = sqlx::query_as!(
        StoredSchedule,
        r#"select name as "name: ScheduleName", cron, timezone, due_at as due, issue_number as "issue: IssueNumber"
           from schedule where repository_id = $1 and name = $2 for update"#,
        repository as _,
        name as _,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row)
}

/// Stores a schedule with its next tick.
pub async fn save(
    connection: &mut PgConnection,
    repository: RepositoryId,
    schedule: &Schedule,
    due: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "insert into schedule (repository_id, name, cron, timezone, due_at) values ($1, $2, $3, $4, $5)
         on conflict (repository_id, name) do update
         set cron = excluded.cron, timezone = excluded.timezone, due_at = excluded.due_at",
        repository as _,
        &schedule.name as _,
        schedule.cron,
        schedule.timezone.name(),
        due,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Sets the next tick.
pub async fn advance(
    connection: &mut PgConnection,
    repository: RepositoryId,
    name: &ScheduleName,
    due: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "update schedule set due_at = $3 where repository_id = $1 and name = $2",
        repository as _,
        name as _,
        due
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Remembers the tracking issue.
pub async fn set_issue(
    connection: &mut PgConnection,
    repository: RepositoryId,
    name: &ScheduleName,
    issue: IssueNumber,
) -> Result<()> {
    sqlx::query!(
        "update schedule set issue_number = $3 where repository_id = $1 and name = $2",
        repository as _,
        name as _,
        issue as _
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets a schedule that is no longer in the file. Its ticks stay known, so that it does not tick twice if it returns.
pub async fn remove(connection: &mut PgConnection, repository: RepositoryId, name: &ScheduleName) -> Result<()> {
    sqlx::query!("delete from schedule where repository_id = $1 and name = $2", repository as _, name as _)
        .execute(connection)
        .await?;
    Ok(())
}

/// Notes what came of a tick; false when it was dealt with before.
pub async fn record(
    connection: &mut PgConnection,
    repository: RepositoryId,
    name: &ScheduleName,
    tick: &Tick,
) -> Result<bool> {
    let result = sqlx::query!(
        "insert into schedule_tick (repository_id, name, due_at, outcome, run_id) values ($1, $2, $3, $4, $5)
         on conflict do nothing",
        repository as _,
        name as _,
        tick.due,
        tick.outcome as _,
        tick.run as _,
    )
    .execute(connection)
    .await?;
    Ok(result.rows_affected() == 1)
}

/// Whether a tick was dealt with.
pub async fn is_recorded(
    connection: &mut PgConnection,
    repository: RepositoryId,
    name: &ScheduleName,
    due: DateTime<Utc>,
) -> Result<bool> {
    let known = sqlx::query_scalar!(
        r#"select exists(
               select 1 from schedule_tick where repository_id = $1 and name = $2 and due_at = $3
           ) as "exists!""#,
        repository as _,
        name as _,
        due,
    )
    .fetch_one(connection)
    .await?;
    Ok(known)
}

/// The newest ticks, newest first.
pub async fn latest(
    connection: &mut PgConnection,
    repository: RepositoryId,
    name: &ScheduleName,
    most: i64,
) -> Result<Vec<Tick>> {
    let rows = sqlx::query_as!(
        Tick,
        r#"select due_at as due, outcome as "outcome: TickOutcome", run_id as "run: RunId"
           from schedule_tick where repository_id = $1 and name = $2 order by due_at desc limit $3"#,
        repository as _,
        name as _,
        most,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows)
}

/// The schedule's run that is not over, if there is one.
pub async fn open_run(
    connection: &mut PgConnection,
    repository: RepositoryId,
    name: &ScheduleName,
) -> Result<Option<RunId>> {
    let run = sqlx::query_scalar!(
        r#"select run.id as "id: RunId"
           from schedule_tick join run on run.id = schedule_tick.run_id
           where schedule_tick.repository_id = $1 and name = $2 and outcome = 'started'
             and state not in ('succeeded', 'failed', 'cancelled')
           order by run.id desc limit 1"#,
        repository as _,
        name as _,
    )
    .fetch_optional(connection)
    .await?;
    Ok(run)
}
