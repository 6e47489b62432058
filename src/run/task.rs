//! The kinds of queue row that wiz knows, one variant each, and how an effect becomes one.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    github::Reactable,
    ids::{
        CommentId, CommitSha, DeliveryId, InstallationId, IssueNumber, JobId, RepositoryId, RepositoryName, ReviewId,
        RunId, WorkflowRunId,
    },
    intake::TRIAGE_ATTEMPTS,
    plan::StepKey,
    policy::ScheduleName,
    queue::NewJob,
    report::OnLines,
    run::{follow_up::Waits, state::FollowUpDraft},
};

/// One unit of durable work. The variant is the row's `kind`, its fields are the row's payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "payload", rename_all = "snake_case", deny_unknown_fields)]
pub enum Task {
    /// Read a stored delivery and do what it asks.
    Triage { delivery: DeliveryId },
    /// Make a plan.
    Plan { run: RunId, seq: i32 },
    /// Work one step of the plan.
    Work { run: RunId, seq: i32, step: StepKey },
    /// Gather evidence for the definition of done.
    Verify { run: RunId, seq: i32 },
    /// Let the reviewer read the change.
    Review { run: RunId, seq: i32 },
    /// Make branch, commit and pull request.
    Publish { run: RunId, seq: i32 },
    /// Publish what was done when the money was used up, as a draft.
    Draft { run: RunId },
    /// Close the draft of a follow-up that is over.
    EndDraft { run: RunId, draft: FollowUpDraft },
    /// Answer the threads of a review that was worked, with the commit in which its changes are.
    AnswerReview {
        run: RunId,
        review: ReviewId,
        commit: Option<CommitSha>,
        /// The changes are offered instead.
        #[serde(default)]
        offered: bool,
    },
    /// Tell somebody that nothing came of what they asked for on an open pull request, once.
    TellFailure { run: RunId, waits: Waits },
    /// Show the run on GitHub as it now is.
    Report { run: RunId, revision: i32 },
    /// Tell the machine that a state lasted too long.
    Deadline { run: RunId, seq: i32 },
    /// Remove an ended run's boxes.
    Halt { run: RunId, seq: i32 },
    /// Take back what the run did on GitHub, and answer the comment that asked for it.
    Undo { run: RunId, issue: IssueNumber, comment: CommentId },
    /// Try every part of wiz on a repository.
    Selftest(Selftest),
    /// Answer a person outside the sticky comment, once.
    Reply(Reply),
    /// Post a review of a pull request, once.
    PostReview(PostReview),
    /// Read a repository's schedules again; `after` names what may have changed them. `name` finds a repository that wiz
    /// does not know yet.
    Schedules {
        installation: InstallationId,
        repository: RepositoryId,
        after: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<RepositoryName>,
    },
    /// Judge the policy file that a pull request brings; `after` names what may have changed it.
    PolicyCheck { installation: InstallationId, repository: RepositoryId, pull: IssueNumber, after: String },
    /// Judge the policy file that a commit brought to the default branch.
    PushedPolicy { installation: InstallationId, repository: RepositoryId, commit: CommitSha },
    /// A schedule is due.
    Tick { schedule: ScheduleKey, due: DateTime<Utc> },
    /// Show in the schedule's issue what came of the tick.
    ShowSchedule { schedule: ScheduleKey, due: DateTime<Utc> },
    /// Look at the checks of a commit on which one has failed.
    Checks(Checks),
    /// The same look, once it is known to be about the default branch, and alone among those of its repository.
    BranchChecks(Checks),
    /// Let failed jobs of GitHub Actions try again.
    Rerun(Rerun),
    /// Show a run that waits where it stands in the line, after that job was taken on or given up.
    Place { run: RunId, after: JobId },
    /// Put the status comment back as it should be, after the edit that a delivery told of.
    Restore { run: RunId, delivery: DeliveryId },
}

