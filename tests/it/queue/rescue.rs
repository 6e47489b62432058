//! What happens when workers fall silent.

use std::time::{Duration, Instant};

use sqlx::PgPool;
use tokio::{
    runtime::{Builder, Runtime},
    task::JoinHandle,
};
use wiz::queue::{Interruption, JobFailure, JobStanding, NewJob, WorkerSettings, expire_workers, register};

use super::stage::{Ending, Stage, Told, add, claim, complete, job, settings, silence_workers, standing};
use crate::support::database::TestDatabase;

#[tokio::test]
async fn a_silent_workers_job_runs_again_and_its_late_finish_is_refused() {
    let db = TestDatabase::new().await;
    let id = add(&db.pool, &job()).await;
    let dead = register(&db.pool, &WorkerSettings::new(1)).await.unwrap();
    let (_, late) = claim(&db.pool, dead, 1, 0).await.unwrap().remove(0);
    silence_workers(&db.pool).await;
    let mut stage = Stage::open(&db.pool, settings());
    let attempt = stage.attempt().await;
    assert_eq!((attempt.job.id, attempt.job.attempt, attempt.job.crash_count), (id, 2, 1));
    assert!(matches!(complete(&db.pool, &late).await, Err(JobFailure::LeaseLost(_))));
    attempt.end(Ending::Complete);
    stage.until(id, JobStanding::Succeeded).await;
    stage.close().await;
    let workers: i64 = sqlx::query_scalar("select count(*) from worker").fetch_one(&db.pool).await.unwrap();
    assert_eq!(workers, 0, "the silent one was cleared away");
}

#[tokio::test]
async fn the_jobs_of_a_worker_that_beats_are_left_alone() {
    let db = TestDatabase::new().await;
    let alive = register(&db.pool, &WorkerSettings::new(1)).await.unwrap();
    let kept = add(&db.pool, &job()).await;
    claim(&db.pool, alive, 1, 0).await.unwrap();
    let mut stage = Stage::open(&db.pool, settings());
    // Once another silent worker's job was rescued, this one was looked at as well.
    let silent = register(&db.pool, &WorkerSettings::new(1)).await.unwrap();
    let lost = add(&db.pool, &NewJob { tenant: 1, ..job() }).await;
    let attempt = stage.attempt().await;
    assert_eq!(attempt.job.id, lost);
    sqlx::query("update job set worker_id = $1 where id = $2").bind(silent).bind(lost).execute(&db.pool).await.unwrap();
    sqlx::query("update worker set seen_at = '-infinity' where id = $1").bind(silent).execute(&db.pool).await.unwrap();
    let again = stage.attempt().await;
    assert_eq!(again.job.id, lost);
    assert_eq!(standing(&db.pool, kept).await, JobStanding::Running);
    attempt.end(Ending::Complete);
    again.end(Ending::Complete);
    stage.until(lost, JobStanding::Succeeded).await;
    stage.close().await;
}

#[tokio::test]
async fn a_worker_whose_job_was_taken_interrupts_it() {
    let db = TestDatabase::new().await;
    let id = add(&db.pool, &job()).await;
    let mut stage = Stage::open(&db.pool, settings());
    stage.attempt().await.end(Ending::UntilInterrupted);
    let other = register(&db.pool, &WorkerSettings::new(1)).await.unwrap();
    sqlx::query("update job set worker_id = $1, run_seq = run_seq + 1").bind(other).execute(&db.pool).await.unwrap();
    assert_eq!(stage.told().await, Told::Interrupted(id, Some(Interruption::Lost)));
    stage.close().await;
    assert_eq!(standing(&db.pool, id).await, JobStanding::Running, "the other one has it still");
}

