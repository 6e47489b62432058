//! Check runs, check suites and commit statuses.

use anyhow::Result;
use serde_json::{Value, json};

use super::accounts::{app_or_null, merge, user};
use super::node_id;
use super::pulls::minimal;
use super::repositories::{api_url, page_url, repository as repository_json};
use crate::git::Git;
use crate::store::{Annotation, CheckRun, CheckSuite, CommitStatus, IssueState, Repository, State, stamp};

/// Open pull requests whose head is this commit.
pub fn pull_requests(state: &State, repository: &Repository, sha: &str) -> Vec<Value> {
    repository
        .issues
        .values()
        .filter(|issue| issue.state == IssueState::Open)
        .filter_map(|issue| issue.pull.as_ref().map(|pull| (issue, pull)))
        // Pull requests from forks are not listed:
        // https://docs.github.com/en/rest/checks/runs#list-check-runs-for-a-git-reference
        .filter(|(_, pull)| pull.head_sha == sha && pull.head_repository == Some(repository.id))
        .map(|(issue, pull)| minimal(state, repository, issue, pull))
        .collect()
}

/// A check run as REST answers it.
pub fn run(state: &State, repository: &Repository, run: &CheckRun) -> Value {
    let api = api_url(state, repository);
    let url = format!("{api}/check-runs/{}", run.id);
    let html = page(state, repository, run);
    json!({
        "id": run.id,
        "node_id": node_id("CheckRun", run.id),
        "name": run.name,
        "head_sha": run.head_sha,
        "external_id": run.external_id,
        "url": url,
        "html_url": html,
        "details_url": run.details_url.clone().unwrap_or_else(|| html.clone()),
        "status": run.status,
        "conclusion": run.conclusion,
        "started_at": stamp(run.started_at),
        "completed_at": run.completed_at.map(stamp),
        "output": {
            "title": run.output.title,
            "summary": run.output.summary,
            "text": run.output.text,
            "annotations_count": run.output.annotations.len(),
            "annotations_url": format!("{url}/annotations"),
        },
        "check_suite": { "id": run.suite },
        "app": app_or_null(state, Some(run.app)),
        "pull_requests": pull_requests(state, repository, &run.head_sha),
    })
}

/// The page of a check run: the job's, if a workflow made it.
fn page(state: &State, repository: &Repository, run: &CheckRun) -> String {
    let made_by = repository.workflow_runs.values().find(|one| one.suite == run.suite);
    match made_by {
        Some(workflow_run) => format!("{}/job/{}", super::actions::run_page(state, repository, workflow_run), run.id),
        None => format!("{}/runs/{}", page_url(state, repository), run.id),
    }
}

/// A check run as webhooks carry it, with a longer suite.
pub fn run_event(state: &State, repository: &Repository, check_run: &CheckRun) -> Value {
    let mut value = run(state, repository, check_run);
    if let Some(suite) = repository.check_suites.get(&check_run.suite) {
        value["check_suite"] = suite_common(state, repository, suite);
    }
    value
}

/// Status and conclusion of a suite follow from its latest runs.
fn suite_result(repository: &Repository, suite: &CheckSuite) -> (&'static str, Option<String>, usize) {
    // A run that was made again counts as it ended last.
    let mut runs: Vec<&CheckRun> = Vec::new();
    for run in repository.check_runs.values().rev().filter(|run| run.suite == suite.id) {
        if !runs.iter().any(|newer| newer.name == run.name) {
            runs.push(run);
        }
    }
    if runs.is_empty() {
        // A workflow that could not be started has no jobs, and so no check runs.
        let workflow = repository.workflow_runs.values().find(|run| run.suite == suite.id);
        let conclusion = workflow.and_then(|run| run.latest()?.conclusion);
        return match conclusion {
            Some(conclusion) => ("completed", Some(conclusion.as_str().to_owned()), 0),
            None => ("queued", None, 0),
        };
    }
    if suite.asked_again {
        return ("queued", None, runs.len());
    }
    if runs.iter().any(|run| run.status != "completed") {
        let started = runs.iter().any(|run| run.status != "queued");
        return (if started { "in_progress" } else { "queued" }, None, runs.len());
    }
    let worst = ["action_required", "timed_out", "cancelled", "failure", "neutral", "success", "skipped", "stale"]
        .into_iter()
        .find(|text| runs.iter().any(|run| run.conclusion.as_deref() == Some(text)));
    ("completed", worst.map(str::to_owned), runs.len())
}

fn suite_common(state: &State, repository: &Repository, suite: &CheckSuite) -> Value {
    let url = format!("{}/check-suites/{}", api_url(state, repository), suite.id);
    let (status, conclusion, _) = suite_result(repository, suite);
    json!({
        "id": suite.id,
        "node_id": node_id("CheckSuite", suite.id),
        "head_branch": suite.head_branch,
        "head_sha": suite.head_sha,
        "status": status,
        "conclusion": conclusion,
        "url": url,
        "before": suite.before,
        "after": suite.head_sha,
        "pull_requests": pull_requests(state, repository, &suite.head_sha),
        "app": app_or_null(state, Some(suite.app)),
        "created_at": stamp(suite.created_at),
        "updated_at": stamp(suite.updated_at),
    })
}

/// A check suite.
pub fn suite(state: &State, repository: &Repository, suite: &CheckSuite) -> Result<Value> {
    let git = Git::at(&repository.git_dir);
    let mut value = suite_common(state, repository, suite);
    let head = head_commit(&git, &suite.head_sha)?;
    let more = json!({
        "head_commit": head,
        "latest_check_runs_count": suite_result(repository, suite).2,
        "check_runs_url": format!("{}/check-suites/{}/check-runs", api_url(state, repository), suite.id),
        "rerequestable": true,
        "runs_rerequestable": true,
        "repository": repository_json(state, repository),
    });
    merge(&mut value, more);
    Ok(value)
}

/// The short form of a commit in suites and workflow runs.
///
/// # Errors
/// When git fails.
pub fn head_commit(git: &Git, sha: &str) -> Result<Option<Value>> {
    let commit = git.commit(sha)?;
    Ok(commit.map(|commit| {
        json!({
            "id": commit.sha,
            "tree_id": commit.tree,
            "message": commit.message,
            "timestamp": stamp(commit.committer.date),
            "author": { "name": commit.author.name, "email": commit.author.email },
            "committer": { "name": commit.committer.name, "email": commit.committer.email },
        })
    }))
}

/// One remark of a check run.
pub fn annotation(state: &State, repository: &Repository, run: &CheckRun, note: &Annotation) -> Value {
    let blob = format!("{}/blob/{}/{}", page_url(state, repository), run.head_sha, super::url_path(&note.path));
    json!({
        "path": note.path, "blob_href": blob, "start_line": note.start_line, "end_line": note.end_line,
        "start_column": null, "end_column": null, "annotation_level": note.annotation_level,
        "title": note.title.clone().unwrap_or_default(), "message": note.message,
        "raw_details": note.raw_details.clone().unwrap_or_default(),
    })
}

/// A commit status.
pub fn status(state: &State, repository: &Repository, status: &CommitStatus) -> Value {
    let creator = user(state, status.creator);
    json!({
        "url": format!("{}/statuses/{}", api_url(state, repository), status.sha),
        "avatar_url": creator["avatar_url"],
        "id": status.id,
        "node_id": node_id("StatusContext", status.id),
        "state": status.state,
        "description": status.description,
        "target_url": status.target_url,
        "context": status.context,
        "created_at": stamp(status.created_at),
        "updated_at": stamp(status.created_at),
        "creator": creator,
    })
}
