//! From stored deliveries to what happened. Reads only.

use std::collections::{HashMap, HashSet, hash_map::Entry};

use anyhow::Result;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{
    happening::{FailedOn, Happening, Known, PullFacts},
    told::{HeadOf, Index, Told},
};
use crate::{
    ci,
    event::{self, Actor, Event, EventKind, Place, Repository, SpokenAction, Trigger, Triggered},
    ids::{CommitSha, DeliveryId, IssueNumber, RepositoryId, RepositoryName},
    intake::{self, StoredDelivery},
    policy::{AuthorAssociation, Role},
    run::store::{
        ci as tries,
        rehearsal::{self, KnownPeople},
    },
    triage::{self, Ground},
};

/// One thing that happened.
#[derive(Debug, Clone)]
pub(super) struct Happened {
    pub at: DateTime<Utc>,
    pub repository: RepositoryName,
    /// The issue or pull request; none on the default branch.
    pub number: Option<IssueNumber>,
    /// What happened, in a few words.
    pub what: String,
    /// Who did it, and the role they are taken to have with the reason for that; none for checks.
    pub who: Option<(String, String)>,
    pub happening: Happening,
}

impl Happened {
    pub(super) fn place(&self) -> String {
        match self.number {
            Some(number) => format!("{}#{number}", self.repository),
            None => self.repository.to_string(),
        }
    }
}

/// What is read of, and what is known by now.
pub(super) struct Replay<'a> {
    connection: &'a mut PgConnection,
    only: Option<&'a RepositoryName>,
    /// The least role for orders to work while all this happened.
    least: Role,
    people: HashMap<RepositoryId, KnownPeople>,
    index: Index,
    /// Commits whose checks were told to have failed.
    failed: HashSet<(RepositoryId, CommitSha)>,
}

/// A delivery that was read.
struct Read<'a> {
    id: DeliveryId,
    at: DateTime<Utc>,
    event: &'a Event,
    repository: &'a Repository,
    told: Told,
}

impl<'a> Replay<'a> {
    pub(super) fn new(connection: &'a mut PgConnection, only: Option<&'a RepositoryName>, least: Role) -> Self {
        let (people, index, failed) = (HashMap::new(), Index::default(), HashSet::new());
        Self { connection, only, least, people, index, failed }
    }

    /// Tells all that happened. Deliveries are read twice: what a commit is the head of may be told after its checks have
    /// failed.
    pub(super) async fn of(mut self, deliveries: &[DeliveryId], mut tell: impl FnMut(Happened)) -> Result<()> {
        for id in deliveries {
            let Some((event, stored)) = self.read(*id).await? else { continue };
            self.index.learn(&event, &Told::read(&stored.payload));
        }
        for id in deliveries {
            let Some((event, stored)) = self.read(*id).await? else { continue };
            let Some(repository) = event.repository.as_ref() else { continue };
            let told = Told::read(&stored.payload);
            let read = Read { id: *id, at: stored.received_at, event: &event, repository, told };
            self.of_one(&read).await?.into_iter().for_each(&mut tell);
        }
        Ok(())
    }

    /// A delivery about the wanted repository.
    async fn read(&mut self, id: DeliveryId) -> Result<Option<(Event, StoredDelivery)>> {
        let Some(stored) = intake::load(&mut *self.connection, id).await? else { return Ok(None) };
        let Ok(event) = event::parse(&stored.event, &stored.payload) else { return Ok(None) };
        let is_wanted = |repository: &Repository| {
            self.only.is_none_or(|only| only.to_string().eq_ignore_ascii_case(&repository.name.to_string()))
        };
        let wanted = event.repository.as_ref().is_some_and(is_wanted);
        Ok(wanted.then_some((event, stored)))
    }

    async fn of_one(&mut self, read: &Read<'_>) -> Result<Vec<Happened>> {
        match &read.event.kind {
            EventKind::Spoken(_) => {
                let mut happened: Vec<Happened> = self.review(read).await?.into_iter().collect();
                happened.extend(self.words(read).await?);
                Ok(happened)
            }
            EventKind::Triggered(triggered) => Ok(self.triggered(read, triggered).await?.into_iter().collect()),
            EventKind::CheckRun(_)
            | EventKind::CheckSuite(_)
            | EventKind::WorkflowRun(_)
            | EventKind::CommitStatus(_) => Ok(self.failure(read).await?.into_iter().collect()),
            EventKind::PullRequest(_)
            | EventKind::Unlocked { .. }
            | EventKind::Installation(_)
            | EventKind::Repository(_)
            | EventKind::Push(_)
            | EventKind::Ping
            | EventKind::Ignored { .. } => Ok(vec![]),
        }
    }

