//! Open runs, compared with what GitHub shows: for deliveries that were lost altogether.

use std::time::Duration;

use anyhow::{Context as _, Result};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::{delivery, failures, reviews};
use crate::{
    event::Place,
    github::{Comment, GitHubError, Installation, Issue, OpenState, PullRequest},
    ids::{CommentId, CommitSha, IssueNumber, RunId},
    intake,
    run::{
        services::Services,
        signal::{Gone, PullRequestChange, Signal},
        state::State,
        store::{
            self, Signalled, StoredRun,
            heard::{self, Source},
            repair::{self, Due},
        },
    },
};

/// How often an open run is read again: six calls at most where nothing was said, half of them answered with "not changed".
const REREAD_INTERVAL: Duration = Duration::from_secs(5 * 60);

/// Most runs read again in one round.
const RUNS_PER_ROUND: i64 = 20;

/// Words so young may still be on their way.
pub(super) const GRACE: TimeDelta = TimeDelta::minutes(2);

/// GitHub's clock and the database's need not agree, and words within [`GRACE`] were left for next time.
const OVERLAP: TimeDelta = TimeDelta::minutes(10);

/// Through which installation a run is read again, and the run.
pub(super) type Whereabouts<'a> = (&'a Installation, &'a StoredRun);

/// Reads the runs that are due. Answers how much was found that nobody had told.
pub(super) async fn reread(services: &Services) -> Result<usize> {
    let due = repair::take_due(&mut *services.pool.acquire().await?, REREAD_INTERVAL, RUNS_PER_ROUND).await?;
    let mut found = 0;
    let mut due = due.into_iter();
    for one in due.by_ref() {
        match reread_one(services, one).await {
            Ok(count) => found += count,
            Err(error) => {
                repair::give_back(&mut *services.pool.acquire().await?, one).await?;
                let limited = matches!(error.downcast_ref::<GitHubError>(), Some(GitHubError::RateLimited { .. }));
                tracing::warn!(run = %one.run, "cannot read a run again: {error:#}");
                if limited {
                    break;
                }
            }
        }
    }
    for left in due {
        repair::give_back(&mut *services.pool.acquire().await?, left).await?;
    }
    Ok(found)
}

async fn reread_one(services: &Services, due: Due) -> Result<usize> {
    let stored = store::load(&mut *services.pool.acquire().await?, due.run).await?;
    let Some(stored) = stored.filter(|stored| !stored.run.state.is_terminal()) else { return Ok(0) };
    let github = services.github.installation(stored.installation);
    let pull = match &stored.run.progress.pull_request {
        Some(pull_request) => github.pull(&stored.repository_name, pull_request.number).await?,
        None => None,
    };
    if let Some(signal) = what_happened(&github, &stored, pull.as_ref()).await? {
        return Ok(usize::from(tell(services, due.run, signal).await?));
    }
    let since = due.before.map_or(stored.created_at, |before| before - OVERLAP).max(stored.created_at);
    let mut found = words(services, (&github, &stored), stored.issue, since).await?;
    if let Some(pull) = pull {
        if pull.number != stored.issue {
            found += words(services, (&github, &stored), pull.number, since).await?;
        }
        found += reviews::tell(services, (&github, &stored), &pull, since).await?;
        found += usize::from(failures::tell(services, (&github, &stored), &pull).await?);
    }
    Ok(found)
}

async fn tell(services: &Services, run: RunId, signal: Signal) -> Result<bool> {
    let mut transaction = services.pool.begin().await?;
    let signalled = store::signal(&mut transaction, run, signal.clone()).await?;
    transaction.commit().await?;
    tracing::info!(%run, ?signal, ?signalled, "read again what had not been told");
    Ok(matches!(signalled, Signalled::Applied { .. }))
}

