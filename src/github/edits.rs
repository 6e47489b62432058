//! Which words of a pull request's reviews were changed after they were said: REST does not tell that of a review.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;

use super::{
    error::{GitHubError, Optional as _},
    installation::Installation,
};
use crate::ids::{CommentId, IssueNumber, RepositoryName, ReviewId};

/// When words were last edited, by whomever; of a text that is not listed nothing is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edits {
    reviews: BTreeMap<ReviewId, Option<DateTime<Utc>>>,
    comments: BTreeMap<CommentId, Option<DateTime<Utc>>>,
}

impl Edits {
    /// Whether a review's own text still is what was submitted then.
    pub fn is_as_submitted(&self, review: ReviewId, submitted_at: DateTime<Utc>) -> bool {
        was_untouched(self.reviews.get(&review), submitted_at)
    }

    /// Whether a comment on a line still is what was submitted then.
    pub fn is_comment_as_submitted(&self, comment: CommentId, submitted_at: DateTime<Utc>) -> bool {
        was_untouched(self.comments.get(&comment), submitted_at)
    }
}

/// A draft may be edited before it is submitted.
fn was_untouched(edited_at: Option<&Option<DateTime<Utc>>>, submitted_at: DateTime<Utc>) -> bool {
    edited_at.is_some_and(|edited_at| edited_at.is_none_or(|at| at < submitted_at))
}

/// The newest reviews. <https://docs.github.com/en/graphql/reference/objects#pullrequestreview>
const EDITS: &str = "query($owner: String!, $name: String!, $number: Int!) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      reviews(last: 100) {
        nodes { fullDatabaseId lastEditedAt comments(first: 100) { nodes { fullDatabaseId lastEditedAt } } }
      }
    }
  }
}";

#[derive(Deserialize)]
struct Found {
    repository: Option<Repository>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Repository {
    pull_request: Option<PullRequest>,
}

#[derive(Deserialize)]
struct PullRequest {
    reviews: Nodes<Review>,
}

#[derive(Deserialize)]
struct Nodes<T> {
    nodes: Vec<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Review {
    full_database_id: Option<String>,
    last_edited_at: Option<DateTime<Utc>>,
    comments: Nodes<Comment>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Comment {
    full_database_id: Option<String>,
    last_edited_at: Option<DateTime<Utc>>,
}

impl Installation {
    /// When the newest reviews of a pull request and their comments were edited.
    pub async fn edits_of_reviews(&self, repository: &RepositoryName, pull: IssueNumber) -> Result<Edits, GitHubError> {
        let variables = json!({ "owner": repository.owner(), "name": repository.name(), "number": pull.0 });
        let found: Option<Found> = self.query(EDITS, variables).await.optional()?;
        let pull = found.and_then(|found| found.repository?.pull_request);
        let mut edits = Edits::default();
        for review in pull.into_iter().flat_map(|pull| pull.reviews.nodes) {
            edits.reviews.extend(numbered(review.full_database_id).map(|id| (ReviewId(id), review.last_edited_at)));
            for comment in review.comments.nodes {
                let id = numbered(comment.full_database_id).map(CommentId);
                edits.comments.extend(id.map(|id| (id, comment.last_edited_at)));
            }
        }
        Ok(edits)
    }
}

fn numbered(id: Option<String>) -> Option<i64> {
    id?.parse().ok()
}
