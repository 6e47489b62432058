//! Shows the run on GitHub as it now is: the sticky comment, and the check run once there is a head to put it on.
//!
//! A report always shows the newest state, so an earlier one that comes late has nothing to do. The comment is found by
//! its stored id or by its signed marker; one that somebody else changed is put right.

use std::time::Duration;

use anyhow::Context as _;
use chrono::{TimeDelta, Utc};

use super::{
    Completed, JobFailure, Lease, RunId, Services, StoredRun, answer, check_run, complete, draft, reply, store,
    store::results::{self, ShownCheck, ShownComment},
};
use crate::{
    github::{Comment, GitHubError, StickyComment, journal::text_digest},
    limits::STICKY_COMMENT_INTERVAL,
    plan::PlanHash,
    report::{self, Marker, MarkerKind, RunView},
    run::{
        state::{Run, State},
        view,
    },
};

/// Least time between two reports of states on the way while few calls to GitHub are left.
const SPARSE_INTERVAL: TimeDelta = TimeDelta::minutes(10);

/// What was said before a run began is not the run's. GitHub's clock is another one, and a day more costs nothing.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::days(1);

pub(super) async fn execute(
    services: &Services,
    lease: &Lease,
    run: RunId,
    revision: i32,
) -> Result<Completed, JobFailure> {
    let stored = store::load(&mut *services.pool.acquire().await?, run).await?;
    if let Some(stored) = stored
        && is_due(services, &stored, revision).await?
        // Shown when it is back.
        && !super::is_out_of_reach(services, stored.installation, stored.repository).await?
    {
        if let Some(wait) = can_wait(services, &stored).await? {
            let error = anyhow::anyhow!("nobody waits for this report, and the last one was made just now");
            return Err(JobFailure::TooEarly { error, after: wait });
        }
        if !store::undo::is_asked(&mut *services.pool.acquire().await?, run).await? {
            match show(services, &stored).await {
                Err(error) if is_uninstalled(&error) => {
                    // It stays unshown, and is shown when wiz is installed again.
                    tracing::warn!(%run, "nothing can be shown without an installation: {error:#}");
                    return complete(services, lease).await;
                }
                Err(error) if is_gone(&error) => tracing::warn!(%run, "nothing can be shown any more: {error:#}"),
                outcome => outcome.map_err(super::retry)?,
            }
        }
        results::save_shown_revision(&mut *services.pool.acquire().await?, run, stored.revision).await?;
    }
    complete(services, lease).await
}

