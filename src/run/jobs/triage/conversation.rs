//! Deliveries in which a person speaks to wiz.
//!
//! The look-ups are the speaker's live role, the policy on the default branch and, for an approval, what the base branch
//! and the plan's comment say now. Whatever one text causes is answered in one comment at most.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use sqlx::PgConnection;

use super::{Action, InstallationId, Services, Signal, Task, store};
use crate::{
    event::{
        Actor, Event, Place, Repository, Spoken,
        command::{self, Command},
    },
    github::{Reactable, Reaction},
    ids::{CommentId, DeliveryId, IssueNumber, Login, RepositoryId, RepositoryName, RunId, UserId},
    llm::{AgentRole, ModelName},
    money::MicroDollars,
    plan::PlanHash,
    policy::{self, PolicyFault, RepositoryPolicy, Role},
    report,
    run::{
        jobs::report::digest,
        signal::{Notice, Order, Refusal},
        state::Mission,
        store::{Created, NewRun, Signalled, StoredRun, results},
        task::Reply,
        view,
    },
    triage::{self, Ground, Intent, Ordered},
};

/// Everything one text causes, ready to be stored.
pub(super) struct Answer {
    pub(super) repository: Repository,
    pub(super) installation: InstallationId,
    /// Where the answer goes.
    pub(super) issue: IssueNumber,
    pub(super) comment: CommentId,
    pub(super) speaker: UserId,
    pub(super) parts: Vec<Part>,
}

/// What one command causes.
pub(super) enum Part {
    Start(NewRun),
    Order {
        run: RunId,
        verb: &'static str,
        by: Login,
        order: Order,
        hash: Option<PlanHash>,
    },
    Say(String),
    /// Told once per person and issue, with 👎 on what was said where there is something to put it on.
    Deny {
        text: String,
        on: Option<Reactable>,
    },
}

pub(super) async fn interpret(
    services: &Services,
    delivery: DeliveryId,
    event: &Event,
    installation: InstallationId,
) -> Result<Option<Action>> {
    let own = services.github.identity().await?;
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
    let target = find_run(services, repository.id, heard.spoken.issue).await?;
    let ground = ground(services, installation, &repository.name, heard.spoken, target.as_ref()).await?;
    let (policy, faults) = match policy {
        Ok(policy) => (policy, vec![]),
        Err(faults) => (RepositoryPolicy::default(), faults),
    };
    let intents: Vec<Intent> = heard
        .commands
        .iter()
        .map(|command| triage::decide(command, role, &policy, ground))
        .map(|intent| triage::unless_faulty(intent, &faults))
        .collect();
    let on = reactable(heard.spoken);
    if intents.iter().any(|intent| matches!(intent, Intent::Start { .. } | Intent::Order { .. })) {
        acknowledge(services, installation, &repository.name, on).await?;
    }
    let mut parts = Vec::new();
    for (index, intent) in intents.into_iter().enumerate() {
        let scene = Scene {
            event,
            spoken: heard.spoken,
            installation,
            repository: &repository,
            target: target.as_ref(),
            policy: &policy,
        };
        parts.push(scene.part(services, index, intent, on).await?);
    }
    Ok(Some(Action::Conversation(Answer {
        installation,
        issue: heard.spoken.issue,
        comment: heard.spoken.id,
        speaker: heard.speaker.id,
        repository,
        parts,
    })))
}

/// The answer to commands that could not be followed, and that a person gave.
pub(super) fn apology(event: &Event) -> Option<Answer> {
    let heard = triage::listen(event, None).ok()?;
    Some(Answer {
        repository: event.repository.clone()?,
        installation: event.installation?,
        issue: heard.spoken.issue,
        comment: heard.spoken.id,
        speaker: heard.speaker.id,
        parts: vec![Part::Say(report::not_followed())],
    })
}

/// What the meaning of a command depends on.
struct Scene<'a> {
    event: &'a Event,
    spoken: &'a Spoken,
    installation: InstallationId,
    repository: &'a Repository,
    target: Option<&'a StoredRun>,
    policy: &'a RepositoryPolicy,
}

