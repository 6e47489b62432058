//! One executor per kind of queue row.
//!
//! Every stage has the same frame, [`stage`]: load the run, do nothing if it has left the state the row was made for,
//! do the work, and store "the job is done" and "this is what came out" in one transaction. So a row that is worked
//! twice, late, or by two workers at once changes the run once. Stage files hold only the work itself.
//!
//! Read first: [`Executor`], [`stage`], then `plan.rs`.

mod answer;
mod answer_checks;
mod answer_review;
mod asking;
mod check_run;
mod checks;
mod deadline;
mod default_branch;
mod draft;
mod failure;
mod follow_up;
mod gate;
mod halt;
mod model;
mod offer;
mod opening;
mod place;
mod plan;
mod policy_check;
mod post_review;
mod publish;
mod pull_review;
mod pushed_policy;
mod reply;
mod report;
mod rerun;
mod review;
mod reviewed;
mod schedule;
mod selftest;
mod tell_failure;
mod told;
mod triage;
mod undo;
mod unstarted;
mod verify;
mod within_reach;
mod work;

use std::time::Duration;

use anyhow::Context as _;
use sqlx::{PgConnection, PgPool};

use checks::Turn;
use told::classify;
use within_reach::{is_out_of_reach, is_suspended};

use super::{
    project::FaultyPolicy,
    services::Services,
    session::SetupFailed,
    signal::{Signal, StageResult},
    store::{
        self, Signalled, StoredRun,
        results::{self, Proof, StepResult},
        reviews,
    },
    task::{PostReview, Reply, Task},
    workspace::Conflict,
};
use crate::{
    agent::{AgentError, ReviewReport, ThreadAnswer},
    error::UserMessage,
    github::GitHubError,
    ids::{ReviewId, RunId},
    queue::{self, Burial, Completed, Handler, Job, JobFailure, Lease, NewJob},
    report as texts,
    sandbox::SandboxError,
};

/// Runs every row of the queue.
pub struct Executor {
    pub services: Services,
}

#[async_trait::async_trait]
impl Handler for Executor {
    async fn handle(&self, job: &Job, lease: &Lease) -> Result<Completed, JobFailure> {
        let task = Task::decode(&job.kind, &job.payload)
            .with_context(|| format!("cannot decode a {:?} job", job.kind))
            .map_err(JobFailure::fatal)?;
        let services = &self.services.on_behalf_of(Some(job.id), job.run);
        if task.is_stage() {
            place::moved_on(services, job.id).await?;
        }
        let outcome = dispatch(services, lease, task).await;
        store::usage::record(&services.pool, &job.kind, services.github.calls()).await;
        if outcome.is_ok() {
            services.doorbell.ring();
        }
        services.spent_boxes.close_all().await;
        outcome
    }

