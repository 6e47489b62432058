//! The transcript's table: append and read back, nothing else.

use sqlx::PgPool;

use super::{
    session::AgentError,
    transcript::{Entry, StoredEntry, Transcript, entry_hash, read_chain},
};
use crate::ids::RunId;

/// A session's transcript together with the hash its next entry continues from.
#[derive(Debug)]
pub(super) struct StoredTranscript {
    pub(super) transcript: Transcript,
    last_hash: String,
}

impl StoredTranscript {
    /// Reads the session's entries, empty when it is new, and refuses entries that do not fit their hashes.
    pub(super) async fn load(pool: &PgPool, run: RunId, step_key: &str) -> Result<Self, AgentError> {
        let rows = rows(pool, run, step_key).await?;
        let (transcript, last_hash) =
            read_chain(run, step_key, &rows).map_err(|broken| AgentError::Transcript(broken.to_string()))?;
        Ok(Self { transcript, last_hash })
    }

    /// Adds an entry to the table, then to memory.
    pub(super) async fn append(
        &mut self,
        pool: &PgPool,
        run: RunId,
        step_key: &str,
        entry: Entry,
    ) -> Result<(), AgentError> {
        let position = self.transcript.entries().len();
        let body = serde_json::to_string(&entry).map_err(|error| AgentError::Transcript(error.to_string()))?;
        let hash = entry_hash(&self.last_hash, run, step_key, position, &body);
        let kind = match &entry {
            Entry::Opening { .. } => "opening",
            Entry::Assistant { .. } => "assistant",
            Entry::Results { .. } => "results",
        };
        let added = sqlx::query!(
            "insert into turn (run_id, step_key, position, kind, body, prev_hash, hash)
             values ($1, $2, $3, $4, $5, $6, $7) on conflict on constraint turn_key do nothing",
            run.0,
            step_key,
            i32::try_from(position).unwrap_or(i32::MAX),
            kind,
            body,
            self.last_hash,
            hash,
        )
        .execute(pool)
        .await?;
        if added.rows_affected() == 0 {
            return Err(AgentError::Superseded);
        }
        self.last_hash = hash;
        self.transcript.push(entry);
        Ok(())
    }
}

/// A session's entries as stored, oldest first.
pub(super) async fn rows(pool: &PgPool, run: RunId, step_key: &str) -> Result<Vec<StoredEntry>, sqlx::Error> {
    sqlx::query_as!(
        StoredEntry,
        "select body, hash from turn where run_id = $1 and step_key = $2 order by position",
        run.0,
        step_key,
    )
    .fetch_all(pool)
    .await
}
