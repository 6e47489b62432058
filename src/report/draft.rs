//! Work that stopped half-way for want of money: its draft pull request, and why there may be none.

use super::{
    MARKER_CHARS, PullRequestText, RunState, RunView, code, follow_up, pull_request, sections,
    sections::{Detail, fitted},
};
use crate::{
    error::UserMessage,
    ids::{BranchName, IssueNumber},
    limits::COMMENT_CHARS,
    money::MicroDollars,
    plan::Gate,
};

/// Longest title; GitHub allows 256 characters.
const TITLE_CHARS: usize = 120;
/// Longest first line of a commit message, as git's own tools expect.
const SUBJECT_CHARS: usize = 72;
/// What the title of unfinished work starts with.
const UNFINISHED: &str = "Unfinished: ";
/// Most paths in one list.
const LISTED_PATHS: usize = 40;

/// The draft pull request of a run that is not done, as it stands now.
pub fn unfinished_pull_request(view: &RunView) -> PullRequestText {
    PullRequestText {
        title: format!("{UNFINISHED}{}", pull_request::title(view, TITLE_CHARS - UNFINISHED.len())),
        body: fitted(COMMENT_CHARS - MARKER_CHARS - 8, |detail| body(view, detail)),
    }
}

/// The message of a commit that holds what is done so far.
pub fn unfinished_message(view: &RunView) -> String {
    let title = pull_request::title(view, SUBJECT_CHARS - 1 - UNFINISHED.len());
    unfinished_commit(&title, view)
}

/// The draft of unfinished further work on the pull request of that number.
pub fn unfinished_follow_up(view: &RunView, pull: IssueNumber) -> PullRequestText {
    let home = view.subject.number;
    let body = format!(
        "> [!WARNING]\n> **Unfinished and unproven.** The budget of a run was used up before its further work on #{pull} was \
         done. Here is what it had so far, on top of #{pull}; nothing of it was proven and reviewed to the end.\n>\n> \
         #{home} shows how it stands; while it rests, `/wiz budget +$2` there lets it go on from here. What comes of it is \
         committed to #{pull}, and this is closed then.\n\n{}\n",
        pull_request::provenance(view).trim_end()
    );
    PullRequestText { title: format!("{UNFINISHED}{}", follow_up::subject(view)), body }
}

/// The message of a commit that holds what further work has done so far.
pub fn unfinished_follow_up_message(view: &RunView) -> String {
    let subject: String = follow_up::subject(view).chars().take(SUBJECT_CHARS - UNFINISHED.len()).collect();
    unfinished_commit(&subject, view)
}

fn unfinished_commit(subject: &str, view: &RunView) -> String {
    format!(
        "{UNFINISHED}{subject}\n\nThe run used up its budget before its work was done. Nothing of this is\nproven.\n\n\
         Wiz-Run: {}\n",
        view.run
    )
}

fn body(view: &RunView, detail: Detail) -> String {
    let warning = format!(
        "> [!WARNING]\n> **Unfinished and unproven.** The budget of this run was used up before its work was done. Here is \
         what it had so far; nothing of it was proven and reviewed to the end.\n>\n> {}",
        outlook(view)
    );
    let mut parts = vec![warning];
    if let Some(plan) = &view.plan {
        parts.push(sections::summary_of(plan, detail));
    }
    // Merged as it is it must not close the issue.
    parts.push(format!("For #{}: {}", view.subject.number, super::cell(&view.subject.title, 120)));
    if let Some(plan) = &view.plan {
        parts.push(format!("## Plan\n\n{}", sections::steps(plan, false, detail)));
    }
    parts.push(pull_request::provenance(view));
    let parts = parts.iter().map(|part| part.trim_end()).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("\n\n") + "\n"
}

