//! The peer: a Probot app of a few lines (`benches/probot/`) that stores each delivery in the same Postgres.

use std::{fs::File, path::Path, process::Stdio, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use tokio::process::{Child, Command};
use wiz_demo::{Hub, choose_port, http_client, project_root, store::Store, until};

use crate::store;

/// Its database on wiz's server.
const DATABASE: &str = "probot";
/// Starting Node with Probot on a busy machine.
const READY_DEADLINE: Duration = Duration::from_secs(60);

/// A running Probot app; killed when this is dropped.
#[derive(Debug)]
pub struct Peer {
    child: Child,
    pub url: String,
    pub store: Store,
}

impl Peer {
    /// Installs it if need be, gives it a database on wiz's server, and starts it.
    ///
    /// # Errors
    /// When it cannot be installed, as on a machine without Node.
    pub async fn start(hub: &Hub, wiz: &Store, socket: &Path, log: &Path) -> Result<Self> {
        let installed = Command::new(project_root().join("scripts/install-peer")).output().await?;
        ensure!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr).trim());
        let home = String::from_utf8(installed.stdout).context("a path that is not UTF-8")?;
        store::create_peer_database(wiz.pool(), DATABASE).await?;
        let host = socket.to_str().context("a path that is not UTF-8")?;
        let store = Store::at(&format!("postgres://wiz@localhost/{DATABASE}?host={host}")).await?;
        store::create_peer_table(store.pool()).await?;
        let (port, log) = (choose_port()?, File::create(log)?);
        let inherited = std::env::vars_os().filter(|(name, _)| name == "PATH" || name == "HOME");
        let mut child = Command::new("node")
            .arg("app.js")
            .current_dir(home.trim())
            .env_clear()
            .envs(inherited)
            .env("NODE_ENV", "production")
            .env("HOST", "127.0.0.1")
            .env("PORT", port.to_string())
            .env("APP_ID", hub.app_id().to_string())
            .env("PRIVATE_KEY", hub.private_key())
            .env("WEBHOOK_SECRET", hub.webhook_secret())
            .env("PGHOST", host)
            .env("PGUSER", "wiz")
            .env("PGDATABASE", DATABASE)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .context("cannot run node")?;
        let url = format!("http://127.0.0.1:{port}");
        let client = http_client(Duration::from_secs(5))?;
        let ready = until("Probot answers", READY_DEADLINE, async || {
            if let Some(status) = child.try_wait()? {
                bail!("node ended with {status}");
            }
            Ok(client.get(format!("{url}/ping")).send().await.ok().map(drop))
        });
        ready.await?;
        Ok(Self { child, url: format!("{url}/api/github/webhooks"), store })
    }

    /// What it is made of, with versions.
    pub fn parts(&self) -> Result<String> {
        let text = std::fs::read_to_string(project_root().join("benches/probot/package.json"))?;
        let package: serde_json::Value = serde_json::from_str(&text)?;
        let parts = package["dependencies"].as_object().context("a package without dependencies")?;
        Ok(parts
            .iter()
            .map(|(name, version)| format!("{name} {version}"))
            .collect::<Vec<_>>()
            .join(", ")
            .replace('"', ""))
    }

    /// Its process id.
    pub fn pid(&self) -> Result<u32> {
        self.child.id().context("node has ended")
    }
}
