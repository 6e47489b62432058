//! Deliveries that tell what wiz can reach: installations and repositories that come, go and change.
//!
//! Deliveries come late and in any order, and what is told of an hour ago must not end the runs of today. So a change counts
//! only as GitHub shows it, to the installation that tells of it. What is told and not shown may be about to show, so it is
//! looked at again for a while, and then left: what undid it has a delivery of its own, and all is compared every few
//! minutes. Two are believed as they come: a new installation ends nothing, and one that was deleted has no way back.

use std::collections::BTreeMap;

use anyhow::Result;
use sqlx::PgConnection;

use super::{Action, InstallationId, Services, put_off_while_young, store};
use crate::{
    event::{Event, InstallationChange, InstalledRepository, Repository, RepositoryChange},
    github::{GitHubError, InstalledApp, RepositoryInfo},
    ids::{DeliveryId, RepositoryId},
    run::{
        reach,
        store::reach::{Described, Installed, Told},
    },
};

/// What an installation's owner did. What is shared of it, its tokens above all, is dropped wherever it may be out of date;
/// of a new one nothing can be, and its first requests may be under way when this is heard.
pub(super) async fn installation(
    services: &Services,
    (delivery, installation): (DeliveryId, InstallationId),
    change: &InstallationChange,
) -> Result<Option<Action>> {
    let (reach, is_shown) = match change {
        InstallationChange::Deleted => (Some(Reach::Uninstalled), true),
        InstallationChange::Repositories { added, removed } => {
            of_repositories(&listed(services, installation).await?, installation, (added, removed))
        }
        // A new one ends nothing, and what it is told with is not asked again: its first run has few calls to spend.
        InstallationChange::Created { account, permissions, repositories } => {
            let account = account.as_ref().map(|account| account.login.to_string());
            let installed = Installed { id: installation, account, permissions: permissions.clone() };
            let repositories = repositories.iter().map(|repository| named(installation, repository)).collect();
            (Some(Reach::Installed { installed, repositories }), true)
        }
        InstallationChange::Suspended => {
            let reach = shown(services, installation).await?.filter(InstalledApp::is_suspended);
            (reach.as_ref().map(|_| Reach::Suspended), reach.is_some())
        }
        InstallationChange::Unsuspended => {
            let is_back = is_back(services, installation).await?;
            (is_back.then_some(Reach::Back), is_back)
        }
        InstallationChange::PermissionsAccepted { permissions } => {
            let now = shown(services, installation).await?;
            let is_shown = now.as_ref().is_some_and(|now| now.permissions == *permissions);
            (now.map(|now| Reach::Granted(as_listed(&now))), is_shown)
        }
    };
    if !is_shown {
        put_off_while_young(services, delivery, "GitHub shows something else than it has told").await?;
    }
    if reach.is_some() && !matches!(change, InstallationChange::Created { .. }) {
        services.github.forget(installation);
    }
    Ok(reach.map(Action::Reach))
}

/// Whether the installation is there and can be worked in.
pub(super) async fn is_back(services: &Services, installation: InstallationId) -> Result<bool> {
    Ok(shown(services, installation).await?.is_some_and(|now| !now.is_suspended()))
}

