//! What a write changes, read from the call.

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::super::{
    issues::IssueText,
    reactions::Reactable,
    threads::ThreadId,
    transport::{Call, Door},
};
use crate::ids::{BranchName, CheckRunId, CommentId, CommitSha, IssueNumber, Login, WorkflowRunId};

/// What one write changes, with what it takes to find that again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Change {
    /// A new comment in a conversation; `said` is the digest of its text.
    Comment {
        issue: IssueNumber,
        said: String,
    },
    CommentText {
        comment: CommentId,
        /// Not noted by earlier versions.
        #[serde(default)]
        said: Option<String>,
    },
    /// A new comment on a commit.
    CommitComment {
        commit: CommitSha,
        said: String,
    },
    /// A new comment in a review's thread or on a line.
    LineComment {
        pull: IssueNumber,
        said: String,
    },
    LineCommentText {
        comment: CommentId,
    },
    Reaction {
        on: Reactable,
        content: String,
    },
    Branch {
        branch: BranchName,
        commit: CommitSha,
    },
    BranchMoved {
        branch: BranchName,
        commit: CommitSha,
    },
    /// A commit, tree or blob; unless a branch leads to it, nobody sees it.
    Object,
    PullRequest {
        branch: BranchName,
    },
    PullRequestText {
        pull: IssueNumber,
    },
    Issue,
    IssueText {
        issue: IssueNumber,
        /// What it said before; not noted where nobody wants that back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        was: Option<IssueText>,
        /// The digest of what it says since.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        says: Option<String>,
    },
    CheckRun {
        head: CommitSha,
    },
    CheckRunState {
        check: CheckRunId,
    },
    /// A review that wiz gave.
    Review {
        pull: IssueNumber,
    },
    ReviewRequest {
        pull: IssueNumber,
        reviewers: Vec<Login>,
    },
    ThreadResolved {
        thread: ThreadId,
    },
    /// A draft was made ready for review.
    Ready,
    /// Failed jobs were asked to try again.
    Rerun {
        run: WorkflowRunId,
    },
    /// Something was taken away again.
    Removal,
    /// What the journal has no name for.
    Other {
        call: String,
    },
}

impl Change {
    /// What `call` changes.
    pub(in crate::github) fn of(call: &Call) -> Self {
        let known = match call.door {
            Door::Rest => by_path(call),
            Door::Query | Door::Lookup | Door::Mutation => by_mutation(call),
        };
        known.unwrap_or_else(|| Self::Other { call: call.name() })
    }

    /// The same edit of an issue with what it replaces, where the call knows that.
    fn overwriting(self, call: &Call) -> Self {
        let text = call.body.clone().and_then(|body| serde_json::from_value::<IssueText>(body).ok());
        match (self, &call.overwrites, text) {
            (Self::IssueText { issue, .. }, Some(was), Some(text)) => {
                Self::IssueText { issue, was: Some(was.clone()), says: Some(text.digest()) }
            }
            (change, ..) => change,
        }
    }

    /// The number that GitHub gave to what was made, from its answer.
    pub(super) fn made(&self, answer: &[u8]) -> Option<i64> {
        #[derive(Deserialize)]
        struct Made {
            id: Option<i64>,
            number: Option<i64>,
        }
        let made = || serde_json::from_slice::<Made>(answer).ok();
        match self {
            Self::Comment { .. }
            | Self::CommitComment { .. }
            | Self::LineComment { .. }
            | Self::Reaction { .. }
            | Self::CheckRun { .. }
            | Self::Review { .. } => made()?.id,
            Self::PullRequest { .. } | Self::Issue => made()?.number,
            Self::CommentText { .. }
            | Self::LineCommentText { .. }
            | Self::Branch { .. }
            | Self::BranchMoved { .. }
            | Self::Object
            | Self::PullRequestText { .. }
            | Self::IssueText { .. }
            | Self::CheckRunState { .. }
            | Self::ReviewRequest { .. }
            | Self::ThreadResolved { .. }
            | Self::Ready
            | Self::Rerun { .. }
            | Self::Removal
            | Self::Other { .. } => None,
        }
    }
}

fn by_path(call: &Call) -> Option<Change> {
    let path = call.path.split('?').next()?;
    let mut parts = path.strip_prefix("/repos/")?.splitn(3, '/');
    let below = parts.nth(2)?;
    if call.method == Method::DELETE {
        return Some(Change::Removal);
    }
    let body = call.body.as_ref().unwrap_or(&Value::Null);
    let below: Vec<&str> = below.split('/').collect();
    if call.method == Method::POST {
        made(&below, body)
    } else if call.method == Method::PATCH {
        edited(&below, body).map(|change| change.overwriting(call))
    } else {
        None
    }
}

