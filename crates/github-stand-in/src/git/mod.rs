//! The git side of a repository: a bare repository on disk, asked through the `git` binary.
//!
//! Every sha, tree, diff, merge base and merge result comes from here, so that what REST says and what a clone gets can
//! never differ. Must never know about HTTP or permissions. Read first: [`Git`], [`Git::run`], [`Git::ask`].

mod commits;
mod diff;
mod merge;
mod refs;
mod trees;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail};

pub use commits::{Commit, Identity, NewCommit};
pub use diff::{FileChange, FileStatus};
pub use trees::{TreeChange, TreeEntry};

/// A bare repository.
#[derive(Debug, Clone)]
pub struct Git {
    dir: PathBuf,
}

impl Git {
    /// An existing bare repository.
    pub fn at(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// Makes a bare repository with the rules of GitHub's servers: forced pushes are allowed, `refs/pull/*` can be
    /// fetched but not pushed, and any commit can be asked for by sha.
    pub fn init(dir: &Path, default_branch: &str) -> Result<Self> {
        std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let git = Self::at(dir);
        git.run(&["init", "--quiet", "--bare", &format!("--initial-branch={default_branch}"), "."])?;
        for (key, value) in [
            ("http.receivepack", "true"),
            ("receive.hideRefs", "refs/pull"),
            ("receive.denyDeleteCurrent", "refuse"),
            ("uploadpack.allowAnySHA1InWant", "true"),
            ("uploadpack.allowFilter", "true"),
            ("core.logAllRefUpdates", "false"),
            ("gc.auto", "0"),
        ] {
            git.run(&["config", key, value])?;
        }
        Ok(git)
    }

    /// The directory, for `git http-backend`.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.args(arguments).current_dir(&self.dir);
        isolate(&mut command);
        command.env("GIT_DIR", &self.dir);
        command
    }

    /// Standard output of a git command that must succeed, without the trailing newline.
    pub fn run(&self, arguments: &[&str]) -> Result<String> {
        let output = self.output(arguments, &[], &[])?;
        Ok(String::from_utf8_lossy(&output).trim_end_matches('\n').to_owned())
    }

    /// As [`Git::run`], with bytes out.
    pub fn run_bytes(&self, arguments: &[&str]) -> Result<Vec<u8>> {
        self.output(arguments, &[], &[])
    }

    /// Output of a git command that may fail; `None` when it did.
    pub fn ask(&self, arguments: &[&str]) -> Result<Option<String>> {
        let output = self.command(arguments).stdin(Stdio::null()).output().context("git does not start")?;
        let text = String::from_utf8_lossy(&output.stdout).trim_end_matches('\n').to_owned();
        Ok(output.status.success().then_some(text))
    }

    /// Exit status and output of a git command whose status means something.
    fn outcome(&self, arguments: &[&str]) -> Result<Output> {
        self.command(arguments).stdin(Stdio::null()).output().context("git does not start")
    }

    fn output(&self, arguments: &[&str], input: &[u8], environment: &[(&str, &str)]) -> Result<Vec<u8>> {
        let mut command = self.command(arguments);
        command.envs(environment.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().context("git does not start")?;
        let mut stdin = child.stdin.take().context("git has no stdin")?;
        let output = std::thread::scope(|scope| {
            let writer = scope.spawn(move || stdin.write_all(input));
            let output = child.wait_with_output();
            // A git that stops reading early closes the pipe; its own exit status says whether that was wrong.
            if let Ok(Err(error)) = writer.join() {
                tracing::debug!(%error, "git closed its input early");
            }
            output
        })
        .context("git cannot be waited for")?;
        if !output.status.success() {
            bail!("git {} failed: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(output.stdout)
    }
}

/// Keeps the machine's own git settings, hooks and prompts out of a git process.
pub fn isolate(command: &mut Command) {
    command
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("LC_ALL", "C")
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .env_remove("GIT_INDEX_FILE");
}
