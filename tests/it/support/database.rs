//! A database for each test, copied from a migrated template on the server that `DATABASE_URL` names.

use std::path::Path;

use sha2::{Digest, Sha256};
use sqlx::{
    AssertSqlSafe, Connection, Executor, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use url::Url;
use wiz::database::MIGRATOR;

/// A test's own database. The next test process removes it.
pub struct TestDatabase {
    pub pool: PgPool,
    /// For a process of its own.
    pub url: String,
}

/// Serialises the making of the template: any number will do.
const TEMPLATE_LOCK: i64 = 6_497_002;

/// One process at a time clears away.
const CLEARING_LOCK: i64 = 6_497_003;

/// Old databases a new one takes away. Dropping is slow, so it is spread over the tests.
const CLEARED_AT_ONCE: usize = 2;

impl TestDatabase {
    /// A database with the whole schema and no rows.
    pub async fn new() -> Self {
        let mut admin = admin().await;
        let template = template(&mut admin).await;
        clear_away(&mut admin).await;
        let name = new_name();
        run(&mut admin, format!("create database {name} template {template}")).await;
        Self::at(&name).await
    }

    /// A database without any schema.
    pub async fn empty() -> Self {
        let mut admin = admin().await;
        let name = new_name();
        run(&mut admin, format!("create database {name} template template0")).await;
        Self::at(&name).await
    }

    async fn at(name: &str) -> Self {
        let mut url: Url = server_url().parse().unwrap();
        url.set_path(name);
        let pool = PgPoolOptions::new().max_connections(16).connect(url.as_str()).await.unwrap();
        Self { pool, url: url.into() }
    }
}

fn server_url() -> String {
    #[expect(clippy::disallowed_methods, reason = "names the test server, not a setting of wiz")]
    std::env::var("DATABASE_URL").expect("DATABASE_URL names a server for tests: scripts/test-database prints one")
}

async fn admin() -> PgConnection {
    let options: PgConnectOptions = server_url().parse().unwrap();
    PgConnection::connect_with(&options).await.unwrap()
}

/// Names the process, so that what it leaves is known for dead later.
fn new_name() -> String {
    format!("wiz_test_{}_{}", std::process::id(), uuid::Uuid::new_v4().simple())
}

/// The name of a migrated database that nobody is connected to, made by the first who needs it.
async fn template(admin: &mut PgConnection) -> String {
    let checksums: Vec<u8> = MIGRATOR.iter().flat_map(|migration| migration.checksum.iter().copied()).collect();
    let version = hex::encode(&Sha256::digest(&checksums)[..8]);
    let name = format!("wiz_template_{version}");
    run(admin, format!("select pg_advisory_lock({TEMPLATE_LOCK})")).await;
    if !exists(admin, &name).await {
        let unfinished = format!("{name}_unfinished");
        run(admin, format!("drop database if exists {unfinished} with (force)")).await;
        run(admin, format!("create database {unfinished} template template0")).await;
        let options: PgConnectOptions = server_url().parse().unwrap();
        let mut own = PgConnection::connect_with(&options.database(&unfinished)).await.unwrap();
        MIGRATOR.run(&mut own).await.unwrap();
        own.close().await.unwrap();
        run(admin, format!("alter database {unfinished} rename to {name}")).await;
    }
    run(admin, format!("select pg_advisory_unlock({TEMPLATE_LOCK})")).await;
    name
}

/// Drops some of what ended test processes left.
async fn clear_away(admin: &mut PgConnection) {
    let mine: bool =
        sqlx::query_scalar("select pg_try_advisory_lock($1)").bind(CLEARING_LOCK).fetch_one(&mut *admin).await.unwrap();
    if !mine {
        return;
    }
    let names: Vec<String> = sqlx::query_scalar(r"select datname from pg_database where datname like 'wiz\_test\_%'")
        .fetch_all(&mut *admin)
        .await
        .unwrap();
    let process = |name: &str| Path::new("/proc").join(name.split('_').nth(2).unwrap_or_default());
    for name in names.iter().filter(|name| !process(name).exists()).take(CLEARED_AT_ONCE) {
        run(admin, format!("drop database if exists {name} with (force)")).await;
    }
    run(admin, format!("select pg_advisory_unlock({CLEARING_LOCK})")).await;
}

async fn exists(admin: &mut PgConnection, name: &str) -> bool {
    sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(name)
        .fetch_one(admin)
        .await
        .unwrap()
}

async fn run(admin: &mut PgConnection, statement: String) {
    admin.execute(AssertSqlSafe(statement)).await.unwrap();
}
