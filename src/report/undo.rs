//! What `/wiz undo` came to.

use super::code;
use crate::ids::{BranchName, CommitSha, IssueNumber, RunId};

/// What was taken back of a run, and what could not be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UndoView {
    pub closed: Vec<IssueNumber>,
    pub deleted: Vec<BranchName>,
    /// Issues that say again what they said before.
    pub restored: Vec<IssueNumber>,
    pub comments: usize,
    pub reactions: usize,
    /// Threads of reviews that are open again.
    pub reopened: usize,
    /// People who are no longer asked to review.
    pub withdrawn: usize,
    pub stays: Vec<Stays>,
}

/// Something that cannot be taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stays {
    Merged(IssueNumber),
    /// Somebody else's commits are on wiz's branch.
    Branch {
        branch: BranchName,
        head: CommitSha,
    },
    /// Another pull request is open from wiz's branch.
    BranchInUse {
        branch: BranchName,
        pull: IssueNumber,
    },
    /// wiz's commits on somebody else's branch.
    Commits {
        branch: BranchName,
        commits: Vec<CommitSha>,
    },
    /// The text of an issue that was edited again since.
    Text(IssueNumber),
    CheckRuns(usize),
    /// Another run has written to them since.
    OthersCheckRuns(usize),
    Reviews(usize),
    Reruns(usize),
    Issues(usize),
    /// GitHub refused to take back so many things.
    Refused(usize),
}

/// Digits of a commit that are shown.
const SHORT: usize = 7;

/// Most commits named on one line.
const LISTED: usize = 20;

/// The answer to whoever asked.
pub fn undone(run: RunId, view: &UndoView) -> String {
    let mut taken = Vec::new();
    taken.extend(view.closed.iter().map(|pull| format!("closed #{pull}")));
    taken.extend(view.deleted.iter().map(|branch| format!("deleted the branch {}", code(branch.as_str(), 250))));
    taken.extend(view.restored.iter().map(|issue| format!("put the text of #{issue} back as it was")));
    let counted = [
        ("removed", view.comments, "comment", "comments"),
        ("removed", view.reactions, "reaction", "reactions"),
        ("opened", view.reopened, "resolved thread again", "resolved threads again"),
        ("withdrew", view.withdrawn, "request for a review", "requests for reviews"),
    ];
    taken.extend(
        counted
            .into_iter()
            .filter(|(_, count, ..)| *count > 0)
            .map(|(did, count, one, many)| format!("{did} {count} {}", if count == 1 { one } else { many })),
    );
    let stays: Vec<String> = view.stays.iter().map(stay).collect();
    let list = |items: &[String]| items.iter().map(|item| format!("- {item}\n")).collect::<String>();
    let mut text = if taken.is_empty() {
        format!("Run {run} has nothing on GitHub that I could take back.\n")
    } else {
        format!("### Taken back\n\nOf run {run} I have\n\n{}", list(&taken))
    };
    if !stays.is_empty() {
        text += &format!("\nWhat stays:\n\n{}", list(&stays));
    }
    if !taken.is_empty() {
        text += "\nMails and notifications are with people already. `/wiz fix` on an issue starts over.\n";
    }
    text
}

fn stay(stays: &Stays) -> String {
    let short = |commit: &CommitSha| code(&commit.as_str()[..SHORT], SHORT);
    let are = |count: usize| if count == 1 { "" } else { "s" };
    match stays {
        Stays::Merged(pull) => {
            format!("#{pull} is merged; GitHub's **Revert** button on it opens a pull request against it")
        }
        Stays::Branch { branch, head } => format!(
            "the branch {} holds commits that are not mine, {} the newest, and I never destroy those; delete it when \
             nobody needs them",
            code(branch.as_str(), 250),
            short(head)
        ),
        Stays::BranchInUse { branch, pull } => format!(
            "the branch {}, from which #{pull} is open; delete it when nobody needs that",
            code(branch.as_str(), 250)
        ),
        Stays::Commits { branch, commits } => {
            let named: Vec<String> = commits.iter().take(LISTED).map(short).collect();
            format!(
                "on the branch {}, which is not mine, `git revert` takes back {}",
                code(branch.as_str(), 250),
                named.join(", ")
            )
        }
        Stays::Text(issue) => format!("the text of #{issue}, which somebody has edited since I did"),
        Stays::CheckRuns(count) => {
            format!("{count} check run{}, neutral now: nobody can delete one", are(*count))
        }
        Stays::OthersCheckRuns(count) => {
            let show = if *count == 1 { "shows" } else { "show" };
            format!("{count} check run{}, which {show} what another run says of the same commit", are(*count))
        }
        Stays::Reviews(count) => format!("{count} submitted review{}: nobody can delete one", are(*count)),
        Stays::Reruns(count) => format!("{count} workflow run{} that tried again", are(*count)),
        Stays::Issues(1) => "1 issue that I opened; close it when nobody needs it".to_owned(),
        Stays::Issues(count) => format!("{count} issues that I opened; close them when nobody needs them"),
        Stays::Refused(count) => {
            let them = if *count == 1 { "it" } else { "them" };
            format!(
                "{count} thing{} that GitHub did not let me take back; the operator's log names {them}",
                are(*count)
            )
        }
    }
}

