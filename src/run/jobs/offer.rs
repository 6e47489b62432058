//! What a follow-up on a pull request from a fork comes to: nothing is written there, so the change is offered, as
//! suggestions at lines that the pull request's diff shows or else as a patch in the conversation.

use anyhow::Context as _;

use super::{Done, Keep, Services, StageFailure, StageResult, StoredRun, publish::secret_in};
use crate::{
    error::UserMessage,
    github::ChangedInPull,
    patch::{self, Change, Patch, Replacement, replacements, shown_lines},
    report::{self, Offer},
    run::{
        follow_up::FollowUpCause,
        project::Project,
        task::{LineComment, PostReview, Reply},
    },
};

/// Most suggestions of one review; a larger change is easier taken as a patch.
const SUGGESTIONS: usize = 20;

/// Most of a patch that is rendered, in characters; well above what is shown.
const PATCH_CHARS: usize = 1_000_000;

pub(super) async fn offer(
    services: &Services,
    stored: &StoredRun,
    (project, patch): (&Project, &Patch),
    summary: &str,
) -> Result<Done, StageFailure> {
    let progress = &stored.run.progress;
    let pull_request = progress.pull_request.as_ref().context("a follow-up without a pull request")?;
    let follow_up = progress.follow_up.as_ref().context("an offer without a follow-up")?;
    let commit = progress.start().context("the follow-up has not begun")?;
    let github = services.github.installation(stored.installation);
    let changes = github.changes_of_pull(&stored.repository_name, pull_request.number).await?;
    let criteria = progress.plan.iter().flat_map(|current| &current.plan.definition_of_done);
    let passed: Vec<String> = criteria.map(|criterion| criterion.name.clone()).collect();
    let files: Vec<String> = patch.changes().iter().map(|change| change.path.clone()).collect();
    let offer = Offer { commit, summary, passed: &passed, files: &files, has_binary: has_binary(project, patch) };
    let before = |path: &str| project.content(path);
    let in_one = report::patch_offer(&offer, &patch::unified_diff(patch, &project.base, &before, PATCH_CHARS));
    let fitting = replacements(patch, &project.base, &before).filter(|found| fits(found, &changes));
    let keep = match fitting {
        Some(found) => Keep::Posted(Box::new(PostReview {
            installation: stored.installation,
            repository: stored.repository,
            pull: pull_request.number,
            run: stored.run.id,
            part: follow_up.number,
            commit: commit.clone(),
            body: report::suggestions(&offer, found.len()),
            body_alone: in_one,
            comments: found.into_iter().map(comment).collect(),
        })),
        None => Keep::Answer(Box::new(Reply {
            installation: stored.installation,
            repository: stored.repository,
            issue: pull_request.number,
            comment: match &follow_up.cause {
                FollowUpCause::Review(words) | FollowUpCause::Command(words) => words.id,
                FollowUpCause::FailingCheck(_) | FollowUpCause::Proof { .. } => {
                    crate::ids::CommentId(pull_request.number.0)
                }
            },
            thread: None,
            thumbs_down: None,
            body: in_one,
        })),
    };
    if let Some(kind) = secret_in(services, &texts(&keep)) {
        return Ok(StageResult::Failed { message: UserMessage::new(report::secret_in_text(kind)) }.into());
    }
    Ok(Done { result: StageResult::Offered, keep: Some(keep) })
}

/// Everything that would be said.
fn texts(keep: &Keep) -> Vec<&str> {
    match keep {
        Keep::Posted(post) => {
            let comments = post.comments.iter().map(|comment| comment.body.as_str());
            [post.body.as_str(), &post.body_alone].into_iter().chain(comments).collect()
        }
        Keep::Answer(reply) => vec![&reply.body],
        Keep::Step { .. } | Keep::Words(_) | Keep::Proof(_) | Keep::Review(_) => vec![],
    }
}

/// Whether GitHub takes a suggestion for each of the lines: all of them within one hunk of the pull request's own diff.
fn fits(found: &[Replacement], changes: &[ChangedInPull]) -> bool {
    let is_shown = |replacement: &Replacement| {
        let of_file = changes.iter().find(|change| change.filename == replacement.path);
        let hunks = of_file.and_then(|change| change.patch.as_deref()).map(shown_lines).unwrap_or_default();
        hunks.iter().any(|hunk| hunk.contains(replacement.lines.start()) && hunk.contains(replacement.lines.end()))
    };
    (1..=SUGGESTIONS).contains(&found.len()) && found.iter().all(is_shown)
}

fn comment(replacement: Replacement) -> LineComment {
    LineComment {
        first: *replacement.lines.start(),
        last: *replacement.lines.end(),
        body: report::suggestion(&replacement.text),
        path: replacement.path,
    }
}

fn has_binary(project: &Project, patch: &Patch) -> bool {
    let is_text = |bytes: &[u8]| std::str::from_utf8(bytes).is_ok_and(|text| !text.contains('\0'));
    patch.changes().iter().any(|change| {
        let new = match &change.change {
            Change::Put { content, .. } => is_text(content),
            Change::Delete => true,
        };
        !new || project.content(&change.path).is_some_and(|old| !is_text(&old))
    })
}
