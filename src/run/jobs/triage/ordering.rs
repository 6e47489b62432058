//! Orders to a run: what they need to know about the present, and what is said about them.

use anyhow::Result;
use sqlx::PgConnection;

use super::{super::report as report_job, Services, answering::Part, starting, store};
use crate::{
    event::{Actor, command::Verb},
    github::journal::{self, Change, text_digest},
    ids::{CommitSha, Login, RepositoryId, RunId},
    money::MicroDollars,
    plan::{Gate, PlanHash},
    policy::{self, GateFacts, GateLevel, RepositoryPolicy},
    report,
    run::{
        signal::{Notice, Order, Refusal, Signal},
        state::{Run, State},
        store::{Signalled, StoredRun, results},
        view,
    },
    triage::{self, Ordered},
};

/// What must be said about an order; one that was followed shows in the status comment.
pub(super) fn outcome(run: RunId, verb: &str, hash: Option<&PlanHash>, signalled: Signalled) -> Option<String> {
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
        Signalled::Refused { refusal: Refusal::NoSuchOption, .. } => Some(report::no_such_option(run)),
        Signalled::AnotherRunIsOpen => Some(report::another_run_is_open(run)),
        Signalled::Undone => Some(report::was_undone(run)),
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
    if triage::needs_another(approver(policy, target, &order), has_asked(speaker, target)) {
        return Ok(Part::Say(report::own_plan(target.run.id)));
    }
    let hash = target.run.progress.plan.as_ref().map(|current| current.hash(target.run.budget));
    let Some(order) = complete_order(services, target, order).await? else {
        return Ok(Part::Say(report::no_base(target.base_branch())));
    };
    Ok(Part::Order { run: target.run.id, verb, by: speaker.login.clone(), order, hash, budget_day: policy.budget_day })
}

/// Whether the person asked for the work that is under way: each follow-up has somebody of its own who wants it, but for a
/// check that failed, whose repair belongs to the run.
fn has_asked(speaker: &Actor, target: &StoredRun) -> bool {
    let follow_up = target.run.progress.follow_up.as_ref();
    follow_up
        .and_then(|follow_up| follow_up.cause.by())
        .map_or(speaker.id == target.requester_id, |by| *by == speaker.login)
}

/// Who may give this order: as the gate said when the plan was made, or says by now if that is more.
fn approver(policy: &RepositoryPolicy, target: &StoredRun, order: &Ordered) -> GateLevel {
    let progress = &target.run.progress;
    let planned = progress.plan.as_ref().and_then(|current| current.gate.as_ref());
    let level = |gate: Option<&Gate>| gate.map_or(GateLevel::Autonomous, |gate| gate.approver.into());
    match order {
        Ordered::Approve { .. } => policy.gate.max(level(planned)),
        Ordered::Widen => {
            let verb = Verb::named(target.mission.name()).unwrap_or(Verb::Fix);
            let facts = GateFacts { paths: progress.scope.clone(), ..GateFacts::of(verb) };
            policy::gate(policy, &facts).level.max(level(progress.raised.as_ref()))
        }
        Ordered::Reject
        | Ordered::Pause
        | Ordered::Resume
        | Ordered::Budget { .. }
        | Ordered::Answer { .. }
        | Ordered::Revise { .. }
        | Ordered::Retry
        | Ordered::Cancel => GateLevel::Autonomous,
    }
}

/// Gives the order to the run, or says what stands against it.
pub(super) async fn give(
    connection: &mut PgConnection,
    (repository, run): (RepositoryId, RunId),
    (by, order): (Login, Order),
    budget_day: MicroDollars,
) -> Result<Result<Signalled, String>> {
    if let Some(text) = unpaid(connection, (repository, run), &order, budget_day).await? {
        return Ok(Err(text));
    }
    let is_edit = matches!(order, Order::Edit { .. });
    let signalled = store::signal(connection, run, Signal::Human { by, order }).await?;
    if is_edit && matches!(signalled, Signalled::Refused { .. }) {
        // Another edit came in between: with the next try this one is compared with that.
        anyhow::bail!("the plan changed while its edit was read");
    }
    Ok(Ok(signalled))
}

