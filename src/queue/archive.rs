//! How a job leaves the live table, whatever became of it.

use sqlx::PgConnection;

use super::JobState;
use crate::ids::JobId;

/// What becomes of a job that leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Succeeded,
    Dead(String),
    Cancelled(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "job_outcome", rename_all = "lowercase")]
pub(super) enum OutcomeName {
    Succeeded,
    Dead,
    Cancelled,
}

impl Outcome {
    pub(super) fn name(&self) -> OutcomeName {
        match self {
            Self::Succeeded => OutcomeName::Succeeded,
            Self::Dead(_) => OutcomeName::Dead,
            Self::Cancelled(_) => OutcomeName::Cancelled,
        }
    }

    pub(super) fn error(&self) -> Option<&str> {
        match self {
            Self::Succeeded => None,
            Self::Dead(error) | Self::Cancelled(error) => Some(error),
        }
    }
}

/// Moves the job to history if it is in `state` under the claim `run_seq`, and settles the jobs that wait for it:
/// success releases them, anything else cancels them and theirs. False if the row was not as expected; nothing has
/// changed then.
pub(super) async fn archive(
    connection: &mut PgConnection,
    (job, run_seq): (JobId, i64),
    state: JobState,
    outcome: &Outcome,
) -> Result<bool, sqlx::Error> {
    // Deleting waits for those who are adding a dependency on this row (they hold a key-share lock), and the next
    // statement's snapshot sees what they added. One statement for both would not.
    let moved = sqlx::query!(
        r#"
        with finished as (
            delete from job where id = $1 and run_seq = $2 and state = $3 returning *
        )
        insert into job_history
            (id, kind, payload, tenant, priority, run_id, outcome, error, attempt, max_attempts, crash_count, run_seq,
             group_key, dedupe_key, created_at)
        select id, kind, payload, tenant, priority, run_id, $4, $5, attempt, max_attempts, crash_count, run_seq,
               group_key, dedupe_key, created_at
        from finished
        "#,
        job.0,
        run_seq,
        state as JobState,
        outcome.name() as OutcomeName,
        outcome.error(),
    )
    .execute(&mut *connection)
    .await?
    .rows_affected();
    if moved == 0 {
        return Ok(false);
    }
    match outcome {
        Outcome::Succeeded => release_children(connection, job).await?,
        Outcome::Dead(_) | Outcome::Cancelled(_) => cancel_descendants(connection, job).await?,
    }
    Ok(true)
}

/// Counts the parent off and wakes the children that waited for nothing else. Rows are locked in the order of their
/// ids, so that parents that finish together cannot deadlock. The clock is read, not this transaction's start: a child
/// enqueued since would seem to lie in the future.
async fn release_children(connection: &mut PgConnection, parent: JobId) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        with freed as (
            delete from job_dep where parent_id = $1 returning child_id
        ), locked as materialized (
            select id from job where id = any (array(select child_id from freed)) order by id for update
        )
        update job
        set deps_left = deps_left - 1,
            state = case
                when deps_left > 1 then 'blocked'
                when run_at > clock_timestamp() then 'scheduled'
                when group_key is not null then 'gated'
                else 'ready'
            end::job_state
        from locked
        where job.id = locked.id
        "#,
        parent.0,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Cancels all that waited for the parent, directly or through others. They are blocked, so none of them is running.
async fn cancel_descendants(connection: &mut PgConnection, parent: JobId) -> Result<(), sqlx::Error> {
    let cancelled = sqlx::query!(
        r#"
        with recursive doomed (id) as (
            select child_id from job_dep where parent_id = $1
            union
            select job_dep.child_id from job_dep join doomed on job_dep.parent_id = doomed.id
        ), locked as materialized (
            select id from job where id in (select id from doomed) order by id for update
        ), removed as (
            delete from job using locked where job.id = locked.id returning job.*
        )
        insert into job_history
            (id, kind, payload, tenant, priority, run_id, outcome, error, attempt, max_attempts, crash_count, run_seq,
             group_key, dedupe_key, created_at)
        select id, kind, payload, tenant, priority, run_id, 'cancelled',
               'job ' || $1::bigint || ', which it depends on, did not succeed',
               attempt, max_attempts, crash_count, run_seq, group_key, dedupe_key, created_at
        from removed
        "#,
        parent.0,
    )
    .execute(connection)
    .await?
    .rows_affected();
    if cancelled > 0 {
        tracing::info!(job = %parent, cancelled, "cancelled the jobs that depended on it");
    }
    Ok(())
}