/// Which schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleKey {
    pub installation: InstallationId,
    pub repository: RepositoryId,
    pub name: ScheduleName,
}

/// A trial of every part, asked for in a comment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selftest {
    pub installation: InstallationId,
    pub repository: RepositoryId,
    pub issue: IssueNumber,
    pub comment: CommentId,
    /// When GitHub says that it was asked for.
    pub said_at: DateTime<Utc>,
    /// When wiz understood it.
    pub heard_at: DateTime<Utc>,
}

/// A look at the checks of a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checks {
    pub installation: InstallationId,
    pub repository: RepositoryId,
    pub head: CommitSha,
    pub occasion: Occasion,
}

impl Checks {
    /// Whether nobody waits any longer for checks that have not ended.
    pub fn is_overdue(&self) -> bool {
        self.occasion == Occasion::Overdue
    }

    /// What tells looks apart.
    fn key(&self) -> String {
        let occasion = match self.occasion {
            Occasion::Delivery(delivery) => delivery.to_string(),
            Occasion::Switched(comment) => format!("comment-{comment}"),
            Occasion::Labelled(delivery) => format!("label-{delivery}"),
            Occasion::RerunRefused => "rerun-refused".to_owned(),
            Occasion::Finished => "finished".to_owned(),
            Occasion::Overdue => "overdue".to_owned(),
        };
        format!("{}:{}:{occasion}", self.repository, self.head)
    }
}

/// Why checks are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    /// GitHub told that one has ended.
    Delivery(DeliveryId),
    /// A person switched the answering on, by this comment.
    Switched(CommentId),
    /// A person set the label that has them answered, as this delivery told.
    Labelled(DeliveryId),
    /// GitHub let nobody run them again.
    RerunRefused,
    /// The draft that holds the commit was finished.
    Finished,
    /// They have taken too long.
    Overdue,
}

/// Another try for the failed jobs of one run of a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rerun {
    pub installation: InstallationId,
    pub repository: RepositoryId,
    pub head: CommitSha,
    pub run: WorkflowRunId,
    /// The try that failed; a later one needs nothing.
    pub attempt: u32,
    /// The run that watches the pull request, if one does: it answers for what was done there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watcher: Option<RunId>,
}

/// An answer to one person's words: a comment in their conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    pub installation: InstallationId,
    pub repository: RepositoryId,
    pub issue: IssueNumber,
    /// What is answered, or the check run whose button was pressed. The same answer to it is given once.
    pub comment: CommentId,
    /// The first comment of the review thread to answer in; none for the conversation.
    #[serde(default)]
    pub thread: Option<CommentId>,
    /// Also show 👎 on what is answered.
    pub thumbs_down: Option<Reactable>,
    /// The comment, in Markdown.
    pub body: String,
}

/// A review of a pull request that is to be posted; it neither approves nor refuses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostReview {
    pub installation: InstallationId,
    pub repository: RepositoryId,
    pub pull: IssueNumber,
    pub run: RunId,
    /// Which of the run's reviews.
    pub part: u32,
    pub commit: CommitSha,
    /// What stands above the comments, in Markdown.
    pub body: String,
    /// What is posted instead, should GitHub take no comment at these lines.
    pub body_alone: String,
    pub comments: Vec<LineComment>,
}

/// A comment on lines of the head's side of the diff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LineComment {
    pub path: String,
    pub first: u32,
    pub last: u32,
    pub body: String,
}

impl From<OnLines> for LineComment {
    fn from(on: OnLines) -> Self {
        Self { path: on.path, first: *on.lines.start(), last: *on.lines.end(), body: on.body }
    }
}

/// Tries of one stage: with the queue's growing waits, about three quarters of an hour, which outlasts a restart of the
/// engine or a short outage of GitHub. After that a person is told, and `/wiz retry` goes on.
const STAGE_ATTEMPTS: i16 = 12;

/// Tries of everything else: nobody would hear of it if one of these was given up.
const OTHER_ATTEMPTS: i16 = TRIAGE_ATTEMPTS;

