//! Money: what a repository may still spend today, and what a run will probably cost.

use sqlx::PgPool;
use wiz::{
    ids::{RepositoryId, RunId},
    money::MicroDollars,
    run::store::{self, Created, NewRun, history},
};

use super::{REPOSITORY, created, new_run, start, stored, to_work};
use crate::support::database::TestDatabase;

const CENT: i64 = 10_000;

/// A call that was paid so many hours ago.
async fn pay(pool: &PgPool, run: RunId, role: &str, (cents, hours_ago): (i64, i32)) {
    sqlx::query(
        "insert into llm_call (run_id, installation_id, role, step_key, turn, model, state, request_bytes,
                               reserved_micro_dollars, micro_dollars, created_at)
         values ($1, 7, $2, 'step-1', 1, 'anthropic/claude', 'settled', 1, $3, $3, now() - make_interval(hours => $4))",
    )
    .bind(run)
    .bind(role)
    .bind(cents * CENT)
    .bind(hours_ago)
    .execute(pool)
    .await
    .unwrap();
}

/// Puts a run into a state it last changed in so many hours ago.
async fn set(pool: &PgPool, run: RunId, state: &str, hours_ago: i32) {
    sqlx::query("update run set state = $2::run_state, updated_at = now() - make_interval(hours => $3) where id = $1")
        .bind(run)
        .bind(state)
        .bind(hours_ago)
        .execute(pool)
        .await
        .unwrap();
}

async fn left_cents(pool: &PgPool, repository: RepositoryId, cap_cents: u32) -> i64 {
    let mut connection = pool.acquire().await.unwrap();
    store::left_today(&mut connection, repository, MicroDollars::from_cents(cap_cents)).await.unwrap().get() / CENT
}

#[tokio::test]
async fn a_day_holds_what_was_paid_and_what_open_runs_may_yet_spend() {
    let db = TestDatabase::new().await;
    let pool = &db.pool;
    assert_eq!(left_cents(pool, REPOSITORY, 1000).await, 1000);
    let open = start(pool, 1).await;
    assert_eq!(left_cents(pool, REPOSITORY, 1000).await, 700, "the whole budget of $3");
    pay(pool, open, "planner", (100, 1)).await;
    assert_eq!(left_cents(pool, REPOSITORY, 1000).await, 700, "a part of it is paid now");
    pay(pool, open, "coder", (50, 30)).await;
    assert_eq!(left_cents(pool, REPOSITORY, 1000).await, 750, "paid yesterday, so it can not be spent today");
    set(pool, open, "needs_approval", 100).await;
    assert_eq!(left_cents(pool, REPOSITORY, 1000).await, 750, "open however long ago it changed");

    let ended = start(pool, 2).await;
    pay(pool, ended, "coder", (40, 2)).await;
    pay(pool, ended, "coder", (200, 25)).await;
    set(pool, ended, "failed", 1).await;
    assert_eq!(left_cents(pool, REPOSITORY, 1000).await, 710);
    let watched = start(pool, 3).await;
    pay(pool, watched, "coder", (10, 3)).await;
    set(pool, watched, "watching", 3).await;
    assert_eq!(left_cents(pool, REPOSITORY, 1000).await, 700, "a run that watches spends no more");
    let overdrawn = start(pool, 4).await;
    pay(pool, overdrawn, "coder", (310, 0)).await;
    assert_eq!(left_cents(pool, REPOSITORY, 1000).await, 390);
    assert_eq!(left_cents(pool, REPOSITORY, 600).await, 0, "never less than nothing");
    assert_eq!(left_cents(pool, RepositoryId(71), 1000).await, 1000, "another repository's day");
}

#[tokio::test]
async fn two_runs_that_start_at_once_do_not_count_on_the_same_rest() {
    let db = TestDatabase::new().await;
    let ended = start(&db.pool, 1).await;
    set(&db.pool, ended, "failed", 1).await;
    let mut first = db.pool.begin().await.unwrap();
    let cap = MicroDollars::from_dollars(10);
    assert_eq!(store::left_today(&mut first, REPOSITORY, cap).await.unwrap(), cap);
    let pool = db.pool.clone();
    let mut second = tokio::task::JoinSet::new();
    second.spawn(async move {
        let mut transaction = pool.begin().await.unwrap();
        store::left_today(&mut transaction, REPOSITORY, cap).await.unwrap()
    });
    let waits = "select exists (select from pg_locks where locktype = 'advisory' and not granted
                 and database = (select oid from pg_database where datname = current_database()))";
    while !sqlx::query_scalar::<_, bool>(waits).fetch_one(&db.pool).await.unwrap() {
        assert!(second.try_join_next().is_none(), "the second did not wait");
    }
    assert!(matches!(store::create(&mut first, &new_run(2)).await.unwrap(), Created::New(_)));
    first.commit().await.unwrap();
    assert_eq!(second.join_next().await.unwrap().unwrap(), MicroDollars::from_dollars(7));
}

async fn quote(pool: &PgPool, run: RunId) -> Option<i64> {
    let stored = stored(pool, run).await;
    history::quote(&mut pool.acquire().await.unwrap(), &stored).await.unwrap().map(|quote| quote.get() / CENT)
}

#[tokio::test]
async fn a_quote_is_the_mean_of_the_last_runs_or_a_rule_of_thumb() {
    let db = TestDatabase::new().await;
    let pool = &db.pool;
    let run = start(pool, 100).await;
    assert_eq!(quote(pool, run).await, None, "there is no plan yet");
    to_work(pool, run).await;
    pay(pool, run, "planner", (5, 0)).await;
    pay(pool, run, "coder", (500, 0)).await;
    assert_eq!(quote(pool, run).await, Some(20), "four times the planning");
    for (issue, cents) in [(1, 30), (2, 60)] {
        succeed(pool, issue, cents).await;
    }
    let elsewhere = NewRun { repository: RepositoryId(71), trigger_key: "elsewhere".into(), ..new_run(9) };
    let Created::New(other) = created(pool, &elsewhere).await else { panic!("not new") };
    pay(pool, other, "coder", (9_000, 0)).await;
    set(pool, other, "succeeded", 0).await;
    assert_eq!(quote(pool, run).await, Some(20), "two are too few, and another repository is another story");
    succeed(pool, 3, 90).await;
    assert_eq!(quote(pool, run).await, Some(60));
    // A run that waited while many others were done still has its own figures.
    for issue in 10..35 {
        succeed(pool, issue, 10).await;
    }
    assert_eq!(quote(pool, run).await, Some(10));
}

/// A run of another issue that was merged, with what it cost after planning.
async fn succeed(pool: &PgPool, issue: i64, cents: i64) {
    let run = start(pool, issue).await;
    pay(pool, run, "planner", (700, 0)).await;
    pay(pool, run, "coder", (cents - 1, 0)).await;
    pay(pool, run, "reviewer", (1, 0)).await;
    set(pool, run, "succeeded", 0).await;
}
