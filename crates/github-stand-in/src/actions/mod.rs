//! GitHub Actions, scripted: what a workflow does is told beforehand, everything around it is GitHub's.
//!
//! A pushed head or a pull request starts a run of each workflow; a run goes through its stages one [`Errand`] at a time
//! (queued → in progress → each job → completed), so that clients see what they see on GitHub. Scripted checks of other
//! apps go through the REST API with a token of that app. Must never decide anything the script does not say.
//! Read first: [`start`], [`stages::advance`], [`schedule::run`].

mod checks;
pub mod logs;
mod reruns;
mod schedule;
mod stages;
mod start;
mod verdict;
pub mod zip;

pub use reruns::{Again, again, rerun_check};
pub use schedule::{perform_due, run, step};
pub use start::{pull_request_moved, pushed};

pub(crate) use checks::{begin_scripted, rerun_scripted};
