//! The kinds of queue row that wiz knows, one variant each, and how an effect becomes one.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    github::Reactable,
    ids::{CommentId, DeliveryId, InstallationId, IssueNumber, RepositoryId, RunId},
    plan::StepKey,
    queue::NewJob,
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
    /// Show the run on GitHub as it now is.
    Report { run: RunId, revision: i32 },
    /// Tell the machine that a state lasted too long.
    Deadline { run: RunId, seq: i32 },
    /// Remove an ended run's boxes.
    Halt { run: RunId, seq: i32 },
    /// Answer a person outside the sticky comment, once.
    Reply(Reply),
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
    /// Also show 👎 on what is answered.
    pub thumbs_down: Option<Reactable>,
    /// The comment, in Markdown.
    pub body: String,
}

/// Tries of one job: with the queue's growing waits, about three quarters of an hour, which outlasts a restart of the
/// engine or a short outage of GitHub.
const ATTEMPTS: i16 = 12;

/// Lower numbers are claimed first.
const PRIORITY_ANSWER: i16 = 1;
const PRIORITY_WORK: i16 = 2;
const PRIORITY_UPKEEP: i16 = 3;

impl Task {
    /// Reads a row of the queue; an unknown kind or payload is an error that no retry mends.
    pub fn decode(kind: &str, payload: &serde_json::Value) -> serde_json::Result<Self> {
        serde_json::from_value(serde_json::json!({ "kind": kind, "payload": payload }))
    }

    /// The run a task belongs to.
    pub fn run(&self) -> Option<RunId> {
        match self {
            Self::Triage { .. } | Self::Reply(_) => None,
            Self::Plan { run, .. }
            | Self::Work { run, .. }
            | Self::Verify { run, .. }
            | Self::Review { run, .. }
            | Self::Publish { run, .. }
            | Self::Report { run, .. }
            | Self::Deadline { run, .. }
            | Self::Halt { run, .. } => Some(*run),
        }
    }

    /// Kinds that end with the run's state; everything else outlives it.
    pub const STAGE_KINDS: [&'static str; 6] = ["plan", "work", "verify", "review", "publish", "deadline"];

    /// The queue row of this task, due after `delay`, counted against `tenant`.
    pub fn job(&self, tenant: InstallationId, delay: Duration) -> anyhow::Result<NewJob> {
        let (kind, payload) = self.encode()?;
        let (priority, max_attempts) = match self {
            Self::Triage { .. } | Self::Reply(_) | Self::Report { .. } => (PRIORITY_ANSWER, ATTEMPTS),
            Self::Plan { .. }
            | Self::Work { .. }
            | Self::Verify { .. }
            | Self::Review { .. }
            | Self::Publish { .. } => (PRIORITY_WORK, ATTEMPTS),
            Self::Deadline { .. } | Self::Halt { .. } => (PRIORITY_UPKEEP, ATTEMPTS),
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

    /// Two reports of one run at a time would both find no comment and both make one.
    fn group_key(&self) -> Option<String> {
        match self {
            Self::Report { run, .. } => Some(format!("report:{run}")),
            Self::Triage { .. }
            | Self::Plan { .. }
            | Self::Work { .. }
            | Self::Verify { .. }
            | Self::Review { .. }
            | Self::Publish { .. }
            | Self::Deadline { .. }
            | Self::Halt { .. }
            | Self::Reply(_) => None,
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
            Self::Report { run, revision } => format!("run:{run}:report:{revision}"),
            Self::Deadline { run, seq } => format!("run:{run}:deadline:{seq}"),
            Self::Halt { run, seq } => format!("run:{run}:halt:{seq}"),
            Self::Reply(reply) => {
                let said = hex::encode(&Sha256::digest(&reply.body)[..8]);
                format!("reply:{}:{}:{}:{said}", reply.repository, reply.issue, reply.comment)
            }
        }
    }
}
