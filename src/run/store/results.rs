//! What a run's stages produced: patches, evidence, reviews, and what stands on GitHub.

use anyhow::{Context as _, Result};
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, types::Json};

use crate::{
    agent::ReviewReport,
    ids::{CheckRunId, CommentId, CommitSha, IssueNumber, RepositoryId, RunId, UserId},
    patch::{LineCount, Patch},
    plan::{PlanHash, StepKey},
    run::{briefing::Briefing, evidence::Evidence, project::CHECK_RUN_PREFIX},
};

/// A step's stored result.
#[derive(Debug, Clone)]
pub struct StepResult {
    pub step: StepKey,
    pub patch: Patch,
    /// What the coder said it did.
    pub summary: String,
}

/// Evidence for one patch.
#[derive(Debug, Clone, Default)]
pub struct Proof {
    pub evidence: Vec<Evidence>,
    /// SHA-256 of the patch, see [`crate::run::workspace::digest`].
    pub patch_digest: String,
    /// What the patch does to each file.
    pub files: Vec<LineCount>,
}

/// What a run shows on GitHub.
#[derive(Debug, Clone, Default)]
pub struct Output {
    pub status_comment: Option<CommentId>,
    /// SHA-256 of the status comment as wiz last wrote it.
    pub status_comment_digest: Option<String>,
    /// The plan that the comment, as wiz last wrote it, shows for approval.
    pub shown_plan: Option<PlanHash>,
    pub check_run: Option<ShownCheck>,
    /// SHA-256 of what the check runs of single items say, and where.
    pub check_items_digest: Option<String>,
    /// When the status comment was last written.
    pub shown_at: Option<DateTime<Utc>>,
}

/// The check run that shows a run now, or is about to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownCheck {
    /// The commit it is on.
    pub head: CommitSha,
    /// Its `external_id`; with the commit it is its identity.
    pub key: String,
    /// Whether it has ended.
    pub settled: bool,
    /// Its number, once it was made.
    pub id: Option<CheckRunId>,
    /// SHA-256 of what it says, once that was written.
    pub digest: Option<String>,
}

/// The run whose status comment this is.
pub async fn run_of_status_comment(
    connection: &mut PgConnection,
    repository: RepositoryId,
    comment: CommentId,
) -> Result<Option<RunId>> {
    let run = sqlx::query_scalar!(
        r#"select run_id as "run: RunId" from run_output join run on run.id = run_output.run_id
           where status_comment_id = $1 and repository_id = $2"#,
        comment as _,
        repository as _,
    )
    .fetch_optional(connection)
    .await?;
    Ok(run)
}

