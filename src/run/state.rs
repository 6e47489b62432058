//! What a run is: its state, its plan, how far each step has come.

use serde::{Deserialize, Serialize};

use super::follow_up::FollowUpCause;
use crate::{
    error::{Steering, UserMessage},
    ids::{BranchName, CommentId, CommitSha, IssueNumber, Mention, RunId},
    money::MicroDollars,
    plan::{ApprovalWish, Gate, LeftOut, Plan, PlanHash, Question, Step, StepKey, WorkKind},
};

/// Where a run stands. The `Needs…` states and `Paused` hold no worker and no box.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "run_state", rename_all = "snake_case")]
pub enum State {
    /// Accepted; no worker has begun to plan.
    Queued,
    /// The planner is at work.
    Planning,
    /// A plan waits for a person's approval.
    NeedsApproval,
    /// The planner asked something only a person knows.
    NeedsAnswer,
    /// The change touches files that the approved plan does not name.
    NeedsScope,
    /// Rests until a person lets it go on.
    Paused,
    /// Coders work on the plan's steps.
    Working,
    /// wiz gathers its own evidence for the definition of done.
    Verifying,
    /// A reviewer reads the whole change.
    Reviewing,
    /// Branch, commit and pull request are being made.
    Publishing,
    /// The pull request is open.
    Watching,
    /// The pull request was merged.
    Succeeded,
    /// wiz gave up; `/wiz retry` goes on from the stage that failed.
    Failed,
    /// A person ended it, or nobody answered in time.
    Cancelled,
}

impl State {
    /// Every state, for exhaustive tests.
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

    /// Whether wiz has the next move; in every other state a person has, or nobody.
    pub fn is_at_work(self) -> bool {
        match self {
            Self::Queued | Self::Planning | Self::Working | Self::Verifying | Self::Reviewing | Self::Publishing => {
                true
            }
            Self::NeedsApproval
            | Self::NeedsAnswer
            | Self::NeedsScope
            | Self::Paused
            | Self::Watching
            | Self::Succeeded
            | Self::Failed
            | Self::Cancelled => false,
        }
    }

    /// Whether the run has ended. `Failed` and `Cancelled` can still be retried.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }

    /// Whether what the run may still spend is kept for it out of what its repository may spend in a day. A pull request may
    /// be watched for months, mostly without anything to do.
    pub fn keeps_budget(self) -> bool {
        !self.is_terminal() && self != Self::Watching
    }
}

/// What kind of work a run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Mission {
    /// Plan and mend.
    Fix,
    /// Plan and add.
    Feature,
    /// Add tests.
    Test,
    /// Write documentation.
    Docs,
    /// Give the code another form.
    Refactor,
    /// Plan and wait for approval, whatever the policy says.
    Plan,
    /// Answer a question, and change nothing.
    Ask,
    /// Read a pull request, and say what is wrong with it.
    Review,
    /// Answer the failing checks of a pull request that wiz did not open.
    Ci,
}

impl Mission {
    /// The verb that starts it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Ask => "ask",
            Self::Review => "review",
            Self::Ci => "ci",
            Self::Fix | Self::Feature | Self::Test | Self::Docs | Self::Refactor => self.kind().name(),
        }
    }

    /// Whether nothing comes of it but words, at the place where it was ordered.
    pub const fn ends_in_words(self) -> bool {
        match self {
            Self::Ask | Self::Review => true,
            Self::Fix | Self::Feature | Self::Test | Self::Docs | Self::Refactor | Self::Plan | Self::Ci => false,
        }
    }

    /// What kind of change it makes.
    pub const fn kind(self) -> WorkKind {
        match self {
            Self::Fix | Self::Plan | Self::Ask | Self::Review | Self::Ci => WorkKind::Fix,
            Self::Feature => WorkKind::Feature,
            Self::Test => WorkKind::Test,
            Self::Docs => WorkKind::Docs,
            Self::Refactor => WorkKind::Refactor,
        }
    }
}

/// What a person set for one run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Options {
    /// The branch to start from and to open the pull request against; the default branch when not given.
    pub base: Option<BranchName>,
    /// Open the pull request as a draft.
    pub draft: bool,
    /// Whether the plan waits for approval.
    pub approval: Option<ApprovalWish>,
}

/// A run as the machine sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    pub id: RunId,
    pub state: State,
    /// How many states the run has entered. Work done for an earlier entry is stale and changes nothing.
    pub seq: i32,
    /// The most the run may spend on models.
    pub budget: MicroDollars,
    pub progress: Progress,
}

