//! Signals: state, history and jobs change together or not at all; work for a state that was left changes nothing.

use std::{sync::Arc, time::Duration};

use sqlx::PgPool;
use wiz::{
    error::UserMessage,
    ids::{CommentId, RunId},
    patch::Patch,
    plan::Question,
    queue::{Claim, Job, JobFailure, Lease, WorkerSettings, claim, register},
    run::{
        jobs::{Done, Keep, conclude},
        machine,
        signal::{Order, Refusal, Signal, StageResult},
        state::State,
        store::{
            self, Signalled,
            results::{self, ShownComment, StepResult},
        },
        task::Task,
    },
};

use super::{apply, count, human, planned, report, row, rows, signal, start, stored, to_work};
use crate::support::database::TestDatabase;

#[tokio::test]
async fn a_signal_that_is_rolled_back_leaves_nothing() {
    let db = TestDatabase::new().await;
    let run = start(&db.pool, 12).await;
    let jobs = rows(&db.pool, run).await;
    let mut transaction = db.pool.begin().await.unwrap();
    let cancelled = store::signal(&mut transaction, run, human(Order::Cancel)).await.unwrap();
    assert_eq!(cancelled, Signalled::Applied { state: State::Cancelled, notice: None });
    transaction.rollback().await.unwrap();
    let loaded = stored(&db.pool, run).await;
    assert_eq!((loaded.run.state, loaded.run.seq, loaded.revision), (State::Queued, 1, 0));
    assert_eq!(count(&db.pool, "run_event").await, 0);
    assert_eq!(rows(&db.pool, run).await, jobs);
}

#[tokio::test]
async fn halting_cancels_the_stages_and_not_what_tells_of_it() {
    let db = TestDatabase::new().await;
    let run = start(&db.pool, 12).await;
    apply(&db.pool, run, human(Order::Cancel)).await;
    let expected = [
        row("plan", "ready", true),
        row("report", "gated", false),
        row("deadline", "scheduled", true),
        row("report", "gated", false),
        row("halt", "ready", false),
    ];
    assert_eq!(rows(&db.pool, run).await, expected);
    let (signal, from, to): (serde_json::Value, String, String) =
        sqlx::query_as("select signal, from_state::text, to_state::text from run_event where revision = 1")
            .fetch_one(&db.pool)
            .await
            .unwrap();
    assert_eq!((from.as_str(), to.as_str()), ("queued", "cancelled"));
    assert_eq!(signal, serde_json::json!({ "human": { "by": "maria", "order": "cancel" } }));
    let mut connection = db.pool.acquire().await.unwrap();
    assert!(!store::is_waiting_for(&mut connection, run, 2).await.unwrap(), "an ended run waits for nothing");
}

#[tokio::test]
async fn a_left_states_deadline_is_cancelled_and_a_refinement_keeps_it() {
    let db = TestDatabase::new().await;
    let run = start(&db.pool, 12).await;
    let deadlines = async || -> Vec<(i32, bool, f64)> {
        sqlx::query_as(
            "select (payload ->> 'seq')::integer, cancel_requested_at is not null,
                    extract(epoch from run_at - created_at)::float8
             from job where kind = 'deadline' order by id",
        )
        .fetch_all(&db.pool)
        .await
        .unwrap()
    };
    let span = |state| machine::deadline(state).unwrap().as_secs_f64();
    report(&db.pool, run, StageResult::PlanningStarted).await;
    assert_eq!(deadlines().await, [(1, false, span(State::Queued))]);
    report(&db.pool, run, planned()).await;
    let expected = [(1, true, span(State::Queued)), (2, false, span(State::NeedsApproval))];
    assert_eq!(deadlines().await, expected);
    assert_eq!(signal(&db.pool, run, Signal::Deadline { seq: 1 }).await, refused(State::NeedsApproval));
    assert_eq!(apply(&db.pool, run, Signal::Deadline { seq: 2 }).await, State::Cancelled);
    assert!(deadlines().await.iter().all(|(_, cancelled, _)| *cancelled));
}

fn refused(state: State) -> Signalled {
    Signalled::Refused { state, refusal: Refusal::Stale }
}

#[tokio::test]
async fn results_for_a_state_that_was_left_change_nothing() {
    let db = TestDatabase::new().await;
    let run = start(&db.pool, 12).await;
    to_work(&db.pool, run).await;
    let before = (stored(&db.pool, run).await.run, rows(&db.pool, run).await, count(&db.pool, "run_event").await);
    assert_eq!((before.0.seq, before.2), (3, 3));
    let failed = StageResult::Failed { message: UserMessage::new("No.") };
    for (seq, result) in [
        (1, planned()),
        (2, StageResult::PlanningStarted),
        (2, failed.clone()),
        (4, failed),
        (3, planned()),
        (3, StageResult::StepDone { step: "other".parse().unwrap() }),
    ] {
        assert_eq!(signal(&db.pool, run, Signal::Stage { seq, result }).await, refused(State::Working));
    }
    let after = (stored(&db.pool, run).await.run, rows(&db.pool, run).await, count(&db.pool, "run_event").await);
    assert_eq!(after, before);
    let mut connection = db.pool.acquire().await.unwrap();
    assert!(store::is_waiting_for(&mut connection, run, 3).await.unwrap());
    assert!(!store::is_waiting_for(&mut connection, run, 2).await.unwrap());
}

