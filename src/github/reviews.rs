//! Reviews of pull requests: what a reviewer wrote, wiz's answers in the threads, and asking for another look.

use chrono::{DateTime, Utc};
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    comments::{Author, null_is_empty},
    error::{GitHubError, Optional as _},
    installation::{Installation, repository_path},
    token::Purpose,
};
use crate::ids::{CommentId, CommitSha, IssueNumber, Login, RepositoryName, ReviewId};

/// A review as it now stands.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Review {
    pub id: ReviewId,
    /// GitHub stores an empty body as null.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub body: String,
    /// Absent when the account was deleted.
    pub user: Option<Author>,
    pub state: Submitted,
    /// Missing while it is its author's draft.
    pub submitted_at: Option<DateTime<Utc>>,
    pub html_url: String,
}

/// What a review says; a dismissed one keeps its comments and loses its weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Submitted {
    Approved,
    ChangesRequested,
    Commented,
    Dismissed,
    Pending,
}

/// A comment on a line of a diff.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ReviewComment {
    pub id: CommentId,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub body: String,
    /// Absent when the account was deleted.
    pub user: Option<Author>,
    pub path: String,
    /// Missing when the line is outdated, and for comments on a whole file.
    #[serde(default)]
    pub line: Option<u32>,
    #[serde(default)]
    pub original_line: Option<u32>,
    /// The lines of the diff above the comment.
    #[serde(default)]
    pub diff_hunk: String,
    /// The first comment of the thread, for every other one: GitHub nests no deeper.
    #[serde(default)]
    pub in_reply_to_id: Option<CommentId>,
    pub html_url: String,
    /// Missing for comments that belong to no review any more.
    pub pull_request_review_id: Option<ReviewId>,
}

impl ReviewComment {
    /// The first comment of the thread, by which the thread is known to REST.
    pub fn thread(&self) -> CommentId {
        self.in_reply_to_id.unwrap_or(self.id)
    }
}

/// An answer in a thread that exists exactly once.
#[derive(Clone, Copy)]
pub struct ThreadReply<'a> {
    /// The first comment of the thread.
    pub thread: CommentId,
    pub body: &'a str,
    /// Recognises the answer by its text. Only comments of our own bot are shown to it.
    pub is_it: &'a (dyn Fn(&str) -> bool + Sync),
}

/// A review that exists exactly once. It comments, and never approves or refuses.
#[derive(Clone, Copy)]
pub struct NewReview<'a> {
    pub repository: &'a RepositoryName,
    pub pull: IssueNumber,
    /// The commit that was read; comments on lines of an older one are shown as outdated.
    pub commit: &'a CommitSha,
    pub body: &'a str,
    pub comments: &'a [NewLineComment<'a>],
    /// Recognises the review by its text. Only reviews of our own bot are shown to it.
    pub is_it: &'a (dyn Fn(&str) -> bool + Sync),
}

/// A comment on lines of the head's side of the diff.
#[derive(Debug, Clone, Copy)]
pub struct NewLineComment<'a> {
    pub path: &'a str,
    pub first: u32,
    pub last: u32,
    pub body: &'a str,
}

impl NewLineComment<'_> {
    fn to_json(self) -> Value {
        let Self { path, first, last, body } = self;
        let mut comment = json!({ "path": path, "line": last, "side": "RIGHT", "body": body });
        // GitHub wants a start only where it is before the end.
        if first < last {
            comment["start_line"] = json!(first);
            comment["start_side"] = json!("RIGHT");
        }
        comment
    }
}

impl Installation {
    /// Posts the review unless it is there. Comments on lines that the diff does not show are refused as invalid, and
    /// nothing of the review is posted then.
    /// <https://docs.github.com/en/rest/pulls/reviews#create-a-review-for-a-pull-request>
    pub async fn find_or_create_review(&self, wanted: &NewReview<'_>) -> Result<(), GitHubError> {
        if self.is_reviewed(wanted).await? {
            return Ok(());
        }
        let path = repository_path(wanted.repository, format_args!("/pulls/{}/reviews", wanted.pull));
        let comments: Vec<Value> = wanted.comments.iter().map(|comment| comment.to_json()).collect();
        let body = json!({
            "commit_id": wanted.commit, "body": wanted.body, "event": "COMMENT", "comments": comments,
        });
        match self.write::<Value>(Purpose::Converse, Method::POST, path, body).await {
            Err(GitHubError::Ambiguous(detail)) if !self.is_reviewed(wanted).await? => {
                Err(GitHubError::Ambiguous(detail))
            }
            Err(GitHubError::Ambiguous(_)) => Ok(()),
            outcome => outcome.map(drop),
        }
    }

    async fn is_reviewed(&self, wanted: &NewReview<'_>) -> Result<bool, GitHubError> {
        let us = &self.identity().await?.bot_login;
        let path = repository_path(wanted.repository, format_args!("/pulls/{}/reviews?per_page=100", wanted.pull));
        let is_it = |found: &Review| {
            found.user.as_ref().is_some_and(|author| author.login == *us) && (wanted.is_it)(&found.body)
        };
        let found: Vec<Review> = self.get_pages(path, &|so_far| so_far.iter().any(is_it)).await?;
        Ok(found.iter().any(is_it))
    }

