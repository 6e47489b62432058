//! Answers to orders that changed a run in another way than the person may expect, or not at all.

use super::{Money, RunView, code, comment};
use crate::{ids::RunId, money::MicroDollars};

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

/// The question about files that the approved plan does not name; paths as they are.
pub fn left_scope(paths: &[String]) -> String {
    let list: String = paths.iter().take(LISTED_PATHS).map(|path| format!("- {}\n", code(path, 200))).collect();
    let more = paths.len().saturating_sub(LISTED_PATHS);
    let more = if more > 0 { format!("- and {more} more\n") } else { String::new() };
    format!("The change is made, but it touches files that the approved plan does not name:\n\n{list}{more}")
}

/// Most paths in one list; nobody judges more of them in a comment.
const LISTED_PATHS: usize = 40;

/// Why a run rests whose budget is used up.
pub fn out_of_money(cap: MicroDollars) -> String {
    format!("The run has spent its budget of {cap}. What it has done and said is kept, and it goes on from there.")
}

/// What a run has spent, for who asked.
pub fn budget_reply(view: &RunView) -> String {
    let Money { cap, spent, quote } = view.money;
    let quote = quote.map(|quote| format!(" The work ahead will probably cost {quote}.")).unwrap_or_default();
    format!("Run {} has spent {spent} of its {cap}.{quote} `/wiz budget +$2` lets it spend more.", view.run)
}

/// How a run stands, for who asked.
pub fn status_reply(view: &RunView) -> String {
    comment::brief(view)
}
