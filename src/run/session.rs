//! What every stage with a box shares: a box that survives a crash of wiz, the commands that prepare it, and the meaning
//! of an agent's early end.

use std::time::Duration;

use anyhow::Context as _;

use super::{project::Project, services::Services, signal::StageResult, store::StoredRun};
use crate::{
    agent::{AgentLimits, Session, StopReason, Toolbox},
    error::{Advice, UserMessage},
    limits::TOOL_OUTPUT_CHARS,
    queue::Lease,
    report,
    sandbox::{BoxKey, BoxLimits, BoxSpec, Command, CommandEnd, OpenBox, SandboxError, SourceFile},
};

/// Longest time one command of a project's preparation may take.
const SETUP_TIMEOUT: Duration = Duration::from_secs(10 * 60);

/// Most that is shown of what a setup command printed: with the words around it, as much as a status comment takes.
const SETUP_OUTPUT_CHARS: usize = 1_500;

/// A box lives no longer than the longest stage may take, whatever becomes of wiz.
const BOX_DEADLINE: Duration = Duration::from_secs(3 * 60 * 60);

/// A box ready for work.
pub struct Opened {
    pub open_box: OpenBox,
    /// Whether the box is new, although a conversation may have begun in one that is gone.
    pub fresh: bool,
}

impl Opened {
    /// Lets the agent work in a box that is ready for it, and seals a fresh one meanwhile. Should the box be left unsealed,
    /// another is made: a coder's gets what its transcript says was done, and of the others nothing is taken.
    pub async fn sealed_during<T, E>(&self, work: impl Future<Output = Result<T, E>>) -> anyhow::Result<T>
    where
        E: Into<anyhow::Error>,
    {
        let seal = async { if self.fresh { self.open_box.seal().await.context("cannot seal a box") } else { Ok(()) } };
        let (finished, ()) = tokio::try_join!(async { work.await.map_err(Into::into) }, seal)?;
        Ok(finished)
    }
}

/// Finds the living box of `key`, left complete by a process that died, or makes a new one with `files` in it. The agent
/// works in it within [`Opened::sealed_during`].
pub async fn open_box(
    services: &Services,
    project: &Project,
    key: BoxKey,
    files: impl FnOnce() -> Vec<SourceFile>,
) -> Result<Opened, SandboxError> {
    match services.docker.reattach(&key).await? {
        Some(open_box) => Ok(Opened { open_box, fresh: false }),
        None => Ok(Opened { open_box: new_box(services, project, key, files()).await?, fresh: true }),
    }
}

/// Makes a new box with `files` in it; one that an earlier try left under the same key is removed.
pub async fn new_box(
    services: &Services,
    project: &Project,
    key: BoxKey,
    files: Vec<SourceFile>,
) -> Result<OpenBox, SandboxError> {
    let spec = BoxSpec { key, image: project.image.clone(), limits: BoxLimits::default(), deadline: BOX_DEADLINE };
    let open_box = services.docker.create(&spec).await?;
    open_box.load(files).await?;
    Ok(open_box)
}

/// Runs the project's setup commands; one that fails makes every later result meaningless, so it ends the stage.
pub async fn prepare(open_box: &OpenBox, project: &Project) -> Result<(), SetupFailed> {
    for script in &project.setup {
        let command = Command { script: script.clone(), timeout: SETUP_TIMEOUT, env: vec![] };
        let outcome = open_box.run(&command).await.context("cannot run a setup command")?;
        if outcome.end != CommandEnd::Exited(0) {
            let output =
                report::fenced(&format!("$ {script}\n{}", outcome.output.text(TOOL_OUTPUT_CHARS)), SETUP_OUTPUT_CHARS);
            let text = format!("The setup command failed, so nothing after it would mean anything.\n\n{output}\n\n");
            let advice = Advice::Mend("`setup:` in `.github/wiz.yml`");
            return Err(SetupFailed::Command(UserMessage::new(text).advising(advice)));
        }
    }
    Ok(())
}

/// Why a box could not be prepared.
pub enum SetupFailed {
    /// The project's own command failed; a person must hear of it.
    Command(UserMessage),
    Other(anyhow::Error),
}

impl From<anyhow::Error> for SetupFailed {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}

/// The agent's session for the conversation `key`.
pub fn of<'a>(
    services: &'a Services,
    lease: &Lease,
    stored: &StoredRun,
    key: &'a str,
    toolbox: &'a dyn Toolbox,
) -> anyhow::Result<Session<'a>> {
    let model = services.models.choose(stored.model.as_deref())?.name().cloned();
    Ok(Session {
        models: &services.models,
        pool: &services.pool,
        run: stored.run.id,
        installation: stored.installation,
        model,
        step_key: key,
        toolbox,
        limits: AgentLimits::default(),
        cancel: lease.cancelled().clone(),
    })
}

/// What an agent's early end means for the run.
pub fn stopped(reason: StopReason) -> anyhow::Result<StageResult> {
    let new = "`/wiz retry` starts a new conversation.";
    let (text, advice) = match reason {
        StopReason::Question(question) => return Ok(StageResult::Questioned { question, of: vec![] }),
        StopReason::Cancelled => anyhow::bail!("the agent was interrupted"),
        StopReason::SandboxDead(reason) => anyhow::bail!("the box died: {reason}"),
        StopReason::Money => return Ok(StageResult::OutOfMoney),
        StopReason::Turns => (format!("The agent took as many turns as it may. {new}"), None),
        StopReason::Tokens => (format!("The agent used as many tokens as it may. {new}"), None),
        StopReason::Time => (format!("The agent took as long as it may. {new}"), None),
        StopReason::Context => {
            ("The work does not fit the model's context.".to_owned(), Some(Advice::Steer("with smaller steps helps")))
        }
        StopReason::Stuck => (
            "The agent went in circles and was stopped.".to_owned(),
            Some(Advice::Steer("with a hint helps more than `/wiz retry`")),
        ),
        StopReason::FormatErrors => (
            "The model kept answering in a form that wiz cannot read. Another `--model` may do better.".to_owned(),
            None,
        ),
        StopReason::Refused => {
            ("The model refused to go on.".to_owned(), Some(Advice::Steer("or another `--model` may help")))
        }
    };
    Ok(StageResult::Failed { message: UserMessage::new(text).advising(advice) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Steering;

    #[test]
    fn an_agent_that_was_stopped_early_says_why() {
        let reasons = [
            StopReason::Turns,
            StopReason::Tokens,
            StopReason::Time,
            StopReason::Context,
            StopReason::Stuck,
            StopReason::FormatErrors,
            StopReason::Refused,
        ];
        let said = reasons.map(|reason| {
            let StageResult::Failed { message } = stopped(reason).unwrap() else { panic!("it goes on") };
            message.settled(Steering::Plan).to_string()
        });
        insta::assert_snapshot!(said.join("\n"), @r"
        The agent took as many turns as it may. `/wiz retry` starts a new conversation.
        The agent used as many tokens as it may. `/wiz retry` starts a new conversation.
        The agent took as long as it may. `/wiz retry` starts a new conversation.
        The work does not fit the model's context. `/wiz revise …` with smaller steps helps.
        The agent went in circles and was stopped. `/wiz revise …` with a hint helps more than `/wiz retry`.
        The model kept answering in a form that wiz cannot read. Another `--model` may do better.
        The model refused to go on. `/wiz revise …` or another `--model` may help.
        ");
        assert!(stopped(StopReason::Cancelled).is_err());
        assert!(stopped(StopReason::SandboxDead("x".to_owned())).is_err());
    }
}
