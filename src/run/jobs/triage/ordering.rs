//! Orders to a run: what they need to know about the present, and what is said about them.

use anyhow::{Context as _, Result};

use super::{Services, answering::Part};
use crate::{
    event::Actor,
    ids::{CommitSha, RunId},
    plan::PlanHash,
    policy::RepositoryPolicy,
    report,
    run::{
        jobs::report::digest,
        signal::{Notice, Order, Refusal},
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
async fn base_head(services: &Services, target: &StoredRun) -> Result<CommitSha> {
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
