//! Which handler answers which operation, and what it asks of the caller.

use super::{
    Call, actions, apps, check_runs, comments, commit_comments, commits, contents, forks, git_data, git_refs,
    installations, issues, labels, locks, logs, manifests, merging, pulls, reactions, repos, repository_life,
    review_comments, review_requests, reviews, statuses, tokens,
};
use crate::answer::Handled;
use crate::auth::Access;
use crate::store::{Level, Role};

/// One operation.
pub struct Route {
    /// GitHub's `operationId`.
    pub operation: &'static str,
    /// What the caller needs.
    pub access: Access,
    /// What is done.
    pub handler: fn(&mut Call<'_>) -> Handled,
}

const fn route(operation: &'static str, access: Access, handler: fn(&mut Call<'_>) -> Handled) -> Route {
    Route { operation, access, handler }
}

const fn read(permissions: &'static [&'static str]) -> Access {
    Access::Repository { permissions, level: Level::Read, role: Role::Read }
}

const fn write(permissions: &'static [&'static str], role: Role) -> Access {
    Access::Repository { permissions, level: Level::Write, role }
}

const fn administer() -> Access {
    Access::Repository { permissions: &["administration"], level: Level::Write, role: Role::Admin }
}

const CONTENTS: &[&str] = &["contents"];
const ISSUES: &[&str] = &["issues", "pull_requests"];
const PULLS: &[&str] = &["pull_requests"];
const CHECKS: &[&str] = &["checks"];
const ACTIONS: &[&str] = &["actions"];
const STATUSES: &[&str] = &["statuses"];

