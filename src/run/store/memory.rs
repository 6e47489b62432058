//! What people told all later runs of a repository.

use anyhow::Result;
use sqlx::PgConnection;

use crate::ids::{Login, RepositoryId};

/// Most notes of a repository; every agent reads all of them.
pub const NOTES: i64 = 30;

/// One note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// By which people mean it.
    pub number: i64,
    pub words: String,
    pub told_by: Login,
}

/// What became of words that were to be remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remembered {
    New(i64),
    Before(i64),
    /// There are [`NOTES`] already.
    Full,
}

/// Keeps words for all later runs of the repository.
pub async fn remember(
    connection: &mut PgConnection,
    repository: RepositoryId,
    (words, told_by): (&str, &Login),
) -> Result<Remembered> {
    let known = list(connection, repository).await?;
    if let Some(note) = known.iter().find(|note| note.words == words) {
        return Ok(Remembered::Before(note.number));
    }
    let number = sqlx::query_scalar!(
        r#"insert into memory (repository_id, words, told_by)
           select $1, $2, $3 where (select count(*) from memory where repository_id = $1) < $4
           on conflict on constraint memory_words_once do update set words = excluded.words
           returning id"#,
        repository as _,
        words,
        told_by as _,
        NOTES,
    )
    .fetch_optional(connection)
    .await?;
    Ok(number.map_or(Remembered::Full, Remembered::New))
}

/// Takes a note back; its words, if there was such a note.
pub async fn forget(connection: &mut PgConnection, repository: RepositoryId, number: i64) -> Result<Option<String>> {
    let words = sqlx::query_scalar!(
        "delete from memory where repository_id = $1 and id = $2 returning words",
        repository as _,
        number,
    )
    .fetch_optional(connection)
    .await?;
    Ok(words)
}

/// The repository's notes, oldest first.
pub async fn list(connection: &mut PgConnection, repository: RepositoryId) -> Result<Vec<Note>> {
    let notes = sqlx::query_as!(
        Note,
        r#"select id as number, words, told_by as "told_by: Login" from memory where repository_id = $1 order by id"#,
        repository as _,
    )
    .fetch_all(connection)
    .await?;
    Ok(notes)
}
