//! Makes branch, commit and pull request, through GitHub's API and never through git.
//!
//! Every write is found or created: the branch's name comes from the run, its commit from parent and tree, and the pull
//! request from its head, so a crash anywhere in between never makes a second one.

use anyhow::Context as _;

use super::{
    Completed, Done, JobFailure, Lease, RunId, Services, StageFailure, StageResult, StoredRun,
    draft::{self, Remains},
    follow_up, stage,
    store::results::{self, Proof},
    verify::{Judgement, judge},
};
use crate::{
    error::UserMessage,
    github::{BranchStands, GitHubError, NewCommit, NewPullRequest, OpenState, Origin},
    ids::{CommitSha, IssueNumber},
    patch::{Patch, secrets},
    plan::{Criterion, Plan},
    report::{self, Marker, MarkerKind},
    run::{branch, project::Project, state::PullRequest, view, workspace},
};

pub(super) async fn execute(services: &Services, lease: &Lease, run: RunId, seq: i32) -> Result<Completed, JobFailure> {
    stage(services, lease, (run, seq), async |stored| publish(services, stored).await).await
}

async fn publish(services: &Services, stored: &StoredRun) -> Result<Done, StageFailure> {
    let progress = &stored.run.progress;
    let current = progress.plan.as_ref().context("a run without a plan has nothing to publish")?;
    let version = workspace::current_version(progress)?;
    let mut connection = services.pool.acquire().await?;
    let steps = results::steps(&mut connection, stored.run.id, version).await?;
    let proof = results::latest_evidence(&mut connection, stored.run.id).await?;
    drop(connection);
    let project = Project::under_way(services, stored).await?;
    let patch = workspace::whole_patch(progress, &steps)?.against(&project.base);
    // All was asked before; it is asked again because this is the last door.
    let unproven = || unproven(&current.plan, &patch, &proof);
    let objections = match judge(services, &project, stored, &patch) {
        Judgement::Fine => unproven(),
        Judgement::Forbidden(objections) => Some(objections),
        Judgement::LeavesScope(paths) => Some(nobody_allowed(&paths)),
    };
    if let Some(objections) = objections {
        return Ok(StageResult::Failed { message: UserMessage::new(report::neutralise(&objections, 4_000)) }.into());
    }
    if let Some(follow_up) = &progress.follow_up {
        let last = follow_up.steps.last().and_then(|last| steps.iter().find(|step| step.step == last.key));
        let summary = last.map(|step| step.summary.as_str()).unwrap_or_default();
        return follow_up::publish(services, stored, (&project, &patch), summary).await;
    }
    if let Some(draft) = progress.pull_request.as_ref().filter(|pull_request| pull_request.unfinished) {
        return draft::finish(services, stored, (&project, &patch), draft).await;
    }
    open(services, stored, &current.base, (&project, &patch)).await
}

/// Makes the branch with its one commit, and opens the pull request.
async fn open(
    services: &Services,
    stored: &StoredRun,
    parent: &CommitSha,
    (project, patch): (&Project, &Patch),
) -> Result<Done, StageFailure> {
    let progress = &stored.run.progress;
    let view = view::of(services, stored).await?;
    let github = services.github.installation(stored.installation);
    let branch = branch::name(stored)?;
    let commit = NewCommit {
        repository: &stored.repository_name,
        repository_id: stored.repository,
        branch: &branch,
        // Before its pull request is known the branch has, as a rule, not been made.
        stands: progress.pull_request.as_ref().map_or(BranchStands::Nowhere, |_| BranchStands::Unknown),
        parent,
        listing: &project.listing,
        message: &report::commit_message(&view),
        patch,
    };
    let text = report::pull_request(&view);
    if let Some(kind) = secret_in(services, &[commit.message, &text.title, &text.body]) {
        return Ok(StageResult::Failed { message: UserMessage::new(report::secret_in_text(kind)) }.into());
    }
    let (head, origin) = match github.commit(&commit).await {
        Ok(committed) => (committed.sha, committed.origin),
        Err(conflict @ GitHubError::Conflict(_)) if progress.pull_request.is_none() => {
            match draft::remains(services, stored, (project, patch), &branch, commit.message).await? {
                Remains::Draft(draft) if !draft.open => return Ok(closed(draft.number)),
                Remains::Merged(number) => return Ok(merged(number)),
                Remains::Draft(draft) => return draft::finish(services, stored, (project, patch), &draft).await,
                Remains::Branch(head) => (head, Origin::Moved),
                Remains::Nothing => return Err(conflict.into()),
            }
        }
        Err(error) => return Err(anyhow::Error::from(error).context("cannot publish the commit").into()),
    };
    let marker = Marker { run: Some(stored.run.id), kind: MarkerKind::PullRequest };
    let wanted = NewPullRequest {
        repository: &stored.repository_name,
        head: &branch,
        base: stored.base_branch(),
        title: &text.title,
        body: &marker.append_to(&text.body, services.settings.marker_key.bytes()),
        draft: stored.options.draft,
    };
    let pull_request = match (&progress.pull_request, origin) {
        (None, Origin::NewBranch) => github.open_pull(&wanted).await,
        (Some(_), _) | (None, Origin::Moved | Origin::Adopted) => github.find_or_create_pull(&wanted).await,
    };
    let pull_request = pull_request.context("cannot open the pull request")?;
    // One that was merged before it was known here is watched, and what is told of it ends the run.
    if pull_request.state == OpenState::Closed && pull_request.merged_at.is_none() {
        return Ok(closed(pull_request.number));
    }
    Ok(StageResult::Published(PullRequest {
        number: pull_request.number,
        branch,
        head,
        open: true,
        fork: false,
        unfinished: false,
    })
    .into())
}

