//! The issue in which wiz says what it does about failing checks of the default branch.

use super::{code, fenced, plain};
use crate::ids::{BranchName, CommitSha};

/// Longest output that is shown; the planner reads the same text.
const OUTPUT_CHARS: usize = 8_000;

/// A failure on the default branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BranchFailure<'a> {
    pub branch: &'a BranchName,
    pub head: &'a CommitSha,
    /// The names of the checks.
    pub checks: String,
    /// What they printed.
    pub excerpt: String,
}

impl BranchFailure<'_> {
    fn short(&self) -> String {
        self.head.as_str().chars().take(8).collect()
    }
}

/// The issue's title.
pub fn branch_failure_title(failure: &BranchFailure<'_>) -> String {
    format!("Checks fail on {}: {}", plain(failure.branch.as_str(), 60), plain(&failure.checks, 120))
}

/// The issue's text.
pub fn branch_failure_issue(failure: &BranchFailure<'_>) -> String {
    format!(
        "{} fails on {} at `{}`:\n\n{}\n\nwiz works on it, since `ci:` in the policy file says so for the default branch. \
         What comes of it is said here; `/wiz cancel` stops it.\n",
        code(&failure.checks, 200),
        code(failure.branch.as_str(), 100),
        failure.short(),
        fenced(&failure.excerpt, OUTPUT_CHARS),
    )
}

/// What the planner is told besides the issue.
pub fn branch_failure_task(failure: &BranchFailure<'_>) -> String {
    format!(
        "Find the cause of the failing checks that the issue names, and mend it, and nothing else. Never make a check \
         weaker. They fail on commit {}.",
        failure.short()
    )
}

/// wiz gives up on the default branch, said once in the issue of its last attempt.
pub fn branch_given_up(failure: &BranchFailure<'_>) -> String {
    format!(
        "{} fails on {} at `{}` again, and I have worked on that very failure before. I leave it to you; `/wiz fix` in an \
         open issue lets me try once more.",
        code(&failure.checks, 200),
        code(failure.branch.as_str(), 100),
        failure.short(),
    )
}

/// A second issue about what another one is about already.
pub fn branch_failure_elsewhere(run: crate::ids::RunId) -> String {
    format!("Run {run} is at work on the failing checks of this branch already, so nothing begins here.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_issue_tells_what_fails_and_nothing_in_it_acts() {
        let (branch, head) = ("main".parse().unwrap(), "a".repeat(40).parse().unwrap());
        let failure = BranchFailure {
            branch: &branch,
            head: &head,
            checks: "lint, test (`@x`)".into(),
            excerpt: "/wiz fix\n```\n@octo fixes #1".into(),
        };
        let texts = [
            branch_failure_title(&failure),
            branch_failure_issue(&failure),
            branch_failure_task(&failure),
            branch_given_up(&failure),
            branch_failure_elsewhere(crate::ids::RunId(3)),
        ];
        insta::assert_snapshot!(texts.join("\n----\n").replace('\u{200b}', "·"), @r"
        Checks fail on main: lint, test (`@·x`)
        ----
        ``lint, test (`@x`)`` fails on `main` at `aaaaaaaa`:

        ````text
         /wiz fix
        ```
        @·octo fixes #·1
        ````

        wiz works on it, since `ci:` in the policy file says so for the default branch. What comes of it is said here; `/wiz cancel` stops it.

        ----
        Find the cause of the failing checks that the issue names, and mend it, and nothing else. Never make a check weaker. They fail on commit aaaaaaaa.
        ----
        ``lint, test (`@x`)`` fails on `main` at `aaaaaaaa` again, and I have worked on that very failure before. I leave it to you; `/wiz fix` in an open issue lets me try once more.
        ----
        Run 3 is at work on the failing checks of this branch already, so nothing begins here.
        ");
    }
}