    /// A stage that died fails its run, so that nobody waits for it, and words that could not be followed are answered.
    async fn dead(&self, job: &Job, end: Burial<'_>, transaction: &mut PgConnection) -> anyhow::Result<()> {
        let (run, seq) = match Task::decode(&job.kind, &job.payload) {
            Ok(
                Task::Plan { run, seq }
                | Task::Work { run, seq, .. }
                | Task::Verify { run, seq }
                | Task::Review { run, seq }
                | Task::Publish { run, seq },
            ) => (run, seq),
            Ok(Task::Triage { delivery }) => {
                tracing::error!(job = %job.id, %delivery, ?end, "a delivery was given up; `wiz jobs retry` tries again");
                return triage::dead(transaction, delivery).await;
            }
            Ok(Task::Tick { schedule, due }) => {
                tracing::error!(job = %job.id, %due, schedule = %schedule.name, ?end, "a tick was given up");
                return schedule::dead(transaction, &schedule).await;
            }
            Ok(Task::Draft { run }) => {
                tracing::error!(job = %job.id, %run, ?end, "a draft was given up");
                return draft::dead(transaction, run).await;
            }
            Ok(Task::Rerun(wanted)) => {
                tracing::error!(job = %job.id, head = %wanted.head, ?end, "failed jobs could not be run again");
                return rerun::not_again(transaction, &wanted).await;
            }
            Ok(Task::Checks(wanted) | Task::BranchChecks(wanted)) => {
                tracing::error!(job = %job.id, head = %wanted.head, ?end, "failing checks could not be looked at");
                return store::ci::unhear(transaction, wanted.repository, &wanted.head).await;
            }
            Ok(Task::Undo { run, issue, comment }) => {
                tracing::error!(job = %job.id, %run, ?end, "a run could not be taken back");
                return undo::dead(transaction, run, (issue, comment)).await;
            }
            Ok(
                Task::AnswerReview { .. }
                | Task::TellFailure { .. }
                | Task::EndDraft { .. }
                | Task::Report { .. }
                | Task::Restore { .. }
                | Task::Place { .. }
                | Task::Deadline { .. }
                | Task::Halt { .. }
                | Task::Reply(_)
                | Task::Selftest(_)
                | Task::PostReview(_)
                | Task::Schedules { .. }
                | Task::PolicyCheck { .. }
                | Task::PushedPolicy { .. }
                | Task::ShowSchedule { .. },
            )
            | Err(_) => {
                return Ok(());
            }
        };
        if store::is_waiting_for(transaction, run, seq).await? {
            tracing::error!(%run, kind = %job.kind, ?end, "a stage died");
        }
        let message = UserMessage::new(match end {
            Burial::Died { .. } => texts::stage_given_up(),
            Burial::Cancelled => texts::stopped_by_operator(),
        });
        let result = StageResult::Failed { message };
        store::signal(transaction, run, Signal::Stage { seq, result }).await?;
        Ok(())
    }
}

async fn dispatch(services: &Services, lease: &Lease, task: Task) -> Result<Completed, JobFailure> {
    match task {
        Task::Triage { delivery } => triage::execute(services, lease, delivery).await,
        Task::Plan { run, seq } => plan::execute(services, lease, run, seq).await,
        Task::Work { run, seq, step } => work::execute(services, lease, (run, seq), &step).await,
        Task::Verify { run, seq } => verify::execute(services, lease, run, seq).await,
        Task::Review { run, seq } => review::execute(services, lease, run, seq).await,
        Task::Publish { run, seq } => publish::execute(services, lease, run, seq).await,
        Task::Draft { run } => draft::execute(services, lease, run).await,
        Task::EndDraft { run, draft } => draft::end(services, lease, run, &draft).await,
        Task::AnswerReview { run, review, commit, offered } => {
            answer_review::execute(services, lease, (run, review), (commit.as_ref(), offered)).await
        }
        Task::TellFailure { run, waits } => tell_failure::execute(services, lease, run, waits).await,
        Task::Report { run, revision } => report::execute(services, lease, run, revision).await,
        Task::Restore { run, delivery: _ } => report::restore(services, lease, run).await,
        Task::Place { run, after: _ } => place::execute(services, lease, run).await,
        Task::Deadline { run, seq } => deadline::execute(services, lease, run, seq).await,
        Task::Halt { run, seq } => halt::execute(services, lease, run, seq).await,
        Task::PostReview(post) => post_review::execute(services, lease, &post).await,
        Task::Undo { run, issue, comment } => undo::execute(services, lease, run, (issue, comment)).await,
        Task::Selftest(asked) => selftest::execute(services, lease, &asked).await,
        Task::Reply(reply) => reply::execute(services, lease, &reply).await,
        Task::Schedules { installation, repository, after: _, name } => {
            schedule::read(services, lease, (installation, repository), name).await
        }
        Task::PolicyCheck { installation, repository, pull, after: _ } => {
            policy_check::execute(services, lease, (installation, repository), pull).await
        }
        Task::PushedPolicy { installation, repository, commit } => {
            pushed_policy::execute(services, lease, (installation, repository), &commit).await
        }
        Task::Tick { schedule, due } => schedule::tick(services, lease, &schedule, due).await,
        Task::ShowSchedule { schedule, due: _ } => schedule::show(services, lease, &schedule).await,
        Task::Checks(checks) => checks::execute(services, lease, &checks, Turn::OfCommit).await,
        Task::BranchChecks(checks) => checks::execute(services, lease, &checks, Turn::OfDefaultBranch).await,
        Task::Rerun(wanted) => rerun::execute(services, lease, &wanted).await,
    }
}