/// The installation as it is now, if it is there.
async fn shown(services: &Services, installation: InstallationId) -> Result<Option<InstalledApp>> {
    match services.github.installed(installation).await {
        Ok(installed) => Ok(Some(installed)),
        Err(GitHubError::NotFound(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn as_listed(now: &InstalledApp) -> Installed {
    let account = now.account.as_ref().map(ToString::to_string);
    Installed { id: now.id, account, permissions: now.permissions.clone() }
}

/// The repositories that an installation reaches.
enum Listing {
    These(BTreeMap<RepositoryId, RepositoryInfo>),
    /// More than wiz reads, so that what is told has to do.
    TooMany,
    /// None, as the installation is gone or suspended.
    Refused,
}

async fn listed(services: &Services, installation: InstallationId) -> Result<Listing> {
    match services.github.installation(installation).repositories().await {
        Ok(Some(listed)) => Ok(Listing::These(listed.into_iter().map(|info| (info.id, info)).collect())),
        Ok(None) => Ok(Listing::TooMany),
        Err(GitHubError::Forbidden(_) | GitHubError::NotFound(_)) => Ok(Listing::Refused),
        Err(error) => Err(error.into()),
    }
}

/// Repositories that were added to an installation and removed from it, as far as that shows, and whether all of it does.
fn of_repositories(
    listing: &Listing,
    installation: InstallationId,
    (added, removed): (&[InstalledRepository], &[InstalledRepository]),
) -> (Option<Reach>, bool) {
    let gone = removed.iter().map(|repository| repository.id);
    match listing {
        Listing::These(listed) => {
            let there = added.iter().filter_map(|repository| listed.get(&repository.id));
            let there: Vec<Described> = there.map(|info| now(installation, info)).collect();
            let gone: Vec<RepositoryId> = gone.filter(|id| !listed.contains_key(id)).collect();
            let is_shown = there.len() == added.len() && gone.len() == removed.len();
            (Some(Reach::Repositories { added: there, removed: gone }), is_shown)
        }
        Listing::TooMany => {
            let named = added.iter().map(|repository| named(installation, repository));
            (Some(Reach::Repositories { added: named.collect(), removed: gone.collect() }), true)
        }
        Listing::Refused => (None, false),
    }
}

/// A repository as a delivery about an installation names it.
fn named(installation: InstallationId, repository: &InstalledRepository) -> Described {
    Described {
        id: repository.id,
        installation,
        name: repository.name.clone(),
        default_branch: None,
        archived: None,
        told: Told::OfReach,
    }
}

/// A repository as an installation lists it.
fn now(installation: InstallationId, info: &RepositoryInfo) -> Described {
    Described {
        id: info.id,
        installation,
        name: info.name.clone(),
        default_branch: Some(info.default_branch.clone()),
        archived: Some(info.archived),
        told: Told::OfReach,
    }
}

/// A repository that was renamed, moved, archived or deleted. Everything later uses what the row then says.
pub(super) async fn repository(
    services: &Services,
    (delivery, event): (DeliveryId, &Event),
    installation: InstallationId,
    change: RepositoryChange,
) -> Result<Option<Action>> {
    let Some(repository) = event.repository.as_ref() else { return Ok(None) };
    // One that wiz does not know has no run that could end.
    let is_known = store::reach::home(&mut *services.pool.acquire().await?, repository.id).await?.is_some();
    let listing = if is_known { listed(services, installation).await? } else { Listing::TooMany };
    let (reach, is_shown) = of_repository(&listing, installation, (repository, change));
    if !is_shown {
        put_off_while_young(services, delivery, "GitHub shows something else than it has told").await?;
    }
    Ok(reach.map(Action::Reach))
}

/// A change of a repository as far as it shows, and whether it does.
fn of_repository(
    listing: &Listing,
    installation: InstallationId,
    (repository, change): (&Repository, RepositoryChange),
) -> (Option<Reach>, bool) {
    let archived = match change {
        RepositoryChange::Described | RepositoryChange::Deleted => None,
        RepositoryChange::Archived => Some(true),
        RepositoryChange::Unarchived => Some(false),
    };
    let told = Described {
        id: repository.id,
        installation,
        name: repository.name.clone(),
        default_branch: repository.default_branch.clone(),
        archived,
        told: Told::InPassing,
    };
    let gone = || Reach::Repositories { added: vec![], removed: vec![repository.id] };
    let is_deleted = change == RepositoryChange::Deleted;
    match listing {
        Listing::Refused => (None, false),
        Listing::TooMany if is_deleted => (Some(gone()), true),
        Listing::TooMany => (Some(as_described(told)), true),
        Listing::These(listed) => match listed.get(&repository.id) {
            None => (is_deleted.then(gone), is_deleted),
            Some(_) if is_deleted => (None, false),
            Some(info) => {
                let now = now(installation, info);
                let is_shown = now.name == told.name
                    && (told.default_branch.is_none() || now.default_branch == told.default_branch)
                    && (told.archived.is_none() || now.archived == told.archived);
                (Some(as_described(now)), is_shown)
            }
        },
    }
}

fn as_described(described: Described) -> Reach {
    if described.archived == Some(true) { Reach::Archived(described) } else { Reach::Described(described) }
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
