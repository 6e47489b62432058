//! Tests through the front doors of wiz: real Postgres, real HTTP, real containers, no sleeps. One binary, one module per
//! behaviour.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]
#![expect(clippy::too_many_lines, reason = "a story is told in one piece")]

mod agent;
mod architecture;
mod checks;
mod cli;
mod crash;
mod database;
mod documents;
mod flow;
mod github;
mod intake;
mod migrations;
mod oddities;
mod orders;
mod queue;
mod reviews;
mod runs;
mod sandbox;
mod storm;
mod support;
