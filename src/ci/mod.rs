//! Checks that fail, as text and as history: what a failure says, which failure it is, and what to do about it. Pure.
//!
//! The way of the data: the checks of a commit → [`settled`] → the output of each that failed → [`excerpt`] →
//! [`Signature`], and with what was done before → [`decide`]. The signature is what keeps wiz from going in circles: it is
//! the same for the same failure, whatever numbers and paths it names this time.
//!
//! Never: fetch a log, ask GitHub, start or stop work.
//!
//! Read first: [`settled`], [`Signature::of`], [`decide`].

mod archive;
mod flaky;
mod guard;
mod log;
mod settle;
mod signature;

pub use archive::{NoLog, log_in_archive};
pub use flaky::smells_flaky;
pub use guard::{
    Circumstances, Decision, Deed, Failure, Kind, Money, StopReason, WhyNothing, decide, heads_tried, of_same_failure,
};
pub use log::{clean, excerpt};
pub use settle::{Check, Maker, Settled, Standing, is_failing, settled};
pub use signature::Signature;
