//! Checks and commit statuses that failed on a watched pull request, and of which no delivery ever told.

use anyhow::{Context as _, Result};
use serde_json::json;

use super::{delivery, runs::Whereabouts};
use crate::{
    ci::is_failing,
    github::{GitHubError, PullRequest, SeenCheck},
    intake::{self, store::Stored},
    run::{services::Services, state::State, store::ci as tries},
};

/// Tells of the failures on the head, once, as GitHub would have. A commit on which any failure was ever told is left
/// alone. Answers whether there was something to tell.
pub(super) async fn tell(services: &Services, (github, stored): Whereabouts<'_>, pull: &PullRequest) -> Result<bool> {
    let head = &pull.head.sha;
    if stored.run.state != State::Watching
        || pull.is_from_fork()
        || tries::has_failed(&mut *services.pool.acquire().await?, stored.repository, head).await?
    {
        return Ok(false);
    }
    let has_failed =
        |found: &[SeenCheck]| found.iter().any(|check| check.conclusion.as_deref().is_some_and(is_failing));
    let name = &stored.repository_name;
    let checks = match github.checks_on(name, head).await {
        // The owner has not granted it, and all else of the run is read again.
        Err(GitHubError::Forbidden(_)) => vec![],
        found => found.context("cannot list the checks")?,
    };
    if !has_failed(&checks) {
        let statuses = github.statuses_on(name, stored.repository, head).await.context("cannot list the statuses")?;
        if !has_failed(&statuses) {
            return Ok(false);
        }
    }
    // A look at the commit asks for all that was said of it, by checks and statuses.
    // https://docs.github.com/en/webhooks/webhook-events-and-payloads#check_suite
    let mut payload = delivery::payload(stored, "completed");
    payload["check_suite"] = json!({ "head_sha": head, "conclusion": "failure" });
    let id = delivery::id_of(&format!("checks that failed unheard: {} {head}", stored.repository));
    let told = intake::store_found(&services.pool, id, "check_suite", serde_json::to_vec(&payload)?).await?;
    tracing::info!(run = %stored.run.id, %head, "checks failed and nobody told");
    Ok(matches!(told, Stored::New(_)))
}
