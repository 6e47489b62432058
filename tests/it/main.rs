//! Tests through the front doors of wiz: real Postgres, real HTTP, real containers, no sleeps. One binary, one module per
//! behaviour.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod agent;
mod architecture;
mod cli;
mod crash;
mod database;
mod documents;
mod flow;
mod github;
mod intake;
mod migrations;
mod orders;
mod queue;
mod runs;
mod sandbox;
mod support;
