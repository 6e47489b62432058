//! The draft of a follow-up whose money was used up: into the branch of the pull request that it is about, which itself
//! holds only what was proven. It shows what there was, and is closed when the follow-up is over.

use std::collections::BTreeSet;

use anyhow::Context as _;

use super::{
    super::report::is_gone, Advanced, BranchStands, Completed, Drafted, GitHubError, JobFailure, Lease, NewCommit,
    NewPullRequest, OpenState, Patch, Project, RunId, Services, StageFailure, StoredRun, UserMessage, advance, branch,
    complete, objections, report, results, secret_in, store, view, workspace,
};
use crate::{
    github::{
        self,
        journal::{self, Change, Noted},
    },
    ids::{BranchName, CommitSha},
    run::state::{FollowUp, FollowUpDraft, PullRequest},
};

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
    let view = view::of(services, stored).await?;
    let message = report::unfinished_follow_up_message(&view);
    let text = report::unfinished_follow_up(&view, pull_request.number);
    if let Some(kind) = secret_in(services, &[&message, &text.title, &text.body]) {
        return Ok(Drafted::Withheld { why: UserMessage::new(report::secret_in_text(kind)) });
    }
    let branch = branch::of_follow_up(stored.run.id, follow_up.number)?;
    let Some(head) = commit(services, stored, (&project, &patch), (&branch, &message)).await? else {
        return Ok(Drafted::Withheld { why: UserMessage::new(report::draft_branch_taken(&branch)) });
    };
    let wanted = NewPullRequest {
        repository: &stored.repository_name,
        head: &branch,
        base: &pull_request.branch,
        title: &text.title,
        body: &text.body,
        draft: true,
    };
    let github = services.github.installation(stored.installation);
    let pull = match own_draft(services, stored, (&branch, &pull_request.branch)).await? {
        Some(pull) => Ok(pull),
        None => github.find_or_create_pull(&wanted).await,
    };
    match pull {
        Ok(pull) if pull.base.branch != pull_request.branch => {
            Ok(Drafted::Withheld { why: UserMessage::new(report::draft_branch_taken(&branch)) })
        }
        Ok(pull) if pull.state == OpenState::Closed => {
            Ok(Drafted::Withheld { why: UserMessage::new(report::draft_ended(pull.number)) })
        }
        Ok(pull) => {
            Ok(Drafted::Beside(FollowUpDraft { follow_up: follow_up.number, number: pull.number, branch, head }))
        }
        // GitHub makes no drafts in some repositories, and the branch that it would go into may be gone by now.
        Err(error @ GitHubError::Invalid(_)) => {
            tracing::warn!(run = %stored.run.id, %error, "GitHub makes no draft here");
            delete_branch(services, stored, &branch).await?;
            Ok(Drafted::Withheld { why: UserMessage::new(report::no_follow_up_draft(&pull_request.branch)) })
        }
        Err(error) => Err(anyhow::Error::from(error).context("cannot open the draft pull request").into()),
    }
}

/// The draft that wiz has opened from that branch into that base, if there is one.
async fn own_draft(
    services: &Services,
    stored: &StoredRun,
    (branch, base): (&BranchName, &BranchName),
) -> anyhow::Result<Option<github::PullRequest>> {
    let github = services.github.installation(stored.installation);
    let known = stored.run.progress.follow_up_draft.as_ref().filter(|draft| draft.branch == *branch);
    if let Some(known) = known {
        return Ok(github.pull(&stored.repository_name, known.number).await?);
    }
    let own = &services.github.identity().await?.bot_login;
    let found = github.find_pull(&stored.repository_name, branch).await?;
    Ok(found.filter(|pull| pull.base.branch == *base && pull.user.as_ref().is_some_and(|author| author.login == *own)))
}

