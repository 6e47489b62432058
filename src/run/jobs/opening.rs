//! Keeps what is told of a pull request until the run that opens it knows it.
//!
//! GitHub shows a pull request, runs its checks and lets people review it from the moment it is made; the run knows it
//! only when the answer to that call is stored. If wiz is stopped in between, whatever was told meanwhile would be taken
//! for a stranger's pull request and dropped.

use std::time::Duration;

use anyhow::Result;

use super::{Services, store::opening};
use crate::{
    ids::{BranchName, InstallationId, IssueNumber, RepositoryId, RepositoryName, RunId},
    run::branch,
};

/// How soon to look again: storing an answer takes a moment, and finding a lost one two calls.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// It is too early to say whose pull request this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("run {0} is opening a pull request, and this may be about it")]
pub(super) struct StillOpening(RunId);

/// Runs of a repository that may have opened a pull request of which they do not know yet.
#[derive(Debug)]
pub(super) struct Openings(Vec<RunId>);

/// Those there are now. Ask before it is looked up which run knows a pull request: one that stores it in between is then
/// still among them.
pub(super) async fn now(services: &Services, repository: RepositoryId) -> Result<Openings> {
    opening::opening(&mut *services.pool.acquire().await?, repository).await.map(Openings)
}

impl Openings {
    /// Fails with [`StillOpening`] if one of them may have opened the pull request that is spoken of.
    pub(super) fn wait_for_any(&self) -> Result<()> {
        match self.0.first() {
            Some(run) => Err(StillOpening(*run).into()),
            None => Ok(()),
        }
    }

    /// Fails with [`StillOpening`] if one of them made this branch.
    pub(super) fn wait_for_branch(&self, head: &BranchName) -> Result<()> {
        match self.0.iter().find(|run| branch::is_of(head, **run)) {
            Some(run) => Err(StillOpening(*run).into()),
            None => Ok(()),
        }
    }

    /// Fails with [`StillOpening`] if one of them opened this pull request. GitHub is asked only while some run opens one.
    pub(super) async fn wait_for_pull(
        &self,
        services: &Services,
        (installation, name): (InstallationId, &RepositoryName),
        pull: IssueNumber,
    ) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        match services.github.installation(installation).pull(name, pull).await? {
            Some(pull) if !pull.is_from_fork() => self.wait_for_branch(&pull.head.branch),
            Some(_) | None => Ok(()),
        }
    }
}