/// Shows the run as it now is once more, whatever was shown before.
pub(super) async fn restore(services: &Services, lease: &Lease, run: RunId) -> Result<Completed, JobFailure> {
    let stored = store::load(&mut *services.pool.acquire().await?, run).await?;
    if let Some(stored) = stored
        && !super::is_out_of_reach(services, stored.installation, stored.repository).await?
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
/// there a person waits for a first sign of life; and until the head says that work is on, it could be merged on the word
/// of the work before.
async fn is_due(services: &Services, stored: &StoredRun, revision: i32) -> anyhow::Result<bool> {
    if stored.revision == revision {
        return Ok(true);
    }
    let output = results::output(&mut *services.pool.acquire().await?, stored.run.id).await?;
    let is_unsaid = !stored.mission.ends_in_words() && is_unsaid_on_head(&stored.run, output.check_run.as_ref());
    Ok(output.status_comment.is_none() || is_unsaid)
}

/// Whether the run is at work on a head that has no check run in progress: none at all, or one that says how earlier work
/// has ended.
fn is_unsaid_on_head(run: &Run, check: Option<&ShownCheck>) -> bool {
    let Some(pull_request) = run.progress.pull_request.as_ref().filter(|_| run.state.is_at_work()) else {
        return false;
    };
    !check.is_some_and(|check| check.head == pull_request.head && check.id.is_some() && !check.settled)
}

/// Whether the head's check run still says how earlier work has ended, while new work is under way: somebody may merge on it.
fn says_the_end_of_before(run: &Run, check: Option<&ShownCheck>) -> bool {
    let Some(pull_request) = run.progress.pull_request.as_ref().filter(|_| run.state.is_at_work()) else {
        return false;
    };
    check.is_some_and(|check| check.head == pull_request.head && check.id.is_some() && check.settled)
}

/// Whether wiz was uninstalled, which its deliveries may tell later.
fn is_uninstalled(error: &anyhow::Error) -> bool {
    error.downcast_ref().is_some_and(GitHubError::is_uninstalled)
}

/// Whether what a report would be written to is gone for good, as a deleted issue is, so that no other try helps.
pub(super) fn is_gone(error: &anyhow::Error) -> bool {
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

/// How long a report of a state on the way may wait: edits keep their distance, although the one before was held up by the
/// pace of writes, and while few calls are left reports thin out before work stops. The first one, and every one that
/// somebody waits for or may rely on, goes out all the same; the next state supersedes the others.
async fn can_wait(services: &Services, stored: &StoredRun) -> anyhow::Result<Option<Duration>> {
    if !stored.run.state.is_at_work() {
        return Ok(None);
    }
    let output = results::output(&mut *services.pool.acquire().await?, stored.run.id).await?;
    let Some(shown_at) = output.shown_at else { return Ok(None) };
    if says_the_end_of_before(&stored.run, output.check_run.as_ref()) {
        return Ok(None);
    }
    let sparse = services.github.installation(stored.installation).low_on_calls_until();
    let sparse = sparse.map(|low_until| low_until.min(shown_at + SPARSE_INTERVAL));
    let apart =
        (!is_unsaid_on_head(&stored.run, output.check_run.as_ref())).then(|| shown_at + STICKY_COMMENT_INTERVAL);
    let wait = sparse.max(apart).map(|until| until - Utc::now());
    Ok(wait.and_then(|wait| wait.to_std().ok()).filter(|wait| !wait.is_zero()))
}

async fn show(services: &Services, stored: &StoredRun) -> anyhow::Result<()> {
    if stored.mission.ends_in_words() {
        // There is no status comment: the words that were asked for are all there is to say.
        return match answer::apology(stored) {
            Some(apology) => reply::say(services, &apology, Some(stored.created_at - CLOCKS_DIFFER)).await,
            None => Ok(()),
        };
    }
    let view = view::of(services, stored).await?;
    tell(services, stored, &view).await?;
    draft::show(services, stored, &view).await.context("cannot show how the draft stands")?;
    match check_run::show(services, stored, &view).await.context("cannot show the check run") {
        Err(error) if matches!(error.downcast_ref(), Some(GitHubError::Forbidden(_))) => {
            // The owner has not granted it; the status comment says so.
            tracing::warn!(run = %stored.run.id, "no check run can be shown: {error:#}");
            Ok(())
        }
        outcome => outcome,
    }
}

/// Shows the status comment, where something can be said.
pub(super) async fn tell(services: &Services, stored: &StoredRun, view: &RunView) -> anyhow::Result<()> {
    match status_comment(services, stored, view).await.context("cannot show the status comment") {
        Err(error) if matches!(error.downcast_ref(), Some(GitHubError::Forbidden(_))) => {
            // A locked conversation takes no words, today or tomorrow. The check run tells all the same.
            tracing::warn!(run = %stored.run.id, "nothing can be said: {error:#}");
            Ok(())
        }
        outcome => outcome,
    }
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
pub(super) fn shown_hash(run: &Run) -> Option<PlanHash> {
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
        since: Some(stored.created_at - CLOCKS_DIFFER),
    };
    let first = results::begin_status_comment(&mut *services.pool.acquire().await?, stored.run.id).await?;
    Ok(if first { github.post_comment(&wanted).await? } else { github.find_or_create_comment(&wanted).await? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ids::CheckRunId,
        run::{
            machine::tests::{new_run, pull_request, sha},
            state::PullRequest,
        },
    };

    #[test]
    fn what_is_at_work_on_a_head_says_so_there_without_delay() {
        let check = |head: char, settled: bool, id: Option<CheckRunId>| {
            Some(ShownCheck { head: sha(head), key: "wiz".to_owned(), settled, id, digest: None })
        };
        let made = Some(CheckRunId(5));
        let mut run = new_run();
        run.state = State::Working;
        assert!(!is_unsaid_on_head(&run, None), "there is no pull request yet");
        run.progress.pull_request = Some(PullRequest { head: sha('a'), ..pull_request() });
        // Whether nothing there is in progress, and whether what is there tells of before.
        let table = [
            (State::Working, check('a', true, made), (true, true)),
            (State::Verifying, check('a', true, made), (true, true)),
            (State::Working, check('a', false, made), (false, false)),
            (State::Working, check('a', false, None), (true, false)),
            (State::Working, check('b', false, made), (true, false)),
            (State::Working, check('b', true, made), (true, false)),
            (State::Working, None, (true, false)),
            (State::Watching, check('a', true, made), (false, false)),
        ];
        for (state, check, wanted) in table {
            run.state = state;
            let said = (is_unsaid_on_head(&run, check.as_ref()), says_the_end_of_before(&run, check.as_ref()));
            assert_eq!(said, wanted, "{state:?} {check:?}");
        }
    }
}
