//! A repository at one commit, as a run needs it: its files, its policy, its instructions to agents.
//!
//! Rules and instructions come from the base branch's commit through the host's bare mirror, never from a pull request's
//! head, so a change under review cannot widen what wiz may do.

use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;

use super::{services::Services, store::StoredRun, workspace};
use crate::{
    github::{Purpose, mirror::EntryMode},
    ids::{CommitSha, IssueNumber},
    patch::{self, BaseTree, BlobId, FileMode, LineCount, Listing, Patch},
    policy::{self, CheckCommand, Layer, PolicyFault, RepositoryPolicy},
    sandbox::SourceFile,
};

/// Files by which a repository instructs agents, best first. <https://agents.md>
const INSTRUCTION_PATHS: [&str; 4] = ["AGENTS.md", "CLAUDE.md", "GEMINI.md", ".github/copilot-instructions.md"];

/// Longest time one criterion's command may take, where the policy says nothing of it.
const CRITERION_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// Most files named in the overview; a larger repository is explored with tools.
const OVERVIEW_FILES: usize = 600;

/// What a check run's `external_id` starts with; the run's number follows.
pub const CHECK_RUN_PREFIX: &str = "wiz-run-";

/// The same of one that judges a policy file; the file's path follows.
pub const POLICY_CHECK_PREFIX: &str = "wiz-policy-";

/// The policy at the base commit cannot be read, so nobody knows what it forbids.
#[derive(Debug, thiserror::Error)]
#[error("the policy has {} fault(s)", .0.len())]
pub struct FaultyPolicy(pub Vec<PolicyFault>);

/// A repository at one commit.
pub struct Project {
    pub files: Vec<SourceFile>,
    /// The same tree as records are checked against it, with what no box is shown.
    pub base: BaseTree,
    /// The same tree as git hashes it.
    pub listing: Listing,
    /// The files that the plan was made for, where the work starts from others.
    origin: Option<Vec<SourceFile>>,
    /// Whether the branch of the pull request began at these files.
    origin_is_base: bool,
    instructions: Option<(&'static str, String)>,
    pub policy: RepositoryPolicy,
    pub image: String,
    /// Commands that prepare a fresh box.
    pub setup: Vec<String>,
    /// Commands that must pass: the policy's, or what the project's kind suggests.
    pub checks: Vec<CheckCommand>,
}

impl Project {
    /// The head of the branch the run starts from; none when there is no such branch. The default branch's is fetched on
    /// this occasion.
    pub async fn head(services: &Services, stored: &StoredRun) -> anyhow::Result<Option<CommitSha>> {
        let github = services.github.installation(stored.installation);
        if *stored.base_branch() != stored.default_branch {
            return Ok(github.branch(&stored.repository_name, stored.base_branch()).await?);
        }
        let token = github.token(Purpose::Fetch(stored.repository)).await?;
        let mirror = services.mirrors.mirror(stored.repository, &stored.repository_name)?;
        mirror.fetch_head(&token).await.map(Some).context("cannot fetch the default branch")
    }

    /// Fetches `commit` and reads the project.
    pub async fn at(services: &Services, stored: &StoredRun, commit: &CommitSha) -> anyhow::Result<Self> {
        let (files, base, listing) = tree_at(services, stored, commit).await?;
        let policy = match &stored.options.base {
            Some(branch) if *branch != stored.default_branch => default_policy(services, stored).await?,
            Some(_) | None => {
                files.iter().find(|file| file.path == policy::POLICY_PATH).map(|file| file.content.clone())
            }
        };
        let own = policy.map(|file| policy::parse_layer(Layer::Repository, &file)).transpose().map_err(FaultyPolicy)?;
        let github = services.github.installation(stored.installation);
        let outer = services.policies.outer(&github, &stored.repository_name).await?.map_err(FaultyPolicy)?;
        let policy = policy::combine(&outer, own.unwrap_or_default()).policy;
        Ok(Self { listing, ..Self::of(files, base, policy, &services.settings.default_image) })
    }

    /// What the work under way starts from: the plan's base or, for a follow-up, the files of the pull request's head
    /// under the rules of the base.
    pub async fn under_way(services: &Services, stored: &StoredRun) -> anyhow::Result<Self> {
        let progress = &stored.run.progress;
        let current = progress.plan.as_ref().context("a run without a plan has nothing to work on")?;
        let project = Self::at(services, stored, &current.base).await?;
        let Some(follow_up) = &progress.follow_up else { return Ok(project) };
        let head = follow_up.head.as_ref().context("the follow-up has not begun")?;
        if let Some(pull_request) = progress.pull_request.as_ref().filter(|pull_request| pull_request.fork) {
            return Self::of_pull(services, stored, &current.base, (pull_request.number, head)).await;
        }
        let (files, base, listing) = tree_at(services, stored, head).await?;
        let opened = progress.pull_request.as_ref().is_some_and(|pull_request| stored.has_opened(pull_request.number));
        Ok(Self { files, base, listing, origin: Some(project.files), origin_is_base: opened, ..project })
    }

    /// The files of a pull request's head, wherever its branch lies, under the rules of `base`.
    pub async fn of_pull(
        services: &Services,
        stored: &StoredRun,
        base: &CommitSha,
        (pull, head): (IssueNumber, &CommitSha),
    ) -> anyhow::Result<Self> {
        let project = Self::at(services, stored, base).await?;
        let github = services.github.installation(stored.installation);
        let token = github.token(Purpose::Fetch(stored.repository)).await?;
        let mirror = services.mirrors.mirror(stored.repository, &stored.repository_name)?;
        mirror.fetch_pull(pull, head, &token).await.context("cannot fetch the pull request's head")?;
        let (files, base, listing) = tree_at(services, stored, head).await?;
        Ok(Self { files, base, listing, origin: Some(project.files), ..project })
    }

