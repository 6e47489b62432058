//! A worker whose every attempt asks the test how to end.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use sqlx::{PgConnection, PgPool};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
    time,
};
use tokio_util::sync::CancellationToken;
use wiz::{
    ids::JobId,
    queue::{
        Burial, Claim, Completed, Doorbell, Enqueued, Handler, Interruption, Job, JobFailure, JobReport, JobStanding,
        Lease, NewJob, Worker, WorkerId, WorkerSettings, enqueue, show,
    },
};

/// Longest wait for what must come; a test that reaches it fails.
const PATIENCE: Duration = Duration::from_secs(120);

/// How an attempt ends.
#[derive(Debug)]
pub enum Ending {
    Complete,
    Retry(Option<Duration>),
    TooEarly(Duration),
    Fatal,
    Panic,
    /// Waits for the lease's token and then fails.
    UntilInterrupted,
    /// Never ends, whatever the token says.
    Never,
}

/// An attempt that waits for the test's word.
pub struct Attempt {
    pub job: Job,
    end: oneshot::Sender<Ending>,
}

impl Attempt {
    pub fn end(self, ending: Ending) {
        self.end.send(ending).unwrap();
    }
}

/// What the handler tells the test.
#[derive(Debug, PartialEq, Eq)]
pub enum Told {
    Interrupted(JobId, Option<Interruption>),
    Dead(JobId, String),
}

struct Puppet {
    pool: PgPool,
    attempts: mpsc::UnboundedSender<Attempt>,
    told: mpsc::UnboundedSender<Told>,
}

#[async_trait::async_trait]
impl Handler for Puppet {
    async fn handle(&self, job: &Job, lease: &Lease) -> Result<Completed, JobFailure> {
        let (end, ending) = oneshot::channel();
        self.attempts.send(Attempt { job: job.clone(), end }).ok();
        match ending.await.unwrap() {
            Ending::Complete => {
                let mut transaction = self.pool.begin().await?;
                let completed = lease.complete(&mut transaction).await?;
                transaction.commit().await?;
                Ok(completed)
            }
            Ending::Retry(after) => Err(JobFailure::Retry { error: anyhow::anyhow!("not yet"), after }),
            Ending::TooEarly(after) => Err(JobFailure::TooEarly { error: anyhow::anyhow!("a limit"), after }),
            Ending::Fatal => Err(JobFailure::fatal(anyhow::anyhow!("never"))),
            Ending::Panic => panic!("boom"),
            Ending::UntilInterrupted => {
                lease.cancelled().cancelled().await;
                self.told.send(Told::Interrupted(job.id, lease.interruption())).ok();
                Err(anyhow::anyhow!("interrupted").into())
            }
            Ending::Never => std::future::pending().await,
        }
    }

    async fn dead(&self, job: &Job, end: Burial<'_>, transaction: &mut PgConnection) -> anyhow::Result<()> {
        // Sees the job as buried in the same transaction.
        let buried: bool = sqlx::query_scalar("select exists (select from job_history where id = $1)")
            .bind(job.id)
            .fetch_one(transaction)
            .await?;
        assert!(buried);
        let error = match end {
            Burial::Died { error } => error,
            Burial::Cancelled => "cancelled on request",
        };
        self.told.send(Told::Dead(job.id, error.to_owned())).ok();
        Ok(())
    }
}

/// A running worker and its strings.
pub struct Stage {
    attempts: mpsc::UnboundedReceiver<Attempt>,
    told: mpsc::UnboundedReceiver<Told>,
    shutdown: CancellationToken,
    worker: JoinSet<anyhow::Result<()>>,
    pool: PgPool,
}

/// Quick beats and polls, so that nothing is waited for; the expiry stays far away and rows are aged instead.
pub fn settings() -> WorkerSettings {
    WorkerSettings {
        heartbeat: Duration::from_millis(250),
        poll: Duration::from_millis(20),
        grace: Duration::from_secs(10),
        ..WorkerSettings::new(4)
    }
}

