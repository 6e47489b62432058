//! `github-stand-in serve`: a local GitHub in the foreground.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use github_stand_in::{Options, StandIn};
use tracing_subscriber::EnvFilter;

/// A local GitHub on real bare git repositories.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve until interrupted.
    Serve {
        /// Address to listen on.
        #[arg(long, default_value = "127.0.0.1:3999")]
        listen: SocketAddr,
        /// Where the bare repositories go; a temporary directory when absent.
        #[arg(long)]
        data: Option<PathBuf>,
        /// Root of the URLs handed out, if clients reach the stand-in by another address.
        #[arg(long)]
        public_url: Option<String>,
    },
}

#[tokio::main]
async fn main() -> Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).init();
    let Command::Serve { listen, data, public_url } = Arguments::parse().command;
    let stand_in = StandIn::start(Options { listen, data, public_url }).await?;
    tracing::info!(url = stand_in.url, "listening");
    tokio::signal::ctrl_c().await.context("cannot wait for the interrupt")?;
    stand_in.stop().await;
    Ok(())
}
