//! Deliveries in which a person speaks to wiz.
//!
//! The look-ups are the speaker's live role, the policy on the default branch and, for an approval, what the base branch
//! and the plan's comment say now. Whatever one text causes is answered in one comment at most.

use anyhow::{Context as _, Result};
use chrono::Utc;

use super::{
    Action, InstallationId, Services,
    answering::{self, Answer, Part},
    editing, noting, opening, ordering, pulling, starting, store, switching,
};
use crate::{
    event::{Actor, Event, EventKind, Place, Repository, Spoken, command},
    github::{Reactable, Reaction},
    ids::{DeliveryId, IssueNumber, RepositoryName},
    policy::{Key, Layer, PolicyFault, RepositoryPolicy, Role},
    report,
    run::{policies, state::Mission, store::StoredRun, task::Selftest, view},
    triage::{self, Ground, Intent},
};

pub(super) async fn interpret(
    services: &Services,
    delivery: DeliveryId,
    event: &Event,
    installation: InstallationId,
) -> Result<Option<Action>> {
    let own = services.github.identity().await?;
    if let EventKind::Spoken(spoken) = &event.kind
        && let Some(edited) = editing::is_own_comment_edited(event, spoken, &own.bot_login)
    {
        return editing::interpret(services, (delivery, event), installation, edited).await;
    }
    let heard = match triage::listen(event, Some(&own.bot_login)) {
        Ok(heard) => heard,
        Err(reason) => {
            tracing::debug!(%delivery, reason, "nothing to do");
            return Ok(None);
        }
    };
    let repository = event.repository.clone().context("words without a repository")?;
    let github = services.github.installation(installation);
    let (role, policy) = tokio::try_join!(
        async { Ok(github.role(&repository.name, heard.speaker.id, &heard.speaker.login).await?) },
        policy(services, &repository.name, installation),
    )?;
    let role = role.map_or(Role::None, |role| Role::from_github(&role.role_name, &role.permission));
    let target = find_run(services, installation, &repository, heard.spoken).await?;
    let ground = ground(services, installation, &repository.name, heard.spoken, target.as_ref()).await?;
    let shown = match &target {
        None if heard.spoken.pull_request => drafting(services, &repository, heard.spoken.issue).await?,
        Some(_) | None => None,
    };
    let (policy, faults) = match policy {
        Ok(policy) => (policy, vec![]),
        Err(faults) => (RepositoryPolicy::default(), faults),
    };
    let intents: Vec<Intent> = heard
        .commands
        .iter()
        .map(|command| triage::decide(command, role, &policy, ground))
        .map(|intent| triage::unless_faulty(intent, &faults))
        // Such a run costs money, and nobody could read what comes of it.
        .filter(|intent| !heard.spoken.locked || !triage::ends_in_words(intent))
        .collect();
    let on = reactable(heard.spoken);
    if intents.iter().any(is_seen) {
        acknowledge(services, installation, &repository.name, on).await?;
    }
    let mut parts = Vec::new();
    for (index, intent) in intents.into_iter().enumerate() {
        let scene = Scene {
            event,
            spoken: heard.spoken,
            installation,
            repository: &repository,
            target: target.as_ref().or(shown.as_ref()),
            policy: &policy,
        };
        parts.push(scene.part(services, index, intent, on).await?);
    }
    Ok(Some(Action::Conversation(Answer {
        installation,
        issue: heard.spoken.issue,
        comment: heard.spoken.id,
        speaker: heard.speaker.id,
        fresh: answering::fresh(heard.spoken),
        repository,
        parts,
    })))
}

/// Whether 👀 tells that it was heard, since words come later or not at all.
fn is_seen(intent: &Intent) -> bool {
    matches!(
        intent,
        Intent::Start { .. } | Intent::FollowUp { .. } | Intent::Order { .. } | Intent::Undo { .. } | Intent::Selftest
    )
}

/// What the meaning of a command depends on.
pub(super) struct Scene<'a> {
    pub(super) event: &'a Event,
    pub(super) spoken: &'a Spoken,
    pub(super) installation: InstallationId,
    pub(super) repository: &'a Repository,
    pub(super) target: Option<&'a StoredRun>,
    pub(super) policy: &'a RepositoryPolicy,
}

