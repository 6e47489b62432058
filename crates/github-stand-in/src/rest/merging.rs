//! Merging a pull request: a real commit in the bare repository.

use serde_json::json;

use super::{Call, issue_state};
use crate::answer::{Answer, Handled, Refusal};
use crate::git::{Git, Identity, NewCommit};
use crate::pushes::closing_numbers;
use crate::store::{Issue, IssueState, PullRequest};

/// `PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge`
pub fn merge(call: &mut Call<'_>) -> Handled {
    let (issue, pull) = call.pull()?;
    let (issue, pull) = (issue.clone(), pull.clone());
    let (number, actor) = (issue.number, call.actor()?);
    let not_mergeable = || Refusal::new(405, "Pull Request is not mergeable");
    if issue.state == IssueState::Closed || pull.draft {
        return Err(not_mergeable());
    }
    if call.text("sha").is_some_and(|sha| sha != pull.head_sha) {
        return Err(Refusal::new(409, "Head branch was modified. Review and try the merge again."));
    }
    let git = call.git()?;
    let base_name = format!("refs/heads/{}", pull.base_ref);
    let base = git.read_ref(&base_name)?.ok_or_else(not_mergeable)?;
    let account = call.state.accounts.get(&actor).ok_or_else(Refusal::not_found)?;
    let now = call.state.now();
    let author = Identity { name: account.login.clone(), email: account.noreply_email(), date: now };
    let committer = Identity { name: "GitHub".to_owned(), email: "noreply@github.com".to_owned(), date: now };
    let made = match call.text("merge_method").unwrap_or("merge") {
        "rebase" => git.rebase(&base, &pull.head_sha, &committer)?,
        method => {
            let message = merge_message(call, &issue, &pull, method == "squash")?;
            let parents =
                if method == "squash" { vec![base.clone()] } else { vec![base.clone(), pull.head_sha.clone()] };
            write_merge(&git, &base, &pull.head_sha, (&parents, &message, &author, &committer))?
        }
    };
    let sha = made.ok_or_else(not_mergeable)?;
    if !git.move_ref(&base_name, &sha, Some(&base))? {
        return Err(Refusal::new(405, "Base branch was modified. Review and try the merge again."));
    }
    call.repo_mut()?.signed_commits.insert(sha.clone());
    issue_state::mark_merged(call.state, (call.repository, number), actor, &sha);
    issue_state::close(call.state, (call.repository, number), actor, "completed")?;
    call.announce()?;
    // Keywords in the description count only for merges into the default branch:
    // https://docs.github.com/en/issues/tracking-your-work-with-issues/using-issues/linking-a-pull-request-to-an-issue
    if pull.base_ref == call.repo()?.default_branch {
        for linked in closing_numbers(issue.body.as_deref().unwrap_or_default()) {
            issue_state::close(call.state, (call.repository, linked), actor, "completed")?;
        }
    }
    Ok(Answer::ok(json!({ "sha": sha, "merged": true, "message": "Pull Request successfully merged" })))
}

type MergeParts<'a> = (&'a [String], &'a str, &'a Identity, &'a Identity);

fn write_merge(git: &Git, base: &str, head: &str, parts: MergeParts<'_>) -> Result<Option<String>, Refusal> {
    let (parents, message, author, committer) = parts;
    let Some(tree) = git.merged_tree(base, head)? else { return Ok(None) };
    Ok(Some(git.write_commit(&NewCommit { tree: &tree, parents, message, author, committer })?))
}

/// The message the caller gave, or the one GitHub writes:
/// <https://docs.github.com/en/pull-requests/collaborating-with-pull-requests/incorporating-changes-from-a-pull-request/about-pull-request-merges>
fn merge_message(call: &Call<'_>, issue: &Issue, pull: &PullRequest, squash: bool) -> Result<String, Refusal> {
    let number = issue.number;
    let head = pull.head_repository.and_then(|id| call.state.repositories.get(&id));
    let owner = call.state.login(head.map_or(call.repo()?.owner, |head| head.owner));
    let (title, text) = if squash {
        let range = format!("{}..{}", super::pulls::merge_base(call, pull)?, pull.head_sha);
        let commits = call.git()?.commits(&["--reverse", "--no-merges", &range])?;
        match commits.as_slice() {
            [only] => {
                let (subject, rest) = only.message.split_once('\n').unwrap_or((&only.message, ""));
                (format!("{subject} (#{number})"), rest.trim().to_owned())
            }
            many => {
                let lines: Vec<String> = many.iter().map(|commit| format!("* {}", commit.message)).collect();
                (format!("{} (#{number})", issue.title), lines.join("\n\n"))
            }
        }
    } else {
        (format!("Merge pull request #{number} from {owner}/{}", pull.head_ref), issue.title.clone())
    };
    let title = call.text("commit_title").unwrap_or(&title);
    let text = call.text("commit_message").unwrap_or(&text);
    Ok(if text.is_empty() { title.to_owned() } else { format!("{title}\n\n{text}") })
}
