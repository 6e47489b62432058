//! What the executors work with, built once in `main`.

use std::sync::{Arc, Mutex, PoisonError};

use futures::future::join_all;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use sqlx::PgPool;
use url::Url;

use super::policies::Policies;
use crate::{
    github::{GitHub, mirror::Mirrors},
    ids::{JobId, RunId},
    llm::Models,
    queue::Doorbell,
    sandbox::{Docker, OpenBox},
};

/// The outside world as runs see it. Cloning shares everything.
#[derive(Clone)]
pub struct Services {
    pub pool: PgPool,
    pub github: Arc<GitHub>,
    pub mirrors: Arc<Mirrors>,
    pub docker: Docker,
    pub models: Models,
    pub policies: Arc<Policies>,
    pub doorbell: Doorbell,
    pub settings: Arc<Settings>,
    pub spent_boxes: Arc<SpentBoxes>,
}

impl Services {
    /// The same services for one piece of work: with a count of their own of what GitHub is asked, with every write noted
    /// as that job's and run's, and with boxes of its own to close.
    #[must_use]
    pub fn on_behalf_of(&self, job: Option<JobId>, run: Option<RunId>) -> Self {
        let github = Arc::new(self.github.on_behalf_of(job, run));
        Self { github, spent_boxes: Arc::default(), ..self.clone() }
    }
}

/// Boxes that a job is done with. Taking one down takes a while in which nobody should have to wait for the job's result,
/// so they are closed after it is stored. What a crash leaves is swept with its run.
#[derive(Debug, Default)]
pub struct SpentBoxes(Mutex<Vec<OpenBox>>);

impl SpentBoxes {
    /// Keeps a box for [`close_all`](Self::close_all).
    pub fn add(&self, open_box: OpenBox) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(open_box);
    }

    /// Removes them side by side. One that cannot be removed is left to the sweep.
    pub async fn close_all(&self) {
        let boxes = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for closed in join_all(boxes.into_iter().map(OpenBox::close)).await {
            if let Err(error) = closed {
                tracing::warn!(error = format!("{:#}", anyhow::Error::from(error)), "cannot close a box");
            }
        }
    }
}

/// The key of wiz's hidden markers. `Debug` hides it.
#[derive(Clone)]
pub struct MarkerKey([u8; 32]);

impl MarkerKey {
    /// Derives the key from a secret that every process of this installation shares.
    pub fn derive(secret: &SecretString) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"wiz marker key\0");
        hash.update(secret.expose_secret());
        Self(hash.finalize().into())
    }

    /// The key's bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for MarkerKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MarkerKey")
    }
}

/// What the operator decided.
#[derive(Debug)]
pub struct Settings {
    /// Where people reach this server.
    pub public_url: Url,
    /// Where GitHub's pages are.
    pub github_url: Url,
    /// Image of a repository whose policy names none.
    pub default_image: String,
    /// wiz's own secrets, which no change and no text may hold.
    pub own_secrets: Vec<SecretString>,
    /// Signs the hidden markers by which wiz knows its own comments.
    pub marker_key: MarkerKey,
}
