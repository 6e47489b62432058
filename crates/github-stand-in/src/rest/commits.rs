//! Commits, branches, comparisons.

use serde_json::{Value, json};

use super::Call;
use crate::answer::{Answer, Handled, Refusal};
use crate::git::{Commit, Git};
use crate::render::{commits, repositories, url_path};

/// A commit by branch, tag or sha; GitHub says 422 for a name that resolves to nothing.
fn named_commit(git: &Git, name: &str) -> Result<Commit, Refusal> {
    let missing = || Refusal::new(422, format!("No commit found for SHA: {name}"));
    git.commit(name.trim_start_matches("refs/"))?.ok_or_else(missing)
}

/// `GET /repos/{owner}/{repo}/branches/{branch}`
pub fn get_branch(call: &mut Call<'_>) -> Handled {
    let (git, branch) = (call.git()?, call.parameter("branch"));
    let Some(sha) = git.read_ref(&format!("refs/heads/{branch}"))? else {
        return Err(Refusal::new(404, "Branch not found"));
    };
    let repository = call.repo()?;
    let commit = git.commit(&sha)?.ok_or_else(Refusal::not_found)?;
    let api = repositories::api_url(call.state, repository);
    let page = repositories::page_url(call.state, repository);
    let path = url_path(branch);
    let protection_url = format!("{api}/branches/{path}/protection");
    Ok(Answer::ok(json!({
        "name": branch,
        "commit": commits::commit(call.state, repository, &commit),
        "_links": { "self": format!("{api}/branches/{path}"), "html": format!("{page}/tree/{path}") },
        "protected": false,
        "protection": {
            "enabled": false,
            "required_status_checks": { "enforcement_level": "off", "contexts": [], "checks": [] },
        },
        "protection_url": protection_url,
    })))
}

/// `GET /repos/{owner}/{repo}/commits`
pub fn list(call: &mut Call<'_>) -> Handled {
    let repository = call.repo()?;
    let git = call.git()?;
    let start = call.asked("sha").unwrap_or(&repository.default_branch);
    let sha = git.resolve_commit(start)?.ok_or_else(Refusal::not_found)?;
    let mut arguments = vec![sha.as_str()];
    if let Some(path) = call.asked("path") {
        arguments.extend(["--", path]);
    }
    let found = git.commits(&arguments)?;
    Ok(Answer::list(found.iter().map(|commit| commits::commit(call.state, repository, commit)).collect()))
}

/// `GET /repos/{owner}/{repo}/commits/{ref}`
pub fn get(call: &mut Call<'_>) -> Handled {
    let repository = call.repo()?;
    let git = call.git()?;
    let commit = named_commit(&git, call.parameter("ref"))?;
    let empty_tree = git.write_tree(None, &[])?;
    let from = commit.parents.first().unwrap_or(&empty_tree);
    if call.accept.contains("diff") {
        return Ok(Answer::raw(
            "application/vnd.github.diff; charset=utf-8",
            git.patch(from, &commit.sha)?.into_bytes(),
        ));
    }
    if call.accept.contains("vnd.github.sha") {
        return Ok(Answer::raw("application/vnd.github.sha; charset=utf-8", commit.sha.into_bytes()));
    }
    let changes = git.changes(from, &commit.sha)?;
    let additions: u64 = changes.iter().map(|change| change.additions).sum();
    let deletions: u64 = changes.iter().map(|change| change.deletions).sum();
    let mut value = commits::commit(call.state, repository, &commit);
    value["stats"] = json!({ "additions": additions, "deletions": deletions, "total": additions + deletions });
    value["files"] =
        changes.iter().map(|change| commits::file_change(call.state, repository, change, &commit.sha)).collect();
    Ok(Answer::ok(value))
}

/// `GET /repos/{owner}/{repo}/compare/{basehead}`
pub fn compare(call: &mut Call<'_>) -> Handled {
    let repository = call.repo()?;
    let git = call.git()?;
    let (base, head) = call.parameter("basehead").split_once("...").ok_or_else(Refusal::not_found)?;
    let own = format!("{}:", call.state.login(repository.owner));
    let find = |name: &str| git.commit(name.strip_prefix(&own).unwrap_or(name));
    let base = find(base)?.ok_or_else(Refusal::not_found)?;
    let head = find(head)?.ok_or_else(Refusal::not_found)?;
    let merge_base = git.merge_base(&base.sha, &head.sha)?.ok_or_else(Refusal::not_found)?;
    let ahead = git.commits(&["--reverse", &format!("{}..{}", base.sha, head.sha)])?;
    let behind = git.count(&format!("{}..{}", head.sha, base.sha))?;
    let status = match (ahead.len(), behind) {
        (0, 0) => "identical",
        (0, _) => "behind",
        (_, 0) => "ahead",
        (_, _) => "diverged",
    };
    let changes = git.changes(&merge_base, &head.sha)?;
    let merge_base = git.commit(&merge_base)?.ok_or_else(Refusal::not_found)?;
    let show = |commit: &Commit| commits::commit(call.state, repository, commit);
    let files = changes.iter().map(|change| commits::file_change(call.state, repository, change, &head.sha));
    let page = format!("{}/compare/{}...{}", repositories::page_url(call.state, repository), base.sha, head.sha);
    Ok(Answer::ok(json!({
        "url": format!("{}/compare/{}...{}", repositories::api_url(call.state, repository), base.sha, head.sha),
        "html_url": page, "permalink_url": page,
        "diff_url": format!("{page}.diff"), "patch_url": format!("{page}.patch"),
        "base_commit": show(&base), "merge_base_commit": show(&merge_base),
        "status": status, "ahead_by": ahead.len(), "behind_by": behind, "total_commits": ahead.len(),
        "commits": ahead.iter().map(show).collect::<Vec<Value>>(),
        "files": files.collect::<Vec<Value>>(),
    })))
}