/// Everything the machine remembers besides the state; stored as one JSON document with the run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Progress {
    /// The current plan; earlier versions are in the run's history.
    pub plan: Option<CurrentPlan>,
    pub steps: Vec<StepProgress>,
    /// The planner's open question.
    pub asked: Option<Question>,
    /// Who is asked, where nobody asked for the run.
    pub asked_of: Vec<Mention>,
    /// How many questions the run has asked; it has one.
    pub questions: u32,
    /// What people asked to be changed about the plan, or answered, oldest first.
    pub revisions: Vec<String>,
    /// How often verification or review sent the change back to work since the last approval or retry.
    pub rework_rounds: u32,
    /// How often a person retried; part of every conversation's key, so that a retry starts a fresh one.
    pub retries: u32,
    pub pull_request: Option<PullRequest>,
    /// Where words were asked for that are all that comes of the run; see [`Mission::ends_in_words`].
    pub asked_in: Option<AskedIn>,
    /// The commit that is read; for [`Mission::Review`] alone.
    pub reads: Option<CommitSha>,
    /// Commits of the pull request on which wiz has run the definition of done, oldest first.
    pub proofs: Vec<HeadProof>,
    /// The state entry of the latest verification that came to its end.
    pub verified: Option<i32>,
    /// Further work on the open pull request.
    pub follow_up: Option<FollowUp>,
    /// How many follow-ups have begun.
    pub follow_ups: u32,
    /// Causes of further follow-ups, oldest first.
    pub waiting: Vec<FollowUpCause>,
    pub failure: Option<Failure>,
    /// Where a run that rests goes on, and why it rests.
    pub pause: Option<Pause>,
    /// Files outside the approved plan about which a person is asked.
    pub scope: Vec<String>,
    /// What the change turned out to need, where that is more than its plan did.
    pub raised: Option<Gate>,
    /// Whether what was done when the money was used up is being published as a draft. Nothing goes on until it is.
    pub drafting: bool,
    /// The draft that shows what the follow-up under way had done by then.
    pub follow_up_draft: Option<FollowUpDraft>,
}

/// Why a run rests, and where it goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    pub stage: State,
    pub cause: PauseCause,
    /// Why what was done is not published as a draft.
    #[serde(default)]
    pub withheld: Option<UserMessage>,
    /// The run goes on as soon as its draft is published.
    #[serde(default)]
    pub resumes: bool,
}

/// Why a run rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseCause {
    /// A person wanted it.
    Asked,
    /// Its budget is used up.
    OutOfMoney,
}

/// A plan with what an approval must name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CurrentPlan {
    /// 1 for the first plan; every change makes a new version.
    pub version: u32,
    pub plan: Plan,
    /// The commit the plan was made for and the work starts from.
    pub base: CommitSha,
    pub approved: bool,
    /// Files beyond the plan's that a person allowed later.
    #[serde(default)]
    pub widened: Vec<String>,
    /// Steps that people took out of it, and may take in again while it waits.
    #[serde(default)]
    pub left_out: Vec<LeftOut>,
    /// Digests of the status comment as people edited it to make this version, newest last.
    #[serde(default)]
    pub edits: Vec<String>,
    /// Who had to agree to it, and why; none for plans that were made before wiz kept that.
    #[serde(default)]
    pub gate: Option<Gate>,
}

impl CurrentPlan {
    /// The hash an approval names.
    pub fn hash(&self, budget: MicroDollars) -> PlanHash {
        self.plan.hash(&self.base, budget)
    }
}

/// How far one step has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepProgress {
    pub key: StepKey,
    pub depends_on: Vec<StepKey>,
    pub state: StepState,
    /// For a step that verification or review caused: what they found.
    pub feedback: Option<String>,
}

/// How far one step has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    Waiting,
    Running,
    Done,
}

/// The pull request a run has opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRequest {
    pub number: IssueNumber,
    pub branch: BranchName,
    pub head: CommitSha,
    pub open: bool,
    /// Whether the branch is in another repository, so that wiz offers changes and never writes them.
    #[serde(default)]
    pub fork: bool,
    /// Whether it is a draft of what was done when the money was used up, which nobody has proven.
    #[serde(default)]
    pub unfinished: bool,
}

/// A draft pull request into the branch of the run's own, for unfinished further work on that. It goes with its follow-up.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FollowUpDraft {
    /// Which of the run's follow-ups it shows.
    pub follow_up: u32,
    pub number: IssueNumber,
    pub branch: BranchName,
    /// wiz's newest commit there.
    pub head: CommitSha,
}

/// A commit on which wiz has run the definition of done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadProof {
    pub head: CommitSha,
    /// The state entry of the verification: its evidence is stored under it.
    pub verified: i32,
    /// Whether all of it held.
    pub holds: bool,
}

/// Most commits whose proofs are remembered; a pull request that is longer under way is judged by its latest ones.
const MOST_PROOFS: usize = 20;

/// Where a question was asked, and so where its answer goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedIn {
    /// The comment, or the issue itself.
    pub comment: CommentId,
    /// The first comment of the review thread it stands in, if it does.
    pub thread: Option<CommentId>,
    /// Whether the conversation is a pull request's, so that its head is what the question is about.
    #[serde(default)]
    pub pull_request: bool,
}

/// Further work on the pull request that is under way, or has stopped and can be retried. It starts from the current head
/// and ends as one more commit on the same branch. Its steps are its own: what the plan's steps changed is in the head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowUp {
    /// 1 for the run's first. Starting again from a newer head counts, so that nothing of the first try is taken for the
    /// second one's.
    pub number: u32,
    pub cause: FollowUpCause,
    /// The head the work starts from; none until its first job has looked.
    pub head: Option<CommitSha>,
    /// How often the branch moved under it.
    pub restarts: u32,
    pub steps: Vec<StepProgress>,
}

