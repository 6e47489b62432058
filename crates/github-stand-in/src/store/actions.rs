//! Scripted workflows, their runs and jobs, and scripted checks of other apps.

use std::time::Instant;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Annotation, CheckOutput};

/// How a job, check run or workflow run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Conclusion {
    /// Good.
    Success,
    /// Bad.
    Failure,
    /// Neither.
    Neutral,
    /// Somebody stopped it.
    Cancelled,
    /// Not needed.
    Skipped,
    /// It took too long.
    TimedOut,
    /// It waits for a person.
    ActionRequired,
    /// GitHub could not even start it.
    StartupFailure,
}

impl Conclusion {
    /// GitHub's text.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Neutral => "neutral",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
            Self::TimedOut => "timed_out",
            Self::ActionRequired => "action_required",
            Self::StartupFailure => "startup_failure",
        }
    }

    /// Would "re-run failed jobs" take it?
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Failure | Self::Cancelled | Self::TimedOut | Self::ActionRequired | Self::StartupFailure)
    }
}

/// What decides how a job or check ends.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Rule {
    /// Always good.
    #[default]
    Succeeds,
    /// One conclusion per attempt; the last one repeats.
    Outcomes {
        /// In the order of attempts.
        outcomes: Vec<Conclusion>,
    },
    /// Fails on each commit in which the file holds the text.
    FailsWhileFileContains {
        /// File.
        path: String,
        /// Text.
        text: String,
    },
    /// Fails on each commit in which the file is missing or does not hold the text.
    FailsWhileFileLacks {
        /// File.
        path: String,
        /// Text.
        text: String,
    },
    /// Fails on the first attempt at each commit only.
    Flaky,
}

/// What starts a workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// A push to a branch of the repository itself.
    Push,
    /// A pull request is opened, reopened or gets commits, from a fork too.
    PullRequest,
}

impl Trigger {
    /// GitHub's `event` member.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::PullRequest => "pull_request",
        }
    }
}

/// When the stages of a script happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Pace {
    /// By themselves, so many milliseconds apart.
    Every {
        /// Milliseconds between two stages.
        stage_ms: u64,
    },
    /// One at a time, when the test says so.
    ByHand,
}

impl Default for Pace {
    fn default() -> Self {
        // Long enough for a client to see each stage, short enough for a test to wait for all.
        Self::Every { stage_ms: 50 }
    }
}

/// What becomes of a job's own log. The archive of its run is made from what its steps printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnLog {
    /// It is there.
    #[default]
    Kept,
    /// GitHub knows of none.
    Missing,
    /// GitHub points at one that never arrived where it points.
    NeverArrived,
}

/// One job of a scripted workflow.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct JobScript {
    /// Name, also of its check run.
    pub name: String,
    /// Commands of its steps; the last one fails if the job does. None stands for one step `make`.
    #[serde(default)]
    pub steps: Vec<String>,
    /// What decides its end.
    #[serde(default)]
    pub rule: Rule,
    /// What the failing step prints.
    #[serde(default)]
    pub log: String,
    /// What becomes of its own log.
    #[serde(default)]
    pub own_log: OwnLog,
    /// Annotations of a failed job besides GitHub's own about the exit code.
    #[serde(default)]
    pub annotations: Vec<Annotation>,
}

/// A scripted workflow.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Workflow {
    /// Workflow id.
    pub id: u64,
    /// Name.
    pub name: String,
    /// Its file.
    pub path: String,
    /// What starts it.
    pub on: Vec<Trigger>,
    /// Its jobs; none if its file is faulty, so that no run of it can start.
    pub jobs: Vec<JobScript>,
    /// When its stages happen.
    pub pace: Pace,
    /// Runs so far.
    pub runs: u64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// How far a run or job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// Waits for a runner.
    Queued,
    /// Runs.
    InProgress,
    /// Over.
    Completed,
}

impl Progress {
    /// GitHub's `status`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
        }
    }
}

