//! Installations and repositories, compared with what GitHub lists.

use anyhow::Result;

use crate::{
    github::{InstalledApp, RepositoryInfo},
    ids::InstallationId,
    run::{
        reach,
        services::Services,
        store::reach::{self as stored, Described, Installed, KnownInstallation, Told},
    },
};

/// Compares everything wiz knows. Answers how many installations and repositories had gone or come back unheard.
pub(super) async fn compare(services: &Services) -> Result<usize> {
    // Read before the list, so that what is added meanwhile is not taken for gone.
    let known = stored::installations(&mut *services.pool.acquire().await?).await?;
    let Some(listed) = services.github.installations().await? else { return Ok(0) };
    let mut changed = 0;
    for installation in &known {
        let found = listed.iter().find(|listed| listed.id == installation.id);
        changed += usize::from(compare_installation(services, *installation, found).await?);
    }
    for installation in listed.iter().filter(|listed| !listed.is_suspended()) {
        if known.iter().any(|known| known.id == installation.id) {
            // What one of them refuses says nothing of the others.
            match compare_repositories(services, installation.id).await {
                Ok(count) => changed += count,
                Err(error) => {
                    tracing::warn!(installation = %installation.id, "cannot compare its repositories: {error:#}");
                }
            }
        }
    }
    Ok(changed)
}

async fn compare_installation(
    services: &Services,
    known: KnownInstallation,
    found: Option<&InstalledApp>,
) -> Result<bool> {
    let mut transaction = services.pool.begin().await?;
    let changed = match found {
        None => {
            reach::uninstalled(&mut transaction, known.id).await?;
            true
        }
        Some(found) if found.is_suspended() && !known.suspended => {
            reach::suspended(&mut transaction, known.id).await?;
            true
        }
        Some(found) if !found.is_suspended() && known.suspended => {
            reach::back(&mut transaction, known.id).await?;
            true
        }
        Some(_) => false,
    };
    if let Some(found) = found {
        let installed = Installed {
            id: found.id,
            account: found.account.as_ref().map(ToString::to_string),
            permissions: found.permissions.clone(),
        };
        stored::remember_installation(&mut transaction, &installed).await?;
    }
    transaction.commit().await?;
    if changed {
        services.github.forget(known.id);
        tracing::info!(installation = %known.id, there = found.is_some(), "an installation changed without being told");
    }
    Ok(changed)
}

/// Brings names, default branches and archives up to date, ends the runs of repositories that are gone, and takes in those
/// that are back.
async fn compare_repositories(services: &Services, installation: InstallationId) -> Result<usize> {
    let mut connection = services.pool.acquire().await?;
    let known = stored::repositories(&mut connection, installation).await?;
    let removed = stored::removed(&mut connection).await?;
    drop(connection);
    if known.is_empty() && removed.is_empty() {
        return Ok(0);
    }
    let github = services.github.installation(installation);
    let Some(listed) = github.repositories().await? else { return Ok(0) };
    let back = removed.into_iter().filter(|id| listed.iter().any(|listed| listed.id == *id));
    let (mut gone, mut returned) = (0, Vec::new());
    for id in known.into_iter().chain(back) {
        let mut transaction = services.pool.begin().await?;
        match listed.iter().find(|listed| listed.id == id) {
            Some(found) => {
                if reach::described(&mut transaction, &described(installation, found)).await? {
                    returned.push((id, None));
                }
            }
            None => {
                reach::repository_gone(&mut transaction, installation, id).await?;
                gone += 1;
            }
        }
        transaction.commit().await?;
    }
    reach::read_schedules(&mut *services.pool.acquire().await?, installation, returned).await?;
    Ok(gone)
}

fn described(installation: InstallationId, found: &RepositoryInfo) -> Described {
    Described {
        id: found.id,
        installation,
        name: found.name.clone(),
        default_branch: Some(found.default_branch.clone()),
        archived: Some(found.archived),
        told: Told::OfReach,
    }
}
