//! How attempts end: success, retries, death, panics, cancellation, shutdown.

use std::time::Duration;

use wiz::{
    ids::RunId,
    queue::{Interruption, JobStanding, NewJob, WorkerSettings, cancel, cancel_kinds, ring},
};

use super::stage::{Ending, Stage, Told, add, job, pass_time, settings, standing};
use crate::support::database::TestDatabase;

#[tokio::test]
async fn a_failed_job_waits_longer_each_time_and_then_succeeds() {
    let db = TestDatabase::new().await;
    let id = add(&db.pool, &job()).await;
    let mut stage = Stage::open(&db.pool, settings());
    for (attempt, step) in [(1, 2.0), (2, 4.0), (3, 8.0)] {
        let tried = stage.attempt().await;
        assert_eq!(tried.job.attempt, attempt);
        let before = chrono::Utc::now();
        tried.end(Ending::Retry(None));
        let report = stage.until(id, JobStanding::Scheduled).await;
        assert_eq!(report.error.as_deref(), Some("not yet"));
        let (longest, wait) = ((chrono::Utc::now() - before).as_seconds_f64(), (report.at - before).as_seconds_f64());
        assert!(wait >= step * 0.75 && wait <= step * 1.25 + longest, "attempt {attempt} waits {wait} s");
        pass_time(&db.pool).await;
    }
    stage.attempt().await.end(Ending::Complete);
    assert_eq!(stage.until(id, JobStanding::Succeeded).await.attempt, 4);
    stage.close().await;
}

#[tokio::test]
async fn a_wait_that_the_handler_names_is_kept() {
    let db = TestDatabase::new().await;
    let id = add(&db.pool, &job()).await;
    let mut stage = Stage::open(&db.pool, settings());
    stage.attempt().await.end(Ending::Retry(Some(Duration::from_secs(3600))));
    let report = stage.until(id, JobStanding::Scheduled).await;
    assert!((report.at - chrono::Utc::now()).num_minutes() >= 58);
    stage.close().await;
}

/// A limit of somebody else's is no failure of the job: however often it is met, no attempt is used up.
#[tokio::test]
async fn being_too_early_costs_no_attempt() {
    let db = TestDatabase::new().await;
    let id = add(&db.pool, &NewJob { max_attempts: 1, ..job() }).await;
    let mut stage = Stage::open(&db.pool, settings());
    for _ in 0..3 {
        let tried = stage.attempt().await;
        assert_eq!(tried.job.attempt, 1);
        tried.end(Ending::TooEarly(Duration::from_secs(3600)));
        let report = stage.until(id, JobStanding::Scheduled).await;
        assert!((report.at - chrono::Utc::now()).num_minutes() >= 58);
        assert_eq!(report.error.as_deref(), Some("a limit"));
        pass_time(&db.pool).await;
    }
    stage.attempt().await.end(Ending::Complete);
    stage.until(id, JobStanding::Succeeded).await;
    stage.close().await;
}

#[tokio::test]
async fn a_job_dies_with_its_last_attempt_or_a_fatal_failure_and_is_told_once() {
    let db = TestDatabase::new().await;
    let mut stage = Stage::open(&db.pool, settings());
    let tired = add(&db.pool, &NewJob { max_attempts: 2, ..job() }).await;
    stage.attempt().await.end(Ending::Retry(None));
    stage.until(tired, JobStanding::Scheduled).await;
    pass_time(&db.pool).await;
    stage.attempt().await.end(Ending::Retry(None));
    assert_eq!(stage.told().await, Told::Dead(tired, "not yet".into()));
    assert_eq!(stage.until(tired, JobStanding::Dead).await.error.as_deref(), Some("not yet"));
    let broken = add(&db.pool, &job()).await;
    stage.attempt().await.end(Ending::Fatal);
    assert_eq!(stage.told().await, Told::Dead(broken, "never".into()));
    assert_eq!(stage.until(broken, JobStanding::Dead).await.attempt, 1);
    stage.close().await;
}

#[tokio::test]
async fn a_panic_is_a_failed_attempt_and_the_worker_goes_on() {
    let db = TestDatabase::new().await;
    let id = add(&db.pool, &job()).await;
    let mut stage = Stage::open(&db.pool, settings());
    stage.attempt().await.end(Ending::Panic);
    let report = stage.until(id, JobStanding::Scheduled).await;
    assert_eq!(report.error.as_deref(), Some("panicked: boom"));
    pass_time(&db.pool).await;
    stage.attempt().await.end(Ending::Complete);
    stage.until(id, JobStanding::Succeeded).await;
    stage.close().await;
}

