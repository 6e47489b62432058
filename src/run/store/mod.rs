//! Runs in Postgres. [`signal`] is the only way a stored run changes; [`results`] holds what its stages produced.

pub mod ci;
mod effects;
pub mod heads;
pub mod heard;
pub mod history;
pub mod line;
pub mod memory;
pub mod opening;
pub mod policy_faults;
pub mod reach;
pub mod rehearsal;
pub mod repair;
pub mod results;
pub mod reviews;
pub mod schedules;
pub mod undo;
pub mod usage;

use anyhow::{Context as _, Result};
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, types::Json};

use super::{
    machine,
    signal::{Notice, Refusal, Signal, Transition},
    state::{AskedIn, Mission, Options, Progress, PullRequest, Run, State},
};
use crate::{
    ids::{BranchName, CommitSha, InstallationId, IssueNumber, Login, RepositoryId, RepositoryName, RunId, UserId},
    llm::ChosenModel,
    money::MicroDollars,
    plan::WorkKind,
};

/// A run with everything about it that does not change.
#[derive(Debug, Clone)]
pub struct StoredRun {
    pub run: Run,
    /// Through which wiz reaches the repository now; after a reinstallation it is another one than at the run's start.
    pub installation: InstallationId,
    pub repository: RepositoryId,
    pub repository_name: RepositoryName,
    pub default_branch: BranchName,
    pub issue: IssueNumber,
    pub issue_title: String,
    pub mission: Mission,
    /// What the person wrote after the verb.
    pub instructions: String,
    pub requester_id: UserId,
    pub requester: Login,
    /// The model the person asked for.
    pub model: Option<String>,
    pub options: Options,
    /// How often the run changed.
    pub revision: i32,
    pub created_at: DateTime<Utc>,
    /// When the run last changed.
    pub updated_at: DateTime<Utc>,
}

impl StoredRun {
    /// The branch the run starts from and opens its pull request against.
    pub fn base_branch(&self) -> &BranchName {
        self.options.base.as_ref().unwrap_or(&self.default_branch)
    }

    /// The kind of what is worked on now: what a command on the pull request names goes before what the run was begun for.
    pub fn kind(&self) -> WorkKind {
        let asked = self.run.progress.follow_up.as_ref().and_then(|follow_up| follow_up.cause.kind());
        asked.unwrap_or_else(|| self.mission.kind())
    }

    /// Whether this is the run that opened the pull request. One that stands on the pull request itself watches what
    /// somebody else opened.
    pub fn has_opened(&self, pull: IssueNumber) -> bool {
        let watched = self.run.progress.pull_request.as_ref().map(|pull_request| pull_request.number);
        watched == Some(pull) && self.issue != pull
    }
}

/// What a new run needs.
#[derive(Debug, Clone)]
pub struct NewRun {
    pub installation: InstallationId,
    pub repository: RepositoryId,
    pub issue: IssueNumber,
    pub issue_title: String,
    /// Names what started the run, so that the same thing never starts two.
    pub trigger_key: String,
    pub mission: Mission,
    /// Where words were asked for that are all that comes of the run; see [`Mission::ends_in_words`].
    pub asked_in: Option<AskedIn>,
    /// The commit that is read; for [`Mission::Review`] alone.
    pub reads: Option<CommitSha>,
    pub instructions: String,
    pub requester_id: UserId,
    pub requester: Login,
    pub model: ChosenModel,
    pub options: Options,
    pub budget: MicroDollars,
    /// What all runs of the repository may spend within 24 hours.
    pub budget_day: MicroDollars,
}

/// What became of a request for a new run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    New(RunId),
    /// The same trigger had already started this run.
    Before(RunId),
    /// The issue has an open run; a second one would fight with it.
    OpenRun(RunId),
    /// This run reads, or has read, the same commit.
    ReadBefore(RunId),
}

/// What a signal did to the stored run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signalled {
    Applied {
        state: State,
        notice: Option<Notice>,
    },
    Refused {
        state: State,
        refusal: Refusal,
    },
    /// The order would reopen this run while another one is open on the issue.
    AnotherRunIsOpen,
    /// A person took the run back, so it has ended for good.
    Undone,
    /// There is no such run.
    Unknown,
}

/// Creates a run and enqueues its first effects.
pub async fn create(connection: &mut PgConnection, new: &NewRun) -> Result<Created> {
    let progress = Progress { asked_in: new.asked_in, reads: new.reads.clone(), ..Progress::default() };
    insert(connection, new, machine::start(draft(new, progress))).await
}

/// Creates a run that watches a pull request which it did not open; follow-ups are its only work. What they change in a
/// branch of a fork is offered and never written.
pub async fn adopt(connection: &mut PgConnection, new: &NewRun, pull_request: PullRequest) -> Result<Created> {
    let progress = Progress { pull_request: Some(pull_request), ..Progress::default() };
    insert(connection, new, machine::adopt(draft(new, progress))).await
}

fn draft(new: &NewRun, progress: Progress) -> Run {
    Run { id: RunId(0), state: State::Queued, seq: 0, budget: new.budget, progress }
}

