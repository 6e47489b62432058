//! Local copies of repositories, for reading every file of a commit without an API call per file.
//!
//! A mirror is a bare repository and a cache: it is thrown away and fetched anew whenever that is simpler than repairing
//! it. It must never have a work tree, run a hook or filter, or hold a token. git runs as [`process`] says: hardened, as a
//! user of its own, with a deadline.
//!
//! The way of the data: [`Mirrors::mirror`] → [`Mirror::fetch`] a commit → [`Mirror::tree`] → [`Mirror::blobs`].

mod process;
mod tree;

use std::{
    collections::HashMap,
    fs::{self, File},
    io,
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context as _;
use bytes::Bytes;
use secrecy::SecretString;
use tokio::sync::RwLock;
use url::Url;

use self::process::Git;
pub use self::tree::{EntryMode, LeftOut, Tree, TreeEntry};
use crate::{
    ids::{CommitSha, IssueNumber, RepositoryId, RepositoryName},
    limits,
    patch::BlobId,
};

/// The user git runs as when wiz is root: it owns the mirrors and nothing else. Nobody has this id by default.
const GIT_USER: u32 = 64_737;

/// Most fetches a mirror takes before it starts anew; each leaves a pack behind.
const MAX_PACKS: usize = 64;

/// Most wiz processes that share one directory.
const MAX_PROCESSES: usize = 64;

/// Why a mirror could not give what was asked.
#[derive(Debug, thiserror::Error)]
pub enum MirrorError {
    /// The repository or commit does not exist for this token.
    #[error("the repository or commit is not there: {0}")]
    NotFound(String),
    /// It took longer than [`limits::GIT_DEADLINE`].
    #[error("git took too long and was stopped")]
    TimedOut,
    /// The commit holds a path that only an attacker makes; wiz does not work on it.
    #[error("the commit holds a hostile path: {path:?} {fault}")]
    Hostile { path: String, fault: crate::patch::PathFault },
    /// git's own check refuses an object of the commit; wiz does not work on it.
    #[error("git refuses the commit: {0}")]
    Refused(String),
    /// More files or bytes than wiz takes.
    #[error("{0}")]
    TooLarge(String),
    /// git or the disk failed; worth another try.
    #[error("{0}")]
    Failed(String),
}

impl MirrorError {
    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::TimedOut | Self::Failed(_) => true,
            Self::NotFound(_) | Self::Hostile { .. } | Self::Refused(_) | Self::TooLarge(_) => false,
        }
    }
}

impl From<io::Error> for MirrorError {
    fn from(error: io::Error) -> Self {
        Self::Failed(format!("the mirror's disk: {error}"))
    }
}

/// All mirrors of this process.
#[derive(Debug)]
pub struct Mirrors {
    directory: PathBuf,
    web_url: Url,
    git: Git,
    mirrors: Mutex<HashMap<RepositoryId, Arc<RwLock<()>>>>,
    /// Held as long as this process uses the directory.
    _lock: File,
}

impl Mirrors {
    /// Takes a directory under `parent` that no other process uses. `web_url` is GitHub's address for pages and git. Every
    /// directory above must let other users through (`chmod o+x`) when wiz is root, because git is then somebody else.
    pub fn open(parent: &Path, web_url: &Url) -> anyhow::Result<Self> {
        fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
        let (directory, lock) = claim_directory(parent)?;
        let user = nix::unistd::geteuid().is_root().then_some(GIT_USER);
        if user.is_some() {
            check_way(&directory)?;
        }
        let home = directory.join("home");
        for path in [&directory, &home] {
            fs::create_dir_all(path)?;
            fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
            if let Some(user) = user {
                chown(path, Some(user), Some(user)).with_context(|| format!("cannot chown {}", path.display()))?;
            }
        }
        let git = Git::new(home, user, web_url);
        Ok(Self { directory, web_url: web_url.clone(), git, mirrors: Mutex::default(), _lock: lock })
    }

    /// The mirror of one repository; nothing is fetched yet. The id names the directory, the name the address.
    pub fn mirror(&self, id: RepositoryId, name: &RepositoryName) -> Result<Mirror<'_>, MirrorError> {
        let url = format!("{}/{name}.git", self.web_url.as_str().trim_end_matches('/'));
        let turn = self.mirrors.lock().unwrap_or_else(PoisonError::into_inner).entry(id).or_default().clone();
        Ok(Mirror { git: &self.git, directory: self.directory.join(format!("{id}.git")), url, turn })
    }
}

/// Fails when another user could not get as far as `directory`; git would only say that it is no repository.
fn check_way(directory: &Path) -> anyhow::Result<()> {
    for above in fs::canonicalize(directory.parent().unwrap_or(directory))?.ancestors() {
        let mode = fs::metadata(above)?.permissions().mode();
        anyhow::ensure!(mode & 0o001 != 0, "git's own user cannot enter {0}; run chmod o+x {0}", above.display());
    }
    Ok(())
}

/// The first numbered directory whose lock is free.
fn claim_directory(parent: &Path) -> anyhow::Result<(PathBuf, File)> {
    for number in 0..MAX_PROCESSES {
        let path = parent.join(format!("{number}.lock"));
        let file = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => return Ok((parent.join(number.to_string()), file)),
            Err(fs::TryLockError::WouldBlock) => {}
            Err(fs::TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock {}", path.display()));
            }
        }
    }
    anyhow::bail!("{MAX_PROCESSES} processes use {} already", parent.display())
}

/// One repository's mirror.
#[derive(Debug)]
pub struct Mirror<'a> {
    git: &'a Git,
    directory: PathBuf,
    url: String,
    /// Fetching excludes everything else; readers share.
    turn: Arc<RwLock<()>>,
}

