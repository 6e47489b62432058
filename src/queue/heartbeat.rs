//! Who is alive: one row per process, and the rescue of the jobs of those who fell silent.

use std::{collections::HashMap, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use sqlx::{PgConnection, PgPool};

use super::{
    Burial, Handler, Interruption, Job, JobState, Lease, WorkerSettings,
    archive::{Outcome, archive},
};
use crate::ids::{JobId, RunId};

/// One life of one worker process; a restarted process gets a new one, so it cannot keep its old jobs alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, sqlx::Type)]
#[sqlx(transparent)]
pub struct WorkerId(pub(super) uuid::Uuid);

/// Signs a new worker on; only a worker with a row may claim.
pub async fn register(pool: &PgPool, settings: &WorkerSettings) -> Result<WorkerId> {
    let worker = WorkerId(uuid::Uuid::new_v4());
    let mut connection = pool.acquire().await.context("the worker cannot reach the database")?;
    beat(&mut connection, worker, settings).await?;
    Ok(worker)
}

/// The claims this process believes it holds, by job and claim number.
#[derive(Debug, Default)]
pub(super) struct Held(std::sync::Mutex<HashMap<(JobId, i64), Arc<Lease>>>);

impl Held {
    pub(super) fn add(&self, lease: Arc<Lease>) {
        self.lock().insert((lease.job(), lease.run_seq()), lease);
    }

    pub(super) fn remove(&self, lease: &Lease) {
        self.lock().remove(&(lease.job(), lease.run_seq()));
    }

    pub(super) fn all(&self) -> Vec<Arc<Lease>> {
        self.lock().values().cloned().collect()
    }

    pub(super) fn contains(&self, claim: (JobId, i64)) -> bool {
        self.lock().contains_key(&claim)
    }

    pub(super) fn interrupt(&self, claim: (JobId, i64), reason: Interruption) {
        let lease = self.lock().get(&claim).cloned();
        if let Some(lease) = lease {
            lease.interrupt(reason);
        }
    }

    pub(super) fn interrupt_all(&self, reason: Interruption) {
        for lease in self.all() {
            lease.interrupt(reason);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(JobId, i64), Arc<Lease>>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// A running row of this worker, as the database has it.
pub(super) struct HeldRow {
    pub(super) id: JobId,
    pub(super) run_seq: i64,
    /// Claimed longer ago than a silent worker's jobs would be left alone.
    pub(super) old: bool,
}

/// Renews the worker's row, or makes it anew if it was cleared away. It tells what the worker takes on, so that others
/// can tell how long a job will wait.
pub(super) async fn beat(connection: &mut PgConnection, worker: WorkerId, settings: &WorkerSettings) -> Result<()> {
    sqlx::query!(
        "insert into worker (id, host, slots, priority_up_to) values ($1, $2, $3, $4)
         on conflict (id) do update set seen_at = now()",
        worker.0,
        host_name(),
        i32::try_from(settings.slots).unwrap_or(i32::MAX),
        settings.priority_up_to,
    )
    .execute(connection)
    .await
    .context("cannot renew the heartbeat")?;
    Ok(())
}

/// The jobs the worker holds, as the database has it.
pub(super) async fn held_rows(
    connection: &mut PgConnection,
    worker: WorkerId,
    expiry: Duration,
) -> Result<Vec<HeldRow>> {
    sqlx::query_as!(
        HeldRow,
        r#"
        select id as "id: JobId", run_seq, claimed_at < now() - make_interval(secs => $2) as "old!"
        from job where worker_id = $1 and state = 'running'
        "#,
        worker.0,
        expiry.as_secs_f64(),
    )
    .fetch_all(connection)
    .await
    .context("cannot look up the leases")
}

/// For people who look at the table.
fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname").map_or_else(|_| "unknown".into(), |name| name.trim().into())
}

/// Treats every worker as silent from now on. For a process that knows it is alone with its database, so that it need
/// not wait out the leases of its own killed predecessor.
pub async fn expire_workers(pool: &PgPool) -> Result<u64> {
    let expired = sqlx::query!("update worker set seen_at = '-infinity'").execute(pool).await;
    Ok(expired.context("cannot expire the workers")?.rows_affected())
}

/// Frees the jobs of workers that have been silent for longer than `expiry`, and clears those workers away. A job that
/// has now taken `crash_limit` processes with it, or has no attempt left, dies. Returns how many jobs it freed.
pub(super) async fn rescue(pool: &PgPool, handler: &dyn Handler, expiry: Duration, crash_limit: i16) -> Result<usize> {
    let (mut rescued, mut behind) = (0, JobId(0));
    loop {
        // One job per transaction: what goes wrong with one must not keep the others.
        let mut transaction = pool.begin().await.context("cannot rescue jobs")?;
        let Some(job) = lock_silent(&mut transaction, expiry, behind).await? else { break };
        behind = job.id;
        match recover(&mut transaction, handler, &job, crash_limit).await {
            Ok(()) => {
                transaction.commit().await.context("cannot rescue jobs")?;
                rescued += 1;
            }
            Err(error) => tracing::error!(job = %job.id, kind = job.kind, "cannot rescue the job: {error:#}"),
        }
    }
    sqlx::query!(
        r#"
        delete from worker
        where seen_at < now() - make_interval(secs => $1)
          and not exists (select from job where job.worker_id = worker.id)
        "#,
        expiry.as_secs_f64(),
    )
    .execute(pool)
    .await
    .context("cannot clear silent workers away")?;
    Ok(rescued)
}

/// Frees a job that the database says is ours and that nothing here works on: its settlement failed.
pub(super) async fn rescue_abandoned(
    pool: &PgPool,
    handler: &dyn Handler,
    claim: (JobId, i64),
    crash_limit: i16,
) -> Result<()> {
    let mut transaction = pool.begin().await.context("cannot free an abandoned job")?;
    let Some(job) = lock_running(&mut transaction, claim).await? else { return Ok(()) };
    recover(&mut transaction, handler, &job, crash_limit).await?;
    transaction.commit().await.context("cannot free an abandoned job")
}

/// The next job, by id, whose worker is silent; locked together with the worker's row, so that a late heartbeat
/// either comes first and saves it, or finds it gone.
async fn lock_silent(connection: &mut PgConnection, expiry: Duration, behind: JobId) -> Result<Option<Job>> {
    sqlx::query_as!(
        Job,
        r#"
        select job.id as "id: JobId", kind, payload, tenant, run_id as "run: RunId", attempt, max_attempts,
               crash_count, run_seq, group_key
        from job join worker on worker.id = job.worker_id
        where job.state = 'running' and worker.seen_at < now() - make_interval(secs => $1) and job.id > $2
        order by job.id
        limit 1
        for no key update skip locked
        "#,
        expiry.as_secs_f64(),
        behind.0,
    )
    .fetch_optional(connection)
    .await
    .context("cannot look for jobs of silent workers")
}

/// The job, locked, if it still runs under this claim.
async fn lock_running(connection: &mut PgConnection, (job, run_seq): (JobId, i64)) -> Result<Option<Job>> {
    sqlx::query_as!(
        Job,
        r#"
        select id as "id: JobId", kind, payload, tenant, run_id as "run: RunId", attempt, max_attempts, crash_count,
               run_seq, group_key
        from job where id = $1 and run_seq = $2 and state = 'running'
        for no key update skip locked
        "#,
        job.0,
        run_seq,
    )
    .fetch_optional(connection)
    .await
    .with_context(|| format!("cannot lock job {job}"))
}

/// Makes a job whose process was lost ready again, or buries it. The row is locked by the caller.
async fn recover(connection: &mut PgConnection, handler: &dyn Handler, job: &Job, crash_limit: i16) -> Result<()> {
    let crashes = job.crash_count + 1;
    if crashes >= crash_limit || job.is_last_attempt() {
        let error = format!("the process that ran it was lost, {crashes} time(s), in attempt {}", job.attempt);
        tracing::error!(job = %job.id, kind = job.kind, error, "the job died");
        let outcome = Outcome::Dead(error.clone());
        if archive(connection, (job.id, job.run_seq), JobState::Running, &outcome).await? {
            handler
                .dead(job, Burial::Died { error: &error }, connection)
                .await
                .context("cannot tell that the job died")?;
        }
        return Ok(());
    }
    tracing::warn!(job = %job.id, kind = job.kind, crashes, "rescued a job whose process was lost");
    sqlx::query!(
        r#"
        update job
        set state = 'ready', worker_id = null, claimed_at = null, crash_count = $3,
            last_error = 'the process that ran it was lost'
        where id = $1 and run_seq = $2 and state = 'running'
        "#,
        job.id.0,
        job.run_seq,
        crashes,
    )
    .execute(connection)
    .await
    .context("cannot free the job")?;
    Ok(())
}

/// Removes the row of a worker that stops; it stays if it still has jobs, for the rescue.
pub(super) async fn sign_off(pool: &PgPool, worker: WorkerId) -> Result<()> {
    sqlx::query!(
        "delete from worker where id = $1 and not exists (select from job where worker_id = worker.id)",
        worker.0,
    )
    .execute(pool)
    .await
    .context("cannot sign the worker off")?;
    Ok(())
}