    async fn words(&mut self, read: &Read<'_>) -> Result<Vec<Happened>> {
        let Ok(heard) = triage::listen(read.event, None) else { return Ok(vec![]) };
        let spoken = heard.spoken;
        let (role, who) = self.who(read, heard.speaker, UNKNOWN).await?;
        // Whether a pull request is wiz's own or from a fork is no matter of the policy.
        let on_pull_request = spoken.pull_request || spoken.place == Place::PullRequest;
        let ground = triage::ground(spoken, on_pull_request, None);
        let mut happened = Vec::new();
        for (index, command) in heard.commands.iter().enumerate() {
            let said = command.as_ref().map(ToString::to_string).unwrap_or_default();
            let known = self.known(read, &format!("{:?}:{}:{index}:{said}", spoken.place, spoken.id)).await?;
            let what = command.as_ref().map_or_else(ToString::to_string, |read| format!("/wiz {}", read.verb.name()));
            let happening = Happening::Command { command: command.clone(), role, ground, known };
            happened.push(read.happened(spoken.issue, (what, Some(who.clone())), happening));
        }
        Ok(happened)
    }

    async fn triggered(&mut self, read: &Read<'_>, triggered: &Triggered) -> Result<Option<Happened>> {
        let Some(actor) = read.event.actor.as_ref().filter(|actor| !actor.is_bot) else { return Ok(None) };
        let (role, who) = self.who(read, actor, LABELLING).await?;
        let subject = &triggered.subject;
        let what = match &triggered.by {
            Trigger::Label(label) => format!("label {label}"),
            Trigger::Assignee(login) => format!("assigned to {login}"),
        };
        let happening = match (&triggered.by, subject.pull_request) {
            (Trigger::Assignee(_), true) => return Ok(None),
            (Trigger::Label(_), true) if subject.closed => return Ok(None),
            (Trigger::Label(label), true) => {
                let pull = self.pull(read.repository.id, subject.issue).await?;
                Happening::PullLabel { label: label.clone(), role, pull }
            }
            (by, false) => {
                let ground = if subject.closed { Ground::ClosedIssue } else { Ground::Issue };
                let known = self.known(read, &format!("trigger:{}", read.id)).await?;
                Happening::Trigger { by: by.clone(), role, ground, known }
            }
        };
        Ok(Some(read.happened(subject.issue, (what, Some(who)), happening)))
    }

    async fn review(&mut self, read: &Read<'_>) -> Result<Option<Happened>> {
        let Ok(reviewed) = triage::reviewed(read.event, None) else { return Ok(None) };
        let (spoken, id) = (reviewed.spoken, read.repository.id);
        let own = triage::order_in(&spoken.text, spoken.previous_text.as_deref());
        let (state, order) = match spoken.action {
            SpokenAction::Created => (spoken.review, own.or_else(|| self.index.order_in(id, reviewed.review).cloned())),
            SpokenAction::Edited | SpokenAction::Deleted => (None, own),
        };
        let pull = self.pull(id, spoken.issue).await?;
        let ground = triage::ground(spoken, pull.own, None);
        if triage::may_ask(state, order.as_ref(), ground).is_err() {
            return Ok(None);
        }
        let (role, who) = self.who(read, reviewed.reviewer, UNKNOWN).await?;
        let what = order.as_ref().map_or("asks for changes".to_owned(), |order| format!("/wiz {}", order.verb.name()));
        let happening = Happening::Review { state, order, role, ground };
        Ok(Some(read.happened(spoken.issue, (format!("review: {what}"), Some(who)), happening)))
    }

