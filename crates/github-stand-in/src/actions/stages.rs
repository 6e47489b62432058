//! The stages of a workflow run, and the webhooks of each.
//!
//! queued → in progress → one job after the other → completed. Which stage comes next follows from the record, so
//! nothing else has to be remembered.

use anyhow::Result;
use serde_json::{Value, json};

use super::schedule::plan;
use super::start::scripts;
use super::{logs, verdict};
use crate::events::{Audience, Event, emit};
use crate::git::Git;
use crate::render::{actions as render, checks};
use crate::store::{Annotation, Attempt, Conclusion, Errand, Job, JobScript, Pace, Progress, State, WorkflowRun};

/// Does the next stage of a run and plans the one after it.
///
/// # Errors
/// When git fails.
pub fn advance(state: &mut State, place: (u64, u64)) -> Result<()> {
    let Some((run, attempt)) = latest(state, place) else { return Ok(()) };
    let actor = attempt.triggering_actor;
    let open = attempt.jobs.iter().position(|job| job.status != Progress::Completed);
    match (attempt.status, open) {
        (Progress::Completed, _) => return Ok(()),
        // Nothing of it begins: https://docs.github.com/en/webhooks/webhook-events-and-payloads#workflow_run
        (Progress::Queued, _) if attempt.jobs.is_empty() => return finish(state, place, actor),
        (Progress::Queued, _) => begin(state, place, actor)?,
        (Progress::InProgress, Some(index)) => finish_job(state, place, &run, index)?,
        (Progress::InProgress, None) => return finish(state, place, actor),
    }
    let pace = state.repositories.get(&place.0).and_then(|found| found.workflows.iter().find(|w| w.id == run.workflow));
    let pace = pace.map_or(Pace::default(), |workflow| workflow.pace);
    plan(state, pace, Errand::Run { repository: place.0, run: place.1 });
    Ok(())
}

fn latest(state: &State, place: (u64, u64)) -> Option<(WorkflowRun, Attempt)> {
    let run = state.repositories.get(&place.0)?.workflow_runs.get(&place.1)?;
    Some((run.clone(), run.latest()?.clone()))
}

fn change_attempt(state: &mut State, place: (u64, u64), work: impl FnOnce(&mut Attempt)) {
    let now = state.now();
    let run = state.repositories.get_mut(&place.0).and_then(|found| found.workflow_runs.get_mut(&place.1));
    if let Some(attempt) = run.and_then(|run| run.attempts.last_mut()) {
        attempt.updated_at = now;
        work(attempt);
    }
}

fn begin(state: &mut State, place: (u64, u64), actor: u64) -> Result<()> {
    let now = state.now();
    change_attempt(state, place, |attempt| {
        attempt.status = Progress::InProgress;
        for job in attempt.jobs.iter_mut().filter(|job| job.status == Progress::Queued) {
            job.status = Progress::InProgress;
            job.started_at = now;
        }
    });
    let Some((_, attempt)) = latest(state, place) else { return Ok(()) };
    for job in attempt.jobs.iter().filter(|job| job.status == Progress::InProgress) {
        if let Some(check) = state.repositories.get_mut(&place.0).and_then(|found| found.check_runs.get_mut(&job.id)) {
            Progress::InProgress.as_str().clone_into(&mut check.status);
            check.started_at = now;
        }
    }
    tell_run(state, place, actor, "in_progress")?;
    tell_jobs(state, place, ("in_progress", ""))
}

fn finish_job(state: &mut State, place: (u64, u64), run: &WorkflowRun, index: usize) -> Result<()> {
    let Some(found) = state.repositories.get(&place.0) else { return Ok(()) };
    let script = scripts(found, run).into_iter().nth(index).unwrap_or_default();
    let Some(attempt) = run.latest() else { return Ok(()) };
    // A flaky job fails the first time it runs on a commit, whatever the attempt of the whole run.
    let conclusion = verdict::decide(&Git::at(&found.git_dir), &script.rule, &run.head_sha, attempt.number)?;
    let now = state.now();
    let mut done = None;
    change_attempt(state, place, |attempt| {
        let Some(job) = attempt.jobs.get_mut(index) else { return };
        job.status = Progress::Completed;
        job.conclusion = Some(conclusion);
        job.completed_at = Some(now);
        conclude_steps(job, conclusion);
        job.log = logs::whole(&script, job, conclusion);
        done = Some(job.clone());
    });
    let Some(job) = done else { return Ok(()) };
    let found = state.repositories.get_mut(&place.0);
    if let Some(check) = found.and_then(|found| found.check_runs.get_mut(&job.id)) {
        Progress::Completed.as_str().clone_into(&mut check.status);
        check.conclusion = Some(conclusion.as_str().to_owned());
        check.completed_at = Some(now);
        check.output.annotations = annotations(&script, conclusion);
    }
    tell_job(state, place, &job, ("completed", "completed"))
}

