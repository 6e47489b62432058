//! Checks that failed on a watched pull request, and of which no delivery ever told.

use anyhow::{Context as _, Result};
use serde_json::json;

use super::runs::delivery_of;
use crate::{
    ci::is_failing,
    github::{Installation, PullRequest},
    intake::{self, store::Stored},
    run::{
        services::Services,
        state::State,
        store::{StoredRun, ci as tries},
    },
};

/// Tells of the failures on the head, once, as GitHub would have. A commit on which any failure was ever told is left
/// alone. Answers whether there was something to tell.
pub(super) async fn tell(
    services: &Services,
    (github, stored): (&Installation, &StoredRun),
    pull: &PullRequest,
) -> Result<bool> {
    let head = &pull.head.sha;
    if stored.run.state != State::Watching
        || pull.is_from_fork()
        || tries::has_failed(&mut *services.pool.acquire().await?, stored.repository, head).await?
    {
        return Ok(false);
    }
    let found = github.checks_on(&stored.repository_name, head).await.context("cannot list the checks")?;
    if !found.iter().any(|check| check.conclusion.as_deref().is_some_and(is_failing)) {
        return Ok(false);
    }
    // https://docs.github.com/en/webhooks/webhook-events-and-payloads#check_suite
    let payload = json!({
        "action": "completed",
        "installation": { "id": stored.installation },
        "repository": {
            "id": stored.repository, "full_name": stored.repository_name, "default_branch": stored.default_branch,
        },
        "check_suite": { "head_sha": head, "conclusion": "failure" },
    });
    let delivery = delivery_of(&format!("checks that failed unheard: {} {head}", stored.repository));
    let told = intake::store_found(&services.pool, delivery, "check_suite", serde_json::to_vec(&payload)?).await?;
    tracing::info!(run = %stored.run.id, %head, "checks failed and nobody told");
    Ok(matches!(told, Stored::New(_)))
}
