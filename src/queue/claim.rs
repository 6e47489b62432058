//! Making waiting jobs ready, and taking ready jobs.

use anyhow::{Context, Result};
use sqlx::PgPool;

use super::{Job, WorkerId};
use crate::ids::{JobId, RunId};

/// Most tenants one claim looks at; the next claim goes on behind the last one served.
const TENANTS_PER_CLAIM: i64 = 64;

/// Leases up to `limit` ready jobs to the worker, going round the tenants from the one behind `after_tenant`, and by
/// priority and age within each. Two claims never get the same job: rows locked by another claim are skipped.
pub async fn claim(pool: &PgPool, worker: WorkerId, limit: i64, after_tenant: i64) -> Result<Vec<Job>> {
    sqlx::query_as!(
        Job,
        r#"
        with recursive ring (tenant, hop) as (
            (select tenant, 1::bigint from job where state = 'ready' order by tenant limit 1)
            union all
            select (select job.tenant from job where job.state = 'ready' and job.tenant > ring.tenant
                    order by job.tenant limit 1), hop + 1
            from ring
            where ring.tenant is not null and hop < $4
        ), turn as materialized (
            select tenant from ring where tenant is not null order by tenant <= $3, tenant
        ), picked as materialized (
            select first.id
            from turn
            cross join lateral (
                select job.id from job
                where job.state = 'ready' and job.tenant = turn.tenant
                order by job.priority, job.run_at, job.id
                limit greatest(1, $2 / (select count(*) from turn))
                for update skip locked
            ) as first
            limit $2
        )
        update job
        set state = 'running', run_seq = run_seq + 1, attempt = attempt + 1, worker_id = $1, claimed_at = now()
        from picked
        where job.id = picked.id
        returning job.id as "id: JobId", kind, payload, tenant, run_id as "run: RunId", attempt, max_attempts,
                  crash_count, run_seq, group_key
        "#,
        worker.0,
        limit,
        after_tenant,
        TENANTS_PER_CLAIM,
    )
    .fetch_all(pool)
    .await
    .context("cannot claim jobs")
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

/// Gives the free slots of each group to its next gated jobs and makes those ready. Returns how many.
///
/// Runs in transactions of its own, after the commit of an enqueue or a finish, so that no caller's transaction
/// locks a group. The slot row is the limit: it is locked, given away once, and freed when its job row goes.
pub async fn admit(pool: &PgPool) -> Result<u64> {
    let mut transaction = pool.begin().await.context("cannot admit gated jobs")?;
    let new_groups = sqlx::query!(
        r#"
        with recursive waiting (group_key) as (
            (select group_key from job where state = 'gated' order by group_key limit 1)
            union all
            select (select job.group_key from job where job.state = 'gated' and job.group_key > waiting.group_key
                    order by job.group_key limit 1)
            from waiting
            where waiting.group_key is not null
        )
        select group_key as "group_key!",
               exists (select from group_slot where group_slot.group_key = waiting.group_key) as "known!"
        from waiting
        where group_key is not null
        "#
    )
    .fetch_all(&mut *transaction)
    .await
    .context("cannot find the groups that wait")?;
    if new_groups.is_empty() {
        return Ok(0);
    }
    let unknown: Vec<String> = new_groups.iter().filter(|row| !row.known).map(|row| row.group_key.clone()).collect();
    if !unknown.is_empty() {
        sqlx::query!(
            "insert into group_slot (group_key, slot_no) select unnest($1::text[]), 1 on conflict do nothing",
            &unknown,
        )
        .execute(&mut *transaction)
        .await
        .context("cannot make slots for new groups")?;
    }
    let waiting: Vec<String> = new_groups.into_iter().map(|row| row.group_key).collect();
    let admitted = sqlx::query!(
        r#"
        with free as materialized (
            select slot.group_key, slot.slot_no
            from unnest($1::text[]) as waiting (group_key)
            cross join lateral (
                select group_slot.group_key, group_slot.slot_no from group_slot
                where group_slot.group_key = waiting.group_key and group_slot.job_id is null
                order by group_slot.slot_no
                for update skip locked
            ) as slot
        ), room as (
            select group_key, count(*) as slots from free group by group_key
        ), next as materialized (
            select room.group_key, first.id
            from room
            cross join lateral (
                select job.id from job
                where job.state = 'gated' and job.group_key = room.group_key
                order by job.priority, job.run_at, job.id
                limit room.slots
                for update skip locked
            ) as first
        ), seated as materialized (
            select slot.group_key, slot.slot_no, guest.id
            from (select *, row_number() over (partition by group_key order by slot_no) as place from free) as slot
            join (select *, row_number() over (partition by group_key order by id) as place from next) as guest
              on guest.group_key = slot.group_key and guest.place = slot.place
        ), taken as (
            update group_slot set job_id = seated.id
            from seated
            where group_slot.group_key = seated.group_key and group_slot.slot_no = seated.slot_no
        )
        update job set state = 'ready' from seated where job.id = seated.id
        "#,
        &waiting,
    )
    .execute(&mut *transaction)
    .await
    .context("cannot admit gated jobs")?;
    transaction.commit().await.context("cannot admit gated jobs")?;
    Ok(admitted.rows_affected())
}
