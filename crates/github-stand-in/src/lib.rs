//! A local GitHub on real bare git repositories, for demos and tests of GitHub Apps.
//!
//! It is strict where GitHub is strict: every exchange and every webhook is judged by GitHub's own OpenAPI description,
//! and [`Control::violations`](control::Control::violations) tells what broke it. It must never be looser than GitHub,
//! never know anything about the app under test, and never compute beside git what git knows.
//!
//! Way of the data: [`web`] → [`rest::serve`] (faults, caller, access, schema, handler, contract) → [`store::State`] and
//! [`git`]; what happened goes through [`events`] into the outbox, and [`deliver`] sends it.
//! Read first: [`StandIn`], [`control::Control`], [`rest::serve`].

mod actions;
mod answer;
mod auth;
pub mod contract;
pub mod control;
mod deliver;
mod engine;
mod events;
pub mod faults;
mod git;
mod graphql;
mod pushes;
mod render;
mod rest;
pub mod store;
mod web;

use std::net::SocketAddr;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::contract::Contract;
use crate::control::Control;
use crate::engine::Engine;
use crate::store::State;

/// How to start.
#[derive(Debug, Clone)]
pub struct Options {
    /// Address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where bare repositories go; `None` takes a temporary directory that dies with the stand-in.
    pub data: Option<PathBuf>,
    /// Root of the URLs handed out, without a trailing slash, if clients reach it by another address than `listen`.
    pub public_url: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 0)), data: None, public_url: None }
    }
}

/// A running stand-in; dereferences to [`Control`]. Dropping it stops it.
#[derive(Debug)]
pub struct StandIn {
    /// `http://127.0.0.1:PORT`: the base of the REST API, of clone URLs and of the pages.
    pub url: String,
    control: Control,
    shutdown: CancellationToken,
    tasks: JoinSet<()>,
    _temporary: Option<TempDir>,
}

impl Deref for StandIn {
    type Target = Control;

    fn deref(&self) -> &Control {
        &self.control
    }
}

impl StandIn {
    /// Starts an empty GitHub.
    ///
    /// # Errors
    /// If the address is taken, the data directory cannot be used, or the shipped description is broken.
    pub async fn start(options: Options) -> Result<Self> {
        Contract::github()?;
        let listener =
            TcpListener::bind(options.listen).await.with_context(|| format!("cannot listen on {}", options.listen))?;
        let address = listener.local_addr().context("no local address")?;
        let url = options.public_url.unwrap_or_else(|| format!("http://{address}"));
        let (data, temporary) = match options.data {
            Some(data) => (data, None),
            None => {
                let temporary = tempfile::Builder::new().prefix("github-stand-in-").tempdir()?;
                (temporary.path().to_owned(), Some(temporary))
            }
        };
        std::fs::create_dir_all(&data).with_context(|| format!("cannot make {}", data.display()))?;
        let data = data.canonicalize().with_context(|| format!("cannot find {}", data.display()))?;
        let engine = Arc::new(Engine::new(State::new(url.clone(), data)));
        let control = Control::new(Arc::clone(&engine));
        let shutdown = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(actions::run(Arc::clone(&engine), shutdown.clone()));
        tasks.spawn(deliver::run(engine, client()?, shutdown.clone()));
        let app = web::router(control.clone());
        let stop = shutdown.clone();
        tasks.spawn(async move {
            let served = axum::serve(listener, app).with_graceful_shutdown(stop.cancelled_owned()).await;
            if let Err(error) = served {
                tracing::error!(%error, "the server stopped");
            }
        });
        Ok(Self { url, control, shutdown, tasks, _temporary: temporary })
    }

    /// A handle that can be kept elsewhere.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Stops, waiting a moment for requests under way.
    pub async fn stop(mut self) {
        const GRACE: Duration = Duration::from_secs(2);
        self.shutdown.cancel();
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(GRACE, all).await.is_err() {
            tracing::warn!("requests were still under way at the stop");
        }
    }
}

fn client() -> Result<reqwest::Client> {
    // The first provider installed in the process stays; that there is one already is fine.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        tracing::debug!("a TLS provider was installed already");
    }
    let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
    builder.build().context("no HTTP client")
}