impl FollowUp {
    /// The follow-up's first step; none only for a number that no run reaches.
    pub fn step_key(number: u32) -> Option<StepKey> {
        format!("follow-up-{number}").parse().ok()
    }

    /// The key of the step that mends what verification or review found, the `round`th time.
    pub fn rework_key(&self, round: u32) -> Option<StepKey> {
        format!("follow-up-{}-rework-{round}", self.number).parse().ok()
    }

    /// What the coder is told to do; none for a step that is not of this follow-up.
    pub fn task(&self, key: &StepKey) -> Option<Step> {
        self.steps.iter().any(|step| step.key == *key).then(|| Step {
            id: key.clone(),
            title: self.cause.title(),
            detail: self.cause.task().to_owned(),
            depends_on: vec![],
        })
    }

    /// The plan as far as it limits what may change: with the files that the cause points at.
    pub fn scope(&self, plan: &Plan) -> Plan {
        let mut plan = plan.clone();
        if !plan.files.is_empty() {
            plan.files.extend(self.cause.files().iter().cloned());
        }
        plan
    }
}

/// Why a run stopped, and where `/wiz retry` goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub stage: State,
    pub message: UserMessage,
}

impl Progress {
    /// Whether the pull request's branch lies in another repository.
    pub fn is_on_fork(&self) -> bool {
        self.pull_request.as_ref().is_some_and(|pull_request| pull_request.fork)
    }

    /// What a person is asked about beyond the plan: files, and why the change needs more than the plan did.
    pub fn asked_beyond(&self) -> Vec<String> {
        let reasons = self.raised.iter().flat_map(|gate| &gate.reasons);
        self.scope.iter().chain(reasons).cloned().collect()
    }

    /// Notes what the verification of that state entry showed of a commit.
    pub fn prove(&mut self, proof: HeadProof) {
        self.proofs.retain(|earlier| earlier.head != proof.head);
        self.proofs.push(proof);
        let forgotten = self.proofs.len().saturating_sub(MOST_PROOFS);
        self.proofs.drain(..forgotten);
    }

    /// What is known of a commit; nothing of one that somebody else made, whatever wiz has proven before.
    pub fn proof_of(&self, head: &CommitSha) -> Option<&HeadProof> {
        self.proofs.iter().find(|proof| proof.head == *head)
    }

    /// The same of the commit that is the pull request's head now.
    pub fn proof_of_head(&self) -> Option<&HeadProof> {
        self.pull_request.as_ref().and_then(|pull_request| self.proof_of(&pull_request.head))
    }

    /// Whether a person can order something else of the run, should it fail.
    pub fn steering(&self) -> Steering {
        match &self.pull_request {
            None => Steering::Plan,
            Some(pull_request) if pull_request.unfinished => Steering::Nothing,
            Some(_) => Steering::PullRequest,
        }
    }

    /// Whether the work under way is to prove the head as it is, and changes nothing.
    pub fn only_proves(&self) -> bool {
        self.follow_up.as_ref().is_some_and(|follow_up| follow_up.cause.only_proves())
    }

    /// The steps of the work that is under way: the follow-up's own, or the plan's.
    pub fn current_steps(&self) -> &[StepProgress] {
        self.follow_up.as_ref().map_or(&self.steps, |follow_up| &follow_up.steps)
    }

    /// The same, to be changed.
    pub fn current_steps_mut(&mut self) -> &mut Vec<StepProgress> {
        match &mut self.follow_up {
            Some(follow_up) => &mut follow_up.steps,
            None => &mut self.steps,
        }
    }

    /// The commit the work under way starts from: the pull request's head for a follow-up, the plan's base otherwise.
    pub fn start(&self) -> Option<&CommitSha> {
        match &self.follow_up {
            Some(follow_up) => follow_up.head.as_ref(),
            None => self.plan.as_ref().map(|current| &current.base),
        }
    }

    /// Steps that may start now: waiting, with every dependency done.
    pub fn ready_steps(&self) -> Vec<StepKey> {
        let steps = self.current_steps();
        let done = |key: &StepKey| steps.iter().any(|step| step.key == *key && step.state == StepState::Done);
        steps
            .iter()
            .filter(|step| step.state == StepState::Waiting && step.depends_on.iter().all(done))
            .map(|step| step.key.clone())
            .collect()
    }

    /// The keys of every step that `key` builds on, in the order of the plan.
    pub fn ancestors(&self, key: &StepKey) -> Vec<StepKey> {
        let steps = self.current_steps();
        let mut wanted: Vec<StepKey> = vec![key.clone()];
        for step in steps.iter().rev() {
            if wanted.contains(&step.key) {
                wanted.extend(step.depends_on.iter().cloned());
            }
        }
        steps.iter().map(|step| &step.key).filter(|other| *other != key && wanted.contains(other)).cloned().collect()
    }
}
