//! What becomes of an attempt that did not complete its job.

use std::time::Duration;

use anyhow::{Context, Result};
use sqlx::{PgConnection, PgPool};

use super::{
    Burial, Handler, Interruption, Job, JobFailure, JobState, Lease,
    archive::{Outcome, archive},
    backoff::retry_delay,
};
use crate::ids::JobId;

/// Most characters of an error kept with the job.
const ERROR_CHARS: usize = 2_000;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    /// Another claim decides.
    Nothing,
    /// Again after the wait; this attempt counts.
    Postpone(Duration),
    /// Again after the wait; this attempt does not count.
    Defer(Duration),
    /// Ready again; this attempt does not count.
    GiveBack,
    Bury,
    Cancel,
}

/// `jitter` is in 0..=1 and moves a backoff.
fn verdict(job: &Job, interruption: Option<Interruption>, failure: &JobFailure, jitter: f64) -> Verdict {
    match (interruption, failure) {
        (Some(Interruption::Lost), _) => Verdict::Nothing,
        (Some(Interruption::CancelRequested), _) => Verdict::Cancel,
        (_, JobFailure::Fatal { .. }) => Verdict::Bury,
        (None, JobFailure::TooEarly { after, .. }) => Verdict::Defer(*after),
        (
            Some(Interruption::Shutdown),
            JobFailure::Retry { .. } | JobFailure::TooEarly { .. } | JobFailure::LeaseLost(_),
        ) => Verdict::GiveBack,
        (None, JobFailure::Retry { .. } | JobFailure::LeaseLost(_)) if job.is_last_attempt() => Verdict::Bury,
        (None, JobFailure::Retry { after: Some(after), .. }) => Verdict::Postpone(*after),
        // If the lease is truly lost the fence makes this a no-op; if the handler was mistaken the job goes on.
        (None, JobFailure::Retry { after: None, .. } | JobFailure::LeaseLost(_)) => {
            Verdict::Postpone(retry_delay(job.attempt, jitter))
        }
    }
}

/// Carries out what follows from a failed attempt. Does nothing to a job that another claim has.
pub(super) async fn settle(
    pool: &PgPool,
    handler: &dyn Handler,
    job: &Job,
    lease: &Lease,
    failure: &JobFailure,
) -> Result<()> {
    let error: String = failure.to_string().chars().take(ERROR_CHARS).collect();
    let verdict = verdict(job, lease.interruption(), failure, rand::random());
    tracing::warn!(attempt = job.attempt, ?verdict, error, "the attempt failed");
    let outcome = match verdict {
        Verdict::Nothing => return Ok(()),
        Verdict::Postpone(wait) => return postpone(pool, lease, (wait, 0), &error).await,
        Verdict::Defer(wait) => return postpone(pool, lease, (wait, 1), &error).await,
        Verdict::GiveBack => return give_back(pool, lease).await,
        Verdict::Bury => Outcome::Dead(error),
        Verdict::Cancel => Outcome::Cancelled(error),
    };
    let mut transaction = pool.begin().await.context("cannot bury the job")?;
    bury(&mut transaction, handler, job, (JobState::Running, &outcome)).await?;
    transaction.commit().await.context("cannot bury the job")
}

/// Moves a job in this state to history and tells the handler, in the caller's transaction.
async fn bury(
    connection: &mut PgConnection,
    handler: &dyn Handler,
    job: &Job,
    (state, outcome): (JobState, &Outcome),
) -> Result<()> {
    if archive(connection, (job.id, job.run_seq), state, outcome).await.context("cannot bury the job")? {
        let end = match outcome {
            Outcome::Cancelled(_) => Burial::Cancelled,
            Outcome::Succeeded | Outcome::Dead(_) => Burial::Died { error: outcome.error().unwrap_or_default() },
        };
        handler.dead(job, end, connection).await.context("cannot tell that the job died")?;
    }
    Ok(())
}

/// `forgiven` attempts are not counted.
async fn postpone(pool: &PgPool, lease: &Lease, (wait, forgiven): (Duration, i16), error: &str) -> Result<()> {
    sqlx::query!(
        r#"
        with postponed as (
            update job
            set state = 'scheduled', run_at = now() + make_interval(secs => $3), worker_id = null, claimed_at = null,
                last_error = $4, attempt = attempt - $5
            where id = $1 and run_seq = $2 and state = 'running'
            returning id
        )
        update group_slot set job_id = null from postponed where job_id = postponed.id
        "#,
        lease.job().0,
        lease.run_seq(),
        wait.as_secs_f64(),
        error,
        forgiven,
    )
    .execute(pool)
    .await
    .context("cannot postpone the job")?;
    Ok(())
}

