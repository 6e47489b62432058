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
    Completed, JobFailure, Lease, Services, complete, is_suspended, model, retry, store, triage::starting::LEAST_BUDGET,
};
use crate::{
    ids::{InstallationId, RepositoryId},
    policy::{self, Schedule, ScheduleName},
    run::{
        policies,
        store::schedules::{self, StoredSchedule},
        task::{ScheduleKey, Task},
    },
};

/// Reads the schedules anew: the file may have changed.
pub(super) async fn read(
    services: &Services,
    lease: &Lease,
    installation: InstallationId,
    repository: RepositoryId,
) -> Result<Completed, JobFailure> {
    let wanted = wanted(services, installation, repository).await.map_err(retry)?;
    let mut transaction = services.pool.begin().await?;
    let completed = lease.complete(&mut transaction).await?;
    if let Some(wanted) = wanted {
        follow(&mut transaction, (installation, repository), &wanted, Utc::now()).await?;
    }
    transaction.commit().await?;
    Ok(completed)
}

/// The schedules that the file asks for; none when it cannot be understood, which a tick finds out for itself.
async fn wanted(
    services: &Services,
    installation: InstallationId,
    repository: RepositoryId,
) -> Result<Option<Vec<Schedule>>> {
    if is_suspended(services, installation).await? {
        return Ok(None);
    }
    let name = store::repository_name(&mut *services.pool.acquire().await?, repository).await?;
    let rules = policies::now(services, &name, installation).await?;
    Ok(rules.ok().map(|effective| effective.policy.schedules))
}

/// Makes the stored schedules those of the file. One that is unchanged keeps its next tick.
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
        let is_same = stored.iter().any(|stored| {
            stored.name == schedule.name && stored.cron == schedule.cron && stored.timezone == schedule.timezone.name()
        });
        if is_same {
            continue;
        }
        let Some(due) = schedule.next_after(now) else { continue };
        schedules::save(connection, repository, schedule, due).await?;
        wait_for(connection, &ScheduleKey { installation, repository, name: schedule.name.clone() }, due, now).await?;
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
