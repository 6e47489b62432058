//! Answers to orders that changed a run in another way than the person may expect, or not at all.

use super::{RunView, code, comment};
use crate::ids::RunId;

/// The plan was approved after its base branch moved.
pub fn base_moved(run: RunId) -> String {
    format!(
        "The base branch moved after the plan of run {run} was made, so I did not start. The plan now names the new commit \
         and has a new hash in the status comment; approve that one if it still fits, or `/wiz revise …`."
    )
}

/// The plan was approved although the status comment does not show it.
pub fn plan_not_shown(run: RunId) -> String {
    format!(
        "The status comment of run {run} did not show this plan: it was edited, or not written yet. I cannot know what you \
         saw, so I did not start. It shows the plan again now; approve that, or `/wiz revise …`."
    )
}

/// The requester approved, where the policy wants somebody else to.
pub fn own_plan(run: RunId) -> String {
    format!(
        "Run {run} needs the approval of somebody other than the person who asked for it, as `gate: human-required` in \
         `.github/wiz.yml` says."
    )
}

/// An old run would come back while a newer one is open.
pub fn another_run_is_open(run: RunId) -> String {
    format!("Run {run} cannot go on while another run is open here. `/wiz cancel` ends that one.")
}

/// The model asked for cannot be used on this server.
pub fn unusable_model(wanted: &str, usual: &str) -> String {
    format!(
        "The model {} cannot be used here: it needs the form `provider/name`, a configured provider and a price. Without \
         `--model`, runs use {}.",
        code(wanted, 100),
        code(usual, 100)
    )
}

/// How a run stands, for who asked.
pub fn status_reply(view: &RunView) -> String {
    comment::brief(view)
}
