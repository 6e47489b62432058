//! What a run changes in a repository: checked records become a [`Patch`], the only form in which a box's work reaches
//! GitHub.
//!
//! A box is not trusted, so neither are its records: [`verify`] checks every path, mode, size and digest against the base
//! tree and reports all faults at once. This room is pure; it must never touch a file system, a process or the network.
//!
//! The way of the data: records → [`verify()`] → [`Patch`] → [`Patch::merge`] over the steps of a run → policy and
//! [`secrets`] look at it, [`unified_diff`] shows it to the reviewer → `github` makes a commit of exactly these changes.
//!
//! Read first: [`Patch`], [`BaseTree`], [`verify()`].

mod base;
mod change;
mod listing;
mod path;
mod render;
pub mod secrets;
mod shown;
mod suggest;
mod verify;

pub use base::{BaseEntry, BaseTree, BlobId};
pub use change::{Change, FileChange, FileMode, Patch};
pub use listing::Listing;
pub use path::{PathFault, check_path};
pub use render::{LineCount, line_counts, unified_diff};
pub use shown::shown_lines;
pub use suggest::{Replacement, replacements};
pub use verify::{Fault, RecordFault, verify};
