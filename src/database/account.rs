//! The account the private cluster runs as. Postgres refuses to run as root, so root lends it another one.

use std::path::Path;

use anyhow::{Context, Result, bail};
use nix::unistd::{Gid, Uid, User, chown, geteuid};
use tokio::process::Command;

/// Who owns the cluster's files and processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Account {
    /// wiz's own.
    Own,
    /// Another one, because wiz is root.
    Lent { uid: Uid, gid: Gid },
}

impl Account {
    /// wiz's own account, or for root the first of `postgres` and `nobody` that exists (Postgres looks its account up
    /// by name, so a bare number will not do).
    pub(super) fn choose() -> Result<Self> {
        if !geteuid().is_root() {
            return Ok(Self::Own);
        }
        for name in ["postgres", "nobody"] {
            if let Some(user) = User::from_name(name).with_context(|| format!("cannot look up the user {name}"))? {
                return Ok(Self::Lent { uid: user.uid, gid: user.gid });
            }
        }
        bail!(NO_ACCOUNT)
    }

    /// The user id its files have.
    pub(super) fn uid(self) -> Uid {
        match self {
            Self::Own => geteuid(),
            Self::Lent { uid, .. } => uid,
        }
    }

    /// Makes the command run under the account.
    pub(super) fn apply(self, command: &mut Command) {
        match self {
            Self::Own => {}
            Self::Lent { uid, gid } => {
                command.uid(uid.as_raw()).gid(gid.as_raw());
            }
        }
    }

    /// Hands a file or directory to the account.
    pub(super) fn give(self, path: &Path) -> Result<()> {
        match self {
            Self::Own => Ok(()),
            Self::Lent { uid, gid } => {
                chown(path, Some(uid), Some(gid)).with_context(|| format!("cannot hand over {}", path.display()))
            }
        }
    }
}

/// What the operator can do where nobody can run Postgres.
const NO_ACCOUNT: &str = "Postgres does not run as root and there is no user postgres or nobody to run it; make one, run wiz \
                          as another user, or set DATABASE_URL";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_without_an_account_is_told_what_to_do() {
        insta::assert_snapshot!(NO_ACCOUNT, @"Postgres does not run as root and there is no user postgres or nobody to run it; make one, run wiz as another user, or set DATABASE_URL");
    }
}
