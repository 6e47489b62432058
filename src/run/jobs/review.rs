//! Lets a reviewer read the whole change against plan and criteria, in a read-only box that holds the result.

use anyhow::Context as _;

use super::{
    Completed, Done, JobFailure, Keep, Lease, RunId, Services, StageFailure, StageResult, StoredRun, stage,
    store::results,
};
use crate::{
    agent::{self, BoxMode, BoxToolbox, Finished, ReviewInput, ReviewReport, ReviewVerdict},
    patch::unified_diff,
    run::{briefing, evidence::Evidence, project::Project, session, workspace},
    sandbox::BoxKey,
};

/// Most of the diff shown to the reviewer at once; the whole result is in its box.
const DIFF_CHARS: usize = 80_000;

pub(super) async fn execute(services: &Services, lease: &Lease, run: RunId, seq: i32) -> Result<Completed, JobFailure> {
    stage(services, lease, (run, seq), async |stored| review(services, lease, stored).await).await
}

async fn review(services: &Services, lease: &Lease, stored: &StoredRun) -> Result<Done, StageFailure> {
    let progress = &stored.run.progress;
    let current = progress.plan.as_ref().context("a run without a plan has nothing to review")?;
    let version = workspace::current_version(progress)?;
    let steps = results::steps(&mut *services.pool.acquire().await?, stored.run.id, version).await?;
    let project = Project::under_way(services, stored).await?;
    let start = progress.start().context("the work has no start")?;
    let patch = workspace::whole_patch(progress, &steps)?.against(&project.base);
    // Each state of the change has a conversation of its own, which outlasts a pause.
    let (follow_ups, steps_so_far) = (progress.follow_ups, progress.current_steps().len());
    let conversation = format!("review-{version}-{follow_ups}-{steps_so_far}-{}", progress.retries);
    let key = BoxKey { run: stored.run.id, name: format!("{conversation}-{}", stored.run.seq) };
    let files = || workspace::apply(&project.files, &patch);
    let opened = session::open_box(services, &project, key, files).await?;
    if opened.fresh {
        session::prepare(&opened.open_box, &project).await?;
    }
    let toolbox = BoxToolbox::new(&opened.open_box, BoxMode::ReadOnly);
    let mut connection = services.pool.acquire().await?;
    let briefing = results::briefing(&mut connection, stored.run.id).await?;
    let proof = results::latest_evidence(&mut connection, stored.run.id).await?;
    drop(connection);
    let mut assignment = briefing.assignment(stored, &project, start);
    assignment.statements.extend(briefing::cause(stored));
    let input = ReviewInput {
        assignment,
        plan: current.plan.clone(),
        diff: unified_diff(&patch, &project.base, &|path| project.content(path), DIFF_CHARS),
        evidence: proof.evidence.iter().map(Evidence::describe).collect(),
    };
    let session = session::of(services, lease, stored, &conversation, &toolbox)?;
    let finished = opened.sealed_during(agent::review(&session, &input)).await?;
    services.spent_boxes.add(opened.open_box);
    let report: ReviewReport = match finished {
        Finished::Submitted(report) => report,
        Finished::Stopped(reason) => return Ok(session::stopped(reason)?.into()),
    };
    Ok(Done {
        result: StageResult::Reviewed { feedback: requested_changes(&report) },
        keep: Some(Keep::Review(report)),
    })
}

/// What the reviewer wants changed, for the coder; none when it approves.
fn requested_changes(report: &ReviewReport) -> Option<String> {
    match report.verdict {
        ReviewVerdict::Approve => None,
        ReviewVerdict::RequestChanges => {
            let findings = report
                .findings
                .iter()
                .map(|finding| format!("- {}:{}: {}: {}", finding.path, finding.line, finding.title, finding.detail));
            Some([report.summary.clone()].into_iter().chain(findings).collect::<Vec<_>>().join("\n"))
        }
    }
}
