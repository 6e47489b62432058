//! The proof from outside: upstream's own tests of the release that mended the bug, run on what wiz made of it.

use anyhow::{Context as _, Result, ensure};
use tokio::process::Command;

use crate::{case::Case, engine};

/// How upstream's tests ended on one commit.
#[derive(Debug, Clone)]
pub struct Verdict {
    pub passed: bool,
    /// What the tests wrote.
    pub output: String,
}

impl Verdict {
    /// The last line with words, where test runners sum up.
    pub fn last_line(&self) -> &str {
        let worded = |line: &&str| line.chars().any(char::is_alphabetic);
        self.output.lines().map(str::trim).rfind(worded).unwrap_or_default()
    }
}

/// Clones the repository at one commit and runs upstream's newer tests on it in a clean box.
pub async fn upstream_tests(case: &Case, image: &str, clone_url: &str, commit: &str) -> Result<Verdict> {
    let material = tempfile::tempdir().context("cannot make a directory")?;
    let merged = material.path().join("merged");
    git(&["clone", "--quiet", clone_url, &merged.to_string_lossy()]).await?;
    git(&["-C", &merged.to_string_lossy(), "checkout", "--quiet", "--detach", commit]).await?;
    for file in case.upstream_files().await? {
        let path = material.path().join("upstream").join(&file.path);
        std::fs::create_dir_all(path.parent().context("a file without a directory")?)?;
        std::fs::write(path, file.content)?;
    }
    let script = format!("set -e\nUPSTREAM=/material/upstream\ncd merged\n{}", case.outside_proof);
    let (code, output) = engine::run_in_clean_box(image, material.path(), &script).await?;
    Ok(Verdict { passed: code == 0, output })
}

async fn git(arguments: &[&str]) -> Result<()> {
    let output = Command::new("git").args(arguments).kill_on_drop(true).output().await.context("cannot run git")?;
    ensure!(output.status.success(), "git failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}
