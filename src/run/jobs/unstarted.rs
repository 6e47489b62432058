//! Workflows that GitHub could not start: something failed, and there is no job, no check and no log of it. wiz may not
//! change workflow files, so a person is told.

use std::time::Duration;

use anyhow::{Context as _, Result};
use sqlx::PgConnection;

use super::{
    Services, Task,
    checks::{Answer, Business, Ground, Red, Turn, Verdict, ours},
};
use crate::{
    github::{Installation, UnstartedWorkflow},
    ids::{CommentId, IssueNumber, RepositoryName},
    queue, report,
    run::task::{Checks, Reply},
};

/// Something was said to have failed on a commit on which all checks have ended well: a workflow that never started, or
/// nothing any more. Nobody but those whose checks are answered is told.
pub(super) async fn look(
    services: &Services,
    (wanted, turn): (&Checks, Turn),
    name: &RepositoryName,
) -> Result<Verdict> {
    let github = services.github.installation(wanted.installation);
    let unstarted =
        github.unstarted_workflows(name, &wanted.head, &[]).await.context("cannot list the workflow runs")?;
    if unstarted.is_empty() {
        return Ok(Verdict::Green);
    }
    tracing::info!(repo = %name, head = %wanted.head, ?unstarted, "workflows could not be started");
    Ok(match ours(services, (wanted, turn), name, &github).await? {
        Business::Ours(red) => match red.ground {
            Ground::Pull(pull) => Verdict::Unstarted(pull.number, unstarted),
            Ground::DefaultBranch(_) => Verdict::Green,
        },
        Business::In(Turn::OfCommit) => Verdict::In(Turn::OfCommit),
        Business::Wait => Verdict::Wait,
        Business::In(Turn::OfDefaultBranch) | Business::Fork(_) | Business::No => Verdict::Green,
    })
}

/// The workflows that never started beside checks that failed. Whoever reads what becomes of those has to know: the repair
/// may not come, and it cannot mend them. Before the end is near they are not asked for.
pub(super) async fn beside(
    github: &Installation,
    (wanted, name): (&Checks, &RepositoryName),
    red: &Red,
) -> Result<Vec<UnstartedWorkflow>> {
    match (&red.ground, &red.answer) {
        (Ground::Pull(_), Answer::Repair(_) | Answer::Stop(..)) => {
            let has_jobs: Vec<_> = red.seen.iter().filter_map(|seen| Some(seen.job.as_ref()?.run_id)).collect();
            let found = github.unstarted_workflows(name, &wanted.head, &has_jobs).await;
            found.context("cannot list the workflow runs")
        }
        (Ground::DefaultBranch(_), _) | (_, Answer::Wait | Answer::Rerun(_) | Answer::Nothing) => Ok(vec![]),
    }
}

/// Tells of each workflow, once on each pull request: every push to it would say the same again.
pub(super) async fn tell(
    connection: &mut PgConnection,
    wanted: &Checks,
    (pull, unstarted): (IssueNumber, &[UnstartedWorkflow]),
) -> Result<()> {
    for workflow in unstarted {
        let reply = Task::Reply(Reply {
            installation: wanted.installation,
            repository: wanted.repository,
            issue: pull,
            // The workflow stands for the comment that nobody wrote; below zero it is nobody's.
            comment: CommentId(-workflow.id.0),
            thread: None,
            thumbs_down: None,
            body: report::workflow_unstarted(&workflow.path),
        });
        queue::enqueue(connection, &reply.job(wanted.installation, Duration::ZERO)?).await?;
    }
    Ok(())
}
