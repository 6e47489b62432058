//! What wiz's database knows about a run and about the load, beyond what the demo shows.

use std::time::Duration;

use anyhow::{Context as _, Result};
use sqlx::{PgPool, Row as _};

/// Where the time of one run went that is not wiz's own. The world has one run.
#[derive(Debug, Clone, Copy)]
pub struct Others {
    /// The commands of the verification. Its two sides run side by side, each one command after the other, so the
    /// longer side's sum is the least time that they took.
    pub verification: Duration,
    /// The model, after the approval.
    pub model: Duration,
    /// What the planner ran in its box, tests included.
    pub planners_tools: Duration,
    /// What coder and reviewer ran in their boxes, tests included.
    pub workers_tools: Duration,
}

/// Reads it from evidence, calls and transcripts.
pub async fn others(pool: &PgPool) -> Result<Others> {
    let row = sqlx::query(
        "with side as (
             select sum((one -> 'after' ->> 'duration_ms')::float8) as after_ms,
                    coalesce(sum((one -> 'before' ->> 'duration_ms')::float8), 0) as before_ms
             from evidence, jsonb_array_elements(results) as one
             group by run_id, seq
         ),
         tools as (
             select done.step_key like 'plan%' as planner,
                    extract(epoch from done.created_at - said.created_at)::float8 * 1000 as took_ms
             from turn as done
             join turn as said using (run_id, step_key)
             where done.kind = 'results' and said.kind = 'assistant' and said.position = done.position - 1
         )
         select (select coalesce(sum(greatest(after_ms, before_ms)), 0) from side) as verification,
                (select coalesce(sum(duration_ms), 0)::float8 from llm_call where role <> 'planner') as model,
                (select coalesce(sum(took_ms), 0) from tools where planner) as planners_tools,
                (select coalesce(sum(took_ms), 0) from tools where not planner) as workers_tools",
    );
    let row = row.fetch_one(pool).await.context("cannot read where the time went")?;
    let time = |name: &str| -> Result<Duration> {
        let milliseconds: f64 = row.try_get(name)?;
        Ok(Duration::from_secs_f64(milliseconds.max(0.0) / 1000.0))
    };
    Ok(Others {
        verification: time("verification")?,
        model: time("model")?,
        planners_tools: time("planners_tools")?,
        workers_tools: time("workers_tools")?,
    })
}

/// From the last word of CI, or from when wiz began to watch the pull request if that was later, to the beginning of the
/// repair.
pub async fn repair_delay(pool: &PgPool) -> Result<Duration> {
    let seconds: f64 = sqlx::query_scalar(
        "with began as (
             select run_id, revision, created_at from run_event
             where from_state = 'watching' and to_state = 'working' order by created_at limit 1
         )
         select extract(epoch from began.created_at - greatest(
             (select max(received_at) from delivery
              where event in ('check_run', 'check_suite', 'workflow_run') and received_at <= began.created_at),
             (select max(watching.created_at) from run_event as watching
              where watching.run_id = began.run_id and watching.revision < began.revision
                and watching.to_state = 'watching' and watching.from_state <> 'watching')
         ))::float8 from began",
    )
    .fetch_one(pool)
    .await
    .context("cannot read when the repair began")?;
    Ok(Duration::from_secs_f64(seconds.max(0.0)))
}

/// Deliveries that wiz has stored.
pub async fn deliveries(pool: &PgPool) -> Result<i64> {
    sqlx::query_scalar("select count(*) from delivery").fetch_one(pool).await.context("cannot count deliveries")
}

/// Triage jobs that are done.
pub async fn triaged(pool: &PgPool) -> Result<i64> {
    let done = sqlx::query_scalar("select count(*) from job_history where kind = 'triage'");
    done.fetch_one(pool).await.context("cannot count triage jobs")
}

/// Whether a triage job waits or runs.
pub async fn is_triaging(pool: &PgPool) -> Result<bool> {
    let live = sqlx::query_scalar("select exists (select from job where kind = 'triage')");
    live.fetch_one(pool).await.context("cannot look at the queue")
}

/// The settings by which a commit is durable, in words.
pub async fn durability(pool: &PgPool) -> Result<String> {
    let words = sqlx::query_scalar(
        "select 'fsync ' || current_setting('fsync') || ', synchronous_commit ' || current_setting('synchronous_commit')",
    );
    words.fetch_one(pool).await.context("cannot ask for the database's settings")
}

/// Makes the peer's database on wiz's server.
pub async fn create_peer_database(pool: &PgPool, name: &'static str) -> Result<()> {
    let create = sqlx::AssertSqlSafe(format!("create database {name}"));
    sqlx::raw_sql(create).execute(pool).await.context("cannot make the peer's database")?;
    Ok(())
}

/// Makes the peer's only table.
pub async fn create_peer_table(pool: &PgPool) -> Result<()> {
    let table = "create table delivery (
        id uuid primary key, event text not null, payload text not null, received_at timestamptz not null default now()
    )";
    sqlx::raw_sql(table).execute(pool).await.context("cannot make the peer's table")?;
    Ok(())
}
