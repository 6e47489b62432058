//! Boxes: containers in which code that wiz did not write may run, and the walls around them.
//!
//! [`Docker`] makes a box from a [`BoxSpec`] and hands out an [`OpenBox`] only after both the engine's own description
//! and the runner inside have shown that every wall stands ([`walls`]). Through the one exec stream of an open box go
//! files in ([`OpenBox::load`]), commands and file tools, and changed files out ([`OpenBox::export`]): read by a second,
//! clean box over the paused first one.
//!
//! A box has no network and is given no secret, ever. Nothing here runs a command on the host, mounts a host path, pulls
//! an image, or believes what comes out of a box beyond its bytes. Every call to the engine has a timeout; a box ends
//! by its own keeper at its deadline, even when no wiz is left to end it.
//!
//! Read first: [`OpenBox`], [`docker_create`] for what a box is made of, [`walls::judge`].

mod command;
mod docker;
mod docker_create;
mod docker_exec;
mod docker_runner;
mod docker_sweep;
mod error;
mod export;
mod open_box;
mod spec;
mod stream;
mod walls;

pub use command::{Command, CommandEnd, CommandOutcome, Output};
pub use docker::{Docker, EngineReport};
pub use error::SandboxError;
pub use open_box::{EditOutcome, FileText, OpenBox};
pub use spec::{BoxKey, BoxLimits, BoxSpec, SourceFile};
pub use wiz_runner::{
    edit::EditFault,
    protocol::{Change, FileMode, Record},
};
