//! Reviews a pull request that people made: a reviewer reads its head in a read-only box, and what it submits becomes one
//! review that neither approves nor refuses. Nothing else is published, and no status comment is made.

use anyhow::Context as _;

use super::{
    Done, Keep, Lease, Services, StageFailure, StageResult, StoredRun, answer, publish::secret_in, store::results,
};
use crate::{
    agent::{
        self, AgentLimits, BoxMode, BoxToolbox, FindingLevel, Finished, PullReview, PullReviewInput, Session, Statement,
    },
    error::UserMessage,
    github::{ChangedInPull, OpenState},
    ids::CommitSha,
    patch::shown_lines,
    report::{self, AnnotationLevel, PullReviewView},
    run::{
        briefing::Briefing,
        reading::{self, Reading},
        session,
        task::{LineComment, PostReview},
    },
    sandbox::BoxKey,
};

/// Most turns of one review; whoever has not seen enough by then says what it has seen.
const REVIEW_TURNS: u32 = 60;

/// Most output of one turn, in tokens: the longest review, and room to think.
const REVIEW_TOKENS: u32 = 8_000;

pub(super) async fn review(services: &Services, lease: &Lease, stored: &StoredRun) -> Result<Done, StageFailure> {
    let github = services.github.installation(stored.installation);
    let commit = stored.run.progress.reads.as_ref().context("a review without a commit")?;
    let pull = github.pull(&stored.repository_name, stored.issue).await?;
    let pull = match pull {
        Some(pull) if pull.state == OpenState::Open && pull.head.sha == *commit => pull,
        Some(pull) if pull.state == OpenState::Open => return Ok(failed(report::head_moved())),
        Some(_) | None => return Ok(failed(report::closed_unread())),
    };
    let changes = github.changes_of_pull(&stored.repository_name, stored.issue).await?;
    let (reading, briefing) =
        tokio::try_join!(reading::of_pull(services, stored, &pull), Briefing::read(services, stored))?;
    let Reading { project, commit } = reading;
    results::save_briefing(&mut *services.pool.acquire().await?, stored.run.id, &briefing).await?;
    let conversation = format!("read-{}-{}", stored.run.progress.retries, &commit.as_str()[..8]);
    let key = BoxKey { run: stored.run.id, name: format!("{conversation}-{}", stored.run.seq) };
    let opened = session::open_box(services, &project, key, || project.files.clone()).await?;
    if opened.fresh {
        session::prepare(&opened.open_box, &project).await?;
    }
    let toolbox = BoxToolbox::new(&opened.open_box, BoxMode::ReadOnly);
    let mut assignment = briefing.assignment(stored, &project, &commit);
    // What was asked for has a place of its own.
    assignment.statements.retain(|statement| statement.text != stored.instructions);
    let input = PullReviewInput {
        assignment,
        diff: reading::diff(&changes),
        changed: changes.iter().map(|change| change.filename.clone()).collect(),
        focus: focus(stored),
    };
    let session = session::of(services, lease, stored, &conversation, &toolbox)?;
    let limits = AgentLimits { turns: REVIEW_TURNS, max_output_tokens: REVIEW_TOKENS, ..session.limits };
    let session = Session { limits, ..session };
    let finished = opened.sealed_during(agent::review_pull(&session, &input)).await?;
    services.spent_boxes.add(opened.open_box);
    let review = match finished {
        Finished::Submitted(review) => review,
        Finished::Stopped(reason) => return Ok(failed(answer::stopped(reason)?)),
    };
    let post = posted(stored, &commit, &review, &changes);
    let comments = post.comments.iter().map(|comment| comment.body.as_str());
    let texts: Vec<&str> = [post.body.as_str(), &post.body_alone].into_iter().chain(comments).collect();
    if let Some(kind) = secret_in(services, &texts) {
        return Ok(failed(report::secret_in_text(kind)));
    }
    Ok(Done { result: StageResult::Answered, keep: Some(Keep::Posted(Box::new(post))) })
}

fn failed(message: impl Into<String>) -> Done {
    StageResult::Failed { message: UserMessage::new(message) }.into()
}

fn focus(stored: &StoredRun) -> Option<Statement> {
    let text = stored.instructions.trim();
    let source = format!("the order to wiz, by {}", stored.requester);
    (!text.is_empty()).then(|| Statement { source, text: text.to_owned() })
}

/// The review as it is posted.
fn posted(stored: &StoredRun, commit: &CommitSha, review: &PullReview, changes: &[ChangedInPull]) -> PostReview {
    let findings: Vec<report::Finding> = review
        .findings
        .iter()
        .map(|finding| report::Finding {
            path: finding.path.clone(),
            line: finding.line,
            level: match finding.level {
                FindingLevel::Notice => AnnotationLevel::Notice,
                FindingLevel::Warning => AnnotationLevel::Warning,
                FindingLevel::Failure => AnnotationLevel::Failure,
            },
            title: finding.title.clone(),
            detail: finding.detail.clone(),
        })
        .collect();
    let view = PullReviewView { commit, requester: &stored.requester, summary: &review.summary, findings: &findings };
    let shows = |path: &str, line: u32| {
        let of_file = changes.iter().find(|change| change.filename == path).and_then(|change| change.patch.as_deref());
        of_file.is_some_and(|patch| shown_lines(patch).iter().any(|hunk| hunk.contains(&line)))
    };
    let (body, on_lines) = report::pull_review(&view, &shows);
    PostReview {
        installation: stored.installation,
        repository: stored.repository,
        pull: stored.issue,
        run: stored.run.id,
        part: 0,
        commit: commit.clone(),
        body,
        body_alone: report::pull_review_in_one(&view),
        comments: on_lines.into_iter().map(LineComment::from).collect(),
    }
}
