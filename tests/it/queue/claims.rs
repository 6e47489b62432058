//! Who gets which job, and that nobody else can finish it.

use std::collections::HashMap;

use tokio::task::JoinSet;
use wiz::{
    ids::JobId,
    queue::{Claim, Enqueued, JobFailure, JobStanding, NewJob, WorkerSettings, register},
};

use super::stage::{add, add_if_new, claim, complete, job, standing};
use crate::support::database::TestDatabase;

#[tokio::test]
async fn many_claimers_never_get_the_same_job_and_none_is_left() {
    const JOBS: i64 = 400;
    let db = TestDatabase::new().await;
    for n in 0..JOBS {
        add(&db.pool, &NewJob { tenant: n % 7, ..job() }).await;
    }
    let mut claimers = JoinSet::new();
    for claimer in 0..12_i64 {
        let pool = db.pool.clone();
        claimers.spawn(async move {
            let worker = register(&pool, &WorkerSettings::new(1)).await.unwrap();
            let mut mine = Vec::new();
            loop {
                let claimed = claim(&pool, worker, 1 + claimer % 5, claimer).await.unwrap();
                if claimed.is_empty() {
                    return mine;
                }
                for (job, lease) in claimed {
                    complete(&pool, &lease).await.unwrap();
                    mine.push(job.id);
                }
            }
        });
    }
    let mut times: HashMap<JobId, usize> = HashMap::new();
    for id in claimers.join_all().await.into_iter().flatten() {
        *times.entry(id).or_default() += 1;
    }
    // A claimer that finds the last rows locked by others may stop early; then those others have them.
    assert_eq!(times.len(), usize::try_from(JOBS).unwrap());
    assert!(times.values().all(|times| *times == 1));
    let succeeded: i64 =
        sqlx::query_scalar("select count(*) from job_history where outcome = 'succeeded' and attempt = 1")
            .fetch_one(&db.pool)
            .await
            .unwrap();
    assert_eq!(succeeded, JOBS);
}

#[tokio::test]
async fn a_claim_goes_round_the_tenants_and_by_priority_and_age_within() {
    let db = TestDatabase::new().await;
    let mut ids = Vec::new();
    for (tenant, priority) in [(1, 0), (1, 0), (1, -1), (2, 0), (3, 5)] {
        ids.push(add(&db.pool, &NewJob { tenant, priority, ..job() }).await);
    }
    let worker = register(&db.pool, &WorkerSettings::new(1)).await.unwrap();
    let mut order = Vec::new();
    let mut tenant = 1;
    loop {
        let claimed = claim(&db.pool, worker, 1, tenant).await.unwrap();
        let Some((job, _lease)) = claimed.into_iter().next() else { break };
        tenant = job.tenant;
        order.push(job.id);
    }
    assert_eq!(order, [ids[3], ids[4], ids[2], ids[0], ids[1]]);
}

#[tokio::test]
async fn every_tenant_has_its_turn_however_many_there_are() {
    let db = TestDatabase::new().await;
    for tenant in 0..150 {
        for _ in 0..2 {
            add(&db.pool, &NewJob { tenant, ..job() }).await;
        }
    }
    let worker = register(&db.pool, &WorkerSettings::new(1)).await.unwrap();
    let (mut served, mut last) = (Vec::new(), 70);
    for _ in 0..15 {
        for (job, _lease) in claim(&db.pool, worker, 10, last).await.unwrap() {
            served.push(job.tenant);
            last = job.tenant;
        }
    }
    assert_eq!(served, (71..150).chain(0..71).collect::<Vec<i64>>());
}

#[tokio::test]
async fn a_big_claim_is_shared_among_the_tenants() {
    let db = TestDatabase::new().await;
    for tenant in [1, 1, 1, 1, 1, 1, 2, 2, 3] {
        add(&db.pool, &NewJob { tenant, ..job() }).await;
    }
    let worker = register(&db.pool, &WorkerSettings::new(1)).await.unwrap();
    let mut tenants: Vec<i64> =
        claim(&db.pool, worker, 6, i64::MIN).await.unwrap().iter().map(|(job, _)| job.tenant).collect();
    tenants.sort_unstable();
    assert_eq!(tenants, [1, 1, 2, 2, 3]);
}

#[tokio::test]
async fn a_stale_lease_finishes_nothing() {
    let db = TestDatabase::new().await;
    let id = add(&db.pool, &job()).await;
    let (slow, quick) = (
        register(&db.pool, &WorkerSettings::new(1)).await.unwrap(),
        register(&db.pool, &WorkerSettings::new(1)).await.unwrap(),
    );
    let (_, stale) = claim(&db.pool, slow, 1, 0).await.unwrap().remove(0);
    // As a rescue does.
    sqlx::query("update job set state = 'ready', worker_id = null").execute(&db.pool).await.unwrap();
    assert!(matches!(complete(&db.pool, &stale).await, Err(JobFailure::LeaseLost(_))), "it waits for another claim");
    let (_, fresh) = claim(&db.pool, quick, 1, 0).await.unwrap().remove(0);
    assert!(fresh.run_seq() > stale.run_seq());
    assert!(matches!(complete(&db.pool, &stale).await, Err(JobFailure::LeaseLost(_))), "another claim has it");
    assert_eq!(standing(&db.pool, id).await, JobStanding::Running);
    complete(&db.pool, &fresh).await.unwrap();
    assert!(matches!(complete(&db.pool, &fresh).await, Err(JobFailure::LeaseLost(_))), "finished once");
    assert_eq!(standing(&db.pool, id).await, JobStanding::Succeeded);
}