/// Keeps what a step changed; a repeated step replaces its earlier result.
pub async fn save_step(
    connection: &mut PgConnection,
    run: RunId,
    plan_version: i32,
    result: &StepResult,
) -> Result<()> {
    sqlx::query!(
        "insert into step_patch (run_id, plan_version, step, patch, summary) values ($1, $2, $3, $4, $5)
         on conflict (run_id, plan_version, step)
         do update set patch = excluded.patch, summary = excluded.summary, created_at = now()",
        run as _,
        plan_version,
        result.step.as_str(),
        Json(&result.patch) as _,
        result.summary,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The results of all steps of one plan version, in no particular order.
pub async fn steps(connection: &mut PgConnection, run: RunId, plan_version: i32) -> Result<Vec<StepResult>> {
    let rows = sqlx::query!(
        r#"select step, patch as "patch: Json<Patch>", summary from step_patch
           where run_id = $1 and plan_version = $2"#,
        run as _,
        plan_version,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| Ok(StepResult { step: row.step.parse()?, patch: row.patch.0, summary: row.summary }))
        .collect()
}

/// Keeps what the planner read; a later planning replaces it.
pub async fn save_briefing(connection: &mut PgConnection, run: RunId, briefing: &Briefing) -> Result<()> {
    sqlx::query!(
        "insert into briefing (run_id, content) values ($1, $2)
         on conflict (run_id) do update set content = excluded.content, created_at = now()",
        run as _,
        Json(briefing) as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// What the planner read.
pub async fn briefing(connection: &mut PgConnection, run: RunId) -> Result<Briefing> {
    let content =
        sqlx::query_scalar!(r#"select content as "content: Json<Briefing>" from briefing where run_id = $1"#, run as _)
            .fetch_optional(connection)
            .await?;
    content.map(|json| json.0).with_context(|| format!("run {run} has no briefing"))
}

/// Keeps the evidence of one verification, and which patch it is about.
pub async fn save_evidence(connection: &mut PgConnection, run: RunId, seq: i32, proof: &Proof) -> Result<()> {
    sqlx::query!(
        "insert into evidence (run_id, seq, results, patch_digest, files) values ($1, $2, $3, $4, $5)
         on conflict (run_id, seq)
         do update set results = excluded.results, patch_digest = excluded.patch_digest, files = excluded.files,
                       created_at = now()",
        run as _,
        seq,
        Json(&proof.evidence) as _,
        proof.patch_digest,
        Json(&proof.files) as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The newest evidence; empty before the first verification.
pub async fn latest_evidence(connection: &mut PgConnection, run: RunId) -> Result<Proof> {
    evidence_at(connection, run, None).await
}

/// The evidence of the verification of that state entry; empty if there was none.
pub async fn evidence_of(connection: &mut PgConnection, run: RunId, seq: i32) -> Result<Proof> {
    evidence_at(connection, run, Some(seq)).await
}

async fn evidence_at(connection: &mut PgConnection, run: RunId, seq: Option<i32>) -> Result<Proof> {
    let row = sqlx::query!(
        r#"select results as "results: Json<Vec<Evidence>>", patch_digest,
                  files as "files: Json<Vec<LineCount>>" from evidence
           where run_id = $1 and seq = coalesce($2, seq) order by seq desc limit 1"#,
        run as _,
        seq,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row
        .map(|row| Proof { evidence: row.results.0, patch_digest: row.patch_digest, files: row.files.0 })
        .unwrap_or_default())
}

/// Keeps the verdict of one review.
pub async fn save_review(connection: &mut PgConnection, run: RunId, seq: i32, report: &ReviewReport) -> Result<()> {
    sqlx::query!(
        "insert into review (run_id, seq, report) values ($1, $2, $3)
         on conflict (run_id, seq) do update set report = excluded.report, created_at = now()",
        run as _,
        seq,
        serde_json::to_value(report)?,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The newest verdict.
pub async fn latest_review(connection: &mut PgConnection, run: RunId) -> Result<Option<ReviewReport>> {
    let row = sqlx::query_scalar!("select report from review where run_id = $1 order by seq desc limit 1", run as _)
        .fetch_optional(connection)
        .await?;
    Ok(row.map(serde_json::from_value).transpose()?)
}

/// What the run shows on GitHub.
pub async fn output(connection: &mut PgConnection, run: RunId) -> Result<Output> {
    let row = sqlx::query!(
        r#"select status_comment_id as "status_comment: CommentId", status_comment_digest,
                  shown_plan_hash as "shown_plan: PlanHash", check_run_head as "check_run_head: CommitSha", check_run_key,
                  check_run_settled, check_run_id as "check_run: CheckRunId", check_digest,
                  check_items_digest, status_comment_edited_at as shown_at
           from run_output where run_id = $1"#,
        run as _,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map_or_else(Output::default, |row| Output {
        status_comment: row.status_comment,
        status_comment_digest: row.status_comment_digest,
        shown_plan: row.shown_plan,
        check_run: row.check_run_head.map(|head| ShownCheck {
            head,
            // Before follow-ups, a run had one check run only.
            key: row.check_run_key.unwrap_or_else(|| format!("{CHECK_RUN_PREFIX}{run}")),
            settled: row.check_run_settled,
            id: row.check_run,
            digest: row.check_digest,
        }),
        check_items_digest: row.check_items_digest,
        shown_at: row.shown_at,
    }))
}

/// The status comment as it now stands.
#[derive(Debug, Clone)]
pub struct ShownComment {
    pub id: CommentId,
    /// SHA-256 of the body.
    pub digest: String,
    /// The plan it shows for approval.
    pub plan: Option<PlanHash>,
    /// Whether it was made or changed just now.
    pub written: bool,
}

/// Remembers the status comment.
pub async fn save_status_comment(connection: &mut PgConnection, run: RunId, shown: &ShownComment) -> Result<()> {
    sqlx::query!(
        "update run_output
         set status_comment_id = $2, status_comment_digest = $3,
             status_comment_edited_at = case when $4 then now() else status_comment_edited_at end,
             shown_plan_hash = $5
         where run_id = $1",
        run as _,
        shown.id as _,
        shown.digest,
        shown.written,
        shown.plan.as_ref() as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Remembers which check run shows the run: before it is made, so that it is found and settled whatever happens next.
pub async fn save_check_run(connection: &mut PgConnection, run: RunId, shown: &ShownCheck) -> Result<()> {
    sqlx::query!(
        "update run_output
         set check_run_head = $2, check_run_key = $3, check_run_settled = $4, check_run_id = $5, check_digest = $6
         where run_id = $1",
        run as _,
        &shown.head as _,
        shown.key,
        shown.settled,
        shown.id as _,
        shown.digest,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Remembers what the check runs of single items say.
pub async fn save_check_items(connection: &mut PgConnection, run: RunId, digest: &str) -> Result<()> {
    sqlx::query!("update run_output set check_items_digest = $2 where run_id = $1", run as _, digest)
        .execute(connection)
        .await?;
    Ok(())
}

/// Notes that the checks of the items may be as another run wrote them.
pub async fn forget_check_items(connection: &mut PgConnection, run: RunId) -> Result<()> {
    sqlx::query!("update run_output set check_items_digest = null where run_id = $1", run as _)
        .execute(connection)
        .await?;
    Ok(())
}

/// Forgets what the check run and those of the items show, so that they are shown again whatever it is.
pub async fn forget_check(connection: &mut PgConnection, run: RunId) -> Result<()> {
    sqlx::query!("update run_output set check_digest = null, check_items_digest = null where run_id = $1", run as _)
        .execute(connection)
        .await?;
    Ok(())
}

/// Notes that the status comment is about to be made. False when that was noted before, so that it may be there.
pub async fn begin_status_comment(connection: &mut PgConnection, run: RunId) -> Result<bool> {
    let result = sqlx::query!(
        "update run_output set comment_begun_at = now() where run_id = $1 and comment_begun_at is null",
        run as _,
    )
    .execute(connection)
    .await?;
    Ok(result.rows_affected() == 1)
}

/// Notes which revision GitHub shows.
pub async fn save_shown_revision(connection: &mut PgConnection, run: RunId, revision: i32) -> Result<()> {
    sqlx::query!("update run_output set shown_revision = $2 where run_id = $1", run as _, revision)
        .execute(connection)
        .await?;
    Ok(())
}

/// Notes that a person was refused on an issue; false when they had been before.
pub async fn record_denial(
    connection: &mut PgConnection,
    repository: RepositoryId,
    issue: IssueNumber,
    user: UserId,
) -> Result<bool> {
    let result = sqlx::query!(
        "insert into denial (repository_id, issue_number, user_id) values ($1, $2, $3) on conflict do nothing",
        repository as _,
        issue as _,
        user as _,
    )
    .execute(connection)
    .await?;
    Ok(result.rows_affected() == 1)
}
