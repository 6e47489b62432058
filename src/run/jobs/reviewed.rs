//! The part of the work that a review adds: the threads as they are when the work begins, and what the coder says to
//! each of them.

use anyhow::Context as _;

use super::{
    ReviewAnswers, Services, StageFailure, StoredRun,
    publish::secret_in,
    store::reviews::{self, ShownThread},
};
use crate::{
    agent::{ReviewThread, ThreadAnswer, ThreadVerdict},
    error::UserMessage,
    ids::ReviewId,
    patch::Patch,
    plan::StepKey,
    report,
    run::{
        state::{FollowUp, Progress},
        threads,
    },
};

/// A review that is worked by the present step.
pub(super) struct InWork {
    pub(super) review: ReviewId,
    threads: Vec<ShownThread>,
}

impl InWork {
    /// What the coder is shown.
    pub(super) fn shown(&self) -> Vec<ReviewThread> {
        self.threads.iter().filter(|shown| !shown.left_over).map(|shown| shown.thread.clone()).collect()
    }
}

/// The review that `step` must answer, with its threads; none for other work, and for steps that only mend what was found
/// in the first one's work.
///
/// The threads are those of the first look: words that come later are another review's.
pub(super) async fn in_work(
    services: &Services,
    stored: &StoredRun,
    step: &StepKey,
) -> Result<Option<InWork>, StageFailure> {
    let Some(review) = review_of(&stored.run.progress, step) else { return Ok(None) };
    let pull = stored.run.progress.pull_request.as_ref().context("a review without a pull request")?.number;
    let github = services.github.installation(stored.installation);
    let name = &stored.repository_name;
    let found = match github.review(name, pull, review).await? {
        None => vec![],
        Some(found) => {
            let (comments, states) = tokio::try_join!(github.review_comments(name, pull), github.threads(name, pull))?;
            threads::wanting(&found, &comments, &states)
        }
    };
    let mut connection = services.pool.acquire().await?;
    let threads = reviews::keep_threads(&mut connection, stored.run.id, review, &found).await?;
    Ok(Some(InWork { review, threads }))
}

fn review_of(progress: &Progress, step: &StepKey) -> Option<ReviewId> {
    let follow_up = progress.follow_up.as_ref()?;
    let first = FollowUp::step_key(follow_up.number)?;
    follow_up.cause.review().filter(|_| first == *step)
}

/// What a coder's work on a review came to.
pub(super) enum Verdict {
    /// A change to be checked and published.
    Change(ReviewAnswers),
    /// Every thread is answered, and none of them asked for a change that was made.
    Words(ReviewAnswers),
    /// What it says and what it did do not fit.
    Contradiction(UserMessage),
}

/// Compares what the coder says with what it did. Files that differ although no thread asked for a change are left where
/// they are: nobody ordered them.
pub(super) fn verdict(services: &Services, work: &InWork, answers: Vec<ThreadAnswer>, patch: &Patch) -> Verdict {
    let replies: Vec<&str> = answers.iter().map(|answer| answer.reply.as_str()).collect();
    if let Some(kind) = secret_in(services, &replies) {
        return Verdict::Contradiction(UserMessage::new(report::secret_in_text(kind)));
    }
    let says_changed = answers.iter().any(|answer| answer.verdict == ThreadVerdict::Changed);
    let answers = ReviewAnswers { review: work.review, answers };
    match (says_changed, patch.is_empty()) {
        (true, false) => Verdict::Change(answers),
        (true, true) => Verdict::Contradiction(UserMessage::new(
            "The coder says that it made a change for the review, but no file differs. `/wiz retry` lets it try again.",
        )),
        (false, _) => Verdict::Words(answers),
    }
}

/// Nothing in the review wants an answer any more.
pub(super) fn nothing_left(work: &InWork) -> bool {
    work.threads.is_empty()
}