/// What a check run says whose run was taken back: title and summary.
pub fn undone_check(run: RunId) -> (String, String) {
    ("Taken back".to_owned(), format!("Run {run} was taken back with `/wiz undo`; what this check was about is gone."))
}

/// An order to a run that was taken back.
pub fn was_undone(run: RunId) -> String {
    format!("Run {run} was taken back with `/wiz undo`, so it cannot go on. `/wiz fix` on an issue starts over.")
}

/// It could not be carried out.
pub fn not_undone(run: RunId) -> String {
    format!(
        "I could not take back all of run {run} after several tries; the operator's log has the reason. What is left \
         can be asked for again with `/wiz undo`."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_is_gone_and_what_stays() {
        let commit = |digit: &str| digit.repeat(40).parse::<CommitSha>().unwrap();
        let branch = |name: &str| name.parse::<BranchName>().unwrap();
        let view = UndoView {
            closed: vec![IssueNumber(8)],
            deleted: vec![branch("wiz/run-1-greet")],
            restored: vec![IssueNumber(5)],
            comments: 3,
            reactions: 1,
            reopened: 2,
            withdrawn: 1,
            stays: vec![
                Stays::Merged(IssueNumber(9)),
                Stays::Branch { branch: branch("wiz/run-1-`x`"), head: commit("b") },
                Stays::Commits { branch: branch("topic"), commits: vec![commit("c"), commit("d")] },
                Stays::BranchInUse { branch: branch("wiz/run-1-greet"), pull: IssueNumber(12) },
                Stays::Text(IssueNumber(6)),
                Stays::CheckRuns(1),
                Stays::OthersCheckRuns(2),
                Stays::Reviews(2),
                Stays::Reruns(1),
                Stays::Issues(1),
                Stays::Issues(2),
                Stays::Refused(2),
            ],
        };
        insta::assert_snapshot!(undone(RunId(1), &view), @r"
        ### Taken back

        Of run 1 I have

        - closed #8
        - deleted the branch `wiz/run-1-greet`
        - put the text of #5 back as it was
        - removed 3 comments
        - removed 1 reaction
        - opened 2 resolved threads again
        - withdrew 1 request for a review

        What stays:

        - #9 is merged; GitHub's **Revert** button on it opens a pull request against it
        - the branch `` wiz/run-1-`x` `` holds commits that are not mine, `bbbbbbb` the newest, and I never destroy those; delete it when nobody needs them
        - on the branch `topic`, which is not mine, `git revert` takes back `ccccccc`, `ddddddd`
        - the branch `wiz/run-1-greet`, from which #12 is open; delete it when nobody needs that
        - the text of #6, which somebody has edited since I did
        - 1 check run, neutral now: nobody can delete one
        - 2 check runs, which show what another run says of the same commit
        - 2 submitted reviews: nobody can delete one
        - 1 workflow run that tried again
        - 1 issue that I opened; close it when nobody needs it
        - 2 issues that I opened; close them when nobody needs them
        - 2 things that GitHub did not let me take back; the operator's log names them

        Mails and notifications are with people already. `/wiz fix` on an issue starts over.
        ");
        insta::assert_snapshot!(undone(RunId(1), &UndoView::default()), @"Run 1 has nothing on GitHub that I could take back.");
        let (title, summary) = undone_check(RunId(1));
        insta::assert_snapshot!(format!("{title}: {summary}"), @"Taken back: Run 1 was taken back with `/wiz undo`; what this check was about is gone.");
        insta::assert_snapshot!(was_undone(RunId(1)), @"Run 1 was taken back with `/wiz undo`, so it cannot go on. `/wiz fix` on an issue starts over.");
        insta::assert_snapshot!(not_undone(RunId(1)), @"I could not take back all of run 1 after several tries; the operator's log has the reason. What is left can be asked for again with `/wiz undo`.");
    }

    #[test]
    fn one_and_many_are_told_apart() {
        let others = UndoView {
            comments: 1,
            reactions: 2,
            reopened: 1,
            withdrawn: 2,
            stays: vec![
                Stays::CheckRuns(2),
                Stays::OthersCheckRuns(1),
                Stays::Reviews(1),
                Stays::Reruns(2),
                Stays::Refused(1),
            ],
            ..UndoView::default()
        };
        insta::assert_snapshot!(undone(RunId(1), &others), @r"
        ### Taken back

        Of run 1 I have

        - removed 1 comment
        - removed 2 reactions
        - opened 1 resolved thread again
        - withdrew 2 requests for reviews

        What stays:

        - 2 check runs, neutral now: nobody can delete one
        - 1 check run, which shows what another run says of the same commit
        - 1 submitted review: nobody can delete one
        - 2 workflow runs that tried again
        - 1 thing that GitHub did not let me take back; the operator's log names it

        Mails and notifications are with people already. `/wiz fix` on an issue starts over.
        ");
    }
}
