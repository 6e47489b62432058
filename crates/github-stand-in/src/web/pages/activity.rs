//! What happened in a conversation, in the order it happened.

use chrono::{DateTime, Utc};
use maud::{Markup, html};

use super::View;
use super::layout::{login, post, time};
use super::threads;
use crate::store::{Issue, Reaction, Repository, ReviewComment, ReviewState};

/// Comments, reviews, line comments, merge and close, oldest first.
pub fn timeline(view: &View<'_>, repository: &Repository, issue: &Issue) -> Markup {
    let mut entries: Vec<(DateTime<Utc>, u64, Markup)> = Vec::new();
    for comment in repository.comments_of(issue.number) {
        let words = post(view.state, (comment.user, "commented"), comment.created_at, &comment.body);
        let markup =
            html! { div id=(format!("issuecomment-{}", comment.id)) { (words) (reactions(&comment.reactions)) } };
        entries.push((comment.created_at, comment.id, markup));
    }
    if let Some(pull) = &issue.pull {
        for review in &pull.reviews {
            let did = match review.state {
                ReviewState::Approved => "approved these changes",
                ReviewState::ChangesRequested => "requested changes",
                ReviewState::Commented => "reviewed",
                ReviewState::Dismissed => "reviewed (dismissed)",
                ReviewState::Pending => continue,
            };
            let at = review.submitted_at.unwrap_or(issue.created_at);
            // Answers stand in their threads.
            let own = |comment: &&ReviewComment| comment.review == review.id && comment.in_reply_to.is_none();
            let lines: Vec<&ReviewComment> = pull.review_comments.iter().filter(own).collect();
            let answered = pull.review_comments.iter().any(|comment| comment.review == review.id);
            if lines.is_empty() && answered && review.body.trim().is_empty() {
                continue;
            }
            let markup = html! {
                div id=(format!("pullrequestreview-{}", review.id)) {
                    @if review.body.trim().is_empty() {
                        p.event { (login(view.state, review.user)) " " (did) " " (time(at)) }
                    } @else { (post(view.state, (review.user, did), at, &review.body)) }
                    @for comment in lines { (threads::thread(view, (repository, issue, pull), comment)) }
                }
            };
            entries.push((at, review.id, markup));
        }
        if let (Some(at), Some(by), Some(sha)) = (pull.merged_at, pull.merged_by, &pull.merge_commit_sha) {
            let markup =
                html! { p.event { (login(view.state, by)) " merged this as " code { (&sha[..7]) } " " (time(at)) } };
            entries.push((at, u64::MAX - 1, markup));
        }
    }
    if let (Some(at), Some(by)) = (issue.closed_at, issue.closed_by) {
        let markup = html! { p.event { (login(view.state, by)) " closed this " (time(at)) } };
        entries.push((at, u64::MAX, markup));
    }
    entries.sort_by_key(|(at, id, _)| (*at, *id));
    html! { @for (_, _, markup) in entries { (markup) } }
}

/// The emoji left on something, with counts.
pub fn reactions(left: &[Reaction]) -> Markup {
    const SIGNS: [(&str, &str); 8] = [
        ("+1", "👍"),
        ("-1", "👎"),
        ("laugh", "😄"),
        ("confused", "😕"),
        ("heart", "❤️"),
        ("hooray", "🎉"),
        ("rocket", "🚀"),
        ("eyes", "👀"),
    ];
    let counted = SIGNS.iter().map(|(name, sign)| (name, sign, left.iter().filter(|one| one.content == *name).count()));
    html! {
        @if !left.is_empty() {
            p.event { @for (name, sign, count) in counted.filter(|(_, _, count)| *count > 0) {
                span.reaction title=(name) { (sign) " " (count) }
            } }
        }
    }
}
