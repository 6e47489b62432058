//! Gathers wiz's own evidence: each criterion's command in clean boxes with no agent in them.
//!
//! A criterion that must fail first runs a second time, on the base with only the change's test files applied; one that
//! must pass throughout runs on the untouched base as well. The sides run side by side.

use anyhow::Context as _;

use super::{
    Completed, Done, JobFailure, Keep, Lease, RunId, Services, StageFailure, StageResult, StoredRun,
    follow_up::{self, Beginning},
    gate, stage,
    store::results::{self, Proof},
};
use crate::{
    error::{Advice, UserMessage},
    limits::TOOL_OUTPUT_CHARS,
    patch::{self, Change, FileChange, LineCount, Patch},
    plan::{self, Criterion, WorkKind},
    policy::{self, ChangedPath, Violation},
    report,
    run::{
        evidence::{self, Evidence, Observation, ObservedEnd},
        project::Project,
        session,
        state::CurrentPlan,
        workspace,
    },
    sandbox::{BoxKey, Command, CommandEnd, CommandOutcome},
};

pub(super) async fn execute(services: &Services, lease: &Lease, run: RunId, seq: i32) -> Result<Completed, JobFailure> {
    let verify = async |stored: &StoredRun| match follow_up::begin(services, stored).await? {
        Beginning::Begun(stored) if stored.run.progress.only_proves() => prove(services, &stored).await,
        Beginning::Begun(stored) => verify(services, &stored).await,
        Beginning::Over(result) => Ok(result.into()),
    };
    stage(services, lease, (run, seq), verify).await
}

/// Runs the definition of done on the pull request's head as it is.
async fn prove(services: &Services, stored: &StoredRun) -> Result<Done, StageFailure> {
    let project = Project::under_way(services, stored).await?;
    let files = results::latest_evidence(&mut *services.pool.acquire().await?, stored.run.id).await?.files;
    gather(services, stored, &project, (&Patch::default(), files)).await
}

async fn verify(services: &Services, stored: &StoredRun) -> Result<Done, StageFailure> {
    let progress = &stored.run.progress;
    let version = workspace::current_version(progress)?;
    let steps = results::steps(&mut *services.pool.acquire().await?, stored.run.id, version).await?;
    let project = Project::under_way(services, stored).await?;
    let patch = workspace::whole_patch(progress, &steps)?.against(&project.base);
    let judged = judge(services, &project, stored, &patch);
    if let Judgement::LeavesScope(paths) = judged {
        return Ok(StageResult::LeftScope { paths }.into());
    }
    if let Judgement::Forbidden(feedback) = judged {
        let told = UserMessage::new(format!("{}\n\n", report::neutralise(&feedback, 1_500)));
        let told = told.advising(Advice::RetryOrSteer("tries again"));
        return Ok(StageResult::Objected { feedback, told }.into());
    }
    let files = patch::line_counts(&patch, &project.base, &|path| project.content(path));
    if let Some(gate) = gate::raised_by_change(services, stored, &project.policy, &files).await? {
        return Ok(StageResult::GateRaised { gate }.into());
    }
    gather(services, stored, &project, (&patch, files)).await
}

/// Runs every criterion on the project with this patch, and where it is to be seen on the base as well.
async fn gather(
    services: &Services,
    stored: &StoredRun,
    project: &Project,
    (patch, files): (&Patch, Vec<LineCount>),
) -> Result<Done, StageFailure> {
    let current = stored.run.progress.plan.as_ref().context("a run without a plan has nothing to verify")?;
    let criteria = &current.plan.definition_of_done;
    let with_proof = |proof: plan::Proof| -> Vec<&Criterion> {
        criteria.iter().filter(|criterion| criterion.proof == proof).collect()
    };
    let all: Vec<&Criterion> = criteria.iter().collect();
    let (red_first, throughout) = (with_proof(plan::Proof::FailsThenPasses), with_proof(plan::Proof::PassesThroughout));
    let (tests, nothing) = (project.tests_since_origin(patch), Patch::default());
    let scene = Scene { services, stored, project };
    let (after, red, untouched) = tokio::try_join!(
        scene.observe(Side::Result, patch, &all),
        scene.observe(Side::Base, &tests, &red_first),
        scene.observe(Side::Untouched, &nothing, &throughout),
    )?;
    let (mut red, mut untouched) = (red.into_iter(), untouched.into_iter());
    let evidence: Vec<Evidence> = criteria
        .iter()
        .zip(after)
        .map(|(criterion, after)| Evidence {
            criterion: criterion.clone(),
            before: match criterion.proof {
                plan::Proof::Passes => None,
                plan::Proof::FailsThenPasses => red.next(),
                plan::Proof::PassesThroughout => untouched.next(),
            },
            after,
        })
        .collect();
    Ok(Done {
        result: StageResult::Verified { feedback: evidence::feedback(&evidence) },
        keep: Some(Keep::Proof(Proof {
            evidence,
            patch_digest: workspace::digest(patch),
            files: project.changes_since_origin(patch).unwrap_or(files),
        })),
    })
}

