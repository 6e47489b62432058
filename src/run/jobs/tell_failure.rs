//! Tells those who wait for a follow-up that it has failed, where they wait: in each thread of the review, once. Who asked
//! in the conversation is told there, unless the run's status comment stands in the same conversation.

use anyhow::Context as _;

use super::{Completed, JobFailure, Lease, RunId, Services, StoredRun, complete, store, store::reviews};
use crate::{
    github::{GitHubError, Installation, ReviewComment, StickyComment, ThreadReply},
    ids::{CommentId, IssueNumber, ReviewId},
    report::{self, Marker, MarkerKind},
    run::{
        follow_up::{FollowUpCause, Waits},
        state::State,
    },
};

pub(super) async fn execute(
    services: &Services,
    lease: &Lease,
    run: RunId,
    waits: Waits,
) -> Result<Completed, JobFailure> {
    let stored = store::load(&mut *services.pool.acquire().await?, run).await?;
    if let Some(stored) = stored.filter(|stored| stored.run.state == State::Failed)
        && !super::is_out_of_reach(services, stored.installation, stored.repository).await?
    {
        match tell(services, &stored, waits).await {
            Err(error) if is_final(&error) => tracing::warn!(%run, "cannot tell of the failure: {error:#}"),
            outcome => outcome.map_err(super::retry)?,
        }
    }
    complete(services, lease).await
}

/// A locked conversation takes no words, and a deleted one has no place for them.
fn is_final(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(GitHubError::Forbidden(_) | GitHubError::NotFound(_) | GitHubError::Gone(_)))
}

async fn tell(services: &Services, stored: &StoredRun, waits: Waits) -> anyhow::Result<()> {
    let progress = &stored.run.progress;
    let (Some(failure), Some(pull_request)) = (&progress.failure, &progress.pull_request) else { return Ok(()) };
    let was_worked = progress.follow_up.as_ref().is_some_and(|follow_up| follow_up.cause.waits() == Some(waits));
    let text = if was_worked {
        let elsewhere = (stored.issue != pull_request.number).then_some(stored.issue);
        report::follow_up_failed(&failure.message, elsewhere)
    } else if progress.waiting.iter().any(|cause: &FollowUpCause| cause.waits() == Some(waits)) {
        report::follow_up_held_up()
    } else {
        // A later follow-up took its place.
        return Ok(());
    };
    let key = services.settings.marker_key.bytes();
    let marker = Marker { run: Some(stored.run.id), kind: MarkerKind::Failure(waits.comment()) };
    let body = marker.append_to(&text, key);
    let is_it = |text: &str| Marker::find(text, key) == Some(marker);
    let github = services.github.installation(stored.installation);
    let (name, pull) = (&stored.repository_name, pull_request.number);
    let threads = match waits {
        Waits::Review(review) => threads_of(services, &github, stored, (pull, review)).await?,
        Waits::Comment(_) => vec![],
    };
    if !threads.is_empty() {
        let wanted: Vec<ThreadReply<'_>> =
            threads.into_iter().map(|thread| ThreadReply { thread, body: &body, is_it: &is_it }).collect();
        return github.find_or_create_replies(name, pull, &wanted).await.context("cannot answer in the threads");
    }
    if stored.issue == pull {
        return Ok(());
    }
    let wanted = StickyComment { repository: name, issue: pull, body: &body, is_it: &is_it, since: None };
    github.find_or_create_comment(&wanted).await.context("cannot answer in the conversation").map(drop)
}

/// The threads in which the review spoke: those that were shown to the coder, or as they are now.
async fn threads_of(
    services: &Services,
    github: &Installation,
    stored: &StoredRun,
    (pull, review): (IssueNumber, ReviewId),
) -> anyhow::Result<Vec<CommentId>> {
    let worked = reviews::worked(&mut *services.pool.acquire().await?, stored.run.id, review).await?;
    let shown: Vec<CommentId> =
        worked.into_iter().flat_map(|worked| worked.threads).filter_map(|shown| shown.first).collect();
    if !shown.is_empty() {
        return Ok(shown);
    }
    let comments = github.comments_of_review(&stored.repository_name, pull, review).await?;
    let mut threads: Vec<CommentId> = comments.iter().map(ReviewComment::thread).collect();
    threads.sort();
    threads.dedup();
    Ok(threads)
}