#[tokio::test]
async fn a_worker_that_cannot_renew_interrupts_its_jobs_before_others_may_take_them() {
    let db = TestDatabase::new().await;
    let id = add(&db.pool, &job()).await;
    let quick = wiz::queue::WorkerSettings { expiry: std::time::Duration::from_secs(6), ..settings() };
    let mut stage = Stage::open(&db.pool, quick);
    stage.attempt().await.end(Ending::UntilInterrupted);
    // Holds every heartbeat up.
    let mut transaction = db.pool.begin().await.unwrap();
    sqlx::query("lock table worker in exclusive mode").execute(&mut *transaction).await.unwrap();
    assert_eq!(stage.told().await, Told::Interrupted(id, Some(Interruption::Lost)));
    transaction.rollback().await.unwrap();
    // It beats again, the database still has the job as its own, and nothing here works on it: it is freed.
    let again = stage.attempt().await;
    assert_eq!((again.job.id, again.job.attempt), (id, 2));
    again.end(Ending::Complete);
    stage.until(id, JobStanding::Succeeded).await;
    stage.close().await;
}

#[tokio::test]
async fn a_job_that_takes_three_processes_with_it_dies() {
    let db = TestDatabase::new().await;
    let id = add(&db.pool, &job()).await;
    sqlx::query("update job set crash_count = 2").execute(&db.pool).await.unwrap();
    let worker = register(&db.pool, &WorkerSettings::new(1)).await.unwrap();
    claim(&db.pool, worker, 1, 0).await.unwrap();
    assert_eq!(expire_workers(&db.pool).await.unwrap(), 1);
    let mut stage = Stage::open(&db.pool, settings());
    let Told::Dead(dead, error) = stage.told().await else { panic!("not told of the death") };
    assert_eq!(dead, id);
    insta::assert_snapshot!(error, @"the process that ran it was lost, 3 time(s), in attempt 1");
    stage.until(id, JobStanding::Dead).await;
    stage.close().await;
}

#[tokio::test]
async fn a_crash_in_the_last_attempt_is_a_death() {
    let db = TestDatabase::new().await;
    let id = add(&db.pool, &NewJob { max_attempts: 1, ..job() }).await;
    let worker = register(&db.pool, &WorkerSettings::new(1)).await.unwrap();
    claim(&db.pool, worker, 1, 0).await.unwrap();
    silence_workers(&db.pool).await;
    let mut stage = Stage::open(&db.pool, settings());
    assert!(matches!(stage.told().await, Told::Dead(dead, _) if dead == id));
    stage.close().await;
}

/// A process with a worker: a runtime and a pool of its own, which end together and without a word.
fn process(db: &TestDatabase, settings: WorkerSettings) -> (Runtime, JoinHandle<Stage>) {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let url = db.url.clone();
    let worker = runtime.spawn(async move { Stage::open(&PgPool::connect(&url).await.unwrap(), settings) });
    (runtime, worker)
}

#[tokio::test]
async fn when_a_process_is_gone_another_works_its_job_once_the_leases_have_run_out() {
    let db = TestDatabase::new().await;
    let id = add(&db.pool, &job()).await;
    let quick = WorkerSettings { expiry: Duration::from_secs(15), ..settings() };
    let (gone, first) = process(&db, quick.clone());
    let mut first = first.await.unwrap();
    first.attempt().await.end(Ending::Never);
    let mut second = Stage::open(&db.pool, quick.clone());
    // The second works, and leaves the first one's job alone as long as that beats.
    let other = add(&db.pool, &job()).await;
    let attempt = tokio::select! { attempt = first.attempt() => attempt, attempt = second.attempt() => attempt };
    assert_eq!(attempt.job.id, other);
    attempt.end(Ending::Complete);
    second.until(other, JobStanding::Succeeded).await;
    assert_eq!(standing(&db.pool, id).await, JobStanding::Running);

    gone.shutdown_background();
    let killed = Instant::now();
    let again = second.attempt().await;
    assert_eq!((again.job.id, again.job.attempt, again.job.crash_count), (id, 2, 1));
    let silence = killed.elapsed();
    // Half of it is left for a heartbeat that came late before the end.
    assert!(silence > quick.expiry / 2, "rescued before the leases had run out: {silence:?}");
    again.end(Ending::Complete);
    second.until(id, JobStanding::Succeeded).await;
    second.close().await;
}
