//! Words that were heard, so that nobody is answered twice.

use anyhow::Result;
use sqlx::PgConnection;

use crate::{event::Place, ids::CommentId};

/// GitHub numbers each kind of text for itself.
const fn name(place: Place) -> &'static str {
    match place {
        Place::Issue => "issue",
        Place::IssueComment => "issue_comment",
        Place::PullRequest => "pull_request",
        Place::Review => "review",
        Place::ReviewComment => "review_comment",
    }
}

/// Notes that a text was heard. False when it had been before.
pub async fn hear(connection: &mut PgConnection, place: Place, id: CommentId) -> Result<bool> {
    let result = sqlx::query!(
        "insert into heard (place, spoken_id) values ($1, $2) on conflict do nothing",
        name(place),
        id as _,
    )
    .execute(connection)
    .await?;
    Ok(result.rows_affected() == 1)
}

/// Those of the texts that were not heard.
pub async fn unheard(connection: &mut PgConnection, place: Place, ids: &[CommentId]) -> Result<Vec<CommentId>> {
    let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    let unheard = sqlx::query_scalar!(
        r#"select id as "id!: CommentId" from unnest($2::bigint[]) as asked (id)
           where not exists (select from heard where place = $1 and spoken_id = asked.id)
           order by id"#,
        name(place),
        &ids,
    )
    .fetch_all(connection)
    .await?;
    Ok(unheard)
}
