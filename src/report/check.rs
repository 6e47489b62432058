//! The check run: a title that says what to do, the same story as the status comment, findings as annotations, and up to
//! three buttons.

use super::{Finding, Observation, Outcome, RunState, RunView, comment, plain, sections};
use crate::{
    limits::{CHECK_ACTIONS, CHECK_ANNOTATIONS_PER_CALL, CHECK_FIELD_CHARS},
    plan::{Criterion, PlanHash},
};

/// Longest title; only the title is visible in a pull request's conversation, and only so much of it.
const TITLE_CHARS: usize = 120;
/// Longest title of an annotation. <https://docs.github.com/en/rest/checks/runs#create-a-check-run>
const ANNOTATION_TITLE_CHARS: usize = 255;
/// Longest message of an annotation; GitHub allows 64 KB, a reader far less.
const ANNOTATION_CHARS: usize = 4_000;

/// What a check run shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckOutput {
    pub status: CheckStatus,
    pub title: String,
    /// Markdown.
    pub summary: String,
    /// Markdown with the details; none while there are none.
    pub text: Option<String>,
    /// In batches as GitHub takes them: the first with the run, each other with an update.
    pub annotations: Vec<Vec<Annotation>>,
    pub actions: Vec<Action>,
}

/// Where a check run stands. Buttons are shown only once it is completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckStatus {
    Queued,
    InProgress,
    Completed(Conclusion),
}

/// How a check run ended, in GitHub's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conclusion {
    ActionRequired,
    Success,
    Neutral,
    Failure,
    Cancelled,
    Skipped,
}

impl Conclusion {
    /// GitHub's spelling.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ActionRequired => "action_required",
            Self::Success => "success",
            Self::Neutral => "neutral",
            Self::Failure => "failure",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
        }
    }
}

/// A remark on a line, shown in the pull request's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    pub path: String,
    /// Counted from 1; start and end are the same line.
    pub line: u32,
    pub level: AnnotationLevel,
    pub title: String,
    pub message: String,
}

/// How grave a remark is, in GitHub's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AnnotationLevel {
    Notice,
    Warning,
    Failure,
}

impl AnnotationLevel {
    /// GitHub's spelling.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Failure => "failure",
        }
    }
}

/// A button.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// At most 20 characters.
    pub label: &'static str,
    /// At most 40 characters.
    pub description: &'static str,
    /// At most 20 characters; [`ActionKind::read`] understands it when GitHub sends it back.
    pub identifier: String,
}

/// What a button does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActionKind {
    /// Approve the plan whose hash starts with these eight digits.
    Approve {
        plan_hash: String,
    },
    Reject,
    Retry,
    Cancel,
}

impl ActionKind {
    /// Understands the identifier of a button that was pressed.
    pub fn read(identifier: &str) -> Option<Self> {
        match identifier {
            "reject" => Some(Self::Reject),
            "retry" => Some(Self::Retry),
            "cancel" => Some(Self::Cancel),
            _ => {
                let plan_hash = identifier.strip_prefix("approve:")?;
                let is_hash = plan_hash.len() == 8 && plan_hash.bytes().all(|byte| byte.is_ascii_hexdigit());
                is_hash.then(|| Self::Approve { plan_hash: plan_hash.to_owned() })
            }
        }
    }

    fn button(&self) -> Action {
        let (label, description, identifier) = match self {
            Self::Approve { plan_hash } => {
                ("Approve plan", "Start working on exactly this plan", format!("approve:{plan_hash}"))
            }
            Self::Reject => ("Reject plan", "Turn the plan down and end the run", "reject".to_owned()),
            Self::Retry => ("Retry", "Try again from where the run failed", "retry".to_owned()),
            Self::Cancel => ("Cancel", "Stop this run", "cancel".to_owned()),
        };
        Action { label, description, identifier }
    }
}

/// The check run for a run as it is now.
pub fn check_output(view: &RunView) -> CheckOutput {
    let view = &of_commit(view);
    CheckOutput {
        status: status(view),
        title: title(view),
        summary: sections::fitted(CHECK_FIELD_CHARS, |detail| {
            format!("{}{}", explanation(view), comment::summary(view, detail))
        }),
        text: Some(sections::fitted(CHECK_FIELD_CHARS, |detail| comment::details(view, detail)))
            .filter(|text| !text.is_empty()),
        annotations: annotations(view),
        actions: actions(view).iter().take(CHECK_ACTIONS).map(ActionKind::button).collect(),
    }
}

/// A check run is about a commit: what was proven of it is said in the same words after a merge, so that no call is spent
/// to say it again. A button that is pressed then is answered in a line.
fn of_commit(view: &RunView) -> RunView {
    let mut view = view.clone();
    if view.state == RunState::Succeeded && standing(&view) == Standing::Proven {
        view.state = RunState::Watching;
    }
    if view.state == RunState::Watching {
        view.timings.retain(|timing| timing.stage != RunState::Watching);
    }
    view
}

fn status(view: &RunView) -> CheckStatus {
    match view.state {
        RunState::Queued => CheckStatus::Queued,
        RunState::Planning | RunState::Working | RunState::Verifying | RunState::Reviewing | RunState::Publishing => {
            CheckStatus::InProgress
        }
        RunState::NeedsApproval | RunState::NeedsAnswer | RunState::NeedsScope | RunState::Paused => {
            CheckStatus::Completed(Conclusion::ActionRequired)
        }
        RunState::Watching | RunState::Succeeded => CheckStatus::Completed(concluded(view)),
        RunState::Failed => CheckStatus::Completed(Conclusion::Failure),
        RunState::Cancelled => CheckStatus::Completed(Conclusion::Cancelled),
    }
}

