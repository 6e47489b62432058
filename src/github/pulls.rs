//! Pull requests of our own: one per branch.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    comments::{Author, null_is_empty},
    error::{GitHubError, Optional as _},
    installation::{Installation, repository_path},
    issues::OpenState,
    token::Purpose,
    transport::encode_path,
};
use crate::ids::{BranchName, CommitSha, IssueNumber, RepositoryId, RepositoryName};

/// A pull request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PullRequest {
    pub number: IssueNumber,
    /// GraphQL's name of it.
    pub node_id: String,
    pub title: String,
    /// GitHub gives an empty body as null.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub body: String,
    pub state: OpenState,
    #[serde(default)]
    pub draft: bool,
    /// Nobody without write access may comment.
    #[serde(default)]
    pub locked: bool,
    pub html_url: String,
    pub head: PullRequestSide,
    pub base: PullRequestSide,
    /// Set once merged.
    #[serde(default)]
    pub merged_at: Option<chrono::DateTime<chrono::Utc>>,
    /// Absent when the account was deleted.
    pub user: Option<Author>,
    #[serde(default)]
    pub labels: Vec<Label>,
}

/// A label of a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Label {
    pub name: String,
}

/// One side of a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PullRequestSide {
    #[serde(rename = "ref")]
    pub branch: BranchName,
    pub sha: CommitSha,
    /// Absent when the repository, usually a fork, was deleted.
    pub repo: Option<SideRepository>,
}

/// The repository of one side.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SideRepository {
    pub id: RepositoryId,
    pub full_name: RepositoryName,
    #[serde(default)]
    pub default_branch: Option<BranchName>,
}

impl PullRequest {
    /// Whether what it offers is the repository's default branch itself, as where `main` is merged into `production`.
    pub fn offers_default_branch(&self) -> bool {
        let default_branch = self.head.repo.as_ref().and_then(|repo| repo.default_branch.as_ref());
        !self.is_from_fork() && default_branch == Some(&self.head.branch)
    }

    /// Whether the head lies in another repository than the base: what is there was written by someone who need not
    /// have any rights here.
    pub fn is_from_fork(&self) -> bool {
        match (&self.head.repo, &self.base.repo) {
            (Some(head), Some(base)) => head.id != base.id,
            _ => true,
        }
    }
}

/// A pull request to be.
#[derive(Debug, Clone, Copy)]
pub struct NewPullRequest<'a> {
    pub repository: &'a RepositoryName,
    /// A branch of this repository; it is the pull request's identity.
    pub head: &'a BranchName,
    pub base: &'a BranchName,
    pub title: &'a str,
    pub body: &'a str,
    pub draft: bool,
}

/// <https://docs.github.com/en/graphql/reference/mutations#markpullrequestreadyforreview>
const READY: &str = "mutation($pull: ID!) {
  markPullRequestReadyForReview(input: { pullRequestId: $pull }) { pullRequest { isDraft } }
}";

impl Installation {
    /// Makes a draft ready for review, which REST cannot; one that is ready stays so.
    pub async fn mark_ready(&self, repository: RepositoryId, pull: &PullRequest) -> Result<(), GitHubError> {
        if !pull.draft {
            return Ok(());
        }
        let done = self.mutate::<Value>(Purpose::Resolve(repository), READY, json!({ "pull": pull.node_id })).await;
        done.map(drop).map_err(GitHubError::repeatable)
    }

    /// Opens the pull request unless its branch has one already, open or closed: what a person closed stays closed, so
    /// look at `state`. GitHub refuses a second open one by itself.
    /// <https://docs.github.com/en/rest/pulls/pulls#create-a-pull-request>
    pub async fn find_or_create_pull(&self, wanted: &NewPullRequest<'_>) -> Result<PullRequest, GitHubError> {
        if let Some(pull) = self.find_pull(wanted.repository, wanted.head).await? {
            return Ok(pull);
        }
        self.open_pull(wanted).await
    }

    /// Opens a pull request for a branch that was made just now, so that it has none yet. If somebody was quicker, theirs
    /// is found.
    pub async fn open_pull(&self, wanted: &NewPullRequest<'_>) -> Result<PullRequest, GitHubError> {
        let path = repository_path(wanted.repository, format_args!("/pulls"));
        let body = json!({
            "head": wanted.head, "base": wanted.base, "title": wanted.title, "body": wanted.body, "draft": wanted.draft,
        });
        match self.write(Purpose::Converse, Method::POST, path, body).await {
            Err(error @ (GitHubError::Ambiguous(_) | GitHubError::Invalid(_))) => {
                self.find_pull(wanted.repository, wanted.head).await?.ok_or(error)
            }
            outcome => outcome,
        }
    }

    /// The newest pull request from that branch of the repository itself, open ones first.
    pub async fn find_pull(
        &self,
        repository: &RepositoryName,
        head: &BranchName,
    ) -> Result<Option<PullRequest>, GitHubError> {
        let head = format!("{}:{}", encode_path(repository.owner()), encode_path(head.as_str()));
        let path = repository_path(
            repository,
            format_args!("/pulls?head={head}&state=all&sort=created&direction=desc&per_page=100"),
        );
        let pulls: Vec<PullRequest> = self.get(path).await?;
        // The filter compares the owner only, and an owner may fork his own repository.
        let mut own: Vec<_> = pulls.into_iter().filter(|pull| !pull.is_from_fork()).collect();
        own.sort_by_key(|pull| (pull.state == OpenState::Closed, std::cmp::Reverse(pull.number)));
        Ok(own.into_iter().next())
    }

    /// Whether a pull request into that branch is open.
    pub async fn has_open_pull_into(
        &self,
        repository: &RepositoryName,
        base: &BranchName,
    ) -> Result<bool, GitHubError> {
        let base = encode_path(base.as_str());
        let path = repository_path(repository, format_args!("/pulls?base={base}&state=open&per_page=1"));
        Ok(!self.get::<Vec<PullRequest>>(path).await?.is_empty())
    }

    /// The pull request of that number.
    pub async fn pull(
        &self,
        repository: &RepositoryName,
        number: IssueNumber,
    ) -> Result<Option<PullRequest>, GitHubError> {
        let path = repository_path(repository, format_args!("/pulls/{number}"));
        self.get(path).await.optional()
    }

    /// Gives a pull request title and body; does nothing when it has them.
    pub async fn edit_pull(
        &self,
        repository: &RepositoryName,
        number: IssueNumber,
        title: &str,
        body: &str,
    ) -> Result<(), GitHubError> {
        match self.pull(repository, number).await? {
            Some(pull) if pull.title != title || pull.body != body => {
                self.patch_pull(repository, number, json!({ "title": title, "body": body })).await
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Closes a pull request; closing twice is closing.
    pub async fn close_pull(&self, repository: &RepositoryName, number: IssueNumber) -> Result<(), GitHubError> {
        self.patch_pull(repository, number, json!({ "state": "closed" })).await
    }

    async fn patch_pull(
        &self,
        repository: &RepositoryName,
        number: IssueNumber,
        body: Value,
    ) -> Result<(), GitHubError> {
        let path = repository_path(repository, format_args!("/pulls/{number}"));
        let done = self.write::<Value>(Purpose::Converse, Method::PATCH, path, body).await;
        done.map(drop).map_err(GitHubError::repeatable)
    }
}