/// What stands against an order for more money, or for going on where nothing is kept for the run any more: what the
/// repository may still spend today.
async fn unpaid(
    connection: &mut PgConnection,
    (repository, run): (RepositoryId, RunId),
    order: &Order,
    budget_day: MicroDollars,
) -> Result<Option<String>> {
    match order {
        Order::Budget { more } => {
            let left = store::left_today(connection, repository, budget_day).await?;
            Ok((left < *more).then(|| report::budget_exhausted(budget_day.saturating_sub(left), budget_day)))
        }
        Order::Retry => match store::load(connection, run).await? {
            Some(stored) if asks_models_again(&stored.run) => {
                starting::nothing_left(connection, repository, budget_day).await
            }
            Some(_) | None => Ok(None),
        },
        Order::Approve { .. }
        | Order::Widen { .. }
        | Order::Reject
        | Order::Pause
        | Order::Resume
        | Order::Answer { .. }
        | Order::Revise { .. }
        | Order::Edit { .. }
        | Order::Cancel => Ok(None),
    }
}

/// Whether trying again what has ended may cost money: what is only published, watched or proven does not.
fn asks_models_again(run: &Run) -> bool {
    let stage = run.progress.failure.as_ref().map(|failure| failure.stage);
    let proves = run.progress.follow_up.as_ref().is_some_and(|follow_up| follow_up.cause.only_proves());
    matches!(run.state, State::Failed | State::Cancelled)
        && !matches!(stage, Some(State::Publishing | State::Watching))
        && !proves
}

/// Looks up what an order needs to know about the present; none when the base branch is gone.
async fn complete_order(services: &Services, target: &StoredRun, order: Ordered) -> Result<Option<Order>> {
    Ok(Some(match order {
        Ordered::Approve { typed_hash } => {
            let (base_now, shown) = tokio::try_join!(base_head(services, target), shown_plan(services, target))?;
            let Some(base_now) = base_now else { return Ok(None) };
            Order::Approve { typed_hash, base_now, shown }
        }
        Ordered::Widen => Order::Widen { shown: shown_plan(services, target).await? },
        Ordered::Reject => Order::Reject,
        Ordered::Pause => Order::Pause,
        Ordered::Resume => Order::Resume,
        Ordered::Budget { more } => Order::Budget { more },
        Ordered::Answer { words } => Order::Answer { words },
        Ordered::Revise { text } => Order::Revise { text },
        Ordered::Retry => Order::Retry,
        Ordered::Cancel => Order::Cancel,
    }))
}

/// The head of the branch the run starts from; none when the branch is gone.
async fn base_head(services: &Services, target: &StoredRun) -> Result<Option<CommitSha>> {
    let github = services.github.installation(target.installation);
    if *target.base_branch() == target.default_branch {
        // Known already to whoever looked for the policy.
        return Ok(github.head(&target.repository_name).await?);
    }
    Ok(github.branch(&target.repository_name, target.base_branch()).await?)
}

/// The plan that the status comment shows: the one wiz wrote there, if the comment still says what wiz wrote.
async fn shown_plan(services: &Services, target: &StoredRun) -> Result<Option<PlanHash>> {
    let output = results::output(&mut *services.pool.acquire().await?, target.run.id).await?;
    let Some(comment) = output.status_comment else { return Ok(None) };
    let github = services.github.installation(target.installation);
    let Some(shown) = github.comment(&target.repository_name, comment).await? else { return Ok(None) };
    let digest = text_digest(&shown.body);
    if output.status_comment_digest.as_ref() == Some(&digest) {
        return Ok(output.shown_plan);
    }
    // A write whose answer was lost, or is still on its way, has been noted, and what it shows can be read in it.
    let now = report_job::shown_hash(&target.run).filter(|hash| shown.body.contains(hash.short()));
    let Some(now) = now else { return Ok(None) };
    let noted = journal::of_run(&mut *services.pool.acquire().await?, target.run.id).await?;
    let wrote = Change::CommentText { comment, said: Some(digest) };
    Ok(noted.iter().any(|noted| noted.change == wrote).then_some(now))
}
