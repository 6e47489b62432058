//! Threads of a review: only GraphQL knows whether one is resolved, and only it resolves them.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    error::{GitHubError, Optional as _},
    installation::Installation,
    token::Purpose,
};
use crate::{
    ids::{CommentId, IssueNumber, RepositoryId, RepositoryName},
    limits,
};

/// GitHub's name of a thread, which REST does not know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ThreadId(String);

impl fmt::Display for ThreadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a thread stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thread {
    pub id: ThreadId,
    /// Its first comment, by which REST knows it.
    pub first: CommentId,
    pub resolved: bool,
    /// Whether the line was changed since.
    pub outdated: bool,
    /// How many comments it has.
    pub comments: usize,
}

/// `databaseId` is a 32-bit number that newer comments do not fit.
/// <https://docs.github.com/en/graphql/reference/objects#pullrequestreviewcomment>
const THREADS: &str = "query($owner: String!, $name: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      reviewThreads(first: 100, after: $after) {
        pageInfo { hasNextPage endCursor }
        nodes { id isResolved isOutdated comments(first: 1) { totalCount nodes { fullDatabaseId } } }
      }
    }
  }
}";

/// <https://docs.github.com/en/graphql/reference/mutations#resolvereviewthread>
const RESOLVE: &str = "mutation($thread: ID!) {
  resolveReviewThread(input: { threadId: $thread }) { thread { isResolved } }
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
#[serde(rename_all = "camelCase")]
struct PullRequest {
    review_threads: Threads,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Threads {
    page_info: PageInfo,
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    id: ThreadId,
    is_resolved: bool,
    is_outdated: bool,
    comments: Comments,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Comments {
    total_count: usize,
    nodes: Vec<FirstComment>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FirstComment {
    full_database_id: Option<String>,
}

impl Installation {
    /// How every thread of a pull request stands. A thread without comments is left out.
    pub async fn threads(&self, repository: &RepositoryName, pull: IssueNumber) -> Result<Vec<Thread>, GitHubError> {
        let mut threads = Vec::new();
        let mut after = None;
        for _ in 0..limits::GITHUB_PAGES {
            let variables = json!({
                "owner": repository.owner(), "name": repository.name(), "number": pull.0, "after": after,
            });
            let found: Option<Found> = self.query(THREADS, variables).await.optional()?;
            let page = found.and_then(|found| found.repository?.pull_request).map(|pull| pull.review_threads);
            let Some(page) = page else { return Ok(threads) };
            threads.extend(page.nodes.into_iter().filter_map(Node::thread));
            match page.page_info.end_cursor {
                Some(next) if page.page_info.has_next_page => after = Some(next),
                Some(_) | None => return Ok(threads),
            }
        }
        Err(GitHubError::conflict(format!("{repository}#{pull} has more threads than {} pages", limits::GITHUB_PAGES)))
    }

    /// Resolves a thread; resolving twice is resolving, and a thread that is gone is no failure.
    pub async fn resolve_thread(&self, repository: RepositoryId, thread: &ThreadId) -> Result<(), GitHubError> {
        let purpose = Purpose::Resolve(repository);
        let done = self.mutate::<Value>(purpose, RESOLVE, json!({ "thread": thread.0 })).await;
        done.map_err(GitHubError::repeatable).optional().map(drop)
    }
}

impl Node {
    fn thread(self) -> Option<Thread> {
        let comments = self.comments.total_count;
        let first = self.comments.nodes.into_iter().next()?.full_database_id?.parse().ok()?;
        Some(Thread { id: self.id, first, resolved: self.is_resolved, outdated: self.is_outdated, comments })
    }
}
