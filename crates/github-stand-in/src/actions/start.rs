//! What starts a workflow run: a push to a branch, or a pull request that moves.

use anyhow::Result;

use super::schedule::plan;
use super::stages;
use crate::git::Git;
use crate::store::{
    Account, AccountKind, App, Attempt, CheckOutput, CheckRun, CheckSuite, Conclusion, Job, JobScript, Progress,
    Repository, State, Step, Trigger, WorkflowRun,
};

/// The slug of the app behind GitHub Actions.
const SLUG: &str = "github-actions";
/// <https://docs.github.com/en/actions/how-tos/manage-workflow-runs/skip-workflow-runs>
const SKIPS: [&str; 5] = ["[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]"];

/// The app that owns check suites and check runs of workflows; it signs in nowhere.
fn actions_app(state: &mut State) -> u64 {
    if let Some(known) = state.apps.values().find(|app| app.slug == SLUG) {
        return known.id;
    }
    let now = state.now();
    let owner = match state.account_by_login("github").map(|account| account.id) {
        Some(known) => known,
        None => add_account(state, "github", AccountKind::Organization),
    };
    let bot = add_account(state, "github-actions[bot]", AccountKind::Bot);
    let (id, hook) = (state.fresh_id(), state.fresh_id());
    let app = App {
        id,
        client_id: String::new(),
        slug: SLUG.to_owned(),
        name: "GitHub Actions".to_owned(),
        owner,
        bot,
        permissions: Default::default(),
        events: Default::default(),
        private_key: String::new(),
        public_key: String::new(),
        webhook_secret: String::new(),
        webhook_url: None,
        setup_url: None,
        hook,
        created_at: now,
    };
    state.apps.insert(id, app);
    id
}

fn add_account(state: &mut State, login: &str, kind: AccountKind) -> u64 {
    let (id, created_at) = (state.fresh_id(), state.now());
    state.accounts.insert(id, Account { id, login: login.to_owned(), kind, created_at });
    id
}

/// Where a run comes from.
struct Head {
    event: Trigger,
    branch: String,
    sha: String,
    /// The repository that has the branch; another one for a fork.
    repository: u64,
    title: String,
    before: Option<String>,
}

/// A branch of the repository has a new tip.
///
/// # Errors
/// When git fails.
pub fn pushed(state: &mut State, place: (u64, u64), branch: &str, tip: (Option<&str>, &str)) -> Result<()> {
    let (repository, actor) = place;
    let Some(found) = state.repositories.get(&repository) else { return Ok(()) };
    if found.workflows.is_empty() && found.scripted_checks.is_empty() {
        return Ok(());
    }
    let title = Git::at(&found.git_dir).commit(tip.1)?.map(|commit| commit.message).unwrap_or_default();
    let head = Head {
        event: Trigger::Push,
        branch: branch.to_owned(),
        sha: tip.1.to_owned(),
        repository,
        title: title.lines().next().unwrap_or_default().to_owned(),
        before: tip.0.map(str::to_owned),
    };
    super::begin_scripted(state, repository, tip.1);
    if SKIPS.iter().any(|mark| title.contains(mark)) {
        return Ok(());
    }
    start_all(state, (repository, actor), &head)
}

/// A pull request was opened, reopened or got commits.
///
/// # Errors
/// When git fails.
pub fn pull_request_moved(state: &mut State, place: (u64, u64), actor: u64) -> Result<()> {
    let (repository, number) = place;
    let Some(found) = state.repositories.get(&repository) else { return Ok(()) };
    let Some(issue) = found.issues.get(&number) else { return Ok(()) };
    let Some(pull) = &issue.pull else { return Ok(()) };
    let message = Git::at(&found.git_dir).commit(&pull.head_sha)?.map(|commit| commit.message).unwrap_or_default();
    let head = Head {
        event: Trigger::PullRequest,
        branch: pull.head_ref.clone(),
        sha: pull.head_sha.clone(),
        repository: pull.head_repository.unwrap_or(repository),
        title: issue.title.clone(),
        before: None,
    };
    if SKIPS.iter().any(|mark| message.contains(mark)) {
        return Ok(());
    }
    start_all(state, (repository, actor), &head)
}

fn start_all(state: &mut State, place: (u64, u64), head: &Head) -> Result<()> {
    let Some(found) = state.repositories.get(&place.0) else { return Ok(()) };
    let wanted = found.workflows.iter().filter(|workflow| workflow.on.contains(&head.event));
    for workflow in wanted.map(|workflow| workflow.id).collect::<Vec<_>>() {
        start(state, place, workflow, head)?;
    }
    Ok(())
}

