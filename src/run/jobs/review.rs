//! Lets a reviewer read the whole change against plan and criteria, in a read-only box that holds the result.

use anyhow::Context as _;

use super::{
    Completed, JobFailure, Lease, RunId, Services, StageFailure, StageResult, StoredRun, stage,
    store::results,
};
use crate::{
    agent::{self, BoxToolbox, Finished, ReviewInput, ReviewReport, ToolMode},
    run::{
        project::Project,
        session::{self, Conversation},
        workspace,
    },
    sandbox::BoxKey,
};

pub(super) async fn execute(services: &Services, lease: &Lease, run: RunId, seq: i32) -> Result<Completed, JobFailure> {
    stage(services, lease, (run, seq), async |stored| review(services, lease, stored).await).await
}

async fn review(services: &Services, lease: &Lease, stored: &StoredRun) -> Result<StageResult, StageFailure> {
    let progress = &stored.run.progress;
    let current = progress.plan.as_ref().context("a run without a plan has nothing to review")?;
    let version = workspace::current_version(progress)?;
    let steps = results::steps(&mut *services.pool.acquire().await?, stored.run.id, version).await?;
    let project = Project::at(services, stored, &current.base).await?;
    let patch = workspace::whole_patch(progress, &steps)?;
    let conversation = Conversation { key: format!("review-{}", stored.run.seq), role: agent::Role::Reviewer };
    let key = BoxKey { run: stored.run.id, name: conversation.key.clone() };
    let files = || workspace::apply(&project.files, &patch);
    let opened = session::open_box(services, &project, key, files).await?;
    let toolbox = BoxToolbox::new(&opened.open_box, ToolMode::ReadOnly);
    let input = ReviewInput {
        repository: stored.repository_name.clone(),
        plan: current.plan.clone(),
        diff: patch.diff(|path| workspace::text_of(&project.files, path)),
        summaries: steps.into_iter().map(|step| step.summary).collect(),
        repository_instructions: project.instructions(),
    };
    let session = session::of(services, lease, stored, &conversation, &toolbox);
    let finished = agent::review(&session, &input).await?;
    opened.open_box.close().await.context("cannot close the reviewer's box")?;
    let report: ReviewReport = match finished {
        Finished::Submitted(report) => report,
        Finished::Stopped(reason) => return Ok(session::stopped(reason)?),
    };
    results::save_review(&mut *services.pool.acquire().await?, stored.run.id, stored.run.seq, &report).await?;
    Ok(StageResult::Reviewed { feedback: report.requested_changes() })
}