    /// The reviews of a pull request as they now stand, the oldest first.
    /// <https://docs.github.com/en/rest/pulls/reviews#list-reviews-for-a-pull-request>
    pub async fn reviews(&self, repository: &RepositoryName, pull: IssueNumber) -> Result<Vec<Review>, GitHubError> {
        let path = repository_path(repository, format_args!("/pulls/{pull}/reviews?per_page=100"));
        self.get_pages(path, &|_| false).await
    }

    /// One review as it now stands; `None` when there is none of that number.
    /// <https://docs.github.com/en/rest/pulls/reviews#list-reviews-for-a-pull-request>
    pub async fn review(
        &self,
        repository: &RepositoryName,
        pull: IssueNumber,
        review: ReviewId,
    ) -> Result<Option<Review>, GitHubError> {
        let path = repository_path(repository, format_args!("/pulls/{pull}/reviews?per_page=100"));
        let is_it = |found: &Review| found.id == review;
        let found: Option<Vec<Review>> = self.get_pages(path, &|so_far| so_far.iter().any(is_it)).await.optional()?;
        Ok(found.into_iter().flatten().find(is_it))
    }

    /// The comments that were made with a review, in the order they were made.
    /// <https://docs.github.com/en/rest/pulls/reviews#list-comments-for-a-pull-request-review>
    pub async fn comments_of_review(
        &self,
        repository: &RepositoryName,
        pull: IssueNumber,
        review: ReviewId,
    ) -> Result<Vec<ReviewComment>, GitHubError> {
        let path = repository_path(repository, format_args!("/pulls/{pull}/reviews/{review}/comments?per_page=100"));
        Ok(self.get_pages(path, &|_| false).await.optional()?.unwrap_or_default())
    }

    /// Every line comment of a pull request, in the order they were made.
    /// <https://docs.github.com/en/rest/pulls/comments#list-review-comments-on-a-pull-request>
    pub async fn review_comments(
        &self,
        repository: &RepositoryName,
        pull: IssueNumber,
    ) -> Result<Vec<ReviewComment>, GitHubError> {
        let path = repository_path(repository, format_args!("/pulls/{pull}/comments?per_page=100"));
        self.get_pages(path, &|_| false).await
    }

    /// Answers each thread that has no such answer yet. A thread that somebody deleted is left out.
    /// <https://docs.github.com/en/rest/pulls/comments#create-a-reply-for-a-review-comment>
    pub async fn find_or_create_replies(
        &self,
        repository: &RepositoryName,
        pull: IssueNumber,
        wanted: &[ThreadReply<'_>],
    ) -> Result<(), GitHubError> {
        let us = &self.identity().await?.bot_login;
        let mut known = self.review_comments(repository, pull).await?;
        for reply in wanted {
            if !known.iter().any(|comment| comment.thread() == reply.thread) || is_answered(&known, reply, us) {
                continue;
            }
            let path = repository_path(repository, format_args!("/pulls/{pull}/comments/{}/replies", reply.thread));
            let body = json!({ "body": reply.body });
            let made = self.write::<Value>(Purpose::Converse, Method::POST, path, body).await;
            match made.optional() {
                Err(GitHubError::Ambiguous(detail)) => {
                    known = self.review_comments(repository, pull).await?;
                    if !is_answered(&known, reply, us) {
                        return Err(GitHubError::Ambiguous(detail));
                    }
                }
                outcome => drop(outcome?),
            }
        }
        Ok(())
    }

    /// Asks somebody to look again. Asking twice is asking once; whoever cannot be asked is no failure, since GitHub
    /// refuses people without access and the author.
    /// <https://docs.github.com/en/rest/pulls/review-requests#request-reviewers-for-a-pull-request>
    pub async fn request_review(
        &self,
        repository: &RepositoryName,
        pull: IssueNumber,
        reviewer: &Login,
    ) -> Result<(), GitHubError> {
        let path = repository_path(repository, format_args!("/pulls/{pull}/requested_reviewers"));
        let body = json!({ "reviewers": [reviewer] });
        match self.write::<Value>(Purpose::Converse, Method::POST, path, body).await {
            Err(GitHubError::Invalid(detail)) => {
                tracing::info!(%detail, "the reviewer cannot be asked again");
                Ok(())
            }
            outcome => outcome.map(drop).map_err(GitHubError::repeatable),
        }
    }
}

fn is_answered(known: &[ReviewComment], reply: &ThreadReply<'_>, us: &Login) -> bool {
    known.iter().any(|comment| {
        comment.thread() == reply.thread
            && comment.user.as_ref().is_some_and(|author| author.login == *us)
            && (reply.is_it)(&comment.body)
    })
}
