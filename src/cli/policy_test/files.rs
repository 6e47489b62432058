//! The policy files that are compared.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use anyhow::Result;

use super::super::configuration::{self, Place};
use crate::policy::{self, Key, Layer, OuterLayers, PolicyFile, RepositoryPolicy};

/// Which file is tried, what it would replace, and what holds beside it.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Files {
    /// The new file; `-` for standard input.
    file: PathBuf,
    /// Whose file it is to be.
    #[arg(long, value_enum, default_value_t = Place::Repository)]
    layer: Place,
    /// The file it would replace; what the option for its layer names, or none.
    #[arg(long)]
    against: Option<PathBuf>,
    /// The repository's own file.
    #[arg(long, value_name = "FILE")]
    repository: Option<PathBuf>,
    /// The `wiz.yml` of the account's repository `.github`.
    #[arg(long, value_name = "FILE")]
    organisation: Option<PathBuf>,
    /// The server's file; what `WIZ_POLICY_FILE` names, or none.
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
}

/// The rules before and after.
#[derive(Debug)]
pub(super) struct Policies {
    pub before: RepositoryPolicy,
    pub after: RepositoryPolicy,
    /// What the new file says in vain: the key, and whose lock forbids it.
    pub overruled: Vec<(Key, Layer)>,
}

impl Files {
    /// Reads them, or says what is wrong with one. `server` is the value of `WIZ_POLICY_FILE`.
    pub(super) fn read(&self, server: Option<OsString>) -> Result<Result<Policies, String>> {
        let server = self.server.clone().or_else(|| server.filter(|path| !path.is_empty()).map(PathBuf::from));
        let new = Layer::from(self.layer);
        let mut before = OuterLayers::default();
        let mut repository = PolicyFile::default();
        for (layer, path) in
            [(Layer::Server, &server), (Layer::Organisation, &self.organisation), (Layer::Repository, &self.repository)]
        {
            let replaced = self.against.as_ref().filter(|_| layer == new);
            let Some(path) = replaced.or(path.as_ref()) else { continue };
            match parsed(layer, path)? {
                Ok(file) => *slot(&mut before, &mut repository, layer) = file,
                Err(faults) => return Ok(Err(faults)),
            }
        }
        let tried = match parsed(new, &self.file)? {
            Ok(file) => file,
            Err(faults) => return Ok(Err(faults)),
        };
        let (mut outer, mut own) = (before.clone(), repository.clone());
        *slot(&mut outer, &mut own, new) = tried;
        let after = policy::combine(&outer, own);
        let vain = after.overruled.iter().filter(|overruled| overruled.said_by == new);
        Ok(Ok(Policies {
            before: policy::combine(&before, repository).policy,
            overruled: vain.map(|overruled| (overruled.key, overruled.locked_by)).collect(),
            after: after.policy,
        }))
    }
}

/// Where the file of a layer has its place; without a file there is only wiz's own default, which nobody replaces.
fn slot<'a>(outer: &'a mut OuterLayers, repository: &'a mut PolicyFile, layer: Layer) -> &'a mut PolicyFile {
    match layer {
        Layer::Server => &mut outer.server,
        Layer::Organisation => &mut outer.organisation,
        Layer::BuiltIn | Layer::Repository => repository,
    }
}

fn parsed(layer: Layer, path: &Path) -> Result<Result<PolicyFile, String>> {
    let parsed = policy::parse_layer(layer, &configuration::read(path)?);
    Ok(parsed.map_err(|faults| configuration::listed(path, &faults)))
}
