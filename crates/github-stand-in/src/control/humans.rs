//! What people do, in their own name, through the REST API.

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Control, repository};
use crate::answer::Refusal;
use crate::render::url_path;
use crate::rest::{ApiRequest, click_action, rerequest, rerequest_suite};
use crate::store::TokenHolder;

/// What a review says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Approve.
    Approve,
    /// Request changes.
    RequestChanges,
    /// Comment only.
    Comment,
}

impl Verdict {
    /// GitHub's `event`.
    pub(super) fn event(self) -> &'static str {
        match self {
            Self::Approve => "APPROVE",
            Self::RequestChanges => "REQUEST_CHANGES",
            Self::Comment => "COMMENT",
        }
    }
}

/// How to merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MergeMethod {
    /// A merge commit.
    Merge,
    /// One commit.
    Squash,
    /// The commits replayed.
    Rebase,
}

/// Somebody who acts. Errors carry GitHub's status and message.
#[derive(Debug, Clone)]
pub struct Human {
    pub(super) control: Control,
    pub(super) id: u64,
    token: String,
}

impl Control {
    /// Acts as this person.
    ///
    /// # Errors
    /// If there is no such person, or no token of theirs.
    pub fn act_as(&self, login: &str) -> Result<Human> {
        self.engine().with(|state| {
            let id = state.account_by_login(login).with_context(|| format!("no account {login}"))?.id;
            let token = state.tokens.iter().find(|(_, token)| token.holder == TokenHolder::User(id));
            let token = token.with_context(|| format!("{login} has no user token"))?.0.clone();
            Ok(Human { control: self.clone(), id, token })
        })
    }
}

impl Human {
    /// Sends any REST request as this person and gives the answer's JSON.
    ///
    /// # Errors
    /// If GitHub would refuse.
    pub fn request(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let response = self.control.engine().serve(&ApiRequest::by_hand(&self.token, (method, path), body));
        if response.status >= 300 {
            bail!("{method} {path}: {} {}", response.status, String::from_utf8_lossy(&response.body));
        }
        Ok(response.json())
    }

    /// Opens an issue and gives its number.
    ///
    /// # Errors
    /// If GitHub would refuse; so for all methods below.
    pub fn open_issue(&self, repo: &str, title: &str, body: &str) -> Result<u64> {
        let value = self.request("POST", &format!("/repos/{repo}/issues"), &json!({ "title": title, "body": body }))?;
        value["number"].as_u64().context("an issue without a number")
    }

    /// Changes the text of an issue or pull request.
    pub fn edit_issue(&self, repo: &str, number: u64, body: &str) -> Result<()> {
        self.request("PATCH", &format!("/repos/{repo}/issues/{number}"), &json!({ "body": body })).map(drop)
    }

    /// Closes an issue or pull request.
    pub fn close(&self, repo: &str, number: u64) -> Result<()> {
        self.request("PATCH", &format!("/repos/{repo}/issues/{number}"), &json!({ "state": "closed" })).map(drop)
    }

    /// Opens a closed issue or pull request again.
    pub fn reopen(&self, repo: &str, number: u64) -> Result<()> {
        self.request("PATCH", &format!("/repos/{repo}/issues/{number}"), &json!({ "state": "open" })).map(drop)
    }

    /// Adds labels.
    pub fn label(&self, repo: &str, number: u64, labels: &[&str]) -> Result<()> {
        self.request("POST", &format!("/repos/{repo}/issues/{number}/labels"), &json!({ "labels": labels })).map(drop)
    }

    /// Comments on an issue or pull request and gives the comment's id.
    pub fn comment(&self, repo: &str, number: u64, body: &str) -> Result<u64> {
        let path = format!("/repos/{repo}/issues/{number}/comments");
        self.request("POST", &path, &json!({ "body": body }))?["id"].as_u64().context("a comment without an id")
    }

    /// Changes a comment.
    pub fn edit_comment(&self, repo: &str, comment: u64, body: &str) -> Result<()> {
        self.request("PATCH", &format!("/repos/{repo}/issues/comments/{comment}"), &json!({ "body": body })).map(drop)
    }

    /// Removes a comment.
    pub fn delete_comment(&self, repo: &str, comment: u64) -> Result<()> {
        self.request("DELETE", &format!("/repos/{repo}/issues/comments/{comment}"), &Value::Null).map(drop)
    }

    /// Opens a pull request and gives its number.
    pub fn open_pull_request(&self, repo: &str, branches: (&str, &str), title: &str, body: &str) -> Result<u64> {
        let (head, base) = branches;
        let body = json!({ "title": title, "body": body, "head": head, "base": base });
        self.request("POST", &format!("/repos/{repo}/pulls"), &body)?["number"].as_u64().context("no number")
    }

