//! One check run for each item of a definition of done that has several, with what wiz itself saw of it.
//!
//! There are at most as many as a plan and a policy have together. Each has ended before it is made: the item was run in a box, and stays as it was seen there.

use super::{Conclusion, Evidence, Observation, Outcome, RunState, RunView, cell, code, plain, sections};
use crate::plan::{Criterion, Proof};

/// Longest name of a check run; a pull request's list of checks shows no more.
const NAME_CHARS: usize = 80;

/// Longest command that is shown.
const COMMAND_CHARS: usize = 1_000;

/// The check run of one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CriterionCheck {
    pub name: String,
    pub conclusion: Conclusion,
    pub title: String,
    /// Markdown.
    pub summary: String,
    /// What was printed, in Markdown.
    pub text: Option<String>,
}

/// The check runs for the pull request's head. None where the evidence is of another commit or work is under way, and none
/// where there is one item only, since the run's own check says the same.
pub fn criterion_checks(view: &RunView) -> Vec<CriterionCheck> {
    let settled = matches!(view.state, RunState::Watching | RunState::Succeeded);
    let Some(plan) = view.plan.as_ref().filter(|_| settled && view.evidence_is_of_head) else { return vec![] };
    let criteria = &plan.plan.definition_of_done;
    if criteria.len() < 2 {
        return vec![];
    }
    let check = |wanted| check(wanted, view.evidence.iter().find(|seen| seen.criterion == wanted.name));
    let mut checks: Vec<CriterionCheck> = criteria.iter().map(check).collect();
    tell_apart(&mut checks);
    checks
}

/// A commit has one check run of each name, so items of one name are numbered.
fn tell_apart(checks: &mut [CriterionCheck]) {
    for index in 1..checks.len() {
        let (before, rest) = checks.split_at_mut(index);
        let Some(check) = rest.first_mut() else { continue };
        let plain = check.name.clone();
        let mut number = 1;
        while before.iter().any(|other| other.name == check.name) {
            number += 1;
            check.name = format!("{plain} ({number})");
        }
    }
}

fn check(wanted: &Criterion, seen: Option<&Evidence>) -> CriterionCheck {
    let (conclusion, title) = verdict(seen, wanted.proof);
    let sides = [(before(wanted.proof), seen.and_then(|seen| seen.before.as_ref()))];
    let sides = sides.into_iter().chain([("on this commit", seen.and_then(|seen| seen.after.as_ref()))]);
    let sides: Vec<(&str, &Observation)> = sides.filter_map(|(place, side)| Some((place, side?))).collect();
    let table: String = sides.iter().map(|(place, side)| row(place, side)).collect();
    let summary = if sides.is_empty() {
        "wiz has not run it.".to_owned()
    } else {
        let command = code(&wanted.command, COMMAND_CHARS);
        format!(
            "wiz ran it in clean boxes without an agent:\n\n| {command} | exit code | took |\n| --- | --- | --- |\n{table}"
        )
    };
    let outputs: String = sides.iter().map(|(place, side)| sections::folded_output(place, &side.output_tail)).collect();
    CriterionCheck {
        name: format!("wiz / {}", plain(&wanted.name, NAME_CHARS)),
        conclusion,
        title: title.to_owned(),
        summary,
        text: Some(outputs.trim_end().to_owned()).filter(|text| !text.is_empty()),
    }
}

/// What never ran is skipped, and what broke off proves nothing in either direction.
fn verdict(seen: Option<&Evidence>, proof: Proof) -> (Conclusion, &'static str) {
    let Some(seen) = seen else { return (Conclusion::Skipped, "wiz has not run it") };
    let broke = |side: &Observation| matches!(side.outcome, Outcome::Broken { .. });
    let passes = seen.after.as_ref().is_some_and(|after| after.outcome == Outcome::Passed);
    match (seen.holds(proof), proof) {
        (true, Proof::FailsThenPasses) => (Conclusion::Success, "Fails without the change, passes with it"),
        (true, Proof::PassesThroughout) => (Conclusion::Success, "Passes before and after"),
        (true, Proof::Passes) => (Conclusion::Success, "Passes"),
        (false, _) if seen.before.iter().chain(&seen.after).any(broke) => {
            (Conclusion::Neutral, "It did not run to its end")
        }
        (false, Proof::FailsThenPasses) if passes => (Conclusion::Neutral, "Passes without the change as well"),
        (false, _) => (Conclusion::Failure, "Fails"),
    }
}

fn before(proof: Proof) -> &'static str {
    match proof {
        Proof::FailsThenPasses | Proof::Passes => "on the base, with the tests of this commit",
        Proof::PassesThroughout => "on the base",
    }
}

fn row(place: &str, side: &Observation) -> String {
    let exit = match &side.outcome {
        Outcome::Passed => "0".to_owned(),
        Outcome::Failed { exit } => exit.to_string(),
        Outcome::Broken { reason } => format!("none, {}", cell(reason, 80)),
    };
    format!("| {place} | {exit} | {} |\n", sections::took(side.duration))
}
