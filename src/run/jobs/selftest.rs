//! Tries every part that a run needs, on the repository where somebody asked for it, and says in one comment what works,
//! how long it took, and what is missing.
//!
//! What it makes is found or made, and named after the comment that asked, so that a repetition makes nothing twice. The
//! branch goes again; the check run stays, neutral, since nobody can delete one. No model is asked: that costs money.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};

use super::{Completed, JobFailure, Lease, Services, complete, is_suspended, retry, store};
use crate::{
    github::{
        CheckIdentity, CheckRun, CheckRunOutput, CheckState, Conclusion, GitHubError, Installation, StickyComment,
    },
    ids::{BranchName, CommitSha, RepositoryName, RunId},
    llm::ModelError,
    report::{self, Marker, MarkerKind, TriedPart},
    run::{policies, task::Selftest, view},
    sandbox::{BoxKey, BoxLimits, BoxSpec, Command, CommandEnd, SandboxError},
};

/// The check run's name on GitHub.
const CHECK_NAME: &str = "wiz self-test";

/// Longest wait for one part, so that a part that hangs is a finding as well.
const PART_DEADLINE: Duration = Duration::from_secs(60);

/// A box of the self-test lives no longer, whatever becomes of wiz.
const BOX_DEADLINE: Duration = Duration::from_secs(5 * 60);

/// The answer comes after the question, but GitHub's clock is another one.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::days(1);

/// Boxes of no run are swept up by this number; runs count from 1.
const NO_RUN: RunId = RunId(0);

pub(super) async fn execute(services: &Services, lease: &Lease, asked: &Selftest) -> Result<Completed, JobFailure> {
    if !is_suspended(services, asked.installation).await? {
        let name = store::repository_name(&mut *services.pool.acquire().await?, asked.repository).await?;
        let github = services.github.installation(asked.installation);
        let trial = Trial { services, github: &github, name: &name, asked, claimed: Utc::now() };
        trial.run().await.map_err(retry)?;
    }
    complete(services, lease).await
}

struct Trial<'a> {
    services: &'a Services,
    github: &'a Installation,
    name: &'a RepositoryName,
    asked: &'a Selftest,
    claimed: DateTime<Utc>,
}