/// Makes the job ready again as if it had not been claimed. It keeps its group's slot.
pub(super) async fn give_back(pool: &PgPool, lease: &Lease) -> Result<()> {
    sqlx::query!(
        r#"
        update job set state = 'ready', attempt = attempt - 1, worker_id = null, claimed_at = null
        where id = $1 and run_seq = $2 and state = 'running'
        "#,
        lease.job().0,
        lease.run_seq(),
    )
    .execute(pool)
    .await
    .context("cannot give the job back")?;
    Ok(())
}

/// A live job whose cancellation was requested.
pub(super) struct Cancelling {
    pub(super) id: JobId,
    pub(super) run_seq: i64,
    pub(super) state: JobState,
}

/// Every live job whose cancellation was requested.
pub(super) async fn cancelling(pool: &PgPool) -> Result<Vec<Cancelling>> {
    sqlx::query_as!(
        Cancelling,
        r#"
        select id as "id: JobId", run_seq, state as "state: JobState"
        from job where cancel_requested_at is not null order by id
        "#
    )
    .fetch_all(pool)
    .await
    .context("cannot look for jobs to cancel")
}

/// Cancels a job that was waiting when it was looked at; nothing happens if it was claimed since.
pub(super) async fn cancel_waiting(pool: &PgPool, handler: &dyn Handler, id: JobId) -> Result<()> {
    let mut transaction = pool.begin().await.context("cannot cancel the job")?;
    let row = sqlx::query!(
        r#"
        select kind, payload, tenant, run_id, attempt, max_attempts, crash_count, run_seq, group_key,
               state as "state: JobState"
        from job
        where id = $1 and state <> 'running' and cancel_requested_at is not null
        for update skip locked
        "#,
        id.0,
    )
    .fetch_optional(&mut *transaction)
    .await
    .context("cannot lock the job to cancel")?;
    let Some(row) = row else { return Ok(()) };
    let job = Job {
        id,
        kind: row.kind,
        payload: row.payload,
        tenant: row.tenant,
        run: row.run_id.map(crate::ids::RunId),
        attempt: row.attempt,
        max_attempts: row.max_attempts,
        crash_count: row.crash_count,
        run_seq: row.run_seq,
        group_key: row.group_key,
    };
    let outcome = Outcome::Cancelled("cancelled on request".into());
    bury(&mut transaction, handler, &job, (row.state, &outcome)).await?;
    transaction.commit().await.context("cannot cancel the job")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::LeaseLost;

    fn job(attempt: i16, max_attempts: i16) -> Job {
        Job {
            id: JobId(1),
            kind: "test".into(),
            payload: serde_json::Value::Null,
            tenant: 0,
            run: None,
            attempt,
            max_attempts,
            crash_count: 0,
            run_seq: 1,
            group_key: None,
        }
    }

    #[test]
    fn every_end_of_an_attempt_has_its_verdict() {
        let retry = |after| JobFailure::Retry { error: anyhow::anyhow!("x"), after };
        let fatal = || JobFailure::fatal(anyhow::anyhow!("x"));
        let lost = || JobFailure::LeaseLost(LeaseLost { job: JobId(1), run_seq: 1 });
        let soon = Duration::from_secs(7);
        let (first, last) = (job(1, 3), job(3, 3));
        let step = Verdict::Postpone(Duration::from_secs(2));
        let cases = [
            (&first, None, retry(None), step.clone()),
            (&first, None, retry(Some(soon)), Verdict::Postpone(soon)),
            (&first, None, fatal(), Verdict::Bury),
            (&first, None, lost(), step),
            (&last, None, retry(Some(soon)), Verdict::Bury),
            (&last, None, lost(), Verdict::Bury),
            (&first, Some(Interruption::Lost), retry(None), Verdict::Nothing),
            (&first, Some(Interruption::Lost), fatal(), Verdict::Nothing),
            (&last, Some(Interruption::Lost), lost(), Verdict::Nothing),
            (&first, Some(Interruption::CancelRequested), retry(None), Verdict::Cancel),
            (&last, Some(Interruption::CancelRequested), fatal(), Verdict::Cancel),
            (&first, Some(Interruption::Shutdown), retry(None), Verdict::GiveBack),
            (&last, Some(Interruption::Shutdown), retry(None), Verdict::GiveBack),
            (&first, Some(Interruption::Shutdown), lost(), Verdict::GiveBack),
            (&first, Some(Interruption::Shutdown), fatal(), Verdict::Bury),
        ];
        for (job, interruption, failure, expected) in cases {
            let found = verdict(job, interruption, &failure, 0.5);
            assert_eq!(found, expected, "attempt {}, {interruption:?}, {failure:?}", job.attempt);
        }
    }
}