/// Why a stage did not come to a result of its own.
enum StageFailure {
    /// The run must hear of it; trying again would not help.
    Told(UserMessage),
    /// The queue decides: another try, or the end.
    Job(JobFailure),
    /// The run has gone on meanwhile; nobody waits for a result.
    Left,
}

impl From<SetupFailed> for StageFailure {
    fn from(failed: SetupFailed) -> Self {
        match failed {
            SetupFailed::Command(message) => Self::Told(message),
            SetupFailed::Other(error) => classify(error),
        }
    }
}

/// Errors that need no thought go through [`classify`].
macro_rules! classified {
    ($($error:ty),+ $(,)?) => {$(
        impl From<$error> for StageFailure {
            fn from(error: $error) -> Self {
                classify(anyhow::Error::from(error))
            }
        }
    )+};
}

classified!(anyhow::Error, sqlx::Error, GitHubError, SandboxError, AgentError, Conflict);

/// Spreads the jobs that a limit held up, so that they do not all come back in the same moment.
const SPREAD_MS: u64 = 3_000;

/// A failure that the queue deals with: GitHub's limits, and what is just being made by another job, are waited for and
/// nobody's fault, everything else is tried again with growing waits.
fn retry(error: anyhow::Error) -> JobFailure {
    if error.is::<opening::StillOpening>() {
        return JobFailure::TooEarly { error, after: opening::LOOK_AGAIN };
    }
    if error.is::<triage::TooYoung>() {
        return JobFailure::TooEarly { error, after: triage::LOOK_AGAIN };
    }
    if error.is::<check_run::StillMade>() {
        return JobFailure::TooEarly { error, after: check_run::LOOK_AGAIN };
    }
    match error.downcast_ref::<GitHubError>() {
        Some(GitHubError::RateLimited { until, .. }) => {
            let left = (*until - chrono::Utc::now()).to_std().unwrap_or_default();
            let spread = Duration::from_millis(rand::random_range(0..SPREAD_MS));
            JobFailure::TooEarly { error, after: left + spread }
        }
        Some(
            GitHubError::Transient(_)
            | GitHubError::Ambiguous(_)
            | GitHubError::NotFound(_)
            | GitHubError::Gone(_)
            | GitHubError::Forbidden(_)
            | GitHubError::Conflict(_)
            | GitHubError::Invalid(_)
            | GitHubError::Unauthorized(_),
        )
        | None => error.into(),
    }
}

/// What a stage came to, and what must be kept of it.
#[derive(Debug, Clone)]
pub struct Done {
    pub result: StageResult,
    pub keep: Option<Keep>,
}

/// A stage's product.
#[derive(Debug, Clone)]
pub enum Keep {
    Step {
        plan_version: i32,
        step: StepResult,
        /// For the step that worked a review.
        review: Option<ReviewAnswers>,
    },
    /// What is said to the threads of a review that changes nothing.
    Words(ReviewAnswers),
    Proof(Proof),
    Review(ReviewReport),
    /// The answer to a question, to be said.
    Answer(Box<Reply>),
    /// The review of a pull request, to be posted.
    Posted(Box<PostReview>),
}

/// What the coder says to the threads of a review.
#[derive(Debug, Clone)]
pub struct ReviewAnswers {
    pub review: ReviewId,
    pub answers: Vec<ThreadAnswer>,
}

impl From<StageResult> for Done {
    fn from(result: StageResult) -> Self {
        Self { result, keep: None }
    }
}

