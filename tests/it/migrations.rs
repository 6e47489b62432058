//! Migrations run in order on an empty database, and only add: an older wiz goes on working beside a newer schema.

use wiz::database::MIGRATOR;

use crate::support::database::TestDatabase;

/// What the statements of a migration do that they may not; comments and quoted text are left out of the judgement.
fn faults(sql: &str) -> Vec<String> {
    let code: String =
        sql.lines().map(|line| line.split("--").next().unwrap_or_default()).collect::<Vec<_>>().join(" ");
    let mut faults = Vec::new();
    for statement in code.split(';').map(|text| text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()) {
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
    ] {
        assert_eq!(faults(bad).len(), 1, "{bad}");
    }
    for good in [
        "-- drop nothing\ncreate table t (x int not null);",
        "alter table job add column x int not null default 0;",
        "alter table job add column x int, add constraint job_x check (x > 0);",
        "alter type job_state add value 'paused';",
        "create index i on job (kind) where state = 'ready';",
    ] {
        assert_eq!(faults(good), Vec::<String>::new(), "{good}");
    }
}

#[tokio::test]
async fn the_migrations_run_one_after_the_other_and_twice_change_nothing() {
    let db = TestDatabase::empty().await;
    MIGRATOR.run(&db.pool).await.unwrap();
    MIGRATOR.run(&db.pool).await.unwrap();
    let unnamed: Vec<String> = sqlx::query_scalar(
        r"select conrelid::regclass || '.' || conname from pg_constraint
          where connamespace = 'public'::regnamespace and conname ~ '_(check|fkey|key|excl)\d+$'",
    )
    .fetch_all(&db.pool)
    .await
    .unwrap();
    assert_eq!(unnamed, Vec::<String>::new(), "constraints have names that mean something");
}
