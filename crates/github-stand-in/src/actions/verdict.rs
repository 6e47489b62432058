//! How a scripted job or check ends on a commit.

use anyhow::Result;

use crate::git::Git;
use crate::store::{Conclusion, Rule};

/// Asks the rule. Attempts count from 1.
///
/// # Errors
/// When git fails.
pub fn decide(git: &Git, rule: &Rule, head_sha: &str, attempt: u64) -> Result<Conclusion> {
    let fails = |failing: bool| if failing { Conclusion::Failure } else { Conclusion::Success };
    Ok(match rule {
        Rule::Succeeds => Conclusion::Success,
        Rule::Flaky => fails(attempt <= 1),
        Rule::Outcomes { outcomes } => {
            let index = usize::try_from(attempt.saturating_sub(1)).unwrap_or(usize::MAX);
            outcomes.get(index).or(outcomes.last()).copied().unwrap_or(Conclusion::Success)
        }
        Rule::FailsWhileFileContains { path, text } => fails(holds(git, head_sha, (path, text))?),
        Rule::FailsWhileFileLacks { path, text } => fails(!holds(git, head_sha, (path, text))?),
    })
}

fn holds(git: &Git, head_sha: &str, wanted: (&str, &str)) -> Result<bool> {
    let Some(entry) = git.entry(&format!("{head_sha}^{{tree}}"), wanted.0)? else { return Ok(false) };
    Ok(entry.kind == "blob" && String::from_utf8_lossy(&git.blob(&entry.sha)?).contains(wanted.1))
}
