//! A run: one mission from trigger to outcome.
//!
//! The heart is [`machine`], a pure function state × signal → state × effects. Around it, [`store`] keeps runs in
//! Postgres and turns effects into queue rows in the transaction that stores the new state, and [`jobs`] holds one
//! executor per kind of row: it looks up what it needs, acts, and hands the machine its next signal together with the
//! proof that it still held the job. So a crash at any instruction leaves a state from which the next claim goes on,
//! and a job that ran twice changes nothing the second time.
//!
//! This room never parses GitHub's payloads (that is `event`), never decides who may order something (`triage`), and
//! never writes text for people (`report`).
//!
//! Read first: [`machine::advance`], [`state::Run`], [`store::signal`].

pub mod branch;
pub mod briefing;
pub mod evidence;
pub mod follow_up;
mod forecast;
pub mod jobs;
pub mod machine;
pub mod policies;
pub mod project;
pub mod reach;
pub mod reading;
pub mod services;
pub mod session;
pub mod signal;
pub mod state;
pub mod store;
pub mod sweep;
pub mod task;
pub mod threads;
pub mod view;
pub mod workspace;
