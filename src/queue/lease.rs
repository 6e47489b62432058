//! The proof that this process still holds a job, and the one door to completing it.

use std::sync::OnceLock;

use sqlx::PgConnection;
use tokio_util::sync::CancellationToken;

use super::{
    JobFailure, JobState,
    archive::{Outcome, archive},
    job::Job,
};
use crate::ids::JobId;

/// Another claim has the job, or nobody: this attempt is over and must leave no trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the lease of job {job} (claim {run_seq}) is lost")]
pub struct LeaseLost {
    pub job: JobId,
    pub run_seq: i64,
}

/// The job's completion is part of the transaction. Only [`Lease::complete`] makes one.
#[derive(Debug)]
#[must_use = "return it from the handler, after the transaction is committed"]
pub struct Completed(());

/// Why a running job should stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interruption {
    /// Another worker may have the job now.
    Lost,
    /// Somebody asked for its cancellation.
    CancelRequested,
    /// The process is going down; the job will be claimed again.
    Shutdown,
}

/// One claim of one job.
#[derive(Debug)]
pub struct Lease {
    job: JobId,
    run_seq: i64,
    token: CancellationToken,
    interruption: OnceLock<Interruption>,
}

impl Lease {
    pub(super) fn new(job: &Job) -> Self {
        Self { job: job.id, run_seq: job.run_seq, token: CancellationToken::new(), interruption: OnceLock::new() }
    }

    /// The job it is for.
    pub fn job(&self) -> JobId {
        self.job
    }

    /// The number of this claim; a fence for what is stored outside of the completing transaction.
    pub fn run_seq(&self) -> i64 {
        self.run_seq
    }

    /// Fires when the job should stop; [`Lease::interruption`] then says why.
    pub fn cancelled(&self) -> &CancellationToken {
        &self.token
    }

    /// Why the job should stop, if it should. The first reason stays.
    pub fn interruption(&self) -> Option<Interruption> {
        self.interruption.get().copied()
    }

    pub(super) fn interrupt(&self, reason: Interruption) {
        if self.interruption.set(reason).is_ok() {
            tracing::info!(job = %self.job, ?reason, "interrupting the job");
        }
        self.token.cancel();
    }

    /// Ends the job well, in the caller's transaction: it leaves the live table, frees its group's slot and releases
    /// the jobs that wait for it. Fails with [`JobFailure::LeaseLost`] if this claim is not the job's newest, and the
    /// caller must then roll back.
    pub async fn complete(&self, transaction: &mut PgConnection) -> Result<Completed, JobFailure> {
        let outcome = Outcome::Succeeded;
        if archive(transaction, (self.job, self.run_seq), JobState::Running, &outcome).await? {
            Ok(Completed(()))
        } else {
            Err(self.lost().into())
        }
    }

    pub(super) fn lost(&self) -> LeaseLost {
        LeaseLost { job: self.job, run_seq: self.run_seq }
    }
}