    /// The files that the plan was made for: where a criterion must fail first.
    pub fn origin(&self) -> &[SourceFile] {
        self.origin.as_ref().unwrap_or(&self.files)
    }

    /// The tests that are new since the files the plan was made for, once `patch` is applied.
    pub fn tests_since_origin(&self, patch: &Patch) -> Patch {
        match &self.origin {
            None => workspace::test_part(patch),
            Some(origin) => workspace::test_part(&workspace::difference(origin, &workspace::apply(&self.files, patch))),
        }
    }

    /// What the pull request changes in all once `patch` is applied, where the work starts from its head. The files that the
    /// plan was made for tell that only of a pull request that the run has opened; see [`Project::under_way`].
    pub fn changes_since_origin(&self, patch: &Patch) -> Option<Vec<LineCount>> {
        let origin = self.origin.as_ref().filter(|_| self.origin_is_base)?;
        let base: BaseTree = origin.iter().map(workspace::base_entry).collect();
        let whole = workspace::difference(origin, &workspace::apply(&self.files, patch));
        let content = |path: &str| origin.iter().find(|file| file.path == path).map(|file| file.content.clone());
        Some(patch::line_counts(&whole, &base, &content))
    }

    fn of(files: Vec<SourceFile>, base: BaseTree, policy: RepositoryPolicy, default_image: &str) -> Self {
        let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        let detected = policy::detect_project(&paths, &|path| workspace::text_of(&files, path).map(str::to_owned));
        let image = policy.image.clone().unwrap_or_else(|| default_image.to_owned());
        let setup = if policy.setup.is_empty() { detected.setup } else { policy.setup.clone() };
        let checks = if policy.checks.is_empty() { detected.checks } else { policy.checks.clone() };
        let instructions = workspace::first_text(&files, &INSTRUCTION_PATHS);
        let instructions = instructions.map(|(path, text)| (path, text.to_owned()));
        Self {
            policy,
            image,
            setup,
            checks,
            instructions,
            files,
            base,
            listing: Listing::default(),
            origin: None,
            origin_is_base: false,
        }
    }

    /// How long a criterion's command may take: what the policy says of the same command, or the usual time.
    pub fn timeout_of(&self, command: &str) -> Duration {
        let check = self.policy.checks.iter().find(|check| check.run.trim() == command.trim());
        check.map_or(CRITERION_TIMEOUT, |check| Duration::from_secs(check.timeout_s.into()))
    }

    /// The content of one file.
    pub fn content(&self, path: &str) -> Option<Bytes> {
        self.files.iter().find(|file| file.path == path).map(|file| file.content.clone())
    }

    /// The list of files with their sizes, cut to [`OVERVIEW_FILES`].
    pub fn overview(&self) -> String {
        let shown = self.files.iter().take(OVERVIEW_FILES);
        let mut lines: Vec<String> =
            shown.map(|file| format!("{} ({} bytes)", file.path, file.content.len())).collect();
        if self.files.len() > OVERVIEW_FILES {
            lines.push(format!("… and {} more files", self.files.len() - OVERVIEW_FILES));
        }
        lines.join("\n")
    }

    /// What the repository tells agents: the file's name and its text.
    pub fn instructions(&self) -> Option<(&'static str, &str)> {
        self.instructions.as_ref().map(|(path, text)| (*path, text.as_str()))
    }
}

/// The files of one commit, and the tree as records are checked against it and as git hashes it.
pub async fn tree_at(
    services: &Services,
    stored: &StoredRun,
    commit: &CommitSha,
) -> anyhow::Result<(Vec<SourceFile>, BaseTree, Listing)> {
    let github = services.github.installation(stored.installation);
    let token = github.token(Purpose::Fetch(stored.repository)).await?;
    let mirror = services.mirrors.mirror(stored.repository, &stored.repository_name)?;
    mirror.fetch(commit, &token).await.context("cannot fetch the commit")?;
    let tree = mirror.tree(commit).await?;
    let (base, listing) = (tree.base(), tree.listing);
    let entries: Vec<(String, FileMode, BlobId)> = tree
        .entries
        .into_iter()
        .filter_map(|entry| match entry.mode {
            EntryMode::File(mode) => Some((entry.path, mode, entry.blob)),
            // A link may lead anywhere and a submodule is not here; both stay as they are.
            EntryMode::Symlink | EntryMode::Submodule => None,
        })
        .collect();
    let ids: Vec<BlobId> = entries.iter().map(|(_, _, blob)| blob.clone()).collect();
    let contents = mirror.blobs(&ids).await?;
    let files = entries
        .into_iter()
        .zip(contents)
        .map(|((path, mode, blob), content)| workspace::source_file(path, mode, content, &blob))
        .collect();
    Ok((files, base, listing))
}

/// Largest policy file that is read; a longer one is no policy a person keeps.
const POLICY_BYTES: u64 = 64 * 1024;

/// The policy file of the default branch: whoever may choose a branch to start from does not choose the rules.
async fn default_policy(services: &Services, stored: &StoredRun) -> anyhow::Result<Option<Bytes>> {
    let github = services.github.installation(stored.installation);
    let Some(head) = github.head(&stored.repository_name).await? else { return Ok(None) };
    Ok(github.file(&stored.repository_name, &head, policy::POLICY_PATH, POLICY_BYTES).await?)
}
