//! The checks of a commit, whoever made them, and what GitHub Actions knows of those that are its jobs: logs, and another
//! try.

use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    comments::null_is_empty,
    error::{GitHubError, Optional as _},
    installation::{Installation, repository_path},
    pulls::PullRequest,
    token::Purpose,
};
use crate::ids::{CheckRunId, CommitSha, RepositoryId, RepositoryName, WorkflowRunId};

/// Most pages of 100 checks of one commit that are read; the largest matrix of a workflow has 256 jobs.
/// <https://docs.github.com/en/actions/reference/limits>
const CHECK_PAGES: usize = 5;

/// How many of the pull requests that moved last are looked through for a head; one whose checks have just ended is
/// among the first.
const RECENT_PULLS: usize = 300;

/// Under this name GitHub Actions makes its check runs.
const ACTIONS_SLUG: &str = "github-actions";

/// A check run of any App but wiz.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenCheck {
    /// For a job of GitHub Actions also the job's id.
    pub id: CheckRunId,
    pub name: String,
    pub status: String,
    pub conclusion: Option<String>,
    pub by_actions: bool,
    /// Title, summary and text, as the App wrote them.
    pub text: String,
    pub annotations: usize,
}

/// A remark of any App on a line.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SeenAnnotation {
    #[serde(default, deserialize_with = "null_is_empty")]
    pub path: String,
    pub start_line: Option<u32>,
    #[serde(default, deserialize_with = "null_is_empty")]
    pub message: String,
}

/// A job of GitHub Actions.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ActionsJob {
    /// The workflow run it belongs to.
    pub run_id: WorkflowRunId,
    /// Which try of the run it is, from 1.
    #[serde(default = "first")]
    pub run_attempt: u32,
}

fn first() -> u32 {
    1
}

impl Installation {
    /// The newest check run of each name on a commit, without wiz's own.
    /// <https://docs.github.com/en/rest/checks/runs#list-check-runs-for-a-git-reference>
    pub async fn checks_on(
        &self,
        repository: &RepositoryName,
        commit: &CommitSha,
    ) -> Result<Vec<SeenCheck>, GitHubError> {
        #[derive(Deserialize)]
        struct Reply {
            total_count: usize,
            check_runs: Vec<Found>,
        }
        let own = self.identity().await?.app_id;
        let mut found: Vec<Found> = Vec::new();
        for page in 1..=CHECK_PAGES {
            let query = format!("filter=latest&per_page=100&page={page}");
            let path = repository_path(repository, format_args!("/commits/{commit}/check-runs?{query}"));
            let reply: Reply = self.get(path).await?;
            let is_last = reply.check_runs.is_empty();
            found.extend(reply.check_runs);
            if is_last || found.len() >= reply.total_count {
                break;
            }
        }
        let foreign = found.into_iter().filter(|check| check.app.as_ref().is_none_or(|app| app.id != own));
        Ok(foreign.map(Found::seen).collect())
    }

    /// The remarks of a check run.
    /// <https://docs.github.com/en/rest/checks/runs#list-check-run-annotations>
    pub async fn annotations_of(
        &self,
        repository: &RepositoryName,
        check: CheckRunId,
    ) -> Result<Vec<SeenAnnotation>, GitHubError> {
        let path = repository_path(repository, format_args!("/check-runs/{check}/annotations?per_page=50"));
        self.get(path).await
    }

    /// The job behind a check run that GitHub Actions made; they have the same id.
    /// <https://docs.github.com/en/rest/actions/workflow-jobs#get-a-job-for-a-workflow-run>
    pub async fn actions_job(
        &self,
        repository: &RepositoryName,
        job: CheckRunId,
    ) -> Result<Option<ActionsJob>, GitHubError> {
        let path = repository_path(repository, format_args!("/actions/jobs/{job}"));
        self.get(path).await.optional()
    }

    /// Lets the failed jobs of a workflow run try again, unless that was done since its try number `attempt`. GitHub refuses it
    /// while other jobs of the run go on, so that is to be tried later.
    /// <https://docs.github.com/en/rest/actions/workflow-runs#re-run-failed-jobs-from-a-workflow-run>
    pub async fn rerun_failed_jobs(
        &self,
        repository: &RepositoryName,
        id: RepositoryId,
        (run, attempt): (WorkflowRunId, u32),
    ) -> Result<(), GitHubError> {
        #[derive(Deserialize)]
        struct Run {
            #[serde(default = "first")]
            run_attempt: u32,
            #[serde(default)]
            status: Option<String>,
        }
        let run_path = repository_path(repository, format_args!("/actions/runs/{run}"));
        let now: Run = self.get(run_path).await?;
        if now.run_attempt > attempt {
            return Ok(());
        }
        let path = repository_path(repository, format_args!("/actions/runs/{run}/rerun-failed-jobs"));
        if now.status.is_some_and(|status| matches!(status.as_str(), "queued" | "in_progress" | "requested")) {
            return Err(GitHubError::no_answer(&format!("POST {path}"), false, "the workflow run is not over"));
        }
        // An answer that was lost is looked for by the number of the try, above.
        let asked = self.write::<Value>(Purpose::Rerun(id), Method::POST, path, json!({})).await;
        asked.map(drop).map_err(GitHubError::repeatable)
    }

    /// The open pull requests with that head, those from forks last: one commit may be offered to two branches, and anybody
    /// can offer it from a fork. Deliveries name none for the heads of forks, so all that moved lately are looked through.
    /// <https://docs.github.com/en/rest/pulls/pulls#list-pull-requests>
    pub async fn open_pulls_with_head(
        &self,
        repository: &RepositoryName,
        head: &CommitSha,
    ) -> Result<Vec<PullRequest>, GitHubError> {
        let path = format_args!("/pulls?state=open&sort=updated&direction=desc&per_page=100");
        let path = repository_path(repository, path);
        let has_head = |pull: &PullRequest| pull.head.sha == *head;
        let enough = |pulls: &[PullRequest]| {
            pulls.len() >= RECENT_PULLS || pulls.iter().any(|pull| has_head(pull) && !pull.is_from_fork())
        };
        let mut pulls: Vec<PullRequest> = self.get_pages(path, &enough).await?;
        pulls.retain(has_head);
        pulls.sort_by_key(PullRequest::is_from_fork);
        Ok(pulls)
    }
}

#[derive(Debug, Deserialize)]
struct Found {
    id: CheckRunId,
    name: String,
    status: String,
    conclusion: Option<String>,
    app: Option<App>,
    output: Output,
}

#[derive(Debug, Deserialize)]
struct App {
    id: i64,
    slug: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Output {
    title: Option<String>,
    summary: Option<String>,
    text: Option<String>,
    #[serde(default)]
    annotations_count: usize,
}

impl Found {
    fn seen(self) -> SeenCheck {
        let Output { title, summary, text, annotations_count } = self.output;
        let parts: Vec<String> = [title, summary, text].into_iter().flatten().collect();
        SeenCheck {
            id: self.id,
            name: self.name,
            status: self.status,
            conclusion: self.conclusion,
            by_actions: self.app.and_then(|app| app.slug).as_deref() == Some(ACTIONS_SLUG),
            text: parts.join("\n\n"),
            annotations: annotations_count,
        }
    }
}
