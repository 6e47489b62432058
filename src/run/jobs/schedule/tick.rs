//! One tick: at most one run.

use std::time::Duration;

use anyhow::{Context as _, Result};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{Completed, JobFailure, LEAST_BUDGET, Lease, Services, complete, is_out_of_reach, model, retry, store};
use crate::{
    event::command,
    github::OpenState,
    ids::{IssueNumber, Login, UserId},
    llm::ChosenModel,
    policy::{CATCH_UP, RepositoryPolicy, Role, Schedule},
    run::{
        policies,
        state::{Mission, Options},
        store::{
            Created, NewRun, reach,
            schedules::{self, StoredSchedule, Tick, TickOutcome},
        },
        task::{ScheduleKey, Task},
    },
    triage::{self, Ground, Intent},
};

/// Nobody asked for the run: the policy did. GitHub numbers accounts from 1.
const NOBODY: UserId = UserId(0);

/// What is known of a tick before anything is stored.
struct Scene<'a> {
    key: &'a ScheduleKey,
    schedule: Schedule,
    policy: RepositoryPolicy,
    /// The policy's; none if it cannot be used here.
    model: Option<ChosenModel>,
    /// The tick that counts: the one that was due, or the last of those that were missed.
    due: DateTime<Utc>,
    now: DateTime<Utc>,
    bot: Login,
}

pub(in crate::run::jobs) async fn execute(
    services: &Services,
    lease: &Lease,
    key: &ScheduleKey,
    due: DateTime<Utc>,
) -> Result<Completed, JobFailure> {
    let now = Utc::now();
    let home = reach::home(&mut *services.pool.acquire().await?, key.repository).await?;
    let Some((installation, name)) = home else { return complete(services, lease).await };
    // The job was made when the repository may have belonged to another installation.
    let key = &ScheduleKey { installation, ..key.clone() };
    let stored = schedules::lock(&mut *services.pool.acquire().await?, key.repository, &key.name).await?;
    let Some(stored) = stored.filter(|stored| stored.due == due) else {
        // The schedule is gone or was given another time.
        return complete(services, lease).await;
    };
    if is_out_of_reach(services, installation, key.repository).await? {
        return end(services, lease, key, (&stored, None)).await;
    }
    let github = services.github.installation(installation);
    let there = github.repository(&name).await.map_err(|error| retry(error.into()))?;
    if there.is_none_or(|there| there.archived) {
        // It may come back before wiz hears that it was away.
        return end(services, lease, key, (&stored, None)).await;
    }
    let Ok(rules) = policies::now(services, &name, installation).await.map_err(retry)? else {
        let tick = Tick { due, outcome: TickOutcome::Faulty, run: None };
        return end(services, lease, key, (&stored, Some(tick))).await;
    };
    let Some(schedule) = rules.policy.schedules.iter().find(|schedule| schedule.name == key.name).cloned() else {
        return forget(services, lease, key).await;
    };
    let bot = services.github.identity().await.map_err(|error| retry(error.into()))?.bot_login.clone();
    let due = schedule.latest(due, now);
    let model = model::chosen(services, None, &rules.policy).ok();
    let scene = Scene { key, schedule, policy: rules.policy, model, due, now, bot };
    scene.run(services, lease, &stored).await
}

