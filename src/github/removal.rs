//! Taking back what wiz made. Doing it twice is doing it once, and what somebody else took away before is no failure.

use http::Method;
use serde_json::{Value, json};

use super::{
    checks::CheckRunOutput,
    comments::Comment,
    error::{GitHubError, Optional as _},
    installation::{Installation, repository_path},
    journal::text_digest,
    reactions::{self, Reactable},
    reviews::ReviewComment,
    threads::ThreadId,
    token::Purpose,
};
use crate::ids::{CheckRunId, CommentId, IssueNumber, Login, RepositoryId, RepositoryName};

/// <https://docs.github.com/en/graphql/reference/mutations#unresolvereviewthread>
const UNRESOLVE: &str = "mutation($thread: ID!) {
  unresolveReviewThread(input: { threadId: $thread }) { thread { isResolved } }
}";

impl Installation {
    /// Deletes a comment of a conversation. False when it was gone.
    /// <https://docs.github.com/en/rest/issues/comments#delete-an-issue-comment>
    pub async fn delete_comment(&self, repository: &RepositoryName, id: CommentId) -> Result<bool, GitHubError> {
        let path = repository_path(repository, format_args!("/issues/comments/{id}"));
        self.delete(path, Value::Null).await
    }

    /// Deletes a comment of a review's thread. False when it was gone.
    /// <https://docs.github.com/en/rest/pulls/comments#delete-a-review-comment-for-a-pull-request>
    pub async fn delete_line_comment(&self, repository: &RepositoryName, id: CommentId) -> Result<bool, GitHubError> {
        let path = repository_path(repository, format_args!("/pulls/comments/{id}"));
        self.delete(path, Value::Null).await
    }

    /// Takes back a reaction. One whose number is not known is made once more, which tells it.
    /// <https://docs.github.com/en/rest/reactions/reactions>
    pub async fn delete_reaction(
        &self,
        repository: &RepositoryName,
        (on, content): (Reactable, &str),
        id: Option<i64>,
    ) -> Result<bool, GitHubError> {
        #[derive(serde::Deserialize)]
        struct Made {
            id: i64,
        }
        let path = reactions::path(repository, on);
        let id = match id {
            Some(id) => id,
            None => {
                let body = json!({ "content": content });
                let made = self.write::<Made>(Purpose::Converse, Method::POST, path.clone(), body).await;
                match made.map_err(GitHubError::repeatable).optional()? {
                    Some(made) => made.id,
                    None => return Ok(false),
                }
            }
        };
        self.delete(format!("{path}/{id}"), Value::Null).await
    }

    /// No longer asks somebody to review.
    /// <https://docs.github.com/en/rest/pulls/review-requests#remove-requested-reviewers-from-a-pull-request>
    pub async fn withdraw_review_request(
        &self,
        repository: &RepositoryName,
        pull: IssueNumber,
        reviewers: &[Login],
    ) -> Result<bool, GitHubError> {
        let path = repository_path(repository, format_args!("/pulls/{pull}/requested_reviewers"));
        self.delete(path, json!({ "reviewers": reviewers })).await
    }

    /// Opens a thread again that was resolved.
    pub async fn unresolve_thread(&self, repository: RepositoryId, thread: &ThreadId) -> Result<bool, GitHubError> {
        let purpose = Purpose::Resolve(repository);
        let done = self.mutate::<Value>(purpose, UNRESOLVE, json!({ "thread": thread })).await;
        Ok(done.map_err(GitHubError::repeatable).optional()?.is_some())
    }

    /// Ends a check run as neutral, whatever it said. GitHub lets nobody delete one.
    /// <https://docs.github.com/en/rest/checks/runs#update-a-check-run>
    pub async fn neutralise_check(
        &self,
        repository: &RepositoryName,
        id: CheckRunId,
        output: &CheckRunOutput,
    ) -> Result<bool, GitHubError> {
        let path = repository_path(repository, format_args!("/check-runs/{id}"));
        let body = json!({ "status": "completed", "conclusion": "neutral", "output": output, "actions": [] });
        let done = self.write::<Value>(Purpose::Converse, Method::PATCH, path, body).await;
        Ok(done.map_err(GitHubError::repeatable).optional()?.is_some())
    }

    /// The comments of wiz's own in a conversation that say exactly this.
    pub async fn comments_saying(
        &self,
        repository: &RepositoryName,
        issue: IssueNumber,
        digest: &str,
    ) -> Result<Vec<CommentId>, GitHubError> {
        let us = &self.identity().await?.bot_login;
        let is_it = |comment: &Comment| {
            comment.user.as_ref().is_some_and(|author| author.login == *us) && text_digest(&comment.body) == digest
        };
        let comments = self.comments_since(repository, issue, None).await.optional()?.unwrap_or_default();
        Ok(comments.iter().filter(|comment| is_it(comment)).map(|comment| comment.id).collect())
    }

    /// The line comments of wiz's own on a pull request that say exactly this.
    pub async fn line_comments_saying(
        &self,
        repository: &RepositoryName,
        pull: IssueNumber,
        digest: &str,
    ) -> Result<Vec<CommentId>, GitHubError> {
        let us = &self.identity().await?.bot_login;
        let is_it = |comment: &ReviewComment| {
            comment.user.as_ref().is_some_and(|author| author.login == *us) && text_digest(&comment.body) == digest
        };
        let comments = self.review_comments(repository, pull).await.optional()?.unwrap_or_default();
        Ok(comments.iter().filter(|comment| is_it(comment)).map(|comment| comment.id).collect())
    }

    async fn delete(&self, path: String, body: Value) -> Result<bool, GitHubError> {
        let done = self.write::<Value>(Purpose::Converse, Method::DELETE, path, body).await;
        Ok(done.map_err(GitHubError::repeatable).optional()?.is_some())
    }
}
