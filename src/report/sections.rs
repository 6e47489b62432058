//! The parts that several texts share: headlines, tables, and how much of it all is shown.

use std::time::Duration;

use super::{
    Evidence, FileChange, Observation, Outcome, PlanView, RunState, RunView, StepProgress, cell, code, fenced,
    follow_up, neutralise, plain,
};
use crate::plan::{Approver, Criterion, Proof};

/// How much is shown. When a text is too long, the next form is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Detail {
    /// Everything.
    Full,
    /// Only the last lines of outputs.
    ShortOutputs,
    /// No outputs.
    NoOutputs,
    /// No outputs, and every text cut short.
    Short,
    /// Only what fits in any case.
    Least,
}

impl Detail {
    const ALL: [Self; 5] = [Self::Full, Self::ShortOutputs, Self::NoOutputs, Self::Short, Self::Least];

    /// Longest single text by a model or person, in characters.
    pub fn text_chars(self) -> usize {
        match self {
            Self::Full | Self::ShortOutputs | Self::NoOutputs => 4_000,
            Self::Short => 300,
            Self::Least => 100,
        }
    }

    /// Longest output of a program, in characters; none when 0.
    pub fn output_chars(self) -> usize {
        match self {
            Self::Full => 4_000,
            Self::ShortOutputs => 600,
            Self::NoOutputs | Self::Short | Self::Least => 0,
        }
    }

    /// Most rows of one table.
    pub fn rows(self) -> usize {
        match self {
            Self::Full | Self::ShortOutputs | Self::NoOutputs => 100,
            Self::Short => 30,
            Self::Least => 12,
        }
    }
}

/// The richest form of a text that has at most `max_chars` characters.
pub(super) fn fitted(max_chars: usize, text: impl Fn(Detail) -> String) -> String {
    let fits = |text: &String| text.chars().count() <= max_chars;
    let form = Detail::ALL.into_iter().map(&text).find(fits);
    form.unwrap_or_else(|| text(Detail::Least).chars().take(max_chars).collect())
}

/// What the run is doing, in a few words.
pub(super) fn headline(view: &RunView) -> String {
    if let Some(headline) = follow_up::headline(view) {
        return headline;
    }
    match view.state {
        RunState::Queued => match view.queue {
            None => "Waiting to start".into(),
            Some(place) => {
                let ahead = match place.ahead {
                    0 => "next in line".to_owned(),
                    1 => "1 run ahead".to_owned(),
                    more => format!("{more} runs ahead"),
                };
                let wait = place.wait.map(|wait| format!(", about {}", foreseen(wait))).unwrap_or_default();
                format!("Waiting: {ahead}{wait}")
            }
        },
        RunState::Planning => "Planning".into(),
        RunState::NeedsApproval if view.gate.is_some() => "Your decision is needed".into(),
        RunState::NeedsApproval => "The plan is ready for approval".into(),
        RunState::NeedsAnswer => "A question for you".into(),
        RunState::NeedsScope if view.gate_raised => "The change needs an approval of its own".into(),
        RunState::NeedsScope => "The change leaves the approved files".into(),
        RunState::Paused if view.out_of_money => "Paused: the budget is used up".into(),
        RunState::Paused => "Paused".into(),
        RunState::Working => match &view.plan {
            Some(plan) => {
                let done = plan.progress.iter().filter(|(_, progress)| *progress == StepProgress::Done).count();
                format!("Working: {done} of {} steps done", plan.plan.steps.len())
            }
            None => "Working".into(),
        },
        RunState::Verifying => "Running the checks in a clean box".into(),
        RunState::Reviewing => "Reviewing the change".into(),
        RunState::Publishing => "Opening the pull request".into(),
        RunState::Watching => match &view.pull_request {
            Some(pull) => format!("Pull request #{} is open", pull.number),
            None => "Watching the pull request".into(),
        },
        RunState::Succeeded => "Done".into(),
        RunState::Failed => "Failed".into(),
        RunState::Cancelled => "Cancelled".into(),
    }
}

