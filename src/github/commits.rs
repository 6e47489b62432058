//! Commits made through the Git Data API: signed by GitHub, on top of a known parent, holding exactly a patch.
//!
//! The order makes every retry safe. Blobs, trees and commits are named by their content or unreachable until a branch
//! points at them, so repeating them changes nothing; the tree GitHub has made is compared, by the id that git computes
//! here, before the branch moves; and a branch that already holds the wanted tree on the wanted parent is taken as the
//! result of an earlier attempt.

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
    patch::{Change, FileChange, FileMode, Listing, Patch},
};

/// A commit to be.
#[derive(Debug, Clone, Copy)]
pub struct NewCommit<'a> {
    pub repository: &'a RepositoryName,
    pub repository_id: RepositoryId,
    /// Made if there is none; otherwise it must point at `parent`. Never the default branch.
    pub branch: &'a BranchName,
    /// What is believed of the branch. It is found out if it is wrong; being right spares asking.
    pub stands: BranchStands,
    pub parent: &'a CommitSha,
    /// The parent's entries.
    pub listing: &'a Listing,
    pub message: &'a str,
    /// Relative to `parent`.
    pub patch: &'a Patch,
}

/// Where a branch is believed to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BranchStands {
    /// There is none yet.
    Nowhere,
    /// Nobody knows: it is looked at, and made if there is none.
    Unknown,
    /// It is there; one that somebody deleted is not made again.
    AtParent,
}

/// A commit that a branch points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    pub sha: CommitSha,
    /// Whether GitHub shows it as verified.
    pub verified: bool,
    pub origin: Origin,
}

/// How a branch came to hold a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The branch was made with it just now.
    NewBranch,
    /// The branch was moved to it just now.
    Moved,
    /// An earlier attempt had made it.
    Adopted,
}

impl Origin {
    fn made(tip: Option<&CommitSha>) -> Self {
        if tip.is_some() { Self::Moved } else { Self::NewBranch }
    }
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
    fn committed(self, origin: Origin) -> Committed {
        Committed { sha: self.sha, verified: self.verification.is_some_and(|it| it.verified), origin }
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
        let tip = match wanted.stands {
            BranchStands::Nowhere => None,
            BranchStands::Unknown => self.branch(wanted.repository, wanted.branch).await?,
            BranchStands::AtParent => match self.branch(wanted.repository, wanted.branch).await? {
                None => return Err(GitHubError::conflict(format!("{} is gone", wanted.branch))),
                tip => tip,
            },
        };
        if let Some(tip) = tip.as_ref().filter(|tip| *tip != wanted.parent) {
            return self.adopt(wanted, tip).await;
        }
        let base = self.base_of(wanted).await?;
        let tree = self.create_tree(wanted, &base).await?;
        self.check_tree(wanted, &base, &tree.sha).await?;
        let body = json!({ "message": wanted.message, "tree": tree.sha, "parents": [wanted.parent] });
        let commit: StoredCommit = self.create_object(wanted, "commits", body).await?;
        let moved = match tip {
            None => self.create_branch(wanted.repository, wanted.repository_id, wanted.branch, &commit.sha).await,
            Some(_) => self.advance(wanted, &commit.sha).await,
        };
        match moved {
            Ok(at) if at == commit.sha => Ok(commit.committed(Origin::made(tip.as_ref()))),
            outcome => self.settle(wanted, commit, tip.as_ref(), outcome).await,
        }
    }

    /// Finds out what a move of the branch came to that was refused or whose answer was lost.
    async fn settle(
        &self,
        wanted: &NewCommit<'_>,
        commit: StoredCommit,
        tip: Option<&CommitSha>,
        moved: Result<CommitSha, GitHubError>,
    ) -> Result<Committed, GitHubError> {
        let now = self.branch(wanted.repository, wanted.branch).await?;
        match (moved, now) {
            // Made within the same second it is the same commit.
            (Err(GitHubError::Invalid(_)), Some(now)) if now == commit.sha => Ok(commit.committed(Origin::Adopted)),
            (_, Some(now)) if now == commit.sha => Ok(commit.committed(Origin::made(tip))),
            // Nothing has happened to the branch: the answer was lost together with the request, or it was a refusal.
            (Err(error), now) if now.as_ref() == tip => Err(error),
            (Ok(_), now) if now.as_ref() == tip => {
                Err(GitHubError::no_answer("the branch", false, "the move is not visible yet"))
            }
            // It was thought to be new, but somebody has made it where it should start.
            (Err(GitHubError::Invalid(_)), Some(now)) if tip.is_none() && now == *wanted.parent => {
                self.advance(wanted, &commit.sha).await?;
                Ok(commit.committed(Origin::Moved))
            }
            (_, Some(now)) => self.adopt(wanted, &now).await,
            (_, None) => Err(GitHubError::conflict(format!("{} vanished", wanted.branch))),
        }
    }

    /// Moves a branch that was there before. The default branch is never moved; a branch that wiz has just made cannot be
    /// it, so only this way needs the question.
    async fn advance(&self, wanted: &NewCommit<'_>, commit: &CommitSha) -> Result<CommitSha, GitHubError> {
        let repository = self.repository(wanted.repository).await?;
        if repository.is_none_or(|repository| repository.default_branch == *wanted.branch) {
            return Err(GitHubError::invalid(format!("{} is the default branch or unreachable", wanted.branch)));
        }
        self.advance_branch(wanted.repository, wanted.repository_id, wanted.branch, commit).await
    }

    /// Takes what a branch holds as this commit if it is the same change on the same parent.
    async fn adopt(&self, wanted: &NewCommit<'_>, tip: &CommitSha) -> Result<Committed, GitHubError> {
        let found = self.stored_commit(wanted.repository, tip).await?;
        let same_parent = matches!(found.parents.as_slice(), [only] if only.sha == wanted.parent.as_str());
        if !same_parent {
            return Err(GitHubError::conflict(format!("{} holds other commits, {tip} the newest", wanted.branch)));
        }
        let base = self.base_of(wanted).await?;
        self.check_tree(wanted, &base, &found.tree.sha).await?;
        Ok(found.committed(Origin::Adopted))
    }

    /// The parent's tree.
    async fn base_of(&self, wanted: &NewCommit<'_>) -> Result<String, GitHubError> {
        match wanted.listing.root() {
            Some(root) => Ok(root.as_str().to_owned()),
            None => Ok(self.stored_commit(wanted.repository, wanted.parent).await?.tree.sha),
        }
    }

    /// Fails unless `tree` is exactly parent plus patch: by its id, or level by level where that cannot be computed.
    async fn check_tree(&self, wanted: &NewCommit<'_>, base: &str, tree: &str) -> Result<(), GitHubError> {
        match wanted.listing.after(wanted.patch) {
            Some(expected) if expected.as_str() == tree => Ok(()),
            Some(expected) => {
                let (parent, patch) = (wanted.parent, "with the patch");
                Err(GitHubError::conflict(format!("tree {tree} is not {parent} {patch}, which is {expected}")))
            }
            None => self.verify_tree(wanted.repository, base, tree, wanted.patch.changes()).await,
        }
    }

    async fn create_tree(&self, wanted: &NewCommit<'_>, base: &str) -> Result<Object, GitHubError> {
        let mut entries = Vec::with_capacity(wanted.patch.changes().len());
        for change in wanted.patch.changes() {
            entries.push(self.tree_entry(wanted, change).await?);
        }
        self.create_object(wanted, "trees", json!({ "base_tree": base, "tree": entries })).await
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
