//! Reads a stored delivery and carries out what it asks.
//!
//! Look-ups come first, then everything the delivery causes is stored in one transaction with the end of the job. A
//! delivery that is worked twice finds its run, its denial and its answer already there.

mod answering;
mod button;
mod editing;
mod ended;
mod hearing;
mod labelling;
mod movement;
mod noting;
mod ordering;
mod pulling;
mod reaching;
mod reviewing;
mod rules;
pub(super) mod starting;
mod switching;
mod triggering;

use std::time::Duration;

use anyhow::{Context as _, Result};
use sqlx::PgConnection;

pub(super) use hearing::policy;
pub(super) use labelling::counted as counted_labels;

use super::{Completed, JobFailure, Lease, Services, Signal, answer_checks, complete, opening, store};
use crate::{
    event::{self, CheckRun, CheckRunAction, CheckSuiteAction, Event, EventKind},
    github::journal,
    ids::{DeliveryId, InstallationId, RunId},
    intake,
    run::{store::Signalled, task::Checks},
};

/// One change that a delivery causes.
enum Action {
    Signal(RunId, Signal),
    /// Words to people; also decides what is said about runs started and orders given.
    Conversation(answering::Answer),
    /// What GitHub shows of a run may be out of date.
    ShowAgain(RunId, DeliveryId),
    /// Installations and repositories that come and go.
    Reach(reaching::Reach),
    /// A check has ended on a commit that may be wiz's business.
    LookAtChecks {
        checks: Checks,
        failed: bool,
    },
    /// A label may let failing checks be answered.
    Labelled(labelling::Labelling),
}

pub(super) async fn execute(services: &Services, lease: &Lease, delivery: DeliveryId) -> Result<Completed, JobFailure> {
    let stored = intake::load(&mut *services.pool.acquire().await?, delivery).await?;
    let Some(stored) = stored else {
        tracing::warn!(%delivery, "the delivery is gone");
        return complete(services, lease).await;
    };
    let event = match event::parse(&stored.event, &stored.payload) {
        Ok(event) => event,
        Err(error) => {
            tracing::warn!(%delivery, event = stored.event, %error, "cannot read the delivery");
            return complete(services, lease).await;
        }
    };
    let suspended_at = match (event.installation, &event.kind) {
        (None, _) | (_, EventKind::Installation(_)) => None,
        (Some(installation), _) => {
            store::reach::suspended_at(&mut *services.pool.acquire().await?, installation).await?
        }
    };
    if suspended_at.is_some_and(|at| stored.received_at <= at) {
        tracing::info!(%delivery, "the installation was suspended since, so nobody can be answered");
        return complete(services, lease).await;
    }
    let is_back = match event.installation.filter(|_| suspended_at.is_some()) {
        Some(installation) => reaching::is_back(services, installation).await.map_err(super::retry)?,
        None => false,
    };
    if suspended_at.is_some() && !is_back {
        let young = put_off_while_young(services, delivery, "the installation is not back yet").await;
        young.map_err(super::retry)?;
        tracing::info!(%delivery, "the installation is suspended or gone, so nobody can be answered");
        return complete(services, lease).await;
    }
    let actions = interpret(services, delivery, &event).await.map_err(super::retry)?;
    let mut transaction = services.pool.begin().await?;
    let completed = lease.complete(&mut transaction).await?;
    if is_back {
        carry_out(&mut transaction, &event, Action::Reach(reaching::Reach::Back)).await?;
    }
    for action in actions {
        if let Some(run) = carry_out(&mut transaction, &event, action).await? {
            // What was answered at once, as with 👀, was answered for this run.
            journal::adopt(&mut transaction, lease.job(), run).await?;
        }
    }
    rules::look_again(&mut transaction, delivery, &event).await?;
    transaction.commit().await?;
    Ok(completed)
}

/// Answers words that could not be followed. Nothing is looked up, since that may be what failed.
pub(super) async fn dead(connection: &mut PgConnection, delivery: DeliveryId) -> Result<()> {
    let Some(stored) = intake::load(connection, delivery).await? else { return Ok(()) };
    let Ok(event) = event::parse(&stored.event, &stored.payload) else { return Ok(()) };
    let Some(apology) = answering::apology(&event) else { return Ok(()) };
    if let Some(source) = apology.fresh
        && !store::heard::give_up(connection, source, apology.comment).await?
    {
        return Ok(());
    }
    answering::Answer { fresh: None, ..apology }.carry_out(connection).await.map(drop)
}

