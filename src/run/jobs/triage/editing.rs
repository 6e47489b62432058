//! A person edits wiz's own status comment: while a plan waits there, this changes the plan; at any other time, or by
//! somebody who may not, the comment is put back and the person hears why.

use anyhow::{Context as _, Result};

use super::{
    Action, InstallationId, Services,
    answering::{Answer, Part},
    hearing, store,
};
use crate::{
    event::{Event, Place, Spoken, SpokenAction, command::Verb},
    github::journal::text_digest,
    ids::{DeliveryId, Login},
    policy::{self, Permission, RepositoryPolicy, Role},
    report,
    run::{
        jobs::report::status_text,
        signal::Order,
        state::State,
        store::{StoredRun, results},
        view,
    },
    triage,
};

/// Whether somebody else changed a comment of wiz.
pub(super) fn is_own_comment_edited<'a>(event: &Event, spoken: &'a Spoken, own: &Login) -> Option<&'a Spoken> {
    let by_person = event.actor.as_ref().is_some_and(|actor| !actor.is_bot && actor.login != *own);
    let of_wiz = spoken.author.as_ref().is_some_and(|author| author.login == *own);
    let comment = spoken.action == SpokenAction::Edited && spoken.place == Place::IssueComment;
    Some(spoken).filter(|_| by_person && of_wiz && comment)
}

pub(super) async fn interpret(
    services: &Services,
    (delivery, event): (DeliveryId, &Event),
    installation: InstallationId,
    spoken: &Spoken,
) -> Result<Option<Action>> {
    let repository = event.repository.clone().context("an edit without a repository")?;
    let editor = event.actor.as_ref().context("an edit without an editor")?;
    let mut connection = services.pool.acquire().await?;
    let Some(run) = results::run_of_status_comment(&mut connection, repository.id, spoken.id).await? else {
        return Ok(None);
    };
    let Some(stored) = store::load(&mut connection, run).await? else { return Ok(None) };
    let output = results::output(&mut connection, run).await?;
    drop(connection);
    let written = output.status_comment_digest.as_deref();
    let current = stored.run.progress.plan.as_ref();
    let was_taken = |text: &str| current.is_some_and(|current| current.edits.contains(&text_digest(text)));
    // GitHub's deliveries may come in another order than the edits: this one may be part of one that was taken.
    if written == Some(text_digest(&spoken.text).as_str()) || was_taken(&spoken.text) {
        return Ok(None);
    }
    let github = services.github.installation(installation);
    let (role, policy) = tokio::try_join!(
        async { Ok(github.role(&repository.name, editor.id, &editor.login).await?) },
        hearing::policy(services, &repository.name, installation),
    )?;
    let role = role.map_or(Role::None, |role| Role::from_github(&role.role_name, &role.permission));
    let (policy, faults) =
        policy.map_or_else(|faults| (RepositoryPolicy::default(), faults), |policy| (policy, vec![]));
    let restore = Part::Restore { run, delivery };
    let parts = if let Permission::Denied { needs } = policy::may(role, Verb::Revise, &policy) {
        vec![restore, Part::Deny { text: report::edit_denied(&editor.login, needs.name()), on: None }]
    } else if !faults.is_empty() {
        vec![restore, Part::Say(triage::faults_text(&faults))]
    } else {
        let before = before(services, &stored, &output, spoken).await?;
        match new_plan(&stored, before.as_deref(), &spoken.text) {
            Ok(None) => vec![restore],
            Ok(Some(order)) => vec![Part::Order {
                run,
                verb: "revise",
                by: editor.login.clone(),
                order,
                hash: None,
                budget_day: policy.budget_day,
            }],
            Err(text) => vec![restore, Part::Say(text)],
        }
    };
    Ok(Some(Action::Conversation(Answer {
        installation,
        issue: spoken.issue,
        comment: spoken.id,
        speaker: editor.id,
        fresh: None,
        repository,
        parts,
    })))
}

/// The text that the edit is compared with: as wiz wrote it, or as an edit left it that is in the plan already. Two boxes
/// are quickly unticked, and the second edit's delivery may come first.
async fn before(
    services: &Services,
    stored: &StoredRun,
    output: &results::Output,
    spoken: &Spoken,
) -> Result<Option<String>> {
    let Some(current) = &stored.run.progress.plan else { return Ok(None) };
    let is_written = |text: &str| output.status_comment_digest.as_deref() == Some(text_digest(text).as_str());
    let is_known = |text: &&String| is_written(text) || current.edits.contains(&text_digest(text));
    if let Some(previous) = spoken.previous_text.as_ref().filter(is_known) {
        return Ok(Some(previous.clone()));
    }
    if output.shown_plan != Some(current.hash(stored.run.budget)) {
        return Ok(None);
    }
    let again = status_text(services, stored, &view::of(services, stored).await?);
    Ok(Some(again).filter(|text| is_written(text)))
}

/// The order that an edit of the comment means, if it changed the plan; or what its editor must hear.
fn new_plan(stored: &StoredRun, before: Option<&str>, after: &str) -> Result<Option<Order>, String> {
    let waiting = (stored.run.state == State::NeedsApproval).then_some(stored.run.progress.plan.as_ref()).flatten();
    let (Some(current), Some(before)) = (waiting, before) else { return Err(report::edit_not_now()) };
    let of = current.hash(stored.run.budget);
    let plan = match report::edited_plan(before, after, &current.plan) {
        Ok(Some(plan)) => plan,
        Ok(None) => return Ok(None),
        Err(fault) => return Err(report::edit_unread(&fault.to_string())),
    };
    match plan.validate().and_then(|()| plan.fits(stored.mission.kind())) {
        Ok(()) => Ok(Some(Order::Edit { plan, of, texts: [text_digest(before), text_digest(after)] })),
        Err(fault) => Err(report::edit_unread(&fault.to_string())),
    }
}
