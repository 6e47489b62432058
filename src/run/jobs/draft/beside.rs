//! The draft of a follow-up whose money was used up: into the branch of the pull request that it is about, which itself
//! holds only what was proven. It shows what there was, and is closed when the follow-up is over.

use anyhow::Context as _;

use super::{
    super::report::is_gone, Advanced, BranchStands, Completed, Drafted, GitHubError, JobFailure, Lease, NewCommit,
    NewPullRequest, OpenState, Patch, Project, RunId, Services, StageFailure, StoredRun, UserMessage, advance, branch,
    complete, objections, report, results, secret_in, store, view, workspace,
};
use crate::run::state::{FollowUp, FollowUpDraft, PullRequest};

/// Publishes what the follow-up has done so far.
pub(super) async fn draft(
    services: &Services,
    stored: &StoredRun,
    (follow_up, pull_request): (&FollowUp, &PullRequest),
) -> Result<Drafted, StageFailure> {
    let progress = &stored.run.progress;
    if follow_up.head.is_none() || pull_request.fork {
        return Ok(Drafted::Nothing);
    }
    let version = workspace::current_version(progress)?;
    let steps = results::steps(&mut *services.pool.acquire().await?, stored.run.id, version).await?;
    let project = Project::under_way(services, stored).await?;
    let patch = workspace::whole_patch(progress, &steps)?.against(&project.base);
    if patch.is_empty() {
        return Ok(Drafted::Nothing);
    }
    if let Some(why) = objections(services, stored, (&project, &patch)).await? {
        return Ok(Drafted::Withheld { why: UserMessage::new(why) });
    }
    let known = progress.follow_up_draft.as_ref().filter(|draft| draft.follow_up == follow_up.number);
    let message = report::unfinished_follow_up_message(&view::of(services, stored).await?);
    if let Some(kind) = secret_in(services, &[&message]) {
        return Ok(Drafted::Withheld { why: UserMessage::new(report::secret_in_text(kind)) });
    }
    match known {
        Some(draft) => again(services, stored, (&project, &patch), (draft, &message)).await,
        None => open(services, stored, (&project, &patch), (follow_up.number, pull_request, &message)).await,
    }
}

/// Lets the draft that is there hold what is done by now.
async fn again(
    services: &Services,
    stored: &StoredRun,
    work: (&Project, &Patch),
    (draft, message): (&FollowUpDraft, &str),
) -> Result<Drafted, StageFailure> {
    let github = services.github.installation(stored.installation);
    let pull = github.pull(&stored.repository_name, draft.number).await?;
    if pull.is_none_or(|pull| pull.state == OpenState::Closed) {
        return Ok(Drafted::Withheld { why: UserMessage::new(report::draft_ended(draft.number)) });
    }
    Ok(match advance(services, stored, work, (&draft.branch, &draft.head), message).await? {
        Advanced::To(head) => Drafted::Beside(FollowUpDraft { head, ..draft.clone() }),
        Advanced::Elsewhere => Drafted::Withheld { why: UserMessage::new(report::draft_branch_moved(draft.number)) },
    })
}

async fn open(
    services: &Services,
    stored: &StoredRun,
    (project, patch): (&Project, &Patch),
    (follow_up, pull_request, message): (u32, &PullRequest, &str),
) -> Result<Drafted, StageFailure> {
    let github = services.github.installation(stored.installation);
    let branch = branch::of_follow_up(stored.run.id, follow_up)?;
    let commit = NewCommit {
        repository: &stored.repository_name,
        repository_id: stored.repository,
        branch: &branch,
        stands: BranchStands::Unknown,
        parent: stored.run.progress.start().context("the follow-up has not begun")?,
        listing: &project.listing,
        message,
        patch,
    };
    let head = match github.commit(&commit).await {
        Ok(committed) => committed.sha,
        Err(GitHubError::Conflict(_)) => {
            return Ok(Drafted::Withheld { why: UserMessage::new(report::draft_branch_taken(&branch)) });
        }
        Err(error) => return Err(anyhow::Error::from(error).context("cannot publish the unfinished commit").into()),
    };
    let text = report::unfinished_follow_up(&view::of(services, stored).await?, pull_request.number);
    let wanted = NewPullRequest {
        repository: &stored.repository_name,
        head: &branch,
        base: &pull_request.branch,
        title: &text.title,
        body: &text.body,
        draft: true,
    };
    match github.find_or_create_pull(&wanted).await {
        Ok(pull) => Ok(Drafted::Beside(FollowUpDraft { follow_up, number: pull.number, branch, head })),
        // GitHub makes no drafts in some repositories, and the branch that it would go into may be gone by now.
        Err(error @ GitHubError::Invalid(_)) => {
            tracing::warn!(run = %stored.run.id, %error, "GitHub makes no draft here");
            github.delete_branch(&stored.repository_name, stored.repository, &branch).await?;
            Ok(Drafted::Withheld { why: UserMessage::new(report::no_drafts()) })
        }
        Err(error) => Err(anyhow::Error::from(error).context("cannot open the draft pull request").into()),
    }
}

/// Closes a draft whose follow-up is over, and deletes its branch.
pub(in crate::run::jobs) async fn end(
    services: &Services,
    lease: &Lease,
    run: RunId,
    draft: &FollowUpDraft,
) -> Result<Completed, JobFailure> {
    let stored = store::load(&mut *services.pool.acquire().await?, run).await?;
    if let Some(stored) = stored
        && !super::super::is_out_of_reach(services, stored.installation, stored.repository).await?
    {
        match close(services, &stored, draft).await.map_err(anyhow::Error::from) {
            Err(error) if is_gone(&error) => tracing::warn!(%run, "a draft cannot be closed any more: {error:#}"),
            outcome => outcome.map_err(super::super::retry)?,
        }
    }
    complete(services, lease).await
}

/// Leaves alone what people have taken up: with commits of their own, or with another pull request from the branch.
async fn close(services: &Services, stored: &StoredRun, draft: &FollowUpDraft) -> Result<(), GitHubError> {
    let github = services.github.installation(stored.installation);
    let (name, branch) = (&stored.repository_name, &draft.branch);
    let head = github.branch(name, branch).await?;
    if head.as_ref().is_some_and(|head| *head != draft.head) {
        tracing::info!(run = %stored.run.id, %branch, "kept a draft: somebody else has committed to it");
        return Ok(());
    }
    if github.pull(name, draft.number).await?.is_some_and(|pull| pull.state == OpenState::Open) {
        github.close_pull(name, draft.number).await?;
    }
    let other = github.find_pull(name, branch).await?.filter(|pull| pull.state == OpenState::Open);
    if head.is_some() && other.is_none() {
        github.delete_branch(name, stored.repository, branch).await?;
    }
    Ok(())
}
