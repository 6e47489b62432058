//! What the executors work with, built once in `main`.

use std::sync::Arc;

use secrecy::SecretString;
use sqlx::PgPool;
use url::Url;

use crate::{
    github::{GitHub, mirror::Mirrors},
    llm::Models,
    sandbox::Docker,
};

/// The outside world as runs see it. Cloning shares everything.
#[derive(Clone)]
pub struct Services {
    pub pool: PgPool,
    pub github: Arc<GitHub>,
    pub mirrors: Arc<Mirrors>,
    pub docker: Docker,
    pub models: Arc<Models>,
    pub settings: Arc<Settings>,
}

/// What the operator decided.
#[derive(Debug)]
pub struct Settings {
    /// Where people reach this server.
    pub public_url: Url,
    /// `provider/model` for planner and coder.
    pub default_model: String,
    /// `provider/model` for the reviewer.
    pub review_model: String,
    /// Image of a repository whose policy names none.
    pub default_image: String,
    /// Signs the hidden markers by which wiz knows its own comments.
    pub marker_key: SecretString,
}