/// Every operation that is answered. Permissions follow
/// <https://docs.github.com/en/rest/authentication/permissions-required-for-github-apps>.
pub const ROUTES: &[Route] = &[
    route("apps/get-authenticated", Access::App, apps::get),
    route("apps/get-webhook-config-for-app", Access::App, apps::get_hook_config),
    route("apps/update-webhook-config-for-app", Access::App, apps::update_hook_config),
    route("apps/list-webhook-deliveries", Access::App, apps::list_deliveries),
    route("apps/get-webhook-delivery", Access::App, apps::get_delivery),
    route("apps/redeliver-webhook-delivery", Access::App, apps::redeliver),
    route("apps/list-installations", Access::App, apps::list_installations),
    route("apps/get-installation", Access::App, apps::get_installation),
    route("apps/get-repo-installation", Access::App, apps::get_repository_installation),
    route("apps/create-from-manifest", Access::Anyone, manifests::convert),
    route("apps/suspend-installation", Access::App, installations::suspend),
    route("apps/unsuspend-installation", Access::App, installations::unsuspend),
    route("apps/delete-installation", Access::App, installations::delete),
    route("apps/create-installation-access-token", Access::App, tokens::create),
    route("apps/revoke-installation-access-token", Access::Installation, tokens::revoke),
    route("apps/list-repos-accessible-to-installation", Access::Installation, tokens::list_repositories),
    route("rate-limit/get", Access::Anyone, repos::rate_limit),
    route("users/get-by-username", Access::Anyone, repos::get_user),
    route("repos/get", read(&[]), repos::get),
    route("repos/create-fork", read(&[]), forks::create),
    route("repos/list-forks", read(&[]), forks::list),
    route("repos/update", administer(), repository_life::update),
    route("repos/transfer", administer(), repository_life::transfer),
    route("repos/delete", administer(), repository_life::delete),
    route("repos/get-collaborator-permission-level", read(&[]), repos::get_permission),
    route("repos/get-branch", read(CONTENTS), commits::get_branch),
    route("repos/list-commits", read(CONTENTS), commits::list),
    route("repos/get-commit", read(CONTENTS), commits::get),
    route("repos/list-comments-for-commit", read(CONTENTS), commit_comments::list),
    // <https://docs.github.com/en/rest/authentication/permissions-required-for-github-apps#repository-permissions-for-contents>
    route("repos/create-commit-comment", write(CONTENTS, Role::Read), commit_comments::create),
    route("repos/compare-commits-with-basehead", read(CONTENTS), commits::compare),
    route("repos/get-content", read(CONTENTS), contents::get),
    route("repos/create-or-update-file-contents", write(CONTENTS, Role::Write), contents::put),
    route("git/get-ref", read(CONTENTS), git_refs::get),
    route("git/list-matching-refs", read(CONTENTS), git_refs::list),
    route("git/create-ref", write(CONTENTS, Role::Write), git_refs::create),
    route("git/update-ref", write(CONTENTS, Role::Write), git_refs::update),
    route("git/delete-ref", write(CONTENTS, Role::Write), git_refs::delete),
    route("git/create-blob", write(CONTENTS, Role::Write), git_data::create_blob),
    route("git/get-blob", read(CONTENTS), git_data::get_blob),
    route("git/create-tree", write(CONTENTS, Role::Write), git_data::create_tree),
    route("git/get-tree", read(CONTENTS), git_data::get_tree),
    route("git/create-commit", write(CONTENTS, Role::Write), git_data::create_commit),
    route("git/get-commit", read(CONTENTS), git_data::get_commit),
    route("issues/list-for-repo", read(ISSUES), issues::list),
    route("issues/create", write(&["issues"], Role::Read), issues::create),
    route("issues/get", read(ISSUES), issues::get),
    route("issues/update", write(ISSUES, Role::Read), issues::update),
    route("issues/list-labels-on-issue", read(ISSUES), labels::list_on_issue),
    route("issues/set-labels", write(ISSUES, Role::Triage), labels::set),
    route("issues/remove-label", write(ISSUES, Role::Triage), labels::remove),
    route("issues/remove-all-labels", write(ISSUES, Role::Triage), labels::remove_all),
    route("issues/remove-assignees", write(ISSUES, Role::Triage), issues::remove_assignees),
    route("issues/check-user-can-be-assigned", read(ISSUES), issues::check_assignee),
    route("issues/lock", write(ISSUES, Role::Write), locks::lock),
    route("issues/unlock", write(ISSUES, Role::Write), locks::unlock),
    route("issues/delete-comment", write(ISSUES, Role::Read), comments::delete),
    route("issues/add-labels", write(ISSUES, Role::Triage), labels::add),
    route("issues/add-assignees", write(ISSUES, Role::Triage), issues::add_assignees),
    route("issues/list-labels-for-repo", read(ISSUES), labels::list),
    route("issues/create-label", write(ISSUES, Role::Write), labels::create),
    route("issues/list-comments", read(ISSUES), comments::list),
    route("issues/create-comment", write(ISSUES, Role::Read), comments::create),
    route("issues/get-comment", read(ISSUES), comments::get),
    route("issues/update-comment", write(ISSUES, Role::Read), comments::update),
    route("reactions/create-for-issue", write(ISSUES, Role::Read), reactions::create_for_issue),
    route("reactions/create-for-issue-comment", write(ISSUES, Role::Read), reactions::create_for_comment),
    route(
        "reactions/create-for-pull-request-review-comment",
        write(PULLS, Role::Read),
        reactions::create_for_review_comment,
    ),
    route("reactions/delete-for-issue", write(ISSUES, Role::Read), reactions::delete_for_issue),
    route("reactions/delete-for-issue-comment", write(ISSUES, Role::Read), reactions::delete_for_comment),
    route("reactions/delete-for-pull-request-comment", write(PULLS, Role::Read), reactions::delete_for_review_comment),
    route("pulls/list", read(PULLS), pulls::list),
    route("pulls/create", write(PULLS, Role::Read), pulls::create),
    route("pulls/get", read(PULLS), pulls::get),
    route("pulls/update", write(PULLS, Role::Read), pulls::update),
    route("pulls/merge", write(CONTENTS, Role::Write), merging::merge),
    route("pulls/list-files", read(PULLS), pulls::list_files),
    route("pulls/list-commits", read(PULLS), pulls::list_commits),
    route("pulls/list-requested-reviewers", read(PULLS), review_requests::list),
    route("pulls/request-reviewers", write(PULLS, Role::Triage), review_requests::add),
    route("pulls/remove-requested-reviewers", write(PULLS, Role::Triage), review_requests::remove),
    route("pulls/get-review", read(PULLS), reviews::get),
    route("pulls/submit-review", write(PULLS, Role::Read), reviews::submit),
    route("pulls/dismiss-review", write(PULLS, Role::Write), reviews::dismiss),
    route("pulls/get-review-comment", read(PULLS), review_comments::get),
    route("pulls/update-review-comment", write(PULLS, Role::Read), review_comments::update),
    route("pulls/delete-review-comment", write(PULLS, Role::Read), review_comments::delete),
    route("pulls/list-reviews", read(PULLS), reviews::list),
    route("pulls/create-review", write(PULLS, Role::Read), reviews::create),
    route("pulls/list-comments-for-review", read(PULLS), reviews::list_comments),
    route("pulls/list-review-comments", read(PULLS), review_comments::list),
    route("pulls/create-review-comment", write(PULLS, Role::Read), review_comments::create),
    route("pulls/create-reply-for-review-comment", write(PULLS, Role::Read), review_comments::reply),
    route("checks/create", write(CHECKS, Role::Write), check_runs::create),
    route("checks/get", read(CHECKS), check_runs::get),
    route("checks/update", write(CHECKS, Role::Write), check_runs::update),
    route("checks/list-for-ref", read(CHECKS), check_runs::list_for_ref),
    route("checks/list-suites-for-ref", read(CHECKS), check_runs::list_suites_for_ref),
    route("checks/get-suite", read(CHECKS), check_runs::get_suite),
    route("checks/list-for-suite", read(CHECKS), check_runs::list_for_suite),
    route("checks/list-annotations", read(CHECKS), check_runs::list_annotations),
    route("actions/list-repo-workflows", read(ACTIONS), actions::list_workflows),
    route("actions/list-workflow-runs-for-repo", read(ACTIONS), actions::list_runs),
    route("actions/get-workflow-run", read(ACTIONS), actions::get_run),
    route("actions/get-workflow-run-attempt", read(ACTIONS), actions::get_run),
    route("actions/list-jobs-for-workflow-run", read(ACTIONS), actions::list_jobs),
    route("actions/list-jobs-for-workflow-run-attempt", read(ACTIONS), actions::list_attempt_jobs),
    route("actions/get-job-for-workflow-run", read(ACTIONS), actions::get_job),
    route("actions/download-job-logs-for-workflow-run", read(ACTIONS), logs::job),
    route("actions/download-workflow-run-logs", read(ACTIONS), logs::run),
    route("actions/download-workflow-run-attempt-logs", read(ACTIONS), logs::run),
    route("actions/re-run-workflow", write(ACTIONS, Role::Write), actions::rerun),
    route("actions/re-run-workflow-failed-jobs", write(ACTIONS, Role::Write), actions::rerun_failed),
    route("actions/re-run-job-for-workflow-run", write(ACTIONS, Role::Write), actions::rerun_job),
    route("repos/list-commit-statuses-for-ref", read(STATUSES), statuses::list),
    route("repos/get-combined-status-for-ref", read(STATUSES), statuses::combined),
    route("repos/create-commit-status", write(STATUSES, Role::Write), statuses::create),
];
