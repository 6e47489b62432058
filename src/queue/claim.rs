//! Taking ready jobs, and making those ready whose time has come.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use sqlx::PgPool;

use super::{Job, Lease, WorkerId};
use crate::ids::{JobId, RunId};

/// Most tenants one claim looks at, each found by one hop over the index. The next claim goes on behind the last one
/// served, so every tenant has its turn.
const TENANTS_PER_CLAIM: i64 = 64;

/// What a worker asks for.
#[derive(Debug, Clone, Copy)]
pub struct Claim {
    /// Most jobs.
    pub limit: i64,
    /// Tenants have their turns from the one behind this.
    pub after_tenant: i64,
    /// Only jobs of this priority or a smaller number.
    pub priority_up_to: i16,
    /// A worker whose last heartbeat is longer ago gets nothing: what it took would soon be rescued from it, and each
    /// time count as a crash of the job.
    pub silence: Duration,
}

/// Leases ready jobs to the worker, going round the tenants, and by priority and age within each. Two claims never get
/// the same job: rows locked by another claim are skipped.
pub async fn claim(pool: &PgPool, worker: WorkerId, wanted: Claim) -> Result<Vec<(Job, Arc<Lease>)>> {
    let jobs = sqlx::query_as!(
        Job,
        r#"
        with recursive ahead (tenant, hop) as (
            (select tenant, 1::bigint from job
             where state = 'ready' and priority <= $5 and tenant > $3 order by tenant limit 1)
            union all
            select (select job.tenant from job
                    where job.state = 'ready' and job.priority <= $5 and job.tenant > ahead.tenant
                    order by job.tenant limit 1), hop + 1
            from ahead
            where ahead.tenant is not null and hop < $4
        ), behind (tenant, hop) as (
            (select tenant, 1::bigint from job
             where state = 'ready' and priority <= $5 and tenant <= $3 order by tenant limit 1)
            union all
            select (select job.tenant from job
                    where job.state = 'ready' and job.priority <= $5 and job.tenant > behind.tenant
                      and job.tenant <= $3
                    order by job.tenant limit 1), hop + 1
            from behind
            where behind.tenant is not null and hop < $4
        ), turn as materialized (
            select tenant
            from (select tenant, 1 as lap from ahead union all select tenant, 2 from behind) as ring
            where tenant is not null
              and exists (select from worker where id = $1 and seen_at > now() - make_interval(secs => $6))
            order by lap, tenant
            limit $4
        ), picked as materialized (
            select first.id, row_number() over () as place
            from turn
            cross join lateral (
                select job.id from job
                where job.state = 'ready' and job.tenant = turn.tenant and job.priority <= $5
                order by job.priority, job.run_at, job.id
                limit greatest(1, $2 / (select count(*) from turn))
                for update skip locked
            ) as first
            limit $2
        ), claimed as (
            update job
            set state = 'running', run_seq = run_seq + 1, attempt = attempt + 1, worker_id = $1, claimed_at = now()
            from picked
            where job.id = picked.id
            returning job.*, picked.place
        )
        select id as "id!: JobId", kind as "kind!", payload as "payload!", tenant as "tenant!", run_id as "run: RunId",
               attempt as "attempt!", max_attempts as "max_attempts!", crash_count as "crash_count!",
               run_seq as "run_seq!", group_key
        from claimed
        order by place
        "#,
        worker.0,
        wanted.limit,
        wanted.after_tenant,
        TENANTS_PER_CLAIM,
        wanted.priority_up_to,
        wanted.silence.as_secs_f64(),
    )
    .fetch_all(pool)
    .await
    .context("cannot claim jobs")?;
    let with_lease = |job: Job| {
        let lease = Arc::new(Lease::new(&job));
        (job, lease)
    };
    Ok(jobs.into_iter().map(with_lease).collect())
}

/// Makes the jobs whose time has come ready, or gated if they belong to a group. Returns how many.
pub async fn promote_due(pool: &PgPool) -> Result<u64> {
    let promoted = sqlx::query!(
        r#"
        with due as materialized (
            select id from job where state = 'scheduled' and run_at <= now()
            order by run_at limit 1000 for update skip locked
        )
        update job set state = case when group_key is null then 'ready' else 'gated' end::job_state
        from due
        where job.id = due.id
        "#
    )
    .execute(pool)
    .await
    .context("cannot promote the jobs that are due")?;
    Ok(promoted.rows_affected())
}
