//! Shows runs that wait where they stand in the line, whenever it moves on.

use std::time::Duration;

use chrono::{TimeDelta, Utc};

use super::{Completed, JobFailure, Lease, RunId, Services, StoredRun, Task, complete, report, retry, store};
use crate::{
    github::journal::text_digest,
    ids::JobId,
    limits::STICKY_COMMENT_INTERVAL,
    queue,
    run::{state::State, store::results, view},
};

/// A run with at most so many before it hears of each move; one further back whenever their number is a power of two, so
/// that a long line costs few calls to GitHub.
const NEAR: i64 = 3;

/// Lets runs in the line be shown anew: this job has left it.
pub(super) async fn moved_on(services: &Services, job: JobId) -> anyhow::Result<()> {
    let mut connection = services.pool.acquire().await?;
    let waiting = store::line::waiting(&mut connection).await?;
    for one in waiting.iter().filter(|one| hears_of_move(one.ahead)) {
        let place = Task::Place { run: one.run, after: job };
        queue::enqueue(&mut connection, &place.job(one.installation, Duration::ZERO)?).await?;
    }
    if !waiting.is_empty() {
        services.doorbell.ring();
    }
    Ok(())
}

fn hears_of_move(ahead: i64) -> bool {
    ahead <= NEAR || ahead.count_ones() == 1
}

pub(super) async fn execute(services: &Services, lease: &Lease, run: RunId) -> Result<Completed, JobFailure> {
    let stored = store::load(&mut *services.pool.acquire().await?, run).await?;
    if let Some(stored) = stored
        && stored.run.state == State::Queued
        && !stored.mission.ends_in_words()
        // Reports thin out before work stops.
        && services.github.installation(stored.installation).low_on_calls_until().is_none()
        && !super::is_out_of_reach(services, stored.installation, stored.repository).await?
    {
        show(services, &stored).await?;
    }
    complete(services, lease).await
}

/// Writes the status comment anew if it says something else by now.
async fn show(services: &Services, stored: &StoredRun) -> Result<(), JobFailure> {
    let view = view::of(services, stored).await?;
    let shown = results::output(&mut *services.pool.acquire().await?, stored.run.id).await?;
    let now = text_digest(&report::status_text(services, stored, &view));
    // Without a comment, the first report is still to come.
    if shown.status_comment.is_none() || shown.status_comment_digest == Some(now) {
        return Ok(());
    }
    let age = shown.shown_at.map_or(TimeDelta::MAX, |at| Utc::now() - at);
    let left = STICKY_COMMENT_INTERVAL.saturating_sub(age.to_std().unwrap_or_default());
    if !left.is_zero() {
        let error = anyhow::anyhow!("the status comment was edited a moment ago");
        return Err(JobFailure::TooEarly { error, after: left });
    }
    match report::tell(services, stored, &view).await {
        Err(error) if report::is_gone(&error) => tracing::warn!(run = %stored.run.id, "nobody can be told: {error:#}"),
        outcome => outcome.map_err(retry)?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_in_front_hear_of_each_move_and_those_behind_of_few() {
        let hear: Vec<i64> = (0..100).filter(|ahead| hears_of_move(*ahead)).collect();
        assert_eq!(hear, [0, 1, 2, 3, 4, 8, 16, 32, 64]);
    }
}
