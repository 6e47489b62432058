//! The label that has failing checks of a pull request answered, set when some may have failed already. It counts when
//! whoever sets it may say `/wiz ci on`, and then the head's checks are looked at just as after those words.

use anyhow::Result;
use sqlx::PgConnection;

use super::{
    Action, DeliveryId, InstallationId, Services, answer_checks,
    answering::{Answer, Part},
    hearing,
};
use crate::{
    event::{Event, Trigger, Triggered, command::Verb},
    github::{OpenState, PullRequest},
    ids::{IssueNumber, RepositoryId},
    policy::{self, Answering, CiRules, Permission, RepositoryPolicy, Role},
    report,
    run::{
        store::ci as tries,
        task::{Checks, Occasion},
    },
};

/// What a label comes to.
pub(super) struct Labelling {
    repository: RepositoryId,
    pull: IssueNumber,
    /// Whether whoever set it may have checks answered.
    counts: bool,
    /// The look at the head's checks that follows; none where the label does not count, or decides nothing now.
    look: Option<Checks>,
}

impl Labelling {
    pub(super) async fn carry_out(self, connection: &mut PgConnection) -> Result<()> {
        tries::judge_label(connection, (self.repository, self.pull), self.counts).await?;
        match self.look {
            // What has failed already counts too.
            Some(look) => answer_checks::watch(connection, look, true).await,
            None => Ok(()),
        }
    }
}

pub(super) async fn interpret(
    services: &Services,
    (delivery, event): (DeliveryId, &Event),
    installation: InstallationId,
    triggered: &Triggered,
) -> Result<Vec<Action>> {
    let (Some(repository), Some(actor), Trigger::Label(label)) = (&event.repository, &event.actor, &triggered.by)
    else {
        return Ok(vec![]);
    };
    if actor.is_bot {
        return Ok(vec![]);
    }
    // Under a faulty policy nobody knows what a label means.
    let Ok(policy) = hearing::policy(services, &repository.name, installation).await? else { return Ok(vec![]) };
    if !policy.ci.is_label(label) {
        return Ok(vec![]);
    }
    let (github, number) = (services.github.installation(installation), triggered.subject.issue);
    // Deliveries come late: what counts is which labels and which head there are now.
    let pull = github.pull(&repository.name, number).await?;
    let Some(pull) = pull.filter(|pull| is_labelled(pull, &policy.ci)) else { return Ok(vec![]) };
    let role = github.role(&repository.name, actor.id, &actor.login).await?;
    let role = role.map_or(Role::None, |role| Role::from_github(&role.role_name, &role.permission));
    let permission = policy::may(role, Verb::Ci, &policy);
    // Whose label it is counts whenever it is set, since the pull request may be reopened and the switch moved.
    let matters = pull.state == OpenState::Open
        && is_decided_by_label(services, (event, installation, triggered), &policy.ci).await?;
    let (repository_id, head) = (repository.id, pull.head.sha);
    let looked = Checks { installation, repository: repository_id, head, occasion: Occasion::Labelled(delivery) };
    let (look, denied) = match permission {
        Permission::Allowed => (matters.then_some(looked), None),
        Permission::Denied { needs } => {
            (None, matters.then(|| report::denied(&actor.login, Verb::Ci.name(), needs.name())))
        }
    };
    let answer = denied.map(|text| Answer {
        installation,
        issue: number,
        comment: triggered.subject.id,
        speaker: actor.id,
        fresh: None,
        repository: repository.clone(),
        parts: vec![Part::Deny { text, on: None }],
    });
    let counts = permission == Permission::Allowed;
    let labelled = Action::Labelled(Labelling { repository: repository_id, pull: number, counts, look });
    Ok(std::iter::once(labelled).chain(answer.map(Action::Conversation)).collect())
}

fn is_labelled(pull: &PullRequest, rules: &CiRules) -> bool {
    pull.labels.iter().any(|label| rules.is_label(&label.name))
}

/// Whether the checks would be left alone without the label, and not because somebody said so.
async fn is_decided_by_label(
    services: &Services,
    (event, installation, triggered): (&Event, InstallationId, &Triggered),
    rules: &CiRules,
) -> Result<bool> {
    let (Some(repository), spoken) = (&event.repository, &triggered.subject) else { return Ok(false) };
    let run = hearing::find_run(services, installation, repository, spoken).await?;
    let own = run.is_some_and(|run| run.has_opened(spoken.issue));
    let switch = tries::switch(&mut *services.pool.acquire().await?, repository.id, spoken.issue).await?;
    Ok(rules.answering(own, switch.map(|switch| switch.answered), &[]) == Answering::Nobody)
}

/// The labels of a pull request by which its checks may be answered.
pub(in crate::run::jobs) async fn counted(
    connection: &mut PgConnection,
    (repository, pull): (RepositoryId, &PullRequest),
    policy: &RepositoryPolicy,
) -> Result<Vec<String>> {
    if is_labelled(pull, &policy.ci) && !tries::label_counts(connection, repository, pull.number).await? {
        return Ok(vec![]);
    }
    Ok(pull.labels.iter().map(|label| label.name.clone()).collect())
}
