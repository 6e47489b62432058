//! Labels and assignments that mean a command, where the repository's policy says so. Whoever sets one gives the command:
//! the same role is needed, the same answers are given.

use anyhow::Result;

use super::{
    Action, DeliveryId, InstallationId, Services,
    answering::{Answer, Part},
    hearing::{self, Scene},
    starting,
};
use crate::{
    event::{
        Event, Trigger, Triggered,
        command::{Command, Flags},
    },
    github::Reactable,
    policy::Role,
    report,
    run::store::NewRun,
    triage::{self, Ground, Intent},
};

pub(super) async fn interpret(
    services: &Services,
    (delivery, event): (DeliveryId, &Event),
    installation: InstallationId,
    triggered: &Triggered,
) -> Result<Option<Action>> {
    let (Some(repository), Some(actor)) = (&event.repository, &event.actor) else { return Ok(None) };
    if actor.is_bot {
        return Ok(None);
    }
    // Under a faulty policy nobody knows what a label means.
    let Ok(policy) = hearing::policy(services, &repository.name, installation).await? else { return Ok(None) };
    let verb = match &triggered.by {
        Trigger::Label(label) => policy.triggers.of_label(label),
        Trigger::Assignee(login) => policy.triggers.of_assignee(login),
    };
    let Some(verb) = verb else { return Ok(None) };
    let command = Command { verb, instructions: String::new(), argument: None, flags: Flags::default() };
    let role = services.github.installation(installation).role(&repository.name, actor.id, &actor.login).await?;
    let role = role.map_or(Role::None, |role| Role::from_github(&role.role_name, &role.permission));
    let spoken = &triggered.subject;
    let on = Reactable::Issue(spoken.issue);
    let ground = if spoken.closed { Ground::ClosedIssue } else { Ground::Issue };
    let part = match triage::decide(&Ok(command.clone()), role, &policy, ground) {
        Intent::Start { mission, command } => {
            hearing::acknowledge(services, installation, &repository.name, on).await?;
            let target = None;
            let scene = Scene { event, spoken, installation, repository, target, policy: &policy };
            let new = starting::new_run(services, &scene, (0, mission), &command)?;
            // A label may be taken away and set again; each time counts.
            let started = |new| Part::Start(NewRun { trigger_key: format!("trigger:{delivery}"), ..new });
            new.map_or_else(Part::Say, started)
        }
        Intent::Deny { needs, .. } => {
            Part::Deny { text: report::denied(&actor.login, verb.name(), needs.name()), on: None }
        }
        Intent::Unsuited(message) => Part::Say(message.to_string()),
        Intent::FollowUp { .. }
        | Intent::Order { .. }
        | Intent::Undo { .. }
        | Intent::Selftest
        | Intent::Ci { .. }
        | Intent::Status { .. }
        | Intent::Budget { .. }
        | Intent::Remember { .. }
        | Intent::Forget { .. }
        | Intent::Config
        | Intent::Help
        | Intent::Correct(_) => anyhow::bail!("a trigger that starts nothing: {}", verb.name()),
    };
    Ok(Some(Action::Conversation(Answer {
        installation,
        issue: spoken.issue,
        comment: spoken.id,
        speaker: actor.id,
        fresh: None,
        repository: repository.clone(),
        parts: vec![part],
    })))
}
