//! What a run may publish.

use std::fmt;

use super::{
    ORGANISATION_POLICY_PATH, POLICY_PATH, Pattern, RepositoryPolicy, guarded,
    pattern::{folded, matches_path},
};
use crate::{
    limits::{PATCH_BYTES, PATCH_FILE_BYTES, PATCH_FILES},
    plan::Plan,
};

/// Never changed by a run: wiz's own rules, and what GitHub refuses to an App without the `workflows` permission.
const BLOCKED: [&str; 4] = [POLICY_PATH, ORGANISATION_POLICY_PATH, ".github/workflows/", ".github/actions/"];

/// Changed only under a person's eyes: what runs in CI or on a developer's machine without being called, what steers
/// agents, who must review, what is installed, and how the project is released.
const PROTECTED: [&str; 49] = [
    // Every hidden file and folder at the top: CI, agents, editors, hooks, credentials.
    ".*",
    ".*/",
    "**/.npmrc",
    "**/.yarnrc*",
    "**/.pypirc",
    "**/.envrc",
    "**/.mcp.json",
    "**/.gitmodules",
    "**/.gitattributes",
    "**/.lfsconfig",
    "**/CODEOWNERS",
    "**/AGENTS.md",
    "**/CLAUDE.md",
    "**/GEMINI.md",
    "azure-pipelines*.yml",
    "bitbucket-pipelines.yml",
    "Jenkinsfile*",
    "appveyor.yml",
    "**/Dockerfile*",
    "**/*.dockerfile",
    "**/Containerfile*",
    "**/compose*.y*ml",
    "**/docker-compose*.y*ml",
    "**/package.json",
    "**/package-lock.json",
    "**/npm-shrinkwrap.json",
    "**/yarn.lock",
    "**/pnpm-lock.yaml",
    "**/bun.lock*",
    "**/pyproject.toml",
    "**/setup.py",
    "**/setup.cfg",
    "**/requirements*.txt",
    "**/Pipfile*",
    "**/poetry.lock",
    "**/uv.lock",
    "**/Cargo.toml",
    "**/Cargo.lock",
    "**/build.rs",
    "**/go.mod",
    "**/go.sum",
    "**/Gemfile*",
    "**/pom.xml",
    "**/*.gradle*",
    "**/release.sh",
    "**/deploy.sh",
    "release/",
    "deploy/",
    "**/fly.toml",
];

/// One path of a run's result. A rename is two of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedPath {
    /// From the repository's root, with `/`.
    pub path: String,
    pub deleted: bool,
    /// Size of the new content; 0 when deleted.
    pub bytes: u64,
}

/// What to do about a violation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// A person may allow it.
    AskHuman,
    /// The run may not publish.
    Block,
}

/// One rule that a result breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Violation {
    /// Nothing was changed, so there is nothing to publish.
    NoChange,
    /// wiz never changes this path.
    Blocked {
        path: String,
    },
    /// A person must look at this path; `pattern` is the rule.
    Protected {
        path: String,
        pattern: String,
    },
    /// The repository lists the paths a run may change, and this is none of them.
    NotAllowed {
        path: String,
    },
    /// The plan that was approved does not speak of this path.
    OutsidePlan {
        path: String,
    },
    TooManyFiles {
        files: usize,
    },
    TooManyBytes {
        bytes: u64,
    },
    FileTooLarge {
        path: String,
        bytes: u64,
    },
}

impl Violation {
    /// Whether a person may allow it.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Protected { .. } | Self::OutsidePlan { .. } => Verdict::AskHuman,
            Self::NoChange
            | Self::Blocked { .. }
            | Self::NotAllowed { .. }
            | Self::TooManyFiles { .. }
            | Self::TooManyBytes { .. }
            | Self::FileTooLarge { .. } => Verdict::Block,
        }
    }
}

