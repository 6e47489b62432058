//! Starting runs: once per trigger, one at a time per issue, within the day's budget.

use tokio::task::JoinSet;
use wiz::{
    ids::{IssueNumber, RepositoryId, RunId, UserId},
    run::{
        signal::{Order, Signal},
        state::State,
        store::{self, Created, NewRun, Signalled, results},
    },
};

use super::{REPOSITORY, apply, count, created, human, new_run, row, rows, signal, start, stored};
use crate::support::database::TestDatabase;

#[tokio::test]
async fn a_trigger_starts_one_run_with_its_first_jobs_however_often_it_is_worked() {
    let db = TestDatabase::new().await;
    let run = start(&db.pool, 12).await;
    let first = [row("plan", "ready", false), row("report", "gated", false), row("deadline", "scheduled", false)];
    assert_eq!(rows(&db.pool, run).await, first);
    assert_eq!(created(&db.pool, &new_run(12)).await, Created::Before(run));
    assert_eq!(rows(&db.pool, run).await, first);
    let loaded = stored(&db.pool, run).await;
    assert_eq!((loaded.run.state, loaded.run.seq, loaded.revision), (State::Queued, 1, 0));
    assert_eq!((loaded.issue, loaded.requester_id), (IssueNumber(12), UserId(41)));
    assert_eq!(loaded.repository_name.to_string(), "octo-org/parser-70");
    assert_eq!(count(&db.pool, "run_output").await, 1);
}

#[tokio::test]
async fn one_trigger_at_the_same_time_starts_one_run() {
    let db = TestDatabase::new().await;
    let mut starting = JoinSet::new();
    for _ in 0..8 {
        let pool = db.pool.clone();
        starting.spawn(async move { created(&pool, &new_run(12)).await });
    }
    let mut created = starting.join_all().await;
    created.sort_by_key(|created| matches!(created, Created::Before(_)));
    let Created::New(run) = created[0] else { panic!("{created:?}") };
    assert!(created[1..].iter().all(|other| *other == Created::Before(run)), "{created:?}");
    assert_eq!(count(&db.pool, "job").await, 3);
}

#[tokio::test]
async fn an_issue_has_one_open_run_and_another_after_it_has_ended() {
    let db = TestDatabase::new().await;
    let first = start(&db.pool, 12).await;
    let again = NewRun { trigger_key: "comment:13:0".into(), ..new_run(12) };
    assert_eq!(created(&db.pool, &again).await, Created::OpenRun(first));
    let elsewhere = NewRun { repository: RepositoryId(71), trigger_key: "comment:14:0".into(), ..new_run(12) };
    assert!(matches!(created(&db.pool, &elsewhere).await, Created::New(_)), "another repository's issue 12");
    assert_eq!(apply(&db.pool, first, human(Order::Cancel)).await, State::Cancelled);
    let Created::New(second) = created(&db.pool, &again).await else { panic!("the first has ended") };
    assert_eq!(created(&db.pool, &new_run(12)).await, Created::Before(first), "its trigger is remembered");

    assert_eq!(signal(&db.pool, first, human(Order::Retry)).await, Signalled::AnotherRunIsOpen);
    assert_eq!(stored(&db.pool, first).await.run.state, State::Cancelled);
    apply(&db.pool, second, human(Order::Cancel)).await;
    assert_eq!(apply(&db.pool, first, human(Order::Retry)).await, State::Queued);
    let mut connection = db.pool.acquire().await.unwrap();
    let latest = store::latest_of(&mut connection, REPOSITORY, IssueNumber(12)).await.unwrap();
    assert_eq!(latest, Some(second), "the newest, though an older one is open");
}

#[tokio::test]
async fn what_does_not_exist_is_unknown() {
    let db = TestDatabase::new().await;
    assert_eq!(signal(&db.pool, RunId(404), Signal::Deadline { seq: 1 }).await, Signalled::Unknown);
    let mut connection = db.pool.acquire().await.unwrap();
    assert!(store::load(&mut connection, RunId(404)).await.unwrap().is_none());
    assert!(!store::is_waiting_for(&mut connection, RunId(404), 1).await.unwrap());
    let error = store::repository_name(&mut connection, RepositoryId(404)).await.unwrap_err();
    insta::assert_snapshot!(error, @"repository 404 is unknown");
    let error = results::briefing(&mut connection, RunId(404)).await.unwrap_err();
    insta::assert_snapshot!(error, @"run 404 has no briefing");
}

#[tokio::test]
async fn a_person_is_refused_once_per_issue_and_a_database_has_one_name() {
    let db = TestDatabase::new().await;
    start(&db.pool, 12).await;
    let mut connection = db.pool.acquire().await.unwrap();
    let mut told = Vec::new();
    for (issue, user) in [(12, 1), (12, 1), (12, 2), (13, 1), (13, 1)] {
        told.push(results::record_denial(&mut connection, REPOSITORY, IssueNumber(issue), UserId(user)).await.unwrap());
    }
    assert_eq!(told, [true, false, true, true, false]);
    let name = store::instance(&mut connection).await.unwrap();
    assert!(name.len() == 8 && name.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}");
    assert_eq!(store::instance(&mut connection).await.unwrap(), name);
}
