//! What can happen to a run, and what a run asks for.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    error::UserMessage,
    ids::{CommitSha, Login, Mention, ReviewId},
    money::MicroDollars,
    plan::{Gate, LeftOut, Plan, PlanHash, Question, StepKey},
    run::{
        follow_up::{FollowUpCause, Waits},
        state::{CurrentPlan, FollowUpDraft, PullRequest},
    },
};

/// Something that happened to a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// A stage's job reports; `seq` is the state entry it worked for.
    Stage { seq: i32, result: StageResult },
    /// A person with permission orders something.
    Human { by: Login, order: Order },
    /// The run's pull request changed.
    PullRequest(PullRequestChange),
    /// Somebody else's commit is the pull request's head now.
    HeadMoved { head: CommitSha },
    /// There is more to do on the open pull request. Work starts at once or, while other work is under way, after it.
    FollowUp(FollowUpCause),
    /// What came of publishing unfinished work.
    Draft(Drafted),
    /// What the run stood on is gone.
    Gone(Gone),
    /// The deadline of state entry `seq` passed.
    Deadline { seq: i32 },
}

/// How a stage's job ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageResult {
    /// A worker began to plan.
    PlanningStarted,
    /// There is a plan, and the policy's decision about it.
    Planned {
        plan: Plan,
        base: CommitSha,
        gate: Gate,
    },
    /// The planner needs to know something.
    Questioned {
        question: Question,
        /// Who is asked, where nobody asked for the run.
        #[serde(default)]
        of: Vec<Mention>,
    },
    StepDone {
        step: StepKey,
    },
    /// The follow-up's step ended in words: nothing is to be changed.
    NothingToChange {
        step: StepKey,
    },
    /// wiz's own evidence; `feedback` says what did not hold, and is empty when all did.
    Verified {
        feedback: Option<String>,
    },
    /// Policy has something against the change, so nothing was run: `feedback` for the coder, `told` for people.
    Objected {
        feedback: String,
        told: UserMessage,
    },
    /// The reviewer's verdict; `feedback` holds what must change, if anything must.
    Reviewed {
        feedback: Option<String>,
    },
    /// The question is answered.
    Answered,
    /// The change touches files that the approved plan does not name, and nothing else is wrong with it.
    LeftScope {
        paths: Vec<String>,
    },
    /// The change turned out to need the agreement of somebody whom its plan did not.
    GateRaised {
        gate: Gate,
    },
    /// The run's budget is used up.
    OutOfMoney,
    Published(PullRequest),
    /// The follow-up's change is offered to whoever owns the branch, which is in a fork.
    Offered,
    /// A follow-up starts from this head; `plan` is for a pull request that was not planned by this run.
    FollowUpBegun {
        head: CommitSha,
        plan: Option<Box<CurrentPlan>>,
    },
    /// Somebody moved the branch while the follow-up was worked on, so it was not published.
    BranchMoved {
        head: CommitSha,
    },
    /// The pull request was found merged or closed.
    PullRequestEnded(PullRequestChange),
    /// The stage cannot go on.
    Failed {
        message: UserMessage,
    },
}

/// What came of publishing what was done when the money was used up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Drafted {
    /// It stands in a draft pull request.
    Published(PullRequest),
    /// It is further work on the pull request, and stands in a draft of its own.
    Beside(FollowUpDraft),
    /// Nothing was done yet, or nobody waits for it any more.
    Nothing,
    /// A rule is against it, or GitHub is.
    Withheld { why: UserMessage },
}

/// What a person may order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Approve the plan that is shown.
    Approve {
        /// The hash the person typed, or none for "the one I see".
        typed_hash: Option<String>,
        /// The base branch's head at the time of the order.
        base_now: CommitSha,
        /// The plan that the status comment shows; none when it shows none, or was changed by somebody else.
        shown: Option<PlanHash>,
    },
    /// Put an edited plan in the place of the one with this hash.
    Edit {
        plan: Plan,
        #[serde(default)]
        left_out: Vec<LeftOut>,
        of: PlanHash,
        /// Digests of the comment before and after the edit.
        texts: [String; 2],
    },
    /// Allow the files beyond the plan that are asked about.
    Widen {
        /// What the status comment asks for; see [`PlanHash::widened`].
        shown: Option<PlanHash>,
    },
    Reject,
    /// Let the run rest.
    Pause,
    Resume,
    /// Let the run spend more.
    Budget {
        more: MicroDollars,
    },
    /// Answer the question, by an option's number or in words.
    Answer {
        words: String,
    },
    /// Change the plan, or answer the question.
    Revise {
        text: String,
    },
    Retry,
    Cancel,
}

/// What is gone, so that nothing can be asked or shown there any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gone {
    /// Deleted, or moved to another repository.
    Issue,
    /// Deleted, or taken from wiz.
    Repository,
    /// The repository can only be read.
    Archived,
    /// wiz was uninstalled.
    Installation,
}

/// What happened to the pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PullRequestChange {
    Merged,
    Closed,
    Reopened,
}

/// What the machine asks for; each becomes a row of the queue in the transaction that stores the new state.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Effect {
    Plan,
    Work(StepKey),
    Verify,
    Review,
    Publish,
    /// Publish what is done so far as a draft.
    Draft,
    /// Close a draft whose follow-up is over.
    EndDraft(FollowUpDraft),
    /// Answer the threads of a review, with the commit in which its changes are.
    AnswerReview {
        review: ReviewId,
        commit: Option<CommitSha>,
        /// The changes are offered instead, since the branch is in a fork.
        offered: bool,
    },
    /// Tell somebody that nothing came of a follow-up.
    TellFailure(Waits),
    /// Show the new state on GitHub.
    Report,
    /// Send [`Signal::Deadline`] for this state entry after the given time.
    Deadline(Duration),
    /// Stop the run's jobs and remove its boxes.
    Halt,
}

/// What a signal did.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    pub run: super::state::Run,
    pub effects: Vec<Effect>,
    /// Something the person who gave the order must know although it changed the run.
    pub notice: Option<Notice>,
}

/// Why an order did not do what the person may expect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The base branch moved after the plan was made.
    BaseMoved,
    /// The status comment does not show this plan: it was not written yet, or was changed by somebody else.
    PlanNotShown,
}

/// Why a signal changed nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Work for a state the run has left; of no interest to anybody.
    Stale,
    /// The typed hash is not that of the shown plan.
    ForeignPlan,
    /// The question has no option of that number.
    NoSuchOption,
    /// The order does not fit the state.
    NotNow,
}