/// What wiz knows of the commit that is the pull request's head, once nothing is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// wiz itself saw the whole definition of done hold on it.
    Proven,
    /// A command failed on it.
    Refuted,
    /// A command did not run to its end, or what had to fail first did not.
    Undecided,
    /// Nothing was run on it: somebody else made it, or nothing was changed.
    Unseen,
}

/// Nothing is believed of a commit because of what was seen on another one, and an empty definition of done proves nothing.
fn standing(view: &RunView) -> Standing {
    let Some(plan) = view.plan.as_ref().filter(|_| view.evidence_is_of_head) else { return Standing::Unseen };
    let seen = |wanted: &Criterion| view.evidence.iter().find(|seen| seen.criterion == wanted.name);
    let held = |wanted: &Criterion| seen(wanted).is_some_and(|seen| seen.holds(wanted.proof));
    let failed = |after: &Observation| matches!(after.outcome, Outcome::Failed { .. });
    let criteria = &plan.plan.definition_of_done;
    if criteria.is_empty() {
        Standing::Unseen
    } else if criteria.iter().all(held) {
        Standing::Proven
    } else if view.evidence.iter().filter_map(|seen| seen.after.as_ref()).any(failed) {
        Standing::Refuted
    } else {
        Standing::Undecided
    }
}

fn concluded(view: &RunView) -> Conclusion {
    match standing(view) {
        Standing::Proven => Conclusion::Success,
        Standing::Refuted => Conclusion::Failure,
        Standing::Undecided | Standing::Unseen => Conclusion::Neutral,
    }
}

fn title(view: &RunView) -> String {
    let command = sections::first_command(view).map(|command| format!(": comment {command}")).unwrap_or_default();
    let title = match (view.state, standing(view)) {
        (RunState::Watching | RunState::Succeeded, Standing::Proven) => {
            "The definition of done holds on this commit".to_owned()
        }
        (RunState::Watching | RunState::Succeeded, Standing::Refuted) => {
            "The definition of done does not hold on this commit".to_owned()
        }
        (RunState::Watching | RunState::Succeeded, Standing::Undecided) => "wiz could not prove this commit".to_owned(),
        (RunState::Watching | RunState::Succeeded, Standing::Unseen) => "wiz has not proven this commit".to_owned(),
        _ => sections::headline(view),
    };
    format!("{title}{command}").chars().take(TITLE_CHARS).collect()
}

/// Why the check of an open pull request is not green, and what to do about it; empty where it is, or where the run's own
/// story tells.
fn explanation(view: &RunView) -> &'static str {
    match (view.state, standing(view)) {
        (RunState::Watching, Standing::Unseen) => {
            "wiz has not run the definition of done on this commit, so this check says nothing about it. *Re-run* on this \
             check lets wiz do that.\n\n"
        }
        (RunState::Watching, Standing::Undecided) => {
            "Not every command ran to its end here, or one that must fail without the change did not. *Re-run* on this \
             check tries again.\n\n"
        }
        (RunState::Watching, Standing::Refuted) => {
            "A command of the definition of done fails on this commit. Push a commit that mends it and press *Re-run* on \
             this check, or comment `/wiz fix …` on the pull request.\n\n"
        }
        _ => "",
    }
}

fn actions(view: &RunView) -> Vec<ActionKind> {
    let approve = |hash: &PlanHash| ActionKind::Approve { plan_hash: hash.short().to_owned() };
    match view.state {
        RunState::NeedsApproval => {
            let approve = view.plan.as_ref().map(|plan| approve(&plan.hash));
            approve.into_iter().chain([ActionKind::Reject]).collect()
        }
        RunState::Failed if view.pull_request.as_ref().is_some_and(|pull| !pull.open) => Vec::new(),
        RunState::Failed => vec![ActionKind::Retry],
        RunState::Queued
        | RunState::Planning
        | RunState::NeedsAnswer
        | RunState::NeedsScope
        | RunState::Paused
        | RunState::Working
        | RunState::Verifying
        | RunState::Reviewing
        | RunState::Publishing
        | RunState::Watching => vec![ActionKind::Cancel],
        RunState::Succeeded | RunState::Cancelled => Vec::new(),
    }
}

/// Only of a commit that is done: GitHub keeps them, and the lines of a change that is under way are not those of the head.
fn annotations(view: &RunView) -> Vec<Vec<Annotation>> {
    if !view.evidence_is_of_head {
        return Vec::new();
    }
    let findings = view.review.iter().flat_map(|review| &review.findings);
    let annotations: Vec<Annotation> = findings.filter(|finding| is_in_tree(&finding.path)).map(annotation).collect();
    annotations.chunks(CHECK_ANNOTATIONS_PER_CALL).map(<[Annotation]>::to_vec).collect()
}

/// GitHub refuses the whole update when one path is not a path of the tree.
fn is_in_tree(path: &str) -> bool {
    !path.contains(|c: char| c == '\\' || c.is_control())
        && path.split('/').all(|part| !matches!(part, "" | "." | "..") && !part.eq_ignore_ascii_case(".git"))
}

fn annotation(finding: &Finding) -> Annotation {
    Annotation {
        path: finding.path.clone(),
        line: finding.line.max(1),
        level: finding.level,
        title: plain(&finding.title, ANNOTATION_TITLE_CHARS - 1),
        message: match plain(&finding.detail, ANNOTATION_CHARS) {
            // GitHub refuses an empty message.
            message if message.is_empty() => plain(&finding.title, ANNOTATION_CHARS),
            message => message,
        },
    }
}
