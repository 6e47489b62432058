//! The rules that hold for a repository, read where they lie: the repository's file on its default branch, over the
//! account's `wiz.yml` in its repository `.github`, over the server's own file.
//!
//! A file that cannot be understood stops work in every repository it speaks for, since nobody knows what it forbids.
//! The account's file is asked for again with each command; stages of a run take what is at most [`FRESH`] old.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use bytes::Bytes;

use super::services::Services;
use crate::{
    github::{FileOf, Installation},
    ids::{InstallationId, RepositoryName},
    policy::{self, Effective, Layer, OuterLayers, PolicyFault, PolicyFile},
};

/// Largest policy file that is read, in bytes, which is what GitHub gives of a file at once. What is longer than a policy
/// may be is told as its mistake.
/// <https://docs.github.com/en/rest/repos/contents#get-repository-content>
pub const POLICY_BYTES: u64 = 1_000_000;

/// How long an account's file is taken as it was: a run asks for it at each of its stages.
const FRESH: Duration = Duration::from_secs(60);

/// Most accounts whose file is remembered.
const ACCOUNTS: usize = 1_000;

/// The repository that speaks for all others of its account.
/// <https://docs.github.com/en/communities/setting-up-your-project-for-healthy-contributions/creating-a-default-community-health-file>
pub const ACCOUNT_REPOSITORY: &str = ".github";

/// The accounts' files as they were read last, and the server's own.
#[derive(Debug, Default)]
pub struct Policies {
    server: PolicyFile,
    accounts: Mutex<HashMap<(InstallationId, String), Remembered>>,
}

#[derive(Debug)]
struct Remembered {
    at: Instant,
    file: Option<Bytes>,
}

impl Policies {
    /// Begins with the operator's file.
    pub fn new(server: PolicyFile) -> Self {
        Self { server, accounts: Mutex::default() }
    }

    /// The files below a repository's own, at most [`FRESH`] old, or what is wrong with them.
    pub async fn outer(
        &self,
        github: &Installation,
        repository: &RepositoryName,
    ) -> Result<Result<OuterLayers, Vec<PolicyFault>>> {
        let known = self.remembered(github.id(), repository);
        let file = match known {
            Some(file) => file,
            None => {
                let home = account_repository(repository)?;
                let file = github.file_now(&home, policy::ORGANISATION_POLICY_PATH, POLICY_BYTES).await?;
                self.remember(github.id(), repository, file.clone());
                file
            }
        };
        Ok(self.over(file))
    }

    /// The account's file over the server's own. The account has none, or keeps it where this installation does not reach,
    /// when it is `None`.
    fn over(&self, account_file: Option<Bytes>) -> Result<OuterLayers, Vec<PolicyFault>> {
        let parse = |bytes: Bytes| policy::parse_layer(Layer::Organisation, &bytes);
        let organisation = account_file.map(parse).transpose()?.unwrap_or_default();
        Ok(OuterLayers { server: self.server.clone(), organisation })
    }

    fn remembered(&self, installation: InstallationId, repository: &RepositoryName) -> Option<Option<Bytes>> {
        let accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let known = accounts.get(&(installation, repository.owner().to_ascii_lowercase()))?;
        (known.at.elapsed() < FRESH).then(|| known.file.clone())
    }

    fn remember(&self, installation: InstallationId, repository: &RepositoryName, file: Option<Bytes>) {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if accounts.len() >= ACCOUNTS {
            accounts.clear();
        }
        let key = (installation, repository.owner().to_ascii_lowercase());
        accounts.insert(key, Remembered { at: Instant::now(), file });
    }
}

fn account_repository(repository: &RepositoryName) -> Result<RepositoryName> {
    format!("{}/{ACCOUNT_REPOSITORY}", repository.owner()).parse().context("an account's name")
}

/// The rules on the default branch now, or what is wrong with them.
pub async fn now(
    services: &Services,
    name: &RepositoryName,
    installation: InstallationId,
) -> Result<Result<Effective, Vec<PolicyFault>>> {
    let github = services.github.installation(installation);
    let own = FileOf { repository: name, path: policy::POLICY_PATH };
    let accounts = FileOf { repository: &account_repository(name)?, path: policy::ORGANISATION_POLICY_PATH };
    let files = github.head_files(own, accounts, POLICY_BYTES).await?;
    services.policies.remember(installation, name, files.neighbours.clone());
    let outer = match services.policies.over(files.neighbours) {
        Ok(outer) => outer,
        Err(faults) => return Ok(Err(faults)),
    };
    let parse = |bytes: Bytes| policy::parse_layer(Layer::Repository, &bytes);
    let own = files.own.map(parse).transpose();
    Ok(own.map(|own| policy::combine(&outer, own.unwrap_or_default())))
}
