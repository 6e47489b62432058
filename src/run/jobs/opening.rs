//! Keeps what is told of a pull request, or of a commit, until the run that makes it knows it.
//!
//! GitHub shows a pull request, runs its checks and lets people review it from the moment it is made; the run knows it
//! only when the answer to that call is stored. If wiz is stopped in between, whatever was told meanwhile would be taken
//! for a stranger's pull request and dropped, and the failing checks of a repair for those of another commit.

use std::time::Duration;

use anyhow::Result;

use super::{Services, StoredRun, store::opening};
use crate::{
    ids::{BranchName, CommitSha, InstallationId, IssueNumber, RepositoryId, RepositoryName, RunId},
    run::{branch, state::State},
};

/// How soon to look again: storing an answer takes a moment, and finding a lost one two calls.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// It is too early to say whose pull request or commit this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("run {0} is publishing, and this may be about what it has made")]
pub(super) struct StillOpening(RunId);

/// Fails with [`StillOpening`] while a run of the repository may have opened the pull request that is spoken of.
pub(super) async fn wait_for_any(services: &Services, repository: RepositoryId) -> Result<()> {
    match under_way(services, repository).await?.first() {
        Some(run) => Err(StillOpening(*run).into()),
        None => Ok(()),
    }
}

/// Fails with [`StillOpening`] while the run that made this branch does not know its pull request.
pub(super) async fn wait_for_branch(services: &Services, repository: RepositoryId, head: &BranchName) -> Result<()> {
    let runs = under_way(services, repository).await?;
    match runs.into_iter().find(|run| branch::is_of(head, *run)) {
        Some(run) => Err(StillOpening(run).into()),
        None => Ok(()),
    }
}

/// Fails with [`StillOpening`] while the run that opened this pull request does not know it. GitHub is asked only while
/// some run opens one.
pub(super) async fn wait_for_pull(
    services: &Services,
    installation: InstallationId,
    (repository, name): (RepositoryId, &RepositoryName),
    pull: IssueNumber,
) -> Result<()> {
    if under_way(services, repository).await?.is_empty() {
        return Ok(());
    }
    match services.github.installation(installation).pull(name, pull).await? {
        Some(pull) if !pull.is_from_fork() => wait_for_branch(services, repository, &pull.head.branch).await,
        Some(_) | None => Ok(()),
    }
}

/// Fails with [`StillOpening`] while the run that watches a pull request publishes a commit there: a head that it does not
/// know may be that one.
pub(super) fn wait_for_commit(run: Option<&StoredRun>, head: &CommitSha) -> Result<()> {
    let may_be_its = |run: &&StoredRun| {
        let known = run.run.progress.pull_request.as_ref().is_some_and(|pull_request| pull_request.head == *head);
        run.run.state == State::Publishing && !known
    };
    match run.filter(may_be_its) {
        Some(run) => Err(StillOpening(run.run.id).into()),
        None => Ok(()),
    }
}

async fn under_way(services: &Services, repository: RepositoryId) -> Result<Vec<RunId>> {
    opening::opening(&mut *services.pool.acquire().await?, repository).await
}
