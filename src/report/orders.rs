//! Answers to orders that changed a run in another way than the person may expect, or not at all.

use super::{Money, RunView, code, comment, plain};
use crate::{
    ids::{Login, RunId},
    plan::{Approver, Gate},
};

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
        "Run {run} needs the approval of somebody other than the person who asked for it: its gate is `human-required`, \
         for the reasons that its status comment lists."
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

/// The same where nobody but the policy named the model.
pub fn unusable_policy_model(wanted: &str, usual: &str) -> String {
    format!(
        "I cannot start: the policy's `model:` is {}, which cannot be used here. It needs the form `provider/name`, a \
         configured provider and a price; without it, runs use {}. `/wiz config` shows where it is set, and `/wiz fix \
         --model …` names another for one run.",
        code(wanted, 100),
        code(usual, 100)
    )
}

/// The model of a run that has begun cannot be used any more.
pub fn lost_model(wanted: &str) -> String {
    format!(
        "The model {}, with which this run began, cannot be used on this server any more: its provider or its price is \
         missing. `/wiz retry` goes on once the operator has brought it back.",
        code(wanted, 100)
    )
}

/// Somebody edited the status comment who may not change the plan.
pub fn edit_denied(login: &Login, needs_role: &str) -> String {
    format!(
        "{} may not edit the plan: it needs the role **{}** in this repository. I put the comment back.",
        plain(login.as_str(), 110),
        plain(needs_role, 20)
    )
}

/// The status comment was edited while no plan waits in it.
pub fn edit_not_now() -> String {
    "That comment shows how the run stands, so I put it back. Its plan can be edited there only while it waits for \
     approval, and one edit at a time."
        .to_owned()
}

/// An edit of the plan could not be read; `fault` is in wiz's own words.
pub fn edit_unread(fault: &str) -> String {
    format!("I could not take over the edit of the plan: {fault}. The plan is as it was, and I put the comment back.")
}

/// The answer to a question names an option that it does not have.
pub fn no_such_option(run: RunId) -> String {
    format!(
        "The question of run {run} has no option of that number; its status comment lists them. `/wiz answer` with words \
         of your own is fine too."
    )
}

/// The question about files that the approved plan does not name; paths as they are. All are listed, for nobody can allow
/// what was not shown.
pub fn left_scope(paths: &[String]) -> String {
    let list: String = paths.iter().map(|path| format!("- {}\n", code(path, 200))).collect();
    format!("The change is made, but it touches files that the approved plan does not name:\n\n{list}")
}

/// The question about a change that needs more agreement than its plan did.
pub fn gate_raised(gate: &Gate) -> String {
    let who = match gate.approver {
        Approver::Nobody | Approver::Anybody => "needs an approval",
        Approver::AnotherPerson => "needs the approval of another person than the one who asked for it",
    };
    let list: String = gate.reasons.iter().map(|reason| format!("- {reason}\n")).collect();
    format!("The change is made, and now that it is known it {who}:\n\n{list}")
}

/// A stage failed again and again for reasons that only the log knows.
pub fn stage_given_up() -> String {
    "wiz could not finish this stage after several tries; the operator's log has the reason. `/wiz retry` goes on from \
     here."
        .to_owned()
}

/// The operator ended the job of a stage.
pub fn stopped_by_operator() -> String {
    "The operator of this wiz stopped this stage. `/wiz retry` goes on from here.".to_owned()
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
