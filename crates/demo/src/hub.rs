//! The GitHub of a world: one repository, three people, wiz installed.
//!
//! A thin layer over the stand-in that speaks of what stories and tests ask: who said what, which pull requests and
//! checks are there. Read first: [`Hub`], [`Repo`].

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use github_stand_in::{
    StandIn,
    control::{AppHandle, Control, Human, NewApp, NewRepository},
    store::{Comment, Delivery, Issue, IssueState, PermissionSet, Role},
};

use serde::Deserialize;

use crate::case::{File, project_root};

/// The organisation that owns every repository here.
const OWNER: &str = "octo";
/// Who reports the bug, and may do no more than that.
const REPORTER: &str = "sam";
/// Who decides.
const MAINTAINER: &str = "maria";
/// Long enough for the ten seconds of a webhook on a busy machine.
const SETTLE_DEADLINE: Duration = Duration::from_secs(60);

/// What the App asks for: the manifest by which people register it.
#[derive(Debug, Deserialize)]
struct Manifest {
    default_permissions: PermissionSet,
    default_events: Vec<String>,
}

/// A local GitHub.
#[derive(Debug)]
pub struct Hub {
    stand_in: StandIn,
    app: AppHandle,
    full_name: String,
}

/// Who wrote a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpokenBy {
    Wiz,
    /// Anybody else, by login.
    Other(String),
}

/// A comment as it is shown.
#[derive(Debug, Clone)]
pub struct Shown {
    pub id: u64,
    /// The issue or pull request.
    pub number: u64,
    pub by: SpokenBy,
    pub body: String,
    /// Where a browser shows it.
    pub url: String,
}

/// A pull request.
#[derive(Debug, Clone)]
pub struct Pull {
    pub number: u64,
    pub by: SpokenBy,
    pub title: String,
    pub body: String,
    pub head_ref: String,
    pub head_sha: String,
    pub base_sha: String,
    pub merged: bool,
    pub merge_commit: Option<String>,
    /// Where a browser shows it.
    pub url: String,
}

/// A check run.
#[derive(Debug, Clone)]
pub struct Check {
    pub id: u64,
    pub name: String,
    pub head_sha: String,
    pub external_id: String,
    pub conclusion: Option<String>,
    pub title: String,
    pub summary: String,
    pub text: String,
    /// How it stood since it was made, one after the other.
    pub stood: Vec<String>,
    /// Where a browser shows it.
    pub url: String,
}

impl Shown {
    /// The text of the first Markdown heading.
    pub fn headline(&self) -> String {
        let heading = self.body.lines().find_map(|line| line.strip_prefix("### "));
        heading.unwrap_or_default().trim().to_owned()
    }
}

impl Hub {
    /// Makes a GitHub with one repository of these files, where the App is registered.
    pub async fn start(name: &str, files: Vec<File>) -> Result<Self> {
        let stand_in = StandIn::start(github_stand_in::Options::default()).await?;
        let (control, name) = (stand_in.control(), name.to_owned());
        // Keys and git block.
        let made = tokio::task::spawn_blocking(move || furnish(&control, &name, &files));
        let (app, full_name) = made.await.context("setting up GitHub panicked")??;
        Ok(Self { stand_in, app, full_name })
    }

    /// Installs the App on the repository, once wiz runs and can hear of it.
    pub fn install(&self, webhook_url: &str) -> Result<()> {
        self.stand_in.set_webhook_url(self.app.id, webhook_url)?;
        self.stand_in.install(self.app.id, &[&self.full_name]).map(drop)
    }

    /// The base of the REST API, of clones and of the pages.
    pub fn url(&self) -> String {
        self.stand_in.url.clone()
    }

    /// The stand-in's own controls, for faults and for looking closer.
    pub fn control(&self) -> &Control {
        &self.stand_in
    }

    /// The App's id.
    pub fn app_id(&self) -> u64 {
        self.app.id
    }

    /// The App's private key, in PEM.
    pub fn private_key(&self) -> String {
        self.app.private_key_pem.clone()
    }

    /// What signs deliveries.
    pub fn webhook_secret(&self) -> String {
        self.app.webhook_secret.clone()
    }

