//! Whether wiz may write where a job would.

use super::{Services, store::reach};
use crate::ids::{InstallationId, RepositoryId};

/// Whether GitHub would refuse every call for this installation. What is left unsaid is said when it is back.
pub(super) async fn is_suspended(services: &Services, installation: InstallationId) -> anyhow::Result<bool> {
    let mut connection = services.pool.acquire().await?;
    Ok(reach::suspended_at(&mut connection, installation).await?.is_some())
}

/// Whether GitHub would refuse what is written there: the installation is suspended, or the repository was deleted, taken
/// from it or archived. How runs stand is shown when it is back; answers are not, since nobody waits for them any more.
pub(super) async fn is_out_of_reach(
    services: &Services,
    installation: InstallationId,
    repository: RepositoryId,
) -> anyhow::Result<bool> {
    if is_suspended(services, installation).await? {
        return Ok(true);
    }
    reach::is_away(&mut *services.pool.acquire().await?, repository).await
}
