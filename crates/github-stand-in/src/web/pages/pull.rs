//! The tabs of a pull request: commits, files, checks, and the box that merges.

use anyhow::Result;
use maud::{Markup, html};

use super::View;
use super::issue::{find, head};
use super::layout::{markdown, page, result_mark, time};
use crate::git::{FileChange, Git};
use crate::store::{CheckRun, CommitStatus, Issue, PullRequest, Repository};

fn merge_base(git: &Git, pull: &PullRequest) -> Result<String> {
    Ok(git.merge_base(&pull.base_sha, &pull.head_sha)?.unwrap_or_else(|| pull.base_sha.clone()))
}

/// The latest check run of each name on the head.
fn head_runs<'a>(repository: &'a Repository, pull: &PullRequest) -> Vec<&'a CheckRun> {
    let mut found: Vec<&CheckRun> = Vec::new();
    for run in repository.check_runs.values().rev().filter(|run| run.head_sha == pull.head_sha) {
        if !found.iter().any(|newer| newer.name == run.name && newer.suite == run.suite) {
            found.push(run);
        }
    }
    found.reverse();
    found
}

/// The latest commit status of each context on the head.
fn head_statuses<'a>(repository: &'a Repository, pull: &PullRequest) -> Vec<&'a CommitStatus> {
    let mut found: Vec<&CommitStatus> = Vec::new();
    for status in repository.statuses.iter().rev().filter(|status| status.sha == pull.head_sha) {
        if !found.iter().any(|newer| newer.context == status.context) {
            found.push(status);
        }
    }
    found
}

fn status_row(status: &CommitStatus) -> Markup {
    html! {
        div.row {
            (result_mark(&status.state)) (status.context)
            span.dim { (status.description.as_deref().unwrap_or_default()) }
            @if let Some(url) = &status.target_url { a href=(url) rel="noreferrer" { "Details" } }
        }
    }
}

/// Conversation, commits, checks, files.
pub fn tabs(view: &View<'_>, repository: &Repository, issue: &Issue, here: &str) -> Markup {
    let root = format!("/{}/pull/{}", view.state.full_name(repository), issue.number);
    let runs = issue.pull.as_ref().map_or(0, |pull| head_runs(repository, pull).len());
    let class = |tab: &str| if tab == here { "here" } else { "" };
    html! {
        nav.tabs {
            a class=(class("conversation")) href=(root) { "Conversation" }
            a class=(class("commits")) href=(format!("{root}/commits")) { "Commits" }
            a class=(class("checks")) href=(format!("{root}/checks")) { "Checks " span.count { (runs) } }
            a class=(class("files")) href=(format!("{root}/files")) { "Files changed" }
        }
    }
}

/// The commits of a pull request.
pub fn commits(view: &View<'_>, place: (&str, &str, u64)) -> Result<Option<Markup>> {
    let Some((repository, issue)) = find(view, place) else { return Ok(None) };
    let Some(pull) = &issue.pull else { return Ok(None) };
    let git = Git::at(&repository.git_dir);
    let found = git.commits(&["--reverse", &format!("{}..{}", merge_base(&git, pull)?, pull.head_sha)])?;
    let body = html! {
        (head(view, repository, issue, "commits"))
        div.list {
            @for commit in &found {
                div.row {
                    code { (&commit.sha[..7]) }
                    b { (commit.message.lines().next().unwrap_or_default()) }
                    span.dim { (commit.author.name) ", " (time(commit.author.date)) }
                    @if repository.signed_commits.contains(&commit.sha) { span.tag.good { "Verified" } }
                }
            }
        }
    };
    Ok(Some(page(view, &issue.title, &body)))
}

/// The diff of a pull request.
pub fn files(view: &View<'_>, place: (&str, &str, u64)) -> Result<Option<Markup>> {
    let Some((repository, issue)) = find(view, place) else { return Ok(None) };
    let Some(pull) = &issue.pull else { return Ok(None) };
    let git = Git::at(&repository.git_dir);
    let changes = git.changes(&merge_base(&git, pull)?, &pull.head_sha)?;
    let body = html! {
        (head(view, repository, issue, "files"))
        @for change in &changes { (file(change)) }
    };
    Ok(Some(page(view, &issue.title, &body)))
}

fn file(change: &FileChange) -> Markup {
    let mut numbers = (0, 0);
    html! {
        div.box.block {
            div.head {
                code { @if let Some(before) = &change.previous_path { (before) " → " } (change.path) } " "
                span.good { "+" (change.additions) } " " span.bad { "−" (change.deletions) } " "
                span.dim { (change.status.as_str()) }
            }
            @match &change.patch {
                None => div.text.dim { "No text to show." },
                Some(patch) => table.diff { @for line in patch.lines() { (diff_line(line, &mut numbers)) } },
            }
        }
    }
}

