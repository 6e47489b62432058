//! What people do with pull requests besides opening and merging them.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::humans::refused;
use super::{Human, Verdict, repository};
use crate::graphql;
use crate::rest::issue_moves::set_draft;

/// A comment of a review on a line, or on lines, of the new side.
#[derive(Debug, Clone)]
pub struct LineNote<'a> {
    /// File.
    pub path: &'a str,
    /// First line of several.
    pub start_line: Option<u64>,
    /// Line, or last of several.
    pub line: u64,
    /// Text; a suggestion is a code block `suggestion`.
    pub body: &'a str,
}

/// Errors are GitHub's refusals.
impl Human {
    /// Submits a review with comments on lines, all at once, and gives its id.
    ///
    /// # Errors
    /// If GitHub would refuse; so for all methods below.
    pub fn review_lines(
        &self,
        place: (&str, u64),
        verdict: Verdict,
        body: &str,
        notes: &[LineNote<'_>],
    ) -> Result<u64> {
        let comments: Vec<Value> = notes
            .iter()
            .map(|note| {
                let mut value = json!({ "path": note.path, "line": note.line, "side": "RIGHT", "body": note.body });
                if let Some(start) = note.start_line {
                    (value["start_line"], value["start_side"]) = (json!(start), json!("RIGHT"));
                }
                value
            })
            .collect();
        let path = format!("/repos/{}/pulls/{}/reviews", place.0, place.1);
        let body = json!({ "event": verdict.event(), "body": body, "comments": comments });
        self.request("POST", &path, &body)?["id"].as_u64().context("no id")
    }

    /// Answers a line comment and gives the answer's id.
    pub fn reply(&self, repo: &str, number: u64, comment: u64, body: &str) -> Result<u64> {
        let path = format!("/repos/{repo}/pulls/{number}/comments/{comment}/replies");
        self.request("POST", &path, &json!({ "body": body }))?["id"].as_u64().context("no id")
    }

    /// Changes a line comment.
    pub fn edit_line_comment(&self, repo: &str, comment: u64, body: &str) -> Result<()> {
        self.request("PATCH", &format!("/repos/{repo}/pulls/comments/{comment}"), &json!({ "body": body })).map(drop)
    }

    /// Removes a line comment.
    pub fn delete_line_comment(&self, repo: &str, comment: u64) -> Result<()> {
        self.request("DELETE", &format!("/repos/{repo}/pulls/comments/{comment}"), &Value::Null).map(drop)
    }

    /// Takes back an approval or a request for changes.
    pub fn dismiss_review(&self, repo: &str, number: u64, review: u64, message: &str) -> Result<()> {
        let path = format!("/repos/{repo}/pulls/{number}/reviews/{review}/dismissals");
        self.request("PUT", &path, &json!({ "message": message })).map(drop)
    }

    /// Asks people to review.
    pub fn request_review(&self, repo: &str, number: u64, logins: &[&str]) -> Result<()> {
        let path = format!("/repos/{repo}/pulls/{number}/requested_reviewers");
        self.request("POST", &path, &json!({ "reviewers": logins })).map(drop)
    }

    /// Asks people no longer.
    pub fn unrequest_review(&self, repo: &str, number: u64, logins: &[&str]) -> Result<()> {
        let path = format!("/repos/{repo}/pulls/{number}/requested_reviewers");
        self.request("DELETE", &path, &json!({ "reviewers": logins })).map(drop)
    }

    /// Resolves the thread that a line comment began, or opens it again.
    pub fn resolve_thread(&self, repo: &str, first_comment: u64, resolved: bool) -> Result<()> {
        let name = if resolved { "resolveReviewThread" } else { "unresolveReviewThread" };
        let query = format!("mutation($id: ID!) {{ {name}(input: {{threadId: $id}}) {{ thread {{ isResolved }} }} }}");
        self.control.engine().with(|state| repository(state, repo).map(drop))?;
        let body = json!({ "query": query, "variables": { "id": graphql::thread_node_id(first_comment) } });
        let answer = self.request("POST", "/graphql", &body)?;
        anyhow::ensure!(answer.get("errors").is_none(), "{}", answer["errors"]);
        Ok(())
    }

    /// Makes a pull request a draft, or ready for review.
    pub fn set_draft(&self, repo: &str, number: u64, draft: bool) -> Result<()> {
        self.control.engine().with(|state| {
            let place = (repository(state, repo)?.id, number);
            set_draft(state, place, self.id, draft).map_err(refused)
        })
    }
}
