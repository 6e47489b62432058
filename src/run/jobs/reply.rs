//! Answers a person once, in their conversation.

use anyhow::Context as _;

use super::{Completed, JobFailure, Lease, Services, complete, store};
use crate::{
    report::{Marker, MarkerKind},
    run::task::Reply,
};

pub(super) async fn execute(services: &Services, lease: &Lease, reply: &Reply) -> Result<Completed, JobFailure> {
    say(services, reply).await.map_err(super::retry)?;
    complete(services, lease).await
}

async fn say(services: &Services, reply: &Reply) -> anyhow::Result<()> {
    let name = store::repository_name(&mut *services.pool.acquire().await?, reply.repository).await?;
    let github = services.github.installation(reply.installation).await?;
    let marker = MarkerKind::Reply(reply.key.clone());
    let marker = Marker { kind: marker };
    let body = format!("{}\n{}", reply.body, marker.sign(&services.settings.marker_key));
    github
        .find_or_create_comment(&name, reply.issue, None, &body, &|text| {
            marker.verifies(text, &services.settings.marker_key)
        })
        .await
        .context("cannot post an answer")?;
    Ok(())
}
