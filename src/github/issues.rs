//! Issues and pull requests as what people wrote.

use serde::Deserialize;

use super::{
    comments::{Author, null_is_empty},
    error::{GitHubError, Optional as _},
    installation::{Installation, repository_path},
};
use crate::ids::{IssueNumber, RepositoryName};

/// An issue or the issue side of a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Issue {
    pub number: IssueNumber,
    pub title: String,
    /// GitHub gives an empty body as null.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub body: String,
    pub state: OpenState,
    /// Absent when the account was deleted.
    pub user: Option<Author>,
    pub html_url: String,
    /// Nobody without write access may comment.
    #[serde(default)]
    pub locked: bool,
    /// Whether this number is a pull request.
    #[serde(default, deserialize_with = "is_present")]
    pub pull_request: bool,
}

/// Whether an issue or pull request is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OpenState {
    Open,
    Closed,
}

/// GitHub marks a pull request among issues by an object that issues lack.
fn is_present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(Option::<serde::de::IgnoredAny>::deserialize(deserializer)?.is_some())
}

impl Installation {
    /// The issue or pull request of that number; `None` when it was deleted, transferred or never existed.
    pub async fn issue(&self, repository: &RepositoryName, number: IssueNumber) -> Result<Option<Issue>, GitHubError> {
        let path = repository_path(repository, format_args!("/issues/{number}"));
        self.get(path).await.optional()
    }
}
