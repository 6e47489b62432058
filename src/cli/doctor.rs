//! `wiz doctor`: try every part of the set-up and say what is missing. Each line is one part; a failed one says what to
//! do. Parts that need another one are tried all the same, so that one run shows everything.

use std::{io::Write as _, process::ExitCode, time::Duration};

use anyhow::{Context as _, Result, ensure};

use crate::{
    config::Config,
    database::Database,
    github::{GitHub, GitHubError, InstalledApp, REQUIRED_PERMISSIONS, missing_permissions},
    llm::{Models, Pauses},
    sandbox::Docker,
};

/// Longest wait for one part.
const PART_DEADLINE: Duration = Duration::from_secs(30);

pub(super) async fn doctor() -> Result<ExitCode> {
    let config = match super::config() {
        Ok(config) => config,
        Err(faults) => {
            writeln!(std::io::stdout(), "configuration  FAILED\n{faults}")?;
            return Ok(ExitCode::FAILURE);
        }
    };
    writeln!(std::io::stdout(), "configuration  ok")?;
    let database = timed(Database::attach(&config.database)).await;
    let mut healthy = tell("database", database.as_ref().map(|_| "answers, schema is up to date".to_owned()))?;
    healthy &= tell("engine", timed(engine(&config)).await.as_ref().map(Clone::clone))?;
    healthy &= tell("github", timed(github(&config)).await.as_ref().map(Clone::clone))?;
    if let Ok(database) = database {
        let model = async {
            let models = Models::new(&config.models, database.pool().clone(), Pauses::default())?;
            Ok(models.introduce().await?)
        };
        healthy &= tell("model", timed(model).await.as_ref().map(Clone::clone))?;
        database.close().await?;
    }
    Ok(if healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn timed<T>(part: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(PART_DEADLINE, part).await.context("no answer within 30 s")?
}

fn tell(part: &str, outcome: Result<String, &anyhow::Error>) -> Result<bool> {
    let mut out = std::io::stdout().lock();
    match &outcome {
        Ok(detail) => writeln!(out, "{part:<14} ok: {detail}")?,
        Err(error) => writeln!(out, "{part:<14} FAILED: {error:#}")?,
    }
    Ok(outcome.is_ok())
}

async fn engine(config: &Config) -> Result<String> {
    let docker = Docker::connect(&config.sandbox).await?;
    let report = docker.ready().await?;
    ensure!(
        report.image_present,
        "it answers ({report}), but boxes need the image {}: make it with scripts/base-image, or name another one in \
         WIZ_IMAGE",
        config.sandbox.default_image
    );
    Ok(report.to_string())
}

async fn github(config: &Config) -> Result<String> {
    let github = GitHub::new(&config.github)?;
    let identity = github.identity().await.map_err(|error| {
        let unknown = matches!(error, GitHubError::Unauthorized(_) | GitHubError::NotFound(_));
        let told = if unknown {
            "GitHub does not know this App: check WIZ_GITHUB_APP_ID and the private key"
        } else {
            "GitHub cannot be asked: check WIZ_GITHUB_API_URL and the way there"
        };
        anyhow::Error::new(error).context(told)
    })?;
    let installations = github.installations().await.context("GitHub does not say where the App is installed")?;
    let installations = installations.unwrap_or_default();
    let lacking: Vec<String> = installations.iter().filter_map(|one| lacking(config, one)).collect();
    ensure!(lacking.is_empty(), "App {} is known, but an owner must act: {}", identity.slug, lacking.join("; "));
    Ok(format!(
        "App {} as {}, installed in {} place(s) with all {} permissions",
        identity.slug,
        identity.bot_login,
        installations.len(),
        REQUIRED_PERMISSIONS.len()
    ))
}

/// What an installation lacks, and where that is granted.
fn lacking(config: &Config, installed: &InstalledApp) -> Option<String> {
    let missing = missing_permissions(&installed.permissions);
    if missing.is_empty() {
        return None;
    }
    let missing: Vec<String> = missing.iter().map(|(name, level)| format!("{name}: {level}")).collect();
    let account = installed.account.as_ref().map_or("an account", |account| account.as_str());
    let github = config.github.web_url.as_str().trim_end_matches('/');
    Some(format!(
        "{account} has not granted {}, see {github}/settings/installations/{}",
        missing.join(", "),
        installed.id
    ))
}
