//! The queue: durable jobs in Postgres, enqueued in the caller's transaction and run by any worker of any process.
//!
//! The way of a job: [`enqueue`] writes it `ready` (or `scheduled`, `blocked` by other jobs, `gated` by its group);
//! a [`Worker`] claims it and hands the [`Handler`] a [`Lease`]; the handler does its work and calls
//! [`Lease::complete`] in the transaction that stores its result, which moves the row to `job_history`. A failure is
//! tried again later, a job that cannot succeed dies, and both leave by a statement that names the claim's `run_seq`.
//! A process renews one heartbeat row for all its jobs; the jobs of one that fell silent are rescued by the others.
//!
//! The room knows nothing of what jobs mean, never holds a transaction open while a job runs, takes every time from
//! the database's clock, and never reports a job done that another claim has taken over. Notifications only shorten
//! the wait; polling is the truth.
//!
//! Read first: [`NewJob`], [`Lease`], [`Worker::run`].

mod archive;
mod arrivals;
mod backoff;
mod claim;
mod doorbell;
mod enqueue;
mod groups;
mod heartbeat;
mod inspect;
mod job;
mod keepers;
mod lease;
mod settle;
mod worker;

pub use arrivals::Arriving;
pub use backoff::shortest_span;
pub use claim::{Claim, claim, promote_due};
pub use doorbell::{Doorbell, ring};
pub use enqueue::enqueue;
pub use groups::{admit, remove_idle_slots};
pub use heartbeat::{WorkerId, expire_workers, register};
pub use inspect::{
    JobFilter, JobReport, JobStanding, Redriven, cancel, cancel_kinds, created_at, held_for, is_running, list, retry,
    show,
};
pub use job::{Burial, Enqueued, Handler, Job, JobFailure, JobState, NewJob};
pub use lease::{Completed, Interruption, Lease, LeaseLost};
pub use worker::{Worker, WorkerSettings};