impl Scene<'_> {
    async fn run(&self, services: &Services, lease: &Lease, stored: &StoredSchedule) -> Result<Completed, JobFailure> {
        let (issue, state) =
            super::show::tracking_issue(services, self.key, &self.schedule, stored.issue).await.map_err(retry)?;
        let mut transaction = services.pool.begin().await?;
        let completed = lease.complete(&mut transaction).await?;
        let connection = &mut *transaction;
        let held = schedules::lock(connection, self.key.repository, &self.key.name).await?;
        if held.is_none_or(|held| held.due != stored.due) {
            transaction.commit().await?;
            return Ok(completed);
        }
        schedules::set_issue(connection, self.key.repository, &self.key.name, issue).await?;
        if !schedules::is_recorded(connection, self.key.repository, &self.key.name, self.due).await? {
            let tick = self.outcome(connection, issue, state).await?;
            schedules::record(connection, self.key.repository, &self.key.name, &tick).await?;
        }
        if let Some(next) = self.schedule.next_after(self.now) {
            schedules::save(connection, self.key.repository, &self.schedule, next).await?;
            super::wait_for(connection, self.key, next, self.now).await?;
        }
        let show = Task::ShowSchedule { schedule: self.key.clone(), due: self.due };
        crate::queue::enqueue(connection, &show.job(self.key.installation, Duration::ZERO)?).await?;
        transaction.commit().await?;
        Ok(completed)
    }

    /// What comes of the tick; starts its run.
    async fn outcome(&self, connection: &mut PgConnection, issue: IssueNumber, state: OpenState) -> Result<Tick> {
        let tick = |outcome, run| Tick { due: self.due, outcome, run };
        if self.now - self.due > CATCH_UP {
            return Ok(tick(TickOutcome::Missed, None));
        }
        if state == OpenState::Closed {
            return Ok(tick(TickOutcome::Paused, None));
        }
        if let Some(open) = schedules::open_run(connection, self.key.repository, &self.key.name).await? {
            return Ok(tick(TickOutcome::StillOpen, Some(open)));
        }
        let left = store::left_today(connection, self.key.repository, self.policy.budget_day).await?;
        if left < LEAST_BUDGET {
            return Ok(tick(TickOutcome::NoBudget, None));
        }
        let Some(model) = &self.model else { return Ok(tick(TickOutcome::UnusableModel, None)) };
        let new = self.new_run(issue, model.clone())?;
        let new = NewRun { budget: new.budget.min(left), ..new };
        Ok(match store::create(connection, &new).await? {
            Created::New(run) | Created::Before(run) => tick(TickOutcome::Started, Some(run)),
            Created::OpenRun(run) | Created::ReadBefore(run) => tick(TickOutcome::StillOpen, Some(run)),
        })
    }

    /// The schedule means what its command means when an administrator gives it.
    fn mission(&self) -> Result<Mission> {
        let verb = self.schedule.verb.name();
        let command = command::parse(&format!("/wiz {verb} work"), None).pop().context("no command was read")?;
        let intent = triage::decide(&command, Role::Admin, &self.policy, Ground::Issue);
        let Intent::Start { mission, .. } = intent else { anyhow::bail!("/wiz {verb} starts no run: {intent:?}") };
        Ok(mission)
    }

    fn new_run(&self, issue: IssueNumber, model: ChosenModel) -> Result<NewRun> {
        let mission = self.mission()?;
        Ok(NewRun {
            installation: self.key.installation,
            repository: self.key.repository,
            issue,
            issue_title: super::show::title(&self.schedule),
            trigger_key: format!("schedule:{}:{}:{}", self.key.repository, self.key.name, self.due.timestamp()),
            mission,
            asked_in: None,
            reads: None,
            options: Options::default(),
            instructions: self.schedule.instructions.clone(),
            requester_id: NOBODY,
            requester: self.bot.clone(),
            model,
            budget: triage::run_budget(mission, None, self.policy.budget_run),
            budget_day: self.policy.budget_day,
        })
    }
}

/// Ends a tick from which nothing comes, and waits for the next by the times that are stored.
async fn end(
    services: &Services,
    lease: &Lease,
    key: &ScheduleKey,
    (stored, tick): (&StoredSchedule, Option<Tick>),
) -> Result<Completed, JobFailure> {
    let mut transaction = services.pool.begin().await?;
    let completed = lease.complete(&mut transaction).await?;
    if let Some(tick) = &tick {
        schedules::record(&mut transaction, key.repository, &key.name, tick).await?;
        tracing::warn!(schedule = %key.name, repository = %key.repository, outcome = ?tick.outcome, "a tick was left out");
    }
    super::wait_for_next(&mut transaction, key, stored, Utc::now()).await?;
    transaction.commit().await?;
    Ok(completed)
}

/// Ends a schedule that is no longer there.
async fn forget(services: &Services, lease: &Lease, key: &ScheduleKey) -> Result<Completed, JobFailure> {
    let mut transaction = services.pool.begin().await?;
    let completed = lease.complete(&mut transaction).await?;
    schedules::remove(&mut transaction, key.repository, &key.name).await?;
    transaction.commit().await?;
    Ok(completed)
}
