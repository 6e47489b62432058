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
    github::Installation,
    ids::{CommitSha, InstallationId, RepositoryName},
    policy::{self, Effective, Layer, OuterLayers, PolicyFault, PolicyFile},
};

/// Largest policy file that is read, in bytes; a longer one is no policy a person keeps.
pub const POLICY_BYTES: u64 = 64 * 1024;

/// How long an account's file is taken as it was: a run asks for it at each of its stages.
const FRESH: Duration = Duration::from_secs(60);

/// Most accounts whose file is remembered.
const ACCOUNTS: usize = 1_000;

/// The repository that speaks for all others of its account.
/// <https://docs.github.com/en/communities/setting-up-your-project-for-healthy-contributions/creating-a-default-community-health-file>
pub const ACCOUNT_REPOSITORY: &str = ".github";

/// Whether a file that was read a moment ago will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// A person waits for what the rules say now.
    Now,
    /// At most [`FRESH`].
    Recent,
}

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

    /// The files below a repository's own, or what is wrong with them.
    pub async fn outer(
        &self,
        github: &Installation,
        repository: &RepositoryName,
        age: Age,
    ) -> Result<Result<OuterLayers, Vec<PolicyFault>>> {
        let file = self.account_file(github, repository.owner(), age).await?;
        let organisation = match file {
            None => PolicyFile::default(),
            Some(bytes) => match policy::parse_layer(Layer::Organisation, &bytes) {
                Ok(file) => file,
                Err(faults) => return Ok(Err(faults)),
            },
        };
        Ok(Ok(OuterLayers { server: self.server.clone(), organisation }))
    }

    /// The account's file; none when it has none, or keeps it where this installation does not reach.
    async fn account_file(&self, github: &Installation, owner: &str, age: Age) -> Result<Option<Bytes>> {
        let key = (github.id(), owner.to_ascii_lowercase());
        if age == Age::Recent {
            let accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(known) = accounts.get(&key).filter(|known| known.at.elapsed() < FRESH) {
                return Ok(known.file.clone());
            }
        }
        let home: RepositoryName = format!("{owner}/{ACCOUNT_REPOSITORY}").parse().context("an account's name")?;
        let file = github.file_now(&home, policy::ORGANISATION_POLICY_PATH, POLICY_BYTES).await?;
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if accounts.len() >= ACCOUNTS {
            accounts.clear();
        }
        accounts.insert(key, Remembered { at: Instant::now(), file: file.clone() });
        Ok(file)
    }
}

/// The rules on the default branch now, or what is wrong with them.
pub async fn now(
    services: &Services,
    name: &RepositoryName,
    installation: InstallationId,
) -> Result<Result<Effective, Vec<PolicyFault>>> {
    let github = services.github.installation(installation);
    let (head, outer) =
        tokio::try_join!(async { Ok(github.head(name).await?) }, services.policies.outer(&github, name, Age::Now),)?;
    let outer = match outer {
        Ok(outer) => outer,
        Err(faults) => return Ok(Err(faults)),
    };
    let Some(head) = head else { return Ok(Ok(policy::combine(&outer, PolicyFile::default()))) };
    Ok(own(&github, name, &head).await?.map(|file| policy::combine(&outer, file)))
}

/// The repository's own file at a commit, or what is wrong with it.
pub async fn own(
    github: &Installation,
    name: &RepositoryName,
    commit: &CommitSha,
) -> Result<Result<PolicyFile, Vec<PolicyFault>>> {
    let file = github.file(name, commit, policy::POLICY_PATH, POLICY_BYTES).await?;
    Ok(file.map_or_else(|| Ok(PolicyFile::default()), |bytes| policy::parse_layer(Layer::Repository, &bytes)))
}
