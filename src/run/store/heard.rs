//! Words that were heard, so that nobody is answered twice.

use anyhow::Result;
use sqlx::PgConnection;

use crate::{event::Place, ids::CommentId};

/// What was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The commands in one text.
    Text(Place),
    /// A review with all its comments, as one piece of work.
    WholeReview,
}

/// GitHub numbers each kind of text for itself.
const fn name(source: Source) -> &'static str {
    match source {
        Source::Text(Place::Issue) => "issue",
        Source::Text(Place::IssueComment) => "issue_comment",
        Source::Text(Place::PullRequest) => "pull_request",
        Source::Text(Place::Review) => "review",
        Source::Text(Place::ReviewComment) => "review_comment",
        Source::WholeReview => "whole_review",
    }
}

/// Notes that something was heard. False when it had been before, and was not given up.
pub async fn hear(connection: &mut PgConnection, source: Source, id: CommentId) -> Result<bool> {
    let result = sqlx::query!(
        "insert into heard (place, spoken_id) values ($1, $2)
         on conflict (place, spoken_id) do update set given_up = false where heard.given_up",
        name(source),
        id as _,
    )
    .execute(connection)
    .await?;
    Ok(result.rows_affected() == 1)
}

/// Notes that something was heard and could not be followed. False when it had been heard before.
pub async fn give_up(connection: &mut PgConnection, source: Source, id: CommentId) -> Result<bool> {
    let result = sqlx::query!(
        "insert into heard (place, spoken_id, given_up) values ($1, $2, true) on conflict do nothing",
        name(source),
        id as _,
    )
    .execute(connection)
    .await?;
    Ok(result.rows_affected() == 1)
}

/// Those that were not heard.
pub async fn unheard(connection: &mut PgConnection, source: Source, ids: &[CommentId]) -> Result<Vec<CommentId>> {
    let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    let unheard = sqlx::query_scalar!(
        r#"select id as "id!: CommentId" from unnest($2::bigint[]) as asked (id)
           where not exists (select from heard where place = $1 and spoken_id = asked.id)
           order by id"#,
        name(source),
        &ids,
    )
    .fetch_all(connection)
    .await?;
    Ok(unheard)
}
