//! What a repository allows: its `.github/wiz.yml`, who may command what, which checks it has, which paths are off
//! limits. Pure.
//!
//! The file is read from the default branch only, so nobody changes the rules from a pull request. Every default stands
//! in one place, [`RepositoryPolicy::default`]; a mistake in the file is reported with its line and stops new runs rather
//! than being ignored.
//!
//! The way of the data: YAML → [`parse`] → [`RepositoryPolicy`] → [`may`] for a command, [`detect_project`] for checks
//! nobody configured, [`judge_changes`] for what a run wants to publish.
//!
//! Never: read files itself, ask GitHub for a role, post anything.
//!
//! Read first: [`RepositoryPolicy`], [`Role`], [`judge_changes`].

mod changes;
mod file;
mod kinds;
mod pattern;
mod project;
mod roles;

pub use changes::{ChangedPath, Verdict, Violation, is_test_path, judge_changes};
pub use file::{PolicyFault, parse, parse_bytes};
pub use kinds::{suited_files, suits};
pub use pattern::{InvalidPattern, Pattern};
pub use project::{Detected, detect_project};
pub use roles::{Permission, Role, may};

use serde::Deserialize;

use crate::money::MicroDollars;

/// Where a repository keeps its policy.
pub const POLICY_PATH: &str = ".github/wiz.yml";

/// Longest time one check may take unless the repository says otherwise, in seconds.
pub const DEFAULT_CHECK_TIMEOUT_S: u32 = 600;

/// The rules of one repository; `docs/wiz.yml.md` describes each for the people who write them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "keys such as `checks` and `gate`")]
pub struct RepositoryPolicy {
    /// Container image for the boxes; the server's own when not given.
    #[serde(deserialize_with = "file::image")]
    pub image: Option<String>,
    /// Shell commands that prepare a fresh box, in order.
    #[serde(deserialize_with = "file::setup")]
    pub setup: Vec<String>,
    /// The repository's own checks; found by [`detect_project`] when not given.
    #[serde(deserialize_with = "file::checks")]
    pub checks: Vec<CheckCommand>,
    /// Least role for commands that start or steer work.
    #[serde(deserialize_with = "file::min_role")]
    pub min_role: Role,
    /// When a person must approve.
    pub gate: GateLevel,
    /// The most one run may spend.
    #[serde(deserialize_with = "file::amount")]
    pub budget_run: MicroDollars,
    /// The most all runs of the repository may spend in 24 hours.
    #[serde(deserialize_with = "file::amount")]
    pub budget_day: MicroDollars,
    /// Paths a person must look at, besides the built-in ones.
    pub protected_paths: Vec<Pattern>,
    /// Paths taken out of the built-in protection. What wiz never changes stays protected.
    pub unprotected_paths: Vec<Pattern>,
    /// When not empty, the only paths a run may change.
    pub allowed_paths: Vec<Pattern>,
    /// Model for this repository; the server's own when not given.
    #[serde(deserialize_with = "file::model")]
    pub model: Option<String>,
}

impl Default for RepositoryPolicy {
    fn default() -> Self {
        Self {
            image: None,
            setup: Vec::new(),
            checks: Vec::new(),
            min_role: Role::Write,
            gate: GateLevel::Supervised,
            budget_run: MicroDollars::from_dollars(3),
            budget_day: MicroDollars::from_dollars(20),
            protected_paths: Vec::new(),
            unprotected_paths: Vec::new(),
            allowed_paths: Vec::new(),
            model: None,
        }
    }
}

/// A command whose exit status says whether the repository is in order.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckCommand {
    /// One line for the check run.
    pub name: String,
    /// Shell command, run at the repository's root.
    pub run: String,
    /// Longest time it may take, in seconds.
    #[serde(default = "default_check_timeout")]
    pub timeout_s: u32,
}

fn default_check_timeout() -> u32 {
    DEFAULT_CHECK_TIMEOUT_S
}

/// When a person must approve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GateLevel {
    /// A plan is worked at once; a person is asked only when scope or budget is left.
    Autonomous,
    /// A plan waits for one approval.
    Supervised,
    /// A plan waits for the approval of somebody other than the person who asked for it.
    HumanRequired,
}

#[cfg(test)]
mod tests;
