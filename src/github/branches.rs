//! Branches: made where there is none, moved forward only, never forced.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    error::{GitHubError, Optional as _},
    installation::{Installation, repository_path},
    token::Purpose,
    transport::encode_path,
};
use crate::ids::{BranchName, CommitSha, Login, RepositoryId, RepositoryName};

#[derive(Deserialize)]
struct Reference {
    object: Target,
}

#[derive(Deserialize)]
struct Target {
    sha: CommitSha,
}

/// The commit a branch points at, or `None` when there is no such branch.
pub(super) async fn branch_head(
    installation: &Installation,
    repository: &RepositoryName,
    branch: &BranchName,
) -> Result<Option<CommitSha>, GitHubError> {
    let path = repository_path(repository, format_args!("/git/ref/heads/{}", encode_path(branch.as_str())));
    let reference: Result<Reference, _> = installation.get(path).await;
    match reference {
        // An empty repository has no refs at all: 409 "Git Repository is empty."
        Err(GitHubError::Conflict(_)) => Ok(None),
        outcome => Ok(outcome.optional()?.map(|reference| reference.object.sha)),
    }
}

impl Installation {
    /// The commit a branch points at, or `None` when there is no such branch.
    pub async fn branch(
        &self,
        repository: &RepositoryName,
        branch: &BranchName,
    ) -> Result<Option<CommitSha>, GitHubError> {
        branch_head(self, repository, branch).await
    }

    /// The branches whose names start so.
    /// <https://docs.github.com/en/rest/git/refs#list-matching-references>
    pub async fn branches_starting(
        &self,
        repository: &RepositoryName,
        start: &str,
    ) -> Result<Vec<BranchName>, GitHubError> {
        #[derive(Deserialize)]
        struct Listed {
            #[serde(rename = "ref")]
            name: String,
        }
        let path = repository_path(repository, format_args!("/git/matching-refs/heads/{}", encode_path(start)));
        let listed: Vec<Listed> = self.get(path).await.optional()?.unwrap_or_default();
        let names = listed.iter().filter_map(|listed| listed.name.strip_prefix("refs/heads/"));
        Ok(names.filter_map(|name| name.parse().ok()).collect())
    }

    /// Who made the commits that `head` has and `base` has not, commit by commit; none where GitHub knows no account. Both are
    /// branches or commits.
    /// <https://docs.github.com/en/rest/commits/commits#compare-two-commits>
    pub async fn authors_since(
        &self,
        repository: &RepositoryName,
        base: &str,
        head: &str,
    ) -> Result<Vec<Option<Login>>, GitHubError> {
        #[derive(Deserialize)]
        struct Compared {
            total_commits: usize,
            commits: Vec<Commit>,
        }
        #[derive(Deserialize)]
        struct Commit {
            author: Option<Account>,
        }
        #[derive(Deserialize)]
        struct Account {
            login: Login,
        }
        let (base, head) = (encode_path(base), encode_path(head));
        let path = repository_path(repository, format_args!("/compare/{base}...{head}"));
        let compared: Compared = self.get(path).await?;
        let mut authors: Vec<Option<Login>> =
            compared.commits.into_iter().map(|commit| commit.author.map(|account| account.login)).collect();
        // A page does not hold them all; those it lacks are nobody's.
        authors.resize(compared.total_commits.max(authors.len()), None);
        Ok(authors)
    }

    /// Deletes a branch; one that is gone already is no failure.
    pub async fn delete_branch(
        &self,
        repository: &RepositoryName,
        id: RepositoryId,
        branch: &BranchName,
    ) -> Result<(), GitHubError> {
        if self.branch(repository, branch).await?.is_none() {
            return Ok(());
        }
        let path = repository_path(repository, format_args!("/git/refs/heads/{}", encode_path(branch.as_str())));
        let done = self.write::<Value>(Purpose::Publish(id), Method::DELETE, path, Value::Null).await;
        done.map_err(GitHubError::repeatable).optional().map(drop)
    }

    /// Makes a branch. GitHub answers 422 when there is one of that name.
    /// <https://docs.github.com/en/rest/git/refs#create-a-reference>
    pub async fn create_branch(
        &self,
        repository: &RepositoryName,
        id: RepositoryId,
        branch: &BranchName,
        commit: &CommitSha,
    ) -> Result<CommitSha, GitHubError> {
        let path = repository_path(repository, format_args!("/git/refs"));
        let body = json!({ "ref": format!("refs/heads/{branch}"), "sha": commit });
        let made: Reference = self.write(Purpose::Publish(id), Method::POST, path, body).await?;
        Ok(made.object.sha)
    }

    /// Moves a branch forward. GitHub answers 422 when that is no fast-forward.
    /// <https://docs.github.com/en/rest/git/refs#update-a-reference>
    pub(super) async fn advance_branch(
        &self,
        repository: &RepositoryName,
        id: RepositoryId,
        branch: &BranchName,
        commit: &CommitSha,
    ) -> Result<CommitSha, GitHubError> {
        let path = repository_path(repository, format_args!("/git/refs/heads/{}", encode_path(branch.as_str())));
        let body = json!({ "sha": commit, "force": false });
        let moved: Reference = self.write(Purpose::Publish(id), Method::PATCH, path, body).await?;
        Ok(moved.object.sha)
    }
}
