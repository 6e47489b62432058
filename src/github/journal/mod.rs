//! The journal: every write is noted before it is sent, and its answer after it.
//!
//! A write whose answer was lost stays noted as unknown, so a crash between a write and its record loses nothing: what
//! is noted is enough to look for it. Tokens change nothing that people see and are not noted. What a write changes is read from the call
//! itself ([`Change::of`]), so none can be sent without being noted as what it is.
//!
//! Read first: [`Journal`], [`Change`].

mod change;
mod store;

use sqlx::PgPool;

pub use change::{Change, text_digest};
pub use store::{Noted, adopt, close, of_run};

use super::{
    error::GitHubError,
    transport::{Answer, Call},
};
use crate::ids::{InstallationId, JobId, RunId};

/// Where writes are noted, and for whom.
#[derive(Debug, Clone)]
pub struct Journal {
    pool: PgPool,
    job: Option<JobId>,
    run: Option<RunId>,
}

impl Journal {
    /// The journal of writes that belong to no job and no run.
    pub fn new(pool: PgPool) -> Self {
        Self { pool, job: None, run: None }
    }

    /// The same journal for one piece of work.
    #[must_use]
    pub fn of(&self, job: Option<JobId>, run: Option<RunId>) -> Self {
        Self { pool: self.pool.clone(), job, run }
    }

    /// Notes a write that is about to be sent. What cannot be noted must not be sent.
    pub(super) async fn begin(&self, installation: InstallationId, call: &Call) -> Result<i64, GitHubError> {
        let noted = store::begin(&self.pool, installation, (self.job, self.run), &Change::of(call)).await;
        noted.map_err(|error| GitHubError::no_answer(&call.name(), false, format!("cannot be noted: {error:#}")))
    }

    /// Notes what became of it. Should that fail, it stays unknown.
    pub(super) async fn end(&self, id: i64, call: &Call, outcome: &Result<Answer, GitHubError>) {
        let (done, made) = match outcome {
            Ok(answer) => (true, Change::of(call).made(&answer.body)),
            Err(GitHubError::Ambiguous(_)) => return,
            Err(_) => (false, None),
        };
        if let Err(error) = store::end(&self.pool, id, done, made).await {
            tracing::warn!(call = call.name(), "cannot note that a write was answered: {error:#}");
        }
    }
}
