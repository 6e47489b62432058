//! Which mistakes of a policy file people were told of last.

use anyhow::Result;
use sqlx::PgPool;

use crate::ids::RepositoryId;

/// Whether people must be told of these mistakes of a file: there are some, and they were not told of them last. A file
/// without mistakes makes any that come later news again.
pub async fn are_news(pool: &PgPool, repository: RepositoryId, path: &str, digest: Option<&str>) -> Result<bool> {
    let Some(digest) = digest else {
        remember(pool, repository, path, None).await?;
        return Ok(false);
    };
    let told = sqlx::query_scalar!(
        "select digest from policy_fault where repository_id = $1 and path = $2",
        repository as _,
        path,
    )
    .fetch_optional(pool)
    .await?;
    Ok(told.flatten().as_deref() != Some(digest))
}

/// Notes what people were told of last; none for a file without mistakes.
pub async fn remember(pool: &PgPool, repository: RepositoryId, path: &str, digest: Option<&str>) -> Result<()> {
    sqlx::query!(
        "insert into policy_fault (repository_id, path, digest) values ($1, $2, $3)
         on conflict on constraint policy_fault_pkey do update set digest = excluded.digest, told_at = now()",
        repository as _,
        path,
        digest,
    )
    .execute(pool)
    .await?;
    Ok(())
}
