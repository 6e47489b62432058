//! Works one step: a coder in a box of its own, starting from the base with the patches of the steps it builds on.
//! What leaves the box are records, checked here in Rust against the base tree.

use anyhow::Context as _;

use super::{
    Completed, Done, JobFailure, Keep, Lease, RunId, Services, StageFailure, StageResult, StoredRun,
    follow_up::{self, Beginning},
    reviewed::{self, InWork, Verdict},
    stage,
    store::results::{self, StepResult},
};
use crate::{
    agent::{self, BoxMode, BoxToolbox, Finished, StopReason, WorkInput},
    error::UserMessage,
    patch::{self, BaseTree, Patch},
    plan::{Plan, Step, StepKey},
    report,
    run::{project::Project, session, state::Progress, workspace},
    sandbox::{BoxKey, OpenBox, SourceFile},
};

pub(super) async fn execute(
    services: &Services,
    lease: &Lease,
    entry: (RunId, i32),
    step: &StepKey,
) -> Result<Completed, JobFailure> {
    let work = async |stored: &StoredRun| match follow_up::begin(services, stored).await? {
        Beginning::Begun(stored) => work(services, lease, &stored, step).await,
        Beginning::Over(result) => Ok(result.into()),
    };
    stage(services, lease, entry, work).await
}

async fn work(services: &Services, lease: &Lease, stored: &StoredRun, step: &StepKey) -> Result<Done, StageFailure> {
    let progress = &stored.run.progress;
    let current = progress.plan.as_ref().context("a run without a plan has no step to work")?;
    let version = workspace::current_version(progress)?;
    let earlier = results::steps(&mut *services.pool.acquire().await?, stored.run.id, version).await?;
    let project = Project::under_way(services, stored).await?;
    let start = progress.start().context("the work has no start")?;
    let before = workspace::starting_patch(progress, &earlier, step)?;
    let steps = progress.current_steps();
    let position = steps.iter().position(|other| other.key == *step).context("the step is not planned")?;
    let conversation = format!("work-{version}-{step}-{}", progress.retries);
    let part = progress.follow_up.as_ref().map(|follow_up| format!("f{}-", follow_up.number)).unwrap_or_default();
    let name = format!("work-{part}{version}-{position}-{}-{}", progress.retries, stored.run.seq);
    let key = BoxKey { run: stored.run.id, name };
    let files = || workspace::apply(&project.files, &before);
    let review = reviewed::in_work(services, stored, step).await?;
    if review.as_ref().is_some_and(reviewed::nothing_left) {
        return Ok(StageResult::NothingToChange { step: step.clone() }.into());
    }
    let opened = open(services, &project, (key, &conversation), files).await?;
    let toolbox = BoxToolbox::new(&opened.open_box, BoxMode::Full);
    let session = session::of(services, lease, stored, &conversation, &toolbox)?;
    if opened.fresh {
        session::prepare(&opened.open_box, &project).await?;
        // A conversation that began in a box that is gone goes on in one that looks the same.
        if let Finished::Stopped(reason) = agent::replay(&session).await? {
            return Ok(session::stopped(reason)?.into());
        }
    }
    let briefing = results::briefing(&mut *services.pool.acquire().await?, stored.run.id).await?;
    // A review is shown thread by thread instead.
    let follow_up = progress.follow_up.as_ref().filter(|_| review.is_none());
    let cause = follow_up.map(|follow_up| follow_up.cause.statement().1.to_owned());
    let input = WorkInput {
        assignment: briefing.assignment(stored, &project, start),
        plan: current.plan.clone(),
        step: task(progress, &current.plan, step).context("the step is not part of the plan")?,
        faults: cause.into_iter().chain(steps[position].feedback.clone()).collect(),
        threads: review.as_ref().map(InWork::shown).unwrap_or_default(),
    };
    let report = match opened.sealed_during(agent::work(&session, &input)).await? {
        Finished::Submitted(report) => report,
        Finished::Stopped(StopReason::Money) if !progress.is_on_fork() => {
            let start = project.base.clone().with(&before);
            return Ok(unfinished(services, opened.open_box, &start, (version, step)).await);
        }
        Finished::Stopped(reason) => {
            services.spent_boxes.add(opened.open_box);
            return Ok(session::stopped(reason)?.into());
        }
    };
    let patch = match leave(services, opened.open_box, &project.base.clone().with(&before)).await? {
        Ok(patch) => patch,
        Err(message) => return Ok(StageResult::Failed { message }.into()),
    };
    let verdict = review.map(|review| reviewed::verdict(services, &review, report.threads, &patch));
    let review = match verdict {
        None => None,
        Some(Verdict::Change(answers)) => Some(answers),
        Some(Verdict::Words(answers)) => {
            let result = StageResult::NothingToChange { step: step.clone() };
            return Ok(Done { result, keep: Some(Keep::Words(answers)) });
        }
        Some(Verdict::Contradiction(message)) => return Ok(StageResult::Failed { message }.into()),
    };
    let kept = StepResult { step: step.clone(), patch, summary: report.summary };
    Ok(Done {
        result: StageResult::StepDone { step: step.clone() },
        keep: Some(Keep::Step { plan_version: version, step: kept, review }),
    })
}