impl Scene<'_> {
    /// The pull request on which work must be asked for that was asked for in its unfinished work's draft.
    fn place_of_work(&self, intent: &Intent) -> Option<IssueNumber> {
        let is_started = matches!(intent, Intent::Start { mission, .. } if !mission.ends_in_words());
        let progress = &self.target?.run.progress;
        let draft = progress.follow_up_draft.as_ref().filter(|draft| draft.number == self.spoken.issue)?;
        let pull = progress.pull_request.as_ref().map(|pull| pull.number).filter(|pull| *pull != draft.number);
        pull.filter(|_| is_started || matches!(intent, Intent::FollowUp { .. }))
    }

    async fn part(&self, services: &Services, index: usize, intent: Intent, on: Reactable) -> Result<Part> {
        if let Some(pull) = self.place_of_work(&intent) {
            return Ok(Part::Say(report::ask_for_work_there(self.spoken.issue, pull)));
        }
        Ok(match intent {
            Intent::Start { mission, command } => {
                let new = match mission {
                    Mission::Review => starting::new_review(services, self, index, &command).await?,
                    Mission::Fix
                    | Mission::Feature
                    | Mission::Test
                    | Mission::Docs
                    | Mission::Refactor
                    | Mission::Plan
                    | Mission::Ci
                    | Mission::Ask => starting::new_run(services, self, (index, mission), &command)?,
                };
                new.map_or_else(Part::Say, Part::Start)
            }
            Intent::FollowUp { command } => pulling::of_command(services, self, index, &command).await?,
            Intent::Order { verb, order } => match self.target {
                None => Part::Say(report::no_run(verb)),
                Some(target) => {
                    ordering::order_part(services, (self.speaker()?, self.policy), target, (verb, order)).await?
                }
            },
            Intent::Undo { verb } => match self.target {
                None => Part::Say(report::no_run(verb)),
                Some(target) => Part::Undo { run: target.run.id, by: self.speaker()?.login.clone() },
            },
            Intent::Selftest => Part::Selftest(self.selftest(services).await?),
            Intent::Status { verb } => match self.target {
                None => Part::Say(report::no_run(verb)),
                Some(target) => {
                    let view = view::of(services, target).await?;
                    Part::Say(report::status_reply(&view))
                }
            },
            Intent::Budget { verb } => match self.target {
                None => Part::Say(report::no_run(verb)),
                Some(target) => Part::Say(report::budget_reply(&view::of(services, target).await?)),
            },
            Intent::Remember { words: None } => Part::Say(noting::listed(services, self.repository.id).await?),
            Intent::Remember { words: Some(words) } if words.chars().count() > report::NOTE_CHARS => {
                Part::Say(report::note_too_long())
            }
            Intent::Remember { words: Some(words) } => Part::Remember { words, by: self.speaker()?.login.clone() },
            Intent::Forget { note } => Part::Forget { note },
            Intent::Config => Part::Say(configuration(services, &self.repository.name, self.installation).await?),
            Intent::Ci { wanted } => switching::part(services, self, wanted).await?,
            Intent::Help => Part::Say(report::help(&command::help())),
            Intent::Correct(error) => Part::Say(report::unknown_command(&error.to_string(), &error.usage())),
            Intent::Unsuited(message) => Part::Say(message.to_string()),
            Intent::Deny { verb, needs } => {
                Part::Deny { text: report::denied(&self.speaker()?.login, verb, needs.name()), on: Some(on) }
            }
        })
    }

    async fn selftest(&self, services: &Services) -> Result<Selftest> {
        let github = services.github.installation(self.installation);
        let comment = match self.spoken.place {
            Place::IssueComment => github.comment(&self.repository.name, self.spoken.id).await?,
            Place::Issue | Place::PullRequest | Place::Review | Place::ReviewComment => None,
        };
        let heard_at = Utc::now();
        Ok(Selftest {
            installation: self.installation,
            repository: self.repository.id,
            issue: self.spoken.issue,
            comment: self.spoken.id,
            // Only of a comment in a conversation it is easily asked when it was written.
            said_at: comment.map_or(heard_at, |comment| comment.updated_at),
            heard_at,
        })
    }

    pub(super) fn speaker(&self) -> Result<&Actor> {
        self.event.actor.as_ref().context("words without a speaker")
    }
}