impl Trial<'_> {
    async fn run(&self) -> Result<()> {
        let mut parts = vec![
            part(
                "webhook",
                since(self.asked.said_at, self.asked.heard_at),
                "GitHub's delivery came, and its signature fits",
            ),
            part("queue", since(self.asked.heard_at, self.claimed), "a worker took the job"),
        ];
        let begun = Instant::now();
        self.say(&parts, false).await?;
        let commenting = begun.elapsed();
        parts.push(self.permissions().await);
        parts.push(tried("box", self.a_box()).await);
        parts.push(tried("model", self.model()).await);
        match self.github.default_head(self.name).await {
            Ok(Some((_, head))) => {
                parts.push(tried("branch", self.branch(&head)).await);
                parts.push(tried("check", self.check(&head)).await);
            }
            Ok(None) => parts.push(tried("branch", async { anyhow::bail!("the repository is empty") }).await),
            Err(error @ GitHubError::Forbidden(_)) => {
                parts.push(tried("branch", async { Err(error.into()) }).await);
            }
            Err(error) => return Err(error.into()),
        }
        parts.push(part("comment", commenting, "this one, edited in place"));
        self.say(&parts, true).await
    }

    async fn say(&self, parts: &[TriedPart], is_over: bool) -> Result<()> {
        let key = self.services.settings.marker_key.bytes();
        let marker = Marker { run: None, kind: MarkerKind::Reply(self.asked.comment) };
        let wanted = StickyComment {
            repository: self.name,
            issue: self.asked.issue,
            body: &marker.append_to(&report::selftest(parts, is_over), key),
            is_it: &|text| Marker::find(text, key) == Some(marker),
            since: Some(self.asked.heard_at - CLOCKS_DIFFER),
        };
        self.github.find_or_create_comment(&wanted).await.context("cannot comment")?;
        Ok(())
    }

    async fn permissions(&self) -> TriedPart {
        let mut settings = None;
        let look = async {
            let installed = self.services.github.installed(self.asked.installation).await?;
            let Some(missing) = view::ungranted(self.services, installed.id, &installed.permissions) else {
                return Ok("all granted".to_owned());
            };
            let names = missing.permissions.iter().map(|(permission, level)| format!("{permission}: {level}"));
            let names = names.collect::<Vec<_>>().join(", ");
            settings = Some(missing.url);
            anyhow::bail!("an owner must grant {names}")
        };
        let tried = tried("permissions", look).await;
        TriedPart { mended_at: settings, ..tried }
    }

    async fn a_box(&self) -> Result<String> {
        let rules = policies::now(self.services, self.name, self.asked.installation).await?;
        let named = rules.ok().and_then(|rules| rules.policy.image);
        let image = named.unwrap_or_else(|| self.services.settings.default_image.clone());
        let key = BoxKey { run: NO_RUN, name: format!("selftest-{}", self.asked.comment) };
        let spec = BoxSpec { key, image: image.clone(), limits: BoxLimits::default(), deadline: BOX_DEADLINE };
        let open_box = self.services.docker.create(&spec).await?;
        let command = Command { script: "true".to_owned(), timeout: PART_DEADLINE, env: vec![] };
        let ran = open_box.run(&command).await;
        open_box.close().await?;
        ensure!(ran?.end == CommandEnd::Exited(0), "a command in a box of {image} did not end well");
        Ok(format!("a command ran in a box of {image}, and its walls stand"))
    }

    async fn model(&self) -> Result<String> {
        let words = match self.services.models.introduce().await {
            // What a provider says besides may be for the operator alone.
            Err(error @ ModelError::Auth { .. }) => anyhow::bail!("{error}"),
            words => words.context("the operator must mend the model's settings; the log says how")?,
        };
        Ok(format!("{words}; it was asked nothing, since that costs money"))
    }

    /// Makes a branch and takes it away again.
    async fn branch(&self, head: &CommitSha) -> Result<String> {
        let branch: BranchName = format!("wiz/selftest-{}", self.asked.comment).parse()?;
        match self.github.create_branch(self.name, self.asked.repository, &branch, head).await {
            // An earlier try has made it.
            Ok(_) | Err(GitHubError::Invalid(_) | GitHubError::Ambiguous(_)) => {}
            Err(error) => return Err(error.into()),
        }
        let made = self.github.branch(self.name, &branch).await?;
        ensure!(made.as_ref() == Some(head), "GitHub did not make the branch; Contents: write lets it");
        self.github.delete_branch(self.name, self.asked.repository, &branch).await?;
        Ok("one was made and deleted".to_owned())
    }

    async fn check(&self, head: &CommitSha) -> Result<String> {
        let check = CheckRun {
            name: CHECK_NAME.to_owned(),
            external_id: format!("wiz-selftest-{}", self.asked.comment),
            identity: CheckIdentity::Key,
            head_sha: head.clone(),
            details_url: None,
            state: CheckState::Completed { conclusion: Conclusion::Neutral, at: self.asked.heard_at },
            output: CheckRunOutput {
                title: "wiz can write check runs here".to_owned(),
                summary: "Somebody asked for it with `/wiz selftest`.".to_owned(),
                text: None,
            },
            annotations: vec![],
            actions: vec![],
        };
        self.github.find_or_create_check(self.name, &check).await?;
        Ok("a neutral one stands on the default branch".to_owned())
    }
}