/// One line for the model that made the change. Quotes paths as they are: neutralise before posting.
impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoChange => write!(f, "nothing was changed"),
            Self::Blocked { path } => write!(f, "{path} is never changed by a run"),
            Self::Protected { path, pattern } => write!(f, "{path} is protected by {pattern}"),
            Self::NotAllowed { path } => write!(f, "{path} is not among the repository's allowed_paths"),
            Self::OutsidePlan { path } => write!(f, "{path} is not in the approved plan"),
            Self::TooManyFiles { files } => write!(f, "{files} files are changed; the most is {PATCH_FILES}"),
            Self::TooManyBytes { bytes } => write!(f, "the changes hold {bytes} bytes; the most is {PATCH_BYTES}"),
            Self::FileTooLarge { path, bytes } => {
                write!(f, "{path} holds {bytes} bytes; the most is {PATCH_FILE_BYTES}")
            }
        }
    }
}

/// Everything that stands against publishing `changes`; empty when nothing does. At most one violation for each path,
/// the gravest.
pub fn judge_changes(changes: &[ChangedPath], policy: &RepositoryPolicy, plan: &Plan) -> Vec<Violation> {
    let mut violations = Vec::new();
    if changes.is_empty() {
        violations.push(Violation::NoChange);
    }
    if changes.len() > PATCH_FILES {
        violations.push(Violation::TooManyFiles { files: changes.len() });
    }
    let bytes = changes.iter().fold(0_u64, |sum, change| sum.saturating_add(change.bytes));
    if bytes > PATCH_BYTES as u64 {
        violations.push(Violation::TooManyBytes { bytes });
    }
    violations.extend(changes.iter().filter_map(|change| judge_path(change, policy, plan)));
    violations
}

fn judge_path(change: &ChangedPath, policy: &RepositoryPolicy, plan: &Plan) -> Option<Violation> {
    let path = change.path.clone();
    if matching(&BLOCKED, &path).is_some() {
        return Some(Violation::Blocked { path });
    }
    if change.bytes > PATCH_FILE_BYTES as u64 {
        return Some(Violation::FileTooLarge { path, bytes: change.bytes });
    }
    if !policy.allows(&path) {
        return Some(Violation::NotAllowed { path });
    }
    if let Some(pattern) = policy.protection_of(&path) {
        return Some(Violation::Protected { path, pattern });
    }
    let planned = |file: &String| *file == path || (file.ends_with('/') && path.starts_with(file.as_str()));
    if !plan.files.is_empty() && !plan.files.iter().any(planned) {
        return Some(Violation::OutsidePlan { path });
    }
    None
}

impl RepositoryPolicy {
    /// Whether this path is among those that runs may change.
    pub fn allows(&self, path: &str) -> bool {
        let lists = std::iter::once(&self.allowed_paths).filter(|list| !list.is_empty()).chain(&self.allowed_within);
        lists.into_iter().all(|list| list.iter().any(|allowed| allowed.matches(path)))
    }

    /// The rule by which a person must look at this path; none when nobody must. What is guarded whatever the policy
    /// says cannot be freed.
    pub(super) fn protection_of(&self, path: &str) -> Option<String> {
        let own = self.protected_paths.iter().find(|pattern| pattern.may_concern(path)).map(Pattern::to_string);
        let freed = guarded::kind_of(path).is_none() && self.unprotected_paths.iter().any(|free| free.matches(path));
        own.or_else(|| {
            guarded::pattern_of(path).or_else(|| matching(&PROTECTED, path)).filter(|_| !freed).map(str::to_owned)
        })
    }
}

pub(super) fn matching(patterns: &[&'static str], path: &str) -> Option<&'static str> {
    let path = folded(path);
    patterns.iter().find(|pattern| matches_path(&folded(pattern), &path)).copied()
}

/// Whether a file belongs to the tests: the files that are put on the base alone to see the failure first.
pub fn is_test_path(path: &str) -> bool {
    const FOLDERS: [&str; 8] = ["test", "tests", "__tests__", "spec", "specs", "testdata", "e2e", "fixtures"];
    const NAMES: [&str; 14] = [
        "test_*.py",
        "*_test.py",
        "conftest.py",
        "*_test.go",
        "*.test.*",
        "*.spec.*",
        "*_spec.rb",
        "*_test.rb",
        "*_test.rs",
        "tests.rs",
        "*Test.java",
        "*Tests.java",
        "*Test.kt",
        "*Tests.cs",
    ];
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    folders.split('/').any(|folder| FOLDERS.contains(&folder)) || NAMES.iter().any(|rule| matches_path(rule, name))
}
