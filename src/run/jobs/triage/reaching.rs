//! Deliveries that tell what wiz can reach: installations and repositories that come, go and change.
//!
//! Deliveries come late and in any order, and what is told of an hour ago must not end the runs of today. So what may end
//! them, or says what was granted, counts as GitHub shows it now. Where that is not what was told, one of the two may be
//! about to follow, and the next look tells.

use std::collections::BTreeSet;

use anyhow::Result;
use sqlx::PgConnection;

use super::{Action, InstallationId, Services, put_off_while_young, store};
use crate::{
    event::{Event, InstallationChange, InstalledRepository, RepositoryChange},
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
    if !matches!(change, InstallationChange::Created { .. }) {
        services.github.forget(installation);
    }
    let reach = match change {
        InstallationChange::Deleted => Reach::Uninstalled,
        InstallationChange::Suspended | InstallationChange::Unsuspended => {
            let told = *change == InstallationChange::Suspended;
            let now = shown(services, installation).await?.map_or(told, |now| now.is_suspended());
            settled(services, delivery, now == told).await?;
            if now { Reach::Suspended } else { Reach::Back }
        }
        InstallationChange::Created { account, permissions, repositories } => Reach::Installed {
            installed: Installed {
                id: installation,
                account: account.as_ref().map(|account| account.login.to_string()),
                permissions: permissions.clone(),
            },
            repositories: repositories.iter().map(|repository| named(installation, repository)).collect(),
        },
        InstallationChange::PermissionsAccepted { permissions } => {
            let now = shown(services, installation).await?.map_or_else(|| permissions.clone(), |now| now.permissions);
            settled(services, delivery, now == *permissions).await?;
            Reach::Granted(Installed { id: installation, account: None, permissions: now })
        }
        InstallationChange::Repositories { added, removed } => {
            let listed = listed(services, installation).await?;
            let is_there = |id: RepositoryId, told: bool| listed.as_ref().map_or(told, |listed| listed.contains(&id));
            let holds = added.iter().all(|repository| is_there(repository.id, true))
                && !removed.iter().any(|repository| is_there(repository.id, false));
            settled(services, delivery, holds).await?;
            let added = added.iter().filter(|repository| is_there(repository.id, true));
            let removed = removed.iter().map(|repository| repository.id);
            Reach::Repositories {
                added: added.map(|repository| named(installation, repository)).collect(),
                removed: removed.filter(|id| !is_there(*id, false)).collect(),
            }
        }
    };
    Ok(Some(Action::Reach(reach)))
}

/// The installation as it is now; none where it is gone, which a delivery of its own tells.
async fn shown(services: &Services, installation: InstallationId) -> Result<Option<InstalledApp>> {
    match services.github.installed(installation).await {
        Ok(installed) => Ok(Some(installed)),
        Err(GitHubError::NotFound(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The repositories that an installation reaches now; none where nobody can say.
async fn listed(services: &Services, installation: InstallationId) -> Result<Option<BTreeSet<RepositoryId>>> {
    match services.github.installation(installation).repositories().await {
        Ok(listed) => Ok(listed.map(|listed| listed.into_iter().map(|repository| repository.id).collect())),
        Err(GitHubError::Forbidden(_) | GitHubError::NotFound(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Waits for the next look where GitHub shows something else than it has just told.
async fn settled(services: &Services, delivery: DeliveryId, holds: bool) -> Result<()> {
    if holds {
        return Ok(());
    }
    put_off_while_young(services, delivery, "GitHub shows something else than it has told").await
}

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

/// A repository that was renamed, moved, archived or deleted. Everything later uses what the row then says.
pub(super) async fn repository(
    services: &Services,
    (delivery, event): (DeliveryId, &Event),
    installation: InstallationId,
    change: RepositoryChange,
) -> Result<Option<Action>> {
    let Some(repository) = event.repository.as_ref() else { return Ok(None) };
    let told = match change {
        RepositoryChange::Deleted => {
            let removed = vec![repository.id];
            return Ok(Some(Action::Reach(Reach::Repositories { added: vec![], removed })));
        }
        RepositoryChange::Described => None,
        RepositoryChange::Archived => Some(true),
        RepositoryChange::Unarchived => Some(false),
    };
    let described = Described {
        id: repository.id,
        installation,
        name: repository.name.clone(),
        default_branch: repository.default_branch.clone(),
        archived: told,
        told: Told::InPassing,
    };
    let now = match store::reach::home(&mut *services.pool.acquire().await?, repository.id).await? {
        Some(_) => now(services, &described).await?,
        // One that wiz does not know is none of its business yet.
        None => None,
    };
    let described = match now {
        Some(now) => {
            settled(services, delivery, told.is_none_or(|told| told == now.archived)).await?;
            let (name, default_branch) = (now.name, Some(now.default_branch));
            Described { name, default_branch, archived: Some(now.archived), ..described }
        }
        None => described,
    };
    let is_archived = described.archived == Some(true);
    Ok(Some(Action::Reach(if is_archived { Reach::Archived(described) } else { Reach::Described(described) })))
}

/// The repository as it is now; none where this installation does not reach it, or another one has its name.
async fn now(services: &Services, told: &Described) -> Result<Option<RepositoryInfo>> {
    match services.github.installation(told.installation).repository(&told.name).await {
        Ok(found) => Ok(found.filter(|found| found.id == told.id)),
        Err(GitHubError::Forbidden(_) | GitHubError::NotFound(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
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