/// Lets the branch hold what is done by now: a new one, or one that an earlier try or time has left. None where somebody else
/// has written to it.
async fn commit(
    services: &Services,
    stored: &StoredRun,
    (project, patch): (&Project, &Patch),
    (branch, message): (&BranchName, &str),
) -> Result<Option<CommitSha>, StageFailure> {
    let github = services.github.installation(stored.installation);
    if let Some(tip) = github.branch(&stored.repository_name, branch).await? {
        if !own_commits(services, stored, branch).await?.contains(&tip) {
            return Ok(None);
        }
        return Ok(match advance(services, stored, (project, patch), (branch, &tip), message).await? {
            Advanced::To(head) => Some(head),
            Advanced::Elsewhere => None,
        });
    }
    let commit = NewCommit {
        repository: &stored.repository_name,
        repository_id: stored.repository,
        branch,
        stands: BranchStands::Unknown,
        parent: stored.run.progress.start().context("the follow-up has not begun")?,
        listing: &project.listing,
        message,
        patch,
    };
    match github.commit(&commit).await {
        Ok(committed) => Ok(Some(committed.sha)),
        Err(GitHubError::Conflict(_)) => Ok(None),
        Err(error) => Err(anyhow::Error::from(error).context("cannot publish the unfinished commit").into()),
    }
}

/// wiz's commits on that branch, by its own journal: each is noted before it is there.
async fn own_commits(
    services: &Services,
    stored: &StoredRun,
    branch: &BranchName,
) -> anyhow::Result<BTreeSet<CommitSha>> {
    let noted = journal::of_run(&mut *services.pool.acquire().await?, stored.run.id).await?;
    let commit = |noted: Noted| {
        let (Change::Branch { branch: of, commit } | Change::BranchMoved { branch: of, commit }) = noted.change else {
            return None;
        };
        (of == *branch).then_some(commit)
    };
    Ok(noted.into_iter().filter_map(commit).collect())
}

/// What a try has left on GitHub of a draft that was refused, or that nobody waits for any more: with it known, it ends with
/// its follow-up. A branch alone goes at once.
pub(super) async fn found(services: &Services, stored: &StoredRun) -> Result<Drafted, StageFailure> {
    let progress = &stored.run.progress;
    let follow_up = progress.follow_ups;
    let branch = branch::of_follow_up(stored.run.id, follow_up)?;
    let Some(pull_request) = progress.pull_request.as_ref().filter(|_| follow_up > 0) else {
        return Ok(Drafted::Nothing);
    };
    let own = own_commits(services, stored, &branch).await?;
    if own.is_empty() || progress.follow_up_draft.is_some() {
        return Ok(Drafted::Nothing);
    }
    let github = services.github.installation(stored.installation);
    let Some(head) = github.branch(&stored.repository_name, &branch).await? else { return Ok(Drafted::Nothing) };
    let pull = own_draft(services, stored, (&branch, &pull_request.branch)).await?;
    if let Some(pull) = pull.filter(|pull| pull.state == OpenState::Open) {
        return Ok(Drafted::Beside(FollowUpDraft { follow_up, number: pull.number, branch, head }));
    }
    if own.contains(&head) {
        delete_branch(services, stored, &branch).await?;
    }
    Ok(Drafted::Nothing)
}

/// Deletes the branch of a draft that is none, unless there are pull requests from it or into it.
async fn delete_branch(services: &Services, stored: &StoredRun, branch: &BranchName) -> anyhow::Result<()> {
    let github = services.github.installation(stored.installation);
    let name = &stored.repository_name;
    let from_it = github.find_pull(name, branch).await?;
    let is_used = from_it.is_some_and(|pull| pull.state == OpenState::Open);
    if !is_used && !github.has_open_pull_into(name, branch).await? {
        github.delete_branch(name, stored.repository, branch).await?;
    }
    Ok(())
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
        match close(services, &stored, draft).await {
            Err(error) if is_gone(&error) => tracing::warn!(%run, "a draft cannot be closed any more: {error:#}"),
            outcome => outcome.map_err(super::super::retry)?,
        }
    }
    complete(services, lease).await
}

/// Leaves alone what people have taken up: with commits of their own, or with another pull request from the branch or into
/// it.
async fn close(services: &Services, stored: &StoredRun, draft: &FollowUpDraft) -> anyhow::Result<()> {
    let github = services.github.installation(stored.installation);
    let (name, branch) = (&stored.repository_name, &draft.branch);
    let head = github.branch(name, branch).await?;
    if let Some(head) = &head
        && !own_commits(services, stored, branch).await?.contains(head)
    {
        tracing::info!(run = %stored.run.id, %branch, "kept a draft: somebody else has committed to it");
        return Ok(());
    }
    if github.pull(name, draft.number).await?.is_some_and(|pull| pull.state == OpenState::Open) {
        github.close_pull(name, draft.number).await?;
    }
    if head.is_some() {
        delete_branch(services, stored, branch).await?;
    }
    Ok(())
}
