//! Repositories and labels.

use serde_json::{Value, json};

use super::accounts::{merge, user};
use super::{node_id, url_path};
use crate::store::{IssueState, Label, Repository, Role, State, stamp};

/// The API address of a repository.
pub fn api_url(state: &State, repository: &Repository) -> String {
    format!("{}/repos/{}", state.base_url, state.full_name(repository))
}

/// The address of a repository's pages.
pub fn page_url(state: &State, repository: &Repository) -> String {
    format!("{}/{}", state.base_url, state.full_name(repository))
}

/// A repository, in the superset of `full-repository`, `minimal-repository` and `repository-webhooks`.
pub fn repository(state: &State, repository: &Repository) -> Value {
    let page = page_url(state, repository);
    let open = repository.issues.values().filter(|issue| issue.state == IssueState::Open).count();
    let mut value = json!({
        "id": repository.id,
        "node_id": node_id("Repository", repository.id),
        "name": repository.name,
        "full_name": state.full_name(repository),
        "private": repository.private,
        "visibility": if repository.private { "private" } else { "public" },
        "owner": user(state, repository.owner),
        "html_url": page,
        "description": repository.description,
        "fork": repository.fork_of.is_some(),
        "archived": repository.archived,
        "created_at": stamp(repository.created_at),
        "updated_at": stamp(repository.pushed_at),
        "pushed_at": stamp(repository.pushed_at),
        "git_url": page.replacen("http", "git", 1) + ".git",
        "ssh_url": format!("git@github-stand-in:{}.git", state.full_name(repository)),
        "clone_url": format!("{page}.git"),
        "svn_url": page,
        "open_issues_count": open,
        "open_issues": open,
        "default_branch": repository.default_branch,
    });
    merge(&mut value, features());
    merge(&mut value, urls(&api_url(state, repository)));
    value
}

/// What the stand-in does not keep count of, and switches that nobody can turn.
fn features() -> Value {
    json!({
        "homepage": null, "size": 0, "language": null, "license": null, "mirror_url": null,
        "stargazers_count": 0, "watchers_count": 0, "watchers": 0, "forks_count": 0, "forks": 0,
        "network_count": 0, "subscribers_count": 0,
        "has_issues": true, "has_projects": false, "has_downloads": true, "has_wiki": false, "has_pages": false,
        "has_discussions": false, "disabled": false, "is_template": false,
        "allow_forking": true, "web_commit_signoff_required": false, "topics": [], "custom_properties": {},
    })
}

fn urls(api: &str) -> Value {
    json!({
        "url": api,
        "forks_url": format!("{api}/forks"),
        "keys_url": format!("{api}/keys{{/key_id}}"),
        "collaborators_url": format!("{api}/collaborators{{/collaborator}}"),
        "teams_url": format!("{api}/teams"),
        "hooks_url": format!("{api}/hooks"),
        "issue_events_url": format!("{api}/issues/events{{/number}}"),
        "events_url": format!("{api}/events"),
        "assignees_url": format!("{api}/assignees{{/user}}"),
        "branches_url": format!("{api}/branches{{/branch}}"),
        "tags_url": format!("{api}/tags"),
        "blobs_url": format!("{api}/git/blobs{{/sha}}"),
        "git_tags_url": format!("{api}/git/tags{{/sha}}"),
        "git_refs_url": format!("{api}/git/refs{{/sha}}"),
        "trees_url": format!("{api}/git/trees{{/sha}}"),
        "statuses_url": format!("{api}/statuses/{{sha}}"),
        "languages_url": format!("{api}/languages"),
        "stargazers_url": format!("{api}/stargazers"),
        "contributors_url": format!("{api}/contributors"),
        "subscribers_url": format!("{api}/subscribers"),
        "subscription_url": format!("{api}/subscription"),
        "commits_url": format!("{api}/commits{{/sha}}"),
        "git_commits_url": format!("{api}/git/commits{{/sha}}"),
        "comments_url": format!("{api}/comments{{/number}}"),
        "issue_comment_url": format!("{api}/issues/comments{{/number}}"),
        "contents_url": format!("{api}/contents/{{+path}}"),
        "compare_url": format!("{api}/compare/{{base}}...{{head}}"),
        "merges_url": format!("{api}/merges"),
        "archive_url": format!("{api}/{{archive_format}}{{/ref}}"),
        "downloads_url": format!("{api}/downloads"),
        "issues_url": format!("{api}/issues{{/number}}"),
        "pulls_url": format!("{api}/pulls{{/number}}"),
        "milestones_url": format!("{api}/milestones{{/number}}"),
        "notifications_url": format!("{api}/notifications{{?since,all,participating}}"),
        "labels_url": format!("{api}/labels{{/name}}"),
        "releases_url": format!("{api}/releases{{/id}}"),
        "deployments_url": format!("{api}/deployments"),
    })
}

/// The short form that installation events list.
pub fn listed(state: &State, repository: &Repository) -> Value {
    json!({
        "id": repository.id,
        "node_id": node_id("Repository", repository.id),
        "name": repository.name,
        "full_name": state.full_name(repository),
        "private": repository.private,
    })
}

/// The `permissions` member: what a role allows.
pub fn permissions(role: Role) -> Value {
    json!({
        "admin": role >= Role::Admin,
        "maintain": role >= Role::Maintain,
        "push": role >= Role::Write,
        "triage": role >= Role::Triage,
        "pull": role >= Role::Read,
    })
}

/// A label.
pub fn label(state: &State, repository: &Repository, label: &Label) -> Value {
    json!({
        "id": label.id,
        "node_id": node_id("Label", label.id),
        "url": format!("{}/labels/{}", api_url(state, repository), url_path(&label.name)),
        "name": label.name,
        "color": label.color,
        "default": false,
        "description": label.description,
    })
}