/// What a person can say now, the most likely first, each with its meaning.
pub(super) fn next_commands(view: &RunView) -> Vec<(String, &'static str)> {
    let plain = |command: &str, meaning| (command.to_owned(), meaning);
    match view.state {
        RunState::NeedsApproval => {
            let approve = view.plan.as_ref().map(|plan| (format!("/wiz approve {}", plan.hash.short()), "go on"));
            let others = [plain("/wiz revise …", "say what to change"), plain("/wiz reject", "end the run")];
            approve.into_iter().chain(others).collect()
        }
        RunState::NeedsAnswer => {
            let has_options = view.question.as_ref().is_some_and(|question| !question.options.is_empty());
            let first = has_options.then(|| plain("/wiz answer 1", "or another number"));
            let others = [plain("/wiz answer …", "in your own words"), plain("/wiz cancel", "end the run")];
            first.into_iter().chain(others).collect()
        }
        RunState::NeedsScope if view.gate_raised => {
            vec![plain("/wiz approve scope", "go on with the change as it is"), plain("/wiz reject", "end the run")]
        }
        RunState::NeedsScope => vec![
            plain("/wiz approve scope", "allow these files"),
            plain("/wiz reject", "do the work without them"),
            plain("/wiz cancel", "end the run"),
        ],
        RunState::Paused if view.out_of_money => {
            vec![plain("/wiz budget +$2", "go on with more"), plain("/wiz cancel", "end the run")]
        }
        RunState::Paused => vec![plain("/wiz resume", "go on"), plain("/wiz cancel", "end the run")],
        RunState::Watching => vec![plain("/wiz cancel", "leave the pull request alone")],
        RunState::Failed | RunState::Cancelled if view.pull_request.as_ref().is_some_and(|pull| !pull.open) => {
            vec![plain("/wiz fix", "start over")]
        }
        RunState::Failed => vec![plain("/wiz retry", "try again"), plain("/wiz fix …", "start over, with other words")],
        RunState::Cancelled => vec![plain("/wiz retry", "go on"), plain("/wiz fix", "start over")],
        RunState::Queued
        | RunState::Planning
        | RunState::Working
        | RunState::Verifying
        | RunState::Reviewing
        | RunState::Publishing => vec![plain("/wiz pause", "let it rest"), plain("/wiz cancel", "stop")],
        RunState::Succeeded => Vec::new(),
    }
}

/// The command for the title of a check run: only where the run waits for one.
pub(super) fn first_command(view: &RunView) -> Option<String> {
    let waits = matches!(
        view.state,
        RunState::NeedsApproval | RunState::NeedsAnswer | RunState::NeedsScope | RunState::Paused | RunState::Failed
    );
    next_commands(view).into_iter().next().filter(|_| waits).map(|(command, _)| command)
}

/// The steps as a task list.
pub(super) fn steps(plan: &PlanView, is_proposed: bool, detail: Detail) -> String {
    let mut list = String::new();
    for (step, is_planned) in plan.shown_steps(is_proposed) {
        let (tick, remark) = match plan.progress_of(&step.id) {
            // A plan that waits can be edited: a tick means that the step is part of it.
            StepProgress::Waiting if is_proposed && is_planned => ('x', ""),
            StepProgress::Waiting => (' ', ""),
            StepProgress::Working => (' ', " *(working)*"),
            StepProgress::Done => ('x', ""),
            StepProgress::Failed => (' ', " *(failed)*"),
        };
        list += &format!("- [{tick}] **{}** {}{remark}\n", step.id, cell(&step.title, detail.text_chars().min(200)));
    }
    list
}

/// Who must agree to the plan, and why.
pub(super) fn gate(view: &RunView, detail: Detail) -> String {
    let Some(gate) = view.plan.as_ref().and_then(|plan| plan.gate.as_ref()) else { return String::new() };
    let who = match gate.approver {
        Approver::Nobody => "`autonomous`: work begins without an approval".to_owned(),
        Approver::Anybody => "`supervised`: the plan needs one approval".to_owned(),
        Approver::AnotherPerson => {
            let asked = view.requester.as_ref().map(|login| format!(" than {}", plain(login.as_str(), 110)));
            format!("`human-required`: the plan needs the approval of another person{}", asked.unwrap_or_default())
        }
    };
    format!("**Gate** {who}\n\n{}", bullets(&gate.reasons, detail))
}

/// The definition of done with what wiz itself saw.
pub(super) fn definition_of_done(view: &RunView, plan: &PlanView, detail: Detail) -> String {
    let mut table = String::from("| | check | before | after |\n| --- | --- | --- | --- |\n");
    for criterion in &plan.plan.definition_of_done {
        let evidence = view.evidence.iter().find(|seen| seen.criterion == criterion.name);
        let sign = match evidence {
            None => "⏳",
            Some(evidence) if evidence.holds(criterion.proof) => "✅",
            Some(evidence) if evidence.after.is_none() => "⏳",
            Some(_) => "❌",
        };
        table += &format!(
            "| {sign} | {}<br>{} | {} | {} |\n",
            cell(&criterion.name, detail.text_chars().min(120)),
            code(&criterion.command, detail.text_chars().min(200)),
            before(criterion, evidence),
            evidence.and_then(|seen| seen.after.as_ref()).map_or_else(|| "must pass".to_owned(), observed),
        );
    }
    table
}

fn before(criterion: &Criterion, evidence: Option<&Evidence>) -> String {
    match (criterion.proof, evidence.and_then(|seen| seen.before.as_ref())) {
        (_, Some(seen)) => observed(seen),
        (Proof::FailsThenPasses, None) => "must fail".into(),
        (Proof::PassesThroughout, None) => "must pass".into(),
        (Proof::Passes, None) => String::new(),
    }
}

