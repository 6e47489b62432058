//! Lets a model work: one loop, four roles (planner, coder, reviewer, answerer), a handful of typed tools.
//!
//! What it must never do: run anything on the host (tools go through a [`Toolbox`]), trust what a model or a repository
//! says beyond what the submit schema checks, or lose a turn (each is stored before the next begins).
//!
//! The way of the data: input → `prompt` (system prompt and task, untrusted text fenced) → the loop in `drive`:
//! limits, model call, tool calls, each appended to the hash-chained `transcript` → the role's `submit` → [`Finished`].
//! A process that starts the same session again goes on with the stored turns. Names to read first: [`plan`],
//! [`Session`], [`Toolbox`].

mod box_toolbox;
mod drive;
mod limits;
mod prompt;
mod pull_review;
mod roles;
mod session;
mod store;
mod stuck;
mod threads;
mod tools;
mod transcript;

pub use box_toolbox::{BoxMode, BoxToolbox};
pub use drive::{replay, stored_entries, was_cut};
pub use limits::AgentLimits;
pub use prompt::{
    AnswerInput, Asking, Assignment, InstructionFile, PlanningInput, PullReviewInput, ReviewInput, Statement, WorkInput,
};
pub use pull_review::{PullReview, review_pull};
pub use roles::{
    Finding, FindingLevel, PlanObjection, ReviewReport, ReviewVerdict, WorkReport, answer, plan, review, work,
};
pub use session::{AgentError, Finished, Session, StopReason};
pub use threads::{ReviewThread, ThreadAnswer, ThreadVerdict};
pub use tools::{ToolReply, Toolbox, bash_spec, edit_spec, read_spec, write_spec};
pub use transcript::{Answer, BrokenChain, Entry, Grade, Note, NoteKind, StoredEntry, Transcript, read_chain};
