//! What is told from a run's past.

use sqlx::PgPool;
use wiz::{
    ids::{InstallationId, RunId},
    queue::{WorkerSettings, register},
    run::{
        signal::{Order, StageResult},
        state::State,
        store::{
            history::{self, StageMedian},
            line::{self, Waiting},
        },
    },
};

use super::{apply, human, report, seconds, start, stored, to_work};
use crate::support::database::TestDatabase;

/// Moves the run's signals to so many seconds after its creation.
async fn place(pool: &PgPool, run: RunId, offsets_s: &[f64]) {
    for (revision, offset) in (1..).zip(offsets_s) {
        sqlx::query(
            "update run_event set created_at = run.created_at + make_interval(secs => $3)
             from run where run.id = run_id and run_id = $1 and run_event.revision = $2",
        )
        .bind(run)
        .bind(revision)
        .bind(offset)
        .execute(pool)
        .await
        .unwrap();
    }
}

#[tokio::test]
async fn states_lasted_from_their_entry_to_their_end() {
    let db = TestDatabase::new().await;
    let run = start(&db.pool, 12).await;
    let mut connection = db.pool.acquire().await.unwrap();
    assert_eq!(history::timings(&mut connection, run).await.unwrap(), []);
    assert_eq!(history::approver(&mut connection, run).await.unwrap(), None);
    to_work(&db.pool, run).await;
    report(&db.pool, run, StageResult::StepDone { step: "fix".parse().unwrap() }).await;
    report(&db.pool, run, StageResult::Verified { feedback: Some("red".into()) }).await;
    place(&db.pool, run, &[2.0, 10.0, 100.0, 150.0, 151.5]).await;
    let expected = [
        (State::Queued, seconds(2)),
        (State::Planning, seconds(8)),
        (State::NeedsApproval, seconds(90)),
        (State::Working, seconds(50)),
        (State::Verifying, std::time::Duration::from_millis(1500)),
    ];
    assert_eq!(history::timings(&mut connection, run).await.unwrap(), expected);
    assert_eq!(history::approver(&mut connection, run).await.unwrap().unwrap().to_string(), "maria");
}

#[tokio::test]
async fn the_line_is_in_the_order_of_claims() {
    let db = TestDatabase::new().await;
    let (first, second, third) = (start(&db.pool, 1).await, start(&db.pool, 2).await, start(&db.pool, 3).await);
    let mut connection = db.pool.acquire().await.unwrap();
    let mut ahead = async |run| {
        let line = line::before(&mut connection, run).await.unwrap();
        (line.ahead, line.at_work.iter().map(|(state, _)| *state).collect::<Vec<_>>(), line.slots)
    };
    let plans = |runs: &[RunId]| runs.iter().map(|run| (*run, State::Planning)).collect::<Vec<_>>();
    assert_eq!(ahead(first).await, (vec![], vec![], 0));
    assert_eq!(ahead(third).await, (plans(&[first, second]), vec![], 0));
    // Another tenant has its turns, however many jobs the first one brought.
    let other = "update job set tenant = 8 where run_id = $1 and kind = 'plan'";
    sqlx::query(other).bind(third).execute(&db.pool).await.unwrap();
    assert_eq!(ahead(third).await.0, plans(&[first]));
    assert_eq!(ahead(second).await.0, plans(&[first, third]));
    let worker = register(&db.pool, &WorkerSettings::new(3)).await.unwrap();
    let claimed =
        "update job set state = 'running', worker_id = $2, claimed_at = now() where run_id = $1 and kind = 'plan'";
    sqlx::query(claimed).bind(first).bind(worker).execute(&db.pool).await.unwrap();
    assert_eq!(ahead(first).await, (vec![], vec![], 3), "it is about to begin");
    assert_eq!(ahead(second).await, (vec![], vec![State::Planning], 3));
    apply(&db.pool, second, human(Order::Cancel)).await;
    assert_eq!(ahead(third).await, (vec![], vec![State::Planning], 3));
    let waiting = line::waiting(&mut db.pool.acquire().await.unwrap()).await.unwrap();
    assert_eq!(waiting, [Waiting { run: third, installation: InstallationId(8), ahead: 0 }]);
}

#[tokio::test]
async fn medians_come_from_stays_of_other_runs_that_led_on() {
    let db = TestDatabase::new().await;
    for (issue, planned_after) in [(1, 10.0), (2, 30.0), (3, 80.0)] {
        let run = start(&db.pool, issue).await;
        to_work(&db.pool, run).await;
        place(&db.pool, run, &[2.0, 2.0 + planned_after, 500.0]).await;
        apply(&db.pool, run, human(Order::Cancel)).await;
    }
    let last = start(&db.pool, 4).await;
    let medians = async |run| {
        let run = stored(&db.pool, run).await;
        let mut medians = history::medians(&mut db.pool.acquire().await.unwrap(), &run).await.unwrap();
        medians.sort_by_key(|median| median.median);
        medians
    };
    let stage = |state, median| StageMedian { state, stays: 3, median: seconds(median) };
    // Work that was cancelled tells nothing about how long work takes.
    let expected = [stage(State::Queued, 2), stage(State::Planning, 30), stage(State::NeedsApproval, 468)];
    assert_eq!(medians(last).await, expected);
    report(&db.pool, last, StageResult::PlanningStarted).await;
    assert_eq!(medians(last).await, expected, "the run itself is not its past");
}
