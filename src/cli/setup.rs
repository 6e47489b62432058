//! `wiz setup`: serves the page that registers the App, and keeps what comes of it.

use std::{
    fs,
    io::Write as _,
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use tempfile::NamedTempFile;
use tokio::{net::TcpListener, sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{
    config::{self, StoredApp},
    setup::{self, Registered, Setup},
    web,
};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Where the page is served; the browser that registers the App must reach it.
    #[arg(long, default_value = "127.0.0.1:4000")]
    listen: SocketAddr,
    /// The page's address as the browser knows it, where that is not what the browser says, such as behind a proxy.
    #[arg(long)]
    url: Option<Url>,
    /// Print the credentials as environment variables, for a secret store, and write no file.
    #[arg(long)]
    print: bool,
}

pub(super) async fn setup(arguments: Arguments) -> Result<ExitCode> {
    let data_dir = config::data_dir(&super::environment);
    refuse_if_configured(&data_dir)?;
    if let Some(url) = arguments.url.as_ref().filter(|url| !setup::is_origin(url)) {
        bail!("--url must be like https://wiz.example.com, without a path; this is {url}");
    }
    if !arguments.print {
        // GitHub gives the key once, so whether it can be kept is found out before.
        new_file(&data_dir)?;
    }
    let listener = TcpListener::bind(arguments.listen).await;
    let listener = listener.with_context(|| format!("cannot listen on {}", arguments.listen))?;
    let address = shown_address(listener.local_addr()?, arguments.url.as_ref());
    let public_url = super::environment("WIZ_PUBLIC_URL").and_then(|url| url.parse().ok());
    let token = setup::secret();
    let (sender, mut registered) = mpsc::channel(1);
    let page = Setup::new(token.clone(), arguments.url, public_url, sender);
    let shutdown = CancellationToken::new();
    let mut server = JoinSet::new();
    server.spawn(web::serve(listener, setup::router(Arc::new(page)), shutdown.clone()));
    writeln!(
        std::io::stderr(),
        "Open this page in a browser to register the App:\n\n  {address}/setup?token={token}\n"
    )?;
    let Registered { app, answer } = tokio::select! {
        registered = registered.recv() => registered.context("the page ended by itself")?,
        ended = server.join_next() => {
            ended.context("the page was not served")???;
            bail!("the page ended by itself");
        }
    };
    let kept = keep(&app, &data_dir, arguments.print);
    // The browser is told once the credentials are somewhere, and before the page is over.
    let _gone = answer.send(kept.is_ok());
    shutdown.cancel();
    while let Some(ended) = server.join_next().await {
        ended??;
    }
    kept
}

/// The page's address up to its path, for the terminal.
fn shown_address(listening: SocketAddr, url: Option<&Url>) -> String {
    match url {
        Some(url) => url.as_str().trim_end_matches('/').to_owned(),
        // No browser elsewhere finds a page at 0.0.0.0.
        None if listening.ip().is_unspecified() => format!("http://THIS-MACHINE:{}", listening.port()),
        None => format!("http://{listening}"),
    }
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

/// Keeps the credentials in their file, or prints them where that is wanted or nothing else is left.
fn keep(app: &StoredApp, data_dir: &Path, print_only: bool) -> Result<ExitCode> {
    if print_only {
        return print(app).map(|()| ExitCode::SUCCESS);
    }
    match store(app, data_dir) {
        Ok(path) => {
            let path = path.display();
            writeln!(
                std::io::stdout(),
                "The App is registered. Its credentials are in {path}, which wiz reads by itself."
            )?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            // First of all: nothing may come between them and whoever reads this.
            print(app)?;
            let _unread = writeln!(
                std::io::stderr(),
                "The App is registered, but its credentials could not be kept ({error:#}). They are printed, as GitHub gives \
                 them only once: put them into wiz's environment."
            );
            Ok(ExitCode::FAILURE)
        }
    }
}

fn print(app: &StoredApp) -> Result<()> {
    let mut out = std::io::stdout().lock();
    for (name, value) in app.settings() {
        // One line each, as files of variables want it; wiz reads \n as a line's end.
        writeln!(out, "{name}={}", value.trim_end().replace('\n', "\\n"))?;
    }
    Ok(())
}

fn store(app: &StoredApp, data_dir: &Path) -> Result<PathBuf> {
    let path = StoredApp::path(data_dir);
    let settings: std::collections::BTreeMap<_, _> = app.settings().into_iter().collect();
    let mut file = new_file(data_dir)?;
    file.write_all(serde_json::to_string_pretty(&settings)?.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist_noclobber(&path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// A file in the data directory that only this account can read; it goes again unless it is given a name.
fn new_file(data_dir: &Path) -> Result<NamedTempFile> {
    fs::create_dir_all(data_dir).with_context(|| format!("cannot create {}", data_dir.display()))?;
    let file = NamedTempFile::new_in(data_dir);
    let file = file.with_context(|| format!("cannot write into the data directory {}", data_dir.display()))?;
    file.as_file().set_permissions(fs::Permissions::from_mode(0o600))?;
    Ok(file)
}