fn observed(seen: &Observation) -> String {
    let how = match &seen.outcome {
        Outcome::Passed => "🟢 passed".to_owned(),
        Outcome::Failed { exit } => format!("🔴 failed (exit {exit})"),
        Outcome::Broken { reason } => format!("🔴 {}", cell(reason, 80)),
    };
    format!("{how}, {}", took(seen.duration))
}

/// What the checks printed, folded; empty where outputs are left out.
pub(super) fn outputs(view: &RunView, detail: Detail) -> String {
    let mut text = String::new();
    if detail.output_chars() == 0 {
        return text;
    }
    for evidence in view.evidence.iter().take(detail.rows()) {
        for (when, seen) in [("before", &evidence.before), ("after", &evidence.after)] {
            if let Some(seen) = seen
                && !seen.output_tail.trim().is_empty()
            {
                let title = format!("{} ({when})", html(&evidence.criterion, 120));
                text += &folded(&format!("Output of {title}"), &fenced(&seen.output_tail, detail.output_chars()));
            }
        }
    }
    text
}

/// What a command printed at a place, folded; empty where it printed nothing.
pub(super) fn folded_output(place: &str, output: &str) -> String {
    if output.trim().is_empty() {
        return String::new();
    }
    folded(&format!("Output {place}"), &fenced(output, Detail::Full.output_chars()))
}

/// The reviewer's remarks as a list.
pub(super) fn findings(view: &RunView, detail: Detail) -> String {
    let mut list = String::new();
    for finding in view.review.iter().flat_map(|review| &review.findings).take(detail.rows()) {
        let more = cell(&finding.detail, detail.text_chars().min(1_000));
        let more = if more.is_empty() { more } else { format!(" – {more}") };
        list += &format!(
            "- **{}** {} {}{more}\n",
            finding.level.name(),
            code(&format!("{}:{}", finding.path, finding.line), 200),
            cell(&finding.title, detail.text_chars().min(200)),
        );
    }
    list
}

/// The changed files as a table.
pub(super) fn changes(view: &RunView, detail: Detail) -> String {
    if view.changes.is_empty() {
        return String::new();
    }
    let mut table = String::from("| file | change | lines |\n| --- | --- | --- |\n");
    for file in view.changes.iter().take(detail.rows()) {
        let change = match file.change {
            FileChange::Added => "added",
            FileChange::Changed => "changed",
            FileChange::Deleted => "deleted",
        };
        table += &format!("| {} | {change} | +{} −{} |\n", code(&file.path, 200), file.added_lines, file.removed_lines);
    }
    if let Some(more) = view.changes.len().checked_sub(detail.rows()).filter(|more| *more > 0) {
        table += &format!("| and {more} more | | |\n");
    }
    table
}

/// `about $0.04, cap $3.00`, or what was spent once something was.
pub(super) fn money(view: &RunView) -> String {
    let spent = (view.money.spent.get() > 0).then(|| format!("spent {}", view.money.spent));
    // The price of the work ahead belongs to the decision about it; later only what was spent counts.
    let decides = matches!(view.state, RunState::NeedsApproval | RunState::NeedsAnswer);
    let more = if spent.is_some() { " more" } else { "" };
    let quote = view.money.quote.filter(|_| decides || spent.is_none()).map(|quote| format!("about {quote}{more}"));
    let parts: Vec<String> = spent.into_iter().chain(quote).chain([format!("cap {}", view.money.cap)]).collect();
    parts.join(", ")
}

/// A list of short texts by a model.
pub(super) fn bullets(texts: &[String], detail: Detail) -> String {
    let texts = texts.iter().take(detail.rows());
    texts.map(|text| format!("- {}\n", cell(text, detail.text_chars().min(1_000)))).collect()
}

/// The plan's own words.
pub(super) fn summary_of(plan: &PlanView, detail: Detail) -> String {
    neutralise(&plan.plan.summary, detail.text_chars())
}

/// A part that is closed until a reader opens it. `title` is HTML.
pub(super) fn folded(title: &str, inside: &str) -> String {
    if inside.trim().is_empty() {
        return String::new();
    }
    format!("<details><summary>{title}</summary>\n\n{}\n\n</details>\n\n", inside.trim_end())
}

/// `untrusted` for the inside of an HTML element.
fn html(untrusted: &str, max_chars: usize) -> String {
    let text = super::plain(untrusted, max_chars);
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace(['`', '*', '_', '[', ']', '\\'], " ")
}

/// Nobody can tell more closely than this when something will be done.
const LEAST_FORESEEN: Duration = Duration::from_secs(10);

/// A time that is still to come, as people say it.
pub(super) fn foreseen(duration: Duration) -> String {
    took(duration.max(LEAST_FORESEEN))
}

/// A duration as people say it.
pub(super) fn took(duration: Duration) -> String {
    match duration.as_secs() {
        0 => format!("{} ms", duration.as_millis()),
        1..10 => format!("{:.1} s", duration.as_secs_f64()),
        seconds @ 10..60 => format!("{seconds} s"),
        seconds @ 60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}
