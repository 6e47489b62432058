//! Commands that start a run.

use anyhow::Result;
use sqlx::PgConnection;

use super::{super::model, Services, hearing::Scene, store};
use crate::{
    event::{Place, command::Command},
    github::OpenState,
    ids::{RepositoryId, RunId},
    money::MicroDollars,
    report,
    run::{
        state::{AskedIn, Mission, Options},
        store::{Created, NewRun},
    },
    triage,
};

/// A run for a command, or what must be said instead.
pub(super) fn new_run(
    services: &Services,
    scene: &Scene<'_>,
    (index, mission): (usize, Mission),
    command: &Command,
) -> Result<Result<NewRun, String>> {
    let (actor, spoken) = (scene.speaker()?, scene.spoken);
    let model = match model::chosen(services, command.flags.model.as_deref(), scene.policy) {
        Ok(model) => model,
        Err(text) => return Ok(Err(text)),
    };
    Ok(Ok(NewRun {
        installation: scene.installation,
        repository: scene.repository.id,
        issue: spoken.issue,
        issue_title: spoken.issue_title.clone(),
        trigger_key: format!("{:?}:{}:{index}:{command}", spoken.place, spoken.id),
        mission,
        asked_in: mission.ends_in_words().then(|| AskedIn {
            comment: spoken.id,
            thread: spoken.anchor.as_ref().map(|anchor| anchor.thread),
            pull_request: spoken.pull_request || spoken.place == Place::PullRequest,
        }),
        reads: None,
        instructions: command.instructions.clone(),
        requester_id: actor.id,
        requester: actor.login.clone(),
        model,
        options: Options { base: command.flags.base.clone(), draft: command.flags.draft, approval: command.flags.plan },
        budget: triage::run_budget(mission, command.flags.max, scene.policy.budget_run),
        budget_day: scene.policy.budget_day,
    }))
}

/// A review of the pull request as it is now, or what must be said instead.
pub(super) async fn new_review(
    services: &Services,
    scene: &Scene<'_>,
    index: usize,
    command: &Command,
) -> Result<Result<NewRun, String>> {
    let github = services.github.installation(scene.installation);
    let pull = github.pull(&scene.repository.name, scene.spoken.issue).await?;
    let Some(pull) = pull.filter(|pull| pull.state == OpenState::Open) else {
        return Ok(Err(report::closed_for_review()));
    };
    let new = new_run(services, scene, (index, Mission::Review), command)?;
    Ok(new.map(|new| NewRun { reads: Some(pull.head.sha), ..new }))
}

/// Starts a run within what the repository may still spend today. Answers what must be said; a new run speaks for itself
/// through its status comment.
pub(super) async fn start(connection: &mut PgConnection, new: NewRun) -> Result<(Option<RunId>, Option<String>)> {
    let new = match within_budget(connection, new).await? {
        Ok(new) => new,
        Err(text) => return Ok((None, Some(text))),
    };
    Ok(match store::create(connection, &new).await? {
        Created::New(run) | Created::Before(run) => (Some(run), None),
        Created::OpenRun(run) => (None, Some(report::already_running(run, None))),
        Created::ReadBefore(_) => (None, new.reads.as_ref().map(report::read_before)),
    })
}

/// The run with what the repository may still spend today, or what is said when that is too little.
pub(super) async fn within_budget(connection: &mut PgConnection, new: NewRun) -> Result<Result<NewRun, String>> {
    let left = store::left_today(connection, new.repository, new.budget_day).await?;
    Ok(match too_little(left, new.budget_day) {
        Some(text) => Err(text),
        None => Ok(NewRun { budget: new.budget.min(left), ..new }),
    })
}

/// What is said when the repository may spend too little today for anything to begin.
pub(super) async fn nothing_left(
    connection: &mut PgConnection,
    repository: RepositoryId,
    budget_day: MicroDollars,
) -> Result<Option<String>> {
    Ok(too_little(store::left_today(connection, repository, budget_day).await?, budget_day))
}

fn too_little(left: MicroDollars, budget_day: MicroDollars) -> Option<String> {
    (left < LEAST_BUDGET).then(|| report::budget_exhausted(budget_day.saturating_sub(left), budget_day))
}

/// With less than this a run would stop before it has a plan.
pub(in crate::run::jobs) const LEAST_BUDGET: MicroDollars = MicroDollars::from_cents(5);
