//! `wiz setup`: serves the page that registers the App, and keeps what comes of it.

use std::{
    fs, io::Write as _, net::SocketAddr, os::unix::fs::PermissionsExt as _, path::Path, process::ExitCode, sync::Arc,
};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use tokio::{net::TcpListener, sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{
    config::{self, StoredApp},
    setup::{self, Setup},
    web,
};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Where the page is served; the browser that registers the App must reach it.
    #[arg(long, default_value = "127.0.0.1:4000")]
    listen: SocketAddr,
    /// Print the credentials as environment variables, for a secret store, and write no file.
    #[arg(long)]
    print: bool,
}

pub(super) async fn setup(arguments: Arguments) -> Result<ExitCode> {
    let data_dir = config::data_dir(&super::environment);
    refuse_if_configured(&data_dir)?;
    let listener = TcpListener::bind(arguments.listen).await;
    let listener = listener.with_context(|| format!("cannot listen on {}", arguments.listen))?;
    let own_url: Url = format!("http://{}/", listener.local_addr()?).parse()?;
    let public_url = super::environment("WIZ_PUBLIC_URL").and_then(|url| url.parse().ok());
    let token = setup::secret();
    let (sender, mut registered) = mpsc::channel(1);
    let page = Setup::new(token.clone(), own_url.clone(), public_url, sender);
    let shutdown = CancellationToken::new();
    let mut server = JoinSet::new();
    server.spawn(web::serve(listener, setup::router(Arc::new(page)), shutdown.clone()));
    writeln!(
        std::io::stderr(),
        "Open this page in a browser to register the App:\n\n  {own_url}setup?token={token}\n"
    )?;
    let app = tokio::select! {
        app = registered.recv() => app.context("the page ended by itself")?,
        ended = server.join_next() => {
            ended.context("the page was not served")???;
            bail!("the page ended by itself");
        }
    };
    let kept = keep(&app, &data_dir, arguments.print);
    // The answer to the browser goes out first.
    shutdown.cancel();
    while let Some(ended) = server.join_next().await {
        ended??;
    }
    kept?;
    Ok(ExitCode::SUCCESS)
}

/// Credentials that are there are never replaced: wiz would lose the App it runs as.
fn refuse_if_configured(data_dir: &Path) -> Result<()> {
    let path = StoredApp::path(data_dir);
    if path.exists() {
        bail!("an App is registered already, in {0}; remove {0} to register another one", path.display());
    }
    if super::environment("WIZ_GITHUB_APP_ID").is_some() {
        bail!("WIZ_GITHUB_APP_ID names an App already; unset it to register another one");
    }
    Ok(())
}

fn keep(app: &StoredApp, data_dir: &Path, print: bool) -> Result<()> {
    let mut out = std::io::stdout().lock();
    if print {
        for (name, value) in app.settings() {
            // One line each, as files of variables want it; wiz reads \n as a line's end.
            writeln!(out, "{name}={}", value.trim_end().replace('\n', "\\n"))?;
        }
        return Ok(());
    }
    fs::create_dir_all(data_dir).with_context(|| format!("cannot create {}", data_dir.display()))?;
    let path = StoredApp::path(data_dir);
    let settings: std::collections::BTreeMap<_, _> = app.settings().into_iter().collect();
    let mut file = tempfile::NamedTempFile::new_in(data_dir).context("cannot write into the data directory")?;
    file.as_file().set_permissions(fs::Permissions::from_mode(0o600))?;
    file.write_all(serde_json::to_string_pretty(&settings)?.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist_noclobber(&path).with_context(|| format!("cannot write {}", path.display()))?;
    writeln!(out, "The App is registered. Its credentials are in {}, which wiz reads by itself.", path.display())?;
    Ok(())
}
