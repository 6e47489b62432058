//! Deliveries in which a check ends. Which commit they are about is all that counts: what its checks say is asked from
//! GitHub, since deliveries come late, twice, and in any order.

use anyhow::Result;

use super::{Action, InstallationId, Services};
use crate::{
    ci,
    event::Event,
    ids::DeliveryId,
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