/// What policy and the plan say to a change.
pub(super) enum Judgement {
    Fine,
    /// Nothing is wrong with it but that it touches these files, which a person may still allow.
    LeavesScope(Vec<String>),
    /// What is wrong with it, for the coder.
    Forbidden(String),
}

/// Judges a change before anything of it runs, and again before it is published.
pub(super) fn judge(services: &Services, project: &Project, stored: &StoredRun, patch: &Patch) -> Judgement {
    let (progress, kind) = (&stored.run.progress, stored.kind());
    let Some(current) = &progress.plan else { return Judgement::Forbidden("There is no plan.".to_owned()) };
    let scope = progress.follow_up.as_ref().map_or_else(|| current.plan.clone(), |it| it.scope(&current.plan));
    let paths: Vec<ChangedPath> = patch.changes().iter().map(changed_path).collect();
    let violations: Vec<Violation> = policy::judge_changes(&paths, &project.policy, &scope)
        .into_iter()
        .filter(|violation| !was_approved(violation, current))
        .collect();
    let unsuited: Vec<String> = paths.iter().filter_map(|changed| unsuited(kind, &changed.path)).collect();
    let secrets: Vec<String> =
        patch::secrets::scan(patch, &|path| project.content(path), &services.settings.own_secrets)
            .iter()
            .map(|finding| format!("- {}: this looks like {}", finding.path, finding.kind))
            .collect();
    let outside: Vec<String> = violations.iter().filter_map(|violation| askable(violation).cloned()).collect();
    if unsuited.is_empty() && secrets.is_empty() && outside.len() == violations.len() {
        return if outside.is_empty() { Judgement::Fine } else { Judgement::LeavesScope(outside) };
    }
    let violations: Vec<String> = violations.iter().map(|violation| format!("- {violation}")).collect();
    Judgement::Forbidden(format!(
        "The change cannot be published:\n{}",
        [violations, unsuited, secrets].concat().join("\n")
    ))
}

/// What is wrong with a path that this kind of work may not change.
pub(super) fn unsuited(kind: WorkKind, path: &str) -> Option<String> {
    let files = policy::suited_files(kind).filter(|_| !policy::suits(kind, path))?;
    Some(format!("- {path}: `/wiz {}` changes only {files}", kind.name()))
}

/// The path of a violation that a person may allow.
fn askable(violation: &Violation) -> Option<&String> {
    match violation {
        Violation::Protected { path, .. } | Violation::OutsidePlan { path } => Some(path),
        Violation::NoChange
        | Violation::Blocked { .. }
        | Violation::NotAllowed { .. }
        | Violation::TooManyFiles { .. }
        | Violation::TooManyBytes { .. }
        | Violation::FileTooLarge { .. } => None,
    }
}

/// Whether a person saw that this path would change: a protected one that the approved plan names, or any that was
/// allowed later.
fn was_approved(violation: &Violation, current: &CurrentPlan) -> bool {
    let named = matches!(violation, Violation::Protected { path, .. } if current.plan.files.contains(path));
    named || askable(violation).is_some_and(|path| current.widened.contains(path))
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
    /// The base with the change's test files.
    Base,
    /// The base as it is.
    Untouched,
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
            Side::Untouched => ("untouched", self.project.origin()),
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
        self.services.spent_boxes.add(open_box);
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
