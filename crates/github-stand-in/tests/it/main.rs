//! Behaviour of the stand-in as a client sees it: over HTTP, with the real git binary, against GitHub's documentation.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod actions;
mod app_auth;
mod checks;
mod contract;
mod control;
mod deliveries;
mod files;
mod flow;
mod forks;
mod git_data;
mod git_http;
mod harness;
mod installing;
mod issues;
mod life;
mod octocrab;
mod pages;
mod pulls;
mod reviews;
mod tending;
mod threads;