    /// The repository.
    pub fn repo(&self) -> Repo {
        self.repo_called(&self.full_name)
    }

    /// A repository by its present name, as after a rename.
    pub fn repo_called(&self, full_name: &str) -> Repo {
        Repo {
            control: self.stand_in.control(),
            full_name: full_name.to_owned(),
            page: format!("{}/{full_name}", self.stand_in.url),
            bot: self.app.bot_id,
        }
    }

    /// Where git clones the repository from.
    pub fn clone_url(&self) -> String {
        format!("{}/{}.git", self.stand_in.url, self.full_name)
    }

    /// Waits until every webhook under way was answered or given up.
    pub async fn settle(&self) -> Result<()> {
        self.stand_in.settle(SETTLE_DEADLINE).await
    }

    /// The last attempt of each delivery that wiz answered at no attempt. A wiz that is killed while it answers may have
    /// stored the delivery all the same.
    pub fn unanswered(&self) -> Vec<Delivery> {
        let mut last = BTreeMap::new();
        let mut taken = BTreeSet::new();
        for one in self.stand_in.deliveries() {
            if (200..300).contains(&one.status_code) {
                taken.insert(one.guid.clone());
            }
            last.insert(one.guid.clone(), one);
        }
        last.into_values().filter(|one| !taken.contains(&one.guid)).collect()
    }
}

fn furnish(control: &Control, name: &str, files: &[File]) -> Result<(AppHandle, String)> {
    control.create_organization(OWNER)?;
    for person in [REPORTER, MAINTAINER] {
        control.create_user(person)?;
    }
    let seed = tempfile::tempdir().context("cannot make a directory")?;
    write_files(seed.path(), files)?;
    let repository = control.create_repository(&NewRepository {
        owner: OWNER.to_owned(),
        name: name.to_owned(),
        seed: Some(seed.path().to_owned()),
        ..NewRepository::default()
    })?;
    control.set_role(&repository.full_name, REPORTER, Role::Read)?;
    control.set_role(&repository.full_name, MAINTAINER, Role::Maintain)?;
    let manifest = fs::read_to_string(project_root().join("app-manifest.yml")).context("cannot read the manifest")?;
    let manifest: Manifest = serde_norway::from_str(&manifest).context("the manifest cannot be used")?;
    let app = control.create_app(&NewApp {
        slug: "wiz".to_owned(),
        owner: OWNER.to_owned(),
        permissions: manifest.default_permissions,
        events: manifest.default_events,
        ..NewApp::default()
    })?;
    Ok((app, repository.full_name))
}

