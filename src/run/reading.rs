//! A conversation's subject as readers see it, who change nothing: the default branch for an issue, the head of the pull
//! request with its diff for a pull request. Rules come from the base branch all the same.

use anyhow::{Context as _, Result};

use super::{project::Project, services::Services, store::StoredRun, threads};
use crate::{
    agent::Statement,
    github::{ChangedInPull, Installation, PullRequest},
    ids::{CommentId, CommitSha, IssueNumber},
};

/// Most of a pull request's diff that is shown at once, in characters; its files are in the box.
const DIFF_CHARS: usize = 80_000;

/// What is read.
pub struct Reading {
    pub project: Project,
    /// The commit that is read.
    pub commit: CommitSha,
}

/// The head of the branch that a question is about; none when there is no such branch.
pub async fn of_branch(services: &Services, stored: &StoredRun) -> Result<Option<Reading>> {
    let Some(commit) = Project::head(services, stored).await? else { return Ok(None) };
    let project = Project::at(services, stored, &commit).await?;
    Ok(Some(Reading { project, commit }))
}

/// The head of a pull request, also of one from a fork, and also of one that is closed.
pub async fn of_pull(services: &Services, stored: &StoredRun, pull: &PullRequest) -> Result<Reading> {
    let github = services.github.installation(stored.installation);
    let (_, base) =
        github.default_head(&stored.repository_name).await?.context("the repository has no default branch")?;
    let commit = pull.head.sha.clone();
    let project = Project::of_pull(services, stored, &base, (pull.number, &commit)).await?;
    Ok(Reading { project, commit })
}

/// The changes of a pull request as one diff.
pub fn diff(changes: &[ChangedInPull]) -> String {
    let mut text = String::new();
    for change in changes {
        let patch = change.patch.as_deref().unwrap_or("(no lines are shown: the file is binary or very large)");
        let file = format!("{} ({})\n{patch}\n\n", change.filename, change.status);
        if text.len() + file.len() > DIFF_CHARS {
            text += &format!("{} ({}): its lines were left out here\n", change.filename, change.status);
        } else {
            text += &file;
        }
        if text.len() > DIFF_CHARS {
            text += "and further files\n";
            break;
        }
    }
    text
}

/// A thread as it stands: its place, the lines of the diff, and who said what. None when it is gone.
pub async fn thread(
    github: &Installation,
    stored: &StoredRun,
    pull: IssueNumber,
    first: CommentId,
) -> Result<Vec<Statement>> {
    let comments = github.review_comments(&stored.repository_name, pull).await?;
    let Some(shown) = threads::conversation(first, &comments) else { return Ok(vec![]) };
    let lines = Statement { source: format!("the lines at {}", shown.thread.place), text: shown.thread.hunk };
    let said = shown.thread.words.into_iter();
    let said = said.map(|words| Statement { source: format!("said there by {}", words.source), ..words });
    Ok(std::iter::once(lines).chain(said).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_is_shown_up_to_a_size() {
        let change = |filename: &str, patch: Option<&str>| ChangedInPull {
            filename: filename.to_owned(),
            status: "modified".to_owned(),
            patch: patch.map(str::to_owned),
        };
        let long = format!("@@ -1 +1 @@\n+{}", "x".repeat(DIFF_CHARS));
        let changes = [change("a.py", Some("@@ -1 +1 @@\n-a\n+b")), change("b.png", None), change("c.py", Some(&long))];
        insta::assert_snapshot!(diff(&changes), @r"
        a.py (modified)
        @@ -1 +1 @@
        -a
        +b

        b.png (modified)
        (no lines are shown: the file is binary or very large)

        c.py (modified): its lines were left out here
        ");
        let many = vec![change(&"d".repeat(200), None); 1_000];
        assert!(diff(&many).len() < DIFF_CHARS + 1_000 && diff(&many).ends_with("and further files\n"));
    }
}
