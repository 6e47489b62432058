//! What can go wrong with a box.

use wiz_runner::{edit::EditFault, protocol::Fault};

/// Why something with a box failed; callers branch on it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SandboxError {
    /// The engine does not answer, or answers with an error of its own. Worth another try later.
    #[error("the container engine cannot {doing}: {reason}")]
    EngineUnavailable { doing: String, reason: String },
    /// The image is not on the engine; wiz never pulls one while a run waits.
    #[error("the image {image} is not on the container engine; pull or build it there first")]
    ImageMissing { image: String },
    /// The runner's file cannot be read on this machine.
    #[error("the runner {path} cannot be read: {reason}")]
    RunnerMissing { path: String, reason: String },
    /// A wall around the box does not stand. The box is gone; nothing ran in it.
    #[error("a wall of the box is broken ({wall}): {evidence}")]
    WallBroken { wall: &'static str, evidence: String },
    /// The wish for a box makes no sense.
    #[error("this box cannot be made: {reason}")]
    BadSpec { reason: String },
    /// The box has ended: its time was over, or it could not be brought back. Its workspace is lost.
    #[error("the box has died: {reason}")]
    BoxDied { reason: String },
    /// The path leads out of the workspace, through a symlink, or to something that is no regular file.
    #[error("{path}: {reason}")]
    PathRefused { path: String, reason: String },
    /// There is no such file.
    #[error("{path}: there is no such file")]
    NotFound { path: String },
    /// The file is not UTF-8 text.
    #[error("{path}: this is not a text file")]
    NotText { path: String },
    /// The edit does not apply.
    #[error("{0}")]
    Edit(EditFault),
    /// Something is larger than wiz handles.
    #[error("too large: {what}")]
    TooLarge { what: String },
    /// The box has no more disk, processes or memory.
    #[error("the box is out of {what}")]
    Exhausted { what: String },
    /// The box did not answer in time.
    #[error("the box did not answer in time to: {doing}")]
    Timeout { doing: &'static str },
    /// The runner said something that makes no sense, or could not do what it was asked.
    #[error("the runner failed: {what}")]
    Runner { what: String },
}

impl From<Fault> for SandboxError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::PathRefused { path, reason } => Self::PathRefused { path, reason },
            Fault::NotFound { path } => Self::NotFound { path },
            Fault::NotText { path } => Self::NotText { path },
            Fault::TooLarge { what } => Self::TooLarge { what },
            Fault::Exhausted { what } => Self::Exhausted { what },
            Fault::Edit(fault) => Self::Edit(fault),
            Fault::BadRequest { reason } => Self::Runner { what: reason },
            Fault::Io { what } => Self::Runner { what },
        }
    }
}
