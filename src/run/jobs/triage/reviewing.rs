//! Deliveries in which a person reviews a pull request. Whatever the review and its comments order is one piece of work.

use anyhow::{Context as _, Result};

use super::{
    InstallationId, Services,
    answering::{Answer, Part},
    hearing::{self, Scene},
    pulling,
};
use crate::{
    event::{Event, Place, ReviewState, SpokenAction, command::Command},
    github::{Reactable, ReviewComment},
    ids::DeliveryId,
    policy::{RepositoryPolicy, Role},
    report,
    run::{state::State, store::heard::Source},
    triage::{self, ReviewFacts, ReviewIntent, Reviewed},
};

pub(super) async fn interpret(
    services: &Services,
    delivery: DeliveryId,
    event: &Event,
    installation: InstallationId,
) -> Result<Option<Answer>> {
    let own = services.github.identity().await?;
    let reviewed = match triage::reviewed(event, Some(&own.bot_login)) {
        Ok(reviewed) => reviewed,
        Err(reason) => {
            tracing::debug!(%delivery, reason, "no review to work");
            return Ok(None);
        }
    };
    let repository = event.repository.as_ref().context("a review without a repository")?;
    let spoken = reviewed.spoken;
    let github = services.github.installation(installation);
    let comments = github.comments_of_review(&repository.name, spoken.issue, reviewed.review).await?;
    let order = order(&reviewed, &comments);
    let target = hearing::find_run(services, installation, repository, spoken).await?;
    let ground = hearing::ground(services, installation, &repository.name, spoken, target.as_ref()).await?;
    let state = state(&reviewed);
    if let Err(reason) = triage::may_ask(state, order.as_ref(), ground) {
        tracing::debug!(%delivery, reason, "no review to work");
        return Ok(None);
    }
    let (role, policy) = tokio::try_join!(
        async { Ok(github.role(&repository.name, reviewed.reviewer.id, &reviewed.reviewer.login).await?) },
        hearing::policy(services, &repository.name, installation),
    )?;
    let role = role.map_or(Role::None, |role| Role::from_github(&role.role_name, &role.permission));
    let (policy, faults) = match policy {
        Ok(policy) => (policy, vec![]),
        Err(faults) => (RepositoryPolicy::default(), faults),
    };
    let on = comments.first().map_or(Reactable::Issue(spoken.issue), |comment| Reactable::ReviewComment(comment.id));
    let scene = Scene { event, spoken, installation, repository, target: target.as_ref(), policy: &policy };
    let facts = ReviewFacts { state, order: order.as_ref(), role, ground };
    let part = match triage::judge(&facts, &policy) {
        ReviewIntent::Nothing(reason) => {
            tracing::debug!(%delivery, reason, "no review to work");
            return Ok(None);
        }
        ReviewIntent::Deny { needs } => {
            let text = report::denied(&reviewed.reviewer.login, "fix", needs.name());
            Part::Deny { text, on: comments.first().map(|_| on) }
        }
        ReviewIntent::TooLate { verb } => Part::Say(report::closed_pull_request(verb.name())),
        ReviewIntent::Work if !faults.is_empty() => Part::Say(triage::faults_text(&faults)),
        ReviewIntent::Work
            if order.is_none() && target.as_ref().is_some_and(|run| run.run.state == State::Cancelled) =>
        {
            tracing::info!(%delivery, "the run was cancelled, and the review orders nothing");
            return Ok(None);
        }
        ReviewIntent::Work => {
            hearing::acknowledge(services, installation, &repository.name, on).await?;
            pulling::of_review(services, &scene, (&reviewed, &comments), order).await?
        }
    };
    Ok(Some(Answer {
        installation,
        issue: spoken.issue,
        comment: spoken.id,
        speaker: reviewed.reviewer.id,
        repository: repository.clone(),
        // The commands in its text are heard for themselves.
        fresh: (spoken.action == SpokenAction::Created).then_some(Source::WholeReview),
        parts: vec![part],
    }))
}

/// What the review concluded. An edit changes no conclusion, so only an order in it counts.
fn state(reviewed: &Reviewed<'_>) -> Option<ReviewState> {
    match reviewed.spoken.action {
        SpokenAction::Created => reviewed.spoken.review,
        SpokenAction::Edited | SpokenAction::Deleted => None,
    }
}

/// The first order in the review: in its text, or in one of its comments; in an edit, the one that is new.
fn order(reviewed: &Reviewed<'_>, comments: &[ReviewComment]) -> Option<Command> {
    let spoken = reviewed.spoken;
    let own = triage::order_in(&spoken.text, spoken.previous_text.as_deref());
    match (spoken.place, spoken.action) {
        (Place::Review, SpokenAction::Created) => {
            own.or_else(|| comments.iter().find_map(|comment| triage::order_in(&comment.body, None)))
        }
        _ => own,
    }
}
