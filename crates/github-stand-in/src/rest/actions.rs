//! GitHub Actions: workflows, runs, jobs, and running them again.

use serde_json::{Value, json};

use super::Call;
use crate::actions::{Again, again};
use crate::answer::{Answer, Handled, Refusal};
use crate::render::actions as render;
use crate::store::{Attempt, Job, WorkflowRun};

/// `GET /repos/{owner}/{repo}/actions/workflows`
pub fn list_workflows(call: &mut Call<'_>) -> Handled {
    let repository = call.repo()?;
    let all = repository.workflows.iter();
    Ok(Answer::list_in("workflows", all.map(|one| render::workflow(call.state, repository, one)).collect()))
}

/// `GET /repos/{owner}/{repo}/actions/runs`, newest first.
pub fn list_runs(call: &mut Call<'_>) -> Handled {
    let repository = call.repo()?;
    let fits = |asked: Option<&str>, is: &str| asked.is_none_or(|wanted| wanted == is);
    let mut found = Vec::new();
    for run in repository.workflow_runs.values().rev() {
        let Some(attempt) = run.latest() else { continue };
        let conclusion = attempt.conclusion.map_or("", |conclusion| conclusion.as_str());
        // The status filter takes conclusions too:
        // https://docs.github.com/en/rest/actions/workflow-runs#list-workflow-runs-for-a-repository
        let status =
            call.asked("status").is_none_or(|wanted| wanted == attempt.status.as_str() || wanted == conclusion);
        if status
            && fits(call.asked("head_sha"), &run.head_sha)
            && fits(call.asked("branch"), &run.head_branch)
            && fits(call.asked("event"), run.event.as_str())
            && fits(call.asked("actor"), call.state.login(run.actor))
            && fits(call.asked("check_suite_id"), &run.suite.to_string())
        {
            found.push(shown(call, run, attempt)?);
        }
    }
    Ok(Answer::list_in("workflow_runs", found))
}

/// A run; who asks for no pull requests gets none.
fn shown(call: &Call<'_>, run: &WorkflowRun, attempt: &Attempt) -> Result<Value, Refusal> {
    let mut value = render::run(call.state, call.repo()?, run, attempt)?;
    if call.asked("exclude_pull_requests") == Some("true") {
        value["pull_requests"] = json!([]);
    }
    Ok(value)
}

/// The run in the path.
pub fn run<'a>(call: &'a Call<'_>) -> Result<&'a WorkflowRun, Refusal> {
    call.repo()?.workflow_runs.get(&call.number("run_id")?).ok_or_else(Refusal::not_found)
}

/// The attempt in the path; the latest one if the path names none.
pub fn attempt<'a>(call: &'a Call<'_>) -> Result<&'a Attempt, Refusal> {
    let run = run(call)?;
    let wanted = match call.parameter("attempt_number") {
        "" => run.latest(),
        number => run.attempts.iter().find(|attempt| attempt.number.to_string() == number),
    };
    wanted.ok_or_else(Refusal::not_found)
}

/// `GET /repos/{owner}/{repo}/actions/runs/{run_id}`, also `…/attempts/{attempt_number}`
pub fn get_run(call: &mut Call<'_>) -> Handled {
    Ok(Answer::ok(shown(call, run(call)?, attempt(call)?)?))
}

/// `GET /repos/{owner}/{repo}/actions/runs/{run_id}/jobs`: those of the latest attempt, or of all.
pub fn list_jobs(call: &mut Call<'_>) -> Handled {
    let (repository, run) = (call.repo()?, run(call)?);
    let all = call.asked("filter") == Some("all");
    let wanted = |one: &&Attempt| all || run.latest().is_some_and(|latest| latest.number == one.number);
    let attempts: Vec<&Attempt> = run.attempts.iter().filter(wanted).collect();
    let mut jobs: Vec<Value> = Vec::new();
    for attempt in attempts {
        let ran = attempt.jobs.iter().filter(|job| !all || job.ran_in == attempt.number);
        jobs.extend(ran.map(|job| render::job(call.state, repository, run, (attempt, job))));
    }
    Ok(Answer::list_in("jobs", jobs))
}

/// `GET /repos/{owner}/{repo}/actions/runs/{run_id}/attempts/{attempt_number}/jobs`
pub fn list_attempt_jobs(call: &mut Call<'_>) -> Handled {
    let (repository, run, attempt) = (call.repo()?, run(call)?, attempt(call)?);
    let jobs = attempt.jobs.iter().map(|job| render::job(call.state, repository, run, (attempt, job)));
    Ok(Answer::list_in("jobs", jobs.collect()))
}

/// The job in the path.
pub fn job<'a>(call: &'a Call<'_>) -> Result<(&'a WorkflowRun, &'a Attempt, &'a Job), Refusal> {
    let id = call.number("job_id")?;
    let mut runs = call.repo()?.workflow_runs.values();
    let found = runs.find_map(|run| run.job(id).map(|(attempt, job)| (run, attempt, job)));
    found.ok_or_else(Refusal::not_found)
}

/// `GET /repos/{owner}/{repo}/actions/jobs/{job_id}`
pub fn get_job(call: &mut Call<'_>) -> Handled {
    let (run, attempt, job) = job(call)?;
    Ok(Answer::ok(render::job(call.state, call.repo()?, run, (attempt, job))))
}

/// `POST /repos/{owner}/{repo}/actions/runs/{run_id}/rerun`
pub fn rerun(call: &mut Call<'_>) -> Handled {
    repeat(call, Again::All)
}

/// `POST /repos/{owner}/{repo}/actions/runs/{run_id}/rerun-failed-jobs`
pub fn rerun_failed(call: &mut Call<'_>) -> Handled {
    repeat(call, Again::Failed)
}

fn repeat(call: &mut Call<'_>, what: Again) -> Handled {
    let (place, actor) = ((call.repository, run(call)?.id), call.actor()?);
    again(call.state, place, actor, what)?;
    Ok(Answer::created(json!({})))
}

/// `POST /repos/{owner}/{repo}/actions/jobs/{job_id}/rerun`
pub fn rerun_job(call: &mut Call<'_>) -> Handled {
    let (run, _, job) = job(call)?;
    let (run, job, actor) = (run.id, job.id, call.actor()?);
    again(call.state, (call.repository, run), actor, Again::Job(job))?;
    Ok(Answer::created(json!({})))
}
