//! Shows the run as check runs on its pull request's head: one named `wiz`, and one for each item of the definition of done
//! where there are several.
//!
//! A commit has one check run named `wiz`, whatever happens on it and however many runs come to it: it is opened again and
//! ends again. <https://docs.github.com/en/rest/checks/runs#rerequest-a-check-run> Where several runs have one head, as when
//! two pull requests have one branch, one of them has the word: it takes over what the others have shown under its names.

use std::time::Duration;

use sqlx::PgConnection;

use super::{
    RunId, Services, StoredRun, Task, queue,
    store::{
        self,
        heads::{self, Claim},
        results::{self, Output, ShownCheck},
    },
};
use crate::{
    github::{self, CheckIdentity, CheckState, Installation, journal::text_digest},
    ids::CommitSha,
    report::{self, CheckOutput, CheckStatus, CriterionCheck, RunView},
    run::project::CHECK_RUN_PREFIX,
};

/// The check run's name on GitHub.
const CHECK_NAME: &str = "wiz";

/// How soon to look again whether another run has made the check run: that takes one call.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// A commit has one check run, and another run is making it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("run {0} is making the check run of this commit")]
pub(super) struct StillMade(RunId);

/// Shows the check runs on the head that the run is about, if no other run has the word there. What an earlier head shows
/// stays as it ended; if it had not ended, it ends now.
pub(super) async fn show(services: &Services, stored: &StoredRun, view: &RunView) -> anyhow::Result<()> {
    let Some(pull_request) = &stored.run.progress.pull_request else { return Ok(()) };
    let (head, run) = (&pull_request.head, stored.run.id);
    let github = services.github.installation(stored.installation);
    let known = results::output(&mut *services.pool.acquire().await?, run).await?;
    let shown = Shown { services, github: &github, stored, known: &known, head };
    let (same, other) = match known.check_run.clone() {
        Some(before) if before.head == *head => (Some(before), None),
        before => (None, before.filter(|before| !before.settled)),
    };
    if let Some(other) = other {
        shown.supersede(other).await?;
    }
    if shown.hand_over().await? {
        return Ok(());
    }
    let output = report::check_output(view);
    // Only wiz can change its check runs, so what it wrote last is what stands there.
    let digest = text_digest(&format!("{output:?}"));
    let wanted = wanted(stored, head, output);
    let had_word = heads::shown(&mut *services.pool.acquire().await?, (stored.repository, head)).await?;
    let had_word = had_word.is_some_and(|(_, said)| said == run);
    if !had_word && known.check_items_digest.is_some() {
        // Should what follows be cut off after the word has come back, the items are still another run's.
        results::forget_check_items(&mut *services.pool.acquire().await?, run).await?;
    }
    shown.main(same.as_ref().map(|same| (same, had_word)), &wanted, digest).await?;
    shown.items((same.is_some(), had_word), report::criterion_checks(view), &wanted).await?;
    // Another run may have come to the word meanwhile, and found nothing written over its own.
    shown.hand_over().await.map(drop)
}

struct Shown<'a> {
    services: &'a Services,
    github: &'a Installation,
    stored: &'a StoredRun,
    known: &'a Output,
    head: &'a CommitSha,
}

