//! wiz at work on real bugs, on this machine, against a local GitHub.
//!
//! The demo, the integration tests and the benchmark share this crate: a [`Case`] is a released package with a bug, a
//! [`World`] holds a GitHub, a model and wiz as a child process, and a [`Story`] does what people do and waits for what
//! they wait for. Nothing here reaches into wiz: it is started by its command line and spoken to through GitHub.
//! Read first: [`Case`], [`World`], [`Story`].

mod case;
mod engine;
mod hub;
mod proof;
mod scrutiny;
pub mod store;
mod story;
pub mod summary;
mod until;
mod wiz;
mod world;

pub use scripted_model::Wire;

pub use case::{CASES, Case, File, HUMANIZE, MINIMIST, STRSIM, project_root};
pub use engine::Activity;
pub use hub::{Check, Hub, Pull, Repo, Shown, SpokenBy};
pub use proof::{Verdict, upstream_tests};
pub use scrutiny::{Answer, CiVerdict, Lint, Remark, Scrutiny};
pub use story::{Ending, Mark, Moment, Story};
pub use until::until;
pub use wiz::{Wiz, choose_port};
pub use world::{DatabaseChoice, ModelChoice, Options, World};

use std::time::Duration;

use anyhow::{Context as _, Result};

/// A client for servers on this machine.
pub fn http_client(deadline: Duration) -> Result<reqwest::Client> {
    // Refused when another crate of the process installed one before, which serves as well.
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder().timeout(deadline).no_proxy().build().context("cannot make an HTTP client")
}