/// What becomes of it, and who can do what.
fn outlook(view: &RunView) -> String {
    let issue = view.subject.number;
    match view.state {
        RunState::Paused => format!(
            "`/wiz budget +$2` in #{issue} lets it go on from here. Once it is done and proven, this becomes ready for review."
        ),
        RunState::Cancelled => format!(
            "The run was cancelled, so nobody goes on with it. `/wiz retry` in #{issue} does; otherwise close this."
        ),
        RunState::Failed => format!("The run has failed; #{issue} has the reason, and `/wiz retry` there tries again."),
        RunState::Queued
        | RunState::Planning
        | RunState::NeedsApproval
        | RunState::NeedsAnswer
        | RunState::NeedsScope
        | RunState::Working
        | RunState::Verifying
        | RunState::Reviewing
        | RunState::Publishing
        | RunState::Watching
        | RunState::Succeeded => {
            format!(
                "The run goes on; #{issue} shows how it stands. Once it is done and proven, this becomes ready for review."
            )
        }
    }
}

/// Why a run rests whose budget is used up, and where its work is: in the draft that is shown below, or with wiz alone.
pub fn out_of_money(cap: MicroDollars, has_draft: bool, withheld: Option<&UserMessage>) -> String {
    let spent = format!("The run has spent its budget of {cap}.");
    match (has_draft, withheld) {
        (_, Some(why)) => {
            format!(
                "{spent} What it has done and said is kept, and it goes on from there, but no draft shows it. {why}"
            )
        }
        (true, None) => format!(
            "{spent} What it has done so far is in the draft pull request below, unfinished and unproven, and it goes on \
             from there."
        ),
        (false, None) => {
            format!("{spent} What it has done and said is kept, and it goes on from there.")
        }
    }
}

/// The unfinished change touches files that nobody approved; paths as they are.
pub fn draft_leaves_scope(paths: &[String]) -> String {
    let list: String = paths.iter().take(LISTED_PATHS).map(|path| format!("\n- {}", code(path, 200))).collect();
    let more = paths.len().saturating_sub(LISTED_PATHS);
    let more = if more > 0 { format!("\n- and {more} more") } else { String::new() };
    format!("It touches files that the approved plan does not name:\n{list}{more}")
}

/// The unfinished change needs more agreement than its plan did.
pub fn draft_needs_approval(gate: &Gate) -> String {
    let list: String = gate.reasons.iter().take(LISTED_PATHS).map(|reason| format!("\n- {reason}")).collect();
    format!("As it stands it needs an approval of its own:\n{list}")
}

/// Somebody else wrote to the branch of the draft.
pub fn draft_branch_moved(draft: IssueNumber) -> String {
    format!(
        "Somebody else has written to the branch of the draft #{draft}, and wiz does not write over that. Take those commits \
         off the branch and `/wiz retry`, or close the draft and start over with `/wiz fix`."
    )
}

/// Somebody else has the branch on which the draft would be.
pub fn draft_branch_taken(branch: &BranchName) -> String {
    format!("Somebody else has written to the branch {}, where wiz would put it.", code(branch.as_str(), 250))
}

/// GitHub refused a draft of further work.
pub fn no_follow_up_draft(base: &BranchName) -> String {
    format!("GitHub takes no draft pull request into the branch {}.", code(base.as_str(), 250))
}

/// Orders go to a run from its draft as well, but work is asked for where it is to be committed.
pub fn ask_for_work_there(draft: IssueNumber, pull: IssueNumber) -> String {
    format!("#{draft} only shows unfinished work on #{pull}. Say what more there is to do in #{pull}.")
}

/// The repository can have no draft pull requests.
pub fn no_drafts() -> String {
    "GitHub makes no draft pull requests in this repository.".to_owned()
}

/// Its pull request came to an end while the run did not know it.
pub fn draft_ended(number: IssueNumber) -> String {
    format!("The draft #{number} was closed or merged meanwhile.")
}

/// The draft could not be published after many tries.
pub fn draft_given_up() -> String {
    "GitHub could not be reached for it; the operator's log has the reason.".to_owned()
}