impl Stage {
    pub fn open(pool: &PgPool, settings: WorkerSettings) -> Self {
        let (attempt_sender, attempts) = mpsc::unbounded_channel();
        let (told_sender, told) = mpsc::unbounded_channel();
        let puppet = Puppet { pool: pool.clone(), attempts: attempt_sender, told: told_sender };
        let shutdown = CancellationToken::new();
        let mut worker = JoinSet::new();
        let doorbell = Doorbell::default();
        worker.spawn(Worker::run(pool.clone(), doorbell, Arc::new(puppet), settings, shutdown.clone()));
        Self { attempts, told, shutdown, worker, pool: pool.clone() }
    }

    pub async fn attempt(&mut self) -> Attempt {
        time::timeout(PATIENCE, self.attempts.recv()).await.expect("no attempt came").unwrap()
    }

    pub async fn told(&mut self) -> Told {
        time::timeout(PATIENCE, self.told.recv()).await.expect("nothing was told").unwrap()
    }

    /// Waits until the job stands so.
    pub async fn until(&self, job: JobId, standing: JobStanding) -> JobReport {
        until(&self.pool, job, standing).await
    }

    pub fn begin_close(&self) {
        self.shutdown.cancel();
    }

    /// Stops the worker and checks that nothing happened that the test did not ask for.
    pub async fn close(mut self) {
        self.begin_close();
        let ended = time::timeout(PATIENCE, self.worker.join_next()).await.expect("the worker did not stop");
        ended.unwrap().unwrap().unwrap();
        assert!(self.attempts.try_recv().is_err(), "an attempt nobody asked for");
        assert_eq!(self.told.try_recv().ok(), None, "told something nobody asked for");
    }
}

pub async fn until(pool: &PgPool, job: JobId, standing: JobStanding) -> JobReport {
    let arrival = async {
        loop {
            let report = show(pool, job).await.unwrap().unwrap();
            if report.standing == standing {
                return report;
            }
            tokio::task::yield_now().await;
        }
    };
    match time::timeout(PATIENCE, arrival).await {
        Ok(report) => report,
        Err(_elapsed) => panic!("job {job} is not {standing:?}: {:?}", show(pool, job).await.unwrap()),
    }
}

pub async fn standing(pool: &PgPool, job: JobId) -> JobStanding {
    show(pool, job).await.unwrap().unwrap().standing
}

pub fn job() -> NewJob {
    NewJob::new("test", json!({ "n": 1 }))
}

pub async fn add(pool: &PgPool, job: &NewJob) -> JobId {
    match add_if_new(pool, job).await {
        Enqueued::Created(id) => id,
        Enqueued::Duplicate => panic!("a live job has the key {:?}", job.dedupe_key),
    }
}

pub async fn add_if_new(pool: &PgPool, job: &NewJob) -> Enqueued {
    let mut transaction = pool.begin().await.unwrap();
    let enqueued = enqueue(&mut transaction, job).await.unwrap();
    transaction.commit().await.unwrap();
    enqueued
}

/// Claims as a worker that takes everything.
pub async fn claim(
    pool: &PgPool,
    worker: WorkerId,
    limit: i64,
    after_tenant: i64,
) -> anyhow::Result<Vec<(Job, Arc<Lease>)>> {
    let silence = Duration::from_secs(35);
    wiz::queue::claim(pool, worker, Claim { limit, after_tenant, priority_up_to: i16::MAX, silence }).await
}

/// Completes a claimed job, as a handler would.
pub async fn complete(pool: &PgPool, lease: &Lease) -> Result<(), JobFailure> {
    let mut transaction = pool.begin().await?;
    let _completed = lease.complete(&mut transaction).await?;
    transaction.commit().await?;
    Ok(())
}

/// Makes every worker look silent for an hour.
pub async fn silence_workers(pool: &PgPool) {
    sqlx::query("update worker set seen_at = now() - interval '1 hour'").execute(pool).await.unwrap();
}

/// Makes every scheduled job due.
pub async fn pass_time(pool: &PgPool) {
    sqlx::query("update job set run_at = now() where state = 'scheduled'").execute(pool).await.unwrap();
}