/// The last command fails; what was before it did not, and what comes after it did not happen.
fn conclude_steps(job: &mut Job, conclusion: Conclusion) {
    let failing = job.steps.len().saturating_sub(2);
    let bad = !matches!(conclusion, Conclusion::Success | Conclusion::Neutral);
    let skipped = conclusion == Conclusion::Skipped;
    for (index, step) in job.steps.iter_mut().enumerate() {
        step.conclusion = Some(match index {
            _ if skipped => Conclusion::Skipped,
            _ if bad && index == failing => conclusion,
            _ => Conclusion::Success,
        });
    }
}

/// GitHub's own annotation of a failed job, after those of the script.
fn annotations(script: &JobScript, conclusion: Conclusion) -> Vec<Annotation> {
    if !conclusion.is_failure() {
        return Vec::new();
    }
    let own = Annotation {
        path: ".github".to_owned(),
        start_line: 1,
        end_line: 1,
        annotation_level: "failure".to_owned(),
        message: logs::EXIT.to_owned(),
        title: None,
        raw_details: None,
    };
    script.annotations.iter().cloned().chain([own]).collect()
}

fn finish(state: &mut State, place: (u64, u64), actor: u64) -> Result<()> {
    change_attempt(state, place, |attempt| {
        attempt.status = Progress::Completed;
        attempt.conclusion = Some(sum(&attempt.jobs));
    });
    tell_run(state, place, actor, "completed")?;
    let Some(found) = state.repositories.get(&place.0) else { return Ok(()) };
    let suite = found.workflow_runs.get(&place.1).and_then(|run| found.check_suites.get(&run.suite));
    let Some(suite) = suite else { return Ok(()) };
    let payload = json!({ "check_suite": checks::suite(state, found, suite)? });
    tell(state, (place.0, actor), ("check_suite", "completed"), payload);
    Ok(())
}

/// The conclusion of a run: the worst of its jobs.
fn sum(jobs: &[Job]) -> Conclusion {
    use Conclusion::{ActionRequired, Cancelled, Failure, Skipped, StartupFailure, Success, TimedOut};
    if jobs.is_empty() {
        return StartupFailure;
    }
    let has = |wanted: Conclusion| jobs.iter().any(|job| job.conclusion == Some(wanted));
    // A job that ran out of time fails its run.
    if has(Failure) || has(TimedOut) {
        Failure
    } else if has(ActionRequired) {
        ActionRequired
    } else if has(Cancelled) {
        Cancelled
    } else if jobs.iter().all(|job| job.conclusion == Some(Skipped)) {
        Skipped
    } else {
        Success
    }
}

/// Sends `workflow_run`.
///
/// # Errors
/// When git fails.
pub fn tell_run(state: &mut State, place: (u64, u64), actor: u64, action: &'static str) -> Result<()> {
    let Some(found) = state.repositories.get(&place.0) else { return Ok(()) };
    let Some(run) = found.workflow_runs.get(&place.1) else { return Ok(()) };
    let Some(attempt) = run.latest() else { return Ok(()) };
    let mut value = render::run(state, found, run, attempt)?;
    // Within webhooks the status of a run that was only asked for has a name of its own.
    if action == "requested" {
        value["status"] = json!("queued");
    }
    let workflow = found.workflows.iter().find(|workflow| workflow.id == run.workflow);
    let workflow = workflow.map_or(Value::Null, |workflow| render::workflow(state, found, workflow));
    tell(state, (place.0, actor), ("workflow_run", action), json!({ "workflow_run": value, "workflow": workflow }));
    Ok(())
}

/// Sends `workflow_job` for each job that has just got there, and `check_run` if there is an action for it.
///
/// # Errors
/// When git fails.
pub fn tell_jobs(state: &mut State, place: (u64, u64), what: (&'static str, &'static str)) -> Result<()> {
    let Some((_, attempt)) = latest(state, place) else { return Ok(()) };
    for job in attempt.jobs.iter().filter(|job| job.status.as_str() == what.0) {
        tell_job(state, place, job, what)?;
    }
    Ok(())
}

fn tell_job(state: &mut State, place: (u64, u64), job: &Job, what: (&'static str, &'static str)) -> Result<()> {
    let Some(found) = state.repositories.get(&place.0) else { return Ok(()) };
    let Some(run) = found.workflow_runs.get(&place.1) else { return Ok(()) };
    let Some(attempt) = run.latest() else { return Ok(()) };
    let actor = attempt.triggering_actor;
    let value = render::job(state, found, run, (attempt, job));
    let check = found.check_runs.get(&job.id).map(|check| checks::run_event(state, found, check));
    tell(state, (place.0, actor), ("workflow_job", what.0), json!({ "workflow_job": value }));
    if let (Some(check), false) = (check, what.1.is_empty()) {
        tell(state, (place.0, actor), ("check_run", what.1), json!({ "check_run": check }));
    }
    Ok(())
}

fn tell(state: &mut State, place: (u64, u64), what: (&'static str, &'static str), payload: Value) {
    let event = Event {
        name: what.0,
        action: Some(what.1),
        repository: Some(place.0),
        sender: place.1,
        payload,
        audience: Audience::Subscribers,
    };
    emit(state, &event);
}
