//! wiz's database as an operator looks at it: read for the summary, and by tests for what GitHub does not show.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result};
use github_stand_in::store::Delivery;
use sqlx::{
    PgPool, Row as _,
    postgres::{PgConnectOptions, PgPoolOptions},
};

/// A connection to wiz's database.
#[derive(Debug, Clone)]
pub struct Store {
    pool: PgPool,
}

/// What the models of all runs used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ModelUse {
    pub calls: i64,
    pub input_tokens: i64,
    pub output_tokens: i64,
    pub micro_dollars: i64,
    pub duration_ms: i64,
}

impl Store {
    /// The private cluster under a data directory, by its socket.
    pub async fn embedded(data_dir: &Path) -> Result<Self> {
        let socket = data_dir.join("postgres/socket");
        let options = PgConnectOptions::new_without_pgpass().socket(socket).username("wiz").database("postgres");
        Self::open(options).await
    }

    /// A server's database.
    pub async fn at(url: &str) -> Result<Self> {
        Self::open(url.parse().context("not a database URL")?).await
    }

    async fn open(options: PgConnectOptions) -> Result<Self> {
        let pool = PgPoolOptions::new().max_connections(8).acquire_timeout(Duration::from_secs(10));
        Ok(Self { pool: pool.connect_with(options).await.context("cannot reach wiz's database")? })
    }

    /// The pool, for questions of a test's own.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// How long the runs stayed in each state, in the order of entering.
    pub async fn stage_times(&self) -> Result<Vec<(String, Duration)>> {
        let rows = sqlx::query(
            "select from_state::text as state, sum(extract(epoch from created_at - entered_at))::float8 as seconds
             from (
                 select run_id, revision, from_state, created_at,
                        coalesce(
                            lag(created_at) over (partition by run_id order by revision),
                            (select run.created_at from run where run.id = run_event.run_id)
                        ) as entered_at
                 from run_event
             ) as stay
             group by from_state
             order by min(entered_at)",
        );
        let rows = rows.fetch_all(&self.pool).await.context("cannot read how long each stage took")?;
        let times = rows.into_iter().map(|row| {
            let seconds: f64 = row.try_get("seconds")?;
            Ok((row.try_get("state")?, Duration::from_secs_f64(seconds.max(0.0))))
        });
        times.collect()
    }

    /// What the models used.
    pub async fn model_use(&self) -> Result<ModelUse> {
        let row = sqlx::query(
            "select count(*) as calls,
                    coalesce(sum(input_tokens + cached_read_tokens + cache_write_tokens), 0)::bigint as input_tokens,
                    coalesce(sum(output_tokens), 0)::bigint as output_tokens,
                    coalesce(sum(micro_dollars), 0)::bigint as micro_dollars,
                    coalesce(sum(duration_ms), 0)::bigint as duration_ms
             from llm_call",
        );
        let row = row.fetch_one(&self.pool).await.context("cannot read what the models used")?;
        Ok(ModelUse {
            calls: row.try_get("calls")?,
            input_tokens: row.try_get("input_tokens")?,
            output_tokens: row.try_get("output_tokens")?,
            micro_dollars: row.try_get("micro_dollars")?,
            duration_ms: row.try_get("duration_ms")?,
        })
    }

    /// How long the work between approval and pull request waited for models and for the tests of the proof. The two sides
    /// of a proof run beside each other, so the longer one counts.
    pub async fn time_elsewhere(&self) -> Result<Duration> {
        let milliseconds: i64 = sqlx::query_scalar(
            "select (
                 (select coalesce(sum(duration_ms), 0) from llm_call where role <> 'planner')
                 + (select coalesce(sum(greatest(side.after_ms, side.before_ms)), 0)
                    from (
                        select sum((result -> 'after' ->> 'duration_ms')::bigint) as after_ms,
                               sum((result -> 'before' ->> 'duration_ms')::bigint) as before_ms
                        from evidence, jsonb_array_elements(evidence.results) as result
                        group by evidence.run_id, evidence.seq
                    ) as side)
             )::bigint",
        )
        .fetch_one(&self.pool)
        .await
        .context("cannot read what the proof took")?;
        Ok(Duration::from_millis(u64::try_from(milliseconds)?))
    }

    /// How many requests wiz has sent to GitHub, by kind of work; repair, which goes on whatever happens, is left out.
    pub async fn calls_to_github(&self) -> Result<Vec<(String, i64)>> {
        let calls = sqlx::query_as(
            "select kind, sum(calls)::bigint from github_usage where kind <> 'repair' group by kind order by kind",
        );
        calls.fetch_all(&self.pool).await.context("cannot read what was asked of GitHub")
    }

    /// Whether wiz has a delivery, by GitHub's id of it.
    pub async fn has_delivery(&self, guid: &str) -> Result<bool> {
        let known = sqlx::query_scalar("select exists (select from delivery where id = $1::uuid)").bind(guid);
        known.fetch_one(&self.pool).await.context("cannot look for a delivery")
    }

    /// Those of GitHub's unanswered deliveries that are not in wiz's database, as `event.action`.
    pub async fn missed_of(&self, unanswered: &[Delivery]) -> Result<Vec<String>> {
        let mut missed = Vec::new();
        for one in unanswered {
            if !self.has_delivery(&one.guid).await? {
                missed.push(format!("{}.{}", one.event, one.action.as_deref().unwrap_or_default()));
            }
        }
        Ok(missed)
    }

    /// Live jobs that are due, and those that failed and will be tried again in a moment, by kind: empty when wiz has
    /// nothing to do.
    pub async fn due_jobs(&self) -> Result<Vec<String>> {
        let kinds = sqlx::query_scalar(
            "select kind from job
             where state <> 'scheduled' or run_at <= now()
                or (last_error is not null and run_at <= now() + interval '10 seconds')
             order by id",
        );
        kinds.fetch_all(&self.pool).await.context("cannot read the queue")
    }

    /// Jobs that gave up, with their last error.
    pub async fn dead_jobs(&self) -> Result<Vec<String>> {
        let rows = sqlx::query_scalar(
            "select kind || ': ' || coalesce(error, '') from job_history where outcome = 'dead' order by id",
        );
        rows.fetch_all(&self.pool).await.context("cannot read the queue's history")
    }

    /// Lets the leases of every worker end now, as time would: the killed process is the only one there was.
    pub async fn expire_leases(&self) -> Result<()> {
        sqlx::query("update worker set seen_at = now() - interval '1 hour'").execute(&self.pool).await?;
        Ok(())
    }
}
