//! Issues and pull requests as what people wrote.

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    comments::{Author, null_is_empty, same_text},
    error::{GitHubError, Optional as _},
    installation::{Installation, repository_path},
    journal::text_digest,
    token::Purpose,
    transport::{Call, encode_path},
};
use crate::ids::{IssueNumber, RepositoryName};

/// An issue or the issue side of a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Issue {
    pub number: IssueNumber,
    pub title: String,
    /// GitHub gives an empty body as null.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub body: String,
    pub state: OpenState,
    /// Absent when the account was deleted.
    pub user: Option<Author>,
    pub html_url: String,
    /// Nobody without write access may comment.
    #[serde(default)]
    pub locked: bool,
    /// Whether this number is a pull request.
    #[serde(default, deserialize_with = "is_present")]
    pub pull_request: bool,
    #[serde(default)]
    pub labels: Vec<Label>,
    /// How the author stands to the repository, such as `FIRST_TIMER`.
    pub author_association: Option<String>,
    /// The API's address of the repository in which the issue lies.
    pub repository_url: Option<String>,
}

impl Issue {
    /// The repository in which the issue lies; `None` where GitHub does not say.
    fn lies_in(&self) -> Option<RepositoryName> {
        self.repository_url.as_ref()?.split_once("/repos/")?.1.parse().ok()
    }
}

/// What an issue says: all of it that wiz ever edits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssueText {
    pub title: String,
    pub body: String,
}

impl IssueText {
    /// By which it is found to be still the same.
    pub fn digest(&self) -> String {
        text_digest(&format!("{}\n\n{}", self.title, self.body))
    }
}

impl From<&Issue> for IssueText {
    fn from(issue: &Issue) -> Self {
        Self { title: issue.title.clone(), body: issue.body.clone() }
    }
}

/// A label of an issue. <https://docs.github.com/en/rest/issues/issues#get-an-issue> also knows labels that are only a
/// name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Label {
    Named { name: Option<String> },
    Name(String),
}

impl Label {
    /// Its name; GitHub's description allows for none.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Named { name } => name.as_deref(),
            Self::Name(name) => Some(name),
        }
    }
}

/// Whether an issue or pull request is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OpenState {
    Open,
    Closed,
}

/// GitHub marks a pull request among issues by an object that issues lack.
fn is_present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(Option::<serde::de::IgnoredAny>::deserialize(deserializer)?.is_some())
}

/// Most issues and pull requests of our own that are looked through for one that may have been made before.
const MOST_ISSUES: usize = 900;

/// An issue of our own that exists exactly once.
#[derive(Clone, Copy)]
pub struct StickyIssue<'a> {
    pub repository: &'a RepositoryName,
    pub title: &'a str,
    pub body: &'a str,
    /// Recognises the issue, normally by a signed marker in its text. Only issues of our own bot are shown to it.
    pub is_it: &'a (dyn Fn(&Issue) -> bool + Sync),
}

impl Installation {
    /// Makes the issue unless one is recognised, open or closed. Remember its number.
    pub async fn find_or_create_issue(&self, wanted: &StickyIssue<'_>) -> Result<Issue, GitHubError> {
        if let Some(issue) = self.find_issue(wanted).await? {
            return Ok(issue);
        }
        let path = repository_path(wanted.repository, format_args!("/issues"));
        let body = json!({ "title": wanted.title, "body": wanted.body });
        match self.write(Purpose::Converse, Method::POST, path, body).await {
            Err(GitHubError::Ambiguous(detail)) => self.find_issue(wanted).await?.ok_or(GitHubError::Ambiguous(detail)),
            outcome => outcome,
        }
    }

    /// Makes the issue, or gives the one that is there this title and text.
    pub async fn set_issue(&self, wanted: &StickyIssue<'_>) -> Result<Issue, GitHubError> {
        let issue = self.find_or_create_issue(wanted).await?;
        if issue.title == wanted.title && same_text(&issue.body, wanted.body) {
            return Ok(issue);
        }
        let text = IssueText { title: wanted.title.to_owned(), body: wanted.body.to_owned() };
        self.overwrite_issue(wanted.repository, &issue, &text).await
    }

    /// Gives an issue of our own another title and text. What it said is kept in the journal.
    pub async fn overwrite_issue(
        &self,
        repository: &RepositoryName,
        issue: &Issue,
        text: &IssueText,
    ) -> Result<Issue, GitHubError> {
        let path = repository_path(repository, format_args!("/issues/{}", issue.number));
        let call = Call::new(Method::PATCH, path, json!(text)).overwriting(issue.into());
        // An edit sets the whole text, so doing it twice is doing it once.
        self.write_call(&call, Purpose::Converse).await.map_err(GitHubError::repeatable)
    }

    async fn find_issue(&self, wanted: &StickyIssue<'_>) -> Result<Option<Issue>, GitHubError> {
        let us = &self.identity().await?.bot_login;
        let is_it =
            |issue: &Issue| issue.user.as_ref().is_some_and(|author| author.login == *us) && (wanted.is_it)(issue);
        let creator = encode_path(us.as_str());
        let path = repository_path(
            wanted.repository,
            format_args!("/issues?creator={creator}&state=all&sort=created&direction=desc&per_page=100"),
        );
        // The newest come first: one that was just made is among them, however many there are, pull requests included.
        let enough = |so_far: &[Issue]| so_far.len() >= MOST_ISSUES || so_far.iter().any(is_it);
        let issues: Vec<Issue> = self.get_pages(path, &enough).await?;
        Ok(issues.into_iter().find(is_it))
    }

    /// Gives an issue of our own a new text; does nothing when it has it already, or is gone.
    pub async fn edit_issue(
        &self,
        repository: &RepositoryName,
        number: IssueNumber,
        body: &str,
    ) -> Result<(), GitHubError> {
        let Some(issue) = self.issue(repository, number).await? else { return Ok(()) };
        if same_text(&issue.body, body) {
            return Ok(());
        }
        let path = repository_path(repository, format_args!("/issues/{number}"));
        // An edit sets the whole text, so doing it twice is doing it once.
        let edited = self.write::<Issue>(Purpose::Converse, Method::PATCH, path, json!({ "body": body })).await;
        edited.map(drop).map_err(GitHubError::repeatable)
    }

    /// The issue or pull request of that number; `None` when it was deleted, transferred or never existed.
    pub async fn issue(&self, repository: &RepositoryName, number: IssueNumber) -> Result<Option<Issue>, GitHubError> {
        let path = repository_path(repository, format_args!("/issues/{number}"));
        let found: Option<Issue> = self.get(path).await.optional()?;
        let Some(issue) = found.filter(|issue| issue.number == number) else { return Ok(None) };
        // GitHub redirects to where a transferred issue lies now, as it does for every path below a renamed repository.
        // <https://docs.github.com/en/rest/issues/issues#get-an-issue>
        match issue.lies_in() {
            Some(elsewhere) if elsewhere != *repository => {
                let asked = self.repository(repository).await?;
                Ok(asked.filter(|asked| asked.name == elsewhere).map(|_| issue))
            }
            Some(_) | None => Ok(Some(issue)),
        }
    }
}
