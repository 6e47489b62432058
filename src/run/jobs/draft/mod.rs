//! Publishes what was done when the money was used up, as a draft pull request that says so; and finishes that pull
//! request once the work is done.
//!
//! The same rules hold as for finished work, except that nothing is proven. Everything is found or created, so a second
//! try makes no second draft.

mod beside;
mod remains;

use anyhow::Context as _;
use sqlx::PgConnection;

pub(super) use self::{
    beside::end,
    remains::{Remains, remains},
};
use super::{
    Completed, Done, JobFailure, Lease, RunId, Services, Signal, StageFailure, StageResult, StoredRun, complete,
    follow_up::still_open,
    gate, is_suspended,
    publish::secret_in,
    store,
    store::results,
    verify::{Judgement, judge},
};
use crate::{
    error::UserMessage,
    github::{BranchStands, GitHubError, NewCommit, NewPullRequest, OpenState},
    ids::{BranchName, CommitSha},
    patch::{self, Patch},
    report::{self, Marker, MarkerKind},
    run::{
        branch,
        project::{self, Project},
        signal::Drafted,
        state::{PullRequest, State},
        view, workspace,
    },
};

pub(super) async fn execute(services: &Services, lease: &Lease, run: RunId) -> Result<Completed, JobFailure> {
    let stored = store::load(&mut *services.pool.acquire().await?, run).await?;
    let Some(stored) = stored.filter(|stored| stored.run.progress.drafting) else {
        return complete(services, lease).await;
    };
    let drafted = match draft(services, &stored).await {
        Ok(drafted) => drafted,
        Err(StageFailure::Told(why)) => match beside::found(services, &stored).await {
            Ok(beside @ Drafted::Beside(_)) => beside,
            Ok(Drafted::Published(_) | Drafted::Nothing | Drafted::Withheld { .. }) => Drafted::Withheld { why },
            Err(StageFailure::Job(failure)) => return Err(failure),
            Err(StageFailure::Told(_) | StageFailure::Left) => Drafted::Withheld { why },
        },
        Err(StageFailure::Left) => Drafted::Nothing,
        Err(StageFailure::Job(failure)) => return Err(failure),
    };
    let mut transaction = services.pool.begin().await?;
    let completed = lease.complete(&mut transaction).await?;
    store::signal(&mut transaction, run, Signal::Draft(drafted)).await?;
    transaction.commit().await?;
    Ok(completed)
}

/// Nobody waits for a draft that cannot be made.
pub(super) async fn dead(transaction: &mut PgConnection, run: RunId) -> anyhow::Result<()> {
    let why = UserMessage::new(report::draft_given_up());
    store::signal(transaction, run, Signal::Draft(Drafted::Withheld { why })).await.map(drop)
}

async fn draft(services: &Services, stored: &StoredRun) -> Result<Drafted, StageFailure> {
    if is_suspended(services, stored.installation).await? {
        return Ok(Drafted::Nothing);
    }
    if stored.run.state != State::Paused {
        return beside::found(services, stored).await;
    }
    let progress = &stored.run.progress;
    if let (Some(follow_up), Some(pull_request)) = (&progress.follow_up, &progress.pull_request) {
        return beside::draft(services, stored, (follow_up, pull_request)).await;
    }
    let current = progress.plan.as_ref().context("a run without a plan has done nothing")?;
    let version = workspace::current_version(progress)?;
    let steps = results::steps(&mut *services.pool.acquire().await?, stored.run.id, version).await?;
    let project = Project::at(services, stored, &current.base).await?;
    let patch = workspace::whole_patch(progress, &steps)?.against(&project.base);
    if patch.is_empty() {
        return Ok(Drafted::Nothing);
    }
    if let Some(why) = objections(services, stored, (&project, &patch)).await? {
        return Ok(Drafted::Withheld { why: UserMessage::new(why) });
    }
    open(services, stored, (&project, &patch)).await
}

