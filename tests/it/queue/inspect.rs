//! What people can see and do.

use std::time::Duration;

use wiz::{
    ids::{JobId, RunId},
    queue::{JobFilter, JobStanding, NewJob, Redriven, WorkerSettings, list, register, retry, show},
};

use super::stage::{Ending, Stage, Told, add, claim, job, settings, standing};
use crate::support::database::TestDatabase;

#[tokio::test]
async fn a_dead_job_is_driven_again_under_its_old_number_and_fence() {
    let db = TestDatabase::new().await;
    let id = add(&db.pool, &NewJob { dedupe_key: Some("key".into()), ..job() }).await;
    let mut stage = Stage::open(&db.pool, settings());
    let attempt = stage.attempt().await;
    let old_seq = attempt.job.run_seq;
    attempt.end(Ending::Fatal);
    assert!(matches!(stage.told().await, Told::Dead(..)));
    stage.until(id, JobStanding::Dead).await;
    assert_eq!(retry(&db.pool, id).await.unwrap(), Redriven::Revived);
    let attempt = stage.attempt().await;
    assert_eq!((attempt.job.id, attempt.job.attempt), (id, 1));
    assert!(attempt.job.run_seq > old_seq);
    attempt.end(Ending::Complete);
    stage.until(id, JobStanding::Succeeded).await;
    assert_eq!(retry(&db.pool, id).await.unwrap(), Redriven::Refused("it has succeeded"));
    stage.close().await;
}

#[tokio::test]
async fn only_what_can_run_again_is_driven_again() {
    let db = TestDatabase::new().await;
    let unknown = Redriven::Refused("no finished or scheduled job has this number");
    assert_eq!(retry(&db.pool, JobId(404)).await.unwrap(), unknown);
    let later = add(&db.pool, &NewJob { run_after: Duration::from_secs(3600), ..job() }).await;
    assert_eq!(retry(&db.pool, later).await.unwrap(), Redriven::Hurried);
    let keyed = NewJob { dedupe_key: Some("key".into()), ..job() };
    let dead = add(&db.pool, &keyed).await;
    let mut stage = Stage::open(&db.pool, settings());
    let mut attempts = [stage.attempt().await, stage.attempt().await];
    attempts.sort_by_key(|attempt| attempt.job.id);
    let [first, second] = attempts;
    first.end(Ending::Complete);
    second.end(Ending::Fatal);
    assert!(matches!(stage.told().await, Told::Dead(..)));
    stage.until(later, JobStanding::Succeeded).await;
    stage.close().await;
    add(&db.pool, &keyed).await;
    let taken = Redriven::Refused("a live job has the same dedupe key");
    assert_eq!(retry(&db.pool, dead).await.unwrap(), taken);
    assert_eq!(standing(&db.pool, dead).await, JobStanding::Dead);
}

#[tokio::test]
async fn the_list_shows_live_and_finished_jobs_and_filters() {
    let db = TestDatabase::new().await;
    let worker = register(&db.pool, &WorkerSettings::new(1)).await.unwrap();
    let done = add(&db.pool, &NewJob { run: Some(RunId(3)), ..job() }).await;
    let (_, lease) = claim(&db.pool, worker, 1, 0).await.unwrap().remove(0);
    super::stage::complete(&db.pool, &lease).await.unwrap();
    let ready = add(&db.pool, &NewJob { run: Some(RunId(3)), ..job() }).await;
    let later = add(&db.pool, &NewJob { run_after: Duration::from_secs(60), ..job() }).await;
    let ids = async |filter: JobFilter| -> Vec<JobId> {
        list(&db.pool, &filter).await.unwrap().iter().map(|report| report.id).collect()
    };
    assert_eq!(ids(JobFilter::default()).await, [later, ready, done]);
    assert_eq!(ids(JobFilter { limit: 2, ..JobFilter::default() }).await, [later, ready]);
    assert_eq!(ids(JobFilter { run: Some(RunId(3)), ..JobFilter::default() }).await, [ready, done]);
    for (standing, id) in [(JobStanding::Succeeded, done), (JobStanding::Ready, ready), (JobStanding::Scheduled, later)]
    {
        assert_eq!(ids(JobFilter { standing: Some(standing), ..JobFilter::default() }).await, [id]);
    }
    assert_eq!(show(&db.pool, JobId(404)).await.unwrap().map(|report| report.id), None);
    assert_eq!("dead".parse(), Ok(JobStanding::Dead));
    assert!("zombie".parse::<JobStanding>().is_err());
}
