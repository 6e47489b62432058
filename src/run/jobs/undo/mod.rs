//! Takes back what a run did on GitHub, by the journal, and says what could not be taken back.
//!
//! The run was cancelled in the transaction that asked for this, and shows nothing any more. Whatever is taken back twice
//! is taken back once, so a crash anywhere only means that the next try has less to do. Read first: [`execute`], then
//! `taking.rs`, where each kind of write has its place.

mod taking;

use std::time::Duration;

use sqlx::PgConnection;

use super::{Completed, JobFailure, Lease, RunId, Services, Task, check_run, complete, is_suspended, retry, store};
use crate::{
    github::journal,
    ids::{CommentId, IssueNumber},
    queue, report,
    run::{
        store::{StoredRun, heads},
        task::Reply,
    },
};

/// Time between two looks at the run's jobs that are still under way.
const LOOK_AGAIN: Duration = Duration::from_millis(300);

/// Everything besides the stages that may write for a run.
const OTHER_WRITERS: [&str; 10] = [
    "report",
    "restore",
    "place",
    "reply",
    "draft",
    "end_draft",
    "answer_review",
    "post_review",
    "rerun",
    "tell_failure",
];

pub(super) async fn execute(
    services: &Services,
    lease: &Lease,
    run: RunId,
    (issue, comment): (IssueNumber, CommentId),
) -> Result<Completed, JobFailure> {
    let mut connection = services.pool.acquire().await?;
    let stored = store::load(&mut connection, run).await?;
    let Some(stored) = stored else { return complete(services, lease).await };
    if is_suspended(services, stored.installation).await? {
        return complete(services, lease).await;
    }
    let writers = [Task::STAGE_KINDS.as_slice(), &OTHER_WRITERS].concat();
    if queue::is_running(&mut connection, run, &writers).await? {
        let error = anyhow::anyhow!("a job of the run is still under way");
        return Err(JobFailure::TooEarly { error, after: LOOK_AGAIN });
    }
    let writes = journal::of_run(&mut connection, run).await?;
    drop(connection);
    let view = taking::take_back(services, &stored, &writes).await.map_err(retry)?;
    let mut transaction = services.pool.begin().await?;
    let completed = lease.complete(&mut transaction).await?;
    let listed: Vec<i64> = writes.iter().map(|noted| noted.id).collect();
    journal::close(&mut transaction, (run, &listed), lease.job()).await?;
    pass_word_on(&mut transaction, &stored).await?;
    say(&mut transaction, &stored, (issue, comment), report::undone(run, &view)).await?;
    transaction.commit().await?;
    Ok(completed)
}

/// Where the run had the word on a commit, the next one says what it knows.
async fn pass_word_on(connection: &mut PgConnection, stored: &StoredRun) -> anyhow::Result<()> {
    for head in heads::said_by(connection, stored.run.id).await? {
        if let Some(next) = heads::speaker(connection, (stored.repository, &head)).await? {
            check_run::let_speak(connection, next).await?;
        }
    }
    Ok(())
}

/// Tells whoever asked that it could not be done.
pub(super) async fn dead(
    connection: &mut PgConnection,
    run: RunId,
    asked_in: (IssueNumber, CommentId),
) -> anyhow::Result<()> {
    match store::load(connection, run).await? {
        Some(stored) => say(connection, &stored, asked_in, report::not_undone(run)).await,
        None => Ok(()),
    }
}

async fn say(
    connection: &mut PgConnection,
    stored: &StoredRun,
    (issue, comment): (IssueNumber, CommentId),
    body: String,
) -> anyhow::Result<()> {
    let reply = Task::Reply(Reply {
        installation: stored.installation,
        repository: stored.repository,
        issue,
        comment,
        thread: None,
        thumbs_down: None,
        body,
    });
    queue::enqueue(connection, &reply.job(stored.installation, Duration::ZERO)?).await?;
    Ok(())
}
