//! The names of wiz's own branches: the run makes one unique, and whoever sees one knows the run.

use super::store::StoredRun;
use crate::ids::{BranchName, RunId};

/// Longest readable part of a branch name.
const SLUG_CHARS: usize = 40;
/// How the name of every branch of wiz begins.
const PREFIX: &str = "wiz/run-";
/// What unfinished further work is known by.
const UNFINISHED: &str = "-unfinished_";

/// `wiz/run-12-naturalsize-says-1-0-byte`: the run makes it unique, the title makes it readable.
pub fn name(stored: &StoredRun) -> anyhow::Result<BranchName> {
    let mut slug = String::new();
    for character in stored.issue_title.to_lowercase().chars() {
        if character.is_ascii_alphanumeric() {
            slug.push(character);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() == SLUG_CHARS {
            break;
        }
    }
    let slug = slug.trim_end_matches('-');
    let separator = if slug.is_empty() { "" } else { "-" };
    // A changed plan leads to another change, which cannot stand on a branch that holds the first one.
    let version = stored.run.progress.plan.as_ref().map_or(1, |current| current.version);
    let version = if version > 1 { format!("-v{version}") } else { String::new() };
    Ok(format!("{}{separator}{slug}{version}", prefix(stored.run.id)).parse()?)
}

/// The branch of unfinished further work: `wiz/run-12-unfinished_3`, which no title makes.
pub fn of_follow_up(run: RunId, follow_up: u32) -> anyhow::Result<BranchName> {
    Ok(format!("{}{UNFINISHED}{follow_up}", prefix(run)).parse()?)
}

/// Whether it is such a branch.
pub fn is_of_follow_up(branch: &BranchName) -> bool {
    let parts = branch.as_str().strip_prefix(PREFIX).and_then(|rest| rest.split_once(UNFINISHED));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    parts.is_some_and(|(run, follow_up)| is_number(run) && is_number(follow_up))
}

/// How every branch of the run begins, and some branches of other runs.
pub fn prefix(run: RunId) -> String {
    format!("{PREFIX}{run}")
}

/// Whether the branch has the run's whole number: `wiz/run-1-…` is not of run 12, and `wiz/run-12` not of run 1.
pub fn is_of(branch: &BranchName, run: RunId) -> bool {
    let rest = branch.as_str().strip_prefix(&prefix(run));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_belongs_to_the_run_whose_whole_number_it_has() {
        for (branch, run, own) in [
            ("wiz/run-1", 1, true),
            ("wiz/run-1-it-greets-v2", 1, true),
            ("wiz/run-12-it-greets", 1, false),
            ("wiz/run-1", 12, false),
            ("maria/run-1", 1, false),
        ] {
            assert_eq!(is_of(&branch.parse().unwrap(), RunId(run)), own, "{branch} {run}");
        }
    }
}
