//! Review threads: the comment, its answers, whether it is resolved, and what can be done about it.

use maud::{Markup, html};

use super::View;
use super::activity::reactions;
use super::layout::{login, markdown};
use crate::render::reviews::line_now;
use crate::store::{Issue, PullRequest, Repository, ReviewComment};

/// The thread that a comment began.
pub fn thread(view: &View<'_>, place: (&Repository, &Issue, &PullRequest), root: &ReviewComment) -> Markup {
    let (repository, issue, pull) = place;
    let resolved_by = pull.resolved_threads.get(&root.id);
    let outdated = root.line.is_some() && line_now(repository, pull, root).is_none();
    let answers = pull.review_comments.iter().filter(|one| one.in_reply_to == Some(root.id));
    let shown = html! {
        div.text { pre { (last_lines(&root.diff_hunk)) } (markdown(&root.body)) }
        (reactions(&root.reactions))
        @for answer in answers {
            div.text id=(format!("discussion_r{}", answer.id)) { (login(view.state, answer.user)) " " (markdown(&answer.body)) }
            (reactions(&answer.reactions))
        }
        (form(view, repository, issue, (root, resolved_by.is_some())))
    };
    html! {
        div.event id=(format!("discussion_r{}", root.id)) {
            div.box.block {
                div.head {
                    (login(view.state, root.user)) " on "
                    code { (root.path) @if let Some(line) = root.line { ":" (line) } }
                    @if outdated { " " span.tag { "Outdated" } }
                    @if let Some(by) = resolved_by { " " span.tag.good { "Resolved" } " by " (login(view.state, *by)) }
                }
                @if resolved_by.is_some() { details { summary { "Show resolved" } (shown) } } @else { (shown) }
            }
        }
    }
}

fn form(view: &View<'_>, repository: &Repository, issue: &Issue, what: (&ReviewComment, bool)) -> Markup {
    let (root, resolved) = what;
    let (action, text) =
        if resolved { ("unresolve", "Unresolve conversation") } else { ("resolve", "Resolve conversation") };
    html! {
        form.text method="post" action=(format!("/{}/do", view.state.full_name(repository))) {
            input type="hidden" name="number" value=(issue.number);
            input type="hidden" name="comment" value=(root.id);
            textarea name="body" placeholder="Reply" {}
            div.buttons {
                button name="action" value="reply" { "Reply" }
                button name="action" value=(action) { (text) }
            }
        }
    }
}

/// GitHub shows the four last lines of the hunk above a line comment.
fn last_lines(hunk: &str) -> String {
    let lines: Vec<&str> = hunk.lines().collect();
    lines[lines.len().saturating_sub(4)..].join("\n")
}
