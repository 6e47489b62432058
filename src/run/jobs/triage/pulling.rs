//! Work that somebody orders on an open pull request: the run that watches it goes back to work or, on a pull request
//! that wiz did not open, a new run begins to watch it.

use anyhow::Result;
use sqlx::PgConnection;

use super::{
    Services, Signal,
    answering::Part,
    hearing::Scene,
    ordering, starting,
    store::{
        self, Created, NewRun, StoredRun,
        reviews::{self, TakenReview},
    },
};
use crate::{
    event::{
        Actor,
        command::{Command, Verb},
    },
    github::{OpenState, ReviewComment},
    ids::{CommentId, IssueNumber, Login, RepositoryId, ReviewId, RunId},
    money::MicroDollars,
    plan::WorkKind,
    report,
    run::{
        follow_up::{FollowUpCause, Words},
        signal::Refusal,
        state::{Mission, PullRequest},
        store::Signalled,
        threads, view,
    },
    triage::Reviewed,
};

/// Longest text of a review that is kept as its cause, in characters; the threads are read when the work begins.
const CAUSE_CHARS: usize = 8_000;

/// Work on one open pull request, ready to be stored.
pub(super) struct PullWork {
    pull: IssueNumber,
    watcher: Watcher,
    cause: FollowUpCause,
    verb: &'static str,
    /// Whether it was ordered by a command, and not by what a review says.
    ordered: bool,
    /// What the repository may spend in a day.
    budget_day: MicroDollars,
}

/// The run that does it.
enum Watcher {
    Known(RunId),
    /// One that rests, so nothing of what the repository may spend is kept for it, and what it now does costs money.
    Resting(RunId),
    /// A new one, for a pull request that wiz did not open.
    New(Box<NewRun>, PullRequest),
}

/// What an order in the conversation of a pull request causes.
pub(super) async fn of_command(
    services: &Services,
    scene: &Scene<'_>,
    index: usize,
    command: &Command,
) -> Result<Part> {
    let verb = command.verb.name();
    let words = Words {
        id: scene.spoken.id,
        by: scene.speaker()?.login.clone(),
        text: command.instructions.clone(),
        files: vec![],
        kind: kind_of(command),
    };
    let work = (FollowUpCause::Command(words), verb, true);
    part(services, scene, (index, command), work).await
}

