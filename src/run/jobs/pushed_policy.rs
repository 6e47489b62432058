//! Judges the policy file that a commit brought to the default branch. Whose mistakes no pull request has shown before are
//! told on the commit, where nobody but those who made it hears of them; the same mistakes are told once.

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

use super::{Completed, JobFailure, Lease, Services, complete, is_suspended, retry, store};
use crate::{
    github::{CommitRemark, GitHubError, journal::text_digest},
    ids::{CommitSha, InstallationId, RepositoryId},
    policy::{self, Layer, PolicyFault},
    report::{self, FileRemark, Marker, MarkerKind},
    run::policies::{ACCOUNT_REPOSITORY, POLICY_BYTES},
};

pub(super) async fn execute(
    services: &Services,
    lease: &Lease,
    place: (InstallationId, RepositoryId),
    commit: &CommitSha,
) -> Result<Completed, JobFailure> {
    if !is_suspended(services, place.0).await? {
        match judge(services, place, commit).await {
            Err(error) if is_final(&error) => tracing::warn!(%commit, "cannot tell of faulty rules: {error:#}"),
            outcome => outcome.map_err(retry)?,
        }
    }
    complete(services, lease).await
}

/// Where nothing can be said, nobody waits for it: whoever orders something hears the same as an answer.
fn is_final(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(GitHubError::Forbidden(_) | GitHubError::NotFound(_) | GitHubError::Gone(_)))
}

async fn judge(
    services: &Services,
    (installation, repository): (InstallationId, RepositoryId),
    commit: &CommitSha,
) -> Result<()> {
    let name = store::repository_name(&mut *services.pool.acquire().await?, repository).await?;
    let github = services.github.installation(installation);
    let files = [(policy::POLICY_PATH, Layer::Repository), (policy::ORGANISATION_POLICY_PATH, Layer::Organisation)];
    for (path, layer) in files {
        if layer == Layer::Organisation && name.name() != ACCOUNT_REPOSITORY {
            continue;
        }
        let file = github.file(&name, commit, path, POLICY_BYTES).await?;
        let faults = file.and_then(|file| policy::parse_layer(layer, &file).err()).unwrap_or_default();
        let digest = (!faults.is_empty()).then(|| digest(&faults));
        if !store::policy_faults::are_news(&services.pool, repository, path, digest.as_deref()).await? {
            continue;
        }
        let marker_key = services.settings.marker_key.bytes();
        let marker = Marker { run: None, kind: MarkerKind::Policy };
        let body = marker.append_to(&report::faulty_push(path, &remarks(&faults)), marker_key);
        let is_it =
            |text: &str| Marker::find(text, marker_key) == Some(marker) && text_digest(text) == text_digest(&body);
        let remark = CommitRemark { repository: &name, repository_id: repository, commit, body: &body, is_it: &is_it };
        github.find_or_create_remark(&remark).await.context("cannot say what is wrong with the rules")?;
        store::policy_faults::remember(&services.pool, repository, path, digest.as_deref()).await?;
    }
    Ok(())
}

fn remarks(faults: &[PolicyFault]) -> Vec<FileRemark> {
    faults.iter().map(|fault| (fault.line, fault.message.clone())).collect()
}

/// SHA-256 over the mistakes of a file: the same ones are the same news.
pub(super) fn digest(faults: &[PolicyFault]) -> String {
    let mut hash = Sha256::new();
    for fault in faults {
        hash.update(fault.message.as_bytes());
        hash.update([0]);
    }
    hex::encode(hash.finalize())
}
