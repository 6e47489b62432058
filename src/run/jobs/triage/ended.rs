//! Deliveries in which a check ends. Which commit they are about is all that counts: what its checks say is asked from
//! GitHub, since deliveries come late, twice, and in any order.

use anyhow::Result;

use super::{Action, InstallationId, Services};
use crate::{
    ci,
    event::{CheckRunAction, CheckSuiteAction, Event, EventKind},
    ids::{CommitSha, DeliveryId},
    run::{
        store::ci as tries,
        task::{Checks, Occasion},
    },
};

/// A check that failed puts its commit under watch; any other that ends may be the last one that is waited for.
pub(super) async fn interpret(
    services: &Services,
    delivery: DeliveryId,
    event: &Event,
    installation: InstallationId,
) -> Result<Option<Action>> {
    let Some(Ended { head, conclusion, by }) = ended(&event.kind) else { return Ok(None) };
    let Some(repository) = &event.repository else { return Ok(None) };
    if by.is_some() && by == Some(&services.github.identity().await?.slug) {
        return Ok(None);
    }
    let failed = conclusion.is_some_and(ci::is_failing);
    if !failed && !tries::is_watched(&mut *services.pool.acquire().await?, repository.id, head).await? {
        return Ok(None);
    }
    let checks =
        Checks { installation, repository: repository.id, head: head.clone(), occasion: Occasion::Delivery(delivery) };
    Ok(Some(Action::LookAtChecks { checks, failed }))
}

struct Ended<'a> {
    head: &'a CommitSha,
    conclusion: Option<&'a str>,
    /// The App whose check it is.
    by: Option<&'a str>,
}

fn ended(kind: &EventKind) -> Option<Ended<'_>> {
    match kind {
        EventKind::CheckRun(run) => match &run.action {
            CheckRunAction::Completed { conclusion } => {
                Some(Ended { head: &run.head_sha, conclusion: conclusion.as_deref(), by: run.app_slug.as_deref() })
            }
            CheckRunAction::RequestedAction { .. } | CheckRunAction::Rerequested => None,
        },
        EventKind::CheckSuite(suite) => match &suite.action {
            CheckSuiteAction::Completed { conclusion } => {
                Some(Ended { head: &suite.head_sha, conclusion: conclusion.as_deref(), by: suite.app_slug.as_deref() })
            }
            CheckSuiteAction::Rerequested => None,
        },
        EventKind::WorkflowRun(run) => {
            Some(Ended { head: &run.head_sha, conclusion: run.conclusion.as_deref(), by: None })
        }
        EventKind::CommitStatus(status) if status.state != "pending" => {
            Some(Ended { head: &status.head_sha, conclusion: Some(&status.state), by: None })
        }
        EventKind::CommitStatus(_)
        | EventKind::Spoken(_)
        | EventKind::Triggered(_)
        | EventKind::PullRequest(_)
        | EventKind::Installation(_)
        | EventKind::Repository(_)
        | EventKind::Push(_)
        | EventKind::Ping
        | EventKind::Ignored { .. } => None,
    }
}
