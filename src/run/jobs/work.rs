//! Works one step: a coder in a box of its own, starting from the base with the patches of the steps it builds on.
//! What leaves the box are records, checked here in Rust against the base tree.

use anyhow::Context as _;

use super::{
    Completed, JobFailure, Lease, RunId, Services, StageFailure, StageResult, StoredRun, stage,
    store::results::{self, StepResult},
};
use crate::{
    agent::{self, BoxToolbox, Finished, ToolMode, WorkInput},
    error::UserMessage,
    patch::{self, BaseTree},
    plan::StepKey,
    run::{
        project::Project,
        session::{self, Conversation},
        workspace,
    },
    sandbox::{BoxKey, OpenBox, SourceFile},
};

pub(super) async fn execute(
    services: &Services,
    lease: &Lease,
    entry: (RunId, i32),
    step: &StepKey,
) -> Result<Completed, JobFailure> {
    stage(services, lease, entry, async |stored| work(services, lease, stored, step).await).await
}

async fn work(
    services: &Services,
    lease: &Lease,
    stored: &StoredRun,
    step: &StepKey,
) -> Result<StageResult, StageFailure> {
    let progress = &stored.run.progress;
    let current = progress.plan.as_ref().context("a run without a plan has no step to work")?;
    let version = workspace::current_version(progress)?;
    let earlier = results::steps(&mut *services.pool.acquire().await?, stored.run.id, version).await?;
    let project = Project::at(services, stored, &current.base).await?;
    let start = workspace::apply(&project.files, &workspace::starting_patch(progress, &earlier, step)?);
    let conversation = Conversation {
        key: format!("work-{version}-{step}-{}", progress.retries),
        role: agent::Role::Coder,
    };
    let key = BoxKey { run: stored.run.id, name: conversation.key.clone() };
    let opened = session::open_box(services, &project, key, || start.clone()).await?;
    let toolbox = BoxToolbox::new(&opened.open_box, ToolMode::Full);
    let session = session::of(services, lease, stored, &conversation, &toolbox);
    if opened.fresh {
        session::prepare(&opened.open_box, &project).await?;
        agent::replay(&session).await?;
    }
    let input = WorkInput {
        repository: stored.repository_name.clone(),
        plan: current.plan.clone(),
        step: step.clone(),
        feedback: progress.steps.iter().find(|other| other.key == *step).and_then(|step| step.feedback.clone()),
        repository_instructions: project.instructions(),
    };
    let report = match agent::work(&session, &input).await? {
        Finished::Submitted(report) => report,
        Finished::Stopped(reason) => {
            opened.open_box.close().await?;
            return Ok(session::stopped(reason)?);
        }
    };
    let patch = match leave(opened.open_box, &start).await? {
        Ok(patch) => patch,
        Err(message) => return Ok(StageResult::Failed { message }),
    };
    let result = StepResult { step: step.clone(), patch, summary: report.summary };
    results::save_step(&mut *services.pool.acquire().await?, stored.run.id, version, &result).await?;
    Ok(StageResult::StepDone { step: step.clone() })
}

/// Takes the changes out of the box and closes it.
async fn leave(
    open_box: OpenBox,
    start: &[SourceFile],
) -> Result<Result<patch::Patch, UserMessage>, StageFailure> {
    let records = open_box.export().await.context("cannot export the workspace")?;
    open_box.close().await.context("cannot close the coder's box")?;
    Ok(patch::verify(records, &BaseTree::of(start)).map_err(|faults| {
        let faults: Vec<String> = faults.iter().take(10).map(|fault| format!("- {fault}")).collect();
        UserMessage::new(format!(
            "The change holds files that wiz will not publish:\n\n{}\n\n`/wiz retry` lets the coder try again.",
            faults.join("\n")
        ))
    }))
}
