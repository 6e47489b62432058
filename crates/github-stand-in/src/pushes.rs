//! What follows when refs move, by REST, by `git push` or by a merge.
//!
//! One function compares git's refs with those last announced, and draws every consequence: `create`, `delete` and
//! `push` events, check suites, pull requests that synchronise, close or count as merged, issues closed by keywords.
//! Read first: [`announce`].

use anyhow::Result;
use serde_json::{Value, json};

use crate::actions;
use crate::events::{Audience, Event, emit};
use crate::git::Git;
use crate::render::{checks, commits, pulls, repositories};
use crate::rest::issue_state;
use crate::store::{CheckSuite, IssueState, Level, State};

const NOTHING: &str = "0000000000000000000000000000000000000000";
/// GitHub lists no more commits than this in a push event.
const MAX_PUSHED_COMMITS: usize = 2048;

struct Moved {
    name: String,
    before: Option<String>,
    after: Option<String>,
}

/// Announces every ref that moved since the last call. `actor` is who moved them.
///
/// # Errors
/// When git fails.
pub fn announce(state: &mut State, repository: u64, actor: u64) -> Result<()> {
    let Some(found) = state.repositories.get(&repository) else { return Ok(()) };
    let git = Git::at(&found.git_dir);
    let now = git.refs()?;
    let before = found.announced_refs.clone();
    let names: std::collections::BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let moved: Vec<Moved> = names
        .into_iter()
        .filter(|name| before.get(*name) != now.get(*name))
        .map(|name| Moved { name: name.clone(), before: before.get(name).cloned(), after: now.get(name).cloned() })
        .collect();
    if moved.is_empty() {
        return Ok(());
    }
    let time = state.now();
    if let Some(found) = state.repositories.get_mut(&repository) {
        found.announced_refs = now;
        found.pushed_at = time;
    }
    for change in &moved {
        announce_create_or_delete(state, repository, actor, change);
        announce_push(state, &git, (repository, actor), change)?;
        if let Some(branch) = change.name.strip_prefix("refs/heads/") {
            if let Some(after) = &change.after {
                make_suites(state, (repository, actor), branch, change)?;
                actions::pushed(state, (repository, actor), branch, (change.before.as_deref(), after))?;
            }
            move_pull_requests(state, &git, (repository, actor), branch, change)?;
            move_from_fork(state, (repository, actor), branch, change)?;
            close_by_keywords(state, &git, (repository, actor), branch, change)?;
        }
    }
    Ok(())
}

fn announce_create_or_delete(state: &mut State, repository: u64, actor: u64, change: &Moved) {
    let name = match (&change.before, &change.after) {
        (None, Some(_)) => "create",
        (Some(_), None) => "delete",
        (Some(_), Some(_)) | (None, None) => return,
    };
    let (kind, short) = match change.name.strip_prefix("refs/tags/") {
        Some(tag) => ("tag", tag),
        None => ("branch", change.name.trim_start_matches("refs/heads/")),
    };
    let mut payload = json!({ "ref": short, "ref_type": kind, "pusher_type": "user" });
    if name == "create"
        && let Some(found) = state.repositories.get(&repository)
    {
        payload["master_branch"] = json!(found.default_branch);
        payload["description"] = json!(found.description);
    }
    let audience = Audience::Subscribers;
    emit(state, &Event { name, action: None, repository: Some(repository), sender: actor, payload, audience });
}

