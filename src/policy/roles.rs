//! Who may command what.

use std::fmt;

use super::RepositoryPolicy;
use crate::event::command::Verb;

/// A person's role in a repository, lowest first.
/// <https://docs.github.com/en/organizations/managing-user-access-to-your-organizations-repositories/managing-repository-roles/repository-roles-for-an-organization>
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    None,
    Read,
    Triage,
    Write,
    Maintain,
    Admin,
}

impl Role {
    const ALL: [Self; 6] = [Self::None, Self::Read, Self::Triage, Self::Write, Self::Maintain, Self::Admin];

    /// The next lower role; below the lowest there is none.
    pub fn below(self) -> Self {
        Self::ALL.into_iter().rev().find(|role| *role < self).unwrap_or(Self::None)
    }

    /// GitHub's word for the role.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Read => "read",
            Self::Triage => "triage",
            Self::Write => "write",
            Self::Maintain => "maintain",
            Self::Admin => "admin",
        }
    }

    /// The role with exactly this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// The role out of GitHub's answer. `role_name` tells maintain from write and triage from read; for an organisation's
    /// own roles it is any text, and the folded `permission` counts. What is neither is no role.
    /// <https://docs.github.com/en/rest/collaborators/collaborators#get-repository-permissions-for-a-user>
    pub fn from_github(role_name: &str, permission: &str) -> Self {
        Self::named(role_name).or_else(|| Self::named(permission)).unwrap_or(Self::None)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether a command may be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    Allowed,
    Denied {
        /// The least role that would do.
        needs: Role,
    },
}

/// Whether somebody with this role may give this command.
///
/// Looking needs only reading. Approving makes wiz write to the repository, so it always needs the right to write; so do
/// a change of what later runs are told, and taking back what wiz wrote.
pub fn may(role: Role, verb: Verb, policy: &RepositoryPolicy) -> Permission {
    let needs = match verb {
        Verb::Status | Verb::Budget | Verb::Config | Verb::Help => Role::Read,
        Verb::Approve | Verb::Allow | Verb::Remember | Verb::Forget | Verb::Undo => policy.min_role.max(Role::Write),
        Verb::Fix
        | Verb::Feature
        | Verb::Test
        | Verb::Docs
        | Verb::Refactor
        | Verb::Review
        | Verb::Plan
        | Verb::Ask
        | Verb::Reject
        | Verb::Revise
        | Verb::Answer
        | Verb::Retry
        | Verb::Cancel
        | Verb::Pause
        | Verb::Resume
        | Verb::Ci
        | Verb::Selftest => policy.min_role,
    };
    if role >= needs { Permission::Allowed } else { Permission::Denied { needs } }
}
