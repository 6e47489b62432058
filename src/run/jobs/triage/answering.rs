//! What one text causes, and the one comment that answers it.

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context as _, Result};
use sqlx::PgConnection;

use super::{InstallationId, Signal, noting, ordering, pulling::PullWork, starting, store, switching::Switching};
use crate::{
    event::{Event, Repository, Spoken, SpokenAction},
    github::Reactable,
    ids::{CommentId, DeliveryId, IssueNumber, Login, RunId, UserId},
    money::MicroDollars,
    plan::PlanHash,
    queue::{self, NewJob},
    report,
    run::{
        signal::Order,
        store::{NewRun, heard::Source, results},
        task::{Reply, Selftest, Task},
    },
    triage,
};

/// Everything one text causes, ready to be stored.
pub(super) struct Answer {
    pub(super) repository: Repository,
    pub(super) installation: InstallationId,
    /// Where the answer goes.
    pub(super) issue: IssueNumber,
    pub(super) comment: CommentId,
    pub(super) speaker: UserId,
    /// What is new in it, which is heard once.
    pub(super) fresh: Option<Source>,
    pub(super) parts: Vec<Part>,
}

/// What one command causes.
pub(super) enum Part {
    Start(NewRun),
    Order {
        run: RunId,
        verb: &'static str,
        by: Login,
        order: Order,
        hash: Option<PlanHash>,
        /// What all runs of the repository may spend within 24 hours.
        budget_day: MicroDollars,
    },
    /// Take back what the run did on GitHub.
    Undo {
        run: RunId,
        by: Login,
    },
    /// Try every part of wiz here.
    Selftest(Selftest),
    /// Work on an open pull request.
    Work(Box<PullWork>),
    /// Show the run's status comment as it should be.
    Restore {
        run: RunId,
        delivery: DeliveryId,
    },
    /// Write the run's check run again, whatever it says: GitHub waits for that once somebody has asked for it again.
    /// <https://docs.github.com/en/rest/checks/runs#rerequest-a-check-run>
    CheckAgain {
        run: RunId,
        delivery: DeliveryId,
    },
    /// A word about the failing checks of a pull request.
    Checks(Box<Switching>),
    /// Keep words for all later runs.
    Remember {
        words: String,
        by: Login,
    },
    /// Keep a note no longer.
    Forget {
        note: i64,
    },
    Say(String),
    /// Told once per person and issue, with 👎 on what was said where there is something to put it on.
    Deny {
        text: String,
        on: Option<Reactable>,
    },
}

/// The answer to commands that could not be followed, and that a person gave.
pub(super) fn apology(event: &Event) -> Option<Answer> {
    let heard = triage::listen(event, None).ok()?;
    Some(Answer {
        repository: event.repository.clone()?,
        installation: event.installation?,
        issue: heard.spoken.issue,
        comment: heard.spoken.id,
        speaker: heard.speaker.id,
        fresh: fresh(heard.spoken),
        parts: vec![Part::Say(report::not_followed())],
    })
}

/// Where a text stands that is new. Its delivery and the same text found by reading the conversation again have different
/// ids, so the text's own id tells that they are one. An edited text may be heard again.
pub(super) fn fresh(spoken: &Spoken) -> Option<Source> {
    (spoken.action == SpokenAction::Created).then_some(Source::Text(spoken.place))
}

impl Answer {
    /// Stores everything the text causes: runs, signals, and one answer for whatever needs words. Answers which run it is
    /// about, if it is about one.
    pub(super) async fn carry_out(self, connection: &mut PgConnection) -> Result<Option<RunId>> {
        if let Some(source) = self.fresh
            && !store::heard::hear(connection, source, self.comment).await?
        {
            tracing::info!(comment = %self.comment, "these words were heard before");
            return Ok(None);
        }
        let branch = self.repository.default_branch.as_ref().context("a repository without a default branch")?;
        let (id, name) = (self.repository.id, &self.repository.name);
        store::reach::remember_repository(connection, self.installation, id, name, branch).await?;
        let mut words: BTreeSet<(usize, String)> = BTreeSet::new();
        let (mut reaction, mut about) = (None, None);
        for (index, part) in self.parts.into_iter().enumerate() {
            let (run, said) = match part {
                Part::Start(new) => starting::start(connection, new).await?,
                Part::Order { run, verb, by, order, hash, budget_day } => {
                    let given = ordering::give(connection, (id, run), (by, order), budget_day).await?;
                    let outcome = |signalled| ordering::outcome(run, verb, hash.as_ref(), signalled);
                    (Some(run), given.map_or_else(Some, outcome))
                }
                Part::Undo { run, by } => {
                    undo(connection, (run, self.issue, self.comment), by, self.installation).await?;
                    (None, None)
                }
                Part::Selftest(asked) => {
                    queue::enqueue(connection, &Task::Selftest(asked).job(self.installation, Duration::ZERO)?).await?;
                    (None, None)
                }
                Part::Work(work) => work.carry_out(connection, id).await?,
                Part::Restore { run, delivery } => {
                    restore(connection, self.installation, (run, delivery)).await?;
                    (Some(run), None)
                }
                Part::CheckAgain { run, delivery } => {
                    results::forget_check(connection, run).await?;
                    restore(connection, self.installation, (run, delivery)).await?;
                    (Some(run), None)
                }
                Part::Checks(switching) => (None, Some(switching.carry_out(connection).await?)),
                Part::Remember { words, by } => (None, Some(noting::remember(connection, id, (&words, &by)).await?)),
                Part::Forget { note } => (None, Some(noting::forget(connection, id, note).await?)),
                Part::Say(text) => (None, Some(text)),
                Part::Deny { text, on } => {
                    let first = results::record_denial(connection, id, self.issue, self.speaker).await?;
                    if first {
                        reaction = on;
                    }
                    (None, first.then_some(text))
                }
            };
            about = about.or(run);
            words.extend(said.map(|text| (index, text)));
        }
        if words.is_empty() {
            return Ok(about);
        }
        let texts: Vec<String> = words.into_iter().map(|(_, text)| text).collect();
        let reply = Task::Reply(Reply {
            installation: self.installation,
            repository: id,
            issue: self.issue,
            comment: self.comment,
            thread: None,
            thumbs_down: reaction,
            body: texts.join("\n\n"),
        });
        let job = reply.job(self.installation, Duration::ZERO)?;
        queue::enqueue(connection, &NewJob { run: about, ..job }).await?;
        Ok(about)
    }
}

/// Lets what stands on GitHub for the run be written as it should be.
pub(super) async fn restore(
    connection: &mut PgConnection,
    installation: InstallationId,
    (run, delivery): (RunId, DeliveryId),
) -> Result<()> {
    let restore = Task::Restore { run, delivery };
    queue::enqueue(connection, &restore.job(installation, Duration::ZERO)?).await?;
    Ok(())
}

/// Ends the run and lets it be taken back.
async fn undo(
    connection: &mut PgConnection,
    (run, issue, comment): (RunId, IssueNumber, CommentId),
    by: Login,
    installation: InstallationId,
) -> Result<()> {
    store::undo::ask(connection, run).await?;
    // Refused where the run has ended, which is just as well.
    store::signal(connection, run, Signal::Human { by, order: Order::Cancel }).await?;
    let undo = Task::Undo { run, issue, comment };
    queue::enqueue(connection, &undo.job(installation, Duration::ZERO)?).await?;
    Ok(())
}