/// The rules that hold now, or the faults in them. Nothing may start under a faulty policy: what it forbids is unknown.
pub(in crate::run::jobs) async fn policy(
    services: &Services,
    name: &RepositoryName,
    installation: InstallationId,
) -> Result<Result<RepositoryPolicy, Vec<PolicyFault>>> {
    Ok(policies::now(services, name, installation).await?.map(|effective| effective.policy))
}

/// Which rules hold, and whose word each is; or what is wrong with them.
async fn configuration(services: &Services, name: &RepositoryName, installation: InstallationId) -> Result<String> {
    let effective = match policies::now(services, name, installation).await? {
        Ok(effective) => effective,
        Err(faults) => return Ok(triage::faults_text(&faults)),
    };
    let rules = Key::ALL.map(|key| report::RuleView {
        key: key.name(),
        value: effective.value(key),
        origins: effective.origins_of(key).into_iter().map(Layer::name).collect(),
        locked_by: effective.locked.get(&key).map(|layer| layer.name()),
        overruled: effective
            .overruled
            .iter()
            .filter(|overruled| overruled.key == key)
            .map(|overruled| overruled.said_by.name())
            .collect(),
    });
    Ok(report::configuration(&rules))
}

/// The run whose unfinished further work that draft shows.
async fn drafting(services: &Services, repository: &Repository, draft: IssueNumber) -> Result<Option<StoredRun>> {
    let mut connection = services.pool.acquire().await?;
    match store::of_follow_up_draft(&mut connection, repository.id, draft).await? {
        Some(run) => store::load(&mut connection, run).await,
        None => Ok(None),
    }
}

/// The run that the words are for, if there is one. One that opens this very pull request is waited for.
pub(super) async fn find_run(
    services: &Services,
    installation: InstallationId,
    repository: &Repository,
    spoken: &Spoken,
) -> Result<Option<StoredRun>> {
    let openings = opening::now(services, repository.id).await?;
    let mut connection = services.pool.acquire().await?;
    let found = match store::latest_of(&mut connection, repository.id, spoken.issue).await? {
        Some(run) => store::load(&mut connection, run).await?,
        None => None,
    };
    drop(connection);
    let knows_it = |run: &StoredRun| {
        run.run.progress.pull_request.as_ref().is_some_and(|pull_request| pull_request.number == spoken.issue)
    };
    if spoken.pull_request && !found.as_ref().is_some_and(knows_it) {
        openings.wait_for_pull(services, (installation, &repository.name), spoken.issue).await?;
    }
    Ok(found)
}

pub(super) async fn ground(
    services: &Services,
    installation: InstallationId,
    name: &RepositoryName,
    spoken: &Spoken,
    target: Option<&StoredRun>,
) -> Result<Ground> {
    let own = target.is_some_and(|run| run.has_opened(spoken.issue));
    let asked = spoken.pull_request && !own && spoken.fork.is_none();
    let fork = if asked {
        let pull = services.github.installation(installation).pull(name, spoken.issue).await?;
        pull.map(|pull| pull.is_from_fork())
    } else {
        None
    };
    Ok(triage::ground(spoken, own, fork))
}

/// Shows 👀 at once. A conversation that takes no reactions, such as a locked one, does not keep the work from starting.
pub(super) async fn acknowledge(
    services: &Services,
    installation: InstallationId,
    name: &RepositoryName,
    on: Reactable,
) -> Result<()> {
    let github = services.github.installation(installation);
    match github.react(name, on, Reaction::Eyes).await {
        Err(error) if !error.is_retryable() => {
            tracing::warn!(%error, "cannot react");
            Ok(())
        }
        outcome => Ok(outcome?),
    }
}

fn reactable(spoken: &Spoken) -> Reactable {
    match spoken.place {
        Place::Issue | Place::PullRequest => Reactable::Issue(spoken.issue),
        Place::IssueComment => Reactable::IssueComment(spoken.id),
        Place::ReviewComment => Reactable::ReviewComment(spoken.id),
        // GitHub has no reactions on a review's own text, so its pull request gets them.
        Place::Review => Reactable::Issue(spoken.issue),
    }
}