/// What a POST makes.
fn made(below: &[&str], body: &Value) -> Option<Change> {
    let text = |name: &str| body[name].as_str();
    let said = || text("body").map(text_digest);
    let reaction = |on| Some(Change::Reaction { on, content: text("content")?.to_owned() });
    Some(match below {
        ["issues"] => Change::Issue,
        ["issues", issue, "comments"] => Change::Comment { issue: issue.parse().ok()?, said: said()? },
        ["issues", issue, "reactions"] => reaction(Reactable::Issue(issue.parse().ok()?))?,
        ["issues", "comments", comment, "reactions"] => reaction(Reactable::IssueComment(comment.parse().ok()?))?,
        ["pulls", "comments", comment, "reactions"] => reaction(Reactable::ReviewComment(comment.parse().ok()?))?,
        ["pulls"] => Change::PullRequest { branch: text("head")?.parse().ok()? },
        ["commits", commit, "comments"] => Change::CommitComment { commit: commit.parse().ok()?, said: said()? },
        ["pulls", pull, "comments"] | ["pulls", pull, "comments", _, "replies"] => {
            Change::LineComment { pull: pull.parse().ok()?, said: said()? }
        }
        ["pulls", pull, "reviews"] => Change::Review { pull: pull.parse().ok()? },
        ["pulls", pull, "requested_reviewers"] => Change::ReviewRequest {
            pull: pull.parse().ok()?,
            reviewers: serde_json::from_value(body["reviewers"].clone()).ok()?,
        },
        ["git", "refs"] => Change::Branch {
            branch: text("ref")?.strip_prefix("refs/heads/")?.parse().ok()?,
            commit: text("sha")?.parse().ok()?,
        },
        ["git", "blobs" | "trees" | "commits"] => Change::Object,
        ["check-runs"] => Change::CheckRun { head: text("head_sha")?.parse().ok()? },
        ["actions", "runs", run, "rerun" | "rerun-failed-jobs"] => Change::Rerun { run: run.parse().ok()? },
        _ => return None,
    })
}

/// What a PATCH changes.
fn edited(below: &[&str], body: &Value) -> Option<Change> {
    let said = || body["body"].as_str().map(text_digest);
    Some(match below {
        ["issues", "comments", comment] => Change::CommentText { comment: comment.parse().ok()?, said: said() },
        ["issues", issue] => Change::IssueText { issue: issue.parse().ok()?, was: None, says: None },
        ["pulls", "comments", comment] => Change::LineCommentText { comment: comment.parse().ok()? },
        ["pulls", pull] if body["state"] == "closed" => {
            pull.parse::<IssueNumber>().ok()?;
            Change::Removal
        }
        ["pulls", pull] => Change::PullRequestText { pull: pull.parse().ok()? },
        ["git", "refs", "heads", branch @ ..] => Change::BranchMoved {
            branch: decoded(&branch.join("/"))?.parse().ok()?,
            commit: body["sha"].as_str()?.parse().ok()?,
        },
        ["check-runs", check] => Change::CheckRunState { check: check.parse().ok()? },
        _ => return None,
    })
}

fn by_mutation(call: &Call) -> Option<Change> {
    let body = call.body.as_ref()?;
    let mutation = body["query"].as_str()?;
    if mutation.contains("markPullRequestReadyForReview(") {
        return Some(Change::Ready);
    }
    let thread: ThreadId = serde_json::from_value(body["variables"]["thread"].clone()).ok()?;
    if mutation.contains("unresolveReviewThread(") {
        Some(Change::Removal)
    } else if mutation.contains("resolveReviewThread(") {
        Some(Change::ThreadResolved { thread })
    } else {
        None
    }
}

