//! What an operator can type.
//!
//! Each command is one file that builds what it needs from the environment and ends with an exit code: 0 for done, 1
//! for a failure that is explained on standard error, 2 for a wrong command line. Results go to standard output, the
//! log to standard error.
//!
//! Read first: [`Cli`], then `serve.rs`, which puts the rooms together.

mod configuration;
mod doctor;
mod jobs;
pub mod log;
mod migrate;
mod policy_test;
mod replay;
mod serve;
mod setup;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::Config;

/// A self-hosted GitHub App that turns issues into planned, tested, reviewed pull requests.
#[derive(Debug, Parser)]
#[command(version, about)]
pub struct Cli {
    /// How log lines look.
    #[arg(long, env = "WIZ_LOG_FORMAT", value_enum, default_value_t = log::Format::Pretty, global = true)]
    pub log_format: log::Format,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve webhooks and work jobs, in one process.
    Serve,
    /// Work jobs only; webhooks are served elsewhere.
    Worker,
    /// Bring the database up to date and end.
    Migrate,
    /// Register the GitHub App in a browser.
    Setup(setup::Arguments),
    /// Check every part of the set-up and say what is missing.
    Doctor,
    /// Send a stored webhook payload to a running server, signed.
    Replay(replay::Arguments),
    /// Check policy files, and print their schema.
    #[command(subcommand)]
    Config(configuration::Command),
    /// See what another policy file would change.
    #[command(subcommand)]
    Policy(policy_test::Command),
    /// Look at the queue, and mend it.
    #[command(subcommand)]
    Jobs(jobs::Command),
}

impl Cli {
    /// Runs the command.
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Serve => serve::serve(&config()?, serve::Parts::WebAndWorker).await,
            Command::Worker => serve::serve(&config()?, serve::Parts::WorkerOnly).await,
            Command::Setup(arguments) => setup::setup(arguments).await,
            Command::Migrate => migrate::migrate().await,
            Command::Doctor => doctor::doctor().await,
            Command::Replay(arguments) => replay::replay(&arguments).await,
            Command::Config(command) => configuration::configuration(&command),
            Command::Policy(command) => policy_test::policy(&command).await,
            Command::Jobs(command) => jobs::jobs(&command).await,
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Text of strangers on a terminal, on one line: without what moves the cursor, changes the order or is not seen.
fn printable(text: &str) -> String {
    let is_seen = |c: char| {
        !c.is_control()
            && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    text.chars().filter(|c| is_seen(*c)).collect()
}

fn config() -> anyhow::Result<Config> {
    Ok(Config::from_environment(&environment)?)
}

/// Where the data lives; all that `migrate` and `jobs` need.
fn database_config() -> anyhow::Result<crate::config::DatabaseConfig> {
    crate::config::database(&environment).map_err(anyhow::Error::msg)
}
