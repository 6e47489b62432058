//! What a follow-up does otherwise than the first work: it begins on the pull request's head of that moment, and it is
//! published as one more commit on the same branch.
//!
//! GitHub moves a branch only forward, from the head that the work started from, so a commit that somebody made meanwhile
//! is never lost. A commit that wiz made and could not record any more is found by its parent and its tree.

use anyhow::Context as _;

use super::{
    Done, RunId, Services, Signal, StageFailure, StageResult, StoredRun, offer, publish::secret_in, store,
    store::results,
};
use crate::{
    error::UserMessage,
    github::{self, BranchStands, GitHubError, NewCommit, OpenState},
    ids::CommitSha,
    patch::Patch,
    plan::{Criterion, Plan, Proof},
    report,
    run::{
        briefing::Briefing,
        project::Project,
        signal::PullRequestChange,
        state::{CurrentPlan, PullRequest},
        view,
    },
};

/// Where a follow-up stands when its work is claimed.
pub(super) enum Beginning {
    /// It has begun, now or before; the run as it is now.
    Begun(Box<StoredRun>),
    /// There is nothing to work on.
    Over(StageResult),
}

/// Looks at the pull request and records its head, once: every later stage works from that commit.
pub(super) async fn begin(services: &Services, stored: &StoredRun) -> Result<Beginning, StageFailure> {
    let progress = &stored.run.progress;
    let (Some(follow_up), Some(pull_request)) = (&progress.follow_up, &progress.pull_request) else {
        return Ok(Beginning::Begun(Box::new(stored.clone())));
    };
    if follow_up.head.is_some() {
        return Ok(Beginning::Begun(Box::new(stored.clone())));
    }
    let github = services.github.installation(stored.installation);
    let found = github.pull(&stored.repository_name, pull_request.number).await?;
    let pull = match still_open(found) {
        Ok(pull) => pull,
        Err(over) => return Ok(Beginning::Over(*over)),
    };
    let plan = match &progress.plan {
        Some(_) => None,
        None => Some(Box::new(plan_for(services, stored, &pull).await?)),
    };
    let (run, seq) = (stored.run.id, stored.run.seq);
    let signal = Signal::Stage { seq, result: StageResult::FollowUpBegun { head: pull.head.sha, plan } };
    let mut transaction = services.pool.begin().await?;
    store::signal(&mut transaction, run, signal).await?;
    transaction.commit().await?;
    services.doorbell.ring();
    reload(services, run, seq).await
}

/// The run after its beginning; what failed on another commit than the head is not worked on.
async fn reload(services: &Services, run: RunId, seq: i32) -> Result<Beginning, StageFailure> {
    let stored = store::load(&mut *services.pool.acquire().await?, run).await?;
    match stored {
        Some(stored) if stored.run.seq == seq => Ok(Beginning::Begun(Box::new(stored))),
        Some(_) | None => Err(StageFailure::Left),
    }
}

/// The pull request, if wiz may still commit to it.
pub(super) fn still_open(found: Option<github::PullRequest>) -> Result<github::PullRequest, Box<StageResult>> {
    let ended = |change| Err(Box::new(StageResult::PullRequestEnded(change)));
    let Some(pull) = found else { return ended(PullRequestChange::Closed) };
    match pull.state {
        OpenState::Closed if pull.merged_at.is_some() => ended(PullRequestChange::Merged),
        OpenState::Closed => ended(PullRequestChange::Closed),
        OpenState::Open => Ok(pull),
    }
}

/// The plan for a pull request that this run did not plan: the repository's own checks are what must hold. Rules come
/// from the default branch as it is now.
async fn plan_for(
    services: &Services,
    stored: &StoredRun,
    pull: &github::PullRequest,
) -> Result<CurrentPlan, StageFailure> {
    let github = services.github.installation(stored.installation);
    let (_, base) =
        github.default_head(&stored.repository_name).await?.context("the repository has no default branch")?;
    let briefing = Briefing::read(services, stored).await?;
    results::save_briefing(&mut *services.pool.acquire().await?, stored.run.id, &briefing).await?;
    let project = Project::at(services, stored, &base).await?;
    let criterion = |name: &str, command: &str| Criterion {
        name: name.to_owned(),
        command: command.to_owned(),
        proof: Proof::Passes,
    };
    let plan = Plan {
        summary: format!("Follow-ups on: {}", pull.title),
        steps: vec![],
        definition_of_done: project.checks.iter().map(|check| criterion(&check.name, &check.run)).collect(),
        risks: vec![],
        files: vec![],
    };
    Ok(CurrentPlan {
        version: 1,
        plan,
        base,
        approved: true,
        widened: vec![],
        left_out: vec![],
        edits: vec![],
        gate: None,
    })
}

/// Commits the follow-up's patch on top of the head that it started from; on a fork it is offered.
pub(super) async fn publish(
    services: &Services,
    stored: &StoredRun,
    (project, patch): (&Project, &Patch),
    summary: &str,
) -> Result<Done, StageFailure> {
    let progress = &stored.run.progress;
    let pull_request = progress.pull_request.as_ref().context("a follow-up without a pull request")?;
    let parent = progress.start().context("the follow-up has not begun")?;
    let github = services.github.installation(stored.installation);
    let pull = match still_open(github.pull(&stored.repository_name, pull_request.number).await?) {
        Ok(pull) => pull,
        Err(over) => return Ok(Done::from(*over)),
    };
    // Its branch may have the name of one of this repository's, so both must say that it is none of a fork's.
    if pull_request.fork || pull.is_from_fork() {
        if pull.head.sha != *parent {
            return Ok(StageResult::BranchMoved { head: pull.head.sha }.into());
        }
        return offer::offer(services, stored, (project, patch), summary).await;
    }
    let message = report::follow_up_message(&view::of(services, stored).await?, summary);
    if let Some(kind) = secret_in(services, &[&message]) {
        let message = UserMessage::new(report::secret_in_text(kind));
        return Ok(StageResult::Failed { message }.into());
    }
    let commit = NewCommit {
        repository: &stored.repository_name,
        repository_id: stored.repository,
        branch: &pull_request.branch,
        stands: BranchStands::AtParent,
        parent,
        listing: &project.listing,
        message: &message,
        patch,
    };
    match github.commit(&commit).await {
        Ok(committed) => Ok(StageResult::Published(PullRequest { head: committed.sha, ..pull_request.clone() }).into()),
        Err(error @ GitHubError::Conflict(_)) => {
            let now = github.branch(&stored.repository_name, &pull_request.branch).await?;
            moved(parent, now).map(Done::from).ok_or_else(|| error.into())
        }
        Err(error) => Err(error.into()),
    }
}

/// What a commit that did not fit means: the branch is elsewhere or, with it, the pull request is gone.
fn moved(parent: &CommitSha, now: Option<CommitSha>) -> Option<StageResult> {
    match now {
        None => Some(StageResult::PullRequestEnded(PullRequestChange::Closed)),
        Some(head) if head != *parent => Some(StageResult::BranchMoved { head }),
        Some(_) => None,
    }
}