async fn tried(name: &'static str, trial: impl Future<Output = Result<String>>) -> TriedPart {
    let begun = Instant::now();
    let outcome = match tokio::time::timeout(PART_DEADLINE, trial).await {
        Ok(Ok(words)) => Ok(words),
        Ok(Err(error)) => {
            tracing::warn!(part = name, "the self-test found a fault: {error:#}");
            Err(told(&error))
        }
        Err(_) => Err(format!("no answer within {} s", PART_DEADLINE.as_secs())),
    };
    TriedPart { name, took: begun.elapsed(), outcome, mended_at: None }
}

/// What a person can do about it. What GitHub and the engine said in detail is for the log.
fn told(error: &anyhow::Error) -> String {
    if let Some(error) = error.downcast_ref::<SandboxError>() {
        return told_of_box(error);
    }
    match error.downcast_ref::<GitHubError>() {
        Some(GitHubError::Forbidden(_) | GitHubError::Invalid(_) | GitHubError::NotFound(_)) => {
            "GitHub refused; the permissions above or a rule of this repository forbid it".to_owned()
        }
        Some(GitHubError::RateLimited { until, .. }) => {
            format!("GitHub's limit holds until {}", until.format("%H:%M UTC"))
        }
        Some(
            GitHubError::Transient(_)
            | GitHubError::Ambiguous(_)
            | GitHubError::Gone(_)
            | GitHubError::Conflict(_)
            | GitHubError::Unauthorized(_),
        ) => "GitHub gave no good answer; the operator's log has it".to_owned(),
        None => error.to_string(),
    }
}

fn told_of_box(error: &SandboxError) -> String {
    match error {
        SandboxError::ImageMissing { image } => {
            format!("the image {image} is not on this server: the operator pulls it, or `image:` names another")
        }
        SandboxError::WallBroken { wall, .. } => {
            format!("a wall of the box does not stand on this server ({wall}); the operator's log has the evidence")
        }
        SandboxError::EngineUnavailable { .. }
        | SandboxError::RunnerMissing { .. }
        | SandboxError::BadSpec { .. }
        | SandboxError::BoxDied { .. }
        | SandboxError::PathRefused { .. }
        | SandboxError::NotFound { .. }
        | SandboxError::NotText { .. }
        | SandboxError::Edit(_)
        | SandboxError::TooLarge { .. }
        | SandboxError::Exhausted { .. }
        | SandboxError::Timeout { .. }
        | SandboxError::Runner { .. } => "no box could be made and used; the operator's log has the reason".to_owned(),
    }
}

fn part(name: &'static str, took: Duration, words: &str) -> TriedPart {
    TriedPart { name, took, outcome: Ok(words.to_owned()), mended_at: None }
}

/// The time between two moments that two clocks may have told.
fn since(from: DateTime<Utc>, to: DateTime<Utc>) -> Duration {
    (to - from).max(TimeDelta::zero()).to_std().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_failed_says_what_a_person_can_do() {
        let until = "2026-01-01T12:34:00Z".parse().unwrap();
        let errors = [
            GitHubError::Forbidden(Default::default()).into(),
            GitHubError::RateLimited { until, detail: Default::default() }.into(),
            GitHubError::Transient(Default::default()).into(),
            anyhow::anyhow!("an owner must grant checks: write"),
            SandboxError::ImageMissing { image: "octo/ci:1".to_owned() }.into(),
            SandboxError::WallBroken { wall: "no network", evidence: "GET 10.0.0.1: 200".to_owned() }.into(),
            SandboxError::Timeout { doing: "start" }.into(),
        ];
        insta::assert_snapshot!(errors.map(|error| told(&error)).join("\n"), @r"
        GitHub refused; the permissions above or a rule of this repository forbid it
        GitHub's limit holds until 12:34 UTC
        GitHub gave no good answer; the operator's log has it
        an owner must grant checks: write
        the image octo/ci:1 is not on this server: the operator pulls it, or `image:` names another
        a wall of the box does not stand on this server (no network); the operator's log has the evidence
        no box could be made and used; the operator's log has the reason
        ");
    }
}