fn diff_line(line: &str, numbers: &mut (u64, u64)) -> Markup {
    if line.starts_with("@@") {
        let start = |mark: char| {
            let part = line.split(' ').find(|part| part.starts_with(mark)).unwrap_or_default();
            part.get(1..).and_then(|text| text.split(',').next()).and_then(|text| text.parse().ok()).unwrap_or(1)
        };
        *numbers = (start('-'), start('+'));
        return html! { tr.hunk { td.n {} td.n {} td { (line) } } };
    }
    let (class, left, right) = match line.as_bytes().first() {
        Some(b'+') => ("add", false, true),
        Some(b'-') => ("del", true, false),
        Some(b'\\') => ("", false, false),
        _ => ("", true, true),
    };
    let shown = *numbers;
    numbers.0 += u64::from(left);
    numbers.1 += u64::from(right);
    html! {
        tr class=(class) {
            td.n { @if left { (shown.0) } }
            td.n { @if right { (shown.1) } }
            td { (line) }
        }
    }
}

/// The check runs on the head, with annotations and buttons.
pub fn checks(view: &View<'_>, place: (&str, &str, u64)) -> Option<Markup> {
    let (repository, issue) = find(view, place)?;
    let pull = issue.pull.as_ref()?;
    let body = html! {
        (head(view, repository, issue, "checks"))
        @if head_runs(repository, pull).is_empty() && head_statuses(repository, pull).is_empty() { p { "None yet." } }
        @for run in head_runs(repository, pull) { (check(view, repository, issue, run)) }
        @for status in head_statuses(repository, pull) { (status_row(status)) }
    };
    Some(page(view, &issue.title, &body))
}

fn check(view: &View<'_>, repository: &Repository, issue: &Issue, run: &CheckRun) -> Markup {
    let result = run.conclusion.as_deref().unwrap_or(&run.status);
    let app = view.state.apps.get(&run.app).map_or("", |app| app.name.as_str());
    let done = run.status == "completed";
    html! {
        div.box.block {
            div.head {
                (result_mark(result)) " " b { (app) " / " (run.name) } " " span.dim { (result) " " (time(run.started_at)) }
                @if let Some(url) = details(view, repository, run) { " " a href=(url) rel="noreferrer" { "Details" } }
            }
            div.text {
                @if let Some(title) = &run.output.title { h3 { (title) } }
                @if let Some(summary) = &run.output.summary { (markdown(summary)) }
                @if let Some(text) = &run.output.text { (markdown(text)) }
                @for note in &run.output.annotations {
                    div class=(format!("annotation {}", note.annotation_level)) {
                        code { (note.path) ":" (note.start_line) } " "
                        @if let Some(title) = &note.title { b { (title) } " " }
                        div { (note.message) }
                        @if let Some(details) = &note.raw_details { pre { (details) } }
                    }
                }
                form method="post" action=(format!("/{}/do", view.state.full_name(repository))) {
                    input type="hidden" name="number" value=(issue.number);
                    input type="hidden" name="check_run" value=(run.id);
                    div.buttons {
                        @if done { @for action in &run.actions {
                            button name="action" value=(format!("click:{}", action.identifier)) title=(action.description) { (action.label) }
                        } }
                        button name="action" value="rerequest" { "Re-run" }
                    }
                }
            }
        }
    }
}

/// Where `Details` leads: to the job, if a workflow made the run.
fn details(view: &View<'_>, repository: &Repository, run: &CheckRun) -> Option<String> {
    let made_by = repository.workflow_runs.values().find(|one| one.suite == run.suite);
    let job = |id| format!("/{}/actions/runs/{id}/job/{}", view.state.full_name(repository), run.id);
    made_by.map(|one| job(one.id)).or_else(|| run.details_url.clone())
}

/// What stands between the pull request and its merge.
pub fn merge_box(view: &View<'_>, repository: &Repository, issue: &Issue, pull: &PullRequest) -> Result<Markup> {
    let git = Git::at(&repository.git_dir);
    let base = git.read_ref(&format!("refs/heads/{}", pull.base_ref))?;
    let mergeable = match &base {
        Some(base) => git.merged_tree(base, &pull.head_sha)?.is_some(),
        None => false,
    };
    let runs = head_runs(repository, pull);
    Ok(html! {
        div.box.block {
            @for run in &runs {
                div.row { (result_mark(run.conclusion.as_deref().unwrap_or(&run.status))) (run.name)
                    span.dim { (run.output.title.as_deref().unwrap_or_default()) } }
            }
            @for status in head_statuses(repository, pull) { (status_row(status)) }
            div.row {
                @if mergeable { (result_mark("success")) "This branch has no conflicts with the base branch." }
                @else { (result_mark("failure")) "This branch has conflicts that must be resolved." }
            }
            @if mergeable && !pull.draft {
                form.row method="post" action=(format!("/{}/do", view.state.full_name(repository))) {
                    input type="hidden" name="number" value=(issue.number);
                    button.main name="action" value="merge" { "Merge pull request" }
                    button name="action" value="squash" { "Squash and merge" }
                    button name="action" value="rebase" { "Rebase and merge" }
                }
            }
        }
    })
}
