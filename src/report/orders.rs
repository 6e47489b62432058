//! Answers to orders that changed a run in another way than the person may expect, or not at all.

use super::{RunView, comment};
use crate::ids::RunId;

/// The plan was approved after its base branch moved.
pub fn base_moved(run: RunId) -> String {
    format!(
        "The base branch moved after the plan of run {run} was made, so I did not start. The plan now names the new commit \
         and has a new hash in the status comment; approve that one if it still fits, or `/wiz revise …`."
    )
}

/// The plan was approved although its comment no longer says what wiz wrote.
pub fn plan_comment_edited(run: RunId) -> String {
    format!(
        "The status comment of run {run} was edited, so I cannot know which plan you saw, and did not start. It says what I \
         planned again; approve that, or `/wiz revise …`."
    )
}

/// An old run would come back while a newer one is open.
pub fn another_run_is_open(run: RunId) -> String {
    format!("Run {run} cannot go on while another run is open here. `/wiz cancel` ends that one.")
}

/// How a run stands, for who asked.
pub fn status_reply(view: &RunView) -> String {
    comment::brief(view)
}
