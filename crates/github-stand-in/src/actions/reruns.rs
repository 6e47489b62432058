//! Running a workflow again: everything, what failed, or one job.
//!
//! <https://docs.github.com/en/actions/how-tos/manage-workflow-runs/re-run-workflows-and-jobs>

use chrono::TimeDelta;

use super::schedule::plan;
use super::stages;
use super::start::begin_attempt;
use crate::answer::Refusal;
use crate::store::{Conclusion, Errand, Pace, Progress, State};

/// "You can re-run a workflow or jobs in a workflow for up to 30 days after its initial run."
const RERUNNABLE: TimeDelta = TimeDelta::days(30);
/// "A workflow run can be re-run a maximum of 50 times", on the same page.
const MAX_ATTEMPTS: usize = 51;

/// What is to run again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// Every job.
    All,
    /// The jobs that failed.
    Failed,
    /// One job, by its id.
    Job(u64),
}

/// Starts a new attempt. GitHub sends no `workflow_run.requested` for one:
/// <https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows#workflow_run>
///
/// # Errors
/// 403 while it runs, when it is too old, or when nothing of it failed.
pub fn again(state: &mut State, place: (u64, u64), actor: u64, what: Again) -> Result<(), Refusal> {
    let now = state.now();
    let repository = state.repositories.get(&place.0).ok_or_else(Refusal::not_found)?;
    let run = repository.workflow_runs.get(&place.1).ok_or_else(Refusal::not_found)?;
    let latest = run.latest().ok_or_else(Refusal::not_found)?;
    if latest.status != Progress::Completed {
        let message = match what {
            Again::All | Again::Failed => "This workflow run is already running",
            Again::Job(_) => "The workflow run containing this job is already running",
        };
        return Err(Refusal::new(403, message));
    }
    if now - run.created_at > RERUNNABLE {
        let message = "Unable to retry this workflow run because it was created over a month ago";
        return Err(Refusal::new(403, message));
    }
    if run.attempts.len() >= MAX_ATTEMPTS {
        return Err(Refusal::new(403, "Unable to retry this workflow run because it has been retried too often"));
    }
    let wanted: Vec<usize> = (0..latest.jobs.len())
        .filter(|index| match what {
            Again::All => true,
            Again::Failed => latest.jobs[*index].conclusion.is_some_and(Conclusion::is_failure),
            Again::Job(id) => latest.jobs[*index].id == id,
        })
        .collect();
    if wanted.is_empty() {
        return Err(match what {
            Again::All | Again::Failed => Refusal::new(403, "This workflow run cannot be retried"),
            Again::Job(_) => Refusal::not_found(),
        });
    }
    let workflow = repository.workflows.iter().find(|workflow| workflow.id == run.workflow);
    let pace = workflow.map_or(Pace::default(), |workflow| workflow.pace);
    begin_attempt(state, place, actor, &wanted);
    stages::tell_jobs(state, place, ("queued", "created"))?;
    plan(state, pace, Errand::Run { repository: place.0, run: place.1 });
    Ok(())
}

/// A person asks for a workflow's check run to be made again. False when no workflow made it.
///
/// # Errors
/// As [`again`].
pub fn rerun_check(state: &mut State, place: (u64, u64), actor: u64) -> Result<bool, Refusal> {
    let repository = state.repositories.get(&place.0).ok_or_else(Refusal::not_found)?;
    let made_by = repository.workflow_runs.values().find(|run| run.job(place.1).is_some()).map(|run| run.id);
    let Some(run) = made_by else { return Ok(false) };
    again(state, (place.0, run), actor, Again::Job(place.1))?;
    Ok(true)
}