/// What the rules have against publishing it, for people.
async fn objections(
    services: &Services,
    stored: &StoredRun,
    (project, patch): (&Project, &Patch),
) -> Result<Option<String>, StageFailure> {
    match judge(services, project, stored, patch) {
        Judgement::Fine => {}
        Judgement::Forbidden(objections) => return Ok(Some(objections)),
        Judgement::LeavesScope(paths) => return Ok(Some(report::draft_leaves_scope(&paths))),
    }
    let files = patch::line_counts(patch, &project.base, &|path| project.content(path));
    let raised = gate::raised_by_change(services, stored, &project.policy, &files).await?;
    Ok(raised.map(|gate| report::draft_needs_approval(&gate)))
}

/// Commits what is done on the run's branch, and opens its draft; a further time it is one more commit.
async fn open(
    services: &Services,
    stored: &StoredRun,
    (project, patch): (&Project, &Patch),
) -> Result<Drafted, StageFailure> {
    let view = view::of(services, stored).await?;
    let message = report::unfinished_message(&view);
    let text = report::unfinished_pull_request(&view);
    if let Some(kind) = secret_in(services, &[&message, &text.title, &text.body]) {
        return Ok(Drafted::Withheld { why: UserMessage::new(report::secret_in_text(kind)) });
    }
    if let Some(before) = &stored.run.progress.pull_request {
        return again(services, stored, (project, patch), (before, &message)).await;
    }
    let github = services.github.installation(stored.installation);
    let progress = &stored.run.progress;
    let branch = branch::name(stored)?;
    let commit = NewCommit {
        repository: &stored.repository_name,
        repository_id: stored.repository,
        branch: &branch,
        stands: BranchStands::Unknown,
        parent: progress.start().context("the work has no start")?,
        listing: &project.listing,
        message: &message,
        patch,
    };
    let head = match github.commit(&commit).await {
        Ok(committed) => committed.sha,
        Err(conflict @ GitHubError::Conflict(_)) => {
            match remains(services, stored, (project, patch), &branch, &message).await? {
                Remains::Draft(draft) if draft.open => {
                    return again(services, stored, (project, patch), (&draft, &message)).await;
                }
                Remains::Branch(head) => head,
                Remains::Draft(PullRequest { number, .. }) | Remains::Merged(number) => {
                    return Ok(Drafted::Withheld { why: UserMessage::new(report::draft_ended(number)) });
                }
                Remains::Nothing => return Err(conflict.into()),
            }
        }
        Err(error) => return Err(anyhow::Error::from(error).context("cannot publish the unfinished commit").into()),
    };
    let marker = Marker { run: Some(stored.run.id), kind: MarkerKind::PullRequest };
    let wanted = NewPullRequest {
        repository: &stored.repository_name,
        head: &branch,
        base: stored.base_branch(),
        title: &text.title,
        body: &marker.append_to(&text.body, services.settings.marker_key.bytes()),
        draft: true,
    };
    let pull = match github.find_or_create_pull(&wanted).await {
        // Not every plan of GitHub's has drafts in private repositories. A pull request that asks for a review is none.
        // https://docs.github.com/en/rest/pulls/pulls#create-a-pull-request
        Err(error @ GitHubError::Invalid(_)) => {
            tracing::warn!(run = %stored.run.id, %error, "GitHub makes no draft here");
            github.delete_branch(&stored.repository_name, stored.repository, &branch).await?;
            return Ok(Drafted::Withheld { why: UserMessage::new(report::no_drafts()) });
        }
        outcome => outcome.context("cannot open the draft pull request")?,
    };
    Ok(Drafted::Published(PullRequest {
        number: pull.number,
        branch,
        head,
        open: pull.state == OpenState::Open,
        fork: false,
        unfinished: true,
    }))
}

/// Lets the draft that is there hold what is done by now.
async fn again(
    services: &Services,
    stored: &StoredRun,
    work: (&Project, &Patch),
    (draft, message): (&PullRequest, &str),
) -> Result<Drafted, StageFailure> {
    Ok(match advance(services, stored, work, (&draft.branch, &draft.head), message).await? {
        Advanced::To(head) => Drafted::Published(PullRequest { head, ..draft.clone() }),
        Advanced::Elsewhere => Drafted::Withheld { why: UserMessage::new(report::draft_branch_moved(draft.number)) },
    })
}

