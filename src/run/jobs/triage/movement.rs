//! Deliveries in which nobody speaks: pull requests that move, installations that change.

use anyhow::Result;
use sqlx::PgConnection;

use super::{Action, InstallationId, Services, Signal, opening, store};
use crate::{
    event::{
        Actor, Event, InstallationChange, InstalledRepository, Permissions, PullRequest, PullRequestChange,
        RepositoryChange,
    },
    github::{self, OpenState},
    ids::{DeliveryId, IssueNumber, RepositoryId},
    run::{
        reach, signal,
        state::State,
        store::reach::{Described, Installed, Told},
    },
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

/// What an installation's owner did. What is shared of it, its tokens above all, is dropped wherever it may be out of date;
/// of a new one nothing can be, and its first requests may be under way when this is heard.
pub(super) fn installation(
    services: &Services,
    installation: InstallationId,
    change: &InstallationChange,
) -> Option<Action> {
    if !matches!(change, InstallationChange::Created { .. }) {
        services.github.forget(installation);
    }
    let installed = |account: Option<&Actor>, permissions: &Permissions| Installed {
        id: installation,
        account: account.map(|account| account.login.to_string()),
        permissions: permissions.clone(),
    };
    Some(Action::Reach(match change {
        InstallationChange::Deleted => Reach::Uninstalled,
        InstallationChange::Suspended => Reach::Suspended,
        InstallationChange::Unsuspended => Reach::Back,
        InstallationChange::Created { account, permissions, repositories } => Reach::Installed {
            installed: installed(account.as_ref(), permissions),
            repositories: described(installation, repositories),
        },
        InstallationChange::PermissionsAccepted { permissions } => Reach::Granted(installed(None, permissions)),
        InstallationChange::Repositories { added, removed } => Reach::Repositories {
            added: described(installation, added),
            removed: removed.iter().map(|repository| repository.id).collect(),
        },
    }))
}

fn described(installation: InstallationId, repositories: &[InstalledRepository]) -> Vec<Described> {
    let described = repositories.iter().map(|repository| Described {
        id: repository.id,
        installation,
        name: repository.name.clone(),
        default_branch: None,
        archived: None,
        told: Told::OfReach,
    });
    described.collect()
}

/// A repository that was renamed, moved, archived or deleted. Everything later uses what the row then says.
pub(super) fn repository(event: &Event, installation: InstallationId, change: RepositoryChange) -> Option<Action> {
    let repository = event.repository.as_ref()?;
    let described = |archived| Described {
        id: repository.id,
        installation,
        name: repository.name.clone(),
        default_branch: repository.default_branch.clone(),
        archived,
        told: Told::InPassing,
    };
    Some(Action::Reach(match change {
        RepositoryChange::Described => Reach::Described(described(None)),
        RepositoryChange::Unarchived => Reach::Described(described(Some(false))),
        RepositoryChange::Archived => Reach::Archived(described(Some(true))),
        RepositoryChange::Deleted => Reach::Repositories { added: vec![], removed: vec![repository.id] },
    }))
}

/// A change of what wiz can reach.
pub(super) enum Reach {
    Installed { installed: Installed, repositories: Vec<Described> },
    Granted(Installed),
    Suspended,
    Back,
    Uninstalled,
    Repositories { added: Vec<Described>, removed: Vec<RepositoryId> },
    Described(Described),
    Archived(Described),
}

impl Reach {
    pub(super) async fn carry_out(self, connection: &mut PgConnection, installation: InstallationId) -> Result<()> {
        match self {
            Self::Installed { installed, repositories } => {
                reach::back(connection, installation).await?;
                store::reach::remember_installation(connection, &installed).await?;
                describe(connection, &repositories).await?;
                read_schedules(connection, installation, &repositories).await?;
                // A repository that was here before comes back under a new installation.
                store::reach::report_unshown(connection, installation).await
            }
            Self::Granted(installed) => store::reach::remember_installation(connection, &installed).await,
            Self::Suspended => reach::suspended(connection, installation).await,
            Self::Back => reach::back(connection, installation).await,
            Self::Uninstalled => reach::uninstalled(connection, installation).await,
            Self::Repositories { added, removed } => {
                describe(connection, &added).await?;
                read_schedules(connection, installation, &added).await?;
                for repository in removed {
                    reach::repository_gone(connection, installation, repository).await?;
                }
                Ok(())
            }
            Self::Described(described) => {
                let described = [described];
                describe(connection, &described).await?;
                // The default branch may be another one.
                read_schedules(connection, installation, &described).await
            }
            Self::Archived(described) => {
                describe(connection, std::slice::from_ref(&described)).await?;
                reach::repository_archived(connection, described.id).await
            }
        }
    }
}

async fn describe(connection: &mut PgConnection, repositories: &[Described]) -> Result<()> {
    for repository in repositories {
        reach::described(connection, repository).await?;
    }
    Ok(())
}

/// What is new to wiz, or comes back, may have schedules that nobody pushes any more.
async fn read_schedules(
    connection: &mut PgConnection,
    installation: InstallationId,
    repositories: &[Described],
) -> Result<()> {
    let named = repositories.iter().map(|repository| (repository.id, Some(repository.name.clone())));
    reach::read_schedules(connection, installation, named.collect()).await
}