fn start(state: &mut State, place: (u64, u64), workflow: u64, head: &Head) -> Result<()> {
    let (repository, actor) = place;
    let app = actions_app(state);
    let (id, suite, now) = (state.fresh_id(), state.fresh_id(), state.now());
    let Some(found) = state.repositories.get_mut(&repository) else { return Ok(()) };
    let Some(script) = found.workflows.iter_mut().find(|one| one.id == workflow) else { return Ok(()) };
    script.runs += 1;
    let (number, pace, jobs) = (script.runs, script.pace, script.jobs.clone());
    let fork = head.repository != repository;
    let new_suite = CheckSuite {
        id: suite,
        app,
        head_sha: head.sha.clone(),
        // A suite on a fork's commit names no branch:
        // https://docs.github.com/en/rest/guides/using-the-rest-api-to-interact-with-checks#about-check-suites
        head_branch: (!fork).then(|| head.branch.clone()),
        before: head.before.clone(),
        created_at: now,
        updated_at: now,
        asked_again: false,
    };
    found.check_suites.insert(suite, new_suite);
    let run = WorkflowRun {
        id,
        workflow,
        number,
        event: head.event,
        head_branch: head.branch.clone(),
        head_sha: head.sha.clone(),
        head_repository: head.repository,
        display_title: head.title.clone(),
        suite,
        actor,
        created_at: now,
        attempts: Vec::new(),
    };
    found.workflow_runs.insert(id, run);
    let names: Vec<usize> = (0..jobs.len()).collect();
    begin_attempt(state, (repository, id), actor, &names);
    stages::tell_run(state, (repository, id), actor, "requested")?;
    stages::tell_jobs(state, (repository, id), ("queued", "created"))?;
    plan(state, pace, crate::store::Errand::Run { repository, run: id });
    Ok(())
}

/// Adds an attempt in which the jobs at these places run; the others are taken over as they ended.
pub fn begin_attempt(state: &mut State, place: (u64, u64), actor: u64, again: &[usize]) {
    let (repository, run) = place;
    let app = actions_app(state);
    let now = state.now();
    let Some(found) = state.repositories.get(&repository) else { return };
    let Some(record) = found.workflow_runs.get(&run) else { return };
    let scripts = scripts(found, record);
    let number = record.attempts.len() as u64 + 1;
    let earlier = record.attempts.last().map(|attempt| attempt.jobs.clone()).unwrap_or_default();
    let (suite, head_sha) = (record.suite, record.head_sha.clone());
    let mut jobs = Vec::new();
    for (index, script) in scripts.iter().enumerate() {
        let id = state.fresh_id();
        match earlier.get(index).filter(|_| !again.contains(&index)) {
            Some(kept) => jobs.push(Job { id: kept.id, ..kept.clone() }),
            None => {
                jobs.push(new_job(id, script, number, now));
                let check = new_check(id, (suite, app), &script.name, (&head_sha, now));
                let Some(found) = state.repositories.get_mut(&repository) else { return };
                found.check_runs.insert(id, check);
            }
        }
    }
    let attempt = Attempt {
        number,
        status: Progress::Queued,
        conclusion: None,
        triggering_actor: actor,
        started_at: now,
        updated_at: now,
        jobs,
    };
    let Some(found) = state.repositories.get_mut(&repository) else { return };
    if let Some(record) = found.workflow_runs.get_mut(&run) {
        record.attempts.push(attempt);
    }
}

/// The jobs of a run's workflow.
pub fn scripts(repository: &Repository, run: &WorkflowRun) -> Vec<JobScript> {
    let workflow = repository.workflows.iter().find(|workflow| workflow.id == run.workflow);
    workflow.map(|workflow| workflow.jobs.clone()).unwrap_or_default()
}

/// The commands of a job; a job without any runs `make`.
pub fn commands(script: &JobScript) -> Vec<String> {
    if script.steps.is_empty() { vec!["make".to_owned()] } else { script.steps.clone() }
}

fn new_job(id: u64, script: &JobScript, attempt: u64, now: chrono::DateTime<chrono::Utc>) -> Job {
    let named = commands(script).into_iter().map(|command| format!("Run {command}"));
    let steps = std::iter::once("Set up job".to_owned()).chain(named).chain(["Complete job".to_owned()]);
    Job {
        id,
        name: script.name.clone(),
        ran_in: attempt,
        status: Progress::Queued,
        conclusion: None,
        created_at: now,
        started_at: now,
        completed_at: None,
        steps: steps.map(|name| Step { name, conclusion: None::<Conclusion> }).collect(),
        log: String::new(),
        own_log: script.own_log,
    }
}

fn new_check(id: u64, owner: (u64, u64), name: &str, head: (&str, chrono::DateTime<chrono::Utc>)) -> CheckRun {
    CheckRun {
        id,
        suite: owner.0,
        app: owner.1,
        name: name.to_owned(),
        head_sha: head.0.to_owned(),
        external_id: uuid::Uuid::new_v4().to_string(),
        details_url: None,
        status: Progress::Queued.as_str().to_owned(),
        conclusion: None,
        started_at: head.1,
        completed_at: None,
        output: CheckOutput::default(),
        actions: Vec::new(),
        stood: Vec::new(),
    }
}
