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
        let Conflict { first, second, path } = conflict;
        let path = texts::code(path, 300);
        let message = UserMessage::new(format!(
            "Steps {first} and {second} both changed {path}, but neither depends on the other."
        ));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{error::Steering, money::MicroDollars};

    /// What people read of an error while they can still change the plan; `None` for what is tried again.
    fn told(error: impl Into<anyhow::Error>) -> Option<String> {
        match classify(error.into()) {
            StageFailure::Told(message) => Some(message.settled(Steering::Plan).to_string()),
            StageFailure::Left | StageFailure::Job(_) => None,
        }
    }

    #[test]
    fn what_a_person_can_mend_is_told() {
        let what = || "8 GB of @octo/`x`".to_owned();
        let boxes = [
            SandboxError::ImageMissing { image: "octo/ci:1".to_owned() },
            SandboxError::TooLarge { what: what() },
            SandboxError::Exhausted { what: what() },
            SandboxError::PathRefused { path: "a`b".to_owned(), reason: "it leads to @octo".to_owned() },
            SandboxError::WallBroken { wall: "no network", evidence: "GET 10.0.0.1: 200".to_owned() },
        ];
        let models = [
            ModelError::Auth { status: 401 },
            ModelError::BadRequest { message: "max_tokens".to_owned() },
            ModelError::ContextTooLong { message: "200,001 tokens".to_owned() },
            ModelError::Budget { left: MicroDollars::from_cents(2), needed: MicroDollars::from_cents(5) },
        ];
        let github = [GitHubError::Forbidden(Default::default())];
        let step = |key: &str| key.parse().unwrap();
        let conflict = Conflict { first: step("a"), second: step("b"), path: "greet.sh".to_owned() };
        let said = boxes.into_iter().map(told);
        let said = said.chain(models.into_iter().map(|error| told(AgentError::Model(error))));
        let said: Vec<String> =
            said.chain(github.into_iter().map(told)).chain([told(conflict)]).map(Option::unwrap).collect();
        insta::assert_snapshot!(said.join("\n\n").replace('\u{200b}', "␣"), @r"
        The container image `octo/ci:1` is not on this server. Ask the operator to pull it, or name another `image:` in `.github/wiz.yml`; then `/wiz retry`.

        The files are more than wiz takes: `` 8 GB of @octo/`x` ``. `/wiz retry` lets the coder try again, `/wiz revise …` changes the plan.

        The box ran out of `` 8 GB of @octo/`x` ``. `/wiz retry` tries again in a fresh one, `/wiz revise …` changes the plan.

        wiz does not take ``a`b`` out of the box: it leads to @␣octo. `/wiz retry` lets the coder try again.

        A wall of the box does not stand on this server (no network), so nothing was run in it. The operator's log has the evidence; `/wiz retry` once that is mended.

        The model provider refused the call; the operator's log has the reason. `/wiz retry` goes on once that is mended, or start again with another `--model`.

        The model provider refused the call; the operator's log has the reason. `/wiz retry` goes on once that is mended, or start again with another `--model`.

        The work does not fit the model's context. `/wiz revise …` with smaller steps helps.

        The run's budget has $0.02 left and the next model call needs about $0.05. `/wiz fix --max $…` starts one with more.

        GitHub refused a step that this run needs; most often the App lacks a permission that must be accepted on its installation page. Then `/wiz retry`.

        Steps a and b both changed `greet.sh`, but neither depends on the other. `/wiz revise …` can put one after the other.
        ");
    }

    #[test]
    fn what_passes_is_tried_again() {
        let engine = SandboxError::EngineUnavailable { doing: "start".to_owned(), reason: "x".to_owned() };
        assert_eq!(told(engine), None);
        assert_eq!(told(AgentError::Model(ModelError::Overloaded { message: "x".to_owned() })), None);
        assert_eq!(told(GitHubError::Transient(Default::default())), None);
    }
}
