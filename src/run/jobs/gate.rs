//! What the repository's gate says to a plan and, once there is a change, to what it became.

use anyhow::Result;

use super::{Services, StoredRun, results, store};
use crate::{
    event::command::Verb,
    patch::LineCount,
    plan::{Approver, Gate, Plan},
    policy::{self, AuthorAssociation, EstimatedSize, GateFacts, RepositoryPolicy},
    run::briefing::Briefing,
    triage,
};

/// Who must agree to the plan.
pub(super) async fn of_plan(
    services: &Services,
    stored: &StoredRun,
    (plan, policy): (&Plan, &RepositoryPolicy),
    briefing: &Briefing,
) -> Result<Gate> {
    let cost = store::history::quote_for_work(&mut *services.pool.acquire().await?, stored).await?;
    let size = EstimatedSize { files: count(plan.files.len()), lines: None };
    let known = facts(services, stored, policy, briefing).await?;
    let facts = GateFacts { paths: plan.files.clone(), size: Some(size), cost: Some(cost), ..known };
    let gate = Gate::from(policy::gate(policy, &facts));
    let wish = triage::wish(stored.mission, stored.options.approval);
    Ok(match wish {
        Some(wish) if gate.approver == Approver::Nobody => {
            Gate { approver: Approver::Anybody, reasons: vec![wish.to_owned()] }
        }
        Some(_) | None => gate,
    })
}

/// What the change needs beyond what its plan did; none where that was enough. What a person allowed later is not asked
/// about again, and a follow-up needs no approval of its own.
pub(super) async fn raised_by_change(
    services: &Services,
    stored: &StoredRun,
    policy: &RepositoryPolicy,
    files: &[LineCount],
) -> Result<Option<Gate>> {
    let progress = &stored.run.progress;
    let Some(current) = progress.plan.as_ref().filter(|_| progress.follow_up.is_none()) else { return Ok(None) };
    let Some(had) = &current.gate else { return Ok(None) };
    let briefing = results::briefing(&mut *services.pool.acquire().await?, stored.run.id).await?;
    let lines = files.iter().map(|file| file.added + file.removed).sum();
    let size = EstimatedSize { files: count(files.len()), lines: Some(count(lines)) };
    let paths = files.iter().map(|file| file.path.clone()).filter(|path| !current.widened.contains(path)).collect();
    let facts = GateFacts { paths, size: Some(size), ..facts(services, stored, policy, &briefing).await? };
    let gate = Gate::from(policy::gate(policy, &facts));
    Ok((gate.approver > had.approver).then_some(gate))
}

async fn facts(
    services: &Services,
    stored: &StoredRun,
    policy: &RepositoryPolicy,
    briefing: &Briefing,
) -> Result<GateFacts> {
    let verb = Verb::named(stored.mission.name()).unwrap_or(Verb::Fix);
    let author = briefing.author_association.as_deref().map(AuthorAssociation::from_github);
    let mut labels = briefing.labels.clone();
    if policy.gate_rules.iter().any(|rule| !rule.labels.is_empty()) {
        // Those who sort issues do so while the planner works. What was there at the beginning counts as well.
        let github = services.github.installation(stored.installation);
        let now = github.issue(&stored.repository_name, stored.issue).await?;
        labels.extend(now.iter().flat_map(|issue| &issue.labels).filter_map(|label| label.name().map(str::to_owned)));
    }
    Ok(GateFacts { labels, author, ..GateFacts::of(verb) })
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
