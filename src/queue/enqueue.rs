//! Writing jobs, always inside the caller's transaction. Ring the [`Doorbell`](super::Doorbell) after the commit.

use anyhow::{Context, Result, bail};
use sqlx::PgConnection;

use super::{Enqueued, NewJob};
use crate::ids::{JobId, RunId};

/// Writes a job in the caller's transaction. A dependency that has succeeded already is met; one that has died, or
/// never was, is an error.
pub async fn enqueue(connection: &mut PgConnection, job: &NewJob) -> Result<Enqueued> {
    let waits_for = living_parents(connection, &job.depends_on).await?;
    let deps_left = i32::try_from(waits_for.len()).context("a job cannot depend on that many jobs")?;
    let created = sqlx::query_scalar!(
        r#"
        insert into job (kind, payload, tenant, priority, run_id, run_at, max_attempts, group_key, dedupe_key,
                         deps_left, state)
        values ($1, $2, $3, $4, $5, now() + make_interval(secs => $6), $7, $8, $9, $10,
                case
                    when $10::integer > 0 then 'blocked'
                    when $6::float8 > 0 then 'scheduled'
                    when $8::text is not null then 'gated'
                    else 'ready'
                end::job_state)
        on conflict (tenant, dedupe_key) where dedupe_key is not null do nothing
        returning id as "id: JobId"
        "#,
        job.kind,
        job.payload,
        job.tenant,
        job.priority,
        job.run as Option<RunId>,
        job.run_after.as_secs_f64(),
        job.max_attempts,
        job.group_key,
        job.dedupe_key,
        deps_left,
    )
    .fetch_optional(&mut *connection)
    .await
    .with_context(|| format!("cannot enqueue a {} job", job.kind))?;
    let Some(id) = created else { return Ok(Enqueued::Duplicate) };
    if !waits_for.is_empty() {
        add_dependencies(connection, id, &waits_for).await?;
    }
    Ok(Enqueued::Created(id))
}

/// Those of the parents that have not finished, locked so that they cannot finish before the caller commits.
async fn living_parents(connection: &mut PgConnection, parents: &[JobId]) -> Result<Vec<i64>> {
    if parents.is_empty() {
        return Ok(Vec::new());
    }
    let wanted: Vec<i64> = parents.iter().map(|parent| parent.0).collect();
    let living = sqlx::query_scalar!("select id from job where id = any($1) order by id for key share", &wanted)
        .fetch_all(&mut *connection)
        .await
        .context("cannot lock the jobs to depend on")?;
    // After the lock: a parent that finished meanwhile is in history now.
    let succeeded =
        sqlx::query_scalar!("select id from job_history where id = any($1) and outcome = 'succeeded'", &wanted,)
            .fetch_all(&mut *connection)
            .await
            .context("cannot look up the jobs to depend on")?;
    if let Some(parent) = wanted.iter().find(|id| !living.contains(id) && !succeeded.contains(id)) {
        bail!("cannot depend on job {parent}: it has died, was cancelled or never was");
    }
    Ok(living)
}

async fn add_dependencies(connection: &mut PgConnection, child: JobId, parents: &[i64]) -> Result<()> {
    sqlx::query!(
        "insert into job_dep (child_id, parent_id) select $1, parent_id from unnest($2::bigint[]) as t (parent_id)",
        child.0,
        parents,
    )
    .execute(connection)
    .await
    .context("cannot store what the job depends on")?;
    Ok(())
}