/// Finds out what the delivery asks for, with the look-ups that needs.
async fn interpret(services: &Services, delivery: DeliveryId, event: &Event) -> Result<Vec<Action>> {
    let Some(installation) = event.installation else { return Ok(vec![]) };
    let action = match &event.kind {
        EventKind::Spoken(_) => {
            // Both may find something: a review that asks for changes may also ask how the run stands.
            let review = reviewing::interpret(services, delivery, event, installation).await?;
            let words = hearing::interpret(services, delivery, event, installation).await?;
            let look = ended::before_it_opened(services, delivery, event, installation).await?;
            return Ok(review.map(Action::Conversation).into_iter().chain(words).chain(look).collect());
        }
        EventKind::Triggered(triggered) if triggered.subject.pull_request => {
            return labelling::interpret(services, (delivery, event), installation, triggered).await;
        }
        EventKind::Triggered(triggered) => {
            triggering::interpret(services, (delivery, event), installation, triggered).await?
        }
        EventKind::PullRequest(change) => {
            let moved = movement::pull_request(services, event, installation, change).await?;
            let look = ended::before_it_opened(services, delivery, event, installation).await?;
            return Ok(moved.into_iter().chain(look).collect());
        }
        EventKind::Unlocked { issue } => movement::unlocked(services, (delivery, event), *issue).await?,
        EventKind::CheckSuite(suite) if suite.action == CheckSuiteAction::Rerequested => {
            button::suite(services, (delivery, event), installation, suite).await?
        }
        EventKind::CheckRun(CheckRun { action: CheckRunAction::Completed { .. }, .. })
        | EventKind::CheckSuite(_)
        | EventKind::WorkflowRun(_)
        | EventKind::CommitStatus(_) => ended::interpret(services, delivery, event, installation).await?,
        EventKind::CheckRun(check_run) => {
            button::interpret(services, (delivery, event), installation, check_run).await?
        }
        EventKind::Installation(change) => reaching::installation(services, (delivery, installation), change).await?,
        EventKind::Repository(change) => {
            reaching::repository(services, (delivery, event), installation, *change).await?
        }
        EventKind::Push(_) | EventKind::Ping | EventKind::Ignored { .. } => None,
    };
    Ok(action.into_iter().collect())
}

/// Stores what one action causes. Answers which run people spoke of, if they did of one.
async fn carry_out(connection: &mut PgConnection, event: &Event, action: Action) -> Result<Option<RunId>> {
    let installation = event.installation.context("an action without an installation")?;
    match action {
        Action::Signal(run, signal) => {
            if let Signalled::Refused { state, refusal } = store::signal(connection, run, signal).await? {
                tracing::info!(%run, ?state, ?refusal, "the run did not change");
            }
        }
        Action::Conversation(answer) => return answer.carry_out(connection).await,
        Action::ShowAgain(run, delivery) => answering::restore(connection, installation, (run, delivery)).await?,
        Action::Reach(change) => change.carry_out(connection, installation).await?,
        Action::LookAtChecks { checks, failed } => {
            remember(connection, event, installation).await?;
            answer_checks::watch(connection, checks, failed).await?;
        }
        Action::Labelled(labelling) => {
            remember(connection, event, installation).await?;
            labelling.carry_out(connection).await?;
        }
    }
    Ok(None)
}

/// A delivery is at odds with what is known, and so new that what explains it may be on its way.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct TooYoung(&'static str);

/// Time between two looks at such a delivery.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// How long a delivery may be overtaken by a later one, and GitHub take to show what it has told.
const OVERTAKES: Duration = Duration::from_secs(10);

/// Puts a delivery off that is at odds with what is known, until nothing can have overtaken it any more.
async fn put_off_while_young(services: &Services, delivery: DeliveryId, why: &'static str) -> Result<()> {
    let is_young = intake::came_within(&mut *services.pool.acquire().await?, delivery, OVERTAKES).await?;
    if is_young { Err(TooYoung(why).into()) } else { Ok(()) }
}

async fn remember(connection: &mut PgConnection, event: &Event, installation: InstallationId) -> Result<()> {
    if let Some(repository) = &event.repository
        && let Some(branch) = &repository.default_branch
    {
        let (id, name) = (repository.id, &repository.name);
        store::reach::remember_repository(connection, installation, id, name, branch).await?;
    }
    Ok(())
}
