//! A schedule's tracking issue: made once, found by its marker, rewritten after each tick.

use anyhow::{Context as _, Result};
use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

use super::{Completed, JobFailure, Lease, Services, complete, is_suspended, retry, store};
use crate::{
    github::{OpenState, StickyIssue},
    ids::IssueNumber,
    policy::{Schedule, ScheduleName, ScheduleResult},
    report::{self, Marker, MarkerKind, ScheduleView, TickNote, TickView},
    run::{
        policies,
        store::schedules::{self, Tick, TickOutcome},
        task::ScheduleKey,
    },
};

/// Ticks that the issue shows.
const TICKS: i64 = 10;

/// Shows what came of the last ticks.
pub(in crate::run::jobs) async fn execute(
    services: &Services,
    lease: &Lease,
    key: &ScheduleKey,
) -> Result<Completed, JobFailure> {
    if !is_suspended(services, key.installation).await? {
        update(services, key).await.map_err(retry)?;
    }
    complete(services, lease).await
}

async fn update(services: &Services, key: &ScheduleKey) -> Result<()> {
    let mut connection = services.pool.acquire().await?;
    let name = store::repository_name(&mut connection, key.repository).await?;
    let stored = schedules::of_repository(&mut connection, key.repository).await?;
    let Some(stored) = stored.into_iter().find(|stored| stored.name == key.name) else { return Ok(()) };
    let ticks = schedules::latest(&mut connection, key.repository, &key.name, TICKS).await?;
    drop(connection);
    let Ok(rules) = policies::now(services, &name, key.installation).await? else { return Ok(()) };
    let schedule = rules.policy.schedules.into_iter().find(|schedule| schedule.name == key.name);
    let (Some(schedule), Some(issue)) = (schedule, stored.issue) else { return Ok(()) };
    let github = services.github.installation(key.installation);
    let body = body(services, &schedule, &ticks, Some(stored.due));
    github.edit_issue(&name, issue, &body).await.context("cannot show a schedule")?;
    Ok(())
}

/// The schedule's issue, and whether it is open: the one that is remembered, or an open one with its marker, or a new one.
/// A closed one that is not remembered was of a schedule that has left the file since: one that comes back under its name
/// was asked for anew, and is not paused.
pub(super) async fn tracking_issue(
    services: &Services,
    key: &ScheduleKey,
    schedule: &Schedule,
    remembered: Option<IssueNumber>,
) -> Result<(IssueNumber, OpenState)> {
    let name = store::repository_name(&mut *services.pool.acquire().await?, key.repository).await?;
    let github = services.github.installation(key.installation);
    if let Some(number) = remembered
        && let Some(issue) = github.issue(&name, number).await?
    {
        return Ok((issue.number, issue.state));
    }
    let marker_key = services.settings.marker_key.bytes();
    let marker = marker(&schedule.name);
    let wanted = StickyIssue {
        repository: &name,
        title: &title(schedule),
        body: &body(services, schedule, &[], None),
        is_it: &|issue| issue.state == OpenState::Open && Marker::find(&issue.body, marker_key) == Some(marker),
    };
    let issue = github.find_or_create_issue(&wanted).await.context("cannot make a schedule's issue")?;
    Ok((issue.number, issue.state))
}

pub(super) fn title(schedule: &Schedule) -> String {
    report::schedule_title(schedule.name.as_str())
}

fn body(services: &Services, schedule: &Schedule, ticks: &[Tick], next: Option<DateTime<Utc>>) -> String {
    let local =
        |moment: DateTime<Utc>| moment.with_timezone(&schedule.timezone).format("%Y-%m-%d %H:%M %Z").to_string();
    let view = ScheduleView {
        name: schedule.name.as_str(),
        cron: &schedule.cron,
        timezone: schedule.timezone.name(),
        verb: schedule.verb.name(),
        instructions: &schedule.instructions,
        brings_pull_request: schedule.result == ScheduleResult::PullRequest,
        next: next.map(local),
        ticks: ticks
            .iter()
            .map(|tick| TickView { due: local(tick.due), note: note(tick.outcome), run: tick.run })
            .collect(),
    };
    marker(&schedule.name).append_to(&report::schedule_issue(&view), services.settings.marker_key.bytes())
}

fn note(outcome: TickOutcome) -> TickNote {
    match outcome {
        TickOutcome::Started => TickNote::Started,
        TickOutcome::StillOpen => TickNote::StillOpen,
        TickOutcome::Missed => TickNote::Missed,
        TickOutcome::Faulty => TickNote::Faulty,
        TickOutcome::Paused => TickNote::Paused,
        TickOutcome::NoBudget => TickNote::NoBudget,
        TickOutcome::UnusableModel => TickNote::UnusableModel,
    }
}

fn marker(name: &ScheduleName) -> Marker {
    let digest = Sha256::digest(name.as_str());
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    Marker { run: None, kind: MarkerKind::Schedule(u64::from_be_bytes(first)) }
}
