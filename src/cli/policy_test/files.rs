//! The policy files that are compared.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::super::configuration::{self, Place};
use crate::policy::{self, Layer, OuterLayers, Overruled, PolicyFile, RepositoryPolicy};

/// Which file is tried, what it would replace, and what holds beside it.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Files {
    /// The new file; `-` for standard input.
    file: PathBuf,
    /// Whose file it is to be.
    #[arg(long, value_enum, default_value_t = Place::Repository)]
    layer: Place,
    /// The file it would replace; what the option of its layer names, or none.
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
    /// What is said in vain from then on, because a file below locks it.
    pub overruled: Vec<Overruled>,
}

impl Files {
    /// Reads them, or says what is wrong with one. `server` is what `WIZ_POLICY_FILE` names.
    pub(super) fn read(&self, server: Option<PathBuf>) -> Result<Result<Policies, String>> {
        if let Some(twice) = self.named_twice() {
            return Ok(Err(twice));
        }
        let new = Layer::from(self.layer);
        let server = self.server.clone().or(server);
        let (mut before, mut repository) = (OuterLayers::default(), PolicyFile::default());
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
        let (before, after) = (policy::combine(&before, repository), policy::combine(&outer, own));
        let is_news = |overruled: &Overruled| !before.overruled.contains(overruled) || overruled.said_by == new;
        let overruled = after.overruled.into_iter().filter(is_news).collect();
        Ok(Ok(Policies { before: before.policy, after: after.policy, overruled }))
    }

    /// What nobody can mean: one of two files would not count.
    fn named_twice(&self) -> Option<String> {
        let own = match self.layer {
            Place::Repository => ("--repository", &self.repository),
            Place::Organisation => ("--organisation", &self.organisation),
            Place::Server => ("--server", &self.server),
        };
        if let (Some(_), (option, Some(_))) = (&self.against, own) {
            return Some(format!("`--against` and `{option}` both name the file that would be replaced\n"));
        }
        let others = [&self.against, &self.repository, &self.organisation, &self.server];
        let paths = std::iter::once(&self.file).chain(others.into_iter().flatten());
        (paths.filter(|path| *path == Path::new("-")).count() > 1)
            .then(|| "standard input can be read once, so only one file can be `-`\n".to_owned())
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
