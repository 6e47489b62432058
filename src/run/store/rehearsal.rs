//! What is recorded of people, plans, pull requests and repairs, for judging another policy by what has happened.

use std::collections::BTreeSet;

use anyhow::Result;
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, types::Json};

use crate::{
    ids::{CommitSha, IssueNumber, RepositoryId, UserId},
    run::state::Progress,
};

/// Who is known to have been heard or refused in a repository.
#[derive(Debug, Default)]
pub struct KnownPeople {
    pub started: BTreeSet<UserId>,
    pub refused: BTreeSet<UserId>,
}

/// The people of a repository.
pub async fn people(connection: &mut PgConnection, repository: RepositoryId) -> Result<KnownPeople> {
    let started = sqlx::query_scalar!(
        r#"select distinct requester_id as "id: UserId" from run where repository_id = $1"#,
        repository as _
    )
    .fetch_all(&mut *connection)
    .await?;
    let refused = sqlx::query_scalar!(
        r#"select distinct user_id as "id: UserId" from denial where repository_id = $1"#,
        repository as _
    )
    .fetch_all(connection)
    .await?;
    Ok(KnownPeople { started: started.into_iter().collect(), refused: refused.into_iter().collect() })
}

/// The files that the plan of a run names, if what has this key started one that has a plan.
pub async fn planned_files(
    connection: &mut PgConnection,
    repository: RepositoryId,
    trigger: &str,
) -> Result<Option<Vec<String>>> {
    let progress = sqlx::query_scalar!(
        r#"select progress as "progress: Json<Progress>" from run
           where repository_id = $1 and trigger_key = $2"#,
        repository as _,
        trigger,
    )
    .fetch_optional(connection)
    .await?;
    Ok(progress.and_then(|progress| progress.0.plan).map(|current| current.plan.files))
}

/// Whether a run has opened this pull request.
pub async fn is_own_pull(connection: &mut PgConnection, repository: RepositoryId, pull: IssueNumber) -> Result<bool> {
    let Some(run) = super::latest_of(connection, repository, pull).await? else { return Ok(false) };
    Ok(super::load(connection, run).await?.is_some_and(|run| run.has_opened(pull)))
}

/// On how many other commits of a pull request a repair was tried before that moment, and after the last word of a person
/// about its checks.
pub async fn repairs_before(
    connection: &mut PgConnection,
    (repository, pull): (RepositoryId, IssueNumber),
    (head, moment): (&CommitSha, DateTime<Utc>),
) -> Result<u32> {
    let heads = sqlx::query_scalar!(
        r#"select count(distinct a.head) as "heads!" from ci_attempt a
           left join ci_switch s on s.repository_id = a.repository_id and s.pull_number = a.pull_number
           where a.repository_id = $1 and a.pull_number = $2 and a.kind = 'repair' and a.head <> $4 and a.created_at < $3
             and a.created_at >= coalesce(case when s.changed_at < $3 then s.changed_at end, '-infinity'::timestamptz)"#,
        repository as _,
        pull as _,
        moment,
        head as _,
    )
    .fetch_one(connection)
    .await?;
    Ok(u32::try_from(heads).unwrap_or(u32::MAX))
}
