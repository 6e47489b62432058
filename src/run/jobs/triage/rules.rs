//! Deliveries after which the rules may be others: a push to the default branch, a pull request that may bring some.

use std::time::Duration;

use anyhow::Result;
use sqlx::PgConnection;

use super::{DeliveryId, InstallationId, store};
use crate::{
    event::{Event, EventKind, Place, PullRequestChange, Repository, SpokenAction},
    ids::IssueNumber,
    policy::POLICY_PATH,
    queue,
    run::task::Task,
};

/// Asks for another look at the rules, where the delivery gives a reason for one.
pub(super) async fn look_again(connection: &mut PgConnection, delivery: DeliveryId, event: &Event) -> Result<()> {
    let (Some(installation), Some(repository)) = (event.installation, &event.repository) else { return Ok(()) };
    let Some(branch) = &repository.default_branch else { return Ok(()) };
    let Some(task) = task(event, (installation, repository), delivery.to_string()) else { return Ok(()) };
    store::reach::remember_repository(connection, installation, repository.id, &repository.name, branch).await?;
    queue::enqueue(connection, &task.job(installation, Duration::ZERO)?).await?;
    Ok(())
}

fn task(event: &Event, (installation, repository): (InstallationId, &Repository), after: String) -> Option<Task> {
    // wiz never changes the rules, and what other bots change is read when it is merged.
    let by_a_bot = event.actor.as_ref().is_none_or(|actor| actor.is_bot);
    let id = repository.id;
    let check = |pull: IssueNumber, after: String| Task::PolicyCheck { installation, repository: id, pull, after };
    match &event.kind {
        EventKind::Push(push) => {
            let counts = repository.default_branch.as_ref() == Some(&push.branch) && !push.deleted;
            let task = Task::Schedules { installation, repository: id, after };
            (counts && push.may_touch(POLICY_PATH)).then_some(task)
        }
        EventKind::PullRequest(change) => match change.change {
            PullRequestChange::Synchronize | PullRequestChange::Reopened if !by_a_bot => {
                Some(check(change.number, after))
            }
            PullRequestChange::Synchronize
            | PullRequestChange::Reopened
            | PullRequestChange::Closed
            | PullRequestChange::Merged { .. } => None,
        },
        EventKind::Spoken(spoken) => {
            let is_opened = spoken.place == Place::PullRequest && spoken.action == SpokenAction::Created;
            (is_opened && !by_a_bot).then(|| check(spoken.issue, after))
        }
        EventKind::Triggered(_)
        | EventKind::CheckRun(_)
        | EventKind::CheckSuite(_)
        | EventKind::WorkflowRun(_)
        | EventKind::Installation(_)
        | EventKind::Repository(_)
        | EventKind::Ping
        | EventKind::Ignored { .. } => None,
    }
}
