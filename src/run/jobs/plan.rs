//! Makes the plan: the planner reads the issue and the repository in a read-only box and submits steps, a definition
//! of done, files and risks.

use anyhow::Context as _;

use super::{
    Completed, JobFailure, Lease, RunId, Services, Signal, StageFailure, StageResult, StoredRun, stage, store,
    store::results,
};
use crate::{
    agent::{self, BoxMode, BoxToolbox, Finished, PlanningInput},
    policy::GateLevel,
    run::{briefing::Briefing, project::Project, session, state::Mission},
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
    services.doorbell.ring();
    Ok(())
}

async fn plan(services: &Services, lease: &Lease, stored: &StoredRun) -> Result<StageResult, StageFailure> {
    let progress = &stored.run.progress;
    let github = services.github.installation(stored.installation);
    let (head, briefing) = tokio::try_join!(
        async { Ok(github.default_head(&stored.repository_name).await?) },
        Briefing::read(&github, stored),
    )?;
    let (_, base) = head.context("the repository has no default branch")?;
    results::save_briefing(&mut *services.pool.acquire().await?, stored.run.id, &briefing).await?;
    let project = Project::at(services, stored, &base).await?;
    // A base that moved since an earlier try means other files, so the conversation starts afresh.
    let conversation = format!("plan-{}-{}", progress.retries, &base.as_str()[..8]);
    let key = BoxKey { run: stored.run.id, name: conversation.clone() };
    let opened = session::open_box(services, &project, key, || project.files.clone()).await?;
    let toolbox = BoxToolbox::new(&opened.open_box, BoxMode::ReadOnly);
    let input = PlanningInput {
        assignment: briefing.assignment(stored, &project, &base),
        overview: project.overview(),
        previous: progress.plan.as_ref().map(|current| current.plan.clone()),
        feedback: progress.revisions.last().cloned(),
    };
    let finished = agent::plan(&session::of(services, lease, stored, &conversation, &toolbox)?, &input).await?;
    opened.open_box.close().await.context("cannot close the planner's box")?;
    Ok(match finished {
        Finished::Submitted(plan) => StageResult::Planned {
            plan,
            base,
            needs_approval: stored.mission == Mission::Plan || project.policy.gate != GateLevel::Autonomous,
        },
        Finished::Stopped(reason) => session::stopped(stored, reason)?,
    })
}
