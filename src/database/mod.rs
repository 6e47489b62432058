//! The database: a pool on the server that `DATABASE_URL` names, or on a private cluster that this room runs.
//!
//! [`Database::open`] starts (or finds) the private cluster, brings the schema up to date and hands out the pool. The
//! private cluster is an ordinary Postgres from the machine's packages under the data directory: unix socket only,
//! durable settings untouched, its files and socket closed to everybody but its own account. It may outlive a wiz that
//! was killed; the next one takes it over. There is one SQL dialect and nothing here knows what is stored.
//!
//! This room never deletes data and never weakens durability to be faster.
//!
//! Read first: [`Database::open`], `cluster::Cluster`, [`MIGRATOR`].

mod account;
mod binaries;
mod cluster;

use std::time::Duration;

use anyhow::{Context, Result};
use secrecy::ExposeSecret;
use sqlx::{
    Connection, Executor, PgConnection, PgPool, Postgres, Transaction,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use self::cluster::Cluster;
use crate::config::DatabaseConfig;

/// The schema: every file of `migrations/`, in order. Migrations only add.
pub static MIGRATOR: Migrator = sqlx::migrate!();

/// Connections of one process. Statements take milliseconds and no transaction waits for the network, so a few serve
/// many jobs; a Postgres with its default 100 has room for several processes.
const MAX_CONNECTIONS: u32 = 20;

/// How long a caller waits for a connection. GitHub gives a webhook ten seconds, so this must leave time to answer.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);

/// Set on every connection: no statement of ours takes long, so one that does is stuck, and a transaction left open
/// (by a process that hangs) must not hold its locks, nor keep vacuum from the queue.
const SESSION_LIMITS: &str = "set statement_timeout = '30s'; set lock_timeout = '10s'; \
                              set idle_in_transaction_session_timeout = '60s'";

/// Set on every connection. The queue goes from no rows to thousands within a second and back, sooner than the planner's
/// statistics; a plan that was made and kept when it was empty would read all of it, dead rows too. Where a plan has no
/// index to use, that makes it look dear enough to be compiled first, which takes far longer than the statement. And
/// deliveries are stored compressed: lz4, where the server has it, takes a fraction of the time of the default.
/// <https://www.postgresql.org/docs/current/jit-decision.html>
/// <https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-DEFAULT-TOAST-COMPRESSION>
const SESSION_PLANS: &str = "set enable_seqscan = off; set jit = off; \
                             select set_config(name, 'lz4', false) from pg_settings \
                             where name = 'default_toast_compression' and 'lz4' = any (enumvals)";

/// An open database. Call [`Database::close`] at the end; dropped without, a private cluster goes on running and is
/// taken over by the next start.
#[derive(Debug)]
pub struct Database {
    pool: PgPool,
    cluster: Option<Cluster>,
}

impl Database {
    /// Connects, after starting the private cluster if that is the configuration, and brings the schema up to date.
    pub async fn open(config: &DatabaseConfig) -> Result<Self> {
        let (cluster, options) = match config {
            DatabaseConfig::Embedded { data_dir } => {
                let cluster = Cluster::start(data_dir)
                    .await
                    .with_context(|| format!("cannot run the embedded database under {}", data_dir.display()))?;
                let options = cluster.connect_options();
                (Some(cluster), options)
            }
            DatabaseConfig::Url(url) => {
                // The error may quote the URL, which may hold a password.
                let options = url.expose_secret().parse::<PgConnectOptions>();
                (None, options.map_err(|_| anyhow::anyhow!("DATABASE_URL is not a valid Postgres URL"))?)
            }
        };
        Self::connect(cluster, options).await
    }

    /// Joins a wiz that is running, for a look from beside it; without one, opens the database as usual.
    pub async fn attach(config: &DatabaseConfig) -> Result<Self> {
        if let DatabaseConfig::Embedded { data_dir } = config
            && let Some(options) = Cluster::running(data_dir)?
        {
            return Self::connect(None, options).await;
        }
        Self::open(config).await
    }

    async fn connect(cluster: Option<Cluster>, options: PgConnectOptions) -> Result<Self> {
        let options = options.application_name("wiz");
        migrate(&options).await?;
        let pool = PgPoolOptions::new()
            .max_connections(MAX_CONNECTIONS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .after_connect(|connection, _| {
                Box::pin(async move {
                    connection.execute(SESSION_LIMITS).await?;
                    connection.execute(SESSION_PLANS).await.map(|_| ())
                })
            })
            .connect_with(options)
            .await
            .context("cannot connect to the database")?;
        Ok(Self { pool, cluster })
    }

    /// The pool; clones share it.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// A look at the database as it is now, in which nothing can be written.
    pub async fn begin_reading(&self) -> Result<Transaction<'static, Postgres>> {
        let begun = self.pool.begin_with("begin isolation level repeatable read read only").await;
        begun.context("cannot read the database")
    }

    /// Whether this process is alone with its database, so that workers it finds there are dead.
    pub fn is_embedded(&self) -> bool {
        self.cluster.is_some()
    }

    /// Closes the connections and stops a private cluster.
    pub async fn close(self) -> Result<()> {
        self.pool.close().await;
        match self.cluster {
            Some(cluster) => cluster.stop().await,
            None => Ok(()),
        }
    }
}

/// The server's version, which only one that works can tell.
pub async fn version(pool: &PgPool) -> Result<String> {
    let version = sqlx::query_scalar!(r#"select current_setting('server_version') as "version!""#).fetch_one(pool);
    version.await.context("the database does not answer")
}

/// Brings the schema up to date, over a connection without time limits. Processes that start together take turns: the
/// migrator holds an advisory lock.
async fn migrate(options: &PgConnectOptions) -> Result<()> {
    let mut connection = PgConnection::connect_with(options).await.context("cannot connect to the database")?;
    MIGRATOR.run(&mut connection).await.context("cannot bring the database's schema up to date")?;
    connection.close().await.context("cannot end the migration")
}
