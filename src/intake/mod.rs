//! The webhook endpoint: proves that GitHub sent a delivery, stores it with its triage job, and answers.
//!
//! The way of a request: signature header, body (bounded, within the memory all requests share), signature over the
//! raw bytes, the other headers, is it JSON, then one statement that stores delivery and job together, and those of other
//! requests that arrived meanwhile. GitHub never sends a delivery again by itself, so what is not stored is answered
//! with a failure, which makes it redeliverable.
//!
//! This room never looks into a payload, never calls anybody, and reads nothing that is not signed.
//!
//! Read first: [`Intake`], [`signature::verify`], [`Writer`].

mod body;
mod endpoint;
mod payload;
mod priority;
pub mod signature;
pub mod store;
mod writer;

pub use endpoint::{Intake, router};
pub use store::{StoredDelivery, came_within, known, load, since, store_found};
pub use writer::Writer;

/// The kind of the job that every delivery starts; its payload is `{"delivery": "<guid>"}`.
pub const TRIAGE_KIND: &str = "triage";

/// Tries of one delivery. With the queue's growing waits they span three to five hours, the last ones a quarter of an
/// hour apart, so that what a person wrote is answered late, and not never, after an outage of GitHub.
pub const TRIAGE_ATTEMPTS: i16 = 24;
