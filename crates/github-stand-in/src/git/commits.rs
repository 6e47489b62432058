//! Reading and making commits.

use std::path::Path;

use anyhow::{Context, Result, bail};
use chrono::{DateTime, Utc};

use super::Git;

/// Name, address and time in a commit.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Name.
    pub name: String,
    /// Address.
    pub email: String,
    /// Time.
    pub date: DateTime<Utc>,
}

/// A commit as git tells it.
#[derive(Debug, Clone)]
pub struct Commit {
    /// Its sha.
    pub sha: String,
    /// Its tree.
    pub tree: String,
    /// Its parents.
    pub parents: Vec<String>,
    /// Author.
    pub author: Identity,
    /// Committer.
    pub committer: Identity,
    /// Message without the trailing newline.
    pub message: String,
}

/// A commit to be made.
#[derive(Debug)]
pub struct NewCommit<'a> {
    /// Tree.
    pub tree: &'a str,
    /// Parents, first parent first.
    pub parents: &'a [String],
    /// Message.
    pub message: &'a str,
    /// Author.
    pub author: &'a Identity,
    /// Committer.
    pub committer: &'a Identity,
}

const FORMAT: &str = "--format=%x1e%H%x00%T%x00%P%x00%an%x00%ae%x00%at%x00%cn%x00%ce%x00%ct%x00%B";

impl Git {
    /// One commit by any name git understands, or `None`.
    pub fn commit(&self, name: &str) -> Result<Option<Commit>> {
        let Some(sha) = self.resolve_commit(name)? else { return Ok(None) };
        Ok(self.commits(&["--no-walk", &sha])?.into_iter().next())
    }

    /// Full sha of a commit by any name, or `None`. A tag is peeled to its commit.
    pub fn resolve_commit(&self, name: &str) -> Result<Option<String>> {
        if name.is_empty() || name.starts_with('-') {
            return Ok(None);
        }
        self.ask(&["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{name}^{{commit}}")])
    }

    /// Commits that `git log` yields for these arguments, newest first.
    pub fn commits(&self, arguments: &[&str]) -> Result<Vec<Commit>> {
        let mut all = vec!["log", FORMAT];
        all.extend_from_slice(arguments);
        let text = self.run(&all)?;
        text.split('\x1e').filter(|record| !record.is_empty()).map(parse).collect()
    }

    /// Writes a commit object and returns its sha. No ref moves.
    pub fn write_commit(&self, new: &NewCommit<'_>) -> Result<String> {
        let mut arguments = vec!["commit-tree", new.tree];
        for parent in new.parents {
            arguments.extend(["-p", parent.as_str()]);
        }
        arguments.extend(["-F", "-"]);
        let author_date = format!("{} +0000", new.author.date.timestamp());
        let committer_date = format!("{} +0000", new.committer.date.timestamp());
        let environment = [
            ("GIT_AUTHOR_NAME", new.author.name.as_str()),
            ("GIT_AUTHOR_EMAIL", new.author.email.as_str()),
            ("GIT_AUTHOR_DATE", author_date.as_str()),
            ("GIT_COMMITTER_NAME", new.committer.name.as_str()),
            ("GIT_COMMITTER_EMAIL", new.committer.email.as_str()),
            ("GIT_COMMITTER_DATE", committer_date.as_str()),
        ];
        let output = self.output(&arguments, new.message.as_bytes(), &environment)?;
        Ok(String::from_utf8(output)?.trim().to_owned())
    }

    /// Turns a directory into one commit on `branch`. Everything in it counts, ignored files too; `.git` does not.
    pub fn seed(&self, directory: &Path, branch: &str, author: &Identity) -> Result<String> {
        let index = self.dir().join("seed.index");
        let index_text = index.to_str().context("the data directory is not UTF-8")?;
        let work_tree = directory.canonicalize().with_context(|| format!("no directory {}", directory.display()))?;
        let tree_text = work_tree.to_str().context("the seed directory is not UTF-8")?;
        let environment = [("GIT_INDEX_FILE", index_text), ("GIT_WORK_TREE", tree_text)];
        self.output(&["-C", tree_text, "-c", "core.bare=false", "add", "--all", "--force", "."], &[], &environment)?;
        let tree = String::from_utf8(self.output(&["write-tree"], &[], &environment)?)?;
        std::fs::remove_file(&index).context("cannot remove the seed index")?;
        let new = NewCommit { tree: tree.trim(), parents: &[], message: "Initial commit", author, committer: author };
        let sha = self.write_commit(&new)?;
        self.run(&["update-ref", &format!("refs/heads/{branch}"), &sha])?;
        Ok(sha)
    }
}

fn parse(record: &str) -> Result<Commit> {
    let fields: Vec<&str> = record.splitn(10, '\0').collect();
    let [sha, tree, parents, an, ae, at, cn, ce, ct, message] = fields[..] else { bail!("git log spoke unexpectedly") };
    let identity = |name: &str, email: &str, seconds: &str| -> Result<Identity> {
        let date = DateTime::from_timestamp(seconds.parse()?, 0).context("a commit date is out of range")?;
        Ok(Identity { name: name.to_owned(), email: email.to_owned(), date })
    };
    Ok(Commit {
        sha: sha.to_owned(),
        tree: tree.to_owned(),
        parents: parents.split_whitespace().map(str::to_owned).collect(),
        author: identity(an, ae, at)?,
        committer: identity(cn, ce, ct)?,
        message: message.trim_end_matches('\n').to_owned(),
    })
}