fn nobody_allowed(paths: &[String]) -> String {
    format!("Nobody allowed changes of {}", paths.join(", "))
}

fn closed(number: IssueNumber) -> Done {
    let message = format!(
        "The pull request #{number} of this run is closed. Reopen it and `/wiz retry`, or start over with `/wiz fix`."
    );
    StageResult::Failed { message: UserMessage::new(message) }.into()
}

fn merged(number: IssueNumber) -> Done {
    let message = format!(
        "The draft #{number} was merged before it was finished, so the rest has nowhere to go. Start over with `/wiz fix`."
    );
    StageResult::Failed { message: UserMessage::new(message) }.into()
}

/// What kind of secret one of the texts holds, if any does.
pub(super) fn secret_in(services: &Services, texts: &[&str]) -> Option<&'static str> {
    texts.iter().find_map(|text| secrets::scan_text(text, &services.settings.own_secrets).into_iter().next())
}

/// What the evidence does not cover: another patch, or a criterion without evidence that holds.
fn unproven(plan: &Plan, patch: &Patch, proof: &Proof) -> Option<String> {
    if proof.patch_digest != workspace::digest(patch) {
        return Some("The evidence is for another change than this one.".to_owned());
    }
    let holds = |criterion: &Criterion| proof.evidence.iter().any(|seen| seen.criterion == *criterion && seen.holds());
    let unmet: Vec<&str> =
        plan.definition_of_done.iter().filter(|criterion| !holds(criterion)).map(|unmet| unmet.name.as_str()).collect();
    (!unmet.is_empty()).then(|| format!("There is no evidence for: {}", unmet.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_proven_is_named() {
        let criterion = |name: &str| Criterion {
            name: name.to_owned(),
            command: "true".to_owned(),
            proof: crate::plan::Proof::Passes,
        };
        let definition_of_done = vec![criterion("lint"), criterion("tests")];
        let plan = Plan { summary: String::new(), steps: vec![], definition_of_done, risks: vec![], files: vec![] };
        let patch = Patch::default();
        let of =
            |patch_digest: String| unproven(&plan, &patch, &Proof { evidence: vec![], patch_digest, files: vec![] });
        let said = [of(String::new()), of(workspace::digest(&patch))].map(Option::unwrap);
        insta::assert_snapshot!(nobody_allowed(&["a.rs".to_owned(), "b.rs".to_owned()]), @"Nobody allowed changes of a.rs, b.rs");
        insta::assert_snapshot!(said.join("\n"), @r"
        The evidence is for another change than this one.
        There is no evidence for: lint, tests
        ");
    }

    #[test]
    fn a_pull_request_that_is_over_takes_no_more() {
        let said = [closed(IssueNumber(7)), merged(IssueNumber(7))].map(|done| {
            let StageResult::Failed { message } = done.result else { panic!("it goes on") };
            message.to_string()
        });
        insta::assert_snapshot!(said.join("\n"), @r"
        The pull request #7 of this run is closed. Reopen it and `/wiz retry`, or start over with `/wiz fix`.
        The draft #7 was merged before it was finished, so the rest has nowhere to go. Start over with `/wiz fix`.
        ");
    }
}
