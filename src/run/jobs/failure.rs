//! What a failed check says: the log of a job, or what another App wrote and marked.

use anyhow::{Context as _, Result};
use secrecy::SecretString;
use tokio::task::block_in_place;

use crate::{
    ci::{self, Failure, Signature},
    github::{ActionsJob, GitHubError, Installation, SeenAnnotation, SeenCheck},
    ids::{CheckRunId, CommitSha, RepositoryName},
    patch::secrets,
};

/// Most of one failure that a coder is shown, in characters; the failing step's end tells nearly always enough.
const EXCERPT_CHARS: usize = 8_000;

/// A check that failed, and what is known of it.
#[derive(Debug, Clone)]
pub struct Seen {
    pub id: CheckRunId,
    pub name: String,
    pub failure: Failure,
    /// What it printed, cut, cleaned and without secrets. Still a stranger's words.
    pub excerpt: String,
    /// The sign that it may pass by itself.
    pub smell: Option<&'static str>,
    /// The job behind it, if GitHub Actions ran it.
    pub job: Option<ActionsJob>,
}

/// Reads what the check says. Without a log there is what stands in the check itself.
pub async fn read(
    github: &Installation,
    repository: &RepositoryName,
    (head, check): (&CommitSha, &SeenCheck),
    own_secrets: &[SecretString],
) -> Result<Seen> {
    let (log, job) = if check.by_actions { printed(github, repository, check).await? } else { (None, None) };
    let text = match log {
        Some(log) => log,
        None => {
            let remarks = if check.annotations == 0 {
                vec![]
            } else {
                github.annotations_of(repository, check.id).await.context("cannot read the remarks")?
            };
            ci::clean(&said(check, &remarks))
        }
    };
    let excerpt = secrets::mask(&ci::excerpt(&text, EXCERPT_CHARS), own_secrets);
    let signature = Signature::of(&check.name, &excerpt);
    Ok(Seen {
        id: check.id,
        name: check.name.clone(),
        failure: Failure { head: head.clone(), signature },
        smell: ci::smells_flaky(&excerpt),
        excerpt,
        job,
    })
}

/// The job behind a check, and its cleaned log: its own or, where GitHub has none of its own, that in the archive of its
/// run.
async fn printed(
    github: &Installation,
    repository: &RepositoryName,
    check: &SeenCheck,
) -> Result<(Option<String>, Option<ActionsJob>)> {
    let read = tokio::try_join!(github.job_log(repository, check.id), github.actions_job(repository, check.id));
    let (log, job) = match read {
        // The owner has not granted it. What the check says of itself is of another permission.
        Err(GitHubError::Forbidden(why)) => {
            tracing::warn!(repo = %repository, check = check.name, %why, "logs may not be read");
            return Ok((None, None));
        }
        read => read.context("cannot read the job")?,
    };
    let own = log.map(|log| ci::clean(&log)).filter(|log| !log.trim().is_empty());
    match (own, &job) {
        (None, Some(known)) => Ok((archived(github, repository, (known, check)).await?, job)),
        (own, _) => Ok((own, job)),
    }
}

/// The log in the archive. Whatever is wrong with the archive, the check has words of its own; only a rate limit holds
/// for those as well.
async fn archived(
    github: &Installation,
    repository: &RepositoryName,
    (job, check): (&ActionsJob, &SeenCheck),
) -> Result<Option<String>> {
    let none = |why: &dyn std::fmt::Display| {
        tracing::info!(repo = %repository, check = check.name, %why, "the job has no log, and its run's archive has none");
        Ok(None)
    };
    match github.archived_logs(repository, job).await {
        // Tens of megabytes are unpacked at once; other jobs of this thread go on elsewhere.
        Ok(Some(archive)) => match block_in_place(|| ci::log_in_archive(&archive, &check.name)) {
            Ok(log) => Ok(Some(ci::clean(&log))),
            Err(why) => none(&why),
        },
        Ok(None) => none(&"there is no archive"),
        Err(error @ GitHubError::RateLimited { .. }) => Err(error).context("cannot read the archive of logs"),
        Err(error) => none(&error),
    }
}

fn said(check: &SeenCheck, remarks: &[SeenAnnotation]) -> String {
    let mut text = check.text.clone();
    for SeenAnnotation { path, start_line, message } in remarks {
        text += &format!("\n{path}:{}: {message}", start_line.unwrap_or_default());
    }
    text
}
