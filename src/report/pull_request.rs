//! The pull request and its commit.

use super::{
    MARKER_CHARS, RunView, cell, plain, sections,
    sections::{Detail, fitted},
};
use crate::limits::COMMENT_CHARS;

/// Longest title; GitHub allows 256 characters.
const TITLE_CHARS: usize = 120;
/// Longest first line of a commit message, as git's own tools expect.
const SUBJECT_CHARS: usize = 72;
/// Where the lines of a commit message are broken.
const COMMIT_LINE_CHARS: usize = 72;

/// A pull request to open or to update.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequestText {
    pub title: String,
    /// Markdown, with room for a [`super::Marker`] below GitHub's limit.
    pub body: String,
}

/// The pull request of a run: what, why, the proof, the risks, the cost and where it came from.
pub fn pull_request(view: &RunView) -> PullRequestText {
    PullRequestText {
        title: title(view, TITLE_CHARS),
        body: fitted(COMMENT_CHARS - MARKER_CHARS - 8, |detail| body(view, detail)),
    }
}

/// The commit message of a run: subject, summary, trailers.
pub fn commit_message(view: &RunView) -> String {
    let mut message = title(view, SUBJECT_CHARS - 1);
    if let Some(plan) = &view.plan {
        message += &format!("\n\n{}", wrapped(&plan.plan.summary));
    }
    message += &format!("\n\nWiz-Run: {}", view.run);
    if let Some(plan) = &view.plan {
        message += &format!("\nWiz-Plan: {}", plan.hash.as_str());
    }
    if let Some(login) = &view.requester {
        message += &format!("\nWiz-Requested-By: {login}");
    }
    if let Some(login) = &view.approver {
        message += &format!("\nWiz-Approved-By: {login}");
    }
    message + "\n"
}

pub(super) fn title(view: &RunView, max_chars: usize) -> String {
    let title = plain(&view.subject.title, max_chars);
    if title.is_empty() { format!("Change for {} {}", subject_kind(view), view.subject.number) } else { title }
}

fn subject_kind(view: &RunView) -> &'static str {
    if view.subject.is_pull_request { "pull request" } else { "issue" }
}

/// Paragraphs of at most 72 characters a line. A colon after the first word of a line is broken off, because git would
/// read such a line at the end as a trailer.
pub(super) fn wrapped(text: &str) -> String {
    let mut wrapped = String::new();
    let mut length = 0;
    for word in plain(text, 2_000).split(' ') {
        let chars = word.chars().count();
        if length > 0 && length + 1 + chars > COMMIT_LINE_CHARS {
            wrapped.push('\n');
            length = 0;
        } else if length > 0 {
            wrapped.push(' ');
            length += 1;
        }
        match word.strip_suffix(':').filter(|_| length == 0) {
            Some(word) => wrapped += &format!("{word} :"),
            None => wrapped += word,
        }
        length += chars;
    }
    wrapped
}

fn body(view: &RunView, detail: Detail) -> String {
    let mut parts = Vec::new();
    if let Some(plan) = &view.plan {
        parts.push(sections::summary_of(plan, detail));
    }
    parts.push(reference(view));
    let changes = sections::changes(view, detail);
    if !changes.is_empty() {
        parts.push(format!("## Changes\n\n{changes}"));
    }
    if let Some(plan) = &view.plan {
        let proof = sections::definition_of_done(view, plan, detail);
        let outputs = sections::outputs(view, detail);
        parts.push(format!(
            "## Proof\n\nwiz ran these itself, in clean boxes without a network and without the agent. They are for the first \
             commit here; each later one of wiz's has its own proof in the check `wiz`.\n\n{proof}\n{outputs}"
        ));
        if !plan.plan.risks.is_empty() {
            parts.push(format!("## Risks\n\n{}", sections::bullets(&plan.plan.risks, detail)));
        }
    }
    let findings = sections::findings(view, detail);
    if !findings.is_empty() {
        parts.push(format!("## Review\n\n{findings}"));
    }
    if let Some(plan) = &view.plan {
        parts.push(sections::folded("Plan", &sections::steps(plan, false, detail)));
    }
    parts.push(provenance(view));
    let parts = parts.iter().map(|part| part.trim_end()).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("\n\n") + "\n"
}

/// Merging closes an issue; a pull request is only mentioned.
fn reference(view: &RunView) -> String {
    let word = if view.subject.is_pull_request { "For" } else { "Fixes" };
    format!("{word} #{}: {}", view.subject.number, cell(&view.subject.title, 120))
}

pub(super) fn provenance(view: &RunView) -> String {
    let mut rows = vec![("cost", sections::money(view))];
    let run = view.run.to_string();
    rows.push(("run", view.page_url.as_ref().map_or_else(|| run.clone(), |url| format!("[{run}]({url})"))));
    rows.extend(view.requester.as_ref().map(|login| ("asked for by", plain(login.as_str(), 110))));
    rows.extend(view.approver.as_ref().map(|login| ("approved by", plain(login.as_str(), 110))));
    rows.extend(view.plan.as_ref().map(|plan| ("plan", format!("`{}`", plan.hash.as_str()))));
    rows.extend(view.plan.as_ref().map(|plan| ("made on", format!("`{}`", plan.base))));
    rows.extend(view.model.as_ref().map(|model| ("model", super::code(model, 100))));
    let table: String = rows.iter().map(|(name, value)| format!("| {name} | {value} |\n")).collect();
    let hint = "wiz does not merge: that is yours.";
    format!("## Where this comes from\n\n| | |\n| --- | --- |\n{table}\n{hint}")
}
