//! Deliveries after which the rules may be others: a push to the default branch, a pull request that may bring some.

use std::time::Duration;

use anyhow::Result;
use sqlx::PgConnection;

use super::{DeliveryId, InstallationId, store};
use crate::{
    event::{CheckRunAction, CheckSuiteAction, Event, EventKind, Place, PullRequestChange, Repository, SpokenAction},
    ids::IssueNumber,
    policy::{ORGANISATION_POLICY_PATH, POLICY_PATH},
    queue,
    run::{policies::ACCOUNT_REPOSITORY, project::POLICY_CHECK_PREFIX, task::Task},
};

/// Asks for another look at the rules, where the delivery gives a reason for one.
pub(super) async fn look_again(connection: &mut PgConnection, delivery: DeliveryId, event: &Event) -> Result<()> {
    let (Some(installation), Some(repository)) = (event.installation, &event.repository) else { return Ok(()) };
    let Some(branch) = &repository.default_branch else { return Ok(()) };
    let tasks = tasks(event, (installation, repository), delivery.to_string());
    if tasks.is_empty() {
        return Ok(());
    }
    store::reach::remember_repository(connection, installation, repository.id, &repository.name, branch).await?;
    for task in tasks {
        queue::enqueue(connection, &task.job(installation, Duration::ZERO)?).await?;
    }
    Ok(())
}

fn tasks(event: &Event, (installation, repository): (InstallationId, &Repository), after: String) -> Vec<Task> {
    // wiz never changes the rules, and what other bots change is read when it is merged.
    let by_a_bot = event.actor.as_ref().is_none_or(|actor| actor.is_bot);
    let id = repository.id;
    let check = |pull: IssueNumber, after: String| Task::PolicyCheck { installation, repository: id, pull, after };
    match &event.kind {
        EventKind::Push(push) => {
            let counts = repository.default_branch.as_ref() == Some(&push.branch) && !push.deleted;
            let (commit, own) = (push.after.clone(), push.may_touch(POLICY_PATH));
            let speaks_for_others = repository.name.name() == ACCOUNT_REPOSITORY;
            let faults = own || speaks_for_others && push.may_touch(ORGANISATION_POLICY_PATH);
            let schedules = Task::Schedules { installation, repository: id, after, name: None };
            let judge = Task::PushedPolicy { installation, repository: id, commit };
            let wanted = [(counts && own, schedules), (counts && faults, judge)];
            wanted.into_iter().filter_map(|(wanted, task)| wanted.then_some(task)).collect()
        }
        EventKind::PullRequest(change) => match change.change {
            PullRequestChange::Synchronize | PullRequestChange::Reopened if !by_a_bot => {
                vec![check(change.number, after)]
            }
            PullRequestChange::Synchronize
            | PullRequestChange::Reopened
            | PullRequestChange::Closed
            | PullRequestChange::Merged { .. } => vec![],
        },
        EventKind::Spoken(spoken) => {
            let is_opened = spoken.place == Place::PullRequest && spoken.action == SpokenAction::Created;
            (is_opened && !by_a_bot).then(|| check(spoken.issue, after)).into_iter().collect()
        }
        // Only wiz hears that its own are asked for again, and those of forks name no pull request.
        // <https://docs.github.com/en/rest/guides/using-the-rest-api-to-interact-with-checks>
        EventKind::CheckRun(run)
            if run.action == CheckRunAction::Rerequested && run.external_id.starts_with(POLICY_CHECK_PREFIX) =>
        {
            run.pull_requests.iter().map(|pull| check(*pull, after.clone())).collect()
        }
        EventKind::CheckSuite(suite) if suite.action == CheckSuiteAction::Rerequested => {
            suite.pull_requests.iter().map(|pull| check(*pull, after.clone())).collect()
        }
        EventKind::Triggered(_)
        | EventKind::CheckRun(_)
        | EventKind::CheckSuite(_)
        | EventKind::WorkflowRun(_)
        | EventKind::CommitStatus(_)
        | EventKind::Installation(_)
        | EventKind::Repository(_)
        | EventKind::Ping
        | EventKind::Unlocked { .. }
        | EventKind::Ignored { .. } => vec![],
    }
}
