//! Jobs that wait for their time or for other jobs.

use std::time::Duration;

use wiz::queue::{JobStanding, NewJob, WorkerSettings, enqueue, promote_due, register};

use super::stage::{Ending, Stage, Told, add, claim, complete, job, pass_time, settings, standing, until};
use crate::support::database::TestDatabase;

#[tokio::test]
async fn a_job_is_not_claimed_before_its_time() {
    let db = TestDatabase::new().await;
    let id = add(&db.pool, &NewJob { run_after: Duration::from_secs(3600), ..job() }).await;
    let worker = register(&db.pool, &WorkerSettings::new(1)).await.unwrap();
    assert_eq!(promote_due(&db.pool).await.unwrap(), 0);
    assert!(claim(&db.pool, worker, 1, 0).await.unwrap().is_empty());
    pass_time(&db.pool).await;
    assert_eq!(promote_due(&db.pool).await.unwrap(), 1);
    assert_eq!(claim(&db.pool, worker, 1, 0).await.unwrap()[0].0.id, id);
}

#[tokio::test]
async fn a_child_waits_for_all_its_parents_even_if_they_finish_together() {
    let db = TestDatabase::new().await;
    for _ in 0..10 {
        let mut parents = Vec::new();
        for _ in 0..6 {
            parents.push(add(&db.pool, &job()).await);
        }
        let child = add(&db.pool, &NewJob { depends_on: parents.clone(), ..job() }).await;
        let worker = register(&db.pool, &WorkerSettings::new(1)).await.unwrap();
        let claimed = claim(&db.pool, worker, 10, 0).await.unwrap();
        assert_eq!(claimed.len(), 6, "the child is blocked");
        let mut finishing = tokio::task::JoinSet::new();
        for (_, lease) in claimed {
            let pool = db.pool.clone();
            finishing.spawn(async move { complete(&pool, &lease).await.unwrap() });
        }
        finishing.join_all().await;
        let (last, lease) = claim(&db.pool, worker, 10, 0).await.unwrap().remove(0);
        assert_eq!(last.id, child);
        complete(&db.pool, &lease).await.unwrap();
    }
}

#[tokio::test]
async fn a_parent_that_finishes_while_a_child_is_added_releases_it() {
    let db = TestDatabase::new().await;
    let worker = register(&db.pool, &WorkerSettings::new(1)).await.unwrap();
    for _ in 0..20 {
        let parent = add(&db.pool, &job()).await;
        let (_, lease) = claim(&db.pool, worker, 1, 0).await.unwrap().remove(0);
        let child = NewJob { depends_on: vec![parent], ..job() };
        let (child, ()) = tokio::join!(add(&db.pool, &child), async { complete(&db.pool, &lease).await.unwrap() });
        assert_eq!(standing(&db.pool, child).await, JobStanding::Ready);
        let (_, lease) = claim(&db.pool, worker, 1, 0).await.unwrap().remove(0);
        complete(&db.pool, &lease).await.unwrap();
    }
}

#[tokio::test]
async fn all_that_depend_on_a_dead_job_are_cancelled_and_others_are_not() {
    let db = TestDatabase::new().await;
    let mut stage = Stage::open(&db.pool, settings());
    let (good, bad) = (add(&db.pool, &job()).await, add(&db.pool, &job()).await);
    let mut attempts = [stage.attempt().await, stage.attempt().await];
    attempts.sort_by_key(|attempt| attempt.job.id);
    let child = add(&db.pool, &NewJob { depends_on: vec![good, bad], ..job() }).await;
    let grandchild = add(&db.pool, &NewJob { depends_on: vec![child, good], ..job() }).await;
    let spared = add(&db.pool, &NewJob { depends_on: vec![good], ..job() }).await;
    let [first, second] = attempts;
    second.end(Ending::Fatal);
    assert_eq!(stage.told().await, Told::Dead(bad, "never".into()), "and nothing about the children");
    let report = until(&db.pool, child, JobStanding::Cancelled).await;
    assert_eq!(report.error, Some(format!("job {bad}, which it depends on, did not succeed")));
    until(&db.pool, grandchild, JobStanding::Cancelled).await;
    assert_eq!(standing(&db.pool, spared).await, JobStanding::Blocked);
    first.end(Ending::Complete);
    let last = stage.attempt().await;
    assert_eq!(last.job.id, spared);
    last.end(Ending::Complete);
    stage.until(spared, JobStanding::Succeeded).await;
    stage.close().await;
    let deps: i64 = sqlx::query_scalar("select count(*) from job_dep").fetch_one(&db.pool).await.unwrap();
    assert_eq!(deps, 0);
}

#[tokio::test]
async fn depending_on_a_finished_job_is_met_or_refused() {
    let db = TestDatabase::new().await;
    let worker = register(&db.pool, &WorkerSettings::new(1)).await.unwrap();
    let parent = add(&db.pool, &job()).await;
    let (_, lease) = claim(&db.pool, worker, 1, 0).await.unwrap().remove(0);
    complete(&db.pool, &lease).await.unwrap();
    let met = add(&db.pool, &NewJob { depends_on: vec![parent], ..job() }).await;
    assert_eq!(standing(&db.pool, met).await, JobStanding::Ready);
    sqlx::query("update job_history set outcome = 'dead', error = 'x'").execute(&db.pool).await.unwrap();
    let mut connection = db.pool.acquire().await.unwrap();
    let refused = enqueue(&mut connection, &NewJob { depends_on: vec![parent], ..job() }).await.unwrap_err();
    assert_eq!(refused.to_string(), format!("cannot depend on job {parent}: it has died, was cancelled or never was"));
}
