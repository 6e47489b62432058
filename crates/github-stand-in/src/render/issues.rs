//! Issues, conversation comments and reactions.

use serde_json::{Value, json};

use super::accounts::{app_or_null, merge, user, user_or_null};
use super::node_id;
use super::repositories::{api_url, label, page_url};
use crate::store::{Comment, Issue, Reaction, Repository, Role, State, stamp};

/// How an author stands to the repository. For display only: GitHub says not to rely on it for access.
pub fn association(state: &State, repository: &Repository, account: u64) -> &'static str {
    if repository.owner == account {
        return "OWNER";
    }
    match repository.roles.get(&account) {
        Some(Role::Triage | Role::Write | Role::Maintain | Role::Admin | Role::Read) => "COLLABORATOR",
        Some(Role::None) | None => {
            let committed = repository
                .issues
                .values()
                .any(|issue| issue.user == account && issue.pull.as_ref().is_some_and(|pull| pull.merged_at.is_some()));
            let bot = state.apps.values().any(|app| app.bot == account);
            if committed && !bot { "CONTRIBUTOR" } else { "NONE" }
        }
    }
}

/// An issue (or the issue side of a pull request).
pub fn issue(state: &State, repository: &Repository, issue: &Issue) -> Value {
    let api = api_url(state, repository);
    let page = page_url(state, repository);
    let number = issue.number;
    let url = format!("{api}/issues/{number}");
    let kind = if issue.pull.is_some() { "pull" } else { "issues" };
    let labels: Vec<Value> = issue
        .labels
        .iter()
        .filter_map(|name| repository.label(name))
        .map(|found| label(state, repository, found))
        .collect();
    let assignees: Vec<Value> = issue.assignees.iter().map(|id| user(state, *id)).collect();
    let mut value = json!({
        "url": url,
        "repository_url": api,
        "labels_url": format!("{url}/labels{{/name}}"),
        "comments_url": format!("{url}/comments"),
        "events_url": format!("{url}/events"),
        "timeline_url": format!("{url}/timeline"),
        "html_url": format!("{page}/{kind}/{number}"),
        "id": issue.id,
        "node_id": node_id("Issue", issue.id),
        "number": number,
        "title": issue.title,
        "user": user(state, issue.user),
        "labels": labels,
        "state": issue.state.as_str(),
        "state_reason": issue.state_reason,
        "locked": issue.locked.is_some(),
        "assignee": assignees.first().cloned().unwrap_or(Value::Null),
        "assignees": assignees,
        "milestone": null,
        "comments": repository.comments_of(number).count(),
        "created_at": stamp(issue.created_at),
        "updated_at": stamp(issue.updated_at),
        "closed_at": issue.closed_at.map(stamp),
        "closed_by": user_or_null(state, issue.closed_by),
        "author_association": association(state, repository, issue.user),
        "active_lock_reason": issue.locked.clone().flatten(),
        "body": issue.body,
        "reactions": rollup(&url, &issue.reactions),
        "performed_via_github_app": app_or_null(state, issue.app),
        "sub_issues_summary": { "total": 0, "completed": 0, "percent_completed": 0 },
        "issue_dependencies_summary": { "blocked_by": 0, "blocking": 0, "total_blocked_by": 0, "total_blocking": 0 },
    });
    if let Some(pull) = &issue.pull {
        let more = json!({
            "draft": pull.draft,
            "pull_request": {
                "url": format!("{api}/pulls/{number}"),
                "html_url": format!("{page}/pull/{number}"),
                "diff_url": format!("{page}/pull/{number}.diff"),
                "patch_url": format!("{page}/pull/{number}.patch"),
                "merged_at": pull.merged_at.map(stamp),
            },
        });
        merge(&mut value, more);
    }
    value
}

/// A conversation comment.
pub fn comment(state: &State, repository: &Repository, comment: &Comment) -> Value {
    let api = api_url(state, repository);
    let url = format!("{api}/issues/comments/{}", comment.id);
    let is_pull = repository.issues.get(&comment.issue).is_some_and(|issue| issue.pull.is_some());
    let kind = if is_pull { "pull" } else { "issues" };
    json!({
        "url": url,
        "html_url": format!("{}/{kind}/{}#issuecomment-{}", page_url(state, repository), comment.issue, comment.id),
        "issue_url": format!("{api}/issues/{}", comment.issue),
        "id": comment.id,
        "node_id": node_id("IssueComment", comment.id),
        "user": user(state, comment.user),
        "created_at": stamp(comment.created_at),
        "updated_at": stamp(comment.updated_at),
        "author_association": association(state, repository, comment.user),
        "body": comment.body,
        "reactions": rollup(&url, &comment.reactions),
        "performed_via_github_app": app_or_null(state, comment.app),
    })
}

/// One reaction.
pub fn reaction(state: &State, reaction: &Reaction) -> Value {
    json!({
        "id": reaction.id,
        "node_id": node_id("Reaction", reaction.id),
        "user": user(state, reaction.user),
        "content": reaction.content,
        "created_at": stamp(reaction.created_at),
    })
}

/// The eight reactions GitHub knows.
pub const REACTIONS: [&str; 8] = ["+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"];

/// The counts shown on the reacted-to thing.
pub fn rollup(url: &str, reactions: &[Reaction]) -> Value {
    let mut value = json!({ "url": format!("{url}/reactions"), "total_count": reactions.len() });
    for content in REACTIONS {
        value[content] = reactions.iter().filter(|reaction| reaction.content == content).count().into();
    }
    value
}
