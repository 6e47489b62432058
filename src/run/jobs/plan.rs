//! The first stage of a run. A question gets its answer in it, see [`answer`], and a pull request its review, see
//! [`pull_review`]; any other run gets its plan: the planner
//! reads the issue and the repository in a read-only box and submits steps, a definition of done, files and risks.

use super::{
    Completed, Done, JobFailure, Lease, RunId, Services, Signal, StageFailure, StageResult, StoredRun, answer, asking,
    gate, pull_review, stage, store, store::results, verify::unsuited,
};
use crate::{
    agent::{self, Asking, BoxMode, BoxToolbox, Finished, PlanningInput, StopReason},
    error::UserMessage,
    plan::{Criterion, Plan, WorkKind},
    policy::{self, ChangedPath, RepositoryPolicy, Violation},
    report,
    run::{briefing::Briefing, project::Project, session, state::Mission},
    sandbox::BoxKey,
};

pub(super) async fn execute(services: &Services, lease: &Lease, run: RunId, seq: i32) -> Result<Completed, JobFailure> {
    begin(services, run, seq).await?;
    let work = async |stored: &StoredRun| match stored.mission {
        Mission::Fix
        | Mission::Feature
        | Mission::Test
        | Mission::Docs
        | Mission::Refactor
        | Mission::Plan
        | Mission::Ci => plan(services, lease, stored).await,
        Mission::Ask => answer::answer(services, lease, stored).await,
        Mission::Review => pull_review::review(services, lease, stored).await,
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
    let (head, briefing) = tokio::try_join!(Project::head(services, stored), Briefing::read(services, stored))?;
    let Some(base) = head else {
        let message = UserMessage::new(report::no_base(stored.base_branch()));
        return Ok(StageResult::Failed { message }.into());
    };
    results::save_briefing(&mut *services.pool.acquire().await?, stored.run.id, &briefing).await?;
    let project = Project::at(services, stored, &base).await?;
    // A base that moved since an earlier try means other files, so the conversation starts afresh.
    let conversation = format!("plan-{}-{}", progress.retries, &base.as_str()[..8]);
    let key = BoxKey { run: stored.run.id, name: format!("{conversation}-{}", stored.run.seq) };
    let opened = session::open_box(services, &project, key, || project.files.clone()).await?;
    let toolbox = BoxToolbox::new(&opened.open_box, BoxMode::ReadOnly);
    let input = PlanningInput {
        assignment: briefing.assignment(stored, &project, &base),
        overview: project.overview(),
        previous: progress.plan.as_ref().map(|current| current.plan.clone()),
        feedback: progress.revisions.last().cloned(),
        asking: if progress.questions == 0 { Asking::Allowed } else { Asking::Over },
    };
    let objection = |plan: &Plan| objection(plan, stored.mission.kind(), &project.policy);
    let session = session::of(services, lease, stored, &conversation, &toolbox)?;
    let finished = opened.sealed_during(agent::plan(&session, &input, &objection)).await?;
    services.spent_boxes.add(opened.open_box);
    let result = match finished {
        Finished::Submitted(plan) => {
            let plan = with_checks(plan, stored.mission.kind(), &project.policy);
            let gate = gate::of_plan(services, stored, (&plan, &project.policy), &briefing).await?;
            StageResult::Planned { plan, base, gate }
        }
        Finished::Stopped(StopReason::Question(question)) => {
            let of = asking::addressees(services, stored, &project, &question).await?;
            StageResult::Questioned { question, of }
        }
        Finished::Stopped(reason) => session::stopped(reason)?,
    };
    Ok(result.into())
}

/// The plan with the repository's own checks in its definition of done: a planner may add to what the repository asks
/// for, not leave it out.
fn with_checks(mut plan: Plan, kind: WorkKind, policy: &RepositoryPolicy) -> Plan {
    for check in &policy.checks {
        let asked = |criterion: &Criterion| criterion.command.trim() == check.run.trim();
        if !plan.definition_of_done.iter().any(asked) {
            let (name, command) = (check.name.clone(), check.run.clone());
            plan.definition_of_done.push(Criterion { name, command, proof: kind.usual_proof() });
        }
    }
    plan
}

/// What no approval could heal: a path that wiz never changes here, or that this kind of work does not.
fn objection(plan: &Plan, kind: WorkKind, policy: &RepositoryPolicy) -> Option<String> {
    let unsuited = plan.files.iter().filter_map(|file| unsuited(kind, file));
    let blocked =
        policy::judge_changes(&named(plan), policy, plan).into_iter().filter_map(|violation| match violation {
            Violation::Blocked { .. } => Some(format!("- {violation}")),
            // A folder says nothing yet about the files in it.
            Violation::NotAllowed { ref path } if !path.ends_with('/') => Some(format!("- {violation}")),
            Violation::NotAllowed { .. }
            | Violation::NoChange
            | Violation::Protected { .. }
            | Violation::OutsidePlan { .. }
            | Violation::TooManyFiles { .. }
            | Violation::TooManyBytes { .. }
            | Violation::FileTooLarge { .. } => None,
        });
    let all: Vec<String> = unsuited.chain(blocked).collect();
    (!all.is_empty()).then(|| format!("these files cannot be part of the plan:\n{}", all.join("\n")))
}

/// The files the plan names, as far as they can be judged before they change.
fn named(plan: &Plan) -> Vec<ChangedPath> {
    let named = plan.files.iter().map(|path| ChangedPath { path: path.clone(), deleted: false, bytes: 0 });
    named.collect()
}