#[tokio::test]
async fn a_ring_wakes_a_worker_that_would_not_look_for_long() {
    let db = TestDatabase::new().await;
    let mut stage = Stage::open(&db.pool, WorkerSettings { poll: Duration::from_secs(3600), ..settings() });
    // The first look around and the subscription are over once a job was heard of by ringing.
    let heard = add(&db.pool, &job()).await;
    loop {
        ring(&db.pool).await.unwrap();
        if standing(&db.pool, heard).await == JobStanding::Running {
            break;
        }
    }
    stage.attempt().await.end(Ending::Complete);
    stage.until(heard, JobStanding::Succeeded).await;
    let next = add(&db.pool, &job()).await;
    ring(&db.pool).await.unwrap();
    stage.attempt().await.end(Ending::Complete);
    stage.until(next, JobStanding::Succeeded).await;
    stage.close().await;
}

#[tokio::test]
async fn a_cancelled_job_stops_whether_it_runs_or_waits() {
    let db = TestDatabase::new().await;
    let run = Some(RunId(12));
    let running = add(&db.pool, &NewJob { run, ..job() }).await;
    let mut stage = Stage::open(&db.pool, settings());
    let attempt = stage.attempt().await;
    let later = NewJob { kind: "later".into(), run_after: Duration::from_secs(3600), ..job() };
    let waiting = add(&db.pool, &NewJob { run, ..later.clone() }).await;
    let other = add(&db.pool, &later).await;
    let mut connection = db.pool.acquire().await.unwrap();
    assert_eq!(cancel_kinds(&mut connection, RunId(12), &["later", "never"]).await.unwrap(), 1);
    drop(connection);
    assert_eq!(stage.told().await, Told::Dead(waiting, "cancelled on request".into()));
    stage.until(waiting, JobStanding::Cancelled).await;
    attempt.end(Ending::UntilInterrupted);
    assert!(cancel(&db.pool, running).await.unwrap());
    assert_eq!(stage.told().await, Told::Interrupted(running, Some(Interruption::CancelRequested)));
    assert_eq!(stage.told().await, Told::Dead(running, "cancelled on request".into()));
    stage.until(running, JobStanding::Cancelled).await;
    assert!(!cancel(&db.pool, running).await.unwrap(), "it is finished");
    assert_eq!(standing(&db.pool, other).await, JobStanding::Scheduled);
    stage.close().await;
}

#[tokio::test]
async fn a_job_that_succeeds_in_spite_of_its_cancellation_has_succeeded() {
    let db = TestDatabase::new().await;
    let id = add(&db.pool, &job()).await;
    let mut stage = Stage::open(&db.pool, settings());
    let attempt = stage.attempt().await;
    assert!(cancel(&db.pool, id).await.unwrap());
    attempt.end(Ending::Complete);
    stage.until(id, JobStanding::Succeeded).await;
    stage.close().await;
}

#[tokio::test]
async fn shutdown_waits_for_jobs_and_gives_back_what_does_not_end() {
    let db = TestDatabase::new().await;
    let (willing, told, deaf) = (add(&db.pool, &job()).await, add(&db.pool, &job()).await, add(&db.pool, &job()).await);
    let mut stage = Stage::open(&db.pool, WorkerSettings { grace: Duration::from_secs(2), ..settings() });
    let mut attempts = [stage.attempt().await, stage.attempt().await, stage.attempt().await];
    attempts.sort_by_key(|attempt| attempt.job.id);
    let [first, second, third] = attempts;
    let unclaimed = add(&db.pool, &NewJob { run_after: Duration::from_secs(3600), ..job() }).await;
    second.end(Ending::UntilInterrupted);
    third.end(Ending::Never);
    stage.begin_close();
    pass_time(&db.pool).await;
    first.end(Ending::Complete);
    stage.until(willing, JobStanding::Succeeded).await;
    assert_eq!(stage.told().await, Told::Interrupted(told, Some(Interruption::Shutdown)));
    stage.close().await;
    for id in [told, deaf] {
        let report = wiz::queue::show(&db.pool, id).await.unwrap().unwrap();
        assert_eq!((report.standing, report.attempt, report.crash_count), (JobStanding::Ready, 0, 0));
    }
    assert_eq!(standing(&db.pool, unclaimed).await, JobStanding::Scheduled, "nothing is claimed any more");
    let workers: i64 = sqlx::query_scalar("select count(*) from worker").fetch_one(&db.pool).await.unwrap();
    assert_eq!(workers, 0);
}
