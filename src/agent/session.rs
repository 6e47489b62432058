//! What a caller gives the loop, and what it gets back.

use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use super::{AgentLimits, Toolbox};
use crate::{
    ids::{InstallationId, RunId},
    llm::{AgentRole, CallContext, ModelError, ModelName, Models},
    plan::Question,
};

/// One agent at one piece of work. The same `run` and `step_key` mean the same session, also in another process.
pub struct Session<'a> {
    pub models: &'a Models,
    pub pool: &'a PgPool,
    pub run: RunId,
    pub installation: InstallationId,
    /// Such as `plan-1`, `work-fix-1`, `review-1`; a repetition of the work needs a new one.
    pub step_key: &'a str,
    /// The repository's or command's choice; the configured model of the role when absent. A session that was begun
    /// stays with its model, because reasoning blocks belong to the model that wrote them.
    pub model: Option<ModelName>,
    pub toolbox: &'a dyn Toolbox,
    pub limits: AgentLimits,
    /// Cancelled when the job's lease is lost or somebody cancels the run.
    pub cancel: CancellationToken,
}

impl Session<'_> {
    pub(super) fn call(&self, role: AgentRole, turn: u32, deadline: tokio::time::Instant) -> CallContext<'_> {
        CallContext { run: self.run, installation: self.installation, role, step_key: self.step_key, turn, deadline }
    }
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finished<T> {
    /// The agent handed in what its role asks for, and it was valid.
    Submitted(T),
    /// It ended without.
    Stopped(StopReason),
}

/// Why a session ended without a result. Data, not an error: the run decides what follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// All turns are used.
    Turns,
    /// All tokens are used.
    Tokens,
    /// The run's budget does not pay for another call.
    Money,
    /// The wall time is over.
    Time,
    /// The conversation does not fit the model's window even with old tool output left out.
    Context,
    /// The same thing again and again, also after a nudge.
    Stuck,
    /// Three malformed tool calls in a row.
    FormatErrors,
    /// The model or its provider declined to go on.
    Refused,
    /// The box is gone; with a new one and [`super::replay`] the session can go on.
    SandboxDead(String),
    /// The session's token was cancelled.
    Cancelled,
    /// Only a person can decide; the answer belongs into the input of the next session.
    Question(Question),
}

/// Why a session could neither finish nor stop. Transient model errors are the queue's to retry: the session resumes.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error("cannot read or write the transcript")]
    Store(#[from] sqlx::Error),
    /// Another process wrote the same position first; this one must not go on.
    #[error("another process is working on this session")]
    Superseded,
    /// The stored transcript does not fit its hashes or cannot be read.
    #[error("the stored transcript cannot be used: {0}")]
    Transcript(String),
    #[error("cannot render the prompt")]
    Prompt(#[from] minijinja::Error),
}
