//! wiz: a self-hosted GitHub App that turns an issue into a planned, tested, reviewed pull request.
//!
//! The way of the data: `intake` stores a signed webhook, `triage` turns it into intents, `run` is a pure state
//! machine whose effects are rows of `queue`, and each row's executor uses `agent`, `sandbox`, `patch` and `github`
//! before it hands the machine its next signal. `docs/ARCHITECTURE.md` is the map; start there.

pub mod agent;
pub mod ci;
pub mod cli;
pub mod config;
pub mod database;
pub mod error;
pub mod event;
pub mod github;
pub mod ids;
pub mod intake;
pub mod limits;
pub mod llm;
pub mod money;
pub mod patch;
pub mod plan;
pub mod policy;
pub mod queue;
pub mod reconcile;
pub mod report;
pub mod run;
pub mod sandbox;
pub mod setup;
pub mod triage;
pub mod web;
