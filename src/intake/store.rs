//! Storing deliveries, and reading them back.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};

use super::{
    TRIAGE_ATTEMPTS, TRIAGE_KIND,
    payload::{self, Encoding},
    priority::priority,
};
use crate::ids::{DeliveryId, JobId};

/// A verified delivery, about to be stored.
#[derive(Debug)]
pub struct NewDelivery<'a> {
    pub id: DeliveryId,
    /// `X-GitHub-Event`.
    pub event: &'a str,
    pub encoding: Encoding,
    pub body: &'a [u8],
    /// `X-GitHub-Hook-ID`.
    pub hook_id: Option<i64>,
    /// `X-GitHub-Hook-Installation-Target-Type`: `integration` for an App.
    pub target_type: Option<&'a str>,
    /// `X-GitHub-Hook-Installation-Target-ID`: the App's id for an App.
    pub target_id: Option<i64>,
    /// Which secret signed it.
    pub secret_index: i16,
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// It is stored and its job waits.
    New(JobId),
    /// It was stored before; nothing has changed.
    Known,
}

/// Stores the delivery and its triage job, both or neither, in one round trip. Two that arrive together make one row:
/// the second waits for the first and then finds it.
pub async fn store(pool: &PgPool, delivery: &NewDelivery<'_>) -> Result<Stored> {
    let job = sqlx::query_scalar!(
        r#"
        with stored as (
            insert into delivery (id, event, encoding, body, hook_id, target_type, target_id, secret_index)
            values ($1, $2, $3, $4, $5, $6, $7, $8)
            on conflict (id) do nothing
            returning id
        )
        insert into job (kind, payload, tenant, priority, max_attempts, dedupe_key, state)
        select $9, jsonb_build_object('delivery', id), 0, $10, $11, 'delivery:' || id, 'ready' from stored
        returning id as "id: JobId"
        "#,
        delivery.id as DeliveryId,
        delivery.event,
        delivery.encoding as Encoding,
        delivery.body,
        delivery.hook_id,
        delivery.target_type,
        delivery.target_id,
        delivery.secret_index,
        TRIAGE_KIND,
        priority(delivery.event),
        TRIAGE_ATTEMPTS,
    )
    .fetch_optional(pool)
    .await
    .with_context(|| format!("cannot store delivery {}", delivery.id))?;
    Ok(job.map_or(Stored::Known, Stored::New))
}

/// A delivery read back, for triage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDelivery {
    /// GitHub's name of the event.
    pub event: String,
    /// The payload as JSON, unpacked.
    pub payload: Vec<u8>,
    pub received_at: DateTime<Utc>,
}

/// Which of these deliveries are stored here.
pub async fn known(connection: &mut PgConnection, ids: &[DeliveryId]) -> Result<BTreeSet<DeliveryId>> {
    let ids: Vec<uuid::Uuid> = ids.iter().map(|id| id.0).collect();
    let known = sqlx::query_scalar!(r#"select id as "id: DeliveryId" from delivery where id = any($1)"#, &ids)
        .fetch_all(connection)
        .await
        .context("cannot look up deliveries")?;
    Ok(known.into_iter().collect())
}

/// The delivery with this id; `None` if there is none (any more).
pub async fn load(connection: &mut PgConnection, id: DeliveryId) -> Result<Option<StoredDelivery>> {
    let row = sqlx::query!(
        r#"select event, encoding as "encoding: Encoding", body, received_at from delivery where id = $1"#,
        id as DeliveryId,
    )
    .fetch_optional(connection)
    .await
    .with_context(|| format!("cannot read delivery {id}"))?;
    let Some(row) = row else { return Ok(None) };
    let payload = payload::unpack(row.encoding, &row.body)
        .with_context(|| format!("delivery {id} is stored without its payload"))?
        .into_owned();
    Ok(Some(StoredDelivery { event: row.event, payload, received_at: row.received_at }))
}