fn write_files(directory: &Path, files: &[File]) -> Result<()> {
    for file in files {
        let path = directory.join(&file.path);
        fs::create_dir_all(path.parent().context("a file without a directory")?)?;
        fs::write(&path, &file.content).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// The world's repository, looked at from outside.
#[derive(Debug, Clone)]
pub struct Repo {
    pub(crate) control: Control,
    full_name: String,
    page: String,
    bot: u64,
}

impl Repo {
    /// `owner/name`.
    pub fn full_name(&self) -> &str {
        &self.full_name
    }

    /// The same repository after it was renamed.
    #[must_use]
    pub fn called(&self, name: &str) -> Self {
        let full_name = format!("{OWNER}/{name}");
        let start = self.page.strip_suffix(&self.full_name).unwrap_or(&self.page);
        Self { page: format!("{start}{full_name}"), full_name, ..self.clone() }
    }

    /// Where a browser shows the repository.
    pub fn page(&self) -> &str {
        &self.page
    }

    /// Who reports the bug.
    pub fn reporter(&self) -> Result<Human> {
        self.control.act_as(REPORTER)
    }

    /// Who decides.
    pub fn maintainer(&self) -> Result<Human> {
        self.control.act_as(MAINTAINER)
    }

    /// Where a browser shows an issue.
    pub fn issue_url(&self, number: u64) -> String {
        format!("{}/issues/{number}", self.page)
    }

    /// Where a browser shows a comment.
    pub fn comment_url(&self, number: u64, comment: u64) -> String {
        format!("{}/issues/{number}#issuecomment-{comment}", self.page)
    }

    /// Where a browser shows a pull request.
    pub fn pull_url(&self, number: u64) -> String {
        format!("{}/pull/{number}", self.page)
    }

    /// Whether wiz has put 👀 on a comment.
    pub fn has_eyes(&self, comment: u64) -> Result<bool> {
        let repository = self.control.repository(&self.full_name)?;
        let comment = repository.comments.get(&comment).context("no such comment")?;
        Ok(comment.reactions.iter().any(|reaction| reaction.user == self.bot && reaction.content == "eyes"))
    }

    /// Every comment of the repository, oldest first.
    pub fn all_comments(&self) -> Result<Vec<Shown>> {
        let repository = self.control.repository(&self.full_name)?;
        Ok(repository.comments.into_values().map(|comment| self.shown(comment)).collect())
    }

    /// What wiz has said, oldest first.
    pub fn wiz_comments(&self) -> Result<Vec<Shown>> {
        Ok(self.all_comments()?.into_iter().filter(|comment| comment.by == SpokenBy::Wiz).collect())
    }

    /// A comment, if it is there.
    pub fn comment(&self, id: u64) -> Result<Option<Shown>> {
        Ok(self.all_comments()?.into_iter().find(|comment| comment.id == id))
    }

    /// Whether an issue is closed.
    pub fn is_closed(&self, number: u64) -> Result<bool> {
        Ok(self.control.issue(&self.full_name, number)?.state == IssueState::Closed)
    }

    /// Every pull request, oldest first.
    pub fn pulls(&self) -> Result<Vec<Pull>> {
        let pulls = self.control.pull_requests(&self.full_name)?;
        Ok(pulls.into_iter().filter_map(|issue| self.pull(issue)).collect())
    }

    /// Every check run, oldest first.
    pub fn checks(&self) -> Result<Vec<Check>> {
        let runs = self.control.check_runs(&self.full_name)?;
        let checks = runs.into_iter().map(|run| Check {
            id: run.id,
            name: run.name,
            head_sha: run.head_sha,
            external_id: run.external_id,
            conclusion: run.conclusion,
            title: run.output.title.unwrap_or_default(),
            summary: run.output.summary.unwrap_or_default(),
            text: run.output.text.unwrap_or_default(),
            stood: run.stood,
            url: format!("{}/runs/{}", self.page, run.id),
        });
        Ok(checks.collect())
    }

    /// Whether GitHub shows the commit as verified.
    pub fn is_verified(&self, sha: &str) -> Result<bool> {
        Ok(self.control.repository(&self.full_name)?.signed_commits.contains(sha))
    }

    /// The pull request with this number, as it stands.
    pub fn pull_request(&self, number: u64) -> Result<Pull> {
        let found = self.pulls()?.into_iter().find(|pull| pull.number == number);
        found.context("the pull request is gone")
    }

    /// Asks git itself about the repository, and gives what it wrote.
    pub fn git(&self, arguments: &[&str]) -> Result<String> {
        let directory = self.control.git_dir(&self.full_name)?;
        let output = Command::new("git").arg("--git-dir").arg(directory).args(arguments).output();
        let output = output.context("cannot run git")?;
        ensure!(output.status.success(), "git failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }

    pub(crate) fn spoken_by(&self, account: u64) -> SpokenBy {
        if account == self.bot { SpokenBy::Wiz } else { SpokenBy::Other(self.control.login(account)) }
    }

    fn shown(&self, comment: Comment) -> Shown {
        Shown {
            id: comment.id,
            number: comment.issue,
            by: self.spoken_by(comment.user),
            url: self.comment_url(comment.issue, comment.id),
            body: comment.body,
        }
    }

    fn pull(&self, issue: Issue) -> Option<Pull> {
        let pull = issue.pull?;
        Some(Pull {
            number: issue.number,
            by: self.spoken_by(issue.user),
            title: issue.title,
            body: issue.body.unwrap_or_default(),
            head_ref: pull.head_ref,
            head_sha: pull.head_sha,
            base_sha: pull.base_sha,
            merged: pull.merged_at.is_some(),
            merge_commit: pull.merge_commit_sha,
            url: self.pull_url(issue.number),
        })
    }
}
