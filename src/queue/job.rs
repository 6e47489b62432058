//! What a job is to those who enqueue one and to those who run one.

use std::time::Duration;

use serde_json::Value;
use sqlx::PgConnection;

use super::{Completed, Lease, LeaseLost};
use crate::ids::{JobId, RunId};

/// A job to enqueue. [`NewJob::new`] fills in what most jobs want.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// Names the executor.
    pub kind: String,
    /// The executor's input; small, large things are stored elsewhere and named here.
    pub payload: Value,
    /// Whose share of the workers it uses: the installation, or 0 for wiz itself. Claims go round the tenants.
    pub tenant: i64,
    /// Smaller numbers go first within a tenant.
    pub priority: i16,
    /// The run it belongs to, for log lines and `jobs list`.
    pub run: Option<RunId>,
    /// At most one live job of a tenant has this key, whether it waits or runs. Since a running job counts, a key that
    /// means "look at the newest state" must name the version it was enqueued for.
    pub dedupe_key: Option<String>,
    /// How long to wait before it may run.
    pub run_after: Duration,
    /// How many claims it gets, crashes included.
    pub max_attempts: i16,
    /// Jobs that must succeed first. If one of them dies or is cancelled, so is this one.
    pub depends_on: Vec<JobId>,
    /// One job of a group runs at a time.
    pub group_key: Option<String>,
}

impl NewJob {
    /// Attempts of a job that does not choose: with the waits between them, about four minutes.
    pub const DEFAULT_ATTEMPTS: i16 = 8;

    /// A job of wiz itself that may run at once.
    pub fn new(kind: impl Into<String>, payload: Value) -> Self {
        Self {
            kind: kind.into(),
            payload,
            tenant: 0,
            priority: 0,
            run: None,
            dedupe_key: None,
            run_after: Duration::ZERO,
            max_attempts: Self::DEFAULT_ATTEMPTS,
            depends_on: Vec::new(),
            group_key: None,
        }
    }
}

/// What became of an enqueue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enqueued {
    Created(JobId),
    /// A live job has the same dedupe key; nothing was written.
    Duplicate,
}

/// Where a live job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, sqlx::Type)]
#[sqlx(type_name = "job_state", rename_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// Waits for its time.
    Scheduled,
    /// Waits for the jobs it depends on.
    Blocked,
    /// Waits for a slot of its group.
    Gated,
    /// May be claimed.
    Ready,
    /// Leased to a worker.
    Running,
}

/// A claimed job.
#[derive(Debug, Clone)]
pub struct Job {
    pub id: JobId,
    pub kind: String,
    pub payload: Value,
    pub tenant: i64,
    pub run: Option<RunId>,
    /// Which claim this is, from 1.
    pub attempt: i16,
    pub max_attempts: i16,
    /// How many earlier claims ended with their process.
    pub crash_count: i16,
    /// The number of this claim, never used twice: every finish names it.
    pub run_seq: i64,
    pub group_key: Option<String>,
}

impl Job {
    /// Whether a failure of this attempt is final.
    pub fn is_last_attempt(&self) -> bool {
        self.attempt >= self.max_attempts
    }
}

/// Why an attempt did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum JobFailure {
    /// Try again: after `after`, or after a backoff that grows with the attempts.
    #[error("{error:#}")]
    Retry { error: anyhow::Error, after: Option<Duration> },
    /// Nothing is wrong, it is only too early, as under a rate limit: once more after `after`, and this attempt does not
    /// count.
    #[error("{error:#}")]
    TooEarly { error: anyhow::Error, after: Duration },
    /// Trying again cannot help, as with a payload that does not decode: the job dies now.
    #[error("{error:#}")]
    Fatal { error: anyhow::Error },
    /// Another claim has the job; whatever this attempt did must not count.
    #[error(transparent)]
    LeaseLost(#[from] LeaseLost),
}

impl JobFailure {
    /// A failure that ends the job.
    pub fn fatal(error: impl Into<anyhow::Error>) -> Self {
        Self::Fatal { error: error.into() }
    }
}

impl From<anyhow::Error> for JobFailure {
    /// Retry, unless the error is a lost lease underneath.
    fn from(error: anyhow::Error) -> Self {
        match error.downcast::<LeaseLost>() {
            Ok(lost) => Self::LeaseLost(lost),
            Err(error) => Self::Retry { error, after: None },
        }
    }
}

impl From<sqlx::Error> for JobFailure {
    fn from(error: sqlx::Error) -> Self {
        Self::Retry { error: anyhow::Error::new(error).context("the database failed the job"), after: None }
    }
}

/// Runs jobs of every kind.
#[async_trait::async_trait]
pub trait Handler: Send + Sync + 'static {
    /// Does the job. It may run again after a crash, so every effect is idempotent or stored with
    /// [`Lease::complete`]; it watches [`Lease::cancelled`] and returns soon after that fires.
    async fn handle(&self, job: &Job, lease: &Lease) -> Result<Completed, JobFailure>;

    /// The job has died or was cancelled: tell whoever waits for it, in the transaction that buries it. Jobs that
    /// were cancelled because this one died are not announced apart. When this fails the burial is rolled back and
    /// tried again later.
    async fn dead(&self, job: &Job, end: Burial<'_>, transaction: &mut PgConnection) -> anyhow::Result<()>;
}

/// How a job ended that will not be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Burial<'a> {
    /// All its attempts failed, or another would not help.
    Died { error: &'a str },
    /// Somebody asked for its end.
    Cancelled,
}
