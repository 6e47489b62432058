//! Check suites, check runs and commit statuses.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// All check runs of one app on one commit.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CheckSuite {
    /// Suite id.
    pub id: u64,
    /// App.
    pub app: u64,
    /// Commit.
    pub head_sha: String,
    /// Branch that was pushed, if known.
    pub head_branch: Option<String>,
    /// Tip before the push.
    pub before: Option<String>,
    /// When made.
    pub created_at: DateTime<Utc>,
    /// Last change.
    pub updated_at: DateTime<Utc>,
    /// Whether somebody asked for it, or for one of its runs, again, and its App has not answered since.
    /// <https://docs.github.com/en/rest/checks/runs#rerequest-a-check-run>
    #[serde(default)]
    pub asked_again: bool,
}

/// A remark on lines of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Annotation {
    /// File.
    pub path: String,
    /// First line.
    pub start_line: u64,
    /// Last line.
    pub end_line: u64,
    /// `notice`, `warning` or `failure`.
    pub annotation_level: String,
    /// Text.
    pub message: String,
    /// Heading.
    #[serde(default)]
    pub title: Option<String>,
    /// Details.
    #[serde(default)]
    pub raw_details: Option<String>,
}

/// A button on a check run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckAction {
    /// Text on the button, at most 20 characters.
    pub label: String,
    /// Explanation, at most 40 characters.
    pub description: String,
    /// What comes back in `requested_action.identifier`, at most 20 characters.
    pub identifier: String,
}

/// What a check run says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckOutput {
    /// Heading.
    pub title: Option<String>,
    /// Markdown.
    pub summary: Option<String>,
    /// Markdown, longer.
    pub text: Option<String>,
    /// Remarks; each update appends to them.
    pub annotations: Vec<Annotation>,
}

/// A check run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CheckRun {
    /// Run id.
    pub id: u64,
    /// Suite.
    pub suite: u64,
    /// App that made it.
    pub app: u64,
    /// Name.
    pub name: String,
    /// Commit.
    pub head_sha: String,
    /// The app's own key.
    pub external_id: String,
    /// Link to details.
    pub details_url: Option<String>,
    /// `queued`, `in_progress` or `completed`.
    pub status: String,
    /// Set when completed.
    pub conclusion: Option<String>,
    /// Start.
    pub started_at: DateTime<Utc>,
    /// End.
    pub completed_at: Option<DateTime<Utc>>,
    /// What it says.
    pub output: CheckOutput,
    /// Buttons.
    pub actions: Vec<CheckAction>,
    /// How it stood since it was made, one after the other: how it ended each time, and its status in between.
    #[serde(default)]
    pub stood: Vec<String>,
}

/// A commit status.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CommitStatus {
    /// Status id.
    pub id: u64,
    /// Commit.
    pub sha: String,
    /// `error`, `failure`, `pending` or `success`.
    pub state: String,
    /// Which check it is.
    pub context: String,
    /// Text, at most 140 characters.
    pub description: Option<String>,
    /// Link.
    pub target_url: Option<String>,
    /// Author.
    pub creator: u64,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// A comment on a commit as a whole.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CommitComment {
    /// Comment id.
    pub id: u64,
    /// The commit.
    pub sha: String,
    /// Its author.
    pub user: u64,
    /// Markdown.
    pub body: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}
