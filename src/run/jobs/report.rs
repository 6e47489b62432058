//! Shows the run on GitHub as it now is: the sticky comment, and the check run once there is a head to put it on.
//!
//! A report always shows the newest state, so an earlier one that comes late has nothing to do. The comment is found by
//! its stored id or by its signed marker; one that somebody else changed is put right.

use std::time::Duration;

use anyhow::Context as _;
use chrono::{TimeDelta, Utc};

use super::{
    Completed, JobFailure, Lease, RunId, Services, StoredRun, answer, complete, reply, store,
    store::results::{self, ShownCheck, ShownComment},
};
use crate::{
    github::{self, CheckState, Comment, GitHubError, StickyComment, journal::text_digest},
    ids::CommitSha,
    plan::PlanHash,
    report::{self, CheckOutput, CheckStatus, Marker, MarkerKind, RunView},
    run::{
        project::CHECK_RUN_PREFIX,
        state::{Run, State},
        view,
    },
};

/// The check run's name on GitHub.
const CHECK_NAME: &str = "wiz";

/// Least time between two reports of states on the way while few calls to GitHub are left.
const SPARSE_INTERVAL: TimeDelta = TimeDelta::minutes(10);

pub(super) async fn execute(
    services: &Services,
    lease: &Lease,
    run: RunId,
    revision: i32,
) -> Result<Completed, JobFailure> {
    let stored = store::load(&mut *services.pool.acquire().await?, run).await?;
    if let Some(stored) = stored
        && is_due(services, &stored, revision).await?
        && !super::is_suspended(services, stored.installation).await?
        // Shown by repair, should the repository come back.
        && !store::reach::is_removed(&mut *services.pool.acquire().await?, stored.repository).await?
    {
        if let Some(wait) = can_wait(services, &stored).await? {
            let error = anyhow::anyhow!("few calls to GitHub are left this hour, and nobody waits for this report");
            return Err(JobFailure::TooEarly { error, after: wait });
        }
        if !store::undo::is_asked(&mut *services.pool.acquire().await?, run).await? {
            match show(services, &stored).await {
                Err(error) if is_gone(&error) => tracing::warn!(%run, "nothing can be shown any more: {error:#}"),
                outcome => outcome.map_err(super::retry)?,
            }
        }
        results::save_shown_revision(&mut *services.pool.acquire().await?, run, revision).await?;
    }
    complete(services, lease).await
}

/// Shows the run as it now is once more, whatever was shown before.
pub(super) async fn restore(services: &Services, lease: &Lease, run: RunId) -> Result<Completed, JobFailure> {
    let stored = store::load(&mut *services.pool.acquire().await?, run).await?;
    if let Some(stored) = stored
        && !super::is_suspended(services, stored.installation).await?
        && !store::reach::is_removed(&mut *services.pool.acquire().await?, stored.repository).await?
        && !store::undo::is_asked(&mut *services.pool.acquire().await?, run).await?
    {
        match show(services, &stored).await {
            Err(error) if is_gone(&error) => tracing::warn!(%run, "nothing can be put back any more: {error:#}"),
            outcome => outcome.map_err(super::retry)?,
        }
    }
    complete(services, lease).await
}

/// A later revision has a report of its own. But that one may wait for its state to last, and until the status comment is
/// there a person waits for a first sign of life.
async fn is_due(services: &Services, stored: &StoredRun, revision: i32) -> anyhow::Result<bool> {
    if stored.revision == revision {
        return Ok(true);
    }
    let output = results::output(&mut *services.pool.acquire().await?, stored.run.id).await?;
    Ok(output.status_comment.is_none())
}

/// Whether what a report would be written to is gone for good, as a deleted issue is, so that no other try helps.
fn is_gone(error: &anyhow::Error) -> bool {
    match error.downcast_ref::<GitHubError>() {
        Some(GitHubError::Gone(_) | GitHubError::NotFound(_)) => true,
        Some(
            GitHubError::RateLimited { .. }
            | GitHubError::Transient(_)
            | GitHubError::Ambiguous(_)
            | GitHubError::Forbidden(_)
            | GitHubError::Conflict(_)
            | GitHubError::Invalid(_)
            | GitHubError::Unauthorized(_),
        )
        | None => false,
    }
}

