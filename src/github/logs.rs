//! The logs of GitHub Actions, and the runs that have none since they never began.

use bytes::Bytes;
use serde::Deserialize;

use super::{
    actions::ActionsJob,
    comments::null_is_empty,
    download::Part,
    error::{GitHubError, Optional as _},
    installation::{Installation, repository_path},
};
use crate::ids::{CheckRunId, CommitSha, RepositoryName, WorkflowId, WorkflowRunId};

/// Most runs of one commit whose jobs are counted; a repository rarely has as many workflows.
const COUNTED_RUNS: usize = 10;

/// A workflow that GitHub could not even start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnstartedWorkflow {
    pub id: WorkflowId,
    /// Its file.
    pub path: String,
}

#[derive(Debug, Deserialize)]
struct Run {
    id: WorkflowRunId,
    workflow_id: WorkflowId,
    #[serde(default, deserialize_with = "null_is_empty")]
    path: String,
    conclusion: Option<String>,
}

impl Installation {
    /// The end of a job's log; none when GitHub has no log any more. GitHub answers with an address that is good for one
    /// minute, so it is read at once.
    /// <https://docs.github.com/en/rest/actions/workflow-jobs#download-job-logs-for-a-workflow-run>
    pub async fn job_log(&self, repository: &RepositoryName, job: CheckRunId) -> Result<Option<String>, GitHubError> {
        let path = repository_path(repository, format_args!("/actions/jobs/{job}/logs"));
        let log: Option<Bytes> = self.download(path, Part::End).await.optional()?;
        Ok(log.map(|log| String::from_utf8_lossy(&log).into_owned()))
    }

    /// The archive with the logs of all jobs of the try that a job belongs to; none when GitHub has it no more, or when it
    /// is larger than is read.
    /// <https://docs.github.com/en/rest/actions/workflow-runs#download-workflow-run-attempt-logs>
    pub async fn archived_logs(
        &self,
        repository: &RepositoryName,
        job: &ActionsJob,
    ) -> Result<Option<Bytes>, GitHubError> {
        let (run, attempt) = (job.run_id, job.run_attempt);
        let path = repository_path(repository, format_args!("/actions/runs/{run}/attempts/{attempt}/logs"));
        self.download(path, Part::Whole).await.optional()
    }

    /// The workflows of which the latest run on a commit failed before it had a job. A faulty file ends a run with
    /// `startup_failure`, or with `failure` and no jobs; neither makes a check run. None where runs may not be listed. Runs
    /// that are known to have jobs are not asked for them.
    /// <https://docs.github.com/en/rest/actions/workflow-runs#list-workflow-runs-for-a-repository>
    pub async fn unstarted_workflows(
        &self,
        repository: &RepositoryName,
        commit: &CommitSha,
        has_jobs: &[WorkflowRunId],
    ) -> Result<Vec<UnstartedWorkflow>, GitHubError> {
        #[derive(Deserialize)]
        struct Reply {
            workflow_runs: Vec<Run>,
        }
        let query = format!("head_sha={commit}&exclude_pull_requests=true&per_page=100");
        let path = repository_path(repository, format_args!("/actions/runs?{query}"));
        let reply = match self.get::<Reply>(path).await.optional() {
            Ok(Some(reply)) => reply,
            Ok(None) => return Ok(vec![]),
            Err(GitHubError::Forbidden(detail)) => {
                tracing::info!(%repository, %detail, "workflow runs are not listed");
                return Ok(vec![]);
            }
            Err(error) => return Err(error),
        };
        let (mut seen, mut unstarted, mut counted) = (vec![], vec![], 0);
        // The newest come first.
        for run in reply.workflow_runs {
            if seen.contains(&run.workflow_id) {
                continue;
            }
            seen.push(run.workflow_id);
            let has_none = match run.conclusion.as_deref() {
                Some("startup_failure") => true,
                Some("failure") if has_jobs.contains(&run.id) => false,
                Some("failure") if counted < COUNTED_RUNS => {
                    counted += 1;
                    self.has_no_jobs(repository, run.id).await?
                }
                Some(_) | None => false,
            };
            if has_none {
                // With the branch it was taken from behind it, at times.
                let path = run.path.split('@').next().unwrap_or_default().to_owned();
                unstarted.push(UnstartedWorkflow { id: run.workflow_id, path });
            }
        }
        Ok(unstarted)
    }

    /// <https://docs.github.com/en/rest/actions/workflow-jobs#list-jobs-for-a-workflow-run>
    async fn has_no_jobs(&self, repository: &RepositoryName, run: WorkflowRunId) -> Result<bool, GitHubError> {
        #[derive(Deserialize)]
        struct Reply {
            total_count: usize,
        }
        let path = repository_path(repository, format_args!("/actions/runs/{run}/jobs?per_page=1"));
        let jobs: Option<Reply> = self.get(path).await.optional()?;
        Ok(jobs.is_some_and(|jobs| jobs.total_count == 0))
    }
}