fn announce_push(state: &mut State, git: &Git, place: (u64, u64), change: &Moved) -> Result<()> {
    let (repository, actor) = place;
    let Some(found) = state.repositories.get(&repository) else { return Ok(()) };
    let page = repositories::page_url(state, found);
    let before = change.before.as_deref().unwrap_or(NOTHING);
    let after = change.after.as_deref().unwrap_or(NOTHING);
    let mut pushed = Vec::new();
    let mut head = Value::Null;
    let mut forced = false;
    if let Some(after) = &change.after {
        let range = match &change.before {
            Some(before) => vec![format!("{before}..{after}")],
            None => vec![after.clone(), format!("^refs/heads/{}", found.default_branch)],
        };
        let mut arguments = vec!["--reverse", "--max-count=2048"];
        arguments.extend(range.iter().map(String::as_str));
        for commit in git.commits(&arguments)?.iter().take(MAX_PUSHED_COMMITS) {
            pushed.push(commits::pushed_commit(state, found, git, commit)?);
        }
        if let Some(commit) = git.commit(after)? {
            head = commits::pushed_commit(state, found, git, &commit)?;
        }
        forced = match &change.before {
            Some(before) => !git.is_ancestor(before, after)?,
            None => false,
        };
    }
    let account = state.accounts.get(&actor);
    let payload = json!({
        "ref": change.name, "before": before, "after": after, "base_ref": null,
        "created": change.before.is_none(), "deleted": change.after.is_none(), "forced": forced,
        "compare": format!("{page}/compare/{}...{}", &before[..12], &after[..12]),
        "commits": pushed, "head_commit": head,
        "pusher": {
            "name": state.login(actor),
            "email": account.map(crate::store::Account::noreply_email),
        },
    });
    let event = Event {
        name: "push",
        action: None,
        repository: Some(repository),
        sender: actor,
        payload,
        audience: Audience::Subscribers,
    };
    emit(state, &event);
    Ok(())
}

/// A push makes a check suite for every app that may write checks, and tells that app:
/// <https://docs.github.com/en/apps/creating-github-apps/writing-code-for-a-github-app/building-ci-checks-with-a-github-app>
fn make_suites(state: &mut State, place: (u64, u64), branch: &str, change: &Moved) -> Result<()> {
    let (repository, actor) = place;
    let Some(after) = &change.after else { return Ok(()) };
    let writes_checks = |permissions: &crate::store::PermissionSet| permissions.get("checks") >= Some(&Level::Write);
    let apps: Vec<u64> = state
        .installations
        .values()
        .filter(|i| i.repositories.contains(&repository) && i.suspended.is_none() && writes_checks(&i.permissions))
        .map(|i| i.app)
        .collect();
    for app in apps {
        let id = state.fresh_id();
        let now = state.now();
        let suite = CheckSuite {
            id,
            app,
            head_sha: after.clone(),
            head_branch: Some(branch.to_owned()),
            before: change.before.clone(),
            created_at: now,
            updated_at: now,
            asked_again: false,
        };
        let Some(found) = state.repositories.get_mut(&repository) else { return Ok(()) };
        let known = found.check_suites.values().any(|known| known.app == app && known.head_sha == *after);
        if known {
            continue;
        }
        found.check_suites.insert(id, suite.clone());
        let Some(found) = state.repositories.get(&repository) else { return Ok(()) };
        let payload = json!({ "check_suite": checks::suite(state, found, &suite)? });
        let event = Event {
            name: "check_suite",
            action: Some("requested"),
            repository: Some(repository),
            sender: actor,
            payload,
            audience: Audience::OneApp(app),
        };
        emit(state, &event);
    }
    Ok(())
}

/// Open pull requests follow their head; a head that is gone closes them; a head that is in the base counts as merged.
fn move_pull_requests(state: &mut State, git: &Git, place: (u64, u64), branch: &str, change: &Moved) -> Result<()> {
    let (repository, actor) = place;
    let Some(found) = state.repositories.get(&repository) else { return Ok(()) };
    let open: Vec<(u64, bool, String)> = found
        .issues
        .values()
        .filter(|issue| issue.state == IssueState::Open)
        .filter_map(|issue| issue.pull.as_ref().map(|pull| (issue.number, pull)))
        .map(|(number, pull)| (number, pull, pull.head_ref == branch && pull.head_repository == Some(repository)))
        .filter(|(_, pull, is_head)| *is_head || pull.base_ref == branch)
        .map(|(number, pull, is_head)| (number, is_head, pull.head_sha.clone()))
        .collect();
    for (number, is_head, head) in open {
        state.mergeability_unknown.insert((repository, number));
        match (&change.after, is_head) {
            (Some(after), true) => synchronise(state, git, (repository, number, actor), &head, after)?,
            (None, _) => issue_state::close(state, (repository, number), actor, "completed")?,
            (Some(after), false) if git.is_ancestor(&head, after)? => {
                issue_state::mark_merged(state, (repository, number), actor, after);
                issue_state::close(state, (repository, number), actor, "completed")?;
            }
            (Some(_), false) => {}
        }
    }
    Ok(())
}

