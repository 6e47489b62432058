//! Storing deliveries, and reading them back.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::{Context, Result};
use bytes::Bytes;
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
pub struct NewDelivery {
    pub id: DeliveryId,
    /// `X-GitHub-Event`.
    pub event: String,
    pub encoding: Encoding,
    pub body: Bytes,
    /// `X-GitHub-Hook-ID`.
    pub hook_id: Option<i64>,
    /// `X-GitHub-Hook-Installation-Target-Type`: `integration` for an App.
    pub target_type: Option<String>,
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

/// Stores deliveries, each with its triage job: all of them or none, in one round trip. Of those with one id, here and
/// in other processes, one is new and the others know it, so the job needs no key of its own. Answers in the order of the
/// deliveries.
pub async fn store(pool: &PgPool, deliveries: &[NewDelivery]) -> Result<Vec<Stored>> {
    // Each id once, and in order, so that statements that store the same ones lock them alike.
    let mut rows: BTreeMap<DeliveryId, &NewDelivery> = BTreeMap::new();
    for delivery in deliveries {
        rows.entry(delivery.id).or_insert(delivery);
    }
    let rows: Vec<&NewDelivery> = rows.into_values().collect();
    let new = sqlx::query!(
        r#"
        with incoming as (
            select * from unnest(
                $1::uuid[], $2::text[], $3::delivery_encoding[], $4::bytea[], $5::bigint[], $6::text[], $7::bigint[],
                $8::smallint[], $9::smallint[]
            ) as row (id, event, encoding, body, hook_id, target_type, target_id, secret_index, priority)
        ), stored as (
            insert into delivery (id, event, encoding, body, hook_id, target_type, target_id, secret_index)
            select id, event, encoding, body, hook_id, target_type, target_id, secret_index from incoming
            on conflict (id) do nothing
            returning id
        )
        insert into job (kind, payload, tenant, priority, max_attempts, state)
        select $10, jsonb_build_object('delivery', id), 0, priority, $11, 'ready'
        from incoming join stored using (id)
        returning id as "job: JobId", (payload ->> 'delivery')::uuid as "delivery!"
        "#,
        &column(&rows, |row| row.id.0),
        &column(&rows, |row| row.event.as_str()) as &[&str],
        &column(&rows, |row| row.encoding) as &[Encoding],
        &column(&rows, |row| row.body.as_ref()) as &[&[u8]],
        &column(&rows, |row| row.hook_id) as &[Option<i64>],
        &column(&rows, |row| row.target_type.as_deref()) as &[Option<&str>],
        &column(&rows, |row| row.target_id) as &[Option<i64>],
        &column(&rows, |row| row.secret_index),
        &column(&rows, |row| priority(&row.event)),
        TRIAGE_KIND,
        TRIAGE_ATTEMPTS,
    )
    .fetch_all(pool)
    .await?;
    let mut jobs: BTreeMap<DeliveryId, JobId> =
        new.into_iter().map(|row| (DeliveryId(row.delivery), row.job)).collect();
    let outcome = |delivery: &NewDelivery| jobs.remove(&delivery.id).map_or(Stored::Known, Stored::New);
    Ok(deliveries.iter().map(outcome).collect())
}

fn column<'rows, T>(rows: &[&'rows NewDelivery], of: impl Fn(&'rows NewDelivery) -> T) -> Vec<T> {
    rows.iter().map(|row| of(row)).collect()
}

/// Stores, as if it had been delivered, what a delivery that never came would have said. `id` is made from what it is
/// about, so that the same thing is stored once.
pub async fn store_found(pool: &PgPool, id: DeliveryId, event: &str, payload: Vec<u8>) -> Result<Stored> {
    let found = NewDelivery {
        id,
        event: event.to_owned(),
        encoding: Encoding::Json,
        body: payload.into(),
        hook_id: None,
        target_type: None,
        target_id: None,
        secret_index: 0,
    };
    let stored = store(pool, &[found]).await?;
    Ok(stored.into_iter().next().unwrap_or(Stored::Known))
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

/// The newest `most` deliveries of these events since a moment, oldest first.
pub async fn since(
    connection: &mut PgConnection,
    events: &[&str],
    moment: DateTime<Utc>,
    most: i64,
) -> Result<Vec<DeliveryId>> {
    let events: Vec<String> = events.iter().map(|event| (*event).to_owned()).collect();
    let mut ids = sqlx::query_scalar!(
        r#"select id as "id: DeliveryId" from delivery
           where event = any($1) and received_at >= $2 order by received_at desc, id desc limit $3"#,
        &events,
        moment,
        most,
    )
    .fetch_all(connection)
    .await
    .context("cannot list deliveries")?;
    ids.reverse();
    Ok(ids)
}

/// Whether the delivery came within this time, by the database's clock.
pub async fn came_within(connection: &mut PgConnection, id: DeliveryId, time: Duration) -> Result<bool> {
    let came = sqlx::query_scalar!(
        r#"select received_at > now() - make_interval(secs => $2) as "came!" from delivery where id = $1"#,
        id as DeliveryId,
        time.as_secs_f64(),
    );
    Ok(came.fetch_optional(connection).await?.unwrap_or(false))
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