/// Lower numbers are claimed first: what is over in seconds goes before stages, which may take an hour.
const PRIORITY_ANSWER: i16 = 1;
const PRIORITY_UPKEEP: i16 = 2;
const PRIORITY_STAGE: i16 = 3;

impl Task {
    /// Reads a row of the queue; an unknown kind or payload is an error that no retry mends.
    pub fn decode(kind: &str, payload: &serde_json::Value) -> serde_json::Result<Self> {
        serde_json::from_value(serde_json::json!({ "kind": kind, "payload": payload }))
    }

    /// The run a task belongs to.
    pub fn run(&self) -> Option<RunId> {
        match self {
            Self::Triage { .. }
            | Self::Selftest(_)
            | Self::Reply(_)
            | Self::PostReview(_)
            | Self::Checks(_)
            | Self::BranchChecks(_)
            | Self::Schedules { .. }
            | Self::PolicyCheck { .. }
            | Self::PushedPolicy { .. }
            | Self::Tick { .. }
            | Self::ShowSchedule { .. } => None,
            Self::Rerun(rerun) => rerun.watcher,
            Self::Plan { run, .. }
            | Self::Work { run, .. }
            | Self::Verify { run, .. }
            | Self::Review { run, .. }
            | Self::Publish { run, .. }
            | Self::Draft { run }
            | Self::EndDraft { run, .. }
            | Self::AnswerReview { run, .. }
            | Self::TellFailure { run, .. }
            | Self::Report { run, .. }
            | Self::Restore { run, .. }
            | Self::Place { run, .. }
            | Self::Deadline { run, .. }
            | Self::Halt { run, .. }
            | Self::Undo { run, .. } => Some(*run),
        }
    }

