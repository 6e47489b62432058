//! Workflows, their runs and jobs.

use anyhow::Result;
use serde_json::{Value, json};

use super::accounts::user;
use super::checks::{head_commit, pull_requests};
use super::node_id;
use super::repositories::{api_url, page_url, repository as repository_json};
use crate::git::Git;
use crate::store::{Attempt, Conclusion, Job, Progress, Repository, State, Workflow, WorkflowRun, stamp};

/// A workflow.
pub fn workflow(state: &State, repository: &Repository, workflow: &Workflow) -> Value {
    let page = page_url(state, repository);
    json!({
        "id": workflow.id,
        "node_id": node_id("Workflow", workflow.id),
        "name": workflow.name,
        "path": workflow.path,
        "state": "active",
        "created_at": stamp(workflow.created_at),
        "updated_at": stamp(workflow.created_at),
        "url": format!("{}/actions/workflows/{}", api_url(state, repository), workflow.id),
        "html_url": format!("{page}/blob/{}/{}", repository.default_branch, workflow.path),
        "badge_url": format!("{page}/workflows/{}/badge.svg", super::url_path(&workflow.name)),
    })
}

/// A workflow run at one of its attempts.
///
/// # Errors
/// When git fails.
pub fn run(state: &State, repository: &Repository, run: &WorkflowRun, attempt: &Attempt) -> Result<Value> {
    let api = api_url(state, repository);
    let url = format!("{api}/actions/runs/{}", run.id);
    let script = repository.workflows.iter().find(|workflow| workflow.id == run.workflow);
    let head = state.repositories.get(&run.head_repository);
    let previous = (attempt.number > 1).then(|| format!("{url}/attempts/{}", attempt.number - 1));
    Ok(json!({
        "id": run.id,
        "name": script.map(|workflow| workflow.name.as_str()),
        "node_id": node_id("WorkflowRun", run.id),
        "check_suite_id": run.suite,
        "check_suite_node_id": node_id("CheckSuite", run.suite),
        "head_branch": run.head_branch,
        "head_sha": run.head_sha,
        "path": script.map_or("", |workflow| workflow.path.as_str()),
        "display_title": run.display_title,
        "run_number": run.number,
        "run_attempt": attempt.number,
        "referenced_workflows": [],
        "event": run.event.as_str(),
        "status": attempt.status.as_str(),
        "conclusion": attempt.conclusion.map(Conclusion::as_str),
        "workflow_id": run.workflow,
        "url": url,
        "html_url": run_page(state, repository, run),
        "pull_requests": pull_requests(state, repository, &run.head_sha),
        "created_at": stamp(run.created_at),
        "updated_at": stamp(attempt.updated_at),
        "run_started_at": stamp(attempt.started_at),
        "actor": user(state, run.actor),
        "triggering_actor": user(state, attempt.triggering_actor),
        "jobs_url": format!("{url}/jobs"),
        "logs_url": format!("{url}/logs"),
        "check_suite_url": format!("{api}/check-suites/{}", run.suite),
        "artifacts_url": format!("{url}/artifacts"),
        "cancel_url": format!("{url}/cancel"),
        "rerun_url": format!("{url}/rerun"),
        "previous_attempt_url": previous,
        "workflow_url": format!("{api}/actions/workflows/{}", run.workflow),
        "head_commit": head_commit(&Git::at(&repository.git_dir), &run.head_sha)?,
        "repository": repository_json(state, repository),
        "head_repository": head.map(|head| repository_json(state, head)),
    }))
}

/// The page of a run.
pub fn run_page(state: &State, repository: &Repository, run: &WorkflowRun) -> String {
    format!("{}/actions/runs/{}", page_url(state, repository), run.id)
}

/// A job as it is seen in an attempt.
pub fn job(state: &State, repository: &Repository, run: &WorkflowRun, what: (&Attempt, &Job)) -> Value {
    let (attempt, job) = what;
    let api = api_url(state, repository);
    let script = repository.workflows.iter().find(|workflow| workflow.id == run.workflow);
    let started = job.status != Progress::Queued;
    let steps = if started { steps(job) } else { Vec::new() };
    json!({
        "id": job.id,
        "run_id": run.id,
        "workflow_name": script.map(|workflow| workflow.name.as_str()),
        "head_branch": run.head_branch,
        "run_url": format!("{api}/actions/runs/{}", run.id),
        "run_attempt": attempt.number,
        "node_id": node_id("CheckRun", job.id),
        "head_sha": run.head_sha,
        "url": format!("{api}/actions/jobs/{}", job.id),
        "html_url": format!("{}/job/{}", run_page(state, repository, run), job.id),
        "status": job.status.as_str(),
        "conclusion": job.conclusion.map(Conclusion::as_str),
        "created_at": stamp(job.created_at),
        "started_at": stamp(job.started_at),
        "completed_at": job.completed_at.map(stamp),
        "name": job.name,
        "steps": steps,
        "check_run_url": format!("{api}/check-runs/{}", job.id),
        "labels": ["ubuntu-latest"],
        "runner_id": started.then_some(1),
        "runner_name": started.then_some("GitHub Actions 1"),
        "runner_group_id": started.then_some(0),
        "runner_group_name": started.then_some("GitHub Actions"),
    })
}

fn steps(job: &Job) -> Vec<Value> {
    let shown = job.steps.iter().enumerate().map(|(index, step)| {
        // Until the job is over, its first step is the one that runs.
        let status = match (step.conclusion, index) {
            (Some(_), _) => "completed",
            (None, 0) => "in_progress",
            (None, _) => "queued",
        };
        let done = step.conclusion.and(job.completed_at);
        json!({
            "name": step.name, "status": status, "conclusion": step.conclusion.map(Conclusion::as_str),
            "number": index + 1, "started_at": (status != "queued").then(|| stamp(job.started_at)),
            "completed_at": done.map(stamp),
        })
    });
    shown.collect()
}
