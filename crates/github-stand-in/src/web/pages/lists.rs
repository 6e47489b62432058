//! The front page and the lists of issues and pull requests.

use maud::{Markup, html};

use super::View;
use super::layout::{login, page, time};
use crate::store::{Issue, IssueState, Repository};

/// All repositories.
pub fn home(view: &View<'_>) -> Markup {
    let body = html! {
        h1 { "Repositories" }
        div.list {
            @if view.state.repositories.is_empty() { div.row { "None yet." } }
            @for repository in view.state.repositories.values() {
                @let name = view.state.full_name(repository);
                div.row {
                    a href=(format!("/{name}")) { b { (name) } }
                    span.tag { @if repository.private { "private" } @else { "public" } }
                    span.dim { (repository.description.as_deref().unwrap_or_default()) }
                }
            }
        }
    };
    page(view, "Repositories", &body)
}

/// The head of a repository's pages.
pub fn repository_head(view: &View<'_>, repository: &Repository, here: &str) -> Markup {
    let name = view.state.full_name(repository);
    let open = |pulls: bool| {
        let all = repository.issues.values().filter(|issue| issue.state == IssueState::Open);
        all.filter(|issue| issue.pull.is_some() == pulls).count()
    };
    let class = |tab: &str| if tab == here { "here" } else { "" };
    html! {
        h3 { a href=(format!("/{name}")) { (name) } }
        nav.tabs {
            a class=(class("issues")) href=(format!("/{name}/issues")) { "Issues " span.count { (open(false)) } }
            a class=(class("pulls")) href=(format!("/{name}/pulls")) { "Pull requests " span.count { (open(true)) } }
            a class=(class("actions")) href=(format!("/{name}/actions")) { "Actions " span.count { (repository.workflow_runs.len()) } }
        }
    }
}

/// Issues or pull requests of a repository, open ones first.
pub fn issues(view: &View<'_>, name: (&str, &str), pulls: bool) -> Option<Markup> {
    let repository = view.state.repository_by_name(name.0, name.1)?;
    let full_name = view.state.full_name(repository);
    let mut shown: Vec<&Issue> = repository.issues.values().filter(|issue| issue.pull.is_some() == pulls).collect();
    shown.sort_by_key(|issue| (issue.state == IssueState::Closed, std::cmp::Reverse(issue.number)));
    let body = html! {
        (repository_head(view, repository, if pulls { "pulls" } else { "issues" }))
        div.list {
            @if shown.is_empty() { div.row { "None yet." } }
            @for issue in shown { (row(view, &full_name, issue)) }
        }
        @if !pulls {
            h2 { "New issue" }
            form method="post" action=(format!("/{full_name}/do")) {
                input type="hidden" name="action" value="open_issue";
                p { input type="text" name="title" placeholder="Title" required; }
                textarea name="body" placeholder="Describe it" {}
                div.buttons { button.main { "Create" } }
            }
        }
    };
    Some(page(view, &full_name, &body))
}

fn row(view: &View<'_>, full_name: &str, issue: &Issue) -> Markup {
    let folder = if issue.pull.is_some() { "pull" } else { "issues" };
    html! {
        div.row {
            (state_badge(issue))
            div {
                a href=(format!("/{full_name}/{folder}/{}", issue.number)) { b { (issue.title) } } " "
                @for label in &issue.labels { span.label { (label) } }
                div.dim { "#" (issue.number) " by " (login(view.state, issue.user)) ", " (time(issue.created_at)) }
            }
        }
    }
}

/// Open, closed, merged or draft.
pub fn state_badge(issue: &Issue) -> Markup {
    let merged = issue.pull.as_ref().is_some_and(|pull| pull.merged_at.is_some());
    let draft = issue.pull.as_ref().is_some_and(|pull| pull.draft);
    let (class, text) = match issue.state {
        IssueState::Closed if merged => ("merged", "Merged"),
        IssueState::Closed if issue.pull.is_none() => ("done", "Closed"),
        IssueState::Closed => ("closed", "Closed"),
        IssueState::Open if draft => ("draft", "Draft"),
        IssueState::Open => ("", "Open"),
    };
    html! { span class=(format!("state {class}")) { (text) } }
}