impl Mirror<'_> {
    /// Brings the commit's files here; does nothing when they are here. The token needs to read this repository's contents
    /// and is known to the one git process only.
    pub async fn fetch(&self, commit: &CommitSha, token: &SecretString) -> Result<(), MirrorError> {
        let _turn = self.turn.write().await;
        if self.directory.exists() && self.has(commit).await {
            return Ok(());
        }
        self.fetch_persistently(&format!("+{commit}:{}", reference(commit)), token).await
    }

    /// Brings the files of a pull request's head here, also of one from a fork: GitHub shows it in the base repository, so
    /// the fork is never spoken to. A head that moved meanwhile is asked for by its name.
    /// <https://docs.github.com/en/pull-requests/collaborating-with-pull-requests/reviewing-changes-in-pull-requests/checking-out-pull-requests-locally>
    pub async fn fetch_pull(
        &self,
        pull: IssueNumber,
        head: &CommitSha,
        token: &SecretString,
    ) -> Result<(), MirrorError> {
        let _turn = self.turn.write().await;
        if self.directory.exists() && self.has(head).await {
            return Ok(());
        }
        self.fetch_persistently(&format!("+refs/pull/{pull}/head:{PULL_HEAD}"), token).await?;
        let name = self.git.read(&self.directory, &["rev-parse", "--verify", PULL_HEAD], Vec::new(), 100).await?;
        if String::from_utf8_lossy(&name).trim() == head.as_str() {
            let keep = ["update-ref", &reference(head), head.as_str()];
            self.git.read(&self.directory, &keep, Vec::new(), 100).await?;
            return Ok(());
        }
        self.fetch_persistently(&format!("+{head}:{}", reference(head)), token).await
    }

    /// Brings the files of the default branch's head here and tells which commit that is. One exchange answers both, so
    /// the API need not be asked.
    pub async fn fetch_head(&self, token: &SecretString) -> Result<CommitSha, MirrorError> {
        let _turn = self.turn.write().await;
        self.fetch_persistently(&format!("+HEAD:{HEAD}"), token).await?;
        let name = self.git.read(&self.directory, &["rev-parse", "--verify", HEAD], Vec::new(), 100).await?;
        let name = String::from_utf8_lossy(&name);
        let commit: CommitSha = name.trim().parse().map_err(|_| MirrorError::Failed(format!("a head named {name}")))?;
        let keep = ["update-ref", &reference(&commit), commit.as_str()];
        self.git.read(&self.directory, &keep, Vec::new(), 100).await?;
        Ok(commit)
    }

    async fn fetch_persistently(&self, refspec: &str, token: &SecretString) -> Result<(), MirrorError> {
        if self.packs() >= MAX_PACKS {
            self.remove()?;
        }
        match self.fetch_once(refspec, token).await {
            // A lock or half a pack left by a killed process is not worth telling from other failures.
            Err(MirrorError::Failed(reason)) => {
                tracing::info!(mirror = %self.directory.display(), reason, "starting the mirror anew");
                self.remove()?;
                self.fetch_once(refspec, token).await
            }
            outcome => outcome,
        }
    }

    /// Every file of a fetched commit.
    pub async fn tree(&self, commit: &CommitSha) -> Result<Tree, MirrorError> {
        let _turn = self.turn.read().await;
        let arguments = ["ls-tree", "-r", "-z", "-l", "--full-tree", commit.as_str()];
        let listing = self.git.read(&self.directory, &arguments, Vec::new(), tree::LISTING_BYTES).await?;
        let root = format!("{commit}^{{tree}}");
        let root = self.git.read(&self.directory, &["rev-parse", "--verify", &root], Vec::new(), 100).await?;
        let root = String::from_utf8_lossy(&root).trim().parse();
        tree::parse(&listing, root.map_err(|error: &str| MirrorError::Failed(error.to_owned()))?)
    }

    /// The contents of blobs of a fetched commit, in the order asked for.
    pub async fn blobs(&self, ids: &[BlobId]) -> Result<Vec<Bytes>, MirrorError> {
        let _turn = self.turn.read().await;
        let input: String = ids.iter().map(|id| format!("{id}\n")).collect();
        let arguments = ["cat-file", "--batch", "--buffer"];
        let output = self.git.read(&self.directory, &arguments, input.into_bytes(), limits::TREE_BYTES).await?;
        tree::split_batch(ids, Bytes::from(output))
    }

    async fn has(&self, commit: &CommitSha) -> bool {
        let name = format!("{}^{{commit}}", reference(commit));
        self.git.read(&self.directory, &["rev-parse", "--verify", "--quiet", &name], Vec::new(), 100).await.is_ok()
    }

    async fn fetch_once(&self, refspec: &str, token: &SecretString) -> Result<(), MirrorError> {
        if !self.directory.exists() {
            self.git.initialise(&self.directory).await?;
        }
        self.git.fetch(&self.directory, &self.url, refspec, token).await
    }

    fn packs(&self) -> usize {
        fs::read_dir(self.directory.join("objects/pack")).map_or(0, |entries| {
            entries.flatten().filter(|entry| entry.path().extension().is_some_and(|end| end == "pack")).count()
        })
    }

    fn remove(&self) -> Result<(), MirrorError> {
        match fs::remove_dir_all(&self.directory) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}

/// Where the head that was fetched last is found.
const HEAD: &str = "refs/wiz-head";

/// Where the head of a pull request that was fetched last is found.
const PULL_HEAD: &str = "refs/wiz-pull-head";

/// Keeps a fetched commit from being collected, and tells that it is complete.
fn reference(commit: &CommitSha) -> String {
    format!("refs/wiz/{commit}")
}
