//! What a repository allows: its `.github/wiz.yml`, who may command what, which checks it has, which paths are off
//! limits. Pure.
//!
//! The file is read from the default branch only, so nobody changes the rules from a pull request. Every default stands
//! in one place, [`RepositoryPolicy::default`]; a mistake in the file is reported with its line and stops new runs rather
//! than being ignored.
//!
//! The way of the data: YAML → [`parse`] → [`RepositoryPolicy`] → [`may`] for a command, [`gate()`] for who must
//! approve, [`detect_project`] for checks nobody configured, [`judge_changes`] for what a run wants to publish.
//!
//! Never: read files itself, ask GitHub for a role, post anything.
//!
//! Read first: [`RepositoryPolicy`], [`Role`], [`gate()`], [`judge_changes`].

mod changes;
mod ci;
mod describe;
mod file;
mod gate;
mod guarded;
mod kinds;
mod layers;
mod owners;
mod pattern;
mod project;
mod roles;
mod schedule;
mod schema;
mod triggers;
mod values;

pub use changes::{ChangedPath, Verdict, Violation, is_test_path, judge_changes};
pub use ci::{Answering, CiAnswer, CiDefaultBranch, CiRules};
pub use file::{PolicyFault, PolicyFile, parse, parse_bytes, parse_layer};
pub use gate::{
    AuthorAssociation, EstimatedSize, Gate, GateDecision, GateFacts, GateLevel, GateReason, GateRule, REASONS, gate,
};
pub use guarded::Guarded;
pub use kinds::{suited_files, suits};
pub use layers::{Effective, Key, Layer, OuterLayers, Overruled, combine};
pub use owners::{OWNERS_PATHS, code_owners};
pub use pattern::{InvalidPattern, Pattern};
pub use project::{Detected, detect_project};
pub use roles::{Permission, Role, may};
pub use schedule::{CATCH_UP, Schedule, ScheduleName, ScheduleResult, next_time};
pub use schema::schema;
pub use triggers::Triggers;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::money::MicroDollars;

/// Where a repository keeps its policy.
pub const POLICY_PATH: &str = ".github/wiz.yml";

/// Where an organisation keeps the defaults of all its repositories: in the one called `.github`.
pub const ORGANISATION_POLICY_PATH: &str = "wiz.yml";

/// Longest time one check may take unless the repository says otherwise, in seconds.
pub const DEFAULT_CHECK_TIMEOUT_S: u32 = 600;

/// The rules of one repository; `docs/wiz.yml.md` describes each for the people who write them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryPolicy {
    /// Container image for the boxes; the server's own when not given.
    pub image: Option<String>,
    /// Shell commands that prepare a fresh box, in order.
    pub setup: Vec<String>,
    /// The repository's own checks; found by [`detect_project`] when not given.
    pub checks: Vec<CheckCommand>,
    /// Least role for commands that start or steer work.
    pub min_role: Role,
    /// When a person must approve, where no rule asks for more.
    pub gate: GateLevel,
    /// What makes the gate stricter; [`gate()`] decides.
    pub gate_rules: Vec<GateRule>,
    /// The most one run may spend.
    pub budget_run: MicroDollars,
    /// The most all runs of the repository may spend in 24 hours.
    pub budget_day: MicroDollars,
    /// Paths a person must look at, besides the built-in ones.
    pub protected_paths: Vec<Pattern>,
    /// Paths taken out of the built-in protection. What wiz never changes stays protected.
    pub unprotected_paths: Vec<Pattern>,
    /// When not empty, the only paths a run may change.
    pub allowed_paths: Vec<Pattern>,
    /// Lists in each of which a path must lie too: what the files below allow, if they lock it.
    pub allowed_within: Vec<Vec<Pattern>>,
    /// Model for this repository; the server's own when not given.
    pub model: Option<String>,
    /// Which failing checks are answered.
    pub ci: CiRules,
    /// Work that begins by itself.
    pub schedules: Vec<Schedule>,
    /// Work that begins with a label or an assignment.
    pub triggers: Triggers,
}

impl Default for RepositoryPolicy {
    fn default() -> Self {
        Self {
            image: None,
            setup: Vec::new(),
            checks: Vec::new(),
            min_role: Role::Write,
            gate: GateLevel::Supervised,
            gate_rules: Vec::new(),
            budget_run: MicroDollars::from_dollars(3),
            budget_day: MicroDollars::from_dollars(20),
            protected_paths: Vec::new(),
            unprotected_paths: Vec::new(),
            allowed_paths: Vec::new(),
            allowed_within: Vec::new(),
            model: None,
            ci: CiRules::default(),
            schedules: Vec::new(),
            triggers: Triggers::default(),
        }
    }
}

/// A command whose exit status says whether the repository is in order.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckCommand {
    /// One line for the check run.
    pub name: String,
    /// Shell command, run at the repository's root.
    pub run: String,
    /// Longest time it may take, in seconds.
    #[serde(default = "default_check_timeout")]
    #[schemars(range(min = 1, max = 3600))]
    pub timeout_s: u32,
}

fn default_check_timeout() -> u32 {
    DEFAULT_CHECK_TIMEOUT_S
}

#[cfg(test)]
mod tests;