    /// Reviews a pull request and gives the review's id.
    pub fn review(&self, repo: &str, number: u64, verdict: Verdict, body: &str) -> Result<u64> {
        let path = format!("/repos/{repo}/pulls/{number}/reviews");
        self.request("POST", &path, &json!({ "event": verdict.event(), "body": body }))?["id"].as_u64().context("no id")
    }

    /// Comments on a line of a pull request's diff and gives the comment's id.
    pub fn comment_on_line(&self, repo: &str, number: u64, place: (&str, u64), body: &str) -> Result<u64> {
        let pull = self.request("GET", &format!("/repos/{repo}/pulls/{number}"), &Value::Null)?;
        let (path, line) = place;
        let body = json!({
            "body": body, "path": path, "line": line, "side": "RIGHT", "commit_id": pull["head"]["sha"],
        });
        self.request("POST", &format!("/repos/{repo}/pulls/{number}/comments"), &body)?["id"].as_u64().context("no id")
    }

    /// Merges a pull request and gives the new commit.
    pub fn merge(&self, repo: &str, number: u64, method: MergeMethod) -> Result<String> {
        let method = match method {
            MergeMethod::Merge => "merge",
            MergeMethod::Squash => "squash",
            MergeMethod::Rebase => "rebase",
        };
        let path = format!("/repos/{repo}/pulls/{number}/merge");
        let value = self.request("PUT", &path, &json!({ "merge_method": method }))?;
        value["sha"].as_str().map(str::to_owned).context("no sha")
    }

    /// Writes one file on a branch (made from the default branch if missing) and gives the new commit.
    pub fn write_file(&self, repo: &str, branch: &str, file: (&str, &str), message: &str) -> Result<String> {
        let (path, content) = file;
        self.ensure_branch(repo, branch)?;
        let url = format!("/repos/{repo}/contents/{}", url_path(path));
        let old = self.control.engine().with(|state| {
            let git = crate::git::Git::at(&repository(state, repo)?.git_dir);
            git.entry(&format!("refs/heads/{branch}^{{tree}}"), path)
        })?;
        let mut body = json!({ "message": message, "content": STANDARD.encode(content), "branch": branch });
        if let Some(entry) = old {
            body["sha"] = json!(entry.sha);
        }
        let value = self.request("PUT", &url, &body)?;
        value["commit"]["sha"].as_str().map(str::to_owned).context("no sha")
    }

    fn ensure_branch(&self, repo: &str, branch: &str) -> Result<()> {
        let start = self.control.engine().with(|state| {
            let found = repository(state, repo)?;
            let git = crate::git::Git::at(&found.git_dir);
            if git.read_ref(&format!("refs/heads/{branch}"))?.is_some() {
                return Ok(None);
            }
            let tip = git.read_ref(&format!("refs/heads/{}", found.default_branch))?;
            anyhow::Ok(Some(tip.context("the default branch is empty")?))
        })?;
        let Some(sha) = start else { return Ok(()) };
        let body = json!({ "ref": format!("refs/heads/{branch}"), "sha": sha });
        self.request("POST", &format!("/repos/{repo}/git/refs"), &body).map(drop)
    }

    /// Clicks a button of a completed check run.
    pub fn click(&self, repo: &str, check_run: u64, identifier: &str) -> Result<()> {
        self.control.engine().with(|state| {
            let place = (repository(state, repo)?.id, check_run);
            click_action(state, place, self.id, identifier).map_err(refused)
        })
    }

    /// Clicks `Re-run failed jobs` on a workflow run.
    pub fn rerun_failed_jobs(&self, repo: &str, run: u64) -> Result<()> {
        self.request("POST", &format!("/repos/{repo}/actions/runs/{run}/rerun-failed-jobs"), &Value::Null).map(drop)
    }

    /// Clicks `Re-run all jobs` on a workflow run.
    pub fn rerun(&self, repo: &str, run: u64) -> Result<()> {
        self.request("POST", &format!("/repos/{repo}/actions/runs/{run}/rerun"), &Value::Null).map(drop)
    }

    /// Clicks `Re-run all checks` of an app's suite.
    pub fn rerequest_suite(&self, repo: &str, suite: u64) -> Result<()> {
        self.control.engine().with(|state| {
            let place = (repository(state, repo)?.id, suite);
            rerequest_suite(state, place, self.id).map_err(refused)
        })
    }

    /// Clicks `Re-run` on a check run. A workflow's job runs again; any other app is told.
    pub fn rerequest(&self, repo: &str, check_run: u64) -> Result<()> {
        self.control.engine().with(|state| {
            let place = (repository(state, repo)?.id, check_run);
            rerequest(state, place, self.id).map_err(refused)
        })
    }
}

/// A refusal as an error.
pub(super) fn refused(refusal: Refusal) -> anyhow::Error {
    anyhow::anyhow!("{} {}", refusal.status, refusal.body())
}
