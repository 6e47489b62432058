//! Check runs of our own: made once per `external_id` and commit, then updated; buttons and annotations included.

use chrono::{DateTime, SecondsFormat, Utc};
use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    error::GitHubError,
    installation::{Installation, repository_path},
    token::Purpose,
    transport::encode_path,
};
use crate::{
    ids::{CheckRunId, CommitSha, RepositoryName},
    limits,
};

/// A check run as wiz wants it to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckRun {
    /// What people see and branch rules name.
    pub name: String,
    /// Our own name for it.
    pub external_id: String,
    pub identity: CheckIdentity,
    pub head_sha: CommitSha,
    pub details_url: Option<String>,
    pub state: CheckState,
    pub output: CheckRunOutput,
    /// In a stable order: GitHub can only append, so what it has already is skipped by count.
    pub annotations: Vec<Annotation>,
    /// At most three. GitHub shows them once the run is completed.
    pub actions: Vec<CheckAction>,
}

/// What makes two check runs of wiz on one commit the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckIdentity {
    /// Their name: a commit has one, and whoever comes later takes it over.
    Name,
    /// Their name and `external_id`.
    Key,
}

/// How far a check run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckState {
    Queued,
    InProgress { started_at: DateTime<Utc> },
    Completed { conclusion: Conclusion, at: DateTime<Utc> },
}

/// How a check run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Conclusion {
    Success,
    Failure,
    Neutral,
    Cancelled,
    Skipped,
    TimedOut,
    ActionRequired,
}

/// The text of a check run, each field at most 65,535 characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckRunOutput {
    pub title: String,
    pub summary: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// A remark on lines of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Annotation {
    pub path: String,
    pub start_line: u32,
    pub end_line: u32,
    #[serde(rename = "annotation_level")]
    pub level: AnnotationLevel,
    pub title: String,
    pub message: String,
}

/// How serious an annotation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AnnotationLevel {
    Notice,
    Warning,
    Failure,
}

/// A button: label and identifier up to 20 characters, description up to 40.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckAction {
    pub label: String,
    pub description: String,
    pub identifier: String,
}

#[derive(Debug, Deserialize)]
struct Stored {
    id: CheckRunId,
    #[serde(default)]
    external_id: Option<String>,
    #[serde(default)]
    app: Option<StoredApp>,
    output: StoredOutput,
}

#[derive(Debug, Deserialize)]
struct StoredApp {
    id: i64,
}

#[derive(Debug, Deserialize)]
struct StoredOutput {
    annotations_count: usize,
}

impl Installation {
    /// Makes the check run unless it is there already, and gives it the wanted state in both cases. Remember the id and
    /// use [`Installation::update_check`] from then on.
    /// <https://docs.github.com/en/rest/checks/runs#create-a-check-run>
    pub async fn find_or_create_check(
        &self,
        repository: &RepositoryName,
        check: &CheckRun,
    ) -> Result<CheckRunId, GitHubError> {
        validate(check)?;
        if let Some(stored) = self.find_check(repository, check).await? {
            self.update_check(repository, stored.id, check).await?;
            return Ok(stored.id);
        }
        self.create_check(repository, check).await
    }

    /// Makes a check run that nobody can have made before. If the answer is lost, the run is looked for.
    pub async fn create_check(&self, repository: &RepositoryName, check: &CheckRun) -> Result<CheckRunId, GitHubError> {
        validate(check)?;
        let mut body = fields(check, &check.annotations[..first_batch(check)]);
        body.insert("head_sha".into(), json!(check.head_sha));
        let path = repository_path(repository, format_args!("/check-runs"));
        let stored = match self.write(Purpose::Converse, Method::POST, path, Value::Object(body)).await {
            Ok(stored) => stored,
            Err(GitHubError::Ambiguous(detail)) => {
                self.find_check(repository, check).await?.ok_or(GitHubError::Ambiguous(detail))?
            }
            Err(error) => return Err(error),
        };
        self.append_annotations(repository, &stored, check).await?;
        Ok(stored.id)
    }

    /// Gives a check run the wanted state. The same call twice leaves the same run, annotations included.
    pub async fn update_check(
        &self,
        repository: &RepositoryName,
        id: CheckRunId,
        check: &CheckRun,
    ) -> Result<(), GitHubError> {
        validate(check)?;
        // The answer tells how many annotations are there.
        let stored = self.patch_check(repository, id, fields(check, &[])).await?;
        self.append_annotations(repository, &stored, check).await
    }

    /// Gives the check run the wanted state if it was ever made.
    pub async fn update_check_if_made(&self, repository: &RepositoryName, check: &CheckRun) -> Result<(), GitHubError> {
        match self.find_check(repository, check).await? {
            Some(stored) => self.update_check(repository, stored.id, check).await,
            None => Ok(()),
        }
    }

    /// Sends the annotations GitHub does not have yet, 50 a call. `output` must go along each time.
    async fn append_annotations(
        &self,
        repository: &RepositoryName,
        stored: &Stored,
        check: &CheckRun,
    ) -> Result<(), GitHubError> {
        let missing = check.annotations.get(stored.output.annotations_count..).unwrap_or_default();
        for batch in missing.chunks(limits::CHECK_ANNOTATIONS_PER_CALL) {
            self.patch_check(repository, stored.id, fields(check, batch)).await?;
        }
        Ok(())
    }

