//! A repository's metadata. Its commits live in a bare git repository on disk.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{CheckRun, CheckSuite, Comment, CommitComment, CommitStatus, Issue, ScriptedCheck, Workflow, WorkflowRun};

/// A person's role on a repository, weakest first:
/// <https://docs.github.com/en/organizations/managing-user-access-to-your-organizations-repositories/managing-repository-roles/repository-roles-for-an-organization>
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// No access.
    None,
    /// May read, open issues, comment.
    Read,
    /// May also label, assign, close.
    Triage,
    /// May also push and merge.
    Write,
    /// May also manage settings.
    Maintain,
    /// May do everything.
    Admin,
}

impl Role {
    /// GitHub's `role_name`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Read => "read",
            Self::Triage => "triage",
            Self::Write => "write",
            Self::Maintain => "maintain",
            Self::Admin => "admin",
        }
    }

    /// The legacy `permission` member, into which GitHub folds maintain and triage:
    /// <https://docs.github.com/en/rest/collaborators/collaborators#get-repository-permissions-for-a-user>
    pub fn folded(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Read | Self::Triage => "read",
            Self::Write | Self::Maintain => "write",
            Self::Admin => "admin",
        }
    }
}

/// A label of a repository.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Label {
    /// Label id.
    pub id: u64,
    /// Name, unique regardless of case.
    pub name: String,
    /// Six hex digits.
    pub color: String,
    /// What it means.
    pub description: Option<String>,
}

/// A repository.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Repository {
    /// Repository id.
    pub id: u64,
    /// Owning account.
    pub owner: u64,
    /// Name without owner.
    pub name: String,
    /// Hidden from strangers?
    pub private: bool,
    /// Branch that counts.
    pub default_branch: String,
    /// Read-only?
    pub archived: bool,
    /// The repository it was forked from.
    pub fork_of: Option<u64>,
    /// Issues that are gone: `None` deleted, otherwise transferred to this address.
    pub moved_issues: BTreeMap<u64, Option<String>>,
    /// One line about it.
    pub description: Option<String>,
    /// The bare git repository.
    pub git_dir: PathBuf,
    /// Roles given to accounts other than the owner.
    pub roles: BTreeMap<u64, Role>,
    /// Refs as last announced by webhook; compared with git after each push.
    pub announced_refs: BTreeMap<String, String>,
    /// Issues and pull requests by number.
    pub issues: BTreeMap<u64, Issue>,
    /// Conversation comments by id.
    pub comments: BTreeMap<u64, Comment>,
    /// Comments on commits, oldest first.
    pub commit_comments: Vec<CommitComment>,
    /// Labels.
    pub labels: Vec<Label>,
    /// Check suites by id.
    pub check_suites: BTreeMap<u64, CheckSuite>,
    /// Check runs by id.
    pub check_runs: BTreeMap<u64, CheckRun>,
    /// Commit statuses, oldest first.
    pub statuses: Vec<CommitStatus>,
    /// Scripted workflows.
    pub workflows: Vec<Workflow>,
    /// Workflow runs by id.
    pub workflow_runs: BTreeMap<u64, WorkflowRun>,
    /// Scripted checks of other apps.
    pub scripted_checks: Vec<ScriptedCheck>,
    /// Commits that GitHub itself signed, and are therefore shown as verified.
    pub signed_commits: HashSet<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Last push.
    pub pushed_at: DateTime<Utc>,
}

impl Repository {
    /// The next issue or pull request number; both share one sequence.
    pub fn next_number(&self) -> u64 {
        let last = self.issues.keys().next_back().max(self.moved_issues.keys().next_back());
        last.map_or(1, |last| last + 1)
    }

    /// Comments of one issue or pull request, oldest first.
    pub fn comments_of(&self, number: u64) -> impl Iterator<Item = &Comment> {
        self.comments.values().filter(move |comment| comment.issue == number)
    }

    /// A label by name, regardless of case.
    pub fn label(&self, name: &str) -> Option<&Label> {
        self.labels.iter().find(|label| label.name.eq_ignore_ascii_case(name))
    }
}