/// A path as it was before it was encoded for a URL.
fn decoded(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            let (digits, after) = after.split_at_checked(2)?;
            bytes.extend(hex::decode(digits).ok()?);
            rest = after;
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

/// The digest by which a text of wiz's own is found again. GitHub may change line ends and outer white space, so these do
/// not count.
pub fn text_digest(text: &str) -> String {
    hex::encode(Sha256::digest(text.replace("\r\n", "\n").trim()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::github::transport::encode_path;

    #[test]
    fn every_write_says_what_it_changes() {
        let sha = "a".repeat(40);
        let (post, patch, delete) = (Method::POST, Method::PATCH, Method::DELETE);
        let branch = format!("git/refs/heads/{}", encode_path("wiz/run-1-é#2"));
        let table = [
            (&post, "issues/7/comments", json!({"body": " hi\r\n"})),
            (&patch, "issues/comments/8", json!({"body": "hi"})),
            (&delete, "issues/comments/8", Value::Null),
            (&post, "issues/7/reactions", json!({"content": "eyes"})),
            (&post, "issues/comments/8/reactions", json!({"content": "-1"})),
            (&post, "pulls/comments/9/reactions", json!({"content": "eyes"})),
            (&post, "git/refs", json!({"ref": "refs/heads/wiz/run-1", "sha": sha})),
            (&patch, branch.as_str(), json!({"sha": sha, "force": false})),
            (&post, "git/trees", json!({})),
            (&post, "pulls", json!({"head": "wiz/run-1", "title": "t"})),
            (&patch, "pulls/9", json!({"title": "t", "body": "b"})),
            (&patch, "pulls/9", json!({"state": "closed"})),
            (&post, "issues", json!({"title": "t"})),
            (&patch, "issues/7", json!({"body": "b"})),
            (&post, "check-runs", json!({"head_sha": sha})),
            (&patch, "check-runs/5", json!({})),
            (&post, "pulls/9/comments/3/replies", json!({"body": "hi"})),
            (&post, "pulls/9/requested_reviewers", json!({"reviewers": ["maria"]})),
            (&post, "actions/runs/4/rerun-failed-jobs", json!({})),
            (&post, "commits/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/comments", json!({"body": "hi"})),
            (&post, "issues/x/comments", json!({"body": "hi"})),
            (&post, "forks", json!({})),
        ];
        let mut said = String::new();
        for (method, path, body) in table {
            let call = Call::new(method.clone(), format!("/repos/octo/hello/{path}"), body);
            let change = serde_json::to_string(&Change::of(&call)).unwrap();
            said += &format!("{method} {path}: {}\n", change.replace(&sha, "<sha>"));
        }
        insta::assert_snapshot!(said, @r#"
        POST issues/7/comments: {"kind":"comment","issue":7,"said":"8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4"}
        PATCH issues/comments/8: {"kind":"comment_text","comment":8,"said":"8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4"}
        DELETE issues/comments/8: {"kind":"removal"}
        POST issues/7/reactions: {"kind":"reaction","on":{"issue":7},"content":"eyes"}
        POST issues/comments/8/reactions: {"kind":"reaction","on":{"issue_comment":8},"content":"-1"}
        POST pulls/comments/9/reactions: {"kind":"reaction","on":{"review_comment":9},"content":"eyes"}
        POST git/refs: {"kind":"branch","branch":"wiz/run-1","commit":"<sha>"}
        PATCH git/refs/heads/wiz/run-1-%C3%A9%232: {"kind":"branch_moved","branch":"wiz/run-1-é#2","commit":"<sha>"}
        POST git/trees: {"kind":"object"}
        POST pulls: {"kind":"pull_request","branch":"wiz/run-1"}
        PATCH pulls/9: {"kind":"pull_request_text","pull":9}
        PATCH pulls/9: {"kind":"removal"}
        POST issues: {"kind":"issue"}
        PATCH issues/7: {"kind":"issue_text","issue":7}
        POST check-runs: {"kind":"check_run","head":"<sha>"}
        PATCH check-runs/5: {"kind":"check_run_state","check":5}
        POST pulls/9/comments/3/replies: {"kind":"line_comment","pull":9,"said":"8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4"}
        POST pulls/9/requested_reviewers: {"kind":"review_request","pull":9,"reviewers":["maria"]}
        POST actions/runs/4/rerun-failed-jobs: {"kind":"rerun","run":4}
        POST commits/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/comments: {"kind":"commit_comment","commit":"<sha>","said":"8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4"}
        POST issues/x/comments: {"kind":"other","call":"POST /repos/octo/hello/issues/x/comments"}
        POST forks: {"kind":"other","call":"POST /repos/octo/hello/forks"}
        "#);
    }

    #[test]
    fn a_mutation_says_what_it_changes() {
        let call = |mutation: &str| Call {
            method: Method::POST,
            path: "/graphql".into(),
            body: Some(json!({"query": mutation, "variables": {"thread": "T_1"}})),
            door: Door::Mutation,
            unless: None,
            overwrites: None,
        };
        let of = |mutation| serde_json::to_string(&Change::of(&call(mutation))).unwrap();
        insta::assert_snapshot!(of("mutation { resolveReviewThread(input: {}) }"), @r#"{"kind":"thread_resolved","thread":"T_1"}"#);
        insta::assert_snapshot!(of("mutation { unresolveReviewThread(input: {}) }"), @r#"{"kind":"removal"}"#);
        insta::assert_snapshot!(of("mutation { markPullRequestReadyForReview(input: {}) }"), @r#"{"kind":"ready"}"#);
        insta::assert_snapshot!(of("mutation { mergePullRequest(input: {}) }"), @r#"{"kind":"other","call":"POST /graphql"}"#);
    }

    #[test]
    fn the_answer_tells_the_number_of_what_was_made() {
        let comment = Change::Comment { issue: IssueNumber(7), said: String::new() };
        let pull = Change::PullRequest { branch: "wiz/run-1".parse().unwrap() };
        assert_eq!(comment.made(br#"{"id": 12, "number": 3}"#), Some(12));
        assert_eq!(pull.made(br#"{"id": 12, "number": 3}"#), Some(3));
        assert_eq!(pull.made(b"<html>"), None);
        assert_eq!(Change::Object.made(br#"{"id": 12}"#), None);
    }
}
