//! Shows the run on GitHub as it now is: the sticky comment, and the check run once there is a head to put it on.
//!
//! A report always shows the newest state, so an earlier one that comes late has nothing to do. The comment is found by
//! its stored id or by its signed marker; one that somebody else changed is put right.

use anyhow::Context as _;
use sha2::{Digest, Sha256};

use super::{Completed, JobFailure, Lease, RunId, Services, StoredRun, complete, store, store::results};
use crate::{
    report::{self, Marker, MarkerKind},
    run::view,
};

pub(super) async fn execute(
    services: &Services,
    lease: &Lease,
    run: RunId,
    revision: i32,
) -> Result<Completed, JobFailure> {
    let stored = store::load(&mut *services.pool.acquire().await?, run).await?;
    if let Some(stored) = stored.filter(|stored| stored.revision == revision) {
        show(services, &stored).await.map_err(|error| super::retry(error))?;
    }
    complete(services, lease).await
}

async fn show(services: &Services, stored: &StoredRun) -> anyhow::Result<()> {
    let view = view::of(services, stored).await?;
    status_comment(services, stored, &view).await.context("cannot show the status comment")?;
    check_run(services, stored, &view).await.context("cannot show the check run")
}

async fn status_comment(services: &Services, stored: &StoredRun, view: &report::RunView) -> anyhow::Result<()> {
    let github = services.github.installation(stored.installation).await?;
    let marker = Marker { run: stored.run.id, kind: MarkerKind::Status };
    let body = format!("{}\n{}", report::status_comment(view), marker.sign(&services.settings.marker_key));
    let known = results::output(&mut *services.pool.acquire().await?, stored.run.id).await?.status_comment;
    let written = github
        .find_or_create_comment(&stored.repository_name, stored.issue, known, &body, &|text| {
            marker.verifies(text, &services.settings.marker_key)
        })
        .await?;
    let digest = digest(&body);
    let mut connection = services.pool.acquire().await?;
    results::save_status_comment(&mut connection, stored.run.id, written.id, &digest, written.edited).await
}

/// The digest by which a later approval sees whether the comment still says what wiz wrote. GitHub may change line ends
/// and outer white space, so these do not count.
pub(super) fn digest(body: &str) -> String {
    hex::encode(Sha256::digest(body.replace("\r\n", "\n").trim()))
}

async fn check_run(services: &Services, stored: &StoredRun, view: &report::RunView) -> anyhow::Result<()> {
    let Some(pull_request) = &stored.run.progress.pull_request else { return Ok(()) };
    let github = services.github.installation(stored.installation).await?;
    let output = report::check_output(view);
    let known = results::output(&mut *services.pool.acquire().await?, stored.run.id).await?;
    let known = known.check_run.filter(|_| known.check_run_head.as_ref() == Some(&pull_request.head));
    let check_run = github
        .find_or_create_check(
            &stored.repository_name,
            &pull_request.head,
            known,
            &format!("wiz-run-{}", stored.run.id),
            &output,
        )
        .await?;
    let mut connection = services.pool.acquire().await?;
    results::save_check_run(&mut connection, stored.run.id, check_run, &pull_request.head).await
}