/// Somebody else's commit on a pull request that the run opened and watches.
fn moved(stored: &StoredRun, head: &CommitSha) -> Option<Signal> {
    let watched = stored.run.progress.pull_request.as_ref()?;
    let is_news = stored.run.state == State::Watching && stored.has_opened(watched.number) && watched.head != *head;
    is_news.then(|| Signal::HeadMoved { head: head.clone() })
}

/// What became of the run's pull request, or of its issue while there is none.
async fn what_happened(
    github: &Installation,
    stored: &StoredRun,
    pull: Option<&PullRequest>,
) -> Result<Option<Signal>> {
    let name = &stored.repository_name;
    let found = match &stored.run.progress.pull_request {
        Some(_) => match pull {
            Some(pull) if pull.merged_at.is_some() => Some(PullRequestChange::Merged),
            Some(pull) if pull.state == OpenState::Closed => Some(PullRequestChange::Closed),
            Some(pull) => return Ok(moved(stored, &pull.head.sha)),
            None => None,
        }
        .map(Signal::PullRequest),
        None => match github.issue(name, stored.issue).await? {
            Some(_) => return Ok(None),
            None => None,
        },
    };
    if found.is_some() {
        return Ok(found);
    }
    // It is gone by itself, or with everything around it.
    let gone = if github.repository(name).await?.is_some() { Gone::Issue } else { Gone::Repository };
    Ok(Some(Signal::Gone(gone)))
}

/// Hears commands whose deliveries never came. They go the way of any other: stored, read, answered.
async fn words(
    services: &Services,
    (github, stored): Whereabouts<'_>,
    number: IssueNumber,
    since: DateTime<Utc>,
) -> Result<usize> {
    let comments = github.comments_since(&stored.repository_name, number, Some(since)).await?;
    let now = Utc::now();
    let commands: Vec<Comment> = comments.into_iter().filter(|comment| may_command(comment, stored, now)).collect();
    let ids: Vec<CommentId> = commands.iter().map(|comment| comment.id).collect();
    let unheard = heard::unheard(&mut *services.pool.acquire().await?, Source::Text(Place::IssueComment), &ids).await?;
    if unheard.is_empty() {
        return Ok(0);
    }
    let issue = github.issue(&stored.repository_name, number).await?.context("the conversation is gone")?;
    let mut found = 0;
    for comment in commands.iter().filter(|comment| unheard.contains(&comment.id)) {
        let Some(payload) = payload(stored, &issue, comment) else { continue };
        let id = delivery::id_of(&format!("a comment that was never delivered: {}", comment.id));
        let stored = intake::store_found(&services.pool, id, "issue_comment", payload).await?;
        if matches!(stored, intake::store::Stored::New(_)) {
            tracing::info!(comment = %comment.id, "a command was never delivered");
            found += 1;
        }
    }
    Ok(found)
}

fn may_command(comment: &Comment, stored: &StoredRun, now: DateTime<Utc>) -> bool {
    comment.user.as_ref().is_some_and(|author| author.kind == "User")
        && comment.body.contains("/wiz")
        && comment.created_at > stored.created_at
        && comment.created_at < now - GRACE
        // What an edited text once said is not known, so what is new in it is not either.
        && comment.updated_at == comment.created_at
}

/// <https://docs.github.com/en/webhooks/webhook-events-and-payloads#issue_comment>
fn payload(stored: &StoredRun, issue: &Issue, comment: &Comment) -> Option<Vec<u8>> {
    let author = delivery::account(comment.user.as_ref()?);
    let mut payload = delivery::payload(stored, "created");
    payload["sender"] = author.clone();
    payload["issue"] = json!({
        "id": issue.number, "number": issue.number, "title": issue.title, "body": issue.body,
        "state": delivery::state(issue.state), "locked": issue.locked,
    });
    if issue.pull_request {
        payload["issue"]["pull_request"] = json!({});
    }
    payload["comment"] =
        json!({ "id": comment.id, "body": comment.body, "html_url": comment.html_url, "user": author });
    serde_json::to_vec(&payload).ok()
}
