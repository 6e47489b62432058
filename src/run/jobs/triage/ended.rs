//! Deliveries in which a check ends, or after which one that has ended counts. Which commit they are about is all that counts: what its checks say is asked from
//! GitHub, since deliveries come late, twice, and in any order.

use anyhow::Result;

use super::{Action, InstallationId, Services};
use crate::{
    ci,
    event::{Event, EventKind, Place, PullRequestChange, SpokenAction},
    ids::{CommitSha, DeliveryId},
    run::{
        store::ci as tries,
        task::{Checks, Occasion},
    },
    triage::{self, Ended},
};

/// A check that failed puts its commit under watch; any other that ends may be the last one that is waited for.
pub(super) async fn interpret(
    services: &Services,
    delivery: DeliveryId,
    event: &Event,
    installation: InstallationId,
) -> Result<Option<Action>> {
    let Some(Ended { head, conclusion, by }) = triage::ended(&event.kind) else { return Ok(None) };
    let Some(repository) = &event.repository else { return Ok(None) };
    if by.is_some() && by == Some(&services.github.identity().await?.slug) {
        return Ok(None);
    }
    let failed = conclusion.is_some_and(ci::is_failing);
    if !failed && tries::failed_at(&mut *services.pool.acquire().await?, repository.id, head).await?.is_none() {
        return Ok(None);
    }
    let checks =
        Checks { installation, repository: repository.id, head: head.clone(), occasion: Occasion::Delivery(delivery) };
    Ok(Some(Action::LookAtChecks { checks, failed }))
}

/// A pull request is there, or there again: what failed on its head before that was nobody's to answer.
pub(super) async fn before_it_opened(
    services: &Services,
    delivery: DeliveryId,
    event: &Event,
    installation: InstallationId,
) -> Result<Option<Action>> {
    let (Some(repository), Some(head)) = (&event.repository, opened(&event.kind)) else { return Ok(None) };
    if !tries::has_failed(&mut *services.pool.acquire().await?, repository.id, head).await? {
        return Ok(None);
    }
    let checks =
        Checks { installation, repository: repository.id, head: head.clone(), occasion: Occasion::Delivery(delivery) };
    Ok(Some(Action::LookAtChecks { checks, failed: true }))
}

/// The head of the pull request that was opened or reopened, if one was.
fn opened(kind: &EventKind) -> Option<&CommitSha> {
    if let EventKind::PullRequest(pull_request) = kind
        && pull_request.change == PullRequestChange::Reopened
    {
        return Some(&pull_request.head_sha);
    }
    if let EventKind::Spoken(spoken) = kind
        && (spoken.place, spoken.action) == (Place::PullRequest, SpokenAction::Created)
    {
        return spoken.head.as_ref();
    }
    None
}
