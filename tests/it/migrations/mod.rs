//! Migrations run in order on an empty database, and only add: an older wiz goes on working beside a newer schema.

use std::{collections::BTreeMap, path::Path};

use sqlx::{AssertSqlSafe, PgPool};
use wiz::{
    database::MIGRATOR,
    ids::{DeliveryId, RunId},
    intake,
    queue::{self, JobFilter},
    run::{
        state::State,
        store::{self, results},
        task::Task,
    },
};

use crate::support::database::TestDatabase;

/// What the statements of a migration do that they may not; comments and quoted text are left out of the judgement.
///
/// A rule may be replaced by a wider one of the same name in the same migration: what an older wiz writes still fits.
fn faults(sql: &str) -> Vec<String> {
    let code: String =
        sql.lines().map(|line| line.split("--").next().unwrap_or_default()).collect::<Vec<_>>().join(" ");
    let mut faults = Vec::new();
    let code = code.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    for statement in code.split(';').map(|text| without_replacement(text.trim(), &code)) {
        let is = |start: &str| statement.starts_with(start);
        let has = |part: &str| format!(" {statement} ").contains(part);
        let adds = statement.is_empty()
            || ["create ", "alter table ", "alter type ", "insert ", "comment "].iter().any(|start| is(start));
        let takes_away = is("create or replace ")
            || (is("alter ")
                && [" drop ", " rename ", " set not null ", " type ", " disable "]
                    .iter()
                    .any(|part| has(part) && !(*part == " type " && is("alter type "))));
        if !adds || takes_away {
            faults.push(format!("does more than add: {statement}"));
        }
        for column in statement.split(" add column ").skip(1) {
            let column = format!(" {} ", column.split(',').next().unwrap_or_default());
            if column.contains(" not null ") && !column.contains(" default ") && !column.contains(" generated ") {
                faults.push(format!("a column that old rows have no value for: {column}"));
            }
        }
    }
    faults
}

/// The statement without the removal of a constraint or index that comes back under its name.
fn without_replacement(statement: &str, code: &str) -> String {
    if let Some(name) = statement.strip_prefix("drop index ")
        && [format!("create index {name} on "), format!("create unique index {name} on ")]
            .iter()
            .any(|again| code.split_once(statement).is_some_and(|(_, after)| after.contains(again)))
    {
        return String::new();
    }
    if let Some((before, after)) = statement.split_once(" drop constraint ")
        && let Some((name, after)) = after.split_once(", ")
        && after.starts_with(&format!("add constraint {name} "))
    {
        return format!("{before} {after}");
    }
    statement.to_owned()
}

#[test]
fn every_migration_only_adds() {
    assert!(MIGRATOR.iter().count() >= 2);
    for migration in MIGRATOR.iter() {
        assert_eq!(faults(migration.sql.as_str()), Vec::<String>::new(), "{}", migration.description);
        assert!(migration.sql.as_str().starts_with("--"), "{} does not say what it is for", migration.description);
    }
}

#[test]
fn the_lint_finds_what_it_is_for() {
    for bad in [
        "drop table job;",
        "alter table job drop column kind;",
        "alter table job rename column kind to sort;",
        "alter table job alter column kind set not null;",
        "alter table job alter column kind type int;",
        "alter table job add column x int not null;",
        "alter table job add column y int, add column x text not null;",
        "update job set kind = '';",
        "delete from job;",
        "truncate job;",
        "create table a (x int); drop index job_ready",
        "create index job_ready on job (x); drop index job_ready",
        "alter table job drop constraint job_x;",
        "alter table job drop constraint job_x, add constraint job_y check (x > 0);",
        "alter table job drop constraint job_x, add constraint job_x check (x > 0), drop column x;",
    ] {
        assert_eq!(faults(bad).len(), 1, "{bad}");
    }
    for good in [
        "-- drop nothing\ncreate table t (x int not null);",
        "alter table job add column x int not null default 0;",
        "alter table job add column x int, add constraint job_x check (x > 0);",
        "alter type job_state add value 'paused';",
        "create index i on job (kind) where state = 'ready';",
        "drop index i; create unique index i on job (kind);",
        "alter table job drop constraint job_x, add constraint job_x check (x > 0);",
    ] {
        assert_eq!(faults(good), Vec::<String>::new(), "{good}");
    }
}

/// Constraints with the names Postgres gives to those that have none, and so with numbers that depend on the order of
/// creation. Primary keys may keep theirs: a table has only one.
const UNNAMED: &str = r"
    select relname || '.' || conname
    from pg_constraint
    join pg_class on pg_class.oid = conrelid
    cross join lateral (
        select coalesce(string_agg(attname, '_' order by place), '') as columns
        from unnest(conkey) with ordinality as part (attnum, place)
        join pg_attribute on attrelid = conrelid and pg_attribute.attnum = part.attnum
    ) as own
    where connamespace = 'public'::regnamespace and contype in ('c', 'f', 'u', 'x')
      and (conname in (relname || '_' || columns || '_check', relname || '_' || columns || '_fkey',
                       relname || '_' || columns || '_key', relname || '_' || columns || '_excl', relname || '_check')
           or conname ~ '_(check|fkey|key|excl)[0-9]+$')
    order by 1";

