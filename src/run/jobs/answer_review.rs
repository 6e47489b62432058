//! Answers a review that was worked: one reply in each thread, threads whose change was made are resolved, and the
//! reviewer is asked to look again. Everything is found or done, so that a repetition adds nothing.

use anyhow::Context as _;

use super::{Completed, JobFailure, Lease, RunId, Services, StoredRun, complete, reply, store};
use crate::{
    agent::{ThreadAnswer, ThreadVerdict},
    github::{GitHubError, Installation, ThreadReply},
    ids::{CommentId, CommitSha, ReviewId},
    report::{self, Marker, MarkerKind, ThreadOutcome},
    run::{
        store::reviews::{self, ShownThread, WorkedReview},
        task::Reply,
        threads,
    },
};

pub(super) async fn execute(
    services: &Services,
    lease: &Lease,
    (run, review): (RunId, ReviewId),
    (commit, offered): (Option<&CommitSha>, bool),
) -> Result<Completed, JobFailure> {
    let mut connection = services.pool.acquire().await?;
    let stored = store::load(&mut connection, run).await?;
    let worked = reviews::worked(&mut connection, run, review).await?;
    drop(connection);
    if let (Some(stored), Some(worked)) = (stored, worked)
        && !worked.is_answered
        && !super::is_out_of_reach(services, stored.installation, stored.repository).await?
        && !store::undo::is_asked(&mut *services.pool.acquire().await?, run).await?
    {
        let answering = Answering { services, stored: &stored, review, worked: &worked, commit, offered };
        answering.answer().await.map_err(super::retry)?;
        reviews::note_answered(&mut *services.pool.acquire().await?, run, review).await?;
    }
    complete(services, lease).await
}

struct Answering<'a> {
    services: &'a Services,
    stored: &'a StoredRun,
    review: ReviewId,
    worked: &'a WorkedReview,
    commit: Option<&'a CommitSha>,
    offered: bool,
}

impl Answering<'_> {
    async fn answer(&self) -> anyhow::Result<()> {
        let github = self.services.github.installation(self.stored.installation);
        match self.reply(&github).await {
            // A locked conversation takes no words; the commit is there all the same.
            Err(GitHubError::Forbidden(detail)) => tracing::warn!(%detail, "cannot answer in the review's threads"),
            outcome => outcome.context("cannot answer the review's threads")?,
        }
        if let Some(said) = self.own_text() {
            reply::say(self.services, &said, None).await.context("cannot answer the review's text")?;
        }
        if self.commit.is_some() {
            self.resolve(&github).await.context("cannot resolve the review's threads")?;
            let (name, pull) = (&self.stored.repository_name, self.worked.pull);
            match github.request_review(name, pull, &self.worked.reviewer).await {
                Err(GitHubError::Forbidden(detail)) => tracing::warn!(%detail, "cannot ask the reviewer again"),
                outcome => outcome.context("cannot ask the reviewer again")?,
            }
        }
        Ok(())
    }

    /// Each thread with its answer.
    fn answered(&self) -> impl Iterator<Item = (&ShownThread, &ThreadAnswer)> {
        self.worked.answers.iter().filter_map(|answer| {
            let shown = self.worked.threads.iter().find(|shown| shown.thread.key == answer.thread)?;
            Some((shown, answer))
        })
    }

    async fn reply(&self, github: &Installation) -> Result<(), GitHubError> {
        let key = self.services.settings.marker_key.bytes();
        let marker = Marker { run: Some(self.stored.run.id), kind: MarkerKind::Reply(CommentId(self.review.0)) };
        let answered = self.answered().map(|(shown, answer)| {
            let text = report::thread_reply(self.outcome(answer.verdict), &answer.reply);
            (shown, text)
        });
        let left_over = self.worked.threads.iter().filter(|shown| shown.left_over);
        let left_over = left_over.map(|shown| (shown, report::thread_left_over(threads::THREADS)));
        let texts: Vec<(CommentId, String)> = answered
            .chain(left_over)
            .filter_map(|(shown, text)| Some((shown.first?, marker.append_to(&text, key))))
            .collect();
        if texts.is_empty() {
            return Ok(());
        }
        // One run answers one review once in each thread, whatever the words.
        let is_it = |text: &str| Marker::find(text, key) == Some(marker);
        let wanted: Vec<ThreadReply<'_>> =
            texts.iter().map(|(thread, body)| ThreadReply { thread: *thread, body, is_it: &is_it }).collect();
        github.find_or_create_replies(&self.stored.repository_name, self.worked.pull, &wanted).await
    }

    /// The answer to the review's own text, which stands in the conversation.
    fn own_text(&self) -> Option<Reply> {
        let body = if self.worked.threads.is_empty() {
            report::nothing_left_in_review(&self.worked.reviewer)
        } else {
            let (_, answer) = self.answered().find(|(shown, _)| shown.first.is_none())?;
            report::review_reply(&self.worked.reviewer, self.outcome(answer.verdict), &answer.reply)
        };
        Some(Reply {
            installation: self.stored.installation,
            repository: self.stored.repository,
            issue: self.worked.pull,
            comment: CommentId(self.review.0),
            thread: None,
            thumbs_down: None,
            body,
        })
    }

    fn outcome(&self, verdict: ThreadVerdict) -> ThreadOutcome<'_> {
        match (verdict, self.commit) {
            (ThreadVerdict::Changed, Some(commit)) => ThreadOutcome::Changed { commit },
            (ThreadVerdict::Changed, None) if self.offered => ThreadOutcome::Suggested,
            (ThreadVerdict::Changed, None) | (ThreadVerdict::Answered, _) => ThreadOutcome::Answered,
            (ThreadVerdict::Declined, _) => ThreadOutcome::Declined,
        }
    }

    /// Resolves what was changed. Questions and refusals stay open: whether they are settled is the reviewer's to say, and so
    /// is what was added while wiz worked.
    async fn resolve(&self, github: &Installation) -> Result<(), GitHubError> {
        let changed: Vec<&ShownThread> = self
            .answered()
            .filter(|(shown, answer)| answer.verdict == ThreadVerdict::Changed && shown.first.is_some())
            .map(|(shown, _)| shown)
            .collect();
        if changed.is_empty() {
            return Ok(());
        }
        for thread in github.threads(&self.stored.repository_name, self.worked.pull).await? {
            let shown = changed.iter().find(|shown| shown.first == Some(thread.first));
            if thread.resolved || !shown.is_some_and(|shown| threads::holds_no_more(&thread, shown)) {
                continue;
            }
            match github.resolve_thread(self.stored.repository, &thread.id).await {
                Err(GitHubError::Forbidden(detail)) => {
                    tracing::warn!(%detail, thread = %thread.id, "cannot resolve a thread");
                    return Ok(());
                }
                outcome => outcome?,
            }
        }
        Ok(())
    }
}
