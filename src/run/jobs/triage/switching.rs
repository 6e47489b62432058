//! Words about the failing checks of a pull request: whether they are answered, or that they shall be or shall not.

use anyhow::Result;
use sqlx::PgConnection;

use super::{Services, answer_checks, answering::Part, hearing::Scene, labelling};
use crate::{
    ci::Kind,
    event::Actor,
    github::{OpenState, PullRequest},
    ids::{InstallationId, IssueNumber, RepositoryId},
    policy::{Answering, CiRules},
    report::{self, ChecksView, ChecksWhy},
    run::{
        follow_up::FollowUpCause,
        store::{StoredRun, ci as tries},
        task::{Checks, Occasion},
    },
};

/// A word about failing checks, ready to be stored and answered.
pub(super) struct Switching {
    repository: RepositoryId,
    pull: IssueNumber,
    rules: CiRules,
    own: bool,
    labels: Vec<String>,
    /// What a failing check caused is under way.
    at_work: bool,
    switch: Option<(bool, Actor)>,
    /// The look at the head's checks that follows.
    look: Option<Checks>,
}

pub(super) async fn part(services: &Services, scene: &Scene<'_>, wanted: Option<bool>) -> Result<Part> {
    let (repository, number) = (scene.repository, scene.spoken.issue);
    let pull = services.github.installation(scene.installation).pull(&repository.name, number).await?;
    let Some(pull) = pull.filter(|pull| pull.state == OpenState::Open) else {
        return Ok(Part::Say(report::no_checks_of_closed()));
    };
    if pull.is_from_fork() {
        return Ok(Part::Say(report::checks_of_forks()));
    }
    if pull.offers_default_branch() {
        return Ok(Part::Say(report::checks_of_default_branch()));
    }
    let switch = wanted.map(|wanted| scene.speaker().cloned().map(|speaker| (wanted, speaker))).transpose()?;
    let look = wanted.filter(|wanted| *wanted).map(|_| look(scene, scene.installation, &pull));
    Ok(Part::Checks(Box::new(Switching {
        repository: repository.id,
        pull: number,
        rules: scene.policy.ci.clone(),
        own: scene.target.is_some_and(|run| run.has_opened(number)),
        labels: labelling::counted(&mut *services.pool.acquire().await?, (repository.id, &pull), scene.policy).await?,
        at_work: scene.target.is_some_and(works_on_checks),
        switch,
        look,
    })))
}

fn look(scene: &Scene<'_>, installation: InstallationId, pull: &PullRequest) -> Checks {
    Checks {
        installation,
        repository: scene.repository.id,
        head: pull.head.sha.clone(),
        occasion: Occasion::Switched(scene.spoken.id),
    }
}

fn works_on_checks(run: &StoredRun) -> bool {
    let progress = &run.run.progress;
    let causes = progress.follow_up.iter().map(|follow_up| &follow_up.cause).chain(&progress.waiting);
    !run.run.state.is_terminal() && causes.into_iter().any(|cause| matches!(cause, FollowUpCause::FailingCheck(_)))
}

fn why(answering: Answering) -> ChecksWhy {
    match answering {
        Answering::SwitchedOn => ChecksWhy::SwitchedOn,
        Answering::SwitchedOff => ChecksWhy::SwitchedOff,
        Answering::Own => ChecksWhy::Own,
        Answering::Labelled => ChecksWhy::Labelled,
        Answering::All => ChecksWhy::All,
        Answering::Nobody => ChecksWhy::Nobody,
    }
}

impl Switching {
    /// Stores the switch, looks at the checks if they are to be answered now, and says how things stand.
    pub(super) async fn carry_out(self, connection: &mut PgConnection) -> Result<String> {
        let place = (self.repository, self.pull);
        if let Some((wanted, by)) = &self.switch {
            tries::set_switch(connection, place, *wanted, (by.id, &by.login)).await?;
        }
        if let Some(look) = self.look {
            // What has failed already counts too.
            answer_checks::watch(connection, look, true).await?;
        }
        let switch = tries::switch(connection, self.repository, self.pull).await?;
        let since = switch.as_ref().map(|switch| switch.changed_at);
        let past = tries::deeds(connection, self.repository, Some(self.pull), since).await?;
        let answering = self.rules.answering(self.own, switch.as_ref().map(|switch| switch.answered), &self.labels);
        Ok(report::checks_answered(&ChecksView {
            why: why(answering),
            by: switch.map(|switch| switch.by),
            label: self.rules.label,
            attempts: self.rules.attempts,
            tried: crate::ci::heads_tried(&past),
            gave_up: past.iter().any(|deed| deed.kind == Kind::Stop),
            at_work: self.at_work,
            switched: self.switch.is_some(),
        }))
    }
}
