//! Makes the plan: the planner reads the issue and the repository in a read-only box and submits steps, a definition
//! of done, files and risks.

use anyhow::Context as _;

use super::{
    Completed, JobFailure, Lease, RunId, Services, Signal, StageFailure, StageResult, StoredRun, stage, store,
};
use crate::{
    agent::{self, BoxToolbox, Finished, PlanningInput, ToolMode},
    policy::GateLevel,
    run::{
        project::Project,
        session::{self, Conversation},
        state::{Mission, State},
    },
    sandbox::BoxKey,
};

pub(super) async fn execute(services: &Services, lease: &Lease, run: RunId, seq: i32) -> Result<Completed, JobFailure> {
    begin(services, run, seq).await?;
    stage(services, lease, (run, seq), async |stored| plan(services, lease, stored).await).await
}

/// Moves the run from `Queued` to `Planning`; does nothing when an earlier claim of this job did.
async fn begin(services: &Services, run: RunId, seq: i32) -> Result<(), JobFailure> {
    let mut transaction = services.pool.begin().await?;
    let signal = Signal::Stage { seq, result: StageResult::PlanningStarted };
    store::signal(&mut transaction, run, signal).await?;
    transaction.commit().await?;
    Ok(())
}

async fn plan(services: &Services, lease: &Lease, stored: &StoredRun) -> Result<StageResult, StageFailure> {
    debug_assert_eq!(stored.run.state, State::Planning);
    let github = services.github.installation(stored.installation).await?;
    let (base, issue) = tokio::try_join!(
        github.branch_head(&stored.repository_name, &stored.default_branch),
        github.issue_with_comments(&stored.repository_name, stored.issue),
    )?;
    let project = Project::at(services, stored, &base).await?;
    let conversation = Conversation {
        // A base that moved since an earlier try means other files, so the conversation starts afresh.
        key: format!("plan-{}-{}", stored.run.progress.retries, &base.as_str()[..8]),
        role: agent::Role::Planner,
    };
    let key = BoxKey { run: stored.run.id, name: conversation.key.clone() };
    let open_box = session::open_box(services, &project, key, || project.files.clone()).await?;
    let toolbox = BoxToolbox::new(&open_box.open_box, ToolMode::ReadOnly);
    let input = PlanningInput {
        repository: stored.repository_name.clone(),
        issue: issue.into(),
        instructions: stored.instructions.clone(),
        revisions: stored.run.progress.revisions.clone(),
        repository_instructions: project.instructions(),
        checks: project.policy.checks.clone(),
        paths: project.paths(),
    };
    let session = session::of(services, lease, stored, &conversation, &toolbox);
    let finished = agent::plan(&session, &input).await?;
    open_box.open_box.close().await.context("cannot close the planner's box")?;
    Ok(match finished {
        Finished::Submitted(plan) => StageResult::Planned {
            plan,
            base,
            needs_approval: stored.mission == Mission::Plan || project.policy.gate != GateLevel::Autonomous,
        },
        Finished::Stopped(reason) => session::stopped(reason)?,
    })
}
