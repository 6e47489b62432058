//! Judges the policy file that a pull request brings, on the pull request itself.
//!
//! A pull request that leaves the file as it is on the default branch gets no check run.

use anyhow::{Context as _, Result};
use bytes::Bytes;
use chrono::Utc;

use super::{Completed, JobFailure, Lease, Services, complete, is_suspended, retry, store};
use crate::{
    github::{
        Annotation, AnnotationLevel, CheckIdentity, CheckRun, CheckRunOutput, CheckState, Conclusion, GitHubError,
        OpenState, PullRequest,
    },
    ids::{InstallationId, IssueNumber, RepositoryId},
    policy::{self, Effective, Layer, OuterLayers},
    report,
    run::{
        policies::{ACCOUNT_REPOSITORY, POLICY_BYTES},
        project::POLICY_CHECK_PREFIX,
    },
};

/// What people see, and branch rules may require.
const CHECK_NAME: &str = "wiz policy";

pub(super) async fn execute(
    services: &Services,
    lease: &Lease,
    (installation, repository): (InstallationId, RepositoryId),
    pull: IssueNumber,
) -> Result<Completed, JobFailure> {
    if !is_suspended(services, installation).await? {
        match judge(services, (installation, repository), pull).await {
            Err(error) if matches!(error.downcast_ref(), Some(GitHubError::Forbidden(_))) => {
                // The owner has not granted it, and no other try helps; the push of what is merged is judged again.
                tracing::warn!(%pull, "the policy file cannot be judged: {error:#}");
            }
            outcome => outcome.map_err(retry)?,
        }
    }
    complete(services, lease).await
}

async fn judge(
    services: &Services,
    (installation, repository): (InstallationId, RepositoryId),
    number: IssueNumber,
) -> Result<()> {
    let name = store::repository_name(&mut *services.pool.acquire().await?, repository).await?;
    let github = services.github.installation(installation);
    let Some(pull) = github.pull(&name, number).await? else { return Ok(()) };
    if pull.state == OpenState::Closed {
        return Ok(());
    }
    let files = [(policy::POLICY_PATH, Layer::Repository), (policy::ORGANISATION_POLICY_PATH, Layer::Organisation)];
    for (path, layer) in files {
        if layer == Layer::Organisation && name.name() != ACCOUNT_REPOSITORY {
            continue;
        }
        let (proposed, standing) = tokio::try_join!(
            github.file(&name, &pull.head.sha, path, POLICY_BYTES),
            github.file_now(&name, path, POLICY_BYTES),
        )?;
        let Some(proposed) = proposed.filter(|proposed| standing.as_ref() != Some(proposed)) else { continue };
        let outer = services.policies.outer(&github, &name).await?.unwrap_or_default();
        let check = check_run(services, &pull, (path, layer), &proposed, &outer);
        github.find_or_create_check(&name, &check).await.context("cannot show what the policy file is like")?;
        if let Err(faults) = policy::parse_layer(layer, &proposed) {
            // Merged, these are no news.
            let digest = super::pushed_policy::digest(&faults);
            store::policy_faults::remember(&services.pool, repository, path, Some(&digest)).await?;
        }
    }
    Ok(())
}

fn check_run(
    services: &Services,
    pull: &PullRequest,
    (path, layer): (&str, Layer),
    file: &Bytes,
    outer: &OuterLayers,
) -> CheckRun {
    let (faults, notes) = match policy::parse_layer(layer, file) {
        Ok(parsed) if layer == Layer::Repository => {
            let Effective { policy, overruled, .. } = policy::combine(outer, parsed);
            let text = String::from_utf8_lossy(file);
            let line = |key: &str| text.lines().position(|line| line.starts_with(key)).map_or(0, |index| index + 1);
            let ours = overruled.iter().filter(|overruled| overruled.said_by == Layer::Repository);
            let notes = ours.map(|overruled| {
                let (key, by) = (overruled.key.name(), overruled.locked_by.name());
                (line(key), report::locked_key(key, by))
            });
            let mut notes: Vec<_> = notes.collect();
            // One that another file names is not this one's mistake.
            if let (Err(unusable), named @ 1..) = (services.models.choose(policy.model.as_deref()), line("model:")) {
                notes.push((named, report::model_out_of_reach(&unusable.wanted)));
            }
            (vec![], notes)
        }
        Ok(_) => (vec![], vec![]),
        Err(faults) => (faults.into_iter().map(|fault| (fault.line, fault.message)).collect::<Vec<_>>(), vec![]),
    };
    let conclusion = match (faults.is_empty(), notes.is_empty()) {
        (true, true) => Conclusion::Success,
        (true, false) => Conclusion::Neutral,
        (false, _) => Conclusion::Failure,
    };
    let level = if faults.is_empty() { AnnotationLevel::Warning } else { AnnotationLevel::Failure };
    let said = report::policy_check(path, &faults, &notes);
    let annotation = |(line, message): (u32, String)| Annotation {
        path: path.to_owned(),
        start_line: line,
        end_line: line,
        level,
        title: CHECK_NAME.to_owned(),
        message,
    };
    CheckRun {
        name: CHECK_NAME.to_owned(),
        external_id: format!("{POLICY_CHECK_PREFIX}{path}"),
        identity: CheckIdentity::Key,
        head_sha: pull.head.sha.clone(),
        details_url: None,
        state: CheckState::Completed { conclusion, at: Utc::now() },
        output: CheckRunOutput { title: said.title, summary: said.summary, text: None },
        annotations: said.annotations.into_iter().map(annotation).collect(),
        actions: vec![],
    }
}