/// When the newest report is due, in seconds from its making.
async fn newest_report_delay(pool: &PgPool) -> f64 {
    sqlx::query_scalar(
        "select extract(epoch from run_at - created_at)::float8 from job where kind = 'report' order by id desc limit 1",
    )
    .fetch_one(pool)
    .await
    .unwrap()
}

#[tokio::test]
async fn reports_of_states_on_the_way_keep_their_distance_and_others_are_made_at_once() {
    let db = TestDatabase::new().await;
    let run = start(&db.pool, 12).await;
    assert_eq!(newest_report_delay(&db.pool).await, 0.0, "the first sign of life comes at once");
    let shown = ShownComment { id: CommentId(900), digest: "e3b0".into(), plan: None, written: true };
    results::save_status_comment(&mut db.pool.acquire().await.unwrap(), run, &shown).await.unwrap();
    // A state in which wiz is at work is shown if it lasts three seconds.
    for (age_s, least, most) in
        [(0.0, 3.0, 5.0), (1.0, 3.0, 4.0), (5.1, 3.0, 3.0), (3600.0, 3.0, 3.0), (-60.0, 5.0, 5.0)]
    {
        sqlx::query("update run_output set status_comment_edited_at = now() - make_interval(secs => $1)")
            .bind(age_s)
            .execute(&db.pool)
            .await
            .unwrap();
        report(&db.pool, run, StageResult::PlanningStarted).await;
        let delay = newest_report_delay(&db.pool).await;
        assert!(least <= delay && delay <= most, "{delay} s, {age_s} s after the last edit");
        let question = Question { question: "Which?".into(), options: vec![], default: "None.".into(), files: vec![] };
        report(&db.pool, run, StageResult::Questioned { question, of: vec![] }).await;
        assert_eq!(newest_report_delay(&db.pool).await, 0.0, "a person waits for a question");
        apply(&db.pool, run, human(Order::Revise { text: "That.".into() })).await;
    }
}

/// Claims the run's job of this kind.
async fn claim_job(pool: &PgPool, kind: &str) -> (Job, Arc<Lease>) {
    let worker = register(pool, &WorkerSettings::new(1)).await.unwrap();
    let wanted = Claim { limit: 20, after_tenant: 0, priority_up_to: i16::MAX, silence: Duration::from_secs(35) };
    let claimed = claim(pool, worker, wanted).await.unwrap();
    claimed.into_iter().find(|(job, _)| job.kind == kind).unwrap()
}

fn step_done() -> Done {
    let step: wiz::plan::StepKey = "fix".parse().unwrap();
    let result = StepResult { step: step.clone(), patch: Patch::default(), summary: "Counts from 0.".into() };
    Done {
        result: StageResult::StepDone { step },
        keep: Some(Keep::Step { plan_version: 1, step: result, review: None }),
    }
}

#[tokio::test]
async fn a_stage_whose_lease_was_lost_leaves_no_trace() {
    let db = TestDatabase::new().await;
    let run = start(&db.pool, 12).await;
    to_work(&db.pool, run).await;
    let (job, lost) = claim_job(&db.pool, "work").await;
    let Task::Work { seq, .. } = Task::decode(&job.kind, &job.payload).unwrap() else { panic!("{job:?}") };
    // As the rescue of a silent worker's jobs does.
    sqlx::query("update job set state = 'ready', worker_id = null where id = $1")
        .bind(job.id)
        .execute(&db.pool)
        .await
        .unwrap();
    let (again, held) = claim_job(&db.pool, "work").await;
    assert_eq!(again.id, job.id);
    let late = conclude(&db.pool, &lost, (run, seq), step_done()).await;
    assert!(matches!(late, Err(JobFailure::LeaseLost(_))), "{late:?}");
    assert_eq!(count(&db.pool, "step_patch").await, 0);
    assert_eq!(stored(&db.pool, run).await.run.state, State::Working);

    let _completed = conclude(&db.pool, &held, (run, seq), step_done()).await.unwrap();
    assert_eq!(count(&db.pool, "step_patch").await, 1);
    assert_eq!(stored(&db.pool, run).await.run.state, State::Verifying);
    let twice = conclude(&db.pool, &held, (run, seq), step_done()).await;
    assert!(matches!(twice, Err(JobFailure::LeaseLost(_))), "{twice:?}");
    assert_eq!(results::steps(&mut db.pool.acquire().await.unwrap(), run, 1).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_run_that_was_cancelled_meanwhile_keeps_its_end() {
    let db = TestDatabase::new().await;
    let run: RunId = start(&db.pool, 12).await;
    to_work(&db.pool, run).await;
    let (job, lease) = claim_job(&db.pool, "work").await;
    let Task::Work { seq, .. } = Task::decode(&job.kind, &job.payload).unwrap() else { panic!("{job:?}") };
    apply(&db.pool, run, human(Order::Cancel)).await;
    let _completed = conclude(&db.pool, &lease, (run, seq), step_done()).await.unwrap();
    assert_eq!(stored(&db.pool, run).await.run.state, State::Cancelled);
}
