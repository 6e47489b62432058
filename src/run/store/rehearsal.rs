//! What is recorded of people and plans, for judging another policy by what has happened.

use std::collections::BTreeSet;

use anyhow::Result;
use sqlx::{PgConnection, types::Json};

use crate::{
    ids::{RepositoryId, UserId},
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

/// The files that the plan of a run names, if this command started one that has a plan.
pub async fn planned_files(
    connection: &mut PgConnection,
    repository: RepositoryId,
    trigger: &str,
) -> Result<Option<Vec<String>>> {
    let progress = sqlx::query_scalar!(
        r#"select progress as "progress: Json<Progress>" from run
           where repository_id = $1 and starts_with(trigger_key, $2) order by id limit 1"#,
        repository as _,
        trigger,
    )
    .fetch_optional(connection)
    .await?;
    Ok(progress.and_then(|progress| progress.0.plan).map(|current| current.plan.files))
}
