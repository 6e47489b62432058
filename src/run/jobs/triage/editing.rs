//! A person edits wiz's own status comment: while a plan waits there, this changes the plan; at any other time, or by
//! somebody who may not, the comment is put back and the person hears why.

use anyhow::{Context as _, Result};

use super::{
    Action, InstallationId, Services,
    answering::{Answer, Part},
    hearing, put_off_while_young, store,
};
use crate::{
    event::{Event, Place, Spoken, SpokenAction, command::Verb},
    github::journal::text_digest,
    ids::{DeliveryId, Login},
    plan::Proposal,
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
    let known = known_texts(&stored, &output);
    let is_known = |text: &str| known.contains(&text_digest(text).as_str());
    if is_known(&spoken.text) {
        let from_unknown = spoken.previous_text.as_ref().is_some_and(|text| !is_known(text));
        if from_unknown && stored.run.state == State::NeedsApproval {
            put_off_while_young(services, delivery, "the edit that this one takes back was not read yet").await?;
        }
        return Ok(None);
    }
    let follows = spoken.previous_text.as_ref().filter(|text| is_known(text));
    if follows.is_none() && is_superseded(services, &stored, installation, spoken).await? {
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
        let before = match follows {
            Some(text) => Some(text.clone()),
            None => written_again(services, &stored, &output).await?,
        };
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

/// Digests of the status comment that show the plan as it is: the edit that made it, and the comment as wiz wrote it,
/// unless that was for a plan before. An edit may follow on either, since wiz may write between the edit and its delivery.
fn known_texts<'a>(stored: &'a StoredRun, output: &'a results::Output) -> Vec<&'a str> {
    let Some(current) = &stored.run.progress.plan else {
        return Vec::from_iter(output.status_comment_digest.as_deref());
    };
    let edit = current.edits.last();
    let waits = stored.run.state == State::NeedsApproval;
    let is_shown = !waits || edit.is_none() || output.shown_plan == Some(current.hash(stored.run.budget));
    let written = output.status_comment_digest.as_ref().filter(|_| is_shown);
    edit.into_iter().chain(written).map(String::as_str).collect()
}

/// Whether an edit of an unknown text is history: GitHub's deliveries may come in another order than the edits, and again.
/// What was overwritten by wiz before its delivery came is none, since its editor waits for an answer.
async fn is_superseded(
    services: &Services,
    stored: &StoredRun,
    installation: InstallationId,
    spoken: &Spoken,
) -> Result<bool> {
    let taken = stored.run.progress.plan.as_ref().map(|current| &current.edits[..]).unwrap_or_default();
    let texts = [Some(&spoken.text), spoken.previous_text.as_ref()];
    if !texts.into_iter().flatten().any(|text| taken.contains(&text_digest(text))) {
        return Ok(false);
    }
    let github = services.github.installation(installation);
    let now = github.comment(&stored.repository_name, spoken.id).await?.map(|comment| text_digest(&comment.body));
    Ok(now != Some(text_digest(&spoken.text)))
}

/// The status comment as wiz wrote it for the plan that waits, if it can be told.
async fn written_again(services: &Services, stored: &StoredRun, output: &results::Output) -> Result<Option<String>> {
    let Some(current) = &stored.run.progress.plan else { return Ok(None) };
    if output.shown_plan != Some(current.hash(stored.run.budget)) {
        return Ok(None);
    }
    let again = status_text(services, stored, &view::of(services, stored).await?);
    Ok(Some(again).filter(|text| output.status_comment_digest.as_deref() == Some(text_digest(text).as_str())))
}

/// The order that an edit of the comment means, if it changed the plan; or what its editor must hear.
fn new_plan(stored: &StoredRun, before: Option<&str>, after: &str) -> Result<Option<Order>, String> {
    let waiting = (stored.run.state == State::NeedsApproval).then_some(stored.run.progress.plan.as_ref()).flatten();
    let (Some(current), Some(before)) = (waiting, before) else { return Err(report::edit_not_now()) };
    let of = current.hash(stored.run.budget);
    let proposal = Proposal { plan: current.plan.clone(), left_out: current.left_out.clone() };
    let edited = match report::edited_plan(before, after, &proposal) {
        Ok(Some(edited)) => edited,
        Ok(None) => return Ok(None),
        Err(fault) => return Err(report::edit_unread(&fault.to_string())),
    };
    let is_fit = edited.validate().and_then(|()| edited.plan.fits(stored.mission.kind()));
    let Proposal { plan, left_out } = edited;
    match is_fit {
        Ok(()) => Ok(Some(Order::Edit { plan, left_out, of, texts: [text_digest(before), text_digest(after)] })),
        Err(fault) => Err(report::edit_unread(&fault.to_string())),
    }
}
