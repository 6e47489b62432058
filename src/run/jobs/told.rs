//! What becomes of an error on which a stage ends: what a person can mend is told, everything else is tried again.

use super::{Conflict, FaultyPolicy, StageFailure, retry};
use crate::{
    agent::AgentError,
    error::{Advice, UserMessage},
    github::GitHubError,
    llm::{ModelError, UnusableModel},
    report as texts,
    sandbox::SandboxError,
};

/// Sorts an error of any room: what a person can mend is told, what passes is tried again.
pub(super) fn classify(error: anyhow::Error) -> StageFailure {
    if let Some(text) = error.downcast_ref::<SandboxError>().and_then(told_of_box) {
        tracing::warn!(error = format!("{error:#}"), "the box failed for good");
        return StageFailure::Told(text);
    }
    if let Some(FaultyPolicy(faults)) = error.downcast_ref::<FaultyPolicy>() {
        return StageFailure::Told(UserMessage::new(crate::triage::faults_text(faults)));
    }
    if let Some(unusable) = error.downcast_ref::<UnusableModel>() {
        return StageFailure::Told(UserMessage::new(texts::lost_model(&unusable.wanted)));
    }
    if let Some(conflict) = error.downcast_ref::<Conflict>() {
        let message = UserMessage::new(format!("{conflict}."));
        return StageFailure::Told(message.advising(Advice::Steer("can put one after the other")));
    }
    if let Some(AgentError::Model(model)) = error.downcast_ref::<AgentError>()
        && let Some(text) = told_of_model(model)
    {
        tracing::warn!(error = format!("{error:#}"), "the model call failed for good");
        return StageFailure::Told(text);
    }
    match error.downcast_ref::<GitHubError>() {
        Some(github) if !github.is_retryable() => {
            tracing::warn!(error = format!("{error:#}"), "GitHub refused");
            StageFailure::Told(UserMessage::new(
                "GitHub refused a step that this run needs; most often the App lacks a permission that must be accepted \
                 on its installation page. Then `/wiz retry`.",
            ))
        }
        Some(_) | None => StageFailure::Job(retry(error)),
    }
}

/// What a person can do about a box that will not work by itself; none for what passes.
fn told_of_box(error: &SandboxError) -> Option<UserMessage> {
    let (text, advice) = match error {
        SandboxError::ImageMissing { image } => (
            format!(
                "The container image `{image}` is not on this server. Ask the operator to pull it, or name another \
                 `image:` in `.github/wiz.yml`; then `/wiz retry`."
            ),
            None,
        ),
        SandboxError::TooLarge { what } => (
            format!("The files are more than wiz takes: {}.", texts::code(what, 300)),
            Some(Advice::RetryOrSteer("lets the coder try again")),
        ),
        SandboxError::Exhausted { what } => (
            format!("The box ran out of {}.", texts::code(what, 300)),
            Some(Advice::RetryOrSteer("tries again in a fresh one")),
        ),
        SandboxError::PathRefused { path, reason } => (
            format!(
                "wiz does not take {} out of the box: {}. `/wiz retry` lets the coder try again.",
                texts::code(path, 300),
                texts::plain(reason, 300)
            ),
            None,
        ),
        SandboxError::WallBroken { wall, .. } => (
            format!(
                "A wall of the box does not stand on this server ({wall}), so nothing was run in it. The operator's log \
                 has the evidence; `/wiz retry` once that is mended."
            ),
            None,
        ),
        SandboxError::EngineUnavailable { .. }
        | SandboxError::RunnerMissing { .. }
        | SandboxError::BadSpec { .. }
        | SandboxError::BoxDied { .. }
        | SandboxError::NotFound { .. }
        | SandboxError::NotText { .. }
        | SandboxError::Edit(_)
        | SandboxError::Timeout { .. }
        | SandboxError::Runner { .. } => return None,
    };
    Some(UserMessage::new(text).advising(advice))
}

/// What a person can do about a model call that will not work by itself; none for what passes.
fn told_of_model(error: &ModelError) -> Option<UserMessage> {
    Some(match error {
        ModelError::Auth { .. } | ModelError::BadRequest { .. } => UserMessage::new(
            "The model provider refused the call; the operator's log has the reason. `/wiz retry` goes on once that is \
             mended, or start again with another `--model`.",
        ),
        ModelError::ContextTooLong { .. } => UserMessage::new("The work does not fit the model's context.")
            .advising(Advice::Steer("with smaller steps helps")),
        ModelError::Budget { left, needed } => UserMessage::new(format!(
            "The run's budget has {left} left and the next model call needs about {needed}. `/wiz fix --max $…` starts \
             one with more."
        )),
        ModelError::RateLimited { .. }
        | ModelError::Overloaded { .. }
        | ModelError::Network { .. }
        | ModelError::Protocol { .. }
        | ModelError::Ledger(_) => return None,
    })
}