/// How long a report may wait while few calls are left: reports thin out before work stops. The first one, and every one
/// that somebody waits for, goes out all the same; the next state supersedes the others.
async fn can_wait(services: &Services, stored: &StoredRun) -> anyhow::Result<Option<Duration>> {
    let low_until = services.github.installation(stored.installation).low_on_calls_until();
    let Some(low_until) = low_until.filter(|_| stored.run.state.is_at_work()) else { return Ok(None) };
    let output = results::output(&mut *services.pool.acquire().await?, stored.run.id).await?;
    let Some(shown_at) = output.shown_at else { return Ok(None) };
    let wait = low_until.min(shown_at + SPARSE_INTERVAL) - Utc::now();
    Ok(wait.to_std().ok().filter(|wait| !wait.is_zero()))
}

async fn show(services: &Services, stored: &StoredRun) -> anyhow::Result<()> {
    if stored.mission.ends_in_words() {
        // There is no status comment: the words that were asked for are all there is to say.
        return match answer::apology(stored) {
            Some(apology) => reply::say(services, &apology).await,
            None => Ok(()),
        };
    }
    let view = view::of(services, stored).await?;
    match status_comment(services, stored, &view).await.context("cannot show the status comment") {
        Err(error) if matches!(error.downcast_ref(), Some(GitHubError::Forbidden(_))) => {
            // A locked conversation takes no words, today or tomorrow. The check run tells all the same.
            tracing::warn!(run = %stored.run.id, "nothing can be said: {error:#}");
        }
        outcome => outcome?,
    }
    check_run(services, stored, &view).await.context("cannot show the check run")
}

async fn status_comment(services: &Services, stored: &StoredRun, view: &RunView) -> anyhow::Result<()> {
    let github = services.github.installation(stored.installation);
    let marker = marker(stored);
    let body = status_text(services, stored, view);
    let digest = text_digest(&body);
    let known = results::output(&mut *services.pool.acquire().await?, stored.run.id).await?;
    let differs = known.status_comment_digest.as_ref() != Some(&digest);
    let edited = match known.status_comment {
        Some(id) if differs => github.set_comment(&stored.repository_name, id, &body).await?,
        // As far as wiz knows it says this already; somebody may have changed it.
        Some(id) => github.edit_comment(&stored.repository_name, id, &body).await?,
        None => None,
    };
    let (written, is_new) = match edited {
        Some(comment) => (comment, false),
        None => (make_status_comment(services, stored, (marker, &body)).await?, true),
    };
    let shown = ShownComment { id: written.id, written: is_new || differs, digest, plan: shown_hash(&stored.run) };
    results::save_status_comment(&mut *services.pool.acquire().await?, stored.run.id, &shown).await
}

/// The status comment as wiz writes it.
pub(super) fn status_text(services: &Services, stored: &StoredRun, view: &RunView) -> String {
    marker(stored).append_to(&report::status_comment(view), services.settings.marker_key.bytes())
}

fn marker(stored: &StoredRun) -> Marker {
    Marker { run: Some(stored.run.id), kind: MarkerKind::Status }
}

/// What an approval would be for: the plan, or the files beyond it.
fn shown_hash(run: &Run) -> Option<PlanHash> {
    let hash = run.progress.plan.as_ref()?.hash(run.budget);
    match run.state {
        State::NeedsApproval => Some(hash),
        State::NeedsScope => Some(hash.widened(&run.progress.asked_beyond())),
        State::Queued
        | State::Planning
        | State::NeedsAnswer
        | State::Paused
        | State::Working
        | State::Verifying
        | State::Reviewing
        | State::Publishing
        | State::Watching
        | State::Succeeded
        | State::Failed
        | State::Cancelled => None,
    }
}

/// Makes the comment, or finds the one that an earlier try has made.
async fn make_status_comment(
    services: &Services,
    stored: &StoredRun,
    (marker, body): (Marker, &str),
) -> anyhow::Result<Comment> {
    let github = services.github.installation(stored.installation);
    let key = services.settings.marker_key.bytes();
    let wanted = StickyComment {
        repository: &stored.repository_name,
        issue: stored.issue,
        body,
        is_it: &|text| Marker::find(text, key) == Some(marker),
        since: None,
    };
    let first = results::begin_status_comment(&mut *services.pool.acquire().await?, stored.run.id).await?;
    Ok(if first { github.post_comment(&wanted).await? } else { github.find_or_create_comment(&wanted).await? })
}

