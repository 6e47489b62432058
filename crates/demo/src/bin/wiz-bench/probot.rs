//! The peer: a Probot app that stores each delivery in the same Postgres before it answers (`benches/probot`).

use std::{fs, process::Stdio, time::Duration};

use anyhow::{Context as _, Result, ensure};
use tokio::{
    net::TcpStream,
    process::{Child, Command},
};
use wiz_demo::{World, choose_port, project_root, until};

/// What the app consists of; its packages are installed beside the copy.
const FILES: [&str; 2] = ["package.json", "index.js"];
/// The first start compiles nothing, but the machine may be busy.
const START_DEADLINE: Duration = Duration::from_secs(60);

/// A running peer. It is killed when this is dropped.
pub struct Probot {
    /// Where it listens.
    pub port: u16,
    _process: Child,
}

impl Probot {
    /// Installs the app under `target/bench`, starts it on the world's database, and waits until it listens.
    pub async fn start(world: &World) -> Result<Self> {
        let source = project_root().join("benches/probot");
        let place = project_root().join("target/bench/probot");
        fs::create_dir_all(&place).context("cannot make a directory for the peer")?;
        for file in FILES {
            fs::copy(source.join(file), place.join(file)).with_context(|| format!("cannot copy {file}"))?;
        }
        let mut npm = Command::new("npm");
        npm.args(["install", "--silent", "--no-audit", "--no-fund"]).current_dir(&place).stdin(Stdio::null());
        let installed = npm.kill_on_drop(true).output().await.context("cannot run npm; install it")?;
        ensure!(installed.status.success(), "npm install failed: {}", String::from_utf8_lossy(&installed.stderr));
        let port = choose_port()?;
        let mut node = Command::new("node");
        node.arg("index.js").current_dir(&place).stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
        node.env("NODE_ENV", "production").env("PORT", port.to_string());
        node.env("PGHOST", world.database_socket()).env("PGUSER", "wiz").env("PGDATABASE", "postgres");
        node.env("APP_ID", world.hub().app_id().to_string()).env("PRIVATE_KEY", world.hub().private_key());
        node.env("WEBHOOK_SECRET", world.hub().webhook_secret());
        let mut process = node.spawn().context("cannot run node; install it")?;
        until("the Probot app listens", START_DEADLINE, async || {
            ensure!(process.try_wait()?.is_none(), "the Probot app has ended");
            Ok(TcpStream::connect(("127.0.0.1", port)).await.ok().map(drop))
        })
        .await?;
        Ok(Self { port, _process: process })
    }
}
