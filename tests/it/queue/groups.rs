//! Groups have one job at a time, and never starve.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use sqlx::PgPool;
use tokio::task::JoinSet;
use wiz::{
    ids::JobId,
    queue::{JobStanding, NewJob, WorkerSettings, admit, register, remove_idle_slots},
};
use wiz_demo::until;

use super::stage::{Ending, Stage, add, claim, complete, job, pass_time, settings, standing};
use crate::support::database::TestDatabase;

fn grouped(group: &str) -> NewJob {
    NewJob { group_key: Some(group.into()), ..job() }
}

#[tokio::test]
async fn racing_claimers_never_run_two_of_a_group_while_idle_slots_are_removed() {
    let db = TestDatabase::new().await;
    for n in 0..60 {
        add(&db.pool, &NewJob { tenant: n % 3, ..grouped(if n % 2 == 0 { "one" } else { "two" }) }).await;
    }
    let running = [Arc::new(AtomicI64::new(0)), Arc::new(AtomicI64::new(0))];
    let most = [Arc::new(AtomicI64::new(0)), Arc::new(AtomicI64::new(0))];
    let finished = Arc::new(AtomicI64::new(0));
    let mut claimers = JoinSet::new();
    for _ in 0..10 {
        let (pool, running, most, finished) = (db.pool.clone(), running.clone(), most.clone(), Arc::clone(&finished));
        claimers.spawn(async move {
            let worker = register(&pool, &WorkerSettings::new(1)).await.unwrap();
            while finished.load(Ordering::SeqCst) < 60 {
                remove_idle_slots(&pool).await.unwrap();
                admit(&pool).await.unwrap();
                for (job, lease) in claim(&pool, worker, 3, i64::MIN).await.unwrap() {
                    let group = usize::from(job.group_key.as_deref() == Some("two"));
                    let now = running[group].fetch_add(1, Ordering::SeqCst) + 1;
                    most[group].fetch_max(now, Ordering::SeqCst);
                    // Counted down before the finish: a slot that is free is not counted as used.
                    running[group].fetch_sub(1, Ordering::SeqCst);
                    complete(&pool, &lease).await.unwrap();
                    finished.fetch_add(1, Ordering::SeqCst);
                }
                let over: i64 = sqlx::query_scalar(
                    "select count(*) from (
                        select group_key, count(*) as live from job where state in ('ready', 'running')
                        group by group_key
                    ) as groups where live > 1",
                )
                .fetch_one(&pool)
                .await
                .unwrap();
                assert_eq!(over, 0);
            }
        });
    }
    claimers.join_all().await;
    assert_eq!(most.map(|most| most.load(Ordering::SeqCst)), [1, 1]);
    let taken: i64 = sqlx::query_scalar("select count(*) from group_slot where job_id is not null")
        .fetch_one(&db.pool)
        .await
        .unwrap();
    assert_eq!(taken, 0, "no slot leaks");
}

#[tokio::test]
async fn a_job_that_waits_to_retry_lets_the_next_of_its_group_in() {
    let db = TestDatabase::new().await;
    let (first, second) = (add(&db.pool, &grouped("g")).await, add(&db.pool, &grouped("g")).await);
    let mut stage = Stage::open(&db.pool, settings());
    let attempt = stage.attempt().await;
    assert_eq!(attempt.job.id, first);
    assert_eq!(standing(&db.pool, second).await, JobStanding::Gated);
    attempt.end(Ending::Retry(None));
    let attempt = stage.attempt().await;
    assert_eq!(attempt.job.id, second);
    pass_time(&db.pool).await;
    stage.until(first, JobStanding::Gated).await;
    attempt.end(Ending::Complete);
    let attempt = stage.attempt().await;
    assert_eq!(attempt.job.id, first);
    attempt.end(Ending::Complete);
    stage.until(first, JobStanding::Succeeded).await;
    stage.close().await;
}

#[tokio::test]
async fn a_full_group_does_not_keep_others_waiting() {
    let db = TestDatabase::new().await;
    for _ in 0..50 {
        add(&db.pool, &NewJob { priority: -5, ..grouped("full") }).await;
    }
    let free = add(&db.pool, &job()).await;
    admit(&db.pool).await.unwrap();
    let worker = register(&db.pool, &WorkerSettings::new(1)).await.unwrap();
    let claimed: Vec<JobId> = claim(&db.pool, worker, 10, 0).await.unwrap().iter().map(|(job, _)| job.id).collect();
    assert_eq!(claimed.len(), 2, "one of the group and the free one");
    assert!(claimed.contains(&free));
}

/// The groups that have a slot.
async fn slots(pool: &PgPool) -> Vec<String> {
    sqlx::query_scalar("select group_key from group_slot order by group_key, slot_no").fetch_all(pool).await.unwrap()
}

#[tokio::test]
async fn slots_of_groups_without_jobs_are_removed() {
    let db = TestDatabase::new().await;
    for group in ["gone", "gated", "gated"] {
        add(&db.pool, &grouped(group)).await;
    }
    assert_eq!(admit(&db.pool).await.unwrap(), 2);
    assert_eq!(remove_idle_slots(&db.pool).await.unwrap(), 0, "each has a job");
    let worker = register(&db.pool, &WorkerSettings::new(1)).await.unwrap();
    for (_, lease) in claim(&db.pool, worker, 2, 0).await.unwrap() {
        complete(&db.pool, &lease).await.unwrap();
    }
    let mut admission = db.pool.begin().await.unwrap();
    sqlx::query("select from group_slot where group_key = 'gone' for update").execute(&mut *admission).await.unwrap();
    assert_eq!(remove_idle_slots(&db.pool).await.unwrap(), 0, "somebody is about to give it away");
    admission.rollback().await.unwrap();
    // A worker removes it without being told.
    let mut stage = Stage::open(&db.pool, settings());
    let attempt = stage.attempt().await;
    until("the idle group is gone", Duration::from_secs(120), async || {
        Ok((slots(&db.pool).await == ["gated"]).then_some(()))
    })
    .await
    .unwrap();
    attempt.end(Ending::Complete);
    let again = add(&db.pool, &grouped("gone")).await;
    let attempt = stage.attempt().await;
    assert_eq!(attempt.job.id, again, "it has a slot again");
    attempt.end(Ending::Complete);
    stage.until(again, JobStanding::Succeeded).await;
    stage.close().await;
}
