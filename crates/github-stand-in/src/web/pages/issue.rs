//! The conversation of an issue or pull request.

use anyhow::Result;
use maud::{Markup, html};

use super::View;
use super::activity::{reactions, timeline};
use super::layout::{page, post};
use super::lists::{repository_head, state_badge};
use super::pull;
use crate::store::{Issue, IssueState, Repository};

/// The page.
pub fn conversation(view: &View<'_>, place: (&str, &str, u64)) -> Result<Option<Markup>> {
    let Some((repository, issue)) = find(view, place) else { return Ok(None) };
    let merge_box = match &issue.pull {
        Some(pull) if issue.state == IssueState::Open => pull::merge_box(view, repository, issue, pull)?,
        Some(_) | None => html! {},
    };
    let body = html! {
        (head(view, repository, issue, "conversation"))
        (post(view.state, (issue.user, "opened this"), issue.created_at, issue.body.as_deref().unwrap_or_default()))
        (reactions(&issue.reactions))
        (timeline(view, repository, issue))
        (merge_box)
        (comment_form(view, repository, issue))
        (settings_form(view, repository, issue))
    };
    Ok(Some(page(view, &format!("{} #{}", issue.title, issue.number), &body)))
}

/// The repository and issue of a path.
pub fn find<'a>(view: &'a View<'_>, place: (&str, &str, u64)) -> Option<(&'a Repository, &'a Issue)> {
    let repository = view.state.repository_by_name(place.0, place.1)?;
    repository.issues.get(&place.2).map(|issue| (repository, issue))
}

/// Title, state and, for a pull request, its tabs.
pub fn head(view: &View<'_>, repository: &Repository, issue: &Issue, here: &str) -> Markup {
    let kind = if issue.pull.is_some() { "pulls" } else { "issues" };
    html! {
        (repository_head(view, repository, kind))
        h1 { (issue.title) " " span.number { "#" (issue.number) } }
        p {
            (state_badge(issue))
            @for label in &issue.labels { span.label { (label) } }
            @if issue.locked.is_some() { span.tag { "🔒 locked" } }
            @if let Some(pull) = &issue.pull {
                @let is_merged = pull.merged_at.is_some();
                span.dim { (if is_merged { "merged " } else { "wants to merge " }) code { (pull.head_ref) } " into " code { (pull.base_ref) } }
            }
        }
        @if issue.pull.is_some() { (pull::tabs(view, repository, issue, here)) }
    }
}

/// Labels, lock and draft.
fn settings_form(view: &View<'_>, repository: &Repository, issue: &Issue) -> Markup {
    let (lock, lock_text) =
        if issue.locked.is_some() { ("unlock", "Unlock conversation") } else { ("lock", "Lock conversation") };
    let draft = issue.pull.as_ref().filter(|_| issue.state == IssueState::Open).map(|pull| pull.draft);
    html! {
        form method="post" action=(format!("/{}/do", view.state.full_name(repository))) {
            input type="hidden" name="number" value=(issue.number);
            input type="text" name="label" placeholder="Label";
            div.buttons {
                button name="action" value="label" { "Add label" }
                button name="action" value="unlabel" { "Remove label" }
                button name="action" value=(lock) { (lock_text) }
                @match draft {
                    Some(true) => button name="action" value="ready" { "Ready for review" },
                    Some(false) => button name="action" value="draft" { "Convert to draft" },
                    None => {},
                }
            }
        }
    }
}

fn comment_form(view: &View<'_>, repository: &Repository, issue: &Issue) -> Markup {
    let action = format!("/{}/do", view.state.full_name(repository));
    let (toggle, text) = match issue.state {
        IssueState::Open => ("close", "Close"),
        IssueState::Closed => ("reopen", "Reopen"),
    };
    let pull = issue.pull.as_ref();
    html! {
        h2 { "Add a comment" }
        form method="post" action=(action) {
            input type="hidden" name="number" value=(issue.number);
            textarea name="body" placeholder="Leave a comment" {}
            div.buttons {
                button.main name="action" value="comment" { "Comment" }
                @if pull.is_some() {
                    button name="action" value="approve" { "Approve" }
                    button name="action" value="request_changes" { "Request changes" }
                }
                @if pull.is_none_or(|pull| pull.merged_at.is_none()) {
                    button name="action" value=(toggle) { (text) }
                }
            }
        }
    }
}
