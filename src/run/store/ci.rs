//! What is known of failing checks: commits that are watched, what was done, and what people switched.

use anyhow::Result;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::{
    ci::{Deed, Failure, Kind, Signature},
    ids::{CommitSha, IssueNumber, Login, RepositoryId, RunId, UserId, WorkflowRunId},
    run::follow_up::FailingCheck,
};

/// What a person said last about the checks of a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switch {
    pub answered: bool,
    pub by_id: UserId,
    pub by: Login,
    pub changed_at: DateTime<Utc>,
}

/// What was said about a pull request, if anything was.
pub async fn switch(
    connection: &mut PgConnection,
    repository: RepositoryId,
    pull: IssueNumber,
) -> Result<Option<Switch>> {
    let row = sqlx::query!(
        r#"select answered, by_id as "by_id: UserId", by_login as "by: Login", changed_at
           from ci_switch where repository_id = $1 and pull_number = $2"#,
        repository as _,
        pull as _,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| Switch { answered: row.answered, by_id: row.by_id, by: row.by, changed_at: row.changed_at }))
}

/// Switches the answering of checks on or off; attempts from before no longer count.
pub async fn set_switch(
    connection: &mut PgConnection,
    (repository, pull): (RepositoryId, IssueNumber),
    answered: bool,
    (by_id, by): (UserId, &Login),
) -> Result<()> {
    sqlx::query!(
        "insert into ci_switch (repository_id, pull_number, answered, by_id, by_login) values ($1, $2, $3, $4, $5)
         on conflict (repository_id, pull_number)
         do update set answered = excluded.answered, by_id = excluded.by_id, by_login = excluded.by_login,
                       changed_at = now()",
        repository as _,
        pull as _,
        answered,
        by_id as _,
        by as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes whether whoever set the label last may have the checks of the pull request answered.
pub async fn judge_label(
    connection: &mut PgConnection,
    (repository, pull): (RepositoryId, IssueNumber),
    counts: bool,
) -> Result<()> {
    sqlx::query!(
        "insert into ci_label (repository_id, pull_number, counts) values ($1, $2, $3)
         on conflict (repository_id, pull_number) do update set counts = excluded.counts, judged_at = now()",
        repository as _,
        pull as _,
        counts,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether the label counts on that pull request. One of which nobody told does.
pub async fn label_counts(connection: &mut PgConnection, repository: RepositoryId, pull: IssueNumber) -> Result<bool> {
    let counts = sqlx::query_scalar!(
        "select counts from ci_label where repository_id = $1 and pull_number = $2",
        repository as _,
        pull as _,
    )
    .fetch_optional(connection)
    .await?;
    Ok(counts.unwrap_or(true))
}

/// Watches a commit on which a check has failed, until all its checks have ended.
pub async fn watch(connection: &mut PgConnection, repository: RepositoryId, head: &CommitSha) -> Result<()> {
    sqlx::query!(
        "insert into ci_head (repository_id, head) values ($1, $2)
         on conflict (repository_id, head) do update set settled_at = null, failed_at = now()",
        repository as _,
        head as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// When a check of a watched commit was last said to have failed; none for one that is not watched.
pub async fn failed_at(
    connection: &mut PgConnection,
    repository: RepositoryId,
    head: &CommitSha,
) -> Result<Option<DateTime<Utc>>> {
    let at = sqlx::query_scalar!(
        "select failed_at from ci_head where repository_id = $1 and head = $2 and settled_at is null",
        repository as _,
        head as _,
    )
    .fetch_optional(connection)
    .await?;
    Ok(at)
}

/// Whether a check of the commit was ever said to have failed.
pub async fn has_failed(connection: &mut PgConnection, repository: RepositoryId, head: &CommitSha) -> Result<bool> {
    let failed = sqlx::query_scalar!(
        r#"select exists(select 1 from ci_head where repository_id = $1 and head = $2) as "failed!""#,
        repository as _,
        head as _,
    )
    .fetch_one(connection)
    .await?;
    Ok(failed)
}

/// Forgets what was said of a commit that could not be looked at, unless another look is to come: what fails on a watched pull
/// request is then found anew when all is compared, once.
pub async fn unhear(connection: &mut PgConnection, repository: RepositoryId, head: &CommitSha) -> Result<()> {
    sqlx::query!(
        "delete from ci_head
         where repository_id = $1 and head = $2 and settled_at is null
           and not exists (
               select from job
               where kind in ('checks', 'branch_checks')
                 and payload ->> 'head' = $2 and (payload ->> 'repository')::bigint = $1
           )",
        repository as _,
        head as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends the watch over a commit, unless another failure was told since that moment: it has a look of its own.
pub async fn settle(
    connection: &mut PgConnection,
    (repository, head): (RepositoryId, &CommitSha),
    told_at: DateTime<Utc>,
) -> Result<()> {
    sqlx::query!(
        "update ci_head set settled_at = now()
         where repository_id = $1 and head = $2 and settled_at is null and failed_at <= $3",
        repository as _,
        head as _,
        told_at,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// What was done about the checks of a pull request, or of the default branch, since that moment, oldest first.
pub async fn deeds(
    connection: &mut PgConnection,
    repository: RepositoryId,
    pull: Option<IssueNumber>,
    since: Option<DateTime<Utc>>,
) -> Result<Vec<Deed>> {
    let rows = sqlx::query!(
        r#"select head as "head: CommitSha", signature, kind from ci_attempt
           where repository_id = $1 and pull_number is not distinct from $2 and created_at >= coalesce($3, '-infinity'::timestamptz)
           order by id"#,
        repository as _,
        pull as _,
        since,
    )
    .fetch_all(connection)
    .await?;
    let deed = |kind: &str, head, signature| {
        let kind = match kind {
            "rerun" => Kind::Rerun,
            "repair" => Kind::Repair,
            _ => Kind::Stop,
        };
        Deed { kind, failure: Failure { head, signature: Signature::stored(signature) } }
    };
    Ok(rows.into_iter().map(|row| deed(&row.kind, row.head, row.signature)).collect())
}

/// Notes that something is done about a failure of the check of that name.
pub async fn record(
    connection: &mut PgConnection,
    (repository, pull): (RepositoryId, Option<IssueNumber>),
    check: &str,
    deed: &Deed,
) -> Result<()> {
    let kind = match deed.kind {
        Kind::Rerun => "rerun",
        Kind::Repair => "repair",
        Kind::Stop => "stop",
    };
    sqlx::query!(
        "insert into ci_attempt (repository_id, pull_number, head, check_name, signature, kind)
         values ($1, $2, $3, $4, $5, $6)
         on conflict on constraint ci_attempt_once do update set pull_number = excluded.pull_number, created_at = now()",
        repository as _,
        pull as _,
        &deed.failure.head as _,
        check,
        deed.failure.signature.as_str(),
        kind,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes repairs back that were begun and never published: nobody may say that they did not help.
pub async fn forget_repairs(
    connection: &mut PgConnection,
    repository: RepositoryId,
    failing: &FailingCheck,
) -> Result<()> {
    sqlx::query!(
        "delete from ci_attempt where repository_id = $1 and head = $2 and signature = any($3) and kind = 'repair'",
        repository as _,
        &failing.head as _,
        &failing.signatures(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A try of a workflow run.
#[derive(Debug, Clone, Copy)]
pub struct Try {
    /// None for one that was noted before the run was.
    pub run: Option<WorkflowRunId>,
    pub attempt: u32,
}

impl Try {
    /// Whether that try of a run came no later.
    pub fn is_at_most(&self, run: WorkflowRunId, attempt: u32) -> bool {
        self.run.is_none_or(|own| own == run) && attempt <= self.attempt
    }
}

/// Notes which try of a workflow run is to run again because of a failure.
pub async fn record_rerun(
    connection: &mut PgConnection,
    repository: RepositoryId,
    failure: &Failure,
    (run, attempt): (Option<WorkflowRunId>, u32),
) -> Result<()> {
    sqlx::query!(
        "update ci_attempt set run_attempt = $4, workflow_run_id = $5, passed = null
         where repository_id = $1 and head = $2 and signature = $3 and kind = 'rerun'",
        repository as _,
        &failure.head as _,
        failure.signature.as_str(),
        i32::try_from(attempt)?,
        run as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The tries on a commit that were asked to run again, and of which no end is known.
pub async fn reruns_under_way(
    connection: &mut PgConnection,
    repository: RepositoryId,
    head: &CommitSha,
) -> Result<Vec<Try>> {
    let rows = sqlx::query!(
        r#"select run_attempt as "attempt!", workflow_run_id as "run: WorkflowRunId" from ci_attempt
           where repository_id = $1 and head = $2 and kind = 'rerun' and passed is null and run_attempt is not null"#,
        repository as _,
        head as _,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(|row| Ok(Try { run: row.run, attempt: u32::try_from(row.attempt)? })).collect()
}

/// Notes that a try will not be made again: what failed in it is there to stay.
pub async fn rerun_refused(
    connection: &mut PgConnection,
    (repository, head): (RepositoryId, &CommitSha),
    (run, attempt): (WorkflowRunId, u32),
) -> Result<()> {
    sqlx::query!(
        "update ci_attempt set passed = false
         where repository_id = $1 and head = $2 and kind = 'rerun' and passed is null
           and run_attempt = $4 and (workflow_run_id = $3 or workflow_run_id is null)",
        repository as _,
        head as _,
        run as _,
        i32::try_from(attempt)?,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes how the reruns on a commit ended: those passed whose failure is not among `still` any more.
pub async fn reran(
    connection: &mut PgConnection,
    repository: RepositoryId,
    head: &CommitSha,
    still: &[Signature],
) -> Result<()> {
    let still: Vec<String> = still.iter().map(Signature::to_string).collect();
    sqlx::query!(
        "update ci_attempt set passed = not (signature = any($3))
         where repository_id = $1 and head = $2 and kind = 'rerun' and passed is null",
        repository as _,
        head as _,
        &still,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether the repository has seen this failure pass by itself, on the very commit it had failed on.
pub async fn was_flake(connection: &mut PgConnection, repository: RepositoryId, signature: &Signature) -> Result<bool> {
    let seen = sqlx::query_scalar!(
        r#"select exists(
               select 1 from ci_attempt where repository_id = $1 and signature = $2 and kind = 'rerun' and passed
           ) as "exists!""#,
        repository as _,
        signature.as_str(),
    )
    .fetch_one(connection)
    .await?;
    Ok(seen)
}

/// The latest run that began since checks of the default branch failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BranchRun {
    pub run: RunId,
    pub issue: IssueNumber,
    pub open: bool,
}

/// How the trigger key of such a run begins.
pub const BRANCH_TRIGGER: &str = "default-branch:";

/// The latest run that began since checks of the default branch failed.
pub async fn branch_run(connection: &mut PgConnection, repository: RepositoryId) -> Result<Option<BranchRun>> {
    let found = sqlx::query_as!(
        BranchRun,
        r#"select id as "run: RunId", issue_number as "issue: IssueNumber",
                  state not in ('succeeded', 'failed', 'cancelled') as "open!"
           from run where repository_id = $1 and starts_with(trigger_key, $2) order by id desc limit 1"#,
        repository as _,
        BRANCH_TRIGGER,
    )
    .fetch_optional(connection)
    .await?;
    Ok(found)
}
