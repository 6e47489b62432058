//! `scripted-model`: plays scripts as a model server until interrupted.

use std::{net::SocketAddr, path::PathBuf};

use anyhow::Context as _;
use clap::Parser;
use scripted_model::{Script, ScriptedModel};

/// A model server that plays a script.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// A script in YAML; several are played as one.
    #[arg(long, required = true)]
    script: Vec<PathBuf>,
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:4141")]
    listen: SocketAddr,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt().init();
    let options = Options::parse();
    let mut script = Script { canaries: Vec::new(), max_body_bytes: 0, scenes: Vec::new() };
    for path in &options.script {
        let yaml = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        script.extend(Script::from_yaml(&yaml).with_context(|| format!("in {}", path.display()))?);
    }
    let scenes = script.scenes.len();
    let model = ScriptedModel::listen(script, options.listen).await?;
    tracing::info!(url = model.url(), scenes, "playing");
    tokio::signal::ctrl_c().await.context("cannot wait for an interrupt")?;
    for fault in model.faults() {
        tracing::warn!(fault, "a request broke the rules");
    }
    Ok(())
}
