//! Reviews that runs work: which there are, what the coder was shown of them, and what it says to each thread.

use anyhow::Result;
use serde::{Deserialize, Serialize};
use sqlx::{PgConnection, types::Json};

use crate::{
    agent::{ReviewThread, ThreadAnswer},
    ids::{CommentId, IssueNumber, Login, RepositoryId, ReviewId, RunId},
};

/// A review that a run is to work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenReview {
    pub repository: RepositoryId,
    pub review: ReviewId,
    pub run: RunId,
    pub pull: IssueNumber,
    pub reviewer: Login,
}

/// A thread as the coder was shown it, and where it stands on GitHub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownThread {
    /// The thread's first comment; none for the review's own text.
    pub first: Option<CommentId>,
    /// The file it is about.
    pub path: Option<String>,
    pub thread: ReviewThread,
    /// There were too many at once, so the coder was not shown it. What was kept before there was such a thing was shown.
    #[serde(default)]
    pub left_over: bool,
}

/// What came of a review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkedReview {
    pub pull: IssueNumber,
    pub reviewer: Login,
    pub threads: Vec<ShownThread>,
    pub answers: Vec<ThreadAnswer>,
    pub is_answered: bool,
}

/// Takes a review for a run; false when it was taken before.
pub async fn take(connection: &mut PgConnection, taken: &TakenReview) -> Result<bool> {
    let result = sqlx::query!(
        "insert into worked_review (repository_id, review_id, run_id, pull_number, reviewer_login)
         values ($1, $2, $3, $4, $5) on conflict do nothing",
        taken.repository as _,
        taken.review as _,
        taken.run as _,
        taken.pull as _,
        taken.reviewer as _,
    )
    .execute(connection)
    .await?;
    Ok(result.rows_affected() == 1)
}

/// Whether the review was taken, by whichever run.
pub async fn is_taken(connection: &mut PgConnection, repository: RepositoryId, review: ReviewId) -> Result<bool> {
    let taken = sqlx::query_scalar!(
        r#"select exists(select 1 from worked_review where repository_id = $1 and review_id = $2) as "taken!""#,
        repository as _,
        review as _,
    )
    .fetch_one(connection)
    .await?;
    Ok(taken)
}

/// Keeps the threads as they are when the work begins, and answers those that count: the first ones that were kept.
pub async fn keep_threads(
    connection: &mut PgConnection,
    run: RunId,
    review: ReviewId,
    threads: &[ShownThread],
) -> Result<Vec<ShownThread>> {
    let kept = sqlx::query_scalar!(
        r#"update worked_review set threads = coalesce(threads, $3) where run_id = $1 and review_id = $2
           returning threads as "threads!: Json<Vec<ShownThread>>""#,
        run as _,
        review as _,
        Json(threads) as _,
    )
    .fetch_optional(connection)
    .await?;
    Ok(kept.map(|kept| kept.0).unwrap_or_default())
}

/// Keeps what the coder says to the threads.
pub async fn save_answers(
    connection: &mut PgConnection,
    run: RunId,
    review: ReviewId,
    answers: &[ThreadAnswer],
) -> Result<()> {
    sqlx::query!(
        "update worked_review set answers = $3 where run_id = $1 and review_id = $2",
        run as _,
        review as _,
        Json(answers) as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// What came of a review so far.
pub async fn worked(connection: &mut PgConnection, run: RunId, review: ReviewId) -> Result<Option<WorkedReview>> {
    let row = sqlx::query!(
        r#"select pull_number as "pull: IssueNumber", reviewer_login as "reviewer: Login",
                  threads as "threads: Json<Vec<ShownThread>>", answers as "answers: Json<Vec<ThreadAnswer>>",
                  answered_at is not null as "is_answered!"
           from worked_review where run_id = $1 and review_id = $2"#,
        run as _,
        review as _,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| WorkedReview {
        pull: row.pull,
        reviewer: row.reviewer,
        threads: row.threads.map(|threads| threads.0).unwrap_or_default(),
        answers: row.answers.map(|answers| answers.0).unwrap_or_default(),
        is_answered: row.is_answered,
    }))
}

/// Notes that every thread of the review has its answer.
pub async fn note_answered(connection: &mut PgConnection, run: RunId, review: ReviewId) -> Result<()> {
    sqlx::query!(
        "update worked_review set answered_at = coalesce(answered_at, now())
         where run_id = $1 and review_id = $2 and answers is not null",
        run as _,
        review as _,
    )
    .execute(connection)
    .await?;
    Ok(())
}