    async fn patch_check(
        &self,
        repository: &RepositoryName,
        id: CheckRunId,
        body: Map<String, Value>,
    ) -> Result<Stored, GitHubError> {
        let path = repository_path(repository, format_args!("/check-runs/{id}"));
        // Safe to repeat: the state is set as a whole, and annotations are counted before they are sent.
        let done = self.write(Purpose::Converse, Method::PATCH, path, Value::Object(body)).await;
        done.map_err(GitHubError::repeatable)
    }

    /// Anyone's App may use our names, so the App's id decides.
    async fn find_check(&self, repository: &RepositoryName, check: &CheckRun) -> Result<Option<Stored>, GitHubError> {
        #[derive(Deserialize)]
        struct Reply {
            check_runs: Vec<Stored>,
        }
        let app_id = self.identity().await?.app_id;
        let (commit, name) = (&check.head_sha, encode_path(&check.name));
        let path = repository_path(
            repository,
            format_args!("/commits/{commit}/check-runs?check_name={name}&app_id={app_id}&filter=all&per_page=100"),
        );
        let reply: Reply = self.get(path).await?;
        let is_own = |stored: &Stored| stored.app.as_ref().is_some_and(|app| app.id == app_id);
        let own: Vec<Stored> = reply.check_runs.into_iter().filter(is_own).collect();
        let exact = own.iter().position(|stored| stored.external_id.as_deref() == Some(&check.external_id));
        let found = match check.identity {
            CheckIdentity::Name => exact.or_else(|| (!own.is_empty()).then_some(0)),
            CheckIdentity::Key => exact,
        };
        Ok(found.and_then(|index| own.into_iter().nth(index)))
    }
}

fn first_batch(check: &CheckRun) -> usize {
    check.annotations.len().min(limits::CHECK_ANNOTATIONS_PER_CALL)
}

fn fields(check: &CheckRun, annotations: &[Annotation]) -> Map<String, Value> {
    let time = |time: &DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Secs, true);
    let mut output = json!(check.output);
    if !annotations.is_empty() {
        output["annotations"] = json!(annotations);
    }
    let mut fields = Map::new();
    let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    set("name", json!(check.name));
    set("external_id", json!(check.external_id));
    set("output", output);
    set("actions", json!(check.actions));
    if let Some(url) = &check.details_url {
        set("details_url", json!(url));
    }
    match &check.state {
        CheckState::Queued => {
            set("status", json!("queued"));
        }
        CheckState::InProgress { started_at } => {
            set("status", json!("in_progress"));
            set("started_at", json!(time(started_at)));
        }
        CheckState::Completed { conclusion, at } => {
            set("status", json!("completed"));
            set("conclusion", json!(conclusion));
            set("completed_at", json!(time(at)));
        }
    }
    fields
}

/// Refuses what GitHub would, with a clearer word than its 422.
fn validate(check: &CheckRun) -> Result<(), GitHubError> {
    let too_long = |text: &str, most: usize| text.chars().count() > most;
    if check.actions.len() > limits::CHECK_ACTIONS {
        return Err(GitHubError::invalid("a check run has more than three buttons"));
    }
    let bad_action = |action: &&CheckAction| {
        too_long(&action.label, limits::CHECK_ACTION_CHARS)
            || too_long(&action.identifier, limits::CHECK_ACTION_CHARS)
            || too_long(&action.description, limits::CHECK_ACTION_DESCRIPTION_CHARS)
    };
    if let Some(action) = check.actions.iter().find(bad_action) {
        return Err(GitHubError::invalid(format!("the texts of button {:?} are too long", action.identifier)));
    }
    let text = check.output.text.as_deref().unwrap_or_default();
    if too_long(&check.output.summary, limits::CHECK_FIELD_CHARS) || too_long(text, limits::CHECK_FIELD_CHARS) {
        return Err(GitHubError::invalid("the summary or text of a check run is too long"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check() -> CheckRun {
        CheckRun {
            name: "wiz".into(),
            external_id: "run-1".into(),
            identity: CheckIdentity::Key,
            head_sha: "a".repeat(40).parse().unwrap(),
            details_url: None,
            state: CheckState::Completed { conclusion: Conclusion::ActionRequired, at: DateTime::UNIX_EPOCH },
            output: CheckRunOutput { title: "t".into(), summary: "s".into(), text: None },
            annotations: vec![],
            actions: vec![CheckAction {
                label: "Approve".into(),
                description: "d".into(),
                identifier: "approve".into(),
            }],
        }
    }

    #[test]
    fn the_body_is_what_github_documents() {
        insta::assert_snapshot!(Value::Object(fields(&check(), &[])), @r#"{"actions":[{"description":"d","identifier":"approve","label":"Approve"}],"completed_at":"1970-01-01T00:00:00Z","conclusion":"action_required","external_id":"run-1","name":"wiz","output":{"summary":"s","title":"t"},"status":"completed"}"#);
    }

    #[test]
    fn caps_are_checked_before_github_refuses() {
        let faults: [fn(&mut CheckRun); 5] = [
            |check| check.actions = vec![check.actions[0].clone(); 4],
            |check| check.actions[0].label = "x".repeat(21),
            |check| check.actions[0].description = "x".repeat(41),
            |check| check.output.summary = "é".repeat(65_536),
            |check| check.output.text = Some("x".repeat(65_536)),
        ];
        assert_eq!(validate(&check()), Ok(()));
        for fault in faults {
            let mut bad = check();
            fault(&mut bad);
            assert!(matches!(validate(&bad), Err(GitHubError::Invalid(_))));
        }
    }
}