/// The coder's box. One in which a turn was cut is not used any more.
async fn open(
    services: &Services,
    project: &Project,
    (key, conversation): (BoxKey, &str),
    files: impl FnOnce() -> Vec<SourceFile>,
) -> Result<session::Opened, StageFailure> {
    if agent::was_cut(&services.pool, key.run, conversation).await? {
        return Ok(session::Opened { open_box: session::new_box(services, project, key, files()).await?, fresh: true });
    }
    Ok(session::open_box(services, project, key, files).await?)
}

/// What the coder is told to do: the follow-up's step, the plan's, or to mend what verification or review found.
fn task(progress: &Progress, plan: &Plan, key: &StepKey) -> Option<Step> {
    if let Some(follow_up) = &progress.follow_up {
        return follow_up.task(key);
    }
    let planned = plan.steps.iter().find(|step| step.id == *key).cloned();
    planned.or_else(|| {
        key.as_str().starts_with("rework-").then(|| Step {
            id: key.clone(),
            title: "Mend what was found".to_owned(),
            detail: "The steps of the plan are done. Mend what is listed as found, and nothing else.".to_owned(),
            depends_on: vec![],
        })
    })
}

/// Keeps what a coder has changed whose money is used up. The step is worked to its end from its conversation, so nothing is
/// lost where this cannot be had.
async fn unfinished(
    services: &Services,
    open_box: OpenBox,
    start: &BaseTree,
    (plan_version, step): (i32, &StepKey),
) -> Done {
    let patch = match leave(services, open_box, start).await {
        Ok(Ok(patch)) => patch,
        Ok(Err(message)) => {
            tracing::warn!(%message, "unfinished work is not fit to be shown");
            Patch::default()
        }
        Err(_) => {
            tracing::warn!("unfinished work could not be taken out of its box");
            Patch::default()
        }
    };
    let step = StepResult { step: step.clone(), patch, summary: String::new() };
    Done { result: StageResult::OutOfMoney, keep: Some(Keep::Step { plan_version, step, review: None }) }
}

/// Takes the changes out of the box, which nobody needs then.
async fn leave(
    services: &Services,
    open_box: OpenBox,
    start: &BaseTree,
) -> Result<Result<Patch, UserMessage>, StageFailure> {
    let records = open_box.export().await.context("cannot export the workspace")?;
    services.spent_boxes.add(open_box);
    Ok(patch::verify(records, start).map_err(|faults| {
        let faults: Vec<String> = faults.iter().take(10).map(|fault| format!("- {fault}")).collect();
        UserMessage::new(format!(
            "The change holds files that wiz will not publish:\n\n{}\n\n`/wiz retry` lets the coder try again.",
            report::neutralise(&faults.join("\n"), 1_500)
        ))
    }))
}
