//! Posts a review once: found by its marker, or made.

use anyhow::Context as _;

use super::{Completed, JobFailure, Lease, Services, complete, store};
use crate::{
    github::{GitHubError, NewLineComment, NewReview},
    report::{Marker, MarkerKind},
    run::task::PostReview,
};

pub(super) async fn execute(services: &Services, lease: &Lease, post: &PostReview) -> Result<Completed, JobFailure> {
    if !super::is_out_of_reach(services, post.installation, post.repository).await? {
        match say(services, post).await {
            Err(error) if matches!(error.downcast_ref(), Some(GitHubError::Forbidden(_))) => {
                // A locked conversation takes no words, today or tomorrow.
                tracing::warn!(pull = %post.pull, "cannot post a review: {error:#}");
            }
            outcome => outcome.map_err(super::retry)?,
        }
    }
    complete(services, lease).await
}

async fn say(services: &Services, post: &PostReview) -> anyhow::Result<()> {
    let name = store::repository_name(&mut *services.pool.acquire().await?, post.repository).await?;
    let github = services.github.installation(post.installation);
    let key = services.settings.marker_key.bytes();
    let marker = Marker { run: Some(post.run), kind: MarkerKind::Review(post.part) };
    let is_it = |text: &str| Marker::find(text, key) == Some(marker);
    let comments: Vec<NewLineComment<'_>> = post
        .comments
        .iter()
        .map(|comment| NewLineComment {
            path: &comment.path,
            first: comment.first,
            last: comment.last,
            body: &comment.body,
        })
        .collect();
    let body = marker.append_to(&post.body, key);
    let (repository, pull, commit) = (&name, post.pull, &post.commit);
    let wanted = NewReview { repository, pull, commit, body: &body, comments: &comments, is_it: &is_it };
    match github.find_or_create_review(&wanted).await {
        // The head moved, and the lines with it: what was found is said all the same.
        Err(GitHubError::Invalid(detail)) if !comments.is_empty() => {
            tracing::info!(%detail, "the lines of a review are not in the diff any more");
            let body = marker.append_to(&post.body_alone, key);
            let alone = NewReview { body: &body, comments: &[], ..wanted };
            github.find_or_create_review(&alone).await.context("cannot post a review without its lines")
        }
        outcome => outcome.context("cannot post a review"),
    }
}