async fn insert(connection: &mut PgConnection, new: &NewRun, transition: Transition) -> Result<Created> {
    let Transition { run, effects, notice: _ } = transition;
    let id = sqlx::query_scalar!(
        r#"insert into run (installation_id, repository_id, issue_number, issue_title, trigger_key, verb, instructions,
                            requester_id, requester_login, model, budget_micro_dollars, state, seq, progress, options)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
           on conflict do nothing
           returning id as "id: RunId""#,
        new.installation as _,
        new.repository as _,
        new.issue as _,
        new.issue_title,
        new.trigger_key,
        new.mission as _,
        new.instructions,
        new.requester_id as _,
        new.requester as _,
        new.model.name().map(ToString::to_string),
        run.budget as _,
        run.state as _,
        run.seq,
        Json(&run.progress) as _,
        Json(&new.options) as _,
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(id) = id else { return existing(connection, new).await };
    sqlx::query!("insert into run_output (run_id) values ($1)", id as _).execute(&mut *connection).await?;
    let run = Run { id, ..run };
    effects::enqueue(connection, new.installation, (None, &run), 0, &effects).await?;
    Ok(Created::New(id))
}

async fn existing(connection: &mut PgConnection, new: &NewRun) -> Result<Created> {
    let row = sqlx::query!(
        r#"select id as "id: RunId", trigger_key = $1 as "same_trigger!" from run
           where trigger_key = $1
              or (repository_id = $2 and issue_number = $3 and $4::text is null
                  and state not in ('succeeded', 'failed', 'cancelled') and verb not in ('ask', 'review'))
              or (repository_id = $2 and issue_number = $3 and progress ->> 'reads' = $4
                  and state not in ('failed', 'cancelled') and verb = 'review')
           order by trigger_key = $1 desc
           limit 1"#,
        new.trigger_key,
        new.repository as _,
        new.issue as _,
        new.reads.as_ref().map(CommitSha::as_str),
    )
    .fetch_one(connection)
    .await
    .context("cannot find the run that kept a new one from starting")?;
    Ok(match (row.same_trigger, &new.reads) {
        (true, _) => Created::Before(row.id),
        (false, Some(_)) => Created::ReadBefore(row.id),
        (false, None) => Created::OpenRun(row.id),
    })
}

/// Loads a run.
pub async fn load(connection: &mut PgConnection, id: RunId) -> Result<Option<StoredRun>> {
    let row = sqlx::query!(
        r#"select run.id as "id: RunId", run.state as "state: State", seq, revision,
                  budget_micro_dollars as "budget: MicroDollars", progress as "progress: Json<Progress>",
                  repository.installation_id as "installation: InstallationId",
                  repository_id as "repository: RepositoryId",
                  repository.name as "repository_name: RepositoryName",
                  default_branch as "default_branch: BranchName",
                  issue_number as "issue: IssueNumber", issue_title, verb as "mission: Mission", instructions,
                  requester_id as "requester_id: UserId", requester_login as "requester: Login", model,
                  options as "options: Json<Options>", run.created_at, run.updated_at
           from run join repository on repository.id = run.repository_id
           where run.id = $1"#,
        id as _,
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| StoredRun {
        run: Run { id: row.id, state: row.state, seq: row.seq, budget: row.budget, progress: row.progress.0 },
        installation: row.installation,
        repository: row.repository,
        repository_name: row.repository_name,
        default_branch: row.default_branch,
        issue: row.issue,
        issue_title: row.issue_title,
        mission: row.mission,
        instructions: row.instructions,
        requester_id: row.requester_id,
        requester: row.requester,
        model: row.model,
        options: row.options.0,
        revision: row.revision,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }))
}

/// Whether the run still waits for what state entry `seq` asked for.
pub async fn is_waiting_for(connection: &mut PgConnection, id: RunId, seq: i32) -> Result<bool> {
    let waiting = sqlx::query_scalar!(
        r#"select exists(
               select 1 from run where id = $1 and seq = $2 and state not in ('succeeded', 'failed', 'cancelled')
           ) as "exists!""#,
        id as _,
        seq,
    )
    .fetch_one(connection)
    .await?;
    Ok(waiting)
}

/// What this database is called among those whose wiz share a container engine: eight hexadecimal digits.
pub async fn instance(connection: &mut PgConnection) -> Result<String> {
    let id = sqlx::query_scalar!("select id from instance").fetch_one(connection).await?;
    Ok(hex::encode(&id.as_bytes()[..4]))
}

