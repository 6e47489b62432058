//! The line in front of the workers: which stages are claimed before a run's first one, and what is worked meanwhile.

use std::time::Duration;

use anyhow::Result;
use sqlx::PgConnection;

use crate::{
    ids::{InstallationId, RunId},
    run::{state::State, task::Task},
};

/// Most stages that are looked at. Nobody plans by what stands behind so many others.
const MOST_IN_LINE: i64 = 1_000;

/// Workers that were not seen for longer take nothing on: their jobs are rescued by then.
const ALIVE_SECONDS: f64 = 45.0;

/// The line as one run sees it that has not begun.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line {
    /// Stages of other runs that are claimed before its own, each by the state in which its run is then.
    pub ahead: Vec<(RunId, State)>,
    /// Stages of other runs that are worked, and for how long.
    pub at_work: Vec<(State, Duration)>,
    /// How many stages the workers take on at once; 0 when nobody knows.
    pub slots: usize,
}

/// What stands before a run in the line. The order is that in which claims take jobs, as if no tenant had just had its turn.
pub async fn before(connection: &mut PgConnection, run: RunId) -> Result<Line> {
    let rows = sqlx::query!(
        r#"with waiting as (
               select id, run_id, kind, run_at,
                      row_number() over (partition by tenant order by priority, run_at, id) as turn
               from job where state = 'ready' and priority > $2 and cancel_requested_at is null
           ), own as (
               select turn, run_at, id from waiting where run_id = $1 and kind = 'plan'
           )
           select waiting.run_id as "run!: RunId", waiting.kind as "kind!",
                  null::double precision as worked_seconds
           from waiting join own on (waiting.turn, waiting.run_at, waiting.id) < (own.turn, own.run_at, own.id)
           where waiting.run_id is not null
           union all
           select run_id, kind, extract(epoch from now() - claimed_at)::double precision
           from job where state = 'running' and priority > $2 and run_id <> $1
           limit $3"#,
        run as _,
        Task::SHORT_UP_TO,
        MOST_IN_LINE,
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut line = Line { slots: slots(connection).await?, ..Line::default() };
    for row in rows {
        let Some(state) = state_of(&row.kind) else { continue };
        match row.worked_seconds {
            Some(seconds) => line.at_work.push((state, Duration::from_secs_f64(seconds.max(0.0)))),
            None => line.ahead.push((row.run, state)),
        }
    }
    Ok(line)
}

/// How many stages all workers together take on; 0 while one of them does not tell.
async fn slots(connection: &mut PgConnection) -> Result<usize> {
    let slots = sqlx::query_scalar!(
        r#"select case when bool_and(slots is not null) then coalesce(sum(slots), 0) else 0 end::bigint as "slots!"
           from worker
           where seen_at > now() - make_interval(secs => $1) and coalesce(priority_up_to > $2, true)"#,
        ALIVE_SECONDS,
        Task::SHORT_UP_TO,
    )
    .fetch_one(connection)
    .await?;
    Ok(usize::try_from(slots).unwrap_or(0))
}

/// The state in which a stage is worked.
fn state_of(kind: &str) -> Option<State> {
    Some(match kind {
        "plan" => State::Planning,
        "work" => State::Working,
        "verify" => State::Verifying,
        "review" => State::Reviewing,
        "publish" | "draft" => State::Publishing,
        _ => return None,
    })
}

/// A run in the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    pub run: RunId,
    pub installation: InstallationId,
    /// Stages before its own.
    pub ahead: i64,
}

/// The runs that wait for their first stage, first to last.
pub async fn waiting(connection: &mut PgConnection) -> Result<Vec<Waiting>> {
    let rows = sqlx::query_as!(
        Waiting,
        r#"select run_id as "run!: RunId", tenant as "installation!: InstallationId", ahead as "ahead!"
           from (
               select run_id, tenant, kind, row_number() over (order by turn, run_at, id) - 1 as ahead
               from (
                   select id, run_id, tenant, kind, run_at,
                          row_number() over (partition by tenant order by priority, run_at, id) as turn
                   from job where state = 'ready' and priority > $1 and cancel_requested_at is null
               ) as stage
           ) as line
           where kind = 'plan' and run_id is not null
           order by ahead
           limit $2"#,
        Task::SHORT_UP_TO,
        MOST_IN_LINE,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows)
}
