//! What can be told from a run's past, and from the runs beside it.

use std::time::Duration;

use anyhow::Result;
use sqlx::PgConnection;

use super::StoredRun;
use crate::{
    ids::{Login, RunId},
    money::MicroDollars,
    run::state::State,
};

/// How long each state lasted that the run has left, in order.
pub async fn timings(connection: &mut PgConnection, run: RunId) -> Result<Vec<(State, Duration)>> {
    let rows = sqlx::query!(
        r#"select from_state as "state!: State",
                  extract(epoch from created_at - entered_at)::double precision as "seconds!"
           from (
               select run_event.revision, from_state, to_state, run_event.created_at,
                      coalesce(
                          lag(run_event.created_at) over (order by run_event.revision), run.created_at
                      ) as entered_at
               from run_event join run on run.id = run_event.run_id
               where run_id = $1 and from_state <> to_state
           ) as change
           order by revision"#,
        run as _,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.state, Duration::from_secs_f64(row.seconds.max(0.0)))).collect())
}

/// Who approved the plan that is being worked.
pub async fn approver(connection: &mut PgConnection, run: RunId) -> Result<Option<Login>> {
    let login = sqlx::query_scalar!(
        r#"select signal -> 'human' ->> 'by' as "login!: Login" from run_event
           where run_id = $1 and from_state = 'needs_approval' and to_state = 'working'
           order by revision desc
           limit 1"#,
        run as _,
    )
    .fetch_optional(connection)
    .await?;
    Ok(login)
}

/// How long past runs stayed in a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StageMedian {
    pub state: State,
    /// How many stays it comes from.
    pub stays: u32,
    pub median: Duration,
}

/// Past runs that are looked at: a repository changes, so old ones tell little.
const PAST_RUNS: i64 = 50;

/// How long the repository's last runs stayed in each state, where the stay led on. Runs that only speak do less in it.
pub async fn medians(connection: &mut PgConnection, stored: &StoredRun) -> Result<Vec<StageMedian>> {
    let rows = sqlx::query!(
        r#"with past as (
               select id, created_at from run
               where repository_id = $1 and id <> $2 and verb not in ('ask', 'review')
               order by id desc
               limit $3
           )
           select from_state as "state!: State", count(*) as "stays!",
                  percentile_cont(0.5) within group (
                      order by extract(epoch from created_at - entered_at)::double precision
                  ) as "seconds!"
           from (
               select from_state, to_state, run_event.created_at,
                      coalesce(
                          lag(run_event.created_at) over (partition by past.id order by run_event.revision),
                          past.created_at
                      ) as entered_at
               from run_event join past on past.id = run_event.run_id
               where from_state <> to_state
           ) as stay
           where to_state not in ('failed', 'cancelled', 'paused')
           group by from_state"#,
        stored.repository as _,
        stored.run.id as _,
        PAST_RUNS,
    )
    .fetch_all(connection)
    .await?;
    let medians = rows.into_iter().map(|row| StageMedian {
        state: row.state,
        stays: u32::try_from(row.stays).unwrap_or(u32::MAX),
        median: Duration::from_secs_f64(row.seconds.max(0.0)),
    });
    Ok(medians.collect())
}

/// How many finished runs of the repository make a guess better than the rule of thumb.
const RUNS_FOR_A_QUOTE: i64 = 3;

/// Without enough past runs: work, review and repair together cost about this many times what planning did.
const WORK_PER_PLANNING: i64 = 4;

/// What the rest of the run will probably cost: what it cost after planning in the repository's last runs, or a rule of
/// thumb from what planning cost. None before there is a plan.
pub async fn quote(connection: &mut PgConnection, stored: &StoredRun) -> Result<Option<MicroDollars>> {
    match stored.run.progress.plan {
        None => Ok(None),
        Some(_) => quote_for_work(connection, stored).await.map(Some),
    }
}

/// The same for a plan that was made just now.
pub async fn quote_for_work(connection: &mut PgConnection, stored: &StoredRun) -> Result<MicroDollars> {
    let row = sqlx::query!(
        r#"with cost as (
               select run.id,
                      coalesce(sum(micro_dollars) filter (where role = 'planner'), 0)::bigint as planning,
                      coalesce(sum(micro_dollars) filter (where role <> 'planner'), 0)::bigint as work
               from run left join llm_call on llm_call.run_id = run.id
               where run.id = $1 or (repository_id = $2 and run.state = 'succeeded')
               group by run.id
               order by run.id = $1 desc, run.id desc
               limit 21
           )
           select (select planning from cost where id = $1) as "planning!",
                  count(*) filter (where id <> $1 and work > 0) as "runs!",
                  (avg(work) filter (where id <> $1 and work > 0))::bigint as work
           from cost"#,
        stored.run.id as _,
        stored.repository as _,
    )
    .fetch_one(connection)
    .await?;
    Ok(match row.work {
        Some(work) if row.runs >= RUNS_FOR_A_QUOTE => MicroDollars::new(work),
        _ => MicroDollars::new(row.planning * WORK_PER_PLANNING),
    })
}
