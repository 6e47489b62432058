//! Commits made through the Git Data API: signed by GitHub, on top of a known parent, holding exactly a patch.
//!
//! The order makes every retry safe. Blobs, trees and commits are named by their content or unreachable until a branch
//! points at them, so repeating them changes nothing; the tree is read back and compared before the branch moves; and a
//! branch that already holds the wanted tree on the wanted parent is taken as the result of an earlier attempt.

use std::str;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::Method;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    error::GitHubError,
    installation::{Installation, repository_path},
    token::Purpose,
};
use crate::{
    ids::{BranchName, CommitSha, RepositoryId, RepositoryName},
    patch::{Change, FileChange, FileMode, Patch},
};

/// A commit to be.
#[derive(Debug, Clone, Copy)]
pub struct NewCommit<'a> {
    pub repository: &'a RepositoryName,
    pub repository_id: RepositoryId,
    /// Made if there is none; otherwise it must point at `parent`. Never the default branch.
    pub branch: &'a BranchName,
    pub parent: &'a CommitSha,
    pub message: &'a str,
    /// Relative to `parent`.
    pub patch: &'a Patch,
    /// Whether the branch must be there already; one that somebody deleted is not made again.
    pub branch_exists: bool,
}

/// A commit that a branch points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    pub sha: CommitSha,
    /// Whether GitHub shows it as verified.
    pub verified: bool,
    /// Whether an earlier attempt had made it.
    pub adopted: bool,
}

#[derive(Debug, Deserialize)]
struct StoredCommit {
    sha: CommitSha,
    tree: Object,
    parents: Vec<Object>,
    verification: Option<Verification>,
}

#[derive(Debug, Deserialize)]
struct Object {
    sha: String,
}

#[derive(Debug, Deserialize)]
struct Verification {
    verified: bool,
}

impl StoredCommit {
    fn committed(self, adopted: bool) -> Committed {
        Committed { sha: self.sha, verified: self.verification.is_some_and(|it| it.verified), adopted }
    }
}

impl Installation {
    /// Commits `patch` on top of `parent` and points the branch at it. [`GitHubError::Conflict`] when the branch holds
    /// something else, or when GitHub's tree is not exactly parent plus patch; then the branch has not moved.
    ///
    /// Neither author nor committer is named, which is what makes GitHub sign the commit as the App's.
    /// <https://docs.github.com/en/authentication/managing-commit-signature-verification/about-commit-signature-verification#signature-verification-for-bots>
    pub async fn commit(&self, wanted: &NewCommit<'_>) -> Result<Committed, GitHubError> {
        if wanted.patch.is_empty() {
            return Err(GitHubError::invalid("a commit without changes"));
        }
        let repository = self.repository(wanted.repository).await?;
        if repository.is_none_or(|repository| repository.default_branch == *wanted.branch) {
            return Err(GitHubError::invalid(format!("{} is the default branch or unreachable", wanted.branch)));
        }
        let base = self.stored_commit(wanted.repository, wanted.parent).await?;
        let tip = self.branch(wanted.repository, wanted.branch).await?;
        if let Some(tip) = tip.as_ref().filter(|tip| *tip != wanted.parent) {
            return self.adopt(wanted, &base, tip).await;
        }
        if tip.is_none() && wanted.branch_exists {
            return Err(GitHubError::conflict(format!("{} is gone", wanted.branch)));
        }
        let tree = self.create_tree(wanted, &base).await?;
        self.verify_tree(wanted.repository, &base.tree.sha, &tree.sha, wanted.patch.changes()).await?;
        let body = json!({ "message": wanted.message, "tree": tree.sha, "parents": [wanted.parent] });
        let commit: StoredCommit = self.create_object(wanted, "commits", body).await?;
        let (name, id, branch) = (wanted.repository, wanted.repository_id, wanted.branch);
        let moved = match tip {
            None => self.create_branch(name, id, branch, &commit.sha).await,
            Some(_) => self.advance_branch(name, id, branch, &commit.sha).await,
        };
        match (moved, self.branch(name, branch).await?) {
            (_, Some(now)) if now == commit.sha => Ok(commit.committed(false)),
            // Nothing has happened to the branch: the answer was lost together with the request, or it was a refusal.
            (Err(error), now) if now == tip => Err(error),
            (Ok(()), now) if now == tip => {
                Err(GitHubError::no_answer("the branch", false, "the move is not visible yet"))
            }
            (_, Some(now)) => self.adopt(wanted, &base, &now).await,
            (_, None) => Err(GitHubError::conflict(format!("{branch} vanished"))),
        }
    }

    /// Takes what a branch holds as this commit if it is the same change on the same parent.
    async fn adopt(
        &self,
        wanted: &NewCommit<'_>,
        base: &StoredCommit,
        tip: &CommitSha,
    ) -> Result<Committed, GitHubError> {
        let found = self.stored_commit(wanted.repository, tip).await?;
        let same_parent = matches!(found.parents.as_slice(), [only] if only.sha == wanted.parent.as_str());
        if !same_parent {
            return Err(GitHubError::conflict(format!("{} holds other commits, {tip} the newest", wanted.branch)));
        }
        self.verify_tree(wanted.repository, &base.tree.sha, &found.tree.sha, wanted.patch.changes()).await?;
        Ok(found.committed(true))
    }

    async fn create_tree(&self, wanted: &NewCommit<'_>, base: &StoredCommit) -> Result<Object, GitHubError> {
        let mut entries = Vec::with_capacity(wanted.patch.changes().len());
        for change in wanted.patch.changes() {
            entries.push(self.tree_entry(wanted, change).await?);
        }
        self.create_object(wanted, "trees", json!({ "base_tree": base.tree.sha, "tree": entries })).await
    }

    /// A text goes along with the tree; other bytes need a blob of their own first. One request instead of a hundred keeps
    /// a large patch below GitHub's limit of about 80 content writes a minute.
    /// <https://docs.github.com/en/rest/git/trees#create-a-tree>
    async fn tree_entry(&self, wanted: &NewCommit<'_>, change: &FileChange) -> Result<Value, GitHubError> {
        let (mode, content) = match &change.change {
            Change::Put { mode, content } => (*mode, content),
            Change::Delete => {
                return Ok(json!({
                    "path": change.path, "mode": FileMode::Regular.as_str(), "type": "blob", "sha": null,
                }));
            }
        };
        let mut entry = json!({ "path": change.path, "mode": mode.as_str(), "type": "blob" });
        match str::from_utf8(content) {
            Ok(text) => entry["content"] = json!(text),
            Err(_) => {
                let body = json!({ "content": STANDARD.encode(content), "encoding": "base64" });
                let blob: Object = self.create_object(wanted, "blobs", body).await?;
                entry["sha"] = json!(blob.sha);
            }
        }
        Ok(entry)
    }

    /// Nothing refers to a new object yet, so one that was made without our knowing does no harm.
    async fn create_object<T: DeserializeOwned>(
        &self,
        wanted: &NewCommit<'_>,
        kind: &str,
        body: Value,
    ) -> Result<T, GitHubError> {
        let path = repository_path(wanted.repository, format_args!("/git/{kind}"));
        let made = self.write(Purpose::Publish(wanted.repository_id), Method::POST, path, body).await;
        made.map_err(GitHubError::repeatable)
    }

    async fn stored_commit(
        &self,
        repository: &RepositoryName,
        commit: &CommitSha,
    ) -> Result<StoredCommit, GitHubError> {
        let path = repository_path(repository, format_args!("/git/commits/{commit}"));
        self.get(path).await
    }
}
