//! What people ask of the queue: what is there, and to retry or cancel it.

use std::time::Duration;

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};

use super::{archive::OutcomeName, worker::EXPIRY};
use crate::ids::{JobId, RunId};

/// Where a job stands, live or finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum JobStanding {
    Scheduled,
    Blocked,
    Gated,
    Ready,
    Running,
    Succeeded,
    Dead,
    Cancelled,
}

impl std::str::FromStr for JobStanding {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "scheduled" => Self::Scheduled,
            "blocked" => Self::Blocked,
            "gated" => Self::Gated,
            "ready" => Self::Ready,
            "running" => Self::Running,
            "succeeded" => Self::Succeeded,
            "dead" => Self::Dead,
            "cancelled" => Self::Cancelled,
            _ => {
                return Err(format!(
                    "{text:?} is no state of a job; they are scheduled, blocked, gated, ready, running, succeeded, \
                     dead and cancelled"
                ));
            }
        })
    }
}

/// Which jobs to list.
#[derive(Debug, Clone, Default)]
pub struct JobFilter {
    pub standing: Option<JobStanding>,
    pub run: Option<RunId>,
    /// Most jobs returned, newest first; 0 means 50.
    pub limit: u32,
}

/// One job, for people.
#[derive(Debug, Clone, serde::Serialize)]
pub struct JobReport {
    pub id: JobId,
    pub kind: String,
    pub standing: JobStanding,
    pub payload: serde_json::Value,
    pub tenant: i64,
    pub run: Option<RunId>,
    pub attempt: i16,
    pub max_attempts: i16,
    pub crash_count: i16,
    pub group_key: Option<String>,
    pub dedupe_key: Option<String>,
    /// Of a live job: how many jobs it waits for.
    pub deps_left: i32,
    pub cancel_requested: bool,
    /// The last failure, or why it died or was cancelled.
    pub error: Option<String>,
    pub created_at: DateTime<Utc>,
    /// Of a live job: when it may run or was claimed. Of a finished one: when it ended.
    pub at: DateTime<Utc>,
}

/// Most jobs of a list that names no limit.
const LIST_LIMIT: i64 = 50;

/// Lists jobs, live and finished, newest first.
pub async fn list(pool: &PgPool, filter: &JobFilter) -> Result<Vec<JobReport>> {
    let limit = if filter.limit == 0 { LIST_LIMIT } else { i64::from(filter.limit) };
    select(pool, (None, filter.standing, filter.run), limit).await
}

/// One job, live or finished.
pub async fn show(pool: &PgPool, id: JobId) -> Result<Option<JobReport>> {
    Ok(select(pool, (Some(id), None, None), 1).await?.pop())
}

async fn select(
    pool: &PgPool,
    (id, standing, run): (Option<JobId>, Option<JobStanding>, Option<RunId>),
    limit: i64,
) -> Result<Vec<JobReport>> {
    sqlx::query_as!(
        JobReport,
        r#"
        (select id as "id!: JobId", kind as "kind!", state::text as "standing!: JobStanding", payload as "payload!",
                tenant as "tenant!", run_id as "run: RunId", attempt as "attempt!", max_attempts as "max_attempts!",
                crash_count as "crash_count!", group_key, dedupe_key, deps_left as "deps_left!",
                cancel_requested_at is not null as "cancel_requested!", last_error as error,
                created_at as "created_at!", coalesce(claimed_at, run_at) as "at!"
         from job
         where ($1::bigint is null or id = $1) and ($2::text is null or state::text = $2)
           and ($3::bigint is null or run_id = $3)
         order by id desc limit $4)
        union all
        (select id, kind, outcome::text, payload, tenant, run_id, attempt, max_attempts, crash_count, group_key,
                dedupe_key, 0, false, error, created_at, finished_at
         from job_history
         where ($1::bigint is null or id = $1) and ($2::text is null or outcome::text = $2)
           and ($3::bigint is null or run_id = $3)
         order by id desc limit $4)
        order by 1 desc limit $4
        "#,
        id as Option<JobId>,
        standing as Option<JobStanding>,
        run as Option<RunId>,
        limit,
    )
    .fetch_all(pool)
    .await
    .context("cannot list jobs")
}

/// What became of a wish to run a job again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redriven {
    /// A dead or cancelled job is live again, with all its attempts and under its old id.
    Revived,
    /// It waited for its time and is due now.
    Hurried,
    /// It is live and needs no help, or it succeeded, or its dedupe key is taken, or it does not exist.
    Refused(&'static str),
}

