//! The sticky status comment: what happens, what the plan is, what was proven, and what to say next. Details are folded.

use std::time::Duration;

use super::{
    Forecast, MARKER_CHARS, RunState, RunView, cell, neutralise, plain, questions, sections, sections::Detail,
    ungranted::ungranted,
};
use crate::limits::{COMMENT_CHARS, PATCH_FILES};

/// Room for the list of what a person is asked to allow, which is shown whole or not allowed: one line of 200 characters for
/// each file that a run may change.
const WHOLE_LIST_CHARS: usize = PATCH_FILES * 210;

/// Most that is shown of why a run failed; the rest is not what helps.
const FAILURE_CHARS: usize = 2_000;

/// The status comment for a run as it is now. Always leaves room for a [`super::Marker`] below GitHub's limit: the
/// outputs of programs go first, then long texts are cut.
pub fn status_comment(view: &RunView) -> String {
    sections::fitted(COMMENT_CHARS - MARKER_CHARS - 8, |detail| {
        let head = format!("### {}\n\n", sections::headline(view));
        let parts = [head, summary(view, detail), details(view, detail), footer(view)];
        parts.iter().filter(|part| !part.trim().is_empty()).map(|part| part.trim_end()).collect::<Vec<_>>().join("\n\n")
            + "\n"
    })
}

/// Where the run stands and what to say next, in a few lines.
pub(super) fn brief(view: &RunView) -> String {
    let pull = view.pull_request.as_ref().map(|pull| format!("**Pull request:** [#{}]({})", pull.number, pull.url));
    let parts = [format!("**{}**", neutralise(&sections::headline(view), 200)), pull.unwrap_or_default(), next(view)];
    parts.iter().map(|part| part.trim_end()).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n")
}

/// The beginning of a text that wiz wrote. A block of code that is cut off ends all the same, so that what comes after it
/// is none.
fn beginning(text: &str, max_chars: usize) -> String {
    let cut: String = text.chars().take(max_chars).collect();
    let fence_of = |line: &str| line.chars().take_while(|c| *c == '`').collect::<String>();
    let open = cut.lines().fold(String::new(), |open, line| match fence_of(line) {
        fence if open.is_empty() && fence.len() >= 3 => fence,
        _ if line == open => String::new(),
        _ => open,
    });
    if open.is_empty() { cut } else { format!("{cut}\n{open}") }
}

/// What everybody should see: who asked for what, the question or the failure, the plan and its proof, the next command.
pub(super) fn summary(view: &RunView, detail: Detail) -> String {
    let mut parts = vec![occasion(view)];
    if let Some(failure) = &view.failure
        && matches!(view.state, RunState::Failed | RunState::Cancelled)
    {
        parts.push(beginning(failure.as_str(), FAILURE_CHARS));
    }
    if let Some(question) = &view.gate
        && matches!(
            view.state,
            RunState::NeedsApproval | RunState::NeedsAnswer | RunState::NeedsScope | RunState::Paused
        )
    {
        let whole = view.state == RunState::NeedsScope;
        let chars = if whole { WHOLE_LIST_CHARS } else { detail.text_chars().max(300) };
        parts.push(neutralise(question, chars));
    }
    if let Some(question) = view.question.as_ref().filter(|_| view.state == RunState::NeedsAnswer) {
        parts.push(questions::asked(question, (view.requester.as_ref(), &view.asked_of), detail));
    }
    if let Some(pull) = &view.pull_request {
        let draft = if pull.draft { " as a draft" } else { "" };
        parts.push(format!("**Pull request:** [#{}]({}){draft}", pull.number, pull.url));
    }
    if let Some(draft) = &view.follow_up_draft {
        parts.push(format!("**Unfinished work:** [#{}]({}) as a draft", draft.number, draft.url));
    }
    if let Some(plan) = &view.plan {
        parts.push(sections::summary_of(plan, detail));
        parts.push(format!("**Plan** `{}`\n\n{}", plan.hash.short(), sections::steps(plan, is_proposed(view), detail)));
        parts.push(format!("**Done means**\n\n{}", sections::definition_of_done(view, plan, detail)));
    }
    parts.push(sections::gate(view, detail));
    if view.plan.is_some() && is_proposed(view) {
        parts.push(
            "Edit this comment to change the plan: untick a step to leave it out, tick it to have it back, or reword the \
             summary, a step or a check's name."
                .to_owned(),
        );
    }
    parts.push(expected(view));
    parts.push(next(view));
    parts.extend(view.ungranted.as_ref().map(ungranted));
    let parts = parts.iter().map(|part| part.trim_end()).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("\n\n")
}

