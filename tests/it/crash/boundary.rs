//! Bells on the queue's tables: triggers that tell when a job passes a boundary.

use std::{collections::BTreeSet, time::Duration};

use sqlx::{
    AssertSqlSafe, PgConnection, PgPool,
    pool::PoolConnection,
    postgres::{PgListener, Postgres},
};
use wiz_demo::{World, until};

/// Longest wait for a bell; all stages may lie before it.
const DEADLINE: Duration = Duration::from_secs(600);

/// Where a job is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Boundary {
    /// A worker holds it, and has just begun.
    Claimed,
    /// Its work is done and its end not yet stored.
    Finishing,
    /// Its end is stored, and what follows from it has just begun.
    Finished,
}

/// Tells when jobs pass a boundary.
pub struct Bell {
    boundary: Boundary,
    listener: PgListener,
    /// Holds the locks that finishing transactions wait for.
    gate: PoolConnection<Postgres>,
    pool: PgPool,
    heard: BTreeSet<String>,
}

impl Bell {
    /// Hangs the bell into the world's database, for jobs of these kinds.
    pub async fn hang(world: &World, boundary: Boundary, kinds: &[&str]) -> Self {
        let pool = world.store().await.unwrap().pool().clone();
        let mut gate = pool.acquire().await.unwrap();
        let (condition, action) = match boundary {
            Boundary::Claimed => (
                "after update on job for each row when (new.state = 'running' and old.state <> 'running')",
                "perform pg_notify('bell', new.kind)",
            ),
            Boundary::Finished => ("after insert on job_history for each row", "perform pg_notify('bell', new.kind)"),
            Boundary::Finishing => {
                ("before insert on job_history for each row", "perform pg_advisory_xact_lock(4711, hashtext(new.kind))")
            }
        };
        let hang = format!(
            "create function ring() returns trigger language plpgsql as $$ begin {action}; return new; end $$;
             create trigger bell {condition} execute function ring();"
        );
        sqlx::raw_sql(AssertSqlSafe(hang)).execute(&mut *gate).await.unwrap();
        if boundary == Boundary::Finishing {
            for kind in kinds {
                lock(&mut gate, "pg_advisory_lock", kind).await;
            }
        }
        let mut listener = PgListener::connect_with(&pool).await.unwrap();
        listener.listen("bell").await.unwrap();
        Self { boundary, listener, gate, pool, heard: BTreeSet::new() }
    }

    /// The kind of the next job at the boundary, among the wanted ones.
    pub async fn next(&mut self, wanted: &[&str]) -> String {
        let waited = tokio::time::timeout(DEADLINE, async {
            if self.boundary == Boundary::Finishing {
                self.next_waiting(wanted).await
            } else {
                self.next_told(wanted).await
            }
        });
        waited.await.unwrap_or_else(|_| panic!("none of {wanted:?} came to be {:?}", self.boundary))
    }

    async fn next_told(&mut self, wanted: &[&str]) -> String {
        loop {
            let kind = self.listener.recv().await.unwrap().payload().to_owned();
            if wanted.contains(&kind.as_str()) {
                return kind;
            }
        }
    }

    /// A finishing transaction that waits at the gate.
    async fn next_waiting(&mut self, wanted: &[&str]) -> String {
        let pool = &self.pool;
        let waiting = until("a job waits at the gate", DEADLINE, async || {
            let kinds: Vec<String> = sqlx::query_scalar(
                "select kind from unnest($1::text[]) as kind
                 where exists (
                     select from pg_locks
                     where locktype = 'advisory' and not granted and classid = 4711
                       and objid::bigint = (hashtext(kind)::bigint & 4294967295)
                       and database = (select oid from pg_database where datname = current_database())
                 )",
            )
            .bind(wanted)
            .fetch_all(pool)
            .await?;
            Ok(kinds.into_iter().next())
        });
        waiting.await.unwrap()
    }

    /// Lets jobs of this kind pass from now on.
    pub async fn silence(&mut self, kind: &str) {
        if self.boundary == Boundary::Finishing && self.heard.insert(kind.to_owned()) {
            lock(&mut self.gate, "pg_advisory_unlock", kind).await;
        }
    }
}

async fn lock(gate: &mut PgConnection, function: &'static str, kind: &str) {
    let statement = format!("select {function}(4711, hashtext($1))");
    sqlx::query(AssertSqlSafe(statement)).bind(kind).execute(gate).await.unwrap();
}