/// Runs a dead or cancelled job again, or a scheduled one at once. Ring afterwards.
pub async fn retry(pool: &PgPool, id: JobId) -> Result<Redriven> {
    let mut transaction = pool.begin().await.context("cannot retry the job")?;
    let hurried = sqlx::query!("update job set run_at = now() where id = $1 and state = 'scheduled'", id.0)
        .execute(&mut *transaction)
        .await
        .context("cannot hurry the job")?;
    if hurried.rows_affected() == 1 {
        transaction.commit().await.context("cannot hurry the job")?;
        return Ok(Redriven::Hurried);
    }
    let found =
        sqlx::query!(r#"select outcome as "outcome: OutcomeName" from job_history where id = $1 for update"#, id.0)
            .fetch_optional(&mut *transaction)
            .await
            .context("cannot look the job up")?;
    match found.map(|row| row.outcome) {
        None => return Ok(Redriven::Refused("no finished or scheduled job has this number")),
        Some(OutcomeName::Succeeded) => return Ok(Redriven::Refused("it has succeeded")),
        Some(OutcomeName::Dead | OutcomeName::Cancelled) => {}
    }
    // The claim number goes on from where it was: an attempt of its former life cannot finish it.
    let revived = sqlx::query!(
        r#"
        with revived as (
            insert into job (id, kind, payload, tenant, priority, run_id, state, max_attempts, run_seq, group_key,
                             dedupe_key, last_error, created_at)
            select id, kind, payload, tenant, priority, run_id,
                   case when group_key is null then 'ready' else 'gated' end::job_state,
                   max_attempts, run_seq, group_key, dedupe_key, error, created_at
            from job_history where id = $1
            on conflict (tenant, dedupe_key) where dedupe_key is not null do nothing
            returning id
        )
        delete from job_history using revived where job_history.id = revived.id
        "#,
        id.0,
    )
    .execute(&mut *transaction)
    .await
    .context("cannot revive the job")?;
    if revived.rows_affected() == 0 {
        return Ok(Redriven::Refused("a live job has the same dedupe key"));
    }
    transaction.commit().await.context("cannot revive the job")?;
    Ok(Redriven::Revived)
}

/// Asks for a job's cancellation; a worker carries it out within its poll interval, by the running job's lease or by
/// removing the waiting one. False if no live job has this number.
pub async fn cancel(pool: &PgPool, id: JobId) -> Result<bool> {
    let asked =
        sqlx::query!("update job set cancel_requested_at = coalesce(cancel_requested_at, now()) where id = $1", id.0)
            .execute(pool)
            .await
            .context("cannot ask for the cancellation")?;
    Ok(asked.rows_affected() == 1)
}

/// Asks for the cancellation of a run's jobs of the given kinds: those that wait end soon, running ones are told.
/// Answers how many were asked.
pub async fn cancel_kinds(connection: &mut PgConnection, run: RunId, kinds: &[&str]) -> Result<u64> {
    let kinds: Vec<String> = kinds.iter().map(|kind| (*kind).to_owned()).collect();
    let asked = sqlx::query!(
        r#"
        update job set cancel_requested_at = coalesce(cancel_requested_at, now())
        where run_id = $1 and kind = any($2)
        "#,
        run.0,
        &kinds,
    )
    .execute(connection)
    .await
    .context("cannot ask for the cancellation of the run's jobs")?;
    Ok(asked.rows_affected())
}

/// When a live job was enqueued.
pub async fn created_at(connection: &mut PgConnection, id: JobId) -> Result<Option<DateTime<Utc>>> {
    let at = sqlx::query_scalar!("select created_at from job where id = $1", id as _)
        .fetch_optional(connection)
        .await
        .context("cannot ask when a job was enqueued")?;
    Ok(at)
}

/// How long a worker has had each of the run's live jobs of these kinds; none for one that waits, or whose worker is lost.
pub async fn held_for(connection: &mut PgConnection, run: RunId, kinds: &[&str]) -> Result<Vec<Option<Duration>>> {
    let kinds: Vec<String> = kinds.iter().map(|kind| (*kind).to_owned()).collect();
    let seconds = sqlx::query_scalar!(
        r#"select case when worker.seen_at > now() - make_interval(secs => $3)
                       then extract(epoch from now() - job.claimed_at)::double precision end as seconds
           from job left join worker on worker.id = job.worker_id
           where job.run_id = $1 and job.kind = any($2)"#,
        run.0,
        &kinds,
        EXPIRY.as_secs_f64(),
    )
    .fetch_all(connection)
    .await
    .context("cannot look for the run's jobs")?;
    Ok(seconds.into_iter().map(|held| held.map(|held| Duration::from_secs_f64(held.max(0.0)))).collect())
}

/// Whether a worker has a job of these kinds for the run.
pub async fn is_running(connection: &mut PgConnection, run: RunId, kinds: &[&str]) -> Result<bool> {
    let kinds: Vec<String> = kinds.iter().map(|kind| (*kind).to_owned()).collect();
    let running = sqlx::query_scalar!(
        r#"select exists(select from job where run_id = $1 and kind = any($2) and state = 'running') as "running!""#,
        run.0,
        &kinds,
    )
    .fetch_one(connection)
    .await
    .context("cannot look for the run's jobs")?;
    Ok(running)
}