enum Advanced {
    To(CommitSha),
    /// Somebody else has written to the branch.
    Elsewhere,
}

/// Takes a branch with unfinished work from its head to the base with `patch`, by one more commit if that changes anything.
async fn advance(
    services: &Services,
    stored: &StoredRun,
    (project, patch): (&Project, &Patch),
    (branch, head): (&BranchName, &CommitSha),
    message: &str,
) -> Result<Advanced, StageFailure> {
    let github = services.github.installation(stored.installation);
    let (files, _, listing) = project::tree_at(services, stored, head).await?;
    let rest = workspace::difference(&files, &workspace::apply(&project.files, patch));
    if rest.is_empty() {
        let now = github.branch(&stored.repository_name, branch).await?;
        return Ok(if now.as_ref() == Some(head) { Advanced::To(head.clone()) } else { Advanced::Elsewhere });
    }
    let commit = NewCommit {
        repository: &stored.repository_name,
        repository_id: stored.repository,
        branch,
        stands: BranchStands::AtParent,
        parent: head,
        listing: &listing,
        message,
        patch: &rest,
    };
    match github.commit(&commit).await {
        Ok(committed) => Ok(Advanced::To(committed.sha)),
        Err(error @ GitHubError::Conflict(_)) => {
            let now = github.branch(&stored.repository_name, branch).await?;
            if now.as_ref() == Some(head) { Err(error.into()) } else { Ok(Advanced::Elsewhere) }
        }
        Err(error) => Err(error.into()),
    }
}

/// The work is done and proven: the draft gets it, says so, and is ready for review.
pub(super) async fn finish(
    services: &Services,
    stored: &StoredRun,
    work: (&Project, &Patch),
    draft: &PullRequest,
) -> Result<Done, StageFailure> {
    let view = view::of(services, stored).await?;
    let message = report::commit_message(&view);
    let text = report::pull_request(&view);
    if let Some(kind) = secret_in(services, &[&message, &text.title, &text.body]) {
        return Ok(StageResult::Failed { message: UserMessage::new(report::secret_in_text(kind)) }.into());
    }
    let github = services.github.installation(stored.installation);
    let pull = match still_open(github.pull(&stored.repository_name, draft.number).await?) {
        Ok(pull) => pull,
        Err(over) => return Ok(Done::from(*over)),
    };
    let head = match advance(services, stored, work, (&draft.branch, &draft.head), &message).await? {
        Advanced::To(head) => head,
        Advanced::Elsewhere => {
            let message = UserMessage::new(report::draft_branch_moved(draft.number));
            return Ok(StageResult::Failed { message }.into());
        }
    };
    let body = marked(services, stored, &text.body);
    github
        .edit_pull(&stored.repository_name, draft.number, &text.title, &body)
        .await
        .context("cannot finish the draft")?;
    if !stored.options.draft {
        github.mark_ready(stored.repository, &pull).await.context("cannot make the draft ready for review")?;
    }
    Ok(StageResult::Published(PullRequest { head, unfinished: false, ..draft.clone() }).into())
}

/// Lets the draft say how it stands with the run, should that have changed. Shortly before the end it says nothing more, or
/// it might say it after [`finish`].
pub(super) async fn show(services: &Services, stored: &StoredRun, view: &report::RunView) -> Result<(), GitHubError> {
    if matches!(stored.run.state, State::Verifying | State::Reviewing | State::Publishing) {
        return Ok(());
    }
    let Some(draft) = stored.run.progress.pull_request.as_ref().filter(|pull| pull.unfinished && pull.open) else {
        return Ok(());
    };
    let text = report::unfinished_pull_request(view);
    let body = marked(services, stored, &text.body);
    let github = services.github.installation(stored.installation);
    github.edit_pull(&stored.repository_name, draft.number, &text.title, &body).await
}

fn marked(services: &Services, stored: &StoredRun, body: &str) -> String {
    let marker = Marker { run: Some(stored.run.id), kind: MarkerKind::PullRequest };
    marker.append_to(body, services.settings.marker_key.bytes())
}