    /// The kinds that do a stage's work.
    pub const STAGE_KINDS: [&'static str; 5] = ["plan", "work", "verify", "review", "publish"];

    /// Kinds that end with the run's state; everything else outlives it.
    pub const KINDS_OF_STAGE: [&'static str; 6] = ["plan", "work", "verify", "review", "publish", "deadline"];

    /// Whether it may last, so that others stand in line behind it.
    pub fn is_stage(&self) -> bool {
        matches!(
            self,
            Self::Plan { .. }
                | Self::Work { .. }
                | Self::Verify { .. }
                | Self::Review { .. }
                | Self::Publish { .. }
                | Self::Draft { .. }
        )
    }

    /// Rows of this priority or a smaller number are over in seconds.
    pub const SHORT_UP_TO: i16 = PRIORITY_UPKEEP;

    /// The queue row of this task, due after `delay`, counted against `tenant`.
    pub fn job(&self, tenant: InstallationId, delay: Duration) -> anyhow::Result<NewJob> {
        let (kind, payload) = self.encode()?;
        let (priority, max_attempts) = match self {
            Self::Triage { .. }
            | Self::Reply(_)
            | Self::PostReview(_)
            | Self::AnswerReview { .. }
            | Self::TellFailure { .. }
            | Self::EndDraft { .. }
            | Self::Report { .. }
            | Self::Restore { .. }
            | Self::Place { .. }
            | Self::Checks(_)
            | Self::BranchChecks(_)
            | Self::Rerun(_) => (PRIORITY_ANSWER, OTHER_ATTEMPTS),
            Self::Plan { .. }
            | Self::Work { .. }
            | Self::Verify { .. }
            | Self::Review { .. }
            | Self::Publish { .. }
            | Self::Draft { .. } => (PRIORITY_STAGE, STAGE_ATTEMPTS),
            Self::Deadline { .. }
            | Self::Halt { .. }
            | Self::Undo { .. }
            | Self::Selftest(_)
            | Self::Schedules { .. }
            | Self::PolicyCheck { .. }
            | Self::PushedPolicy { .. }
            | Self::Tick { .. }
            | Self::ShowSchedule { .. } => (PRIORITY_UPKEEP, OTHER_ATTEMPTS),
        };
        Ok(NewJob {
            dedupe_key: Some(self.dedupe_key()),
            kind,
            payload,
            tenant: tenant.0,
            priority,
            run: self.run(),
            run_after: delay,
            max_attempts,
            depends_on: vec![],
            group_key: self.group_key(),
        })
    }

    /// Two reports of one run at a time would both find no comment and both make one; two looks at one commit would both
    /// find that nothing was done.
    fn group_key(&self) -> Option<String> {
        match self {
            Self::Report { run, .. } | Self::Restore { run, .. } | Self::Place { run, .. } => {
                Some(format!("report:{run}"))
            }
            // A few groups for each repository, since a group is never forgotten.
            Self::Checks(Checks { repository, head, .. }) => {
                Some(format!("checks:{repository}:{}", &head.as_str()[..1]))
            }
            // Two at a time, of two heads, would each make an issue and begin a run.
            Self::BranchChecks(Checks { repository, .. }) => Some(format!("branch-checks:{repository}")),
            Self::PolicyCheck { repository, pull, .. } => Some(format!("policy-check:{repository}:{pull}")),
            // Two at a time would both say what one of them has to.
            Self::PushedPolicy { repository, .. } => Some(format!("pushed-policy:{repository}")),
            // Of two at a time the older reading might be stored last.
            Self::Schedules { repository, .. } => Some(format!("schedules:{repository}")),
            // Two at a time would both tell of what one of them took back.
            Self::Undo { run, .. } => Some(format!("undo:{run}")),
            // Two at a time would both find no issue and both make one, or show the ticks in the wrong order.
            Self::Tick { schedule, .. } | Self::ShowSchedule { schedule, .. } => {
                Some(format!("schedule:{}:{}", schedule.repository, schedule.name))
            }
            Self::PostReview(post) => Some(format!("post-review:{}:{}", post.run, post.part)),
            // So would two answers to one review.
            Self::AnswerReview { run, review, .. } => Some(format!("answer-review:{run}:{review}")),
            Self::TellFailure { run, .. } => Some(format!("tell-failure:{run}")),
            Self::Triage { .. }
            | Self::Plan { .. }
            | Self::Work { .. }
            | Self::Verify { .. }
            | Self::Review { .. }
            | Self::Publish { .. }
            | Self::Draft { .. }
            | Self::EndDraft { .. }
            | Self::Deadline { .. }
            | Self::Halt { .. }
            | Self::Selftest(_)
            | Self::Reply(_)
            | Self::Rerun(_) => None,
        }
    }

    fn encode(&self) -> anyhow::Result<(String, serde_json::Value)> {
        #[derive(Deserialize)]
        struct Encoded {
            kind: String,
            payload: serde_json::Value,
        }
        let Encoded { kind, payload } = serde_json::from_value(serde_json::to_value(self)?)?;
        Ok((kind, payload))
    }

    /// Unique among live rows: the same state entry never asks for the same work twice.
    fn dedupe_key(&self) -> String {
        match self {
            Self::Triage { delivery } => format!("delivery:{delivery}"),
            Self::Plan { run, seq } => format!("run:{run}:plan:{seq}"),
            Self::Work { run, seq, step } => format!("run:{run}:work:{seq}:{step}"),
            Self::Verify { run, seq } => format!("run:{run}:verify:{seq}"),
            Self::Review { run, seq } => format!("run:{run}:review:{seq}"),
            Self::Publish { run, seq } => format!("run:{run}:publish:{seq}"),
            Self::Draft { run } => format!("run:{run}:draft"),
            Self::EndDraft { run, draft } => format!("run:{run}:end-draft:{}:{}", draft.number, draft.head),
            Self::AnswerReview { run, review, .. } => format!("run:{run}:answer-review:{review}"),
            Self::TellFailure { run, waits: Waits::Review(id) } => format!("run:{run}:tell-failure:review-{id}"),
            Self::TellFailure { run, waits: Waits::Comment(id) } => format!("run:{run}:tell-failure:comment-{id}"),
            Self::Report { run, revision } => format!("run:{run}:report:{revision}"),
            // A restoring that has begun may not see this edit any more.
            Self::Restore { run, delivery } => format!("run:{run}:restore:{delivery}"),
            // So may a look at the line.
            Self::Place { run, after } => format!("run:{run}:place:{after}"),
            Self::Deadline { run, seq } => format!("run:{run}:deadline:{seq}"),
            Self::Halt { run, seq } => format!("run:{run}:halt:{seq}"),
            Self::Undo { run, comment, .. } => format!("run:{run}:undo:{comment}"),
            Self::Selftest(asked) => format!("selftest:{}:{}", asked.repository, asked.comment),
            Self::Schedules { repository, after, .. } => format!("schedules:{repository}:{after}"),
            Self::PolicyCheck { repository, pull, after, .. } => format!("policy-check:{repository}:{pull}:{after}"),
            Self::PushedPolicy { repository, commit, .. } => format!("pushed-policy:{repository}:{commit}"),
            Self::Tick { schedule, due } => {
                format!("tick:{}:{}:{}", schedule.repository, schedule.name, due.timestamp())
            }
            Self::ShowSchedule { schedule, due } => {
                format!("show-schedule:{}:{}:{}", schedule.repository, schedule.name, due.timestamp())
            }
            Self::Checks(look) => format!("checks:{}", look.key()),
            Self::BranchChecks(look) => format!("branch-checks:{}", look.key()),
            Self::Rerun(rerun) => format!("rerun:{}:{}:{}", rerun.repository, rerun.run, rerun.attempt),
            Self::PostReview(post) => format!("run:{}:post-review:{}", post.run, post.part),
            Self::Reply(reply) => {
                let said = hex::encode(&Sha256::digest(&reply.body)[..8]);
                format!("reply:{}:{}:{}:{said}", reply.repository, reply.issue, reply.comment)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_what_may_last_and_all_else_is_short() {
        let (run, seq, tenant) = (RunId(7), 1, InstallationId(3));
        let step: StepKey = "fix".parse().unwrap();
        let branch = "wiz/run-7-unfinished_2".parse().unwrap();
        let draft =
            FollowUpDraft { follow_up: 2, number: IssueNumber(9), branch, head: "a".repeat(40).parse().unwrap() };
        let stages = [
            Task::Plan { run, seq },
            Task::Work { run, seq, step },
            Task::Verify { run, seq },
            Task::Review { run, seq },
            Task::Publish { run, seq },
            Task::Draft { run },
        ];
        let short = [
            Task::Triage { delivery: DeliveryId(uuid::Uuid::nil()) },
            Task::AnswerReview { run, review: ReviewId(9), commit: None, offered: false },
            Task::TellFailure { run, waits: Waits::Review(ReviewId(9)) },
            Task::EndDraft { run, draft },
            Task::Report { run, revision: 1 },
            Task::Place { run, after: JobId(5) },
            Task::Restore { run, delivery: DeliveryId(uuid::Uuid::nil()) },
            Task::Deadline { run, seq },
            Task::Halt { run, seq },
        ];
        for (tasks, is_short) in [(stages.as_slice(), false), (&short, true)] {
            for task in tasks {
                let job = task.job(tenant, Duration::ZERO).unwrap();
                assert_eq!((job.priority <= Task::SHORT_UP_TO, !task.is_stage()), (is_short, is_short), "{task:?}");
                assert_eq!(Task::decode(&job.kind, &job.payload).unwrap(), *task);
                let outlasts_an_hour = crate::queue::shortest_span(job.max_attempts) > Duration::from_secs(60 * 60);
                assert_eq!(outlasts_an_hour, is_short, "{task:?}");
            }
        }
    }
}
