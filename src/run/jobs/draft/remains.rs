//! Drafts that their run never heard of: GitHub refused, or its answer was lost, after the branch or more was made.

use super::{Advanced, Services, StageFailure, StoredRun, advance};
use crate::{
    github::OpenState,
    ids::{BranchName, CommitSha, IssueNumber},
    patch::Patch,
    report::{Marker, MarkerKind},
    run::{project::Project, state::PullRequest},
};

/// What a draft that its run never heard of has left on GitHub.
pub(in crate::run::jobs) enum Remains {
    /// Its pull request, with the branch's head.
    Draft(PullRequest),
    /// Only its branch, or one from which a person has opened a pull request; it holds the work now.
    Branch(CommitSha),
    /// Its pull request, merged unfinished.
    Merged(IssueNumber),
    /// Nothing, or the branch is not wiz's alone.
    Nothing,
}

/// Looks for them on the run's branch, which nobody but wiz may have written to, and lets a branch without a draft go on to
/// the work.
pub(in crate::run::jobs) async fn remains(
    services: &Services,
    stored: &StoredRun,
    work: (&Project, &Patch),
    branch: &BranchName,
    message: &str,
) -> Result<Remains, StageFailure> {
    let github = services.github.installation(stored.installation);
    let Some(head) = github.branch(&stored.repository_name, branch).await? else { return Ok(Remains::Nothing) };
    let key = services.settings.marker_key.bytes();
    let marker = Marker { run: Some(stored.run.id), kind: MarkerKind::PullRequest };
    let pull = github.find_pull(&stored.repository_name, branch).await?;
    let pull = pull.filter(|pull| Marker::find(&pull.body, key) == Some(marker));
    // Once it is merged, the branch has nothing that its base has not.
    if let Some(merged) = pull.as_ref().filter(|pull| pull.merged_at.is_some()) {
        return Ok(Remains::Merged(merged.number));
    }
    let authors = github.authors_since(&stored.repository_name, stored.base_branch().as_str(), branch.as_str()).await?;
    let own = &services.github.identity().await?.bot_login;
    if authors.is_empty() || authors.iter().any(|author| author.as_ref() != Some(own)) {
        return Ok(Remains::Nothing);
    }
    if let Some(pull) = pull {
        let open = pull.state == OpenState::Open;
        let (branch, number) = (branch.clone(), pull.number);
        return Ok(Remains::Draft(PullRequest { number, branch, head, open, fork: false, unfinished: true }));
    }
    Ok(match advance(services, stored, work, (branch, &head), message).await? {
        Advanced::To(head) => Remains::Branch(head),
        Advanced::Elsewhere => Remains::Nothing,
    })
}
