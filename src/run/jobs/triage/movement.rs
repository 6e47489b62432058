//! Deliveries in which nobody speaks: pull requests that move, installations that change.

use anyhow::Result;

use super::{Action, InstallationId, Services, Signal, store};
use crate::{
    event::{Event, InstallationChange, PullRequest, PullRequestChange},
    run::signal,
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
