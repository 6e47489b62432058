//! Runs in Postgres: what is stored together, what changes nothing, and what is computed from what is stored.

mod ledger;
mod past;
mod signals;
mod start;

use std::time::Duration;

use sqlx::{PgConnection, PgPool};
use wiz::{
    ids::{InstallationId, IssueNumber, RepositoryId, RunId, UserId},
    llm::ChosenModel,
    money::MicroDollars,
    plan::{Approver, Criterion, Gate, Plan, Proof, Step},
    run::{
        signal::{Order, Signal, StageResult},
        state::{Mission, Options, State},
        store::{self, Created, NewRun, Signalled},
    },
};

const INSTALLATION: InstallationId = InstallationId(7);
const REPOSITORY: RepositoryId = RepositoryId(70);
const BASE: &str = "0123456789012345678901234567890123456789";

async fn know_repository(connection: &mut PgConnection, id: RepositoryId) {
    let name = format!("octo-org/parser-{id}").parse().unwrap();
    store::reach::remember_repository(connection, INSTALLATION, id, &name, &"main".parse().unwrap()).await.unwrap();
}

fn new_run(issue: i64) -> NewRun {
    NewRun {
        installation: INSTALLATION,
        repository: REPOSITORY,
        issue: IssueNumber(issue),
        issue_title: "It crashes".into(),
        trigger_key: format!("comment:{issue}:0"),
        mission: Mission::Fix,
        asked_in: None,
        reads: None,
        options: Options::default(),
        instructions: String::new(),
        requester_id: UserId(41),
        requester: "octocat".parse().unwrap(),
        model: ChosenModel::usual(),
        budget: MicroDollars::from_dollars(3),
        budget_day: MicroDollars::from_dollars(10),
    }
}

async fn created(pool: &PgPool, new: &NewRun) -> Created {
    let mut transaction = pool.begin().await.unwrap();
    know_repository(&mut transaction, new.repository).await;
    let created = store::create(&mut transaction, new).await.unwrap();
    transaction.commit().await.unwrap();
    created
}

/// A new run on this issue.
async fn start(pool: &PgPool, issue: i64) -> RunId {
    match created(pool, &new_run(issue)).await {
        Created::New(run) => run,
        other @ (Created::Before(_) | Created::OpenRun(_) | Created::ReadBefore(_)) => panic!("{other:?}"),
    }
}

async fn signal(pool: &PgPool, run: RunId, signal: Signal) -> Signalled {
    let mut transaction = pool.begin().await.unwrap();
    let signalled = store::signal(&mut transaction, run, signal).await.unwrap();
    transaction.commit().await.unwrap();
    signalled
}

async fn apply(pool: &PgPool, run: RunId, given: Signal) -> State {
    match signal(pool, run, given).await {
        Signalled::Applied { state, .. } => state,
        other @ (Signalled::Refused { .. } | Signalled::AnotherRunIsOpen | Signalled::Undone | Signalled::Unknown) => {
            panic!("{other:?}")
        }
    }
}

async fn stored(pool: &PgPool, run: RunId) -> store::StoredRun {
    store::load(&mut pool.acquire().await.unwrap(), run).await.unwrap().unwrap()
}

/// A stage of the run's current entry reports.
async fn report(pool: &PgPool, run: RunId, result: StageResult) -> State {
    let seq = stored(pool, run).await.run.seq;
    apply(pool, run, Signal::Stage { seq, result }).await
}

fn human(order: Order) -> Signal {
    Signal::Human { by: "maria".parse().unwrap(), order }
}

fn plan() -> Plan {
    Plan {
        summary: "An index is off by one.".into(),
        steps: vec![Step {
            id: "fix".parse().unwrap(),
            title: "Fix it".into(),
            detail: "Count from 0.".into(),
            depends_on: vec![],
        }],
        definition_of_done: vec![Criterion {
            name: "tests".into(),
            command: "make test".into(),
            proof: Proof::FailsThenPasses,
        }],
        risks: vec![],
        files: vec![],
    }
}

fn planned() -> StageResult {
    StageResult::Planned {
        plan: plan(),
        base: BASE.parse().unwrap(),
        gate: Gate { approver: Approver::Anybody, reasons: vec![] },
    }
}

/// Brings a new run to the approved work on its plan.
async fn to_work(pool: &PgPool, run: RunId) {
    report(pool, run, StageResult::PlanningStarted).await;
    assert_eq!(report(pool, run, planned()).await, State::NeedsApproval);
    let current = stored(pool, run).await;
    let shown = current.run.progress.plan.as_ref().unwrap().hash(current.run.budget);
    let order = Order::Approve { typed_hash: None, base_now: BASE.parse().unwrap(), shown: Some(shown) };
    assert_eq!(apply(pool, run, human(order)).await, State::Working);
}

/// A live job of a run, as far as these tests care.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    kind: String,
    state: String,
    cancelled: bool,
}

fn row(kind: &str, state: &str, cancelled: bool) -> Row {
    Row { kind: kind.into(), state: state.into(), cancelled }
}

async fn rows(pool: &PgPool, run: RunId) -> Vec<Row> {
    let rows: Vec<(String, String, bool)> = sqlx::query_as(
        "select kind, state::text, cancel_requested_at is not null from job where run_id = $1 order by id",
    )
    .bind(run)
    .fetch_all(pool)
    .await
    .unwrap();
    rows.into_iter().map(|(kind, state, cancelled)| Row { kind, state, cancelled }).collect()
}

async fn count(pool: &PgPool, table: &'static str) -> i64 {
    sqlx::query_scalar(sqlx::AssertSqlSafe(format!("select count(*) from {table}"))).fetch_one(pool).await.unwrap()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
