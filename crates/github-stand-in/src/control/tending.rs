//! What people do with issues besides opening and commenting.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::humans::refused;
use super::{Human, repository};
use crate::render::url_path;
use crate::rest::issue_moves;

/// Errors are GitHub's refusals.
impl Human {
    /// Takes a label away.
    ///
    /// # Errors
    /// If GitHub would refuse; so for all methods below.
    pub fn unlabel(&self, repo: &str, number: u64, label: &str) -> Result<()> {
        let path = format!("/repos/{repo}/issues/{number}/labels/{}", url_path(label).replace('/', "%2F"));
        self.request("DELETE", &path, &Value::Null).map(drop)
    }

    /// Changes the title of an issue or pull request.
    pub fn edit_title(&self, repo: &str, number: u64, title: &str) -> Result<()> {
        self.request("PATCH", &format!("/repos/{repo}/issues/{number}"), &json!({ "title": title })).map(drop)
    }

    /// Closes an issue as `completed`, `not_planned` or `duplicate`.
    pub fn close_as(&self, repo: &str, number: u64, reason: &str) -> Result<()> {
        let body = json!({ "state": "closed", "state_reason": reason });
        self.request("PATCH", &format!("/repos/{repo}/issues/{number}"), &body).map(drop)
    }

    /// Assigns people. GitHub ignores who cannot be assigned, as every app's bot.
    pub fn assign(&self, repo: &str, number: u64, logins: &[&str]) -> Result<()> {
        let path = format!("/repos/{repo}/issues/{number}/assignees");
        self.request("POST", &path, &json!({ "assignees": logins })).map(drop)
    }

    /// Takes assigned people off.
    pub fn unassign(&self, repo: &str, number: u64, logins: &[&str]) -> Result<()> {
        let path = format!("/repos/{repo}/issues/{number}/assignees");
        self.request("DELETE", &path, &json!({ "assignees": logins })).map(drop)
    }

    /// Locks a conversation, with a reason if there is one (`off-topic`, `too heated`, `resolved`, `spam`).
    pub fn lock(&self, repo: &str, number: u64, reason: Option<&str>) -> Result<()> {
        let body = reason.map_or(Value::Null, |reason| json!({ "lock_reason": reason }));
        self.request("PUT", &format!("/repos/{repo}/issues/{number}/lock"), &body).map(drop)
    }

    /// Unlocks a conversation.
    pub fn unlock(&self, repo: &str, number: u64) -> Result<()> {
        self.request("DELETE", &format!("/repos/{repo}/issues/{number}/lock"), &Value::Null).map(drop)
    }

    /// Deletes an issue; only admins may.
    pub fn delete_issue(&self, repo: &str, number: u64) -> Result<()> {
        self.control.engine().with(|state| {
            let place = (repository(state, repo)?.id, number);
            issue_moves::delete(state, place, self.id).map_err(refused)
        })
    }

    /// Transfers an issue to another repository of the same owner and gives its new number.
    pub fn transfer_issue(&self, repo: &str, number: u64, to: &str) -> Result<u64> {
        self.control.engine().with(|state| {
            let (place, to) = ((repository(state, repo)?.id, number), repository(state, to)?.id);
            issue_moves::transfer(state, place, to, self.id).map_err(refused)
        })
    }

    /// Forks a repository and gives the fork's `owner/name`.
    pub fn fork(&self, repo: &str) -> Result<String> {
        let value = self.request("POST", &format!("/repos/{repo}/forks"), &json!({}))?;
        value["full_name"].as_str().map(str::to_owned).context("a fork without a name")
    }

    /// Renames a repository.
    pub fn rename_repository(&self, repo: &str, name: &str) -> Result<()> {
        self.request("PATCH", &format!("/repos/{repo}"), &json!({ "name": name })).map(drop)
    }

    /// Gives a repository to another account.
    pub fn transfer_repository(&self, repo: &str, new_owner: &str) -> Result<()> {
        self.request("POST", &format!("/repos/{repo}/transfer"), &json!({ "new_owner": new_owner })).map(drop)
    }

    /// Makes another branch the default.
    pub fn set_default_branch(&self, repo: &str, branch: &str) -> Result<()> {
        self.request("PATCH", &format!("/repos/{repo}"), &json!({ "default_branch": branch })).map(drop)
    }

    /// Archives a repository, or takes it out of the archive.
    pub fn set_archived(&self, repo: &str, archived: bool) -> Result<()> {
        self.request("PATCH", &format!("/repos/{repo}"), &json!({ "archived": archived })).map(drop)
    }

    /// Deletes a repository, such as a fork.
    pub fn delete_repository(&self, repo: &str) -> Result<()> {
        self.request("DELETE", &format!("/repos/{repo}"), &Value::Null).map(drop)
    }

    /// Deletes a branch.
    pub fn delete_branch(&self, repo: &str, branch: &str) -> Result<()> {
        self.request("DELETE", &format!("/repos/{repo}/git/refs/heads/{}", url_path(branch)), &Value::Null).map(drop)
    }
}
