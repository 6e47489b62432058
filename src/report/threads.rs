//! What wiz says in the threads of a review that it worked.

use super::{neutralise, plain};
use crate::{
    error::UserMessage,
    ids::{CommitSha, IssueNumber, Login},
};

/// Longest reply shown, in characters.
const REPLY_CHARS: usize = 2_000;

/// What became of a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThreadOutcome<'a> {
    /// The change is in this commit.
    Changed { commit: &'a CommitSha },
    /// The change is offered, since the branch is in a fork.
    Suggested,
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
        ThreadOutcome::Suggested => {
            format!("Suggested: whoever owns the branch can take over what I offer on this pull request.\n\n{reply}")
        }
        ThreadOutcome::Answered => reply,
        ThreadOutcome::Declined => format!("Not changed.\n\n{reply}"),
    }
}

/// The answer in a thread of a review that has more of them than are worked at once.
pub fn thread_left_over(most: usize) -> String {
    format!(
        "I have not come to this: I work on {most} threads of one review at most. A reply here with `/wiz fix` lets me take it up."
    )
}

/// The answer to a review's own text, which has no thread.
pub fn review_reply(reviewer: &Login, outcome: ThreadOutcome<'_>, reply: &str) -> String {
    format!("On the review by {}:\n\n{}", plain(reviewer.as_str(), 110), thread_reply(outcome, reply))
}

/// Nothing came of what somebody asked for; `elsewhere` is the issue where the run tells more.
pub fn follow_up_failed(reason: &UserMessage, elsewhere: Option<IssueNumber>) -> String {
    let text = reason.to_string();
    // What follows the first paragraph belongs to the status comment.
    let first = text.split("\n\n").next().unwrap_or_default().trim_end_matches([':', '.']);
    let more = elsewhere.map(|issue| format!(" The status comment in #{issue} shows more.")).unwrap_or_default();
    format!("I could not do this, and nothing was published. {first}.{more}")
}

/// What somebody asked for waits behind other work, which has failed.
pub fn follow_up_held_up() -> String {
    "I have not come to this: the work before it has failed. `/wiz retry` goes on with that, and then with this."
        .to_owned()
}

/// A review had no words to work on, or none any more, when its turn came.
pub fn nothing_left_in_review(reviewer: &Login) -> String {
    format!(
        "I changed nothing on the review by {}: it says nothing besides the command, or its threads are resolved or gone. A \
         single comment is a review of its own; `/wiz fix …` with a few words says what to change.",
        plain(reviewer.as_str(), 110)
    )
}

/// Work was ordered on a pull request that is closed or merged.
pub fn closed_pull_request(verb: &str) -> String {
    format!("This pull request is closed, so I did not start. `/wiz {}` on an issue starts new work.", plain(verb, 20))
}

/// Flags that say how work begins were given where it goes on.
pub fn flags_of_new_run(verb: &str) -> String {
    format!(
        "My run of this pull request has a budget and a model of its own, so `--max` and `--model` mean nothing here and I did \
         not start. Give `/wiz {}` without them.",
        plain(verb, 20)
    )
}

/// Flags that say how a pull request comes about were given where there is one.
pub fn flags_of_new_pull_request(verb: &str) -> String {
    format!(
        "On a pull request I work on its branch and plan nothing, so `--base`, `--draft` and `--plan` mean nothing here and I \
         did not start. Give `/wiz {}` without them.",
        plain(verb, 20)
    )
}

/// The pull request's branch is the default branch.
pub fn offers_default_branch(verb: &str) -> String {
    format!(
        "This pull request's branch is the default branch, to which I never commit. `/wiz {}` on an issue brings a pull \
         request to it.",
        plain(verb, 20)
    )
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
        insta::assert_snapshot!(thread_left_over(50), @"I have not come to this: I work on 50 threads of one review at most. A reply here with `/wiz fix` lets me take it up.");
        let reviewer = "rita".parse().unwrap();
        insta::assert_snapshot!(review_reply(&reviewer, ThreadOutcome::Answered, "Thank you."), @r"
        On the review by rita:

        Thank you.
        ");
        insta::assert_snapshot!(thread_reply(ThreadOutcome::Suggested, "It says hi."), @r"
        Suggested: whoever owns the branch can take over what I offer on this pull request.

        It says hi.
        ");
        let reason = UserMessage::new("The command failed. `/wiz retry` tries again.\n\n```text\nno make\n```");
        insta::assert_snapshot!(follow_up_failed(&reason, Some(IssueNumber(3))), @"I could not do this, and nothing was published. The command failed. `/wiz retry` tries again. The status comment in #3 shows more.");
        insta::assert_snapshot!(follow_up_failed(&reason, None), @"I could not do this, and nothing was published. The command failed. `/wiz retry` tries again.");
        insta::assert_snapshot!(follow_up_held_up(), @"I have not come to this: the work before it has failed. `/wiz retry` goes on with that, and then with this.");
        insta::assert_snapshot!(nothing_left_in_review(&reviewer), @"I changed nothing on the review by rita: it says nothing besides the command, or its threads are resolved or gone. A single comment is a review of its own; `/wiz fix …` with a few words says what to change.");
        insta::assert_snapshot!(offers_default_branch("docs"), @"This pull request's branch is the default branch, to which I never commit. `/wiz docs` on an issue brings a pull request to it.");
        insta::assert_snapshot!(closed_pull_request("fix"), @"This pull request is closed, so I did not start. `/wiz fix` on an issue starts new work.");
        insta::assert_snapshot!(work_on_pull_request(), @"On a pull request I plan nothing: `/wiz fix …` says what to change in it, and a plan starts from an issue.");
        insta::assert_snapshot!(what_to_change("fix"), @"Say what to change: `/wiz fix …` with a few words, or comment on the lines in a review with `/wiz fix`.");
    }
}