/// The frame of a stage: `work` runs only if the run is still in the state entry `seq`, and its result is stored
/// together with the end of the job.
async fn stage<W>(
    services: &Services,
    lease: &Lease,
    (run, seq): (RunId, i32),
    work: W,
) -> Result<Completed, JobFailure>
where
    W: AsyncFnOnce(&StoredRun) -> Result<Done, StageFailure>,
{
    let mut connection = services.pool.acquire().await?;
    let stored = store::load(&mut connection, run).await?;
    drop(connection);
    let Some(stored) = stored.filter(|stored| stored.run.seq == seq && !stored.run.state.is_terminal()) else {
        return complete(services, lease).await;
    };
    tracing::info!(repo = %stored.repository_name, state = ?stored.run.state, "working");
    let work = async |stored: &StoredRun| {
        if is_suspended(services, stored.installation).await? {
            return Err(StageFailure::Told(UserMessage::new(super::reach::SUSPENDED)));
        }
        work(stored).await
    };
    let done = tokio::select! {
        biased;
        () = lease.cancelled().cancelled() => return interrupted(services, lease, (run, seq)).await,
        done = work(&stored) => done,
    };
    match done {
        Ok(done) => conclude(&services.pool, lease, (run, seq), done).await,
        Err(StageFailure::Told(message)) => {
            conclude(&services.pool, lease, (run, seq), StageResult::Failed { message }.into()).await
        }
        Err(StageFailure::Job(failure)) => Err(failure),
        Err(StageFailure::Left) => complete(services, lease).await,
    }
}

/// Ends a stage's job, keeps its product and tells the run, all or nothing: a claim that was lost leaves no trace.
pub async fn conclude(
    pool: &PgPool,
    lease: &Lease,
    (run, seq): (RunId, i32),
    Done { result, keep }: Done,
) -> Result<Completed, JobFailure> {
    let mut transaction = pool.begin().await?;
    let completed = lease.complete(&mut transaction).await?;
    let mut words = None;
    match keep {
        None => {}
        Some(Keep::Step { plan_version, step, review }) => {
            results::save_step(&mut transaction, run, plan_version, &step).await?;
            if let Some(ReviewAnswers { review, answers }) = review {
                reviews::save_answers(&mut transaction, run, review, &answers).await?;
            }
        }
        Some(Keep::Words(ReviewAnswers { review, answers })) => {
            reviews::save_answers(&mut transaction, run, review, &answers).await?;
        }
        Some(Keep::Proof(proof)) => results::save_evidence(&mut transaction, run, seq, &proof).await?,
        Some(Keep::Review(report)) => results::save_review(&mut transaction, run, seq, &report).await?,
        Some(Keep::Answer(reply)) => words = Some((reply.installation, Task::Reply(*reply))),
        Some(Keep::Posted(post)) => words = Some((post.installation, Task::PostReview(*post))),
    }
    let signalled = store::signal(&mut transaction, run, Signal::Stage { seq, result }).await?;
    match (signalled, words) {
        (Signalled::Applied { .. }, Some((tenant, task))) => {
            let job = task.job(tenant, Duration::ZERO)?;
            queue::enqueue(&mut transaction, &NewJob { run: Some(run), ..job }).await?;
        }
        (Signalled::Applied { .. }, None) => {}
        // Somebody cancelled meanwhile, and hears nothing more; or the state machine misses a case, which the deadline ends.
        (refused, _) => tracing::warn!(%run, ?refused, "the run did not take the stage's result"),
    }
    transaction.commit().await?;
    Ok(completed)
}

/// Ends a job that has nothing to add.
async fn complete(services: &Services, lease: &Lease) -> Result<Completed, JobFailure> {
    let mut transaction = services.pool.begin().await?;
    let completed = lease.complete(&mut transaction).await?;
    transaction.commit().await?;
    Ok(completed)
}

/// Leaves a job whose lease was taken back: a cancelled one is done, any other goes to its next claim. A run that has gone
/// on is why most are cancelled; one that still waits was stopped by the operator, and hears of it.
async fn interrupted(services: &Services, lease: &Lease, (run, seq): (RunId, i32)) -> Result<Completed, JobFailure> {
    match lease.interruption() {
        Some(queue::Interruption::CancelRequested) => {
            if !store::is_waiting_for(&mut *services.pool.acquire().await?, run, seq).await? {
                return complete(services, lease).await;
            }
            let message = UserMessage::new(texts::stopped_by_operator());
            conclude(&services.pool, lease, (run, seq), StageResult::Failed { message }.into()).await
        }
        Some(queue::Interruption::Lost | queue::Interruption::Shutdown) | None => {
            Err(JobFailure::Retry { error: anyhow::anyhow!("interrupted"), after: None })
        }
    }
}
