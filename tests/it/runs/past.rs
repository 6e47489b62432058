//! What is told from a run's past.

use sqlx::PgPool;
use wiz::{
    ids::RunId,
    run::{
        signal::{Order, StageResult},
        state::State,
        store::history::{self, Place, StageMedian},
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
async fn the_place_in_the_queue_counts_older_runs_that_wait() {
    let db = TestDatabase::new().await;
    let (first, second, third) = (start(&db.pool, 1).await, start(&db.pool, 2).await, start(&db.pool, 3).await);
    report(&db.pool, second, StageResult::PlanningStarted).await;
    let mut connection = db.pool.acquire().await.unwrap();
    let mut places = Vec::new();
    for run in [first, second, third] {
        places.push(history::queue_place(&mut connection, run).await.unwrap());
    }
    let place = |ahead| Place { ahead, at_work: 1 };
    assert_eq!(places, [0, 1, 1].map(place));
    apply(&db.pool, first, human(Order::Cancel)).await;
    assert_eq!(history::queue_place(&mut connection, third).await.unwrap(), place(0));
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
