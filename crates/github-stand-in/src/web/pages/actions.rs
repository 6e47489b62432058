//! Workflow runs, their jobs and logs.

use maud::{Markup, html};

use super::View;
use super::layout::{login, page, result_mark, time};
use super::lists::repository_head;
use crate::store::{Attempt, Conclusion, Job, Repository, WorkflowRun};

fn result(status: &'static str, conclusion: Option<Conclusion>) -> &'static str {
    conclusion.map_or(status, Conclusion::as_str)
}

fn workflow_name<'a>(repository: &'a Repository, run: &WorkflowRun) -> &'a str {
    repository.workflows.iter().find(|one| one.id == run.workflow).map_or("", |one| one.name.as_str())
}

/// All runs, newest first.
pub fn list(view: &View<'_>, name: (&str, &str)) -> Option<Markup> {
    let repository = view.state.repository_by_name(name.0, name.1)?;
    let full_name = view.state.full_name(repository);
    let body = html! {
        (repository_head(view, repository, "actions"))
        div.list {
            @if repository.workflow_runs.is_empty() { div.row { "None yet." } }
            @for run in repository.workflow_runs.values().rev() { @if let Some(attempt) = run.latest() {
                div.row {
                    (result_mark(result(attempt.status.as_str(), attempt.conclusion)))
                    a href=(format!("/{full_name}/actions/runs/{}", run.id)) { b { (run.display_title) } }
                    span.dim { (workflow_name(repository, run)) " #" (run.number) " on " code { (run.head_branch) } " " (time(run.created_at)) }
                }
            } }
        }
    };
    Some(page(view, &full_name, &body))
}

/// One run with its attempts and the buttons that run it again.
pub fn run(view: &View<'_>, place: (&str, &str, u64)) -> Option<Markup> {
    let repository = view.state.repository_by_name(place.0, place.1)?;
    let run = repository.workflow_runs.get(&place.2)?;
    let full_name = view.state.full_name(repository);
    let body = html! {
        (repository_head(view, repository, "actions"))
        h1 { (run.display_title) " " span.number { (workflow_name(repository, run)) " #" (run.number) } }
        p.dim { (run.event.as_str()) " by " (login(view.state, run.actor)) ", " code { (&run.head_sha[..7]) } " on " code { (run.head_branch) } }
        @for attempt in run.attempts.iter().rev() { (jobs(&full_name, run, attempt)) }
        form method="post" action=(format!("/{full_name}/do")) {
            input type="hidden" name="run" value=(run.id);
            div.buttons {
                button name="action" value="rerun_failed" { "Re-run failed jobs" }
                button name="action" value="rerun" { "Re-run all jobs" }
            }
        }
    };
    Some(page(view, &run.display_title, &body))
}

fn jobs(full_name: &str, run: &WorkflowRun, attempt: &Attempt) -> Markup {
    html! {
        h3 { "Attempt " (attempt.number) " " (result_mark(result(attempt.status.as_str(), attempt.conclusion))) }
        div.list { @for job in &attempt.jobs {
            div.row {
                (result_mark(result(job.status.as_str(), job.conclusion)))
                a href=(format!("/{full_name}/actions/runs/{}/job/{}", run.id, job.id)) { (job.name) }
                span.dim { (result(job.status.as_str(), job.conclusion)) }
            }
        } }
    }
}

/// One job: steps, annotations, log.
pub fn job(view: &View<'_>, place: (&str, &str, u64)) -> Option<Markup> {
    let repository = view.state.repository_by_name(place.0, place.1)?;
    let (run, attempt, job) =
        repository.workflow_runs.values().find_map(|run| run.job(place.2).map(|(attempt, job)| (run, attempt, job)))?;
    let full_name = view.state.full_name(repository);
    let notes = repository.check_runs.get(&job.id).map(|check| check.output.annotations.as_slice()).unwrap_or_default();
    let body = html! {
        (repository_head(view, repository, "actions"))
        h1 { a href=(format!("/{full_name}/actions/runs/{}", run.id)) { (workflow_name(repository, run)) } " / " (job.name)
            " " span.number { "attempt " (attempt.number) } }
        p { (result_mark(result(job.status.as_str(), job.conclusion))) " " (result(job.status.as_str(), job.conclusion)) }
        @for note in notes {
            div class=(format!("annotation {}", note.annotation_level)) {
                code { (note.path) ":" (note.start_line) } div { (note.message) }
            }
        }
        (steps(job))
        form method="post" action=(format!("/{full_name}/do")) {
            input type="hidden" name="check_run" value=(job.id);
            div.buttons { button name="action" value="rerequest" { "Re-run job" } }
        }
    };
    Some(page(view, &job.name, &body))
}

fn steps(job: &Job) -> Markup {
    html! {
        div.list { @for step in &job.steps {
            div.row { (result_mark(result(job.status.as_str(), step.conclusion))) (step.name) }
        } }
        @if !job.log.is_empty() {
            h3 { "Log" }
            pre.log { @for line in job.log.lines() { (log_line(line)) } }
        }
    }
}

/// A line without its timestamp and colours.
fn log_line(line: &str) -> Markup {
    let text = line.trim_start_matches('\u{feff}').split_once(' ').map_or(line, |(_, text)| text);
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, tail)| tail);
    }
    plain.push_str(rest);
    html! {
        @if let Some(error) = plain.strip_prefix("##[error]") { span.bad { "Error: " (error) } }
        @else if let Some(group) = plain.strip_prefix("##[group]") { b { (group) } }
        @else if plain != "##[endgroup]" { (plain) }
        "\n"
    }
}
