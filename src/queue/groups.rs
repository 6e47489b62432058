//! Groups: one job with the same group key is ready or running at a time.
//!
//! A grouped job is enqueued `gated`, so that no caller's transaction locks a group. Admission is a transaction of its
//! own after the commit: it locks the free slot row of each group, gives it to one gated job and makes that ready. The
//! slot row is the limit; it is given away once, and freed by its foreign key when the job's row goes.

use anyhow::{Context, Result};
use sqlx::PgPool;

/// Most groups whose slots are removed at once: a statement of milliseconds, and far more than become idle meanwhile.
const IDLE_GROUPS: i64 = 1_000;

/// Gives the free slots of every group to its next gated jobs and makes those ready. Returns how many.
pub async fn admit(pool: &PgPool) -> Result<u64> {
    let groups = waiting_groups(pool).await?;
    if groups.is_empty() {
        return Ok(0);
    }
    let new: Vec<String> = groups.iter().filter(|group| !group.has_slots).map(|group| group.key.clone()).collect();
    if !new.is_empty() {
        make_first_slots(pool, &new).await?;
    }
    let keys: Vec<String> = groups.into_iter().map(|group| group.key).collect();
    seat(pool, &keys).await
}

struct WaitingGroup {
    key: String,
    has_slots: bool,
}

/// The groups with gated jobs, found by hopping over the index: a group with many costs no more than one with few.
async fn waiting_groups(pool: &PgPool) -> Result<Vec<WaitingGroup>> {
    sqlx::query_as!(
        WaitingGroup,
        r#"
        with recursive waiting (group_key) as (
            (select group_key from job where state = 'gated' order by group_key limit 1)
            union all
            select (select job.group_key from job where job.state = 'gated' and job.group_key > waiting.group_key
                    order by job.group_key limit 1)
            from waiting
            where waiting.group_key is not null
        )
        select group_key as "key!",
               exists (select from group_slot where group_slot.group_key = waiting.group_key) as "has_slots!"
        from waiting
        where group_key is not null
        "#
    )
    .fetch_all(pool)
    .await
    .context("cannot find the groups that wait")
}

async fn make_first_slots(pool: &PgPool, groups: &[String]) -> Result<()> {
    sqlx::query!(
        "insert into group_slot (group_key, slot_no) select unnest($1::text[]), 1 on conflict do nothing",
        groups,
    )
    .execute(pool)
    .await
    .context("cannot make slots for new groups")?;
    Ok(())
}

/// One statement: the locks on slots and jobs hold until both are updated.
async fn seat(pool: &PgPool, groups: &[String]) -> Result<u64> {
    let seated = sqlx::query!(
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
        groups,
    )
    .execute(pool)
    .await
    .context("cannot admit gated jobs")?;
    Ok(seated.rows_affected())
}

/// Removes the slot of groups that have no jobs, such as those of runs that have ended; a group gets its slot again with
/// its next job. Returns how many.
pub async fn remove_idle_slots(pool: &PgPool) -> Result<u64> {
    // A slot that is being given away is locked, and left alone.
    let removed = sqlx::query!(
        r#"
        with idle as materialized (
            select group_key, slot_no from group_slot as slot
            where job_id is null and not exists (select from job where job.group_key = slot.group_key)
            limit $1
            for update of slot skip locked
        )
        delete from group_slot as slot using idle
        where slot.group_key = idle.group_key and slot.slot_no = idle.slot_no
        "#,
        IDLE_GROUPS,
    )
    .execute(pool)
    .await
    .context("cannot remove the slots of idle groups")?;
    Ok(removed.rows_affected())
}
