//! When scripted things happen: by themselves after a pause, or when a test says so.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::{checks, stages};
use crate::engine::Engine;
use crate::store::{Errand, Pace, Planned, State};

/// How long to sleep when nothing is planned; a bell ends it early.
const IDLE: Duration = Duration::from_secs(3600);

/// Plans an errand.
pub fn plan(state: &mut State, pace: Pace, errand: Errand) {
    let due = match pace {
        Pace::Every { stage_ms } => Some(Instant::now() + Duration::from_millis(stage_ms)),
        Pace::ByHand => None,
    };
    state.agenda.push(Planned { due, errand });
}

/// Does the oldest errand that waits for a hand. False when there is none.
pub fn step(state: &mut State) -> bool {
    let Some(index) = state.agenda.iter().position(|planned| planned.due.is_none()) else { return false };
    let planned = state.agenda.remove(index);
    perform(state, planned.errand);
    true
}

/// Does what is due and tells when the next errand is.
pub fn perform_due(state: &mut State) -> Option<Instant> {
    let now = Instant::now();
    let due = |planned: &Planned| planned.due.is_some_and(|at| at <= now);
    while let Some(index) = state.agenda.iter().position(due) {
        let planned = state.agenda.remove(index);
        perform(state, planned.errand);
    }
    state.agenda.iter().filter_map(|planned| planned.due).min()
}

fn perform(state: &mut State, errand: Errand) {
    let done = match &errand {
        Errand::Run { repository, run } => stages::advance(state, (*repository, *run)),
        Errand::Check { .. } => checks::perform(state, &errand),
    };
    if let Err(error) = done {
        tracing::error!(error = format!("{error:#}"), ?errand, "a scripted stage failed");
    }
}

/// Performs errands until told to stop.
pub async fn run(engine: Arc<Engine>, shutdown: CancellationToken) {
    loop {
        let worker = Arc::clone(&engine);
        // Stages ask git, which blocks.
        let next = tokio::task::spawn_blocking(move || worker.perform_errands()).await.unwrap_or_else(|error| {
            tracing::error!(%error, "a scripted stage failed");
            None
        });
        let pause = next.map_or(IDLE, |at| at.saturating_duration_since(Instant::now()));
        tokio::select! {
            () = shutdown.cancelled() => break,
            () = engine.errands.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}