impl Scene<'_> {
    async fn part(&self, services: &Services, index: usize, intent: Intent, on: Reactable) -> Result<Part> {
        Ok(match intent {
            Intent::Start { mission, command } => {
                let new = self.new_run(index, mission, &command)?;
                match unusable_model(services, &new) {
                    Some(text) => Part::Say(text),
                    None => Part::Start(new),
                }
            }
            Intent::Order { verb, order } => match self.target {
                None => Part::Say(report::no_run(verb)),
                Some(target) => order_part(services, (self.speaker()?, self.policy), target, (verb, order)).await?,
            },
            Intent::Status { verb } => match self.target {
                None => Part::Say(report::no_run(verb)),
                Some(target) => {
                    let view = view::of(services, target).await?;
                    Part::Say(report::status_reply(&view))
                }
            },
            Intent::Help => Part::Say(report::help(&command::help())),
            Intent::Correct(error) => Part::Say(report::unknown_command(&error.to_string(), &error.usage())),
            Intent::Unsuited(message) => Part::Say(message.to_string()),
            Intent::Deny { verb, needs } => {
                Part::Deny { text: report::denied(&self.speaker()?.login, verb, needs.name()), on: Some(on) }
            }
        })
    }

    fn speaker(&self) -> Result<&Actor> {
        self.event.actor.as_ref().context("words without a speaker")
    }

    fn new_run(&self, index: usize, mission: Mission, command: &Command) -> Result<NewRun> {
        let (actor, spoken) = (self.speaker()?, self.spoken);
        Ok(NewRun {
            installation: self.installation,
            repository: self.repository.id,
            issue: spoken.issue,
            issue_title: spoken.issue_title.clone(),
            trigger_key: format!("{:?}:{}:{index}:{command}", spoken.place, spoken.id),
            mission,
            instructions: command.instructions.clone(),
            requester_id: actor.id,
            requester: actor.login.clone(),
            model: command.flags.model.clone().or_else(|| self.policy.model.clone()),
            budget: triage::run_budget(command.flags.max, self.policy.budget_run),
            budget_day: self.policy.budget_day,
        })
    }
}

impl Answer {
    /// Stores everything the text causes: runs, signals, and one answer for whatever needs words.
    pub(super) async fn carry_out(self, connection: &mut PgConnection) -> Result<()> {
        let branch = self.repository.default_branch.as_ref().context("a repository without a default branch")?;
        let (id, name) = (self.repository.id, &self.repository.name);
        store::remember_repository(connection, self.installation, id, name, branch).await?;
        let mut words: BTreeSet<(usize, String)> = BTreeSet::new();
        let mut reaction = None;
        for (index, part) in self.parts.into_iter().enumerate() {
            let said = match part {
                Part::Start(new) => start(connection, new).await?,
                Part::Order { run, verb, by, order, hash } => {
                    let signalled = store::signal(connection, run, Signal::Human { by, order }).await?;
                    ordered(run, verb, hash.as_ref(), signalled)
                }
                Part::Say(text) => Some(text),
                Part::Deny { text, on } => {
                    let first = results::record_denial(connection, id, self.issue, self.speaker).await?;
                    if first {
                        reaction = on;
                    }
                    first.then_some(text)
                }
            };
            words.extend(said.map(|text| (index, text)));
        }
        if words.is_empty() {
            return Ok(());
        }
        let texts: Vec<String> = words.into_iter().map(|(_, text)| text).collect();
        let reply = Task::Reply(Reply {
            installation: self.installation,
            repository: id,
            issue: self.issue,
            comment: self.comment,
            thumbs_down: reaction,
            body: texts.join("\n\n"),
        });
        crate::queue::enqueue(connection, &reply.job(self.installation, std::time::Duration::ZERO)?).await?;
        Ok(())
    }
}

/// Starts a run within what the repository may still spend today. Answers what must be said; a new run speaks for itself
/// through its status comment.
async fn start(connection: &mut PgConnection, new: NewRun) -> Result<Option<String>> {
    let left = store::left_today(connection, new.repository, new.budget_day).await?;
    if left < LEAST_BUDGET {
        return Ok(Some(report::budget_exhausted(new.budget_day.saturating_sub(left), new.budget_day)));
    }
    let new = NewRun { budget: new.budget.min(left), ..new };
    Ok(match store::create(connection, &new).await? {
        Created::New(_) | Created::Before(_) => None,
        Created::OpenRun(run) => Some(report::already_running(run, None)),
    })
}

/// With less than this a run would stop before it has a plan.
const LEAST_BUDGET: MicroDollars = MicroDollars::from_cents(5);

/// What is wrong with the model a run asks for, if anything is: found now, it costs nobody a plan.
fn unusable_model(services: &Services, new: &NewRun) -> Option<String> {
    let wanted = new.model.as_deref()?;
    let usable = wanted.parse::<ModelName>().is_ok_and(|model| services.models.check(&model).is_ok());
    (!usable).then(|| report::unusable_model(wanted, &services.models.model_for(AgentRole::Coder).to_string()))
}

