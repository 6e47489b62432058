//! Acknowledgements: the quickest sign that wiz has read a comment.

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    error::{GitHubError, Optional as _},
    installation::{Installation, repository_path},
    token::Purpose,
};
use crate::ids::{CommentId, IssueNumber, RepositoryName};

/// What wiz reacts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// 👀 seen, at work.
    Eyes,
    /// 👎 refused; a comment says why.
    ThumbsDown,
}

/// What can be reacted to. A review's own text is missing: GitHub's REST API has no reactions on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reactable {
    /// The text of an issue or pull request.
    Issue(IssueNumber),
    /// A comment in the conversation of an issue or pull request.
    IssueComment(CommentId),
    /// A comment on a line of a pull request.
    ReviewComment(CommentId),
}

impl Installation {
    /// Reacts. Doing it twice leaves one reaction, so nothing is looked up; a deleted comment is no failure.
    /// <https://docs.github.com/en/rest/reactions/reactions>
    pub async fn react(
        &self,
        repository: &RepositoryName,
        to: Reactable,
        reaction: Reaction,
    ) -> Result<(), GitHubError> {
        let path = path(repository, to);
        let content = match reaction {
            Reaction::Eyes => "eyes",
            Reaction::ThumbsDown => "-1",
        };
        let done = self.write::<Value>(Purpose::Converse, Method::POST, path, json!({ "content": content })).await;
        done.map_err(GitHubError::repeatable).optional().map(drop)
    }
}

/// Where the reactions on something are.
pub(super) fn path(repository: &RepositoryName, on: Reactable) -> String {
    match on {
        Reactable::Issue(number) => repository_path(repository, format_args!("/issues/{number}/reactions")),
        Reactable::IssueComment(id) => repository_path(repository, format_args!("/issues/comments/{id}/reactions")),
        Reactable::ReviewComment(id) => repository_path(repository, format_args!("/pulls/comments/{id}/reactions")),
    }
}