/// Shows the check run on the head that the run is about. One that was shown before, on another head or for an earlier
/// follow-up, stays as it ended; if it had not ended, it ends now.
async fn check_run(services: &Services, stored: &StoredRun, view: &RunView) -> anyhow::Result<()> {
    let Some(pull_request) = &stored.run.progress.pull_request else { return Ok(()) };
    let repository = &stored.repository_name;
    let github = services.github.installation(stored.installation);
    let output = report::check_output(view);
    let settled = matches!(output.status, CheckStatus::Completed(_));
    // Only wiz can change its check runs, so what it wrote last is what stands there.
    let digest = text_digest(&format!("{output:?}"));
    let wanted = wanted_check(stored, &pull_request.head, output);
    let (head, key) = (wanted.head_sha.clone(), wanted.external_id.clone());
    let before = results::output(&mut *services.pool.acquire().await?, stored.run.id).await?.check_run;
    let is_same = |before: &ShownCheck| (&before.head, &before.key) == (&head, &key);
    let (same, other) = match before {
        Some(before) if is_same(&before) => (Some(before), None),
        before => (None, before.filter(|before| !before.settled)),
    };
    if same.as_ref().is_some_and(|same| same.digest.as_ref() == Some(&digest)) {
        return Ok(());
    }
    if let Some(before) = other {
        let (title, summary) = report::superseded_check(&head);
        let ended = github::CheckRun {
            external_id: before.key,
            head_sha: before.head,
            state: CheckState::Completed { conclusion: github::Conclusion::Neutral, at: stored.updated_at },
            output: github::CheckRunOutput { title, summary, text: None },
            annotations: vec![],
            actions: vec![],
            ..wanted.clone()
        };
        github.update_check_if_made(repository, &ended).await?;
    }
    let id = same.as_ref().and_then(|same| same.id);
    let mut shown = ShownCheck { head, key, settled: false, id, digest: None };
    results::save_check_run(&mut *services.pool.acquire().await?, stored.run.id, &shown).await?;
    let made = match (same, id) {
        (Some(_), Some(id)) => github.update_check(repository, id, &wanted).await.map(|()| id)?,
        // It was about to be made once, so it may be there.
        (Some(_), None) => github.find_or_create_check(repository, &wanted).await?,
        (None, _) => github.create_check(repository, &wanted).await?,
    };
    (shown.settled, shown.id, shown.digest) = (settled, Some(made), Some(digest));
    results::save_check_run(&mut *services.pool.acquire().await?, stored.run.id, &shown).await
}

/// The check run's own name: a new one for each follow-up, since GitHub has no second life for one that has ended.
fn check_key(stored: &StoredRun) -> String {
    match stored.run.progress.follow_ups {
        0 => format!("{CHECK_RUN_PREFIX}{}", stored.run.id),
        number => format!("{CHECK_RUN_PREFIX}{}.{number}", stored.run.id),
    }
}

/// What `report` wants shown, in the words of `github`.
fn wanted_check(stored: &StoredRun, head: &CommitSha, output: CheckOutput) -> github::CheckRun {
    let CheckOutput { status, title, summary, text, annotations, actions } = output;
    github::CheckRun {
        name: CHECK_NAME.to_owned(),
        external_id: check_key(stored),
        head_sha: head.clone(),
        details_url: None,
        state: match status {
            CheckStatus::Queued => CheckState::Queued,
            CheckStatus::InProgress => CheckState::InProgress { started_at: stored.created_at },
            CheckStatus::Completed(conclusion) => {
                CheckState::Completed { conclusion: shown_conclusion(conclusion), at: stored.updated_at }
            }
        },
        output: github::CheckRunOutput { title, summary, text },
        annotations: annotations.into_iter().flatten().map(shown_annotation).collect(),
        actions: actions
            .into_iter()
            .map(|action| github::CheckAction {
                label: action.label.to_owned(),
                description: action.description.to_owned(),
                identifier: action.identifier,
            })
            .collect(),
    }
}

fn shown_conclusion(conclusion: report::Conclusion) -> github::Conclusion {
    match conclusion {
        report::Conclusion::ActionRequired => github::Conclusion::ActionRequired,
        report::Conclusion::Success => github::Conclusion::Success,
        report::Conclusion::Neutral => github::Conclusion::Neutral,
        report::Conclusion::Failure => github::Conclusion::Failure,
        report::Conclusion::Cancelled => github::Conclusion::Cancelled,
    }
}

fn shown_annotation(annotation: report::Annotation) -> github::Annotation {
    github::Annotation {
        path: annotation.path,
        start_line: annotation.line,
        end_line: annotation.line,
        level: match annotation.level {
            report::AnnotationLevel::Notice => github::AnnotationLevel::Notice,
            report::AnnotationLevel::Warning => github::AnnotationLevel::Warning,
            report::AnnotationLevel::Failure => github::AnnotationLevel::Failure,
        },
        title: annotation.title,
        message: annotation.message,
    }
}