/// One attempt at a workflow run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Attempt {
    /// 1, 2, …
    pub number: u64,
    /// How far.
    pub status: Progress,
    /// How it ended.
    pub conclusion: Option<Conclusion>,
    /// Who asked for it.
    pub triggering_actor: u64,
    /// Start.
    pub started_at: DateTime<Utc>,
    /// Last change.
    pub updated_at: DateTime<Utc>,
    /// Its jobs; those that were not run again are copies.
    pub jobs: Vec<Job>,
}

/// A step of a job.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Step {
    /// Name.
    pub name: String,
    /// How it ended, once the job has.
    pub conclusion: Option<Conclusion>,
}

/// A job of an attempt. Its id is also its check run's.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Job {
    /// Job and check run id.
    pub id: u64,
    /// Name.
    pub name: String,
    /// Attempt in which it really ran.
    pub ran_in: u64,
    /// How far.
    pub status: Progress,
    /// How it ended.
    pub conclusion: Option<Conclusion>,
    /// When made.
    pub created_at: DateTime<Utc>,
    /// Start.
    pub started_at: DateTime<Utc>,
    /// End.
    pub completed_at: Option<DateTime<Utc>>,
    /// Steps.
    pub steps: Vec<Step>,
    /// Its log, once it is over.
    pub log: String,
    /// What became of it.
    pub own_log: OwnLog,
}

/// A workflow run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WorkflowRun {
    /// Run id.
    pub id: u64,
    /// Workflow.
    pub workflow: u64,
    /// Counts the runs of the workflow.
    pub number: u64,
    /// What started it.
    pub event: Trigger,
    /// Branch of the head.
    pub head_branch: String,
    /// Commit.
    pub head_sha: String,
    /// Repository of the head; another one for a fork.
    pub head_repository: u64,
    /// Title shown: the commit's first line, or the pull request's title.
    pub display_title: String,
    /// Its check suite.
    pub suite: u64,
    /// Who caused it.
    pub actor: u64,
    /// When made.
    pub created_at: DateTime<Utc>,
    /// All attempts, oldest first; never empty.
    pub attempts: Vec<Attempt>,
}

impl WorkflowRun {
    /// The latest attempt.
    pub fn latest(&self) -> Option<&Attempt> {
        self.attempts.last()
    }

    /// The job with this id, in whichever attempt.
    pub fn job(&self, id: u64) -> Option<(&Attempt, &Job)> {
        self.attempts.iter().find_map(|attempt| Some((attempt, attempt.jobs.iter().find(|job| job.id == id)?)))
    }
}

/// What a scripted check of another app writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckKind {
    /// A check run.
    CheckRun,
    /// A commit status.
    Status,
}

/// A check that another app makes on every pushed head.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ScriptedCheck {
    /// Script id.
    pub id: u64,
    /// The app that acts.
    pub app: u64,
    /// Check run or commit status.
    pub kind: CheckKind,
    /// Name, or context of the status.
    pub name: String,
    /// What decides its end.
    pub rule: Rule,
    /// What it says when it fails.
    pub failed: CheckOutput,
    /// Link to details.
    pub details_url: Option<String>,
    /// When its stages happen.
    pub pace: Pace,
}

/// Something scripted that is to happen next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Errand {
    /// The next stage of a workflow run.
    Run {
        /// Repository.
        repository: u64,
        /// Run.
        run: u64,
    },
    /// A scripted check begins, or ends.
    Check {
        /// Repository.
        repository: u64,
        /// Script.
        script: u64,
        /// Commit.
        head_sha: String,
        /// How often it was made on this commit before.
        attempt: u64,
        /// The check run, once it has begun; 0 for a status.
        begun: Option<u64>,
    },
}

/// An errand with its time; `None` waits for a hand.
#[derive(Debug, Clone)]
pub struct Planned {
    /// When it is due.
    pub due: Option<Instant>,
    /// What it is.
    pub errand: Errand,
}

/// A log that somebody was redirected to.
#[derive(Debug, Clone)]
pub struct LogTicket {
    /// Media type.
    pub media_type: &'static str,
    /// The bytes; none if they never arrived there.
    pub bytes: Option<Vec<u8>>,
    /// When the address stops working.
    pub until: DateTime<Utc>,
}
