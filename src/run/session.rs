//! What every agent stage shares: a box that survives a crash of wiz, a conversation with a key of its own, and the
//! meaning of an agent's early end.

use super::{
    project::Project,
    services::Services,
    signal::StageResult,
    store::StoredRun,
};
use crate::{
    agent::{AgentLimits, BoxToolbox, Role, Session, StopReason},
    error::UserMessage,
    queue::Lease,
    sandbox::{BoxKey, BoxLimits, BoxSpec, OpenBox, SandboxError, SourceFile},
};

/// One agent's conversation within a run.
pub struct Conversation {
    /// Names it among all conversations of the run; a crash goes on with the same key, a retry takes another.
    pub key: String,
    pub role: Role,
}

/// A box ready for work.
pub struct Opened {
    pub open_box: OpenBox,
    /// Whether the box is new although the conversation may have begun in one that is gone.
    pub fresh: bool,
}

/// Finds the living box of `key`, left by a process that died, or makes a new one with `files` in it.
pub async fn open_box(
    services: &Services,
    project: &Project,
    key: BoxKey,
    files: impl FnOnce() -> Vec<SourceFile>,
) -> Result<Opened, SandboxError> {
    if let Some(open_box) = services.docker.reattach(&key).await? {
        return Ok(Opened { open_box, fresh: false });
    }
    let spec = BoxSpec {
        key,
        image: project.image.clone(),
        limits: BoxLimits::default(),
        deadline: BoxLimits::STAGE_DEADLINE,
    };
    let open_box = services.docker.create(&spec).await?;
    open_box.load(files()).await?;
    Ok(Opened { open_box, fresh: true })
}

/// The agent's session for one conversation.
pub fn of<'a>(
    services: &'a Services,
    lease: &Lease,
    stored: &StoredRun,
    conversation: &'a Conversation,
    toolbox: &'a BoxToolbox<'a>,
) -> Session<'a> {
    let configured = match conversation.role {
        Role::Planner | Role::Coder => &services.settings.default_model,
        Role::Reviewer => &services.settings.review_model,
    };
    Session {
        models: &services.models,
        pool: &services.pool,
        run: stored.run.id,
        installation: stored.installation,
        model: stored.model.clone().unwrap_or_else(|| configured.clone()),
        step_key: &conversation.key,
        toolbox,
        limits: AgentLimits::default(),
        cancel: lease.cancelled().clone(),
    }
}

/// What an agent's early end means for the run.
pub fn stopped(reason: StopReason) -> anyhow::Result<StageResult> {
    let message = match reason {
        StopReason::Question(question) => return Ok(StageResult::Questioned { question }),
        StopReason::Cancelled => anyhow::bail!("the agent was interrupted"),
        other => UserMessage::new(other.to_string()),
    };
    Ok(StageResult::Failed { message })
}
