//! Deliveries in which a person presses a button of a check run: an order like a spoken one, answered like one.

use anyhow::Result;

use super::{
    Action, DeliveryId, InstallationId, RunId, Services,
    answering::{Answer, Part},
    hearing, ordering, pulling, store,
};
use crate::{
    event::{Actor, CheckRun, CheckRunAction, CheckSuite, Event, command::Verb},
    ids::CommentId,
    policy::{RepositoryPolicy, Role},
    report::{self, ActionKind},
    run::{project::CHECK_RUN_PREFIX, state::State, store::StoredRun},
    triage::{self, Intent, Ordered},
};

pub(super) async fn interpret(
    services: &Services,
    (delivery, event): (DeliveryId, &Event),
    installation: InstallationId,
    check_run: &CheckRun,
) -> Result<Option<Action>> {
    let Some((verb, order)) = meaning(&check_run.action) else { return Ok(None) };
    let Some(run) = run_of_external_id(&check_run.external_id) else { return Ok(None) };
    let (Some(actor), Some(repository)) = (&event.actor, &event.repository) else { return Ok(None) };
    let stored = store::load(&mut *services.pool.acquire().await?, run).await?;
    let Some(stored) = stored.filter(|stored| stored.repository == repository.id) else { return Ok(None) };
    let is_again = check_run.action == CheckRunAction::Rerequested;
    let again = is_again.then_some(Part::CheckAgain { run, delivery });
    // GitHub offers "Re-run" on every check run, also on one that has nothing left to do.
    let part = match actor.is_bot || is_again && stored.run.state == State::Succeeded {
        true => None,
        false => ordered(services, (installation, actor), &stored, (verb, order, is_again)).await?,
    };
    let parts: Vec<Part> = part.into_iter().chain(again).collect();
    if parts.is_empty() {
        return Ok(None);
    }
    let pull_request = stored.run.progress.pull_request.as_ref();
    Ok(Some(Action::Conversation(Answer {
        installation,
        issue: pull_request.map_or(stored.issue, |pull_request| pull_request.number),
        // The button has no comment; what it hangs on stands for it.
        comment: CommentId(check_run.id.0),
        speaker: actor.id,
        fresh: None,
        repository: repository.clone(),
        parts,
    })))
}

/// What a person's press comes to.
async fn ordered(
    services: &Services,
    (installation, actor): (InstallationId, &Actor),
    stored: &StoredRun,
    (verb, order, is_again): (Verb, Ordered, bool),
) -> Result<Option<Part>> {
    let github = services.github.installation(installation);
    let role = github.role(&stored.repository_name, actor.id, &actor.login).await?;
    let role = role.map_or(Role::None, |role| Role::from_github(&role.role_name, &role.permission));
    let policy = hearing::policy(services, &stored.repository_name, installation).await?;
    let (policy, faults) = match policy {
        Ok(policy) => (policy, vec![]),
        Err(faults) => (RepositoryPolicy::default(), faults),
    };
    let part = match triage::unless_faulty(triage::press(verb, order, role, &policy), &faults) {
        Intent::Order { .. } if is_again && stored.run.state == State::Watching => {
            pulling::proof(stored, actor, policy.budget_day)
        }
        Intent::Order { verb, order } => {
            ordering::order_part(services, (actor, &policy), stored, (verb, order)).await?
        }
        Intent::Deny { verb, needs } => Part::Deny { text: report::denied(&actor.login, verb, needs.name()), on: None },
        Intent::Unsuited(message) => Part::Say(message.to_string()),
        Intent::Start { .. }
        | Intent::FollowUp { .. }
        | Intent::Undo { .. }
        | Intent::Selftest
        | Intent::Status { .. }
        | Intent::Budget { .. }
        | Intent::Config
        | Intent::Ci { .. }
        | Intent::Remember { .. }
        | Intent::Forget { .. }
        | Intent::Help
        | Intent::Correct(_) => {
            return Ok(None);
        }
    };
    Ok(Some(part))
}

/// "Re-run all checks" asks for the one that stands for the run on that commit.
pub(super) async fn suite(
    services: &Services,
    (delivery, event): (DeliveryId, &Event),
    installation: InstallationId,
    suite: &CheckSuite,
) -> Result<Option<Action>> {
    let Some(repository) = &event.repository else { return Ok(None) };
    if suite.app_slug.as_ref() != Some(&services.github.identity().await?.slug) {
        return Ok(None);
    }
    let head = &suite.head_sha;
    let shown = store::heads::shown(&mut *services.pool.acquire().await?, (repository.id, head)).await?;
    let Some((id, run)) = shown else { return Ok(None) };
    let check_run = CheckRun {
        id,
        action: CheckRunAction::Rerequested,
        name: String::new(),
        external_id: format!("{CHECK_RUN_PREFIX}{run}"),
        head_sha: head.clone(),
        head_branch: None,
        app_slug: suite.app_slug.clone(),
        pull_requests: vec![],
    };
    interpret(services, (delivery, event), installation, &check_run).await
}

/// What the button asks for; none for what no person pressed, and for buttons that wiz never made.
fn meaning(action: &CheckRunAction) -> Option<(Verb, Ordered)> {
    let kind = match action {
        CheckRunAction::RequestedAction { identifier } => ActionKind::read(identifier)?,
        // "Re-run" in GitHub's own interface means the same as our button; where the pull request is open and nothing is
        // under way, it means another look at the head.
        CheckRunAction::Rerequested => ActionKind::Retry,
        CheckRunAction::Completed { .. } => return None,
    };
    Some(match kind {
        ActionKind::Approve { plan_hash } => (Verb::Approve, Ordered::Approve { typed_hash: Some(plan_hash) }),
        ActionKind::Reject => (Verb::Reject, Ordered::Reject),
        ActionKind::Retry => (Verb::Retry, Ordered::Retry),
        ActionKind::Cancel => (Verb::Cancel, Ordered::Cancel),
    })
}

/// The run that a check run's `external_id` names; an item's place may come behind it, or a follow-up's number where an
/// earlier version of wiz made it.
fn run_of_external_id(external_id: &str) -> Option<RunId> {
    let name = external_id.strip_prefix(CHECK_RUN_PREFIX)?;
    name.split(['.', '/']).next()?.parse().ok()
}
