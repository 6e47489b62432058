//! The worker loop: claims jobs while slots are free, runs each in a task of its own, and stops in good order.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use anyhow::{Context, Result, anyhow, bail};
use futures::FutureExt;
use sqlx::PgPool;
use tokio::{sync::Notify, task::JoinSet, time};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::{
    Doorbell, Handler, Interruption, Job, JobFailure, Lease, WorkerId,
    claim::{Claim, claim, promote_due},
    groups::admit,
    heartbeat::{self, Held},
    keepers,
    settle::{give_back, settle},
};
use crate::limits::SHUTDOWN_GRACE;

/// How long a worker may be silent before its jobs are taken from it.
pub(super) const EXPIRY: Duration = Duration::from_secs(45);

/// How a worker works. The relations hold by construction: the expiry is several beats, so that one late beat loses
/// nothing.
#[derive(Debug, Clone)]
pub struct WorkerSettings {
    /// How many jobs it runs at once.
    pub slots: usize,
    /// It takes only jobs of this priority or a smaller number.
    pub priority_up_to: i16,
    /// Time between two heartbeats.
    pub heartbeat: Duration,
    /// Silence after which a worker's jobs are rescued.
    pub expiry: Duration,
    /// About how often it looks for jobs without being rung.
    pub poll: Duration,
    /// How long it waits for running jobs when it stops.
    pub grace: Duration,
    /// How many lost processes one job may cost before it dies.
    pub crash_limit: i16,
}

impl WorkerSettings {
    /// The usual times, for a worker with so many slots.
    pub fn new(slots: usize) -> Self {
        Self {
            slots,
            priority_up_to: i16::MAX,
            heartbeat: Duration::from_secs(10),
            expiry: EXPIRY,
            poll: Duration::from_secs(1),
            grace: SHUTDOWN_GRACE,
            crash_limit: 3,
        }
    }

    /// Silence after which a worker stops of itself, one beat before others may take its jobs.
    pub(super) fn safe_silence(&self) -> Duration {
        self.expiry.saturating_sub(self.heartbeat)
    }
}

/// Most jobs taken by one claim: the claim stays short, and other workers get their share.
const CLAIM_BATCH: usize = 100;

/// Part of the grace kept for handlers to return after their lease's token has fired.
const LAST_CALL: Duration = Duration::from_secs(3);

/// How long giving back what is left may take; the rescue does it otherwise.
const GIVE_BACK_DEADLINE: Duration = Duration::from_secs(2);

/// What the tasks of one worker share.
pub(super) struct Crew {
    pub(super) id: WorkerId,
    pub(super) pool: PgPool,
    pub(super) handler: Arc<dyn Handler>,
    pub(super) settings: WorkerSettings,
    pub(super) held: Held,
    doorbell: Doorbell,
    wake: Notify,
}

/// A worker process's share in the queue.
pub struct Worker;

impl Worker {
    /// Runs jobs until `shutdown`, then claims no more, waits for the running ones up to the grace and gives the rest
    /// back. An error means the worker could not start, or one of its own tasks ended; its jobs were given back.
    pub async fn run(
        pool: PgPool,
        doorbell: Doorbell,
        handler: Arc<dyn Handler>,
        settings: WorkerSettings,
        shutdown: CancellationToken,
    ) -> Result<()> {
        let crew = Arc::new(Crew {
            id: heartbeat::register(&pool, &settings).await?,
            pool,
            handler,
            settings,
            held: Held::default(),
            doorbell,
            wake: Notify::new(),
        });
        let closing_time = CancellationToken::new();
        let mut keepers = keepers(&crew, &closing_time);
        let mut jobs = JoinSet::new();
        let result = work_until(&crew, &mut jobs, &mut keepers, &shutdown).await;
        drain(&crew, jobs).await;
        closing_time.cancel();
        keepers.join_all().await;
        heartbeat::sign_off(&crew.pool, crew.id).await?;
        result
    }
}

/// The tasks beside the jobs, each until `closing_time`.
fn keepers(crew: &Arc<Crew>, closing_time: &CancellationToken) -> JoinSet<()> {
    let mut keepers = JoinSet::new();
    let (own, until) = (Arc::clone(crew), closing_time.clone());
    keepers.spawn(async move { keepers::keep_beating(&own, &until).await });
    let (own, until) = (Arc::clone(crew), closing_time.clone());
    keepers.spawn(async move { keepers::keep_tidy(&own, &until).await });
    let (own, until) = (Arc::clone(crew), closing_time.clone());
    keepers.spawn(async move { super::doorbell::listen(&own.pool, &own.wake, &until).await });
    let (own, until) = (Arc::clone(crew), closing_time.clone());
    keepers.spawn(async move { own.doorbell.run(&own.pool, &until).await });
    keepers
}

