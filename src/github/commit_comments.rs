//! Comments on commits: for what a push brings, where no pull request shows it.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    comments::{Author, null_is_empty},
    error::GitHubError,
    installation::{Installation, repository_path},
    token::Purpose,
};
use crate::ids::{CommitSha, RepositoryId, RepositoryName};

/// A comment that a commit has exactly once.
#[derive(Clone, Copy)]
pub struct CommitRemark<'a> {
    pub repository: &'a RepositoryName,
    pub repository_id: RepositoryId,
    pub commit: &'a CommitSha,
    pub body: &'a str,
    /// Recognises the comment by its text. Only comments of our own bot are shown to it.
    pub is_it: &'a (dyn Fn(&str) -> bool + Sync),
}

#[derive(Debug, Clone, Deserialize)]
struct CommitComment {
    #[serde(default, deserialize_with = "null_is_empty")]
    body: String,
    user: Option<Author>,
}

impl Installation {
    /// Says it on the commit unless it is said there already. GitHub wants the right to write contents for it.
    /// <https://docs.github.com/en/rest/commits/comments#create-a-commit-comment>
    pub async fn find_or_create_remark(&self, wanted: &CommitRemark<'_>) -> Result<(), GitHubError> {
        if self.has_remark(wanted).await? {
            return Ok(());
        }
        let path = repository_path(wanted.repository, format_args!("/commits/{}/comments", wanted.commit));
        let purpose = Purpose::Publish(wanted.repository_id);
        match self.write::<Value>(purpose, Method::POST, path, json!({ "body": wanted.body })).await {
            Err(error @ GitHubError::Ambiguous(_)) => match self.has_remark(wanted).await? {
                true => Ok(()),
                false => Err(error),
            },
            outcome => outcome.map(drop),
        }
    }

    async fn has_remark(&self, wanted: &CommitRemark<'_>) -> Result<bool, GitHubError> {
        let us = &self.identity().await?.bot_login;
        let is_it = |comment: &CommitComment| {
            comment.user.as_ref().is_some_and(|author| author.login == *us) && (wanted.is_it)(&comment.body)
        };
        let path = repository_path(wanted.repository, format_args!("/commits/{}/comments?per_page=100", wanted.commit));
        let comments: Vec<CommitComment> =
            self.get_pages(path, &|so_far: &[CommitComment]| so_far.iter().any(is_it)).await?;
        Ok(comments.iter().any(is_it))
    }
}
