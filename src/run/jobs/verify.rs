//! Gathers wiz's own evidence: each criterion's command in clean boxes with no agent in them.
//!
//! A criterion that must fail first runs a second time, on the base with only the change's test files applied. The two
//! sides run side by side.

use anyhow::Context as _;

use super::{
    Completed, Done, JobFailure, Keep, Lease, RunId, Services, StageFailure, StageResult, StoredRun, stage,
    store::results::{self, Proof},
};
use crate::{
    error::UserMessage,
    limits::TOOL_OUTPUT_CHARS,
    patch::{self, Change, FileChange, Patch},
    plan::{self, Criterion, Plan},
    policy::{self, ChangedPath, Violation},
    report,
    run::{
        evidence::{self, Evidence, Observation, ObservedEnd},
        project::Project,
        session,
        state::Progress,
        workspace,
    },
    sandbox::{BoxKey, Command, CommandEnd, CommandOutcome},
};

pub(super) async fn execute(services: &Services, lease: &Lease, run: RunId, seq: i32) -> Result<Completed, JobFailure> {
    stage(services, lease, (run, seq), async |stored| verify(services, stored).await).await
}

async fn verify(services: &Services, stored: &StoredRun) -> Result<Done, StageFailure> {
    let progress = &stored.run.progress;
    let current = progress.plan.as_ref().context("a run without a plan has nothing to verify")?;
    let version = workspace::current_version(progress)?;
    let steps = results::steps(&mut *services.pool.acquire().await?, stored.run.id, version).await?;
    let project = Project::under_way(services, stored).await?;
    let patch = workspace::whole_patch(progress, &steps)?.against(&project.base);
    if let Some(feedback) = objections(services, &project, progress, &patch) {
        let told = UserMessage::new(format!(
            "{}\n\n`/wiz retry` tries again, `/wiz revise …` changes the plan.",
            report::neutralise(&feedback, 1_500)
        ));
        return Ok(StageResult::Objected { feedback, told }.into());
    }
    let criteria = &current.plan.definition_of_done;
    let red_first: Vec<&Criterion> =
        criteria.iter().filter(|criterion| criterion.proof == plan::Proof::FailsThenPasses).collect();
    let all: Vec<&Criterion> = criteria.iter().collect();
    let tests = project.tests_since_origin(&patch);
    let scene = Scene { services, stored, project: &project };
    let (after, before) =
        tokio::try_join!(scene.observe(Side::Result, &patch, &all), scene.observe(Side::Base, &tests, &red_first),)?;
    let mut before = before.into_iter();
    let evidence: Vec<Evidence> = criteria
        .iter()
        .zip(after)
        .map(|(criterion, after)| Evidence {
            criterion: criterion.clone(),
            before: if criterion.proof == plan::Proof::FailsThenPasses { before.next() } else { None },
            after,
        })
        .collect();
    Ok(Done {
        result: StageResult::Verified { feedback: evidence::feedback(&evidence) },
        keep: Some(Keep::Proof(Proof {
            evidence,
            patch_digest: workspace::digest(&patch),
            files: patch::line_counts(&patch, &project.base, &|path| project.content(path)),
        })),
    })
}

/// What policy has against the change, for the coder; checked before anything runs.
pub(super) fn objections(services: &Services, project: &Project, progress: &Progress, patch: &Patch) -> Option<String> {
    let plan = &progress.plan.as_ref()?.plan;
    let scope = progress.follow_up.as_ref().map_or_else(|| plan.clone(), |follow_up| follow_up.scope(plan));
    let paths: Vec<ChangedPath> = patch.changes().iter().map(changed_path).collect();
    let blocking: Vec<String> = policy::judge_changes(&paths, &project.policy, &scope)
        .iter()
        .filter(|violation| !was_approved(violation, plan))
        .map(|violation| format!("- {violation}"))
        .collect();
    let secrets: Vec<String> =
        patch::secrets::scan(patch, &|path| project.content(path), &services.settings.own_secrets)
            .iter()
            .map(|finding| format!("- {}: this looks like {}", finding.path, finding.kind))
            .collect();
    if blocking.is_empty() && secrets.is_empty() {
        return None;
    }
    Some(format!("The change cannot be published:\n{}", [blocking, secrets].concat().join("\n")))
}

/// Whether the approver of the plan saw that this path would change: a protected path may, once a plan that names it
/// was approved by a person.
fn was_approved(violation: &Violation, plan: &Plan) -> bool {
    match violation {
        Violation::Protected { path, .. } => plan.files.contains(path),
        Violation::NoChange
        | Violation::Blocked { .. }
        | Violation::NotAllowed { .. }
        | Violation::OutsidePlan { .. }
        | Violation::TooManyFiles { .. }
        | Violation::TooManyBytes { .. }
        | Violation::FileTooLarge { .. } => false,
    }
}

fn changed_path(change: &FileChange) -> ChangedPath {
    let (deleted, bytes) = match &change.change {
        Change::Delete => (true, 0),
        Change::Put { content, .. } => (false, content.len() as u64),
    };
    ChangedPath { path: change.path.clone(), deleted, bytes }
}

#[derive(Debug, Clone, Copy)]
enum Side {
    Base,
    Result,
}

/// What a verification works with.
struct Scene<'a> {
    services: &'a Services,
    stored: &'a StoredRun,
    project: &'a Project,
}

impl Scene<'_> {
    /// Runs the criteria's commands in one fresh box, in order.
    async fn observe(
        &self,
        side: Side,
        patch: &Patch,
        criteria: &[&Criterion],
    ) -> Result<Vec<Observation>, StageFailure> {
        if criteria.is_empty() {
            return Ok(vec![]);
        }
        let (side, start) = match side {
            Side::Base => ("base", self.project.origin()),
            Side::Result => ("result", self.project.files.as_slice()),
        };
        let key = BoxKey { run: self.stored.run.id, name: format!("verify-{}-{side}", self.stored.run.seq) };
        let files = workspace::apply(start, patch);
        let open_box = session::new_box(self.services, self.project, key, files).await?;
        session::prepare(&open_box, self.project).await?;
        let mut observations = Vec::with_capacity(criteria.len());
        for criterion in criteria {
            let script = criterion.command.clone();
            let command = Command { script, timeout: self.project.timeout_of(&criterion.command), env: vec![] };
            let outcome = open_box.run(&command).await.context("cannot run a criterion's command")?;
            observations.push(observation(&outcome));
        }
        open_box.close().await.context("cannot close a verifying box")?;
        Ok(observations)
    }
}

fn observation(outcome: &CommandOutcome) -> Observation {
    let end = match outcome.end {
        CommandEnd::Exited(code) => ObservedEnd::Exited(code),
        CommandEnd::Signalled(_)
        | CommandEnd::TimedOut
        | CommandEnd::Stopped
        | CommandEnd::OutOfMemory
        | CommandEnd::RunnerKilled => ObservedEnd::Broken,
    };
    Observation {
        end,
        duration_ms: u64::try_from(outcome.duration.as_millis()).unwrap_or(u64::MAX),
        output: outcome.output.text(TOOL_OUTPUT_CHARS),
    }
}
