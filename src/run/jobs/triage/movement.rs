//! Deliveries in which nobody speaks: pull requests that move, and conversations that open again.

use anyhow::Result;

use super::{Action, InstallationId, Services, Signal, opening, store};
use crate::{
    event::{Event, PullRequest, PullRequestChange},
    github::{self, OpenState},
    ids::{DeliveryId, IssueNumber},
    run::{signal, state::State},
};

/// A pull request that was closed, merged or reopened moves the run that watches it, to what GitHub shows now: deliveries
/// come late and in any order, and one of a pull request that was closed for a moment must not end the run.
pub(super) async fn pull_request(
    services: &Services,
    event: &Event,
    installation: InstallationId,
    pull_request: &PullRequest,
) -> Result<Option<Action>> {
    let told = match &pull_request.change {
        PullRequestChange::Merged { .. } => signal::PullRequestChange::Merged,
        PullRequestChange::Closed => signal::PullRequestChange::Closed,
        PullRequestChange::Reopened => signal::PullRequestChange::Reopened,
        PullRequestChange::Synchronize => return pushed(services, event, installation, pull_request).await,
    };
    let Some(repository) = &event.repository else { return Ok(None) };
    let number = pull_request.number;
    let openings = opening::now(services, repository.id).await?;
    let run = store::latest_of(&mut *services.pool.acquire().await?, repository.id, number).await?;
    let Some(run) = run else {
        if let Some(head) = pull_request.head_branch.as_ref().filter(|_| !pull_request.fork) {
            openings.wait_for_branch(head)?;
        }
        return Ok(None);
    };
    // What is merged stays merged.
    let change = match told {
        signal::PullRequestChange::Merged => told,
        signal::PullRequestChange::Closed | signal::PullRequestChange::Reopened => {
            let now = services.github.installation(installation).pull(&repository.name, number).await?;
            now.map_or(told, |pull| shown(&pull))
        }
    };
    Ok(Some(Action::Signal(run, Signal::PullRequest(change))))
}

/// Somebody pushed to a pull request that wiz opened and watches. What its head is now is asked, since deliveries come late
/// and in any order.
async fn pushed(
    services: &Services,
    event: &Event,
    installation: InstallationId,
    pull_request: &PullRequest,
) -> Result<Option<Action>> {
    let Some(repository) = &event.repository else { return Ok(None) };
    let number = pull_request.number;
    let mut connection = services.pool.acquire().await?;
    let Some(run) = store::latest_of(&mut connection, repository.id, number).await? else { return Ok(None) };
    let stored = store::load(&mut connection, run).await?;
    drop(connection);
    let known = stored.filter(|stored| stored.run.state == State::Watching && stored.has_opened(number));
    let known = known.and_then(|stored| stored.run.progress.pull_request).map(|watched| watched.head);
    if known.is_none_or(|known| known == pull_request.head_sha) {
        return Ok(None);
    }
    let now = services.github.installation(installation).pull(&repository.name, number).await?;
    Ok(now.map(|pull| Action::Signal(run, Signal::HeadMoved { head: pull.head.sha })))
}

/// A conversation that was locked shows how its run stands by now.
pub(super) async fn unlocked(
    services: &Services,
    (delivery, event): (DeliveryId, &Event),
    issue: IssueNumber,
) -> Result<Option<Action>> {
    let Some(repository) = &event.repository else { return Ok(None) };
    let run = store::latest_of(&mut *services.pool.acquire().await?, repository.id, issue).await?;
    Ok(run.map(|run| Action::ShowAgain(run, delivery)))
}

/// How a pull request stands, as the change that led there.
fn shown(pull: &github::PullRequest) -> signal::PullRequestChange {
    match pull.state {
        _ if pull.merged_at.is_some() => signal::PullRequestChange::Merged,
        OpenState::Closed => signal::PullRequestChange::Closed,
        OpenState::Open => signal::PullRequestChange::Reopened,
    }
}