#[tokio::test]
async fn the_migrations_run_twice_change_nothing_and_name_their_constraints() {
    let db = TestDatabase::empty().await;
    MIGRATOR.run(&db.pool).await.unwrap();
    MIGRATOR.run(&db.pool).await.unwrap();
    let unnamed: Vec<String> = sqlx::query_scalar(UNNAMED).fetch_all(&db.pool).await.unwrap();
    assert_eq!(unnamed, Vec::<String>::new());

    let bad = "create table bad (
        a int unique check (a > 0), b int references bad (a), c int, d int, check (c < d), check (d < 9), unique (c, d)
    )";
    sqlx::raw_sql(bad).execute(&db.pool).await.unwrap();
    let unnamed: Vec<String> = sqlx::query_scalar(UNNAMED).fetch_all(&db.pool).await.unwrap();
    let expected = ["a_check", "a_key", "b_fkey", "c_d_key", "check", "d_check"].map(|name| format!("bad.bad_{name}"));
    assert_eq!(unnamed, expected);
}

/// Every row of every table, as JSON, by table.
async fn rows(pool: &PgPool) -> BTreeMap<String, Vec<serde_json::Value>> {
    let tables: Vec<String> = sqlx::query_scalar(
        "select table_name::text from information_schema.tables
         where table_schema = 'public' and table_name <> '_sqlx_migrations'",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    let mut rows = BTreeMap::new();
    for table in tables {
        let statement = format!("select to_jsonb(row) from {table} as row");
        rows.insert(table, sqlx::query_scalar(AssertSqlSafe(statement)).fetch_all(pool).await.unwrap());
    }
    rows
}

/// Whether the row still says what it said; a newer schema may have added to it.
fn still_says(row: &serde_json::Value, before: &serde_json::Value) -> bool {
    before.as_object().unwrap().iter().all(|(column, value)| row.get(column) == Some(value))
}

/// Each migration meets a database that was in use: it must run, and keep every row as it was.
#[tokio::test]
async fn a_database_with_rows_in_every_table_is_upgraded_and_keeps_them() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/migrations");
    let db = TestDatabase::empty().await;
    let mut before = BTreeMap::new();
    for migration in MIGRATOR.iter() {
        MIGRATOR.run_to(migration.version, &db.pool).await.unwrap();
        let after = rows(&db.pool).await;
        for (table, old) in &before {
            let kept: &Vec<serde_json::Value> = &after[table];
            for row in old {
                assert!(kept.iter().any(|kept| still_says(kept, row)), "{} lost {row} of {table}", migration.version);
            }
        }
        let file = samples.join(format!("{:04}_{}.sql", migration.version, migration.description.replace(' ', "_")));
        let sample = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        sqlx::raw_sql(AssertSqlSafe(sample)).execute(&db.pool).await.unwrap();
        before = rows(&db.pool).await;
        let empty: Vec<&String> = before.iter().filter(|(_, rows)| rows.is_empty()).map(|(table, _)| table).collect();
        assert!(empty.is_empty(), "{} puts no rows into {empty:?}", file.display());
    }
    today_reads_them(&db.pool).await;
}

/// What the samples say is what today's wiz reads.
async fn today_reads_them(pool: &PgPool) {
    let mut connection = pool.acquire().await.unwrap();
    let run = RunId(1);
    let stored = store::load(&mut connection, run).await.unwrap().unwrap();
    assert_eq!((stored.run.state, stored.repository_name.to_string().as_str()), (State::Working, "octo-org/parser"));
    assert!(stored.run.progress.plan.is_some_and(|current| current.plan.validate().is_ok()));
    for number in [2, 3] {
        assert!(store::load(&mut connection, RunId(number)).await.unwrap().is_some());
    }
    assert_eq!(store::history::approver(&mut connection, run).await.unwrap().unwrap().to_string(), "octocat");
    assert_eq!(results::briefing(&mut connection, run).await.unwrap().words.len(), 1);
    assert_eq!(results::steps(&mut connection, run, 1).await.unwrap()[0].patch.changes().len(), 2);
    assert!(results::latest_evidence(&mut connection, run).await.unwrap().evidence[0].holds());
    assert_eq!(results::latest_review(&mut connection, run).await.unwrap().unwrap().findings.len(), 1);
    assert!(results::output(&mut connection, run).await.unwrap().status_comment.is_some());
    for (id, payload) in [
        (0x0b41_ad38_5a43_4c36_8c19_6a7c_6f0a_5b55, br#"{"zen":"Design for failure."}"#.as_slice()),
        (0x1b41_ad38_5a43_4c36_8c19_6a7c_6f0a_5b55, b"{}"),
    ] {
        let delivery = intake::load(&mut connection, DeliveryId(uuid::Uuid::from_u128(id))).await.unwrap().unwrap();
        assert_eq!(delivery.payload, payload);
    }
    drop(connection);
    let jobs = queue::list(pool, &JobFilter::default()).await.unwrap();
    assert_eq!(jobs.len(), 9);
    for job in jobs {
        Task::decode(&job.kind, &job.payload).unwrap();
    }
}
