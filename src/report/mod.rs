//! Every text a person sees on GitHub. Pure.
//!
//! One [`RunView`] says all there is to say about a run; the functions here turn it into the status comment, the check
//! run, the pull request and the commit message. What people or models wrote passes through [`neutralise`], [`plain`] or
//! [`fenced`] before it is woven in, so that a pull request title cannot ping a team, load a picture, close an issue,
//! command a bot or forge one of wiz's hidden markers.
//!
//! The way of the data: run → [`RunView`] → text → `github`, which finds the comment by its [`Marker`] and edits it only
//! when the text differs.
//!
//! Never: send anything, read a clock, show an internal error.
//!
//! Read first: [`RunView`], [`status_comment`], [`neutralise`].

mod check;
mod checks;
mod comment;
mod configuration;
mod criteria;
mod default_branch;
mod draft;
mod edit;
mod follow_up;
mod marker;
mod memory;
mod orders;
mod pull_request;
mod pull_reviews;
mod questions;
mod replies;
mod schedules;
mod sections;
mod selftest;
mod suggestions;
mod threads;
mod undo;
mod ungranted;
mod untrusted;

use std::time::Duration;

pub use check::{Action, ActionKind, Annotation, AnnotationLevel, CheckOutput, CheckStatus, Conclusion, check_output};
pub use checks::{
    ChecksView, ChecksWhy, GaveUp, check_names, checks_answered, checks_given_up, checks_of_default_branch,
    checks_of_forks, checks_of_issues, no_checks_of_closed, workflow_unstarted,
};
pub use comment::status_comment;
pub use configuration::{
    FileRemark, PolicyCheck, RuleView, configuration, faulty_push, locked_key, model_out_of_reach, policy_check,
};
pub use criteria::{CriterionCheck, criterion_checks};
pub use default_branch::{
    BranchFailure, branch_failure_elsewhere, branch_failure_issue, branch_failure_task, branch_failure_title,
    branch_given_up,
};
pub use draft::{
    ask_for_work_there, draft_branch_moved, draft_branch_taken, draft_ended, draft_given_up, draft_leaves_scope,
    draft_needs_approval, no_drafts, no_follow_up_draft, out_of_money, unfinished_follow_up,
    unfinished_follow_up_message, unfinished_message, unfinished_pull_request,
};
pub use edit::{EditFault, edited_plan};
pub use follow_up::{FollowUpReason, FollowUpView, follow_up_message, secret_in_text, superseded_check};
pub use marker::{MARKER_CHARS, Marker, MarkerKind};
pub use memory::{
    NOTE_CHARS, forgotten, memory_full, no_such_note, note_too_long, notes, remembered, remembered_before,
};
pub use orders::{
    another_run_is_open, base_moved, budget_reply, edit_denied, edit_not_now, edit_unread, gate_raised, left_scope,
    lost_model, no_such_option, own_plan, plan_not_shown, stage_given_up, status_reply, stopped_by_operator,
    unusable_model, unusable_policy_model,
};
pub use pull_request::{PullRequestText, commit_message, pull_request};
pub use pull_reviews::{
    OnLines, PullReviewView, closed_for_review, closed_unread, head_moved, nothing_to_review, pull_review,
    pull_review_in_one, read_before, unreviewed,
};
pub use questions::{answer, is_person, unanswered};
pub use replies::{
    already_running, budget_exhausted, closed_issue, denied, help, no_base, no_hosts, no_run, not_followed, not_now,
    not_possible, policy_faults, review_not_now, stale_approval, unknown_command,
};
pub use schedules::{ScheduleView, TickNote, TickView, schedule_issue, schedule_title};
pub use selftest::{TriedPart, selftest};
pub use suggestions::{Offer, patch_offer, suggestion, suggestions};
pub use threads::{
    ThreadOutcome, closed_pull_request, flags_of_new_pull_request, flags_of_new_run, follow_up_failed,
    follow_up_held_up, nothing_left_in_review, offers_default_branch, review_reply, thread_left_over, thread_reply,
    what_to_change, work_on_pull_request,
};
pub use undo::{Stays, UndoView, not_undone, undone, undone_check, was_undone};
pub use ungranted::Ungranted;
pub use untrusted::{cell, code, fenced, neutralise, plain};

use crate::{
    error::UserMessage,
    ids::{BranchName, CommitSha, IssueNumber, Login, Mention, RunId},
    money::MicroDollars,
    plan::{Gate, LeftOut, Plan, PlanHash, Proof, Question, Step, StepKey},
};

/// Everything a person may want to know about a run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunView {
    pub run: RunId,
    pub state: RunState,
    pub subject: Subject,
    /// The command that started it, such as `fix`; `ci` also where failing checks did by themselves.
    pub verb: String,
    /// Who asked; missing when a schedule or a failing check did.
    pub requester: Option<Login>,
    /// Who approved the plan.
    pub approver: Option<Login>,
    pub plan: Option<PlanView>,
    /// What a person is asked, where the plan itself is not the question: a step outside the plan, more money, an answer.
    /// As wiz or a model wrote it.
    pub gate: Option<String>,
    /// What only a person can say; only in [`RunState::NeedsAnswer`].
    pub question: Option<Question>,
    /// Whom it is put to, where nobody asked for the run.
    pub asked_of: Vec<Mention>,
    /// The change turned out to need more agreement than its plan did; only in [`RunState::NeedsScope`].
    pub gate_raised: bool,
    /// The run rests since its budget is used up; only in [`RunState::Paused`].
    pub out_of_money: bool,
    pub money: Money,
    /// wiz's own observations, one for each criterion that was tried.
    pub evidence: Vec<Evidence>,
    /// It was seen on the very commit that is the pull request's head now.
    pub evidence_is_of_head: bool,
    pub review: Option<Review>,
    /// What the run changed, once it is known.
    pub changes: Vec<ChangedFile>,
    pub pull_request: Option<PullRequestLink>,
    /// The draft of further work whose budget was used up.
    pub follow_up_draft: Option<PullRequestLink>,
    /// Further work on the pull request that is under way, or has stopped.
    pub follow_up: Option<FollowUpView>,
    /// How many follow-ups there have been. On a pull request of somebody else, what was changed is then what the last one
    /// changed.
    pub follow_ups: u32,
    pub model: Option<String>,
    pub branch: Option<BranchName>,
    /// Why the run ended badly; only in [`RunState::Failed`].
    pub failure: Option<UserMessage>,
    /// Where the run waits; only in [`RunState::Queued`].
    pub queue: Option<QueuePlace>,
    /// When wiz will probably be done with what it does now; only while it is at work.
    pub forecast: Option<Forecast>,
    /// Stages that are over, in order.
    pub timings: Vec<Timing>,
    /// The page with the whole story.
    pub page_url: Option<String>,
    /// What wiz asks for and may not do here.
    pub ungranted: Option<Ungranted>,
}