    /// The first word of checks that failed on a commit.
    async fn failure(&mut self, read: &Read<'_>) -> Result<Option<Happened>> {
        let Some(ended) = triage::ended(&read.event.kind) else { return Ok(None) };
        let id = read.repository.id;
        let counts =
            ended.conclusion.is_some_and(ci::is_failing) && !ended.by.is_some_and(|by| self.index.is_own(id, by));
        if !counts || !self.failed.insert((id, ended.head.clone())) {
            return Ok(None);
        }
        let (on, number) = match self.index.head_of(id, ended.head) {
            None => return Ok(None),
            Some(HeadOf::DefaultBranch) => (FailedOn::DefaultBranch, None),
            Some(HeadOf::Pull(number)) if self.index.was_closed(id, number, read.at) => return Ok(None),
            Some(HeadOf::Pull(number)) => {
                let pull = self.pull(id, number).await?;
                let repairs = rehearsal::repairs_before(self.connection, (id, number), (ended.head, read.at)).await?;
                (FailedOn::Pull { pull, repairs }, Some(number))
            }
        };
        let what = format!("checks fail at {:.8}", ended.head.as_str());
        Ok(Some(Happened {
            at: read.at,
            repository: read.repository.name.clone(),
            number,
            what,
            who: None,
            happening: Happening::Failure(on),
        }))
    }

    async fn pull(&mut self, id: RepositoryId, number: IssueNumber) -> Result<PullFacts> {
        let switch = tries::switch(self.connection, id, number).await?;
        let label_counts = tries::label_counts(self.connection, id, number).await?;
        Ok(PullFacts {
            own: rehearsal::is_own_pull(self.connection, id, number).await?,
            fork: self.index.is_fork(id, number),
            labels: if label_counts { self.index.labels(id, number) } else { vec![] },
            switch: switch.map(|switch| switch.answered),
        })
    }

    async fn known(&mut self, read: &Read<'_>, trigger: &str) -> Result<Known> {
        let files = rehearsal::planned_files(self.connection, read.repository.id, trigger).await?;
        Ok(Known { labels: read.told.labels(), author: read.told.author(), files })
    }

    /// The role somebody is taken to have, and how that is said.
    async fn who(
        &mut self,
        read: &Read<'_>,
        actor: &Actor,
        least: (Role, &'static str),
    ) -> Result<(Role, (String, String))> {
        let id = read.repository.id;
        let people = match self.people.entry(id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(rehearsal::people(self.connection, id).await?),
        };
        let told = self.index.standing(id, actor.id).and_then(by_association);
        let (refused, started) = (people.refused.contains(&actor.id), people.started.contains(&actor.id));
        let (role, reason) = match told {
            Some((Role::Admin, reason)) => (Role::Admin, reason),
            Some(_) if refused => (self.least.below(), "was refused before"),
            None if refused => (Role::Read, "was refused before"),
            Some((role, _)) if started => (role.max(self.least), "started a run before"),
            None if started => (self.least, "started a run before"),
            told => told.unwrap_or(least),
        };
        Ok((role, (actor.login.to_string(), format!("{role} ({reason})"))))
    }
}

impl Read<'_> {
    fn happened(
        &self,
        number: IssueNumber,
        (what, who): (String, Option<(String, String)>),
        happening: Happening,
    ) -> Happened {
        let repository = self.repository.name.clone();
        Happened { at: self.at, repository, number: Some(number), what, who, happening }
    }
}

/// What is taken of somebody who spoke.
const UNKNOWN: (Role, &str) = (Role::Read, "nothing known");

/// What is taken of somebody who labelled or assigned.
/// <https://docs.github.com/en/organizations/managing-user-access-to-your-organizations-repositories/managing-repository-roles/repository-roles-for-an-organization>
const LABELLING: (Role, &str) = (Role::Triage, "may set labels");

fn by_association(association: AuthorAssociation) -> Option<(Role, &'static str)> {
    match association {
        AuthorAssociation::Owner => Some((Role::Admin, "owner")),
        AuthorAssociation::Member => Some((Role::Write, "member")),
        AuthorAssociation::Collaborator => Some((Role::Write, "collaborator")),
        AuthorAssociation::Contributor
        | AuthorAssociation::FirstTimeContributor
        | AuthorAssociation::FirstTimer
        | AuthorAssociation::Mannequin
        | AuthorAssociation::None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_that_is_taken_says_why() {
        let by_association = [
            AuthorAssociation::Owner,
            AuthorAssociation::Member,
            AuthorAssociation::Collaborator,
            AuthorAssociation::Contributor,
            AuthorAssociation::None,
        ]
        .map(|association| by_association(association).unwrap_or(UNKNOWN));
        let taken = by_association.into_iter().chain([LABELLING]);
        let taken: Vec<String> = taken.map(|(role, why)| format!("{role}: {why}")).collect();
        insta::assert_snapshot!(taken.join("\n"), @r"
        admin: owner
        write: member
        write: collaborator
        read: nothing known
        read: nothing known
        triage: may set labels
        ");
    }
}
