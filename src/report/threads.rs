//! What wiz says in the threads of a review that it worked.

use super::{neutralise, plain};
use crate::ids::{CommitSha, Login};

/// Longest reply shown, in characters.
const REPLY_CHARS: usize = 2_000;

/// What became of a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThreadOutcome<'a> {
    /// The change is in this commit.
    Changed { commit: &'a CommitSha },
    /// There was nothing to change.
    Answered,
    /// The change that was asked for was not made.
    Declined,
}

/// The answer in one thread: the commit where there is one, and the coder's words.
pub fn thread_reply(outcome: ThreadOutcome<'_>, reply: &str) -> String {
    let reply = neutralise(reply, REPLY_CHARS);
    match outcome {
        // GitHub links a commit that is named by its whole hash.
        ThreadOutcome::Changed { commit } => format!("Changed in {commit}.\n\n{reply}"),
        ThreadOutcome::Answered => reply,
        ThreadOutcome::Declined => format!("Not changed.\n\n{reply}"),
    }
}

/// The answer to a review's own text, which has no thread.
pub fn review_reply(reviewer: &Login, outcome: ThreadOutcome<'_>, reply: &str) -> String {
    format!("On the review by {}:\n\n{}", plain(reviewer.as_str(), 110), thread_reply(outcome, reply))
}

/// Work was ordered on a pull request from a fork.
pub fn fork_is_left_alone() -> String {
    "This pull request comes from a fork, and wiz never writes there. Open an issue that says what is wrong, and comment \
     `/wiz fix` there; or take the branch into this repository."
        .to_owned()
}

/// Work was ordered on a pull request that is closed or merged.
pub fn closed_pull_request(verb: &str) -> String {
    format!("This pull request is closed, so I did not start. `/wiz {}` on an issue starts new work.", plain(verb, 20))
}

/// A plan was ordered on a pull request.
pub fn work_on_pull_request() -> String {
    "On a pull request I plan nothing: `/wiz fix …` says what to change in it, and a plan starts from an issue."
        .to_owned()
}

/// Work was ordered on a pull request without saying what.
pub fn what_to_change(verb: &str) -> String {
    let verb = plain(verb, 20);
    format!(
        "Say what to change: `/wiz {verb} …` with a few words, or comment on the lines in a review with `/wiz {verb}`."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::invisible_characters, reason = "wiz breaks links in quoted words with one")]
    fn a_thread_is_answered_with_what_was_done() {
        let commit = "0123456789012345678901234567890123456789".parse().unwrap();
        let said = "`greet` says it now, @octo/team.\n/wiz approve";
        insta::assert_snapshot!(thread_reply(ThreadOutcome::Changed { commit: &commit }, said), @r"
        Changed in 0123456789012345678901234567890123456789.

        `greet` says it now, @​octo/team.
        \/wiz approve
        ");
        insta::assert_snapshot!(thread_reply(ThreadOutcome::Answered, "Because it is shorter."), @"Because it is shorter.");
        insta::assert_snapshot!(thread_reply(ThreadOutcome::Declined, "Closes #3: that would break callers."), @r"
        Not changed.

        Closes #​3: that would break callers.
        ");
        let reviewer = "rita".parse().unwrap();
        insta::assert_snapshot!(review_reply(&reviewer, ThreadOutcome::Answered, "Thank you."), @r"
        On the review by rita:

        Thank you.
        ");
        insta::assert_snapshot!(fork_is_left_alone(), @"This pull request comes from a fork, and wiz never writes there. Open an issue that says what is wrong, and comment `/wiz fix` there; or take the branch into this repository.");
        insta::assert_snapshot!(closed_pull_request("fix"), @"This pull request is closed, so I did not start. `/wiz fix` on an issue starts new work.");
        insta::assert_snapshot!(work_on_pull_request(), @"On a pull request I plan nothing: `/wiz fix …` says what to change in it, and a plan starts from an issue.");
        insta::assert_snapshot!(what_to_change("fix"), @"Say what to change: `/wiz fix …` with a few words, or comment on the lines in a review with `/wiz fix`.");
    }
}