/// What a review causes.
pub(super) async fn of_review(
    services: &Services,
    scene: &Scene<'_>,
    (reviewed, comments): (&Reviewed<'_>, &[ReviewComment]),
    order: Option<Command>,
) -> Result<Part> {
    let said = std::iter::once(scene.spoken.text.as_str()).chain(comments.iter().map(|comment| comment.body.as_str()));
    let said: Vec<&str> = said.filter(|text| !text.trim().is_empty()).collect();
    let words = Words {
        id: CommentId(reviewed.review.0),
        by: reviewed.reviewer.login.clone(),
        text: said.join("\n\n").chars().take(CAUSE_CHARS).collect(),
        files: threads::files_of(comments, reviewed.review),
        kind: order.as_ref().and_then(kind_of),
    };
    let ordered = order.is_some();
    let command = order.unwrap_or(Command {
        verb: Verb::Fix,
        instructions: String::new(),
        argument: None,
        flags: Default::default(),
    });
    part(services, scene, (0, &command), (FollowUpCause::Review(words), command.verb.name(), ordered)).await
}

fn kind_of(command: &Command) -> Option<WorkKind> {
    WorkKind::ALL.into_iter().find(|kind| kind.name() == command.verb.name())
}

/// What it causes that somebody wants the head proven as it is, for which no model is asked.
pub(super) fn proof(run: &StoredRun, actor: &Actor, budget_day: MicroDollars) -> Part {
    let cause = FollowUpCause::Proof { by: actor.login.clone() };
    let (watcher, verb) = (Watcher::Known(run.run.id), Verb::Retry.name());
    Part::Work(Box::new(PullWork { pull: run.issue, watcher, cause, verb, ordered: true, budget_day }))
}

async fn part(
    services: &Services,
    scene: &Scene<'_>,
    (index, command): (usize, &Command),
    (cause, verb, ordered): (FollowUpCause, &'static str, bool),
) -> Result<Part> {
    if command.flags.shape_pull_request() {
        return Ok(Part::Say(report::flags_of_new_pull_request(verb)));
    }
    let pull = scene.spoken.issue;
    let known = scene
        .target
        .filter(|run| run.run.progress.pull_request.as_ref().is_some_and(|pull_request| pull_request.number == pull));
    let watcher = match known {
        Some(_) if command.flags.max.is_some() || command.flags.model.is_some() => {
            return Ok(Part::Say(report::flags_of_new_run(verb)));
        }
        Some(run) if run.run.state.keeps_budget() => Watcher::Known(run.run.id),
        Some(run) => Watcher::Resting(run.run.id),
        None => {
            let new = match starting::new_run(services, scene, (index, Mission::Fix), command)? {
                Ok(new) => new,
                Err(text) => return Ok(Part::Say(text)),
            };
            let github = services.github.installation(scene.installation);
            let found = github.pull(&scene.repository.name, pull).await?;
            match found {
                Some(found) if found.offers_default_branch() => {
                    return Ok(Part::Say(report::offers_default_branch(verb)));
                }
                Some(found) if found.state == OpenState::Open => {
                    let fork = found.is_from_fork();
                    let (branch, head) = (found.head.branch, found.head.sha);
                    let head = PullRequest { number: pull, branch, head, open: true, fork, unfinished: false };
                    Watcher::New(Box::new(new), head)
                }
                Some(_) | None => return Ok(Part::Say(report::closed_pull_request(verb))),
            }
        }
    };
    Ok(Part::Work(Box::new(PullWork { pull, watcher, cause, verb, ordered, budget_day: scene.policy.budget_day })))
}

impl PullWork {
    /// Stores it; answers which run works and what must be said. A review that was taken before is not taken again.
    pub(super) async fn carry_out(
        self,
        connection: &mut PgConnection,
        repository: RepositoryId,
    ) -> Result<(Option<RunId>, Option<String>)> {
        let review = self.cause.review();
        if let Some(review) = review
            && reviews::is_taken(connection, repository, review).await?
        {
            return Ok((None, None));
        }
        let reviewer = self.cause.by().cloned();
        let run = match self.watcher {
            Watcher::Known(run) => run,
            Watcher::Resting(run) => match starting::nothing_left(connection, repository, self.budget_day).await? {
                Some(text) => return Ok((None, Some(text))),
                None => run,
            },
            Watcher::New(new, pull_request) => match starting::within_budget(connection, *new).await? {
                Err(text) => return Ok((None, Some(text))),
                Ok(new) => match store::adopt(connection, &new, pull_request).await? {
                    Created::New(run) | Created::Before(run) | Created::OpenRun(run) | Created::ReadBefore(run) => run,
                },
            },
        };
        let signalled = store::signal(connection, run, Signal::FollowUp(self.cause)).await?;
        let said = match signalled {
            Signalled::Applied { .. } => {
                if let (Some(review), Some(reviewer)) = (review, reviewer) {
                    take(connection, (repository, self.pull, run), review, reviewer).await?;
                }
                None
            }
            Signalled::Refused { refusal: Refusal::Stale, .. } => None,
            Signalled::Refused { state, .. } if !self.ordered => {
                Some(report::review_not_now(run, view::run_state(state)))
            }
            Signalled::AnotherRunIsOpen | Signalled::Undone | Signalled::Unknown if !self.ordered => {
                tracing::info!(%run, ?signalled, "the review is not worked");
                None
            }
            Signalled::Refused { .. } | Signalled::AnotherRunIsOpen | Signalled::Undone | Signalled::Unknown => {
                ordering::outcome(run, self.verb, None, signalled)
            }
        };
        Ok((Some(run), said))
    }
}

async fn take(
    connection: &mut PgConnection,
    (repository, pull, run): (RepositoryId, IssueNumber, RunId),
    review: ReviewId,
    reviewer: Login,
) -> Result<()> {
    reviews::take(connection, &TakenReview { repository, review, run, pull, reviewer }).await.map(drop)
}