/// What a run is doing, as people are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunState {
    Queued,
    Planning,
    NeedsApproval,
    NeedsAnswer,
    NeedsScope,
    Paused,
    Working,
    Verifying,
    Reviewing,
    Publishing,
    Watching,
    Succeeded,
    Failed,
    Cancelled,
}

impl RunState {
    /// Every state, in the order a run meets them.
    pub const ALL: [Self; 14] = [
        Self::Queued,
        Self::Planning,
        Self::NeedsApproval,
        Self::NeedsAnswer,
        Self::NeedsScope,
        Self::Paused,
        Self::Working,
        Self::Verifying,
        Self::Reviewing,
        Self::Publishing,
        Self::Watching,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
    ];
}

/// The issue or pull request a run is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    pub number: IssueNumber,
    pub title: String,
    pub is_pull_request: bool,
}

/// A plan and how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanView {
    pub plan: Plan,
    /// What people have left out of it.
    pub left_out: Vec<LeftOut>,
    pub hash: PlanHash,
    /// The commit it was made for.
    pub base: CommitSha,
    /// Who must agree to it, and why; none for plans that were made before wiz kept that.
    pub gate: Option<Gate>,
    /// Steps that are done or being worked; all others wait.
    pub progress: Vec<(StepKey, StepProgress)>,
}

impl PlanView {
    /// The steps that are shown, each with whether it is part of the plan: while the plan can be edited, also those that may
    /// be taken in again.
    fn shown_steps(&self, is_proposed: bool) -> Vec<(&Step, bool)> {
        self.plan.proposed(if is_proposed { &self.left_out } else { &[] })
    }

    fn progress_of(&self, step: &StepKey) -> StepProgress {
        let found = self.progress.iter().find(|(key, _)| key == step);
        found.map_or(StepProgress::Waiting, |(_, progress)| *progress)
    }
}

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepProgress {
    Waiting,
    Working,
    Done,
    Failed,
}

/// What a run may spend and has spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Money {
    pub cap: MicroDollars,
    pub spent: MicroDollars,
    /// What the work ahead will probably cost.
    pub quote: Option<MicroDollars>,
}

/// What wiz saw a criterion's command do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The criterion's name in the plan.
    pub criterion: String,
    /// On the base with only the run's tests; only where the plan asks for a failure first.
    pub before: Option<Observation>,
    /// On the result.
    pub after: Option<Observation>,
}

impl Evidence {
    /// Whether this is the proof the plan asks for: passing at the end and, for a bug, an honest failure before.
    pub fn holds(&self, proof: Proof) -> bool {
        let before = match (proof, &self.before) {
            (Proof::Passes | Proof::FailsThenPasses, Some(seen)) => matches!(seen.outcome, Outcome::Failed { .. }),
            (Proof::PassesThroughout, Some(seen)) => seen.outcome == Outcome::Passed,
            (Proof::FailsThenPasses | Proof::PassesThroughout, None) => false,
            (Proof::Passes, None) => true,
        };
        before && self.after.as_ref().is_some_and(|seen| seen.outcome == Outcome::Passed)
    }
}

/// One command, run once in a clean box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    pub outcome: Outcome,
    pub duration: Duration,
    /// The end of what it printed.
    pub output_tail: String,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Passed,
    Failed {
        exit: i32,
    },
    /// Killed, out of memory, or not startable, in a few words of wiz's own.
    Broken {
        reason: String,
    },
}

/// What the reviewer said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    pub approved: bool,
    pub findings: Vec<Finding>,
}

/// One remark on one line of the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub path: String,
    /// Counted from 1.
    pub line: u32,
    pub level: AnnotationLevel,
    pub title: String,
    pub detail: String,
}

/// One file a run changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedFile {
    pub path: String,
    pub change: FileChange,
    pub added_lines: usize,
    pub removed_lines: usize,
}

/// What happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileChange {
    Added,
    Changed,
    Deleted,
}

/// The pull request of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequestLink {
    pub number: IssueNumber,
    pub url: String,
    pub draft: bool,
    /// Neither merged nor closed.
    pub open: bool,
}

/// Where a waiting run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueuePlace {
    /// Runs that come first.
    pub ahead: usize,
    /// A guess from past runs.
    pub wait: Option<Duration>,
}

/// What past runs of the repository tell about the time until a person hears of this one again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forecast {
    /// The medians of the stages left, and how many runs at least each comes from.
    Known { left: Duration, runs: u32 },
    /// Fewer runs than this have come that far.
    Unknown { needed: u32 },
}

/// How long a stage took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    pub stage: RunState,
    pub duration: Duration,
}

#[cfg(test)]
mod tests;