#[tokio::test]
async fn a_rolled_back_completion_leaves_the_job_running() {
    let db = TestDatabase::new().await;
    let id = add(&db.pool, &job()).await;
    let worker = register(&db.pool, &WorkerSettings::new(1)).await.unwrap();
    let (_, lease) = claim(&db.pool, worker, 1, 0).await.unwrap().remove(0);
    let mut transaction = db.pool.begin().await.unwrap();
    let _completed = lease.complete(&mut transaction).await.unwrap();
    transaction.rollback().await.unwrap();
    assert_eq!(standing(&db.pool, id).await, JobStanding::Running);
    complete(&db.pool, &lease).await.unwrap();
}

#[tokio::test]
async fn only_one_live_job_has_a_dedupe_key() {
    let db = TestDatabase::new().await;
    let keyed = NewJob { dedupe_key: Some("report:1".into()), ..job() };
    let mut enqueuers = JoinSet::new();
    for _ in 0..8 {
        let (pool, keyed) = (db.pool.clone(), keyed.clone());
        enqueuers.spawn(async move { add_if_new(&pool, &keyed).await });
    }
    let created = enqueuers.join_all().await.into_iter().filter(|made| matches!(made, Enqueued::Created(_))).count();
    assert_eq!(created, 1);
    assert!(matches!(add_if_new(&db.pool, &NewJob { tenant: 2, ..keyed.clone() }).await, Enqueued::Created(_)));
    let worker = register(&db.pool, &WorkerSettings::new(1)).await.unwrap();
    let claimed = claim(&db.pool, worker, 10, 0).await.unwrap();
    assert_eq!(add_if_new(&db.pool, &keyed).await, Enqueued::Duplicate, "a running job is live");
    for (_, lease) in claimed {
        complete(&db.pool, &lease).await.unwrap();
    }
    assert!(matches!(add_if_new(&db.pool, &keyed).await, Enqueued::Created(_)), "a finished job freed its key");
}

#[tokio::test]
async fn a_worker_that_does_not_beat_gets_nothing() {
    let db = TestDatabase::new().await;
    let id = add(&db.pool, &job()).await;
    let worker = register(&db.pool, &WorkerSettings::new(1)).await.unwrap();
    let age = async |seconds: i32| {
        sqlx::query("update worker set seen_at = now() - make_interval(secs => $1)")
            .bind(f64::from(seconds))
            .execute(&db.pool)
            .await
            .unwrap();
    };
    age(36).await;
    assert!(claim(&db.pool, worker, 1, 0).await.unwrap().is_empty());
    assert_eq!(standing(&db.pool, id).await, JobStanding::Ready);
    age(20).await;
    assert_eq!(claim(&db.pool, worker, 1, 0).await.unwrap()[0].0.id, id);
    add(&db.pool, &job()).await;
    sqlx::query("update job set worker_id = null, state = 'ready'").execute(&db.pool).await.unwrap();
    sqlx::query("delete from worker").execute(&db.pool).await.unwrap();
    assert!(claim(&db.pool, worker, 1, 0).await.unwrap().is_empty(), "it was cleared away");
}

#[tokio::test]
async fn a_claim_up_to_a_priority_leaves_the_rest_however_many_tenants_have_some() {
    let db = TestDatabase::new().await;
    for tenant in 0..100 {
        add(&db.pool, &NewJob { tenant, priority: 3, ..job() }).await;
    }
    let urgent = add(&db.pool, &NewJob { tenant: 50, priority: 2, ..job() }).await;
    let first = add(&db.pool, &NewJob { tenant: 99, priority: -5, ..job() }).await;
    let worker = register(&db.pool, &WorkerSettings::new(1)).await.unwrap();
    let wanted = Claim { limit: 10, after_tenant: 60, priority_up_to: 2, silence: std::time::Duration::from_secs(35) };
    let claimed = wiz::queue::claim(&db.pool, worker, wanted).await.unwrap();
    let ids: Vec<JobId> = claimed.iter().map(|(job, _)| job.id).collect();
    assert_eq!(ids, [first, urgent]);
    assert!(wiz::queue::claim(&db.pool, worker, wanted).await.unwrap().is_empty());
    assert_eq!(claim(&db.pool, worker, 100, 0).await.unwrap().len(), 64, "one of each tenant that had its turn");
}