/// Pull requests in other repositories follow a fork's branch too.
fn move_from_fork(state: &mut State, place: (u64, u64), branch: &str, change: &Moved) -> Result<()> {
    let (fork, actor) = place;
    let Some(fork_dir) = state.repositories.get(&fork).map(|found| found.git_dir.clone()) else { return Ok(()) };
    let mut open: Vec<(u64, u64, String)> = Vec::new();
    for base in state.repositories.values().filter(|base| base.id != fork) {
        for issue in base.issues.values().filter(|issue| issue.state == IssueState::Open) {
            let Some(pull) = &issue.pull else { continue };
            if pull.head_repository == Some(fork) && pull.head_ref == branch {
                open.push((base.id, issue.number, pull.head_sha.clone()));
            }
        }
    }
    for (base, number, before) in open {
        state.mergeability_unknown.insert((base, number));
        let Some(after) = &change.after else {
            issue_state::close(state, (base, number), actor, "completed")?;
            continue;
        };
        let Some(found) = state.repositories.get(&base) else { continue };
        let git = Git::at(&found.git_dir);
        git.fetch(&fork_dir, after, &format!("refs/pull/{number}/head"))?;
        synchronise(state, &git, (base, number, actor), &before, after)?;
    }
    Ok(())
}

fn synchronise(state: &mut State, git: &Git, place: (u64, u64, u64), before: &str, after: &str) -> Result<()> {
    let (repository, number, actor) = place;
    let now = state.now();
    git.run(&["update-ref", &format!("refs/pull/{number}/head"), after])?;
    let Some(found) = state.repositories.get_mut(&repository) else { return Ok(()) };
    let Some(issue) = found.issues.get_mut(&number) else { return Ok(()) };
    issue.updated_at = now;
    if let Some(pull) = &mut issue.pull {
        after.clone_into(&mut pull.head_sha);
        if let Some(base) = git.read_ref(&format!("refs/heads/{}", pull.base_ref))? {
            pull.base_sha = base;
        }
    }
    let Some(found) = state.repositories.get(&repository) else { return Ok(()) };
    let Some(issue) = found.issues.get(&number) else { return Ok(()) };
    let Some(pull) = &issue.pull else { return Ok(()) };
    let payload = json!({
        "number": number, "before": before, "after": after,
        "pull_request": pulls::full(state, found, issue, pull)?,
    });
    let event = Event {
        name: "pull_request",
        action: Some("synchronize"),
        repository: Some(repository),
        sender: actor,
        payload,
        audience: Audience::Subscribers,
    };
    emit(state, &event);
    actions::pull_request_moved(state, (repository, number), actor)
}

/// `Fixes #7` in a commit that reaches the default branch closes issue 7:
/// <https://docs.github.com/en/issues/tracking-your-work-with-issues/using-issues/linking-a-pull-request-to-an-issue>
fn close_by_keywords(state: &mut State, git: &Git, place: (u64, u64), branch: &str, change: &Moved) -> Result<()> {
    let (repository, actor) = place;
    let (Some(before), Some(after)) = (&change.before, &change.after) else { return Ok(()) };
    if state.repositories.get(&repository).is_none_or(|found| found.default_branch != branch) {
        return Ok(());
    }
    for commit in git.commits(&[&format!("{before}..{after}")])? {
        for number in closing_numbers(&commit.message) {
            issue_state::close(state, (repository, number), actor, "completed")?;
        }
    }
    Ok(())
}

/// The issues that a text closes.
pub fn closing_numbers(text: &str) -> Vec<u64> {
    const KEYWORDS: [&str; 9] =
        ["close", "closes", "closed", "fix", "fixes", "fixed", "resolve", "resolves", "resolved"];
    let words: Vec<&str> = text.split_whitespace().collect();
    let pairs = words.windows(2).filter_map(|pair| {
        let keyword = pair[0].trim_start_matches(['(', '*', '_']).trim_end_matches(':').to_lowercase();
        let number = pair[1].strip_prefix('#')?;
        let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
        if KEYWORDS.contains(&keyword.as_str()) { digits.parse().ok() } else { None }
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::closing_numbers;

    #[test]
    fn keywords_close_issues() {
        assert_eq!(closing_numbers("Fixes #12, and\ncloses: #7. See #9"), [12, 7]);
        assert_eq!(closing_numbers("prefixes #3 fix 4"), Vec::<u64>::new());
    }
}
