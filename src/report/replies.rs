//! Short answers to commands.

use super::{RunState, code, plain};
use crate::{
    ids::{BranchName, Login, RunId},
    money::MicroDollars,
    plan::PlanHash,
};

/// Somebody may not give this command; `verb` is empty when it could not be read.
pub fn denied(login: &Login, verb: &str, needs_role: &str) -> String {
    format!(
        "{} may not use `{}` here: it needs the role **{}** in this repository.",
        plain(login.as_str(), 110),
        format!("/wiz {}", plain(verb, 20)).trim_end(),
        plain(needs_role, 20)
    )
}

/// A `/wiz` line that could not be read; both texts come from the command room and are safe.
pub fn unknown_command(error: &str, usage: &str) -> String {
    format!("I could not read that: {error}\n\n```text\n{usage}\n```\n\n`/wiz help` lists everything.")
}

/// All commands; `commands` is the table of the command room.
pub fn help(commands: &str) -> String {
    format!("### What wiz understands\n\n{}\n", commands.trim_end())
}

/// A policy file has mistakes, as `(line, message)`; `file` is Markdown of wiz's own.
pub fn policy_faults(file: &str, faults: &[(usize, String)]) -> String {
    let mut text = format!("{file} has mistakes, so I did nothing:\n\n");
    for (line, message) in faults.iter().take(20) {
        let place = if *line == 0 { String::new() } else { format!("line {line}: ") };
        text += &format!("- {place}{}\n", code(message, 300));
    }
    text
}

/// An approval named another plan than the one that waits.
pub fn stale_approval(current: &PlanHash) -> String {
    format!(
        "That approval is for another plan, so I did not start. The plan waiting now is `{short}`; if you agree with it, \
         comment `/wiz approve {short}`.",
        short = current.short()
    )
}

/// A command for a run, where there is none.
pub fn no_run(verb: &str) -> String {
    format!("There is no run here that `/wiz {}` could mean. `/wiz fix` on an issue starts one.", plain(verb, 20))
}

/// A command that does not fit what the run is doing.
pub fn not_now(verb: &str, run: RunId, state: RunState) -> String {
    format!("`/wiz {}` does not fit now: run {run} {}. `/wiz status` shows more.", plain(verb, 20), doing(state))
}

/// A review asks for changes while its run cannot take more work.
pub fn review_not_now(run: RunId, state: RunState) -> String {
    format!(
        "I do not work on this review: run {run} {} and takes no more work now. `/wiz status` shows how it stands.",
        doing(state)
    )
}

fn doing(state: RunState) -> &'static str {
    match state {
        RunState::Queued => "is waiting to start",
        RunState::Planning => "is still planning",
        RunState::NeedsApproval => "is waiting for approval of its plan",
        RunState::NeedsAnswer => "is waiting for an answer",
        RunState::NeedsScope => "is waiting for a decision about files outside its plan",
        RunState::Paused => "is paused",
        RunState::Working => "is being worked on",
        RunState::Verifying => "is running its checks",
        RunState::Reviewing => "is being reviewed",
        RunState::Publishing => "is being published",
        RunState::Watching => "has an open pull request",
        RunState::Succeeded => "is done",
        RunState::Failed => "has failed",
        RunState::Cancelled => "was cancelled",
    }
}

/// Work was asked for on an issue that is closed.
pub fn closed_issue(verb: &str) -> String {
    format!("This issue is closed, so I did not start. Reopen it and comment `/wiz {}` again.", plain(verb, 20))
}

/// A command that failed again and again for reasons that only the log knows.
pub fn not_followed() -> String {
    "I could not follow that after several tries; the operator's log has the reason. Please say it again later."
        .to_owned()
}

/// A command that this version understands and cannot follow.
pub fn not_possible(verb: &str) -> String {
    format!("`/wiz {}` is not possible in this version of wiz. `/wiz help` lists what is.", plain(verb, 20))
}

/// Somebody wants a box to reach a host.
pub fn no_hosts() -> String {
    "Boxes have no network, so there is no host to allow. What a run needs must be in its image: name one with `image:` \
     in `.github/wiz.yml`."
        .to_owned()
}

/// The branch that a run should start from is not there.
pub fn no_base(branch: &BranchName) -> String {
    format!(
        "There is no branch {} here, so there is nothing to start from. `/wiz fix --base …` starts over with another one.",
        code(branch.as_str(), 250)
    )
}

/// There is a run already.
pub fn already_running(run: RunId, page_url: Option<&str>) -> String {
    let link = page_url.map_or_else(|| format!("Run {run}"), |url| format!("[Run {run}]({url})"));
    format!("{link} is already at work here. `/wiz status` shows how far it is, `/wiz cancel` stops it.")
}

/// The repository has spent what it may.
pub fn budget_exhausted(taken: MicroDollars, cap: MicroDollars) -> String {
    format!(
        "What this repository's runs spent in the last 24 hours and may yet spend is {taken}, and its cap is {cap}, so I \
         did not start. Raise `budget_day` in `.github/wiz.yml`, or try again later."
    )
}
