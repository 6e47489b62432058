//! Comments of our own: found again by a hidden marker, made once, edited only when they differ.

use chrono::{DateTime, Utc};
use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::{
    error::{GitHubError, Optional as _},
    installation::{Installation, repository_path},
    token::Purpose,
};
use crate::ids::{CommentId, IssueNumber, Login, RepositoryName, UserId};

/// A comment in the conversation of an issue or pull request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Comment {
    pub id: CommentId,
    /// GitHub stores an empty body as null.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub body: String,
    pub html_url: String,
    /// Absent when the account was deleted.
    pub user: Option<Author>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Who wrote something.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Author {
    pub id: UserId,
    pub login: Login,
    /// `User`, `Bot`, `Organization` or `Mannequin`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// A comment that exists exactly once.
#[derive(Clone, Copy)]
pub struct StickyComment<'a> {
    pub repository: &'a RepositoryName,
    pub issue: IssueNumber,
    pub body: &'a str,
    /// Recognises the comment by its text, normally by a signed marker. Only comments of our own bot are shown to it.
    pub is_it: &'a (dyn Fn(&str) -> bool + Sync),
    /// No such comment was made before this moment, such as the start of the run; spares reading a long conversation.
    pub since: Option<DateTime<Utc>>,
}

impl Installation {
    /// Makes the comment unless it is there already; in both cases it has the given body afterwards. Remember the id and
    /// use [`Installation::edit_comment`] from then on.
    pub async fn find_or_create_comment(&self, wanted: &StickyComment<'_>) -> Result<Comment, GitHubError> {
        if let Some(comment) = self.find_comment(wanted).await? {
            return match self.edit_if_different(wanted.repository, &comment, wanted.body).await? {
                Some(edited) => Ok(edited),
                None => Ok(comment),
            };
        }
        self.post_comment(wanted).await
    }

    /// Makes a comment that nobody can have made before. If the answer is lost, the comment is looked for.
    pub async fn post_comment(&self, wanted: &StickyComment<'_>) -> Result<Comment, GitHubError> {
        let path = repository_path(wanted.repository, format_args!("/issues/{}/comments", wanted.issue));
        match self.write(Purpose::Converse, Method::POST, path, json!({ "body": wanted.body })).await {
            Err(GitHubError::Ambiguous(detail)) => match self.find_comment(wanted).await? {
                Some(comment) => Ok(comment),
                None => Err(GitHubError::Ambiguous(detail)),
            },
            outcome => outcome,
        }
    }

    /// One comment; `None` when somebody deleted it.
    pub async fn comment(&self, repository: &RepositoryName, id: CommentId) -> Result<Option<Comment>, GitHubError> {
        let path = repository_path(repository, format_args!("/issues/comments/{id}"));
        self.get(path).await.optional()
    }

    /// Gives a comment a new body; does nothing when it has it already. `None`: somebody deleted the comment.
    pub async fn edit_comment(
        &self,
        repository: &RepositoryName,
        id: CommentId,
        body: &str,
    ) -> Result<Option<Comment>, GitHubError> {
        let Some(comment) = self.comment(repository, id).await? else { return Ok(None) };
        match self.edit_if_different(repository, &comment, body).await? {
            Some(edited) => Ok(Some(edited)),
            None => Ok(Some(comment)),
        }
    }

    async fn edit_if_different(
        &self,
        repository: &RepositoryName,
        comment: &Comment,
        body: &str,
    ) -> Result<Option<Comment>, GitHubError> {
        if same_text(&comment.body, body) {
            return Ok(None);
        }
        self.write_comment(repository, comment.id, body).await.map(Some)
    }

    /// Gives a comment a body that it is known not to have. `None`: somebody deleted the comment.
    pub async fn set_comment(
        &self,
        repository: &RepositoryName,
        id: CommentId,
        body: &str,
    ) -> Result<Option<Comment>, GitHubError> {
        self.write_comment(repository, id, body).await.optional()
    }

    async fn write_comment(
        &self,
        repository: &RepositoryName,
        id: CommentId,
        body: &str,
    ) -> Result<Comment, GitHubError> {
        let path = repository_path(repository, format_args!("/issues/comments/{id}"));
        // An edit sets the whole body, so doing it twice is doing it once.
        let edited = self.write(Purpose::Converse, Method::PATCH, path, json!({ "body": body })).await;
        edited.map_err(GitHubError::repeatable)
    }

    async fn find_comment(&self, wanted: &StickyComment<'_>) -> Result<Option<Comment>, GitHubError> {
        let us = &self.identity().await?.bot_login;
        let is_it = |comment: &Comment| {
            comment.user.as_ref().is_some_and(|author| author.login == *us) && (wanted.is_it)(&comment.body)
        };
        let comments =
            self.comments(wanted.repository, wanted.issue, wanted.since, &|so_far| so_far.iter().any(is_it)).await?;
        Ok(comments.into_iter().find(is_it))
    }

    /// The comments of an issue or pull request in the order they were made, those changed at or after `since` only.
    pub async fn comments_since(
        &self,
        repository: &RepositoryName,
        issue: IssueNumber,
        since: Option<DateTime<Utc>>,
    ) -> Result<Vec<Comment>, GitHubError> {
        self.comments(repository, issue, since, &|_| false).await
    }

    async fn comments(
        &self,
        repository: &RepositoryName,
        issue: IssueNumber,
        since: Option<DateTime<Utc>>,
        enough: &(dyn Fn(&[Comment]) -> bool + Sync),
    ) -> Result<Vec<Comment>, GitHubError> {
        let since = since.map(|time| format!("&since={}", time.format("%Y-%m-%dT%H:%M:%SZ"))).unwrap_or_default();
        let path = repository_path(repository, format_args!("/issues/{issue}/comments?per_page=100{since}"));
        self.get_pages(path, enough).await
    }
}

/// GitHub stores line ends as they come from its editor and trims the text, which is no difference to a reader.
pub(super) fn same_text(stored: &str, wanted: &str) -> bool {
    stored.replace("\r\n", "\n").trim() == wanted.replace("\r\n", "\n").trim()
}

/// Reads a text that GitHub gives as null when it is empty.
pub(super) fn null_is_empty<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.unwrap_or_default())
}