/// What the repository's runs may still spend today: its cap, less what was spent in the last 24 hours and what open
/// runs may yet spend.
pub async fn left_today(
    connection: &mut PgConnection,
    repository: RepositoryId,
    cap: MicroDollars,
) -> Result<MicroDollars> {
    // Two runs that start at once must not both count on the same rest.
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended('budget_day', $1::bigint))", repository.0)
        .execute(&mut *connection)
        .await?;
    let taken = sqlx::query_scalar!(
        r#"with spent as (
               select run.id, run.state, run.budget_micro_dollars as budget,
                      coalesce(sum(llm_call.micro_dollars), 0) as whole,
                      coalesce(sum(llm_call.micro_dollars)
                          filter (where llm_call.created_at > now() - interval '24 hours'), 0) as today
               from run left join llm_call on llm_call.run_id = run.id
               where repository_id = $1
                 and (run.updated_at > now() - interval '24 hours'
                      or run.state not in ('succeeded', 'failed', 'cancelled'))
               group by run.id
           )
           select coalesce(sum(today + case
                      when state in ('succeeded', 'failed', 'cancelled', 'watching') then 0
                      else greatest(budget - whole, 0)
                  end), 0)::bigint as "taken!"
           from spent"#,
        repository as _,
    )
    .fetch_one(connection)
    .await?;
    Ok(cap.saturating_sub(MicroDollars::new(taken)))
}

/// What a repository is called now.
pub async fn repository_name(connection: &mut PgConnection, id: RepositoryId) -> Result<RepositoryName> {
    sqlx::query_scalar!(r#"select name as "name: RepositoryName" from repository where id = $1"#, id as _)
        .fetch_optional(connection)
        .await?
        .with_context(|| format!("repository {id} is unknown"))
}

/// The newest run of an issue, or of the pull request with that number; one that ends in words comes last.
pub async fn latest_of(
    connection: &mut PgConnection,
    repository: RepositoryId,
    number: IssueNumber,
) -> Result<Option<RunId>> {
    let id = sqlx::query_scalar!(
        r#"select id as "id: RunId" from run
           where repository_id = $1
             and (issue_number = $2 or (progress -> 'pull_request' ->> 'number')::bigint = $2)
           order by verb in ('ask', 'review'), id desc
           limit 1"#,
        repository as _,
        number as _,
    )
    .fetch_optional(connection)
    .await?;
    Ok(id)
}

/// The newest run that shows unfinished further work in the draft of that number.
pub async fn of_follow_up_draft(
    connection: &mut PgConnection,
    repository: RepositoryId,
    number: IssueNumber,
) -> Result<Option<RunId>> {
    let id = sqlx::query_scalar!(
        r#"select id as "id: RunId" from run
           where repository_id = $1 and (progress -> 'follow_up_draft' ->> 'number')::bigint = $2
           order by id desc
           limit 1"#,
        repository as _,
        number as _,
    )
    .fetch_optional(connection)
    .await?;
    Ok(id)
}

/// Applies a signal in the caller's transaction: the new state, its place in the run's history, and its effects as
/// queue rows, all or nothing.
pub async fn signal(connection: &mut PgConnection, id: RunId, signal: Signal) -> Result<Signalled> {
    let row = sqlx::query!(
        r#"select installation_id as "installation: InstallationId", repository_id as "repository: RepositoryId", state as "state: State", seq, revision,
                  budget_micro_dollars as "budget: MicroDollars", progress as "progress: Json<Progress>"
           from run where id = $1 for update"#,
        id as _,
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else { return Ok(Signalled::Unknown) };
    let before = Run { id, state: row.state, seq: row.seq, budget: row.budget, progress: row.progress.0 };
    if before.state.is_terminal() && undo::is_asked(connection, id).await? {
        return Ok(Signalled::Undone);
    }
    let Transition { run, effects, notice } = match machine::advance(&before, signal.clone()) {
        Ok(transition) => transition,
        Err(refusal) => return Ok(Signalled::Refused { state: before.state, refusal }),
    };
    if before.state.is_terminal() && !run.state.is_terminal() && other_open_run(connection, id).await? {
        return Ok(Signalled::AnotherRunIsOpen);
    }
    let revision = row.revision + 1;
    sqlx::query!(
        "update run
         set state = $2, seq = $3, progress = $4, revision = $5, budget_micro_dollars = $6, updated_at = now()
         where id = $1",
        id as _,
        run.state as _,
        run.seq,
        Json(&run.progress) as _,
        revision,
        run.budget as _,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "insert into run_event (run_id, revision, signal, from_state, to_state) values ($1, $2, $3, $4, $5)",
        id as _,
        revision,
        Json(&signal) as _,
        before.state as _,
        run.state as _,
    )
    .execute(&mut *connection)
    .await?;
    for failing in machine::forsaken(&before, &signal, &run) {
        ci::forget_repairs(connection, row.repository, &failing).await?;
    }
    effects::enqueue(connection, row.installation, (Some(&before), &run), revision, &effects).await?;
    if let Some(head) = machine::finished(&before, &run) {
        effects::look_at_checks(connection, (row.installation, row.repository), head).await?;
    }
    Ok(Signalled::Applied { state: run.state, notice })
}

/// Whether the issue of run `id` has another run that is open.
async fn other_open_run(connection: &mut PgConnection, id: RunId) -> Result<bool> {
    let found = sqlx::query_scalar!(
        r#"select exists(
               select 1 from run own join run other using (repository_id, issue_number)
               where own.id = $1 and other.id <> own.id and other.state not in ('succeeded', 'failed', 'cancelled')
                 and own.verb not in ('ask', 'review') and other.verb not in ('ask', 'review')
           ) as "exists!""#,
        id as _,
    )
    .fetch_one(connection)
    .await?;
    Ok(found)
}