/// What must be said about an order; one that was followed shows in the status comment.
fn ordered(run: RunId, verb: &str, hash: Option<&PlanHash>, signalled: Signalled) -> Option<String> {
    match signalled {
        Signalled::Applied { notice: None, .. } => None,
        Signalled::Applied { notice: Some(notice), .. } => Some(match notice {
            Notice::BaseMoved => report::base_moved(run),
            Notice::PlanNotShown => report::plan_not_shown(run),
        }),
        Signalled::Refused { refusal: Refusal::ForeignPlan, .. } => hash.map(report::stale_approval),
        Signalled::Refused { state, refusal: Refusal::NotNow | Refusal::Stale } => {
            Some(report::not_now(verb, run, view::run_state(state)))
        }
        Signalled::AnotherRunIsOpen => Some(report::another_run_is_open(run)),
        Signalled::Unknown => Some(report::no_run(verb)),
    }
}

/// What an order of somebody with permission causes, given in words or by a button.
pub(super) async fn order_part(
    services: &Services,
    (speaker, policy): (&Actor, &RepositoryPolicy),
    target: &StoredRun,
    (verb, order): (&'static str, Ordered),
) -> Result<Part> {
    let approves = matches!(order, Ordered::Approve { .. });
    if approves && triage::needs_another(policy.gate, speaker.id, target.requester_id) {
        return Ok(Part::Say(report::own_plan(target.run.id)));
    }
    let hash = target.run.progress.plan.as_ref().map(|current| current.hash(target.run.budget));
    let order = complete_order(services, target, order).await?;
    Ok(Part::Order { run: target.run.id, verb, by: speaker.login.clone(), order, hash })
}

/// Looks up what an order needs to know about the present.
async fn complete_order(services: &Services, target: &StoredRun, order: Ordered) -> Result<Order> {
    Ok(match order {
        Ordered::Approve { typed_hash } => {
            let (base_now, shown) = tokio::try_join!(base_head(services, target), shown_plan(services, target))?;
            Order::Approve { typed_hash, base_now, shown }
        }
        Ordered::Reject => Order::Reject,
        Ordered::Revise { text } => Order::Revise { text },
        Ordered::Retry => Order::Retry,
        Ordered::Cancel => Order::Cancel,
    })
}

/// The default branch's head.
async fn base_head(services: &Services, target: &StoredRun) -> Result<crate::ids::CommitSha> {
    let github = services.github.installation(target.installation);
    let head = github.default_head(&target.repository_name).await?;
    Ok(head.context("the repository has no default branch")?.1)
}

/// The plan that the status comment shows: the one wiz wrote there, if the comment still says what wiz wrote.
async fn shown_plan(services: &Services, target: &StoredRun) -> Result<Option<PlanHash>> {
    let output = results::output(&mut *services.pool.acquire().await?, target.run.id).await?;
    let (Some(comment), Some(written), Some(plan)) =
        (output.status_comment, output.status_comment_digest, output.shown_plan)
    else {
        return Ok(None);
    };
    let github = services.github.installation(target.installation);
    let shown = github.comment(&target.repository_name, comment).await?;
    Ok(shown.filter(|shown| digest(&shown.body) == written).map(|_| plan))
}

/// The policy on the default branch, or its faults. Nothing may start under a faulty policy: what it forbids is unknown.
pub(super) async fn policy(
    services: &Services,
    name: &RepositoryName,
    installation: InstallationId,
) -> Result<Result<RepositoryPolicy, Vec<PolicyFault>>> {
    let github = services.github.installation(installation);
    let Some((_, head)) = github.default_head(name).await? else { return Ok(Ok(RepositoryPolicy::default())) };
    let file = github.file(name, &head, policy::POLICY_PATH, POLICY_BYTES).await?;
    Ok(file.map_or_else(|| Ok(RepositoryPolicy::default()), |bytes| policy::parse_bytes(&bytes)))
}

/// Largest policy file that is read; a longer one is no policy a person keeps.
const POLICY_BYTES: u64 = 64 * 1024;

async fn find_run(services: &Services, repository: RepositoryId, issue: IssueNumber) -> Result<Option<StoredRun>> {
    let mut connection = services.pool.acquire().await?;
    match store::latest_of(&mut connection, repository, issue).await? {
        Some(run) => store::load(&mut connection, run).await,
        None => Ok(None),
    }
}

async fn ground(
    services: &Services,
    installation: InstallationId,
    name: &RepositoryName,
    spoken: &Spoken,
    target: Option<&StoredRun>,
) -> Result<Ground> {
    let own = target.is_some_and(|run| {
        run.run.progress.pull_request.as_ref().is_some_and(|pull_request| pull_request.number == spoken.issue)
    });
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
async fn acknowledge(
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
