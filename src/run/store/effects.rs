//! What a run asks for when it changes, as rows of the queue.

use std::time::Duration;

use anyhow::Result;
use sqlx::PgConnection;

use super::{
    super::{
        signal::Effect,
        state::{Run, State},
        task::{Checks, Occasion, Task},
    },
    ci,
};
use crate::{
    ids::{CommitSha, InstallationId, RepositoryId},
    limits::{STICKY_COMMENT_INTERVAL, TRANSIENT_STATE_SHOWN_AFTER},
    queue,
};

/// Enqueues the effects of a change from one run to the other; nothing was before a run that is new.
pub(super) async fn enqueue(
    connection: &mut PgConnection,
    tenant: InstallationId,
    (before, run): (Option<&Run>, &Run),
    revision: i32,
    effects: &[Effect],
) -> Result<()> {
    if effects.contains(&Effect::Halt) {
        queue::cancel_kinds(connection, run.id, &Task::KINDS_OF_STAGE).await?;
    }
    for effect in effects {
        let (id, seq) = (run.id, run.seq);
        if matches!(effect, Effect::Deadline(_)) {
            // The deadline of the state that was left is of no use to anybody.
            queue::cancel_kinds(connection, id, &["deadline"]).await?;
        }
        let (task, delay) = match effect {
            Effect::Plan => (Task::Plan { run: id, seq }, Duration::ZERO),
            Effect::Work(step) => (Task::Work { run: id, seq, step: step.clone() }, Duration::ZERO),
            Effect::Verify => (Task::Verify { run: id, seq }, Duration::ZERO),
            Effect::Review => (Task::Review { run: id, seq }, Duration::ZERO),
            Effect::Publish => (Task::Publish { run: id, seq }, Duration::ZERO),
            Effect::Draft => (Task::Draft { run: id }, Duration::ZERO),
            Effect::EndDraft(draft) => (Task::EndDraft { run: id, draft: draft.clone() }, Duration::ZERO),
            Effect::AnswerReview { review, commit, offered } => {
                let (commit, offered) = (commit.clone(), *offered);
                (Task::AnswerReview { run: id, review: *review, commit, offered }, Duration::ZERO)
            }
            Effect::TellFailure(waits) => (Task::TellFailure { run: id, waits: *waits }, Duration::ZERO),
            Effect::Report => (Task::Report { run: id, revision }, report_delay(connection, before, run).await?),
            Effect::Deadline(after) => (Task::Deadline { run: id, seq }, *after),
            Effect::Halt => (Task::Halt { run: id, seq }, Duration::ZERO),
        };
        queue::enqueue(connection, &task.job(tenant, delay)?).await?;
    }
    Ok(())
}

/// Has the checks of a finished draft's head looked at: while it was a draft, failures there were left to its run.
pub(super) async fn look_at_checks(
    connection: &mut PgConnection,
    (installation, repository): (InstallationId, RepositoryId),
    head: &CommitSha,
) -> Result<()> {
    if !ci::has_failed(connection, repository, head).await? {
        return Ok(());
    }
    // The draft may have rested for longer than failures on it were waited with.
    ci::watch(connection, repository, head).await?;
    let look = Task::Checks(Checks { installation, repository, head: head.clone(), occasion: Occasion::Finished });
    queue::enqueue(connection, &look.job(installation, Duration::ZERO)?).await.map(drop)
}

/// How long a report must wait: what a person waits for is shown at once; a state on the way at most once per
/// [`STICKY_COMMENT_INTERVAL`], and not if it is over in a moment.
async fn report_delay(connection: &mut PgConnection, before: Option<&Run>, run: &Run) -> Result<Duration> {
    if !run.state.is_at_work() || begins_on_head(before, run) {
        return Ok(Duration::ZERO);
    }
    let output = sqlx::query!(
        r#"select extract(epoch from now() - status_comment_edited_at)::double precision as edited_seconds_ago,
                  status_comment_id is not null as "is_shown!"
           from run_output where run_id = $1"#,
        run.id as _,
    );
    let output = output.fetch_optional(connection).await?;
    let is_first = run.state == State::Queued && !output.as_ref().is_some_and(|output| output.is_shown);
    let settles = if !is_first { TRANSIENT_STATE_SHOWN_AFTER } else { Duration::ZERO };
    let edited_seconds_ago = output.and_then(|output| output.edited_seconds_ago);
    let age = edited_seconds_ago.map_or(STICKY_COMMENT_INTERVAL, |ago| Duration::from_secs_f64(ago.max(0.0)));
    Ok(STICKY_COMMENT_INTERVAL.saturating_sub(age).max(settles))
}

/// Whether work begins, or goes on after a rest, on a pull request's head. Its check run still says how the work before
/// that ended, and a pull request must not be merged on that word.
fn begins_on_head(before: Option<&Run>, run: &Run) -> bool {
    let start = run.progress.start();
    let went_on = before.is_some_and(|before| before.state.is_at_work() && before.progress.start() == start);
    run.progress.pull_request.is_some() && start.is_some() && !went_on
}
