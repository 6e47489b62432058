//! Everything a test or a demo does to the stand-in that GitHub's API cannot: set up, act as a person, misbehave, look.
//!
//! [`Control`] is the Rust API; `/_stand-in/…` offers the same over HTTP. People act through the REST API with their own
//! tokens, so their actions obey GitHub's rules and are checked like any other exchange.
//! Read first: [`Control`], [`setup`], [`Human`].

mod actions;
mod humans;
mod inspect;
pub(crate) mod manifests;
mod reviewing;
pub mod setup;
mod tending;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use chrono::TimeDelta;

pub use actions::{NewCheck, NewWorkflow};
pub use humans::{Human, MergeMethod, Verdict};
pub use reviewing::LineNote;
pub use setup::{AppHandle, NewApp, NewRepository, RepositoryHandle, UserHandle};

use crate::engine::Engine;
use crate::faults::{DeliveryFault, Fault};
use crate::store::{Repository, State, TokenHolder};

/// A handle on a running stand-in. Cheap to clone. Methods block for as long as a few git commands take.
#[derive(Debug, Clone)]
pub struct Control {
    engine: Arc<Engine>,
}

impl Control {
    /// Wraps an engine.
    pub(crate) fn new(engine: Arc<Engine>) -> Self {
        Self { engine }
    }

    pub(crate) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Plays a fault on the next REST requests that match.
    pub fn add_fault(&self, fault: Fault) {
        self.engine.with(|state| state.faults.push(fault));
    }

    /// The faults that no request has met yet.
    pub fn faults(&self) -> Vec<Fault> {
        self.engine.with(|state| state.faults.clone())
    }

    /// Plays a fault on the next deliveries that match.
    pub fn add_delivery_fault(&self, fault: DeliveryFault) {
        self.engine.with(|state| state.delivery_faults.push(fault));
    }

    /// Takes back every fault not yet played.
    pub fn clear_faults(&self) {
        self.engine.with(|state| {
            state.faults.clear();
            state.delivery_faults.clear();
        });
    }

    /// Ends every installation token now.
    pub fn expire_tokens(&self) {
        self.engine.with(|state| {
            let now = state.now();
            for token in state.tokens.values_mut() {
                if matches!(token.holder, TokenHolder::Installation { .. }) {
                    token.expires_at = Some(now);
                }
            }
        });
    }

    /// Moves the stand-in's clock forward (or back, with a negative amount).
    pub fn advance_clock(&self, by: TimeDelta) {
        self.engine.with(|state| state.clock_ahead += by);
    }

    /// How far the stand-in's clock runs ahead of the machine's.
    pub fn clock_ahead(&self) -> TimeDelta {
        self.engine.with(|state| state.clock_ahead)
    }

    /// Allows so many requests an hour to each credential instead of GitHub's number; `None` goes back to that.
    pub fn set_rate_limit(&self, limit: Option<u32>) {
        self.engine.with(|state| state.rate_limit = limit);
    }

    /// Spends an installation's requests, as another program with the same credentials would.
    pub fn spend_requests(&self, installation: u64, requests: u32) {
        self.engine.with(|state| state.spend(&crate::auth::installation_rate_key(installation), requests));
    }

    /// Sends a logged delivery again, as the button on GitHub's page does.
    ///
    /// # Errors
    /// If there is no such delivery.
    pub fn redeliver(&self, delivery: u64) -> Result<()> {
        self.engine.with(|state| {
            let found = state.deliveries.iter().find(|one| one.id == delivery).cloned();
            let found = found.with_context(|| format!("no delivery {delivery}"))?;
            crate::events::redeliver(state, &found);
            Ok(())
        })
    }

    /// Waits until every delivery is over. Deliveries held back for reordering do not count.
    ///
    /// # Errors
    /// If they are not over in time.
    pub async fn settle(&self, within: Duration) -> Result<()> {
        let mut finished = self.engine.finished();
        let wait = async {
            while !self.engine.settled() {
                finished.changed().await.context("the stand-in has stopped")?;
            }
            anyhow::Ok(())
        };
        match tokio::time::timeout(within, wait).await {
            Ok(result) => result,
            Err(_) => bail!("deliveries were still under way after {within:?}"),
        }
    }
}

/// A repository by `owner/name`.
pub(crate) fn repository<'a>(state: &'a State, full_name: &str) -> Result<&'a Repository> {
    let (owner, name) = full_name.split_once('/').context("a repository is written owner/name")?;
    state.repository_by_name(owner, name).with_context(|| format!("no repository {full_name}"))
}
