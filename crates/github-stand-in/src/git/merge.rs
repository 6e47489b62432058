//! Merging without a work tree: `git merge-tree` decides, `git commit-tree` records.

use anyhow::{Context, Result};

use super::{Git, Identity, NewCommit};

impl Git {
    /// The tree that merging `head` into `base` gives, or `None` on a conflict.
    pub fn merged_tree(&self, base: &str, head: &str) -> Result<Option<String>> {
        self.merge_tree(&["merge-tree", "--write-tree", "--no-messages", base, head])
    }

    /// Replays `base..head` onto `base`, keeping authors; `None` on a conflict.
    pub fn rebase(&self, base: &str, head: &str, committer: &Identity) -> Result<Option<String>> {
        let range = format!("{base}..{head}");
        let mut tip = base.to_owned();
        for commit in self.commits(&["--reverse", "--no-merges", &range])? {
            let parent = commit.parents.first().context("a root commit cannot be replayed")?;
            let merge_base = format!("--merge-base={parent}");
            let arguments = ["merge-tree", "--write-tree", "--no-messages", &merge_base, &tip, &commit.sha];
            let Some(tree) = self.merge_tree(&arguments)? else { return Ok(None) };
            let parents = [tip];
            let new = NewCommit {
                tree: &tree,
                parents: &parents,
                message: &commit.message,
                author: &commit.author,
                committer,
            };
            tip = self.write_commit(&new)?;
        }
        Ok(Some(tip))
    }

    /// Exit status 1 means a conflict; anything above is a fault of ours.
    fn merge_tree(&self, arguments: &[&str]) -> Result<Option<String>> {
        let output = self.outcome(arguments)?;
        match output.status.code() {
            Some(0) => Ok(String::from_utf8_lossy(&output.stdout).lines().next().map(str::to_owned)),
            Some(1) => Ok(None),
            code => anyhow::bail!("git merge-tree ended with {code:?}: {}", String::from_utf8_lossy(&output.stderr)),
        }
    }
}
