//! Repositories and the commits their branches point at.

use serde::Deserialize;

use super::{
    branches::branch_head,
    error::{GitHubError, Optional as _},
    installation::{Installation, repository_path},
};
use crate::ids::{BranchName, CommitSha, RepositoryId, RepositoryName};

/// A repository as it is called now.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RepositoryInfo {
    pub id: RepositoryId,
    #[serde(rename = "full_name")]
    pub name: RepositoryName,
    pub default_branch: BranchName,
    pub private: bool,
    /// Read-only: nothing can be published.
    #[serde(default)]
    pub archived: bool,
}

impl Installation {
    /// The repository, or `None` when it is gone or out of this installation's reach.
    pub async fn repository(&self, name: &RepositoryName) -> Result<Option<RepositoryInfo>, GitHubError> {
        let path = repository_path(name, format_args!(""));
        self.get(path).await.optional()
    }

    /// The commit that the default branch points at, whatever it is called; `None` when the repository is gone or has no
    /// commit yet. One piece of work sees one commit.
    /// <https://docs.github.com/en/rest/commits/commits#list-commits>
    pub async fn head(&self, name: &RepositoryName) -> Result<Option<CommitSha>, GitHubError> {
        #[derive(Deserialize)]
        struct Listed {
            sha: CommitSha,
        }
        if let Some(head) = self.meter.head(name) {
            return Ok(Some(head));
        }
        let path = repository_path(name, format_args!("/commits?per_page=1"));
        let listed: Result<Vec<Listed>, _> = self.get(path).await;
        let head = match listed {
            // 409 "Git Repository is empty."
            Err(GitHubError::Conflict(_)) => None,
            outcome => outcome.optional()?.unwrap_or_default().into_iter().next().map(|newest| newest.sha),
        };
        if let Some(head) = &head {
            self.meter.keep_head(name, head);
        }
        Ok(head)
    }

    /// The default branch and the commit it points at; `None` when the repository is gone or has no commit yet.
    pub async fn default_head(&self, name: &RepositoryName) -> Result<Option<(BranchName, CommitSha)>, GitHubError> {
        let Some(repository) = self.repository(name).await? else { return Ok(None) };
        let head = branch_head(self, name, &repository.default_branch).await?;
        Ok(head.map(|head| (repository.default_branch, head)))
    }
}
