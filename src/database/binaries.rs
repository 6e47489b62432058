//! Finding the machine's Postgres.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

/// Where Debian and Ubuntu keep one directory per major version; `initdb` and `postgres` are not in their PATH.
const VERSIONS: &str = "/usr/lib/postgresql";

/// The directory that holds `postgres` and `initdb`: of the major version a cluster was made with, or the newest.
pub(super) fn find(made_with: Option<u32>) -> Result<PathBuf> {
    let installed = installed(Path::new(VERSIONS));
    if let Some(directory) = choose(&installed, made_with) {
        return Ok(directory);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    match (in_path(&path), made_with) {
        // One PATH, one version: Postgres itself refuses a cluster of another, and says so.
        (Some(directory), _) => Ok(directory),
        (None, made_with) => bail!(lacking(made_with)),
    }
}

/// What the operator can do about it.
fn lacking(made_with: Option<u32>) -> String {
    match made_with {
        Some(major) => format!(
            "the database was made with Postgres {major}, which is not installed; \
             install it (Debian, Ubuntu: apt install postgresql-{major}) or set DATABASE_URL"
        ),
        None => "no Postgres is installed; install it (Debian, Ubuntu: apt install postgresql; Fedora: dnf install \
                 postgresql-server; Alpine: apk add postgresql) or set DATABASE_URL to use a server"
            .to_owned(),
    }
}

/// The major version of the cluster in the directory, if there is one.
pub(super) fn version_of(cluster: &Path) -> Result<Option<u32>> {
    let file = cluster.join("PG_VERSION");
    match std::fs::read_to_string(&file) {
        Ok(text) => {
            let major = text.trim().parse().with_context(|| format!("{} holds no version", file.display()))?;
            Ok(Some(major))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
    }
}

fn installed(versions: &Path) -> Vec<(u32, PathBuf)> {
    let Ok(entries) = std::fs::read_dir(versions) else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| {
            let major = entry.file_name().to_str()?.parse().ok()?;
            let directory = entry.path().join("bin");
            is_complete(&directory).then_some((major, directory))
        })
        .collect()
}

fn choose(installed: &[(u32, PathBuf)], made_with: Option<u32>) -> Option<PathBuf> {
    installed
        .iter()
        .filter(|(major, _)| made_with.is_none_or(|wanted| wanted == *major))
        .max_by_key(|(major, _)| *major)
        .map(|(_, directory)| directory.clone())
}

fn in_path(path: &OsStr) -> Option<PathBuf> {
    std::env::split_paths(path).find(|directory| is_complete(directory))
}

fn is_complete(directory: &Path) -> bool {
    directory.join("postgres").is_file() && directory.join("initdb").is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lacking_is_told() {
        insta::assert_snapshot!([Some(15), None].map(lacking).join("\n"), @r"
        the database was made with Postgres 15, which is not installed; install it (Debian, Ubuntu: apt install postgresql-15) or set DATABASE_URL
        no Postgres is installed; install it (Debian, Ubuntu: apt install postgresql; Fedora: dnf install postgresql-server; Alpine: apk add postgresql) or set DATABASE_URL to use a server
        ");
    }

    #[test]
    fn the_newest_is_chosen_for_a_new_cluster_and_the_same_for_an_old_one() {
        let root = tempfile::tempdir().unwrap();
        for (major, complete) in [("9", true), ("15", true), ("17", false), ("lib", true)] {
            let bin = root.path().join(major).join("bin");
            std::fs::create_dir_all(&bin).unwrap();
            std::fs::write(bin.join("postgres"), "").unwrap();
            if complete {
                std::fs::write(bin.join("initdb"), "").unwrap();
            }
        }
        let installed = installed(root.path());
        let bin = |major: &str| Some(root.path().join(major).join("bin"));
        assert_eq!(choose(&installed, None), bin("15"));
        assert_eq!(choose(&installed, Some(9)), bin("9"));
        assert_eq!(choose(&installed, Some(17)), None, "17 has no initdb");
        assert_eq!(in_path(&std::env::join_paths([root.path().join("17/bin"), bin("9").unwrap()]).unwrap()), bin("9"));
    }

    #[test]
    fn a_cluster_tells_its_version() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(version_of(root.path()).unwrap(), None);
        std::fs::write(root.path().join("PG_VERSION"), "15\n").unwrap();
        assert_eq!(version_of(root.path()).unwrap(), Some(15));
        std::fs::write(root.path().join("PG_VERSION"), "").unwrap();
        assert!(version_of(root.path()).is_err());
    }
}
