//! Pull requests.

use anyhow::Result;
use serde_json::{Value, json};

use super::accounts::{merge, user, user_or_null};
use super::issues::association;
use super::node_id;
use super::repositories::{api_url, label, page_url, repository as repository_json};
use crate::git::Git;
use crate::store::{Issue, PullRequest, Repository, State, stamp};

/// A pull request as lists show it (`pull-request-simple`).
pub fn simple(state: &State, repository: &Repository, issue: &Issue, pull: &PullRequest) -> Value {
    let api = api_url(state, repository);
    let page = page_url(state, repository);
    let number = issue.number;
    let url = format!("{api}/pulls/{number}");
    let labels: Vec<Value> = issue
        .labels
        .iter()
        .filter_map(|name| repository.label(name))
        .map(|found| label(state, repository, found))
        .collect();
    let assignees: Vec<Value> = issue.assignees.iter().map(|id| user(state, *id)).collect();
    let reviewers: Vec<Value> = pull.requested_reviewers.iter().map(|id| user(state, *id)).collect();
    let mut value = json!({
        "id": pull.id,
        "node_id": node_id("PullRequest", pull.id),
        "number": number,
        "state": issue.state.as_str(),
        "locked": issue.locked.is_some(),
        "active_lock_reason": issue.locked.clone().flatten(),
        "title": issue.title,
        "user": user(state, issue.user),
        "body": issue.body,
        "labels": labels,
        "milestone": null,
        "created_at": stamp(issue.created_at),
        "updated_at": stamp(issue.updated_at),
        "closed_at": issue.closed_at.map(stamp),
        "merged_at": pull.merged_at.map(stamp),
        "merge_commit_sha": pull.merge_commit_sha,
        "assignee": assignees.first().cloned().unwrap_or(Value::Null),
        "assignees": assignees,
        "requested_reviewers": reviewers,
        "requested_teams": [],
        "draft": pull.draft,
        "head": head_side(state, pull),
        "base": side(state, repository, &pull.base_ref, &pull.base_sha),
        "author_association": association(state, repository, issue.user),
        "auto_merge": null,
    });
    merge(&mut value, links(&api, &page, &url, number, &pull.head_sha));
    value
}

fn links(api: &str, page: &str, url: &str, number: u64, head: &str) -> Value {
    let html = format!("{page}/pull/{number}");
    let issue = format!("{api}/issues/{number}");
    let comment = format!("{api}/pulls/comments{{/number}}");
    let statuses = format!("{api}/statuses/{head}");
    json!({
        "url": url,
        "html_url": html,
        "diff_url": format!("{html}.diff"),
        "patch_url": format!("{html}.patch"),
        "issue_url": issue,
        "commits_url": format!("{url}/commits"),
        "review_comments_url": format!("{url}/comments"),
        "review_comment_url": comment,
        "comments_url": format!("{issue}/comments"),
        "statuses_url": statuses,
        "_links": {
            "self": { "href": url },
            "html": { "href": html },
            "issue": { "href": issue },
            "comments": { "href": format!("{issue}/comments") },
            "review_comments": { "href": format!("{url}/comments") },
            "review_comment": { "href": comment },
            "commits": { "href": format!("{url}/commits") },
            "statuses": { "href": statuses },
        },
    })
}

/// The head; of a deleted fork GitHub knows neither the repository nor whose it was.
fn head_side(state: &State, pull: &PullRequest) -> Value {
    match pull.head_repository.and_then(|id| state.repositories.get(&id)) {
        Some(found) => side(state, found, &pull.head_ref, &pull.head_sha),
        None => json!({
            "label": pull.head_ref, "ref": pull.head_ref, "sha": pull.head_sha, "user": null, "repo": null,
        }),
    }
}

fn side(state: &State, repository: &Repository, branch: &str, sha: &str) -> Value {
    let mut repo = repository_json(state, repository);
    let settings = json!({
        "allow_squash_merge": true, "allow_merge_commit": true, "allow_rebase_merge": true,
        "allow_auto_merge": false, "delete_branch_on_merge": false, "allow_update_branch": false,
    });
    merge(&mut repo, settings);
    json!({
        "label": format!("{}:{branch}", state.login(repository.owner)),
        "ref": branch,
        "sha": sha,
        "user": user(state, repository.owner),
        "repo": repo,
    })
}

/// A whole pull request, with what git says about it now.
pub fn full(state: &State, repository: &Repository, issue: &Issue, pull: &PullRequest) -> Result<Value> {
    let git = Git::at(&repository.git_dir);
    let from = git.merge_base(&pull.base_sha, &pull.head_sha)?.unwrap_or_else(|| pull.base_sha.clone());
    let changes = git.changes(&from, &pull.head_sha)?;
    let unknown = state.mergeability_unknown.contains(&(repository.id, issue.number));
    // GitHub computes mergeability in the background and says null until it knows:
    // https://docs.github.com/en/rest/pulls/pulls#get-a-pull-request
    let mergeable = if unknown || pull.merged_at.is_some() {
        None
    } else {
        let base = git.read_ref(&format!("refs/heads/{}", pull.base_ref))?;
        base.map(|base| git.merged_tree(&base, &pull.head_sha)).transpose()?.map(|tree| tree.is_some())
    };
    let mergeable_state = match (mergeable, pull.draft) {
        (None, _) => "unknown",
        (Some(false), _) => "dirty",
        (Some(true), true) => "draft",
        (Some(true), false) => "clean",
    };
    let mut value = simple(state, repository, issue, pull);
    let more = json!({
        "merged": pull.merged_at.is_some(),
        "mergeable": mergeable,
        "rebaseable": mergeable,
        "mergeable_state": mergeable_state,
        "merged_by": user_or_null(state, pull.merged_by),
        "comments": repository.comments_of(issue.number).count(),
        "review_comments": pull.review_comments.len(),
        "maintainer_can_modify": pull.maintainer_can_modify,
        "commits": git.count(&format!("{from}..{}", pull.head_sha))?,
        "additions": changes.iter().map(|change| change.additions).sum::<u64>(),
        "deletions": changes.iter().map(|change| change.deletions).sum::<u64>(),
        "changed_files": changes.len(),
    });
    merge(&mut value, more);
    Ok(value)
}

/// The short form in check runs and suites (`pull-request-minimal`).
pub fn minimal(state: &State, repository: &Repository, issue: &Issue, pull: &PullRequest) -> Value {
    let api = api_url(state, repository);
    let repo = json!({ "id": repository.id, "url": api, "name": repository.name });
    json!({
        "id": pull.id,
        "number": issue.number,
        "url": format!("{api}/pulls/{}", issue.number),
        "head": { "ref": pull.head_ref, "sha": pull.head_sha, "repo": repo },
        "base": { "ref": pull.base_ref, "sha": pull.base_sha, "repo": repo },
    })
}
