//! Answers a person once, in their conversation.

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};

use super::{Completed, JobFailure, Lease, Services, complete, store};
use crate::{
    github::{GitHubError, Reaction, StickyComment, ThreadReply, journal::text_digest},
    queue,
    report::{Marker, MarkerKind},
    run::task::Reply,
};

/// How long before a job the same answer may have been given: so long GitHub delivers again what asks for it. What is older
/// is not read, since a conversation may be longer than GitHub lists at once.
/// <https://docs.github.com/en/webhooks/testing-and-troubleshooting-webhooks/redelivering-webhooks>
const AGAIN: TimeDelta = TimeDelta::days(4);

pub(super) async fn execute(services: &Services, lease: &Lease, reply: &Reply) -> Result<Completed, JobFailure> {
    if !super::is_out_of_reach(services, reply.installation, reply.repository).await? {
        let asked_at = queue::created_at(&mut *services.pool.acquire().await?, lease.job()).await?;
        // What nobody's words asked for is said once, whenever that was.
        let since = asked_at.filter(|_| reply.comment.0 > 0).map(|at| at - AGAIN);
        match say(services, reply, since).await {
            Err(error) if matches!(error.downcast_ref(), Some(GitHubError::Forbidden(_))) => {
                // A locked conversation takes no words, today or tomorrow.
                tracing::warn!(issue = %reply.issue, "cannot answer: {error:#}");
            }
            outcome => outcome.map_err(super::retry)?,
        }
    }
    complete(services, lease).await
}

/// Says it unless it was said, at this moment or later.
pub(super) async fn say(services: &Services, reply: &Reply, since: Option<DateTime<Utc>>) -> anyhow::Result<()> {
    let name = store::repository_name(&mut *services.pool.acquire().await?, reply.repository).await?;
    let github = services.github.installation(reply.installation);
    if let Some(on) = reply.thumbs_down {
        github.react(&name, on, Reaction::ThumbsDown).await.context("cannot react")?;
    }
    let key = services.settings.marker_key.bytes();
    let marker = Marker { run: None, kind: MarkerKind::Reply(reply.comment) };
    let body = marker.append_to(&reply.body, key);
    // A text that is edited is answered again, unless the answer is the same.
    let is_it = |text: &str| Marker::find(text, key) == Some(marker) && text_digest(text) == text_digest(&body);
    if let Some(thread) = reply.thread {
        let wanted = ThreadReply { thread, body: &body, is_it: &is_it };
        github.find_or_create_replies(&name, reply.issue, &[wanted]).await.context("cannot answer in a thread")?;
        return Ok(());
    }
    let wanted = StickyComment { repository: &name, issue: reply.issue, body: &body, is_it: &is_it, since };
    github.find_or_create_comment(&wanted).await.context("cannot post an answer")?;
    Ok(())
}
