//! What people tell all later runs of the repository.

use anyhow::Result;
use sqlx::PgConnection;

use super::Services;
use crate::{
    ids::{Login, RepositoryId},
    report,
    run::store::memory::{self, Remembered},
};

/// Keeps the words, and says what became of them.
pub(super) async fn remember(
    connection: &mut PgConnection,
    repository: RepositoryId,
    (words, by): (&str, &Login),
) -> Result<String> {
    Ok(match memory::remember(connection, repository, (words, by)).await? {
        Remembered::New(number) => report::remembered(number),
        Remembered::Before(number) => report::remembered_before(number),
        Remembered::Full => report::memory_full(memory::NOTES),
    })
}

/// Takes a note back.
pub(super) async fn forget(connection: &mut PgConnection, repository: RepositoryId, note: i64) -> Result<String> {
    Ok(match memory::forget(connection, repository, note).await? {
        Some(words) => report::forgotten(note, &words),
        None => report::no_such_note(note),
    })
}

/// All notes.
pub(super) async fn listed(services: &Services, repository: RepositoryId) -> Result<String> {
    let notes = memory::list(&mut *services.pool.acquire().await?, repository).await?;
    let notes: Vec<_> = notes.into_iter().map(|note| (note.number, note.words, note.told_by)).collect();
    Ok(report::notes(&notes))
}
