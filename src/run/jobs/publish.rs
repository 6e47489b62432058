//! Makes branch, commit and pull request, through GitHub's API and never through git.
//!
//! Every write is found or created: the branch's name comes from the run, its commit from parent and tree, and the pull
//! request from its head, so a crash anywhere in between never makes a second one.

use anyhow::Context as _;

use super::{
    Completed, JobFailure, Lease, RunId, Services, StageFailure, StageResult, StoredRun, stage, store::results,
    verify::objections,
};
use crate::{
    error::UserMessage,
    github::{NewCommit, NewPullRequest},
    ids::BranchName,
    report::{self, Marker, MarkerKind},
    run::{evidence, project::Project, state::PullRequest, view, workspace},
};

pub(super) async fn execute(services: &Services, lease: &Lease, run: RunId, seq: i32) -> Result<Completed, JobFailure> {
    stage(services, lease, (run, seq), async |stored| publish(services, stored).await).await
}

async fn publish(services: &Services, stored: &StoredRun) -> Result<StageResult, StageFailure> {
    let progress = &stored.run.progress;
    let current = progress.plan.as_ref().context("a run without a plan has nothing to publish")?;
    let version = workspace::current_version(progress)?;
    let mut connection = services.pool.acquire().await?;
    let steps = results::steps(&mut connection, stored.run.id, version).await?;
    let evidence = results::latest_evidence(&mut connection, stored.run.id).await?;
    drop(connection);
    let project = Project::at(services, stored, &current.base).await?;
    let patch = workspace::whole_patch(progress, &steps)?;
    // Both were asked before; they are asked again because this is the last door.
    if let Some(objections) = objections(&patch, &project, &current.plan).or_else(|| evidence::feedback(&evidence)) {
        return Ok(StageResult::Failed { message: UserMessage::new(report::neutralise(&objections, 4_000)) });
    }
    let view = view::of(services, stored).await?;
    let github = services.github.installation(stored.installation);
    let branch = branch_name(stored)?;
    let commit = NewCommit {
        repository: &stored.repository_name,
        repository_id: stored.repository,
        branch: &branch,
        parent: &current.base,
        message: &report::commit_message(&view),
        patch: &patch,
    };
    let committed = github.commit(&commit).await.context("cannot publish the commit")?;
    let text = report::pull_request(&view);
    let marker = Marker { run: Some(stored.run.id), kind: MarkerKind::PullRequest };
    let wanted = NewPullRequest {
        repository: &stored.repository_name,
        head: &branch,
        base: &stored.default_branch,
        title: &text.title,
        body: &marker.append_to(&text.body, services.settings.marker_key.bytes()),
        draft: false,
    };
    let pull_request = github.find_or_create_pull(&wanted).await.context("cannot open the pull request")?;
    Ok(StageResult::Published(PullRequest { number: pull_request.number, branch, head: committed.sha, open: true }))
}

/// Longest readable part of a branch name.
const SLUG_CHARS: usize = 40;

/// `wiz/run-12-naturalsize-says-1-0-byte`: the run makes it unique, the title makes it readable.
fn branch_name(stored: &StoredRun) -> anyhow::Result<BranchName> {
    let mut slug = String::new();
    for character in stored.issue_title.to_lowercase().chars() {
        if character.is_ascii_alphanumeric() {
            slug.push(character);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() == SLUG_CHARS {
            break;
        }
    }
    let slug = slug.trim_end_matches('-');
    let separator = if slug.is_empty() { "" } else { "-" };
    Ok(format!("wiz/run-{}{separator}{slug}", stored.run.id).parse()?)
}