impl Shown<'_> {
    /// Lets the run that has the word on the head say it, if that is another one; answers whether it is.
    async fn hand_over(&self) -> anyhow::Result<bool> {
        let place = (self.stored.repository, self.head);
        let mut connection = self.services.pool.acquire().await?;
        let speaker = heads::speaker(&mut connection, place).await?;
        let Some(speaker) = speaker.filter(|speaker| *speaker != self.stored.run.id) else { return Ok(false) };
        let said = heads::shown(&mut connection, place).await?;
        if said.is_none_or(|(_, said)| said != speaker) {
            let_speak(&mut connection, speaker).await?;
        }
        Ok(true)
    }

    /// Ends the check run on an earlier head, unless it shows the words of another run by now.
    async fn supersede(&self, before: ShownCheck) -> anyhow::Result<()> {
        let (run, place) = (self.stored.run.id, (self.stored.repository, &before.head));
        let said = heads::shown(&mut *self.services.pool.acquire().await?, place).await?;
        if said.is_none_or(|(_, said)| said == run) {
            let proven = heads::is_proven(&mut *self.services.pool.acquire().await?, place).await?;
            let ended = superseded(self.stored, (before.clone(), proven), self.head);
            match before.id {
                Some(id) => self.github.update_check(&self.stored.repository_name, id, &ended).await?,
                None => self.github.update_check_if_made(&self.stored.repository_name, &ended).await?,
            }
        }
        let ended = ShownCheck { settled: true, digest: None, ..before };
        results::save_check_run(&mut *self.services.pool.acquire().await?, run, &ended).await
    }

    /// The one named `wiz`.
    async fn main(
        &self,
        same: Option<(&ShownCheck, bool)>,
        wanted: &github::CheckRun,
        digest: String,
    ) -> anyhow::Result<()> {
        let (repository, run) = (&self.stored.repository_name, self.stored.run.id);
        let place = (self.stored.repository, self.head);
        if same.is_some_and(|(same, had_word)| had_word && same.digest.as_ref() == Some(&digest)) {
            return Ok(());
        }
        let mut connection = self.services.pool.acquire().await?;
        let (head, key) = (wanted.head_sha.clone(), wanted.external_id.clone());
        let id = same.and_then(|(same, _)| same.id);
        let mut shown = ShownCheck { head, key, settled: false, id, digest: None };
        results::save_check_run(&mut connection, run, &shown).await?;
        let claim = match id {
            Some(id) => Claim::Made(id),
            None => heads::claim(&mut connection, place, run).await?,
        };
        drop(connection);
        let made = match claim {
            Claim::Made(id) => self.github.update_check(repository, id, wanted).await.map(|()| id)?,
            Claim::Fresh if self.is_first() => self.github.create_check(repository, wanted).await?,
            Claim::Fresh | Claim::Again => self.github.find_or_create_check(repository, wanted).await?,
            Claim::Elsewhere(other) => return Err(StillMade(other).into()),
        };
        shown.settled = matches!(wanted.state, CheckState::Completed { .. });
        (shown.id, shown.digest) = (Some(made), Some(digest));
        let mut connection = self.services.pool.acquire().await?;
        results::save_check_run(&mut connection, run, &shown).await?;
        heads::spoke(&mut connection, place, (run, made)).await
    }

    /// Whether nobody can have made the check run: the run made the commit just now, and shows its first check.
    fn is_first(&self) -> bool {
        let progress = &self.stored.run.progress;
        let opened = progress.pull_request.as_ref().is_some_and(|pull| self.stored.has_opened(pull.number));
        opened && self.known.check_run.is_none() && progress.follow_ups == 0
    }

    /// Those of the items. Each has ended before it is made, so it takes one call and nothing can leave it open.
    async fn items(
        &self,
        (seen_before, had_word): (bool, bool),
        items: Vec<CriterionCheck>,
        main: &github::CheckRun,
    ) -> anyhow::Result<()> {
        let digest = text_digest(&format!("{}{items:?}", main.head_sha));
        if items.is_empty() || had_word && self.known.check_items_digest.as_ref() == Some(&digest) {
            return Ok(());
        }
        let repository = &self.stored.repository_name;
        for (position, item) in items.into_iter().enumerate() {
            let check = item_check(self.stored, position, item, main);
            if seen_before || !self.is_first() {
                self.github.find_or_create_check(repository, &check).await?;
            } else {
                self.github.create_check(repository, &check).await?;
            }
        }
        results::save_check_items(&mut *self.services.pool.acquire().await?, self.stored.run.id, &digest).await
    }
}

