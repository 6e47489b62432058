//! Schedules of a repository: read from its policy file, ticked when they are due, shown in an issue of their own.
//!
//! A tick is a job that waits for its time. It names the repository, the schedule and the due time, and the database
//! takes each such name once, so that two processes, or one that is started again, start one run. The tick enqueues the
//! next one in the transaction that ends it.
//!
//! Read first: [`read`], then `tick.rs`.

mod show;
mod tick;

use std::{collections::BTreeSet, time::Duration};

use anyhow::Result;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

pub(super) use self::{show::execute as show, tick::execute as tick};
use super::{
    Completed, JobFailure, Lease, Services, complete, is_out_of_reach, is_suspended, model, retry, store,
    triage::starting::LEAST_BUDGET,
};
use crate::{
    github::GitHubError,
    ids::{BranchName, InstallationId, RepositoryId, RepositoryName},
    policy::{self, Schedule, ScheduleName},
    run::{
        policies,
        store::{
            reach,
            schedules::{self, StoredSchedule},
        },
        task::{ScheduleKey, Task},
    },
};

/// Reads the schedules anew: the file may have changed, or the repository was out of reach.
pub(super) async fn read(
    services: &Services,
    lease: &Lease,
    (installation, repository): (InstallationId, RepositoryId),
    name: Option<RepositoryName>,
) -> Result<Completed, JobFailure> {
    let mut connection = services.pool.acquire().await?;
    let home = reach::home(&mut connection, repository).await?;
    let is_known = home.is_some();
    // What wiz knows is newer than what the job says, which may have waited.
    let Some((installation, name)) = home.or_else(|| Some((installation, name?))) else {
        return complete(services, lease).await;
    };
    drop(connection);
    if is_out_of_reach(services, installation, repository).await? {
        return complete(services, lease).await;
    }
    let place = Place { installation, repository, name: &name };
    let found = match place.wanted(services, is_known).await {
        Err(error) if error.downcast_ref().is_some_and(|error: &GitHubError| !error.is_retryable()) => {
            tracing::warn!(repo = %name, "the schedules cannot be read: {error:#}");
            return complete(services, lease).await;
        }
        found => found.map_err(retry)?,
    };
    let mut transaction = services.pool.begin().await?;
    let completed = lease.complete(&mut transaction).await?;
    if let Some(Found { schedules, unknown_branch }) = found {
        if let Some(branch) = unknown_branch {
            reach::remember_repository(&mut transaction, installation, repository, &name, &branch).await?;
        }
        follow(&mut transaction, (installation, repository), &schedules, Utc::now()).await?;
    }
    transaction.commit().await?;
    Ok(completed)
}

/// Where schedules are read.
struct Place<'a> {
    installation: InstallationId,
    repository: RepositoryId,
    name: &'a RepositoryName,
}

/// What the file asks for.
struct Found {
    schedules: Vec<Schedule>,
    /// The default branch of a repository that wiz did not know.
    unknown_branch: Option<BranchName>,
}

impl Place<'_> {
    /// The schedules that the file asks for; none when it cannot be understood, which a tick finds out for itself, and when
    /// there is nothing to follow.
    async fn wanted(&self, services: &Services, is_known: bool) -> Result<Option<Found>> {
        let Ok(rules) = policies::now(services, self.name, self.installation).await? else { return Ok(None) };
        let schedules = rules.policy.schedules;
        if is_known && !schedules.is_empty() {
            return Ok(Some(Found { schedules, unknown_branch: None }));
        }
        let stored = schedules::of_repository(&mut *services.pool.acquire().await?, self.repository).await?;
        if schedules.is_empty() && stored.is_empty() {
            // Such a repository stays unknown until somebody speaks to wiz there.
            return Ok(None);
        }
        // One that is out of reach looks like one without a file.
        let there = services.github.installation(self.installation).repository(self.name).await?;
        let there = there.filter(|there| there.id == self.repository && !there.archived);
        Ok(there.map(|there| Found { schedules, unknown_branch: (!is_known).then_some(there.default_branch) }))
    }
}

/// Makes the stored schedules those of the file. One that is unchanged keeps its next tick, should it have lost its job.
async fn follow(
    connection: &mut PgConnection,
    (installation, repository): (InstallationId, RepositoryId),
    wanted: &[Schedule],
    now: DateTime<Utc>,
) -> Result<()> {
    let stored = schedules::of_repository(connection, repository).await?;
    let names: BTreeSet<&ScheduleName> = wanted.iter().map(|schedule| &schedule.name).collect();
    for gone in stored.iter().filter(|stored| !names.contains(&stored.name)) {
        schedules::remove(connection, repository, &gone.name).await?;
    }
    for schedule in wanted {
        let key = ScheduleKey { installation, repository, name: schedule.name.clone() };
        let same = stored.iter().find(|stored| {
            stored.name == schedule.name && stored.cron == schedule.cron && stored.timezone == schedule.timezone.name()
        });
        if let Some(same) = same {
            wait_for(connection, &key, same.due, now).await?;
            continue;
        }
        let Some(due) = schedule.next_after(now) else { continue };
        schedules::save(connection, repository, schedule, due).await?;
        wait_for(connection, &key, due, now).await?;
    }
    Ok(())
}

/// Waits for the next tick after one that was given up.
pub(super) async fn dead(connection: &mut PgConnection, key: &ScheduleKey) -> Result<()> {
    let Some(stored) = schedules::lock(connection, key.repository, &key.name).await? else { return Ok(()) };
    wait_for_next(connection, key, &stored, Utc::now()).await
}

/// Waits for the next tick by the times that are stored.
async fn wait_for_next(
    connection: &mut PgConnection,
    key: &ScheduleKey,
    stored: &StoredSchedule,
    now: DateTime<Utc>,
) -> Result<()> {
    let Some(next) = policy::next_time(&stored.cron, &stored.timezone, now) else { return Ok(()) };
    schedules::advance(connection, key.repository, &key.name, next).await?;
    wait_for(connection, key, next, now).await
}

/// Enqueues the tick that is due then.
async fn wait_for(
    connection: &mut PgConnection,
    key: &ScheduleKey,
    due: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<()> {
    let delay = (due - now).to_std().unwrap_or(Duration::ZERO);
    let task = Task::Tick { schedule: key.clone(), due };
    crate::queue::enqueue(connection, &task.job(key.installation, delay)?).await?;
    Ok(())
}
