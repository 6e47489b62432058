//! What ended runs left behind on GitHub: reports that never arrived, branches without a pull request.

use std::collections::BTreeSet;

use anyhow::Result;

use crate::{
    github::{
        GitHubError,
        journal::{self, Change},
    },
    ids::{BranchName, RunId},
    run::{
        branch,
        services::Services,
        store::{self, StoredRun, repair},
    },
};

/// Most ended runs looked at in one round: up to five calls each, once.
const RUNS_PER_ROUND: i64 = 10;

/// Asks for the missing reports and deletes branches that lead nowhere. Answers how many.
pub(super) async fn clear(services: &Services) -> Result<usize> {
    let mut transaction = services.pool.begin().await?;
    let mut cleared = repair::report_unshown(&mut transaction).await?;
    let ended = repair::take_branches(&mut transaction, RUNS_PER_ROUND).await?;
    transaction.commit().await?;
    for run in ended {
        match branches(services, run).await {
            Ok(deleted) => cleared += deleted,
            Err(error) => tracing::warn!(%run, "cannot look for branches of an ended run: {error:#}"),
        }
    }
    Ok(cleared)
}

async fn branches(services: &Services, run: RunId) -> Result<usize> {
    let stored = store::load(&mut *services.pool.acquire().await?, run).await?;
    let Some(stored) = stored.filter(|stored| stored.run.state.is_terminal()) else { return Ok(0) };
    let github = services.github.installation(stored.installation);
    let found = github.branches_starting(&stored.repository_name, &branch::prefix(run)).await?;
    let made = made_by(services, run).await?;
    let mut deleted = 0;
    for branch in found.iter().filter(|branch| made.contains(branch)) {
        if leads_nowhere(services, &stored, branch).await? {
            github.delete_branch(&stored.repository_name, stored.repository, branch).await?;
            tracing::info!(%run, %branch, "deleted a branch of an ended run");
            deleted += 1;
        } else {
            tracing::info!(%run, %branch, "kept a branch of an ended run: somebody works with it");
        }
    }
    Ok(deleted)
}

/// The branches that wiz made for the run, by its own journal: anybody may give a branch such a name.
async fn made_by(services: &Services, run: RunId) -> Result<BTreeSet<BranchName>> {
    let noted = journal::of_run(&mut *services.pool.acquire().await?, run).await?;
    let branches = noted
        .into_iter()
        .filter_map(|noted| if let Change::Branch { branch, .. } = noted.change { Some(branch) } else { None });
    Ok(branches.collect())
}

/// Whether wiz alone has committed there and no pull request ever came of it.
async fn leads_nowhere(services: &Services, stored: &StoredRun, branch: &BranchName) -> Result<bool, GitHubError> {
    let github = services.github.installation(stored.installation);
    if github.find_pull(&stored.repository_name, branch).await?.is_some() {
        return Ok(false);
    }
    let authors =
        github.authors_since(&stored.repository_name, stored.default_branch.as_str(), branch.as_str()).await?;
    let own = &services.github.identity().await?.bot_login;
    Ok(!authors.is_empty() && authors.iter().all(|author| author.as_ref() == Some(own)))
}