/// Lets a run that has come to the word say it.
pub(super) async fn let_speak(connection: &mut PgConnection, speaker: RunId) -> anyhow::Result<()> {
    let Some(stored) = store::load(connection, speaker).await? else { return Ok(()) };
    let report = Task::Report { run: speaker, revision: stored.revision };
    queue::enqueue(connection, &report.job(stored.installation, Duration::ZERO)?).await?;
    Ok(())
}

/// The end of the check run on a head that is no longer the one to look at: what was proven of it stays proven.
fn superseded(stored: &StoredRun, (before, proven): (ShownCheck, bool), head: &CommitSha) -> github::CheckRun {
    let (title, summary) = report::superseded_check(head);
    let conclusion = if proven { github::Conclusion::Success } else { github::Conclusion::Neutral };
    github::CheckRun {
        name: CHECK_NAME.to_owned(),
        external_id: before.key,
        identity: CheckIdentity::Name,
        head_sha: before.head,
        details_url: None,
        state: CheckState::Completed { conclusion, at: stored.updated_at },
        output: github::CheckRunOutput { title, summary, text: None },
        annotations: vec![],
        actions: vec![],
    }
}

/// What a run calls its check runs.
fn key(run: RunId) -> String {
    format!("{CHECK_RUN_PREFIX}{run}")
}

/// What `report` wants shown, in the words of `github`.
fn wanted(stored: &StoredRun, head: &CommitSha, output: CheckOutput) -> github::CheckRun {
    let CheckOutput { status, title, summary, text, annotations, actions } = output;
    github::CheckRun {
        name: CHECK_NAME.to_owned(),
        external_id: key(stored.run.id),
        identity: CheckIdentity::Name,
        head_sha: head.clone(),
        details_url: None,
        state: match status {
            CheckStatus::Queued => CheckState::Queued,
            CheckStatus::InProgress => CheckState::InProgress { started_at: stored.created_at },
            CheckStatus::Completed(conclusion) => {
                CheckState::Completed { conclusion: shown_conclusion(conclusion), at: stored.updated_at }
            }
        },
        output: github::CheckRunOutput { title, summary, text },
        annotations: annotations.into_iter().flatten().map(shown_annotation).collect(),
        actions: actions
            .into_iter()
            .map(|action| github::CheckAction {
                label: action.label.to_owned(),
                description: action.description.to_owned(),
                identifier: action.identifier,
            })
            .collect(),
    }
}

fn item_check(stored: &StoredRun, position: usize, item: CriterionCheck, main: &github::CheckRun) -> github::CheckRun {
    let CriterionCheck { name, conclusion, title, summary, text } = item;
    github::CheckRun {
        name,
        external_id: format!("{}/{position}", key(stored.run.id)),
        state: CheckState::Completed { conclusion: shown_conclusion(conclusion), at: stored.updated_at },
        output: github::CheckRunOutput { title, summary, text },
        annotations: vec![],
        actions: vec![],
        ..main.clone()
    }
}

fn shown_conclusion(conclusion: report::Conclusion) -> github::Conclusion {
    match conclusion {
        report::Conclusion::ActionRequired => github::Conclusion::ActionRequired,
        report::Conclusion::Success => github::Conclusion::Success,
        report::Conclusion::Neutral => github::Conclusion::Neutral,
        report::Conclusion::Failure => github::Conclusion::Failure,
        report::Conclusion::Cancelled => github::Conclusion::Cancelled,
        report::Conclusion::Skipped => github::Conclusion::Skipped,
    }
}

fn shown_annotation(annotation: report::Annotation) -> github::Annotation {
    github::Annotation {
        path: annotation.path,
        start_line: annotation.line,
        end_line: annotation.line,
        level: match annotation.level {
            report::AnnotationLevel::Notice => github::AnnotationLevel::Notice,
            report::AnnotationLevel::Warning => github::AnnotationLevel::Warning,
            report::AnnotationLevel::Failure => github::AnnotationLevel::Failure,
        },
        title: annotation.title,
        message: annotation.message,
    }
}