/// What some want to know: folded parts.
pub(super) fn details(view: &RunView, detail: Detail) -> String {
    let mut text = String::new();
    if let Some(plan) = &view.plan {
        let steps = plan.shown_steps(is_proposed(view)).into_iter();
        let steps =
            steps.map(|(step, _)| format!("**{}**\n\n{}\n", step.id, neutralise(&step.detail, detail.text_chars())));
        text += &sections::folded("Steps in detail", &steps.collect::<Vec<_>>().join("\n"));
        text += &sections::folded("Risks", &sections::bullets(&plan.plan.risks, detail));
        if view.changes.is_empty() {
            let files: Vec<String> = plan.plan.files.iter().map(|file| super::code(file, 200)).collect();
            let files = files.iter().take(detail.rows()).map(|file| format!("- {file}\n")).collect::<String>();
            text += &sections::folded("Files this will touch", &files);
        }
    }
    // What a pull request of somebody else changes in all is not wiz's to count.
    let of_last = view.follow_ups > 0 && view.subject.is_pull_request;
    let changed = if of_last { "Files changed by the last commit" } else { "Files changed" };
    text += &sections::folded(changed, &sections::changes(view, detail));
    text += &sections::folded("Review", &sections::findings(view, detail));
    text += &sections::outputs(view, detail);
    text += &sections::folded("Time", &times(view));
    text
}

/// Whether the plan waits, and so can be edited.
fn is_proposed(view: &RunView) -> bool {
    view.state == RunState::NeedsApproval
}

fn occasion(view: &RunView) -> String {
    let who = view.requester.as_ref().map(|login| format!(" by {}", plain(login.as_str(), 110))).unwrap_or_default();
    let occasion = match word(&view.verb).as_str() {
        // Nobody need have said a word.
        "ci" => format!("Failing checks, worked on{}", who.replacen(" by ", " for ", 1)),
        verb => format!("`/wiz {verb}`{who}"),
    };
    format!("{occasion} · {} · {}", cell(&view.subject.title, 120), sections::money(view))
}

/// When to come back, as far as anybody can tell.
fn expected(view: &RunView) -> String {
    let Some(forecast) = view.forecast else { return String::new() };
    let what = if matches!(view.state, RunState::Queued | RunState::Planning) {
        "the plan"
    } else if view.follow_up.is_some() {
        "the next commit"
    } else {
        "the pull request"
    };
    match forecast {
        Forecast::Known { left, runs } => {
            let left = sections::foreseen(left);
            format!("**Expected:** {what} in about {left}, as the median of {runs} runs here took")
        }
        Forecast::Unknown { needed } => {
            format!("**Expected:** {what}; when is unknown until {needed} runs here have come that far")
        }
    }
}

fn next(view: &RunView) -> String {
    let commands = sections::next_commands(view);
    let commands = commands.iter().map(|(command, meaning)| format!("`{command}` ({meaning})"));
    let commands: Vec<String> = commands.collect();
    if commands.is_empty() { String::new() } else { format!("**Next:** {}", commands.join(", ")) }
}

/// How long the run was in each state, in the order in which it came to them; a follow-up comes to the same ones again.
fn times(view: &RunView) -> String {
    let mut stays: Vec<(RunState, Duration)> = Vec::new();
    for timing in &view.timings {
        match stays.iter_mut().find(|(state, _)| *state == timing.stage) {
            Some((_, stay)) => *stay += timing.duration,
            None => stays.push((timing.stage, timing.duration)),
        }
    }
    stays.iter().map(|(state, stay)| format!("- {}: {}\n", stage(*state), sections::took(*stay))).collect()
}

fn stage(state: RunState) -> &'static str {
    match state {
        RunState::Queued => "waiting",
        RunState::Planning => "planning",
        RunState::NeedsApproval => "waiting for approval",
        RunState::NeedsAnswer => "waiting for an answer",
        RunState::NeedsScope => "waiting for a decision about files",
        RunState::Paused => "resting",
        RunState::Working => "working",
        RunState::Verifying => "checking",
        RunState::Reviewing => "reviewing",
        RunState::Publishing => "publishing",
        RunState::Watching => "watching",
        RunState::Succeeded | RunState::Failed | RunState::Cancelled => "ended",
    }
}

fn footer(view: &RunView) -> String {
    let run = match &view.page_url {
        Some(url) => format!("[run {}]({url})", view.run),
        None => format!("run {}", view.run),
    };
    let model = view.model.as_ref().map(|model| format!(" · model {}", super::code(model, 100))).unwrap_or_default();
    let branch = view.branch.as_ref().map(|name| format!(" · branch {}", super::code(name.as_str(), 250)));
    format!("<sub>{run}{model}{}</sub>", branch.unwrap_or_default())
}

/// A verb has only letters; nothing else is shown as one.
fn word(verb: &str) -> String {
    verb.chars().filter(char::is_ascii_alphabetic).take(20).collect()
}