async fn work_until(
    crew: &Arc<Crew>,
    jobs: &mut JoinSet<()>,
    keepers: &mut JoinSet<()>,
    shutdown: &CancellationToken,
) -> Result<()> {
    let mut next = Next::LookAround;
    let mut last_tenant = i64::MIN;
    while !shutdown.is_cancelled() {
        if let Err(error) = start_jobs(crew, jobs, next, &mut last_tenant).await {
            tracing::warn!("{error:#}; trying again");
            // So that a database that is away is not hammered.
            shutdown.run_until_cancelled(time::sleep(crew.settings.poll)).await;
        }
        let pause = crew.settings.poll.mul_f64(0.8 + 0.4 * rand::random::<f64>());
        next = tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            ended = keepers.join_next() => {
                ended.context("a worker without keepers")?.context("a keeper of the worker panicked")?;
                bail!("a keeper of the worker ended early");
            }
            Some(finished) = jobs.join_next() => {
                finished.context("a job's task panicked outside its fence")?;
                Next::Claim
            }
            // A full worker has no use for the ring, which is kept for when it has.
            () = crew.wake.notified(), if jobs.len() < crew.settings.slots => Next::LookAround,
            () = time::sleep(pause) => Next::LookAround,
        };
    }
    Ok(())
}

/// What an awake worker does.
#[derive(Debug, Clone, Copy)]
enum Next {
    /// A slot came free: take what is ready.
    Claim,
    /// Something may have changed: first make ready what can be.
    LookAround,
}

/// Claims and starts jobs until the slots are full or nothing is ready.
async fn start_jobs(crew: &Arc<Crew>, jobs: &mut JoinSet<()>, next: Next, last_tenant: &mut i64) -> Result<()> {
    match next {
        Next::Claim => {}
        Next::LookAround => {
            promote_due(&crew.pool).await?;
            admit(&crew.pool).await?;
        }
    }
    while jobs.len() < crew.settings.slots {
        crew.doorbell.calm().await;
        let free = (crew.settings.slots - jobs.len()).min(CLAIM_BATCH);
        let wanted = Claim {
            limit: i64::try_from(free)?,
            after_tenant: *last_tenant,
            priority_up_to: crew.settings.priority_up_to,
            silence: crew.settings.safe_silence(),
        };
        let claimed = claim(&crew.pool, crew.id, wanted).await?;
        if claimed.is_empty() {
            break;
        }
        for (job, lease) in claimed {
            *last_tenant = job.tenant;
            // Before anything else can run, so that the heartbeat knows of it.
            crew.held.add(Arc::clone(&lease));
            let crew = Arc::clone(crew);
            let span = tracing::info_span!("job", job = %job.id, run = job.run.map(|run| run.0), kind = job.kind);
            jobs.spawn(async move { run_job(&crew, &job, &lease).await }.instrument(span));
        }
    }
    Ok(())
}

/// One attempt, with a fence around its panics: a panic is a failed attempt.
async fn run_job(crew: &Crew, job: &Job, lease: &Lease) {
    let attempt = AssertUnwindSafe(crew.handler.handle(job, lease)).catch_unwind().await;
    let failure = match attempt {
        Ok(Ok(_completed)) => None,
        Ok(Err(failure)) => Some(failure),
        Err(panic) => {
            Some(JobFailure::Retry { error: anyhow!("panicked: {}", panic_message(panic.as_ref())), after: None })
        }
    };
    if let Some(failure) = failure
        && let Err(error) = settle(&crew.pool, crew.handler.as_ref(), job, lease, &failure).await
    {
        tracing::error!("cannot settle the attempt, the job is freed later: {error:#}");
    }
    crew.held.remove(lease);
    if job.group_key.is_some()
        && let Err(error) = admit(&crew.pool).await
    {
        tracing::warn!("{error:#}; the next look around does it");
    }
    // The job may have enqueued others or released them, for any worker.
    crew.doorbell.ring();
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}

/// Waits for the running jobs, tells those that remain to stop, and gives back what still runs then.
async fn drain(crew: &Crew, mut jobs: JoinSet<()>) {
    let grace = crew.settings.grace;
    let last_call = LAST_CALL.min(grace / 4);
    if time::timeout(grace.saturating_sub(last_call), wait_for_all(&mut jobs)).await.is_err() {
        crew.held.interrupt_all(Interruption::Shutdown);
        if time::timeout(last_call, wait_for_all(&mut jobs)).await.is_err() {
            jobs.shutdown().await;
        }
    }
    let give_back_all = async {
        for lease in crew.held.all() {
            if let Err(error) = give_back(&crew.pool, &lease).await {
                tracing::warn!(job = %lease.job(), "{error:#}; it will be rescued");
            }
        }
    };
    if time::timeout(GIVE_BACK_DEADLINE, give_back_all).await.is_err() {
        tracing::warn!("could not give all jobs back in time; they will be rescued");
    }
}

async fn wait_for_all(jobs: &mut JoinSet<()>) {
    while let Some(finished) = jobs.join_next().await {
        if let Err(error) = finished {
            tracing::error!("a job's task panicked outside its fence: {error}");
        }
    }
}
