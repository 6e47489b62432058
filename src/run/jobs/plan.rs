//! The first stage of a run. A question gets its answer in it, see [`answer`]; any other run gets its plan: the planner
//! reads the issue and the repository in a read-only box and submits steps, a definition of done, files and risks.

use anyhow::Context as _;

use super::{
    Completed, Done, JobFailure, Lease, RunId, Services, Signal, StageFailure, StageResult, StoredRun, answer, stage,
    store, store::results,
};
use crate::{
    agent::{self, BoxMode, BoxToolbox, Finished, PlanningInput},
    plan::{Criterion, Plan, Proof},
    policy::{self, ChangedPath, GateLevel, RepositoryPolicy, Violation},
    run::{briefing::Briefing, project::Project, session, state::Mission},
    sandbox::BoxKey,
};

pub(super) async fn execute(services: &Services, lease: &Lease, run: RunId, seq: i32) -> Result<Completed, JobFailure> {
    begin(services, run, seq).await?;
    let work = async |stored: &StoredRun| match stored.mission {
        Mission::Fix | Mission::Plan => plan(services, lease, stored).await,
        Mission::Ask => answer::answer(services, lease, stored).await,
    };
    stage(services, lease, (run, seq), work).await
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

async fn plan(services: &Services, lease: &Lease, stored: &StoredRun) -> Result<Done, StageFailure> {
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
    if opened.fresh {
        opened.open_box.seal().await?;
    }
    let toolbox = BoxToolbox::new(&opened.open_box, BoxMode::ReadOnly);
    let input = PlanningInput {
        assignment: briefing.assignment(stored, &project, &base),
        overview: project.overview(),
        previous: progress.plan.as_ref().map(|current| current.plan.clone()),
        feedback: progress.revisions.last().cloned(),
    };
    let finished = agent::plan(&session::of(services, lease, stored, &conversation, &toolbox)?, &input).await?;
    opened.open_box.close().await.context("cannot close the planner's box")?;
    let result = match finished {
        Finished::Submitted(plan) => {
            let plan = with_checks(plan, &project.policy);
            let needs_approval = stored.mission == Mission::Plan || needs_person(&plan, &project.policy);
            StageResult::Planned { plan, base, needs_approval }
        }
        Finished::Stopped(reason) => session::stopped(stored, reason)?,
    };
    Ok(result.into())
}

/// The plan with the repository's own checks in its definition of done: a planner may add to what the repository asks
/// for, not leave it out.
fn with_checks(mut plan: Plan, policy: &RepositoryPolicy) -> Plan {
    for check in &policy.checks {
        let asked = |criterion: &Criterion| criterion.command.trim() == check.run.trim();
        if !plan.definition_of_done.iter().any(asked) {
            let (name, command) = (check.name.clone(), check.run.clone());
            plan.definition_of_done.push(Criterion { name, command, proof: Proof::Passes });
        }
    }
    plan
}

/// Whether a person must see the plan first: by the policy, or because it names a path that only a person may free.
fn needs_person(plan: &Plan, policy: &RepositoryPolicy) -> bool {
    let named = plan.files.iter().map(|path| ChangedPath { path: path.clone(), deleted: false, bytes: 0 });
    let named: Vec<ChangedPath> = named.collect();
    let guarded = policy::judge_changes(&named, policy, plan)
        .iter()
        .any(|violation| matches!(violation, Violation::Protected { .. } | Violation::Blocked { .. }));
    policy.gate != GateLevel::Autonomous || guarded
}
