//! Deliveries in which nobody speaks: pull requests that move, buttons that are clicked, installations that change.

use anyhow::Result;

use super::{Action, InstallationId, RunId, Services, Signal, store};
use crate::{
    event::{CheckRun, CheckRunAction, Event, InstallationChange, PullRequest, PullRequestChange, command::Verb},
    policy::{self, Permission, Role},
    report::ActionKind,
    run::{project::CHECK_RUN_PREFIX, signal, state::State},
    triage::{self, Ordered},
};

/// A pull request that was closed, merged or reopened moves the run that opened it.
pub(super) async fn pull_request(
    services: &Services,
    event: &Event,
    pull_request: &PullRequest,
) -> Result<Option<Action>> {
    let change = match &pull_request.change {
        PullRequestChange::Merged { .. } => signal::PullRequestChange::Merged,
        PullRequestChange::Closed => signal::PullRequestChange::Closed,
        PullRequestChange::Reopened => signal::PullRequestChange::Reopened,
        PullRequestChange::Synchronize => return Ok(None),
    };
    let Some(repository) = &event.repository else { return Ok(None) };
    let mut connection = services.pool.acquire().await?;
    let run = store::latest_of(&mut connection, repository.id, pull_request.number).await?;
    Ok(run.map(|run| Action::Signal(run, Signal::PullRequest(change))))
}

/// A click on one of the check run's buttons is an order, by whoever clicked and may give it.
pub(super) async fn check_run(
    services: &Services,
    event: &Event,
    installation: InstallationId,
    check_run: &CheckRun,
) -> Result<Option<Action>> {
    let identifier = match &check_run.action {
        CheckRunAction::RequestedAction { identifier } => identifier.as_str(),
        // "Re-run" in GitHub's own interface means the same as our button.
        CheckRunAction::Rerequested => "retry",
        CheckRunAction::Completed { .. } => return Ok(None),
    };
    let Some(run) = run_of_external_id(&check_run.external_id) else { return Ok(None) };
    let (Some(actor), Some(stored)) = (&event.actor, store::load(&mut *services.pool.acquire().await?, run).await?)
    else {
        return Ok(None);
    };
    let (verb, order) = match ActionKind::read(identifier) {
        Some(ActionKind::Approve { plan_hash }) => (Verb::Approve, Ordered::Approve { typed_hash: Some(plan_hash) }),
        Some(ActionKind::Reject) => (Verb::Reject, Ordered::Reject),
        Some(ActionKind::Retry) => (Verb::Retry, Ordered::Retry),
        Some(ActionKind::Cancel) => (Verb::Cancel, Ordered::Cancel),
        None => {
            tracing::warn!(%run, button = identifier, "an unknown button");
            return Ok(None);
        }
    };
    let elsewhere = event.repository.as_ref().is_none_or(|repository| repository.id != stored.repository);
    if actor.is_bot || elsewhere || stored.run.state == State::Succeeded {
        return Ok(None);
    }
    let github = services.github.installation(installation);
    let role = github.role(&stored.repository_name, actor.id, &actor.login).await?;
    let role = role.map_or(Role::None, |role| Role::from_github(&role.role_name, &role.permission));
    let policy = super::conversation::policy(services, &stored.repository_name, installation).await?;
    let Ok(policy) = policy else {
        tracing::info!(%run, "a click under a faulty policy");
        return Ok(None);
    };
    if let Permission::Denied { needs } = policy::may(role, verb, &policy) {
        tracing::info!(%run, actor = %actor.login, needs = needs.name(), "a click without permission");
        return Ok(None);
    }
    if matches!(order, Ordered::Approve { .. }) && triage::needs_another(policy.gate, actor.id, stored.requester_id) {
        tracing::info!(%run, actor = %actor.login, "a click by the requester, where another person must approve");
        return Ok(None);
    }
    let order = super::conversation::complete_order(services, &stored, order).await?;
    Ok(Some(Action::Signal(run, Signal::Human { by: actor.login.clone(), order })))
}

/// The run that a check run's `external_id` names.
fn run_of_external_id(external_id: &str) -> Option<RunId> {
    external_id.strip_prefix(CHECK_RUN_PREFIX)?.parse().ok()
}

/// Suspension and return of an installation; its cached client and token are dropped at once.
pub(super) fn installation(
    services: &Services,
    installation: InstallationId,
    change: &InstallationChange,
) -> Option<Action> {
    match change {
        InstallationChange::Deleted | InstallationChange::Suspended => {
            services.github.forget(installation);
            Some(Action::Suspend { suspended: true })
        }
        InstallationChange::Created { .. } | InstallationChange::Unsuspended => {
            Some(Action::Suspend { suspended: false })
        }
        InstallationChange::PermissionsAccepted => {
            services.github.forget(installation);
            None
        }
        InstallationChange::Repositories { .. } => None,
    }
}
