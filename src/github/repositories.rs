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

    /// The default branch and the commit it points at; `None` when the repository is gone or has no commit yet.
    pub async fn default_head(&self, name: &RepositoryName) -> Result<Option<(BranchName, CommitSha)>, GitHubError> {
        let Some(repository) = self.repository(name).await? else { return Ok(None) };
        let head = branch_head(self, name, &repository.default_branch).await?;
        Ok(head.map(|head| (repository.default_branch, head)))
    }
}
