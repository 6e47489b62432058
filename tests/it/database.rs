//! The embedded database: made, shared with nobody, found again after crashes.

use std::{os::unix::fs::PermissionsExt, path::Path};

use nix::{sys::signal, unistd::Pid};
use tempfile::TempDir;
use wiz::{config::DatabaseConfig, database::Database};

use crate::support::database::TestDatabase;

/// Passable for the cluster's own account, if the tests run as root.
fn data_dir() -> TempDir {
    tempfile::Builder::new().permissions(std::fs::Permissions::from_mode(0o711)).tempdir().unwrap()
}

async fn open(data_dir: &Path) -> Database {
    Database::open(&DatabaseConfig::Embedded { data_dir: data_dir.to_owned() }).await.unwrap()
}

fn postmaster(data_dir: &Path) -> Option<i32> {
    let file = std::fs::read_to_string(data_dir.join("postgres/cluster/postmaster.pid")).ok()?;
    file.lines().next()?.parse().ok()
}

async fn remember(database: &Database, kind: &str) {
    sqlx::query("insert into job (kind, payload, tenant, max_attempts, state) values ($1, '{}', 0, 1, 'ready')")
        .bind(kind)
        .execute(database.pool())
        .await
        .unwrap();
}

async fn remembered(database: &Database) -> Vec<String> {
    sqlx::query_scalar("select kind from job order by id").fetch_all(database.pool()).await.unwrap()
}

#[tokio::test]
async fn an_embedded_database_survives_a_killed_server_and_a_stop() {
    let dir = data_dir();
    let database = open(dir.path()).await;
    remember(&database, "before the crash").await;

    let settings: Vec<(String, String)> = sqlx::query_as(
        "select name, setting from pg_settings where name in
         ('fsync', 'synchronous_commit', 'full_page_writes', 'listen_addresses', 'data_checksums') order by name",
    )
    .fetch_all(database.pool())
    .await
    .unwrap();
    let settings: Vec<String> = settings.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(
        settings,
        ["data_checksums=on", "fsync=on", "full_page_writes=on", "listen_addresses=", "synchronous_commit=on"]
    );
    let home = dir.path().join("postgres");
    for private in [&home, &home.join("cluster"), &home.join("socket")] {
        assert_eq!(std::fs::metadata(private).unwrap().permissions().mode() & 0o777, 0o700, "{}", private.display());
    }

    signal::kill(Pid::from_raw(postmaster(dir.path()).unwrap()), signal::Signal::SIGKILL).unwrap();
    drop(database);
    let database = open(dir.path()).await;
    remember(&database, "after the crash").await;
    assert_eq!(remembered(&database).await, ["before the crash", "after the crash"]);

    database.close().await.unwrap();
    assert_eq!(postmaster(dir.path()), None, "it has stopped");
    let database = open(dir.path()).await;
    assert_eq!(remembered(&database).await.len(), 2);
    database.close().await.unwrap();
}

#[tokio::test]
async fn a_second_wiz_is_refused_and_a_running_server_is_taken_over() {
    let dir = data_dir();
    let database = open(dir.path()).await;
    remember(&database, "kept").await;
    let server = postmaster(dir.path());
    let config = DatabaseConfig::Embedded { data_dir: dir.path().to_owned() };
    let refused = format!("{:#}", Database::open(&config).await.unwrap_err());
    insta::assert_snapshot!(refused.replace(dir.path().to_str().unwrap(), "/data"), @"cannot run the embedded database under /data: another wiz uses /data; stop it, or give this one a WIZ_DATA_DIR of its own, or share a server by DATABASE_URL");
    // As a killed wiz leaves it: the lock is gone, the server goes on.
    drop(database);
    let database = open(dir.path()).await;
    assert_eq!(postmaster(dir.path()), server, "the same server");
    assert_eq!(remembered(&database).await, ["kept"]);
    database.close().await.unwrap();
}

#[tokio::test]
async fn a_process_number_used_again_by_another_does_not_keep_the_database_down() {
    let dir = data_dir();
    open(dir.path()).await.close().await.unwrap();
    let pid_file = dir.path().join("postgres/cluster/postmaster.pid");
    std::fs::write(&pid_file, format!("{}\n{}\n", std::process::id(), dir.path().display())).unwrap();
    std::fs::write(dir.path().join("postgres/socket/.s.PGSQL.5432.lock"), format!("{}\n", std::process::id())).unwrap();
    open(dir.path()).await.close().await.unwrap();
}

#[tokio::test]
async fn an_interrupted_set_up_is_begun_anew() {
    let dir = data_dir();
    let unfinished = dir.path().join("postgres/cluster.unfinished");
    std::fs::create_dir_all(&unfinished).unwrap();
    std::fs::write(unfinished.join("PG_VERSION"), "15\n").unwrap();
    open(dir.path()).await.close().await.unwrap();
    assert!(!unfinished.exists());
}

#[tokio::test]
async fn a_server_named_by_url_gets_the_schema_and_the_session_limits() {
    let empty = TestDatabase::empty().await;
    let database = Database::open(&DatabaseConfig::Url(empty.url.clone().into())).await.unwrap();
    assert!(!database.is_embedded());
    remember(&database, "kept").await;
    let timeout: String = sqlx::query_scalar("show statement_timeout").fetch_one(database.pool()).await.unwrap();
    assert_eq!(timeout, "30s");
    database.close().await.unwrap();
    let again = Database::open(&DatabaseConfig::Url(empty.url.into())).await.unwrap();
    assert_eq!(remembered(&again).await, ["kept"]);
}

#[tokio::test]
async fn a_bad_url_is_refused_without_showing_it() {
    let url = "postgres://wiz:tr0ub4dor@localhost:port/wiz";
    let refused = format!("{:#}", Database::open(&DatabaseConfig::Url(url.into())).await.unwrap_err());
    assert_eq!(refused, "DATABASE_URL is not a valid Postgres URL");
}
