//! Stores what a look at failing checks came to: attempts, work for a run, another try, or the last word.

use std::time::Duration;

use anyhow::{Context as _, Result};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{
    Services, Task,
    checks::{Answer, Ground, OVERDUE, Red, Turn, Verdict, as_cause, deed},
    default_branch,
    failure::Seen,
    model,
    store::{self, ci as tries},
    unstarted,
};
use crate::{
    ci::{Deed, Failure, Kind, Signature, StopReason},
    github,
    ids::{CheckRunId, CommentId, CommitSha, IssueNumber, Login, RunId, UserId},
    llm::ChosenModel,
    policy::RepositoryPolicy,
    queue,
    report::{self, GaveUp},
    run::{
        follow_up::FollowUpCause,
        signal::{Refusal, Signal},
        state::{Mission, Options, PullRequest},
        store::{Created, NewRun, Signalled},
        task::{Checks, Occasion, Reply, Rerun},
    },
};

/// An answer to what nobody said. GitHub numbers comments from 1.
const NOBODYS_WORDS: CommentId = CommentId(0);

pub(super) async fn carry_out(
    services: &Services,
    connection: &mut PgConnection,
    (wanted, told_at): (&Checks, DateTime<Utc>),
    verdict: Verdict,
) -> Result<()> {
    let (repository, head) = (wanted.repository, &wanted.head);
    let place = (repository, head);
    match verdict {
        Verdict::Wait => look_when_overdue(connection, (wanted, told_at)).await,
        Verdict::Green => {
            tries::reran(connection, repository, head, &[]).await?;
            tries::settle(connection, place, told_at).await
        }
        Verdict::Unstarted(pull, workflows) => {
            tries::reran(connection, repository, head, &[]).await?;
            unstarted::tell(connection, wanted, (pull, &workflows)).await?;
            tries::settle(connection, place, told_at).await
        }
        Verdict::Fork(pull, check) => {
            leave_fork(connection, wanted, (pull, check)).await?;
            tries::settle(connection, place, told_at).await
        }
        Verdict::In(turn) => look_again(connection, wanted, turn).await,
        Verdict::NotOurs => tries::settle(connection, place, told_at).await,
        Verdict::Red(red) if matches!(red.answer, Answer::Wait) => {
            let now = tries::failed_at(connection, repository, head).await?;
            if wanted.occasion == Occasion::RerunRefused && now.is_some_and(|now| now > told_at) {
                // Another try was refused during the look, and two such looks are one.
                return look_again(connection, wanted, Turn::OfCommit).await;
            }
            look_when_overdue(connection, (wanted, told_at)).await
        }
        Verdict::Red(red) => {
            let still: Vec<_> = red.seen.iter().map(|seen| seen.failure.signature.clone()).collect();
            if !wanted.is_overdue() {
                // What has not ended may have passed or not.
                tries::reran(connection, repository, head, &still).await?;
            }
            answer(services, connection, (wanted, told_at), *red).await
        }
    }
}

/// One last look, should the checks never end. It waits for as long as it takes, whatever comes in between.
async fn look_when_overdue(connection: &mut PgConnection, (wanted, told_at): (&Checks, DateTime<Utc>)) -> Result<()> {
    if wanted.is_overdue() {
        return tries::settle(connection, (wanted.repository, &wanted.head), told_at).await;
    }
    let last = Task::Checks(Checks { occasion: Occasion::Overdue, ..wanted.clone() });
    queue::enqueue(connection, &last.job(wanted.installation, OVERDUE)?).await?;
    Ok(())
}

async fn answer(
    services: &Services,
    connection: &mut PgConnection,
    (wanted, told_at): (&Checks, DateTime<Utc>),
    mut red: Red,
) -> Result<()> {
    let place = (wanted.repository, red.ground.pull());
    match switched_meanwhile(connection, wanted, &red).await? {
        None => {}
        Some(Switched::Off) => return tries::settle(connection, (wanted.repository, &wanted.head), told_at).await,
        // What is begun now would be done under the rules of before, and count among what was tried since.
        Some(Switched::On) => return look_again(connection, wanted, Turn::OfCommit).await,
    }
    if let Some(pull) = red.ground.pull() {
        unstarted::tell(connection, wanted, (pull, &red.unstarted)).await?;
    }
    match std::mem::replace(&mut red.answer, Answer::Nothing) {
        Answer::Rerun(seen) => {
            for one in &seen {
                tries::record(connection, place, &one.name, &deed(Kind::Rerun, one)).await?;
                let tried = one.job.as_ref().map_or((None, 1), |job| (Some(job.run_id), job.run_attempt));
                tries::record_rerun(connection, wanted.repository, &one.failure, tried).await?;
            }
            rerun(connection, (wanted, red.run.as_ref().map(|run| run.run.id)), &seen).await?;
            // The commit stays under watch: the next try ends with deliveries of its own.
            return if wanted.is_overdue() { Ok(()) } else { look_when_overdue(connection, (wanted, told_at)).await };
        }
        Answer::Repair(seen) => match worker(services, &red) {
            Ok(worker) => {
                for one in &seen {
                    tries::record(connection, place, &one.name, &deed(Kind::Repair, one)).await?;
                }
                repair(connection, wanted, (&red, &seen), worker).await?;
            }
            // It is no attempt: once that is mended, the next look begins where this one would have.
            Err(text) => refuse(connection, wanted, &red.ground, text).await?,
        },
        // There is nobody to tell, and tomorrow there is money.
        Answer::Stop(_, StopReason::DailyBudget) if red.ground.pull().is_none() => {
            tracing::info!(head = %wanted.head, "no money is left for the default branch");
        }
        Answer::Stop(seen, reason) => {
            for one in &seen {
                tries::record(connection, place, &one.name, &deed(Kind::Stop, one)).await?;
            }
            let first = seen.first().context("given up on nothing")?;
            match &red.ground {
                Ground::Pull(pull) => {
                    let text = report::checks_given_up(&first.name, &wanted.head, gave_up(reason, &red.policy));
                    say(connection, (wanted, red.switch.as_ref()), (pull.number, first.id), text).await?;
                }
                Ground::DefaultBranch(ground) => default_branch::give_up(connection, wanted, ground, first).await?,
            }
        }
        Answer::Wait | Answer::Nothing => {}
    }
    tries::settle(connection, (wanted.repository, &wanted.head), told_at).await
}

/// What a person has said during the look.
enum Switched {
    On,
    Off,
}

async fn switched_meanwhile(connection: &mut PgConnection, wanted: &Checks, red: &Red) -> Result<Option<Switched>> {
    let Some(pull) = red.ground.pull() else { return Ok(None) };
    let now = tries::switch(connection, wanted.repository, pull).await?;
    let said = now.filter(|now| Some(now) != red.switch.as_ref());
    Ok(said.map(|switch| if switch.answered { Switched::On } else { Switched::Off }))
}

async fn look_again(connection: &mut PgConnection, wanted: &Checks, turn: Turn) -> Result<()> {
    let look = match turn {
        Turn::OfCommit => Task::Checks(wanted.clone()),
        Turn::OfDefaultBranch => Task::BranchChecks(wanted.clone()),
    };
    queue::enqueue(connection, &look.job(wanted.installation, Duration::ZERO)?).await.map(drop)
}

async fn rerun(
    connection: &mut PgConnection,
    (wanted, watcher): (&Checks, Option<RunId>),
    seen: &[Seen],
) -> Result<()> {
    for job in seen.iter().filter_map(|seen| seen.job.as_ref()) {
        let rerun = Task::Rerun(Rerun {
            installation: wanted.installation,
            repository: wanted.repository,
            head: wanted.head.clone(),
            run: job.run_id,
            attempt: job.run_attempt,
            watcher,
        });
        queue::enqueue(connection, &rerun.job(wanted.installation, Duration::ZERO)?).await?;
    }
    Ok(())
}

/// Who mends it.
enum Worker {
    /// The run that watches the pull request.
    Known(RunId),
    /// A new one.
    New(ChosenModel),
}

/// Who is to mend it, or what is said because nobody can.
fn worker(services: &Services, red: &Red) -> Result<Worker, String> {
    match &red.run {
        Some(run) => Ok(Worker::Known(run.run.id)),
        None => model::chosen(services, None, &red.policy).map(Worker::New),
    }
}

/// Says once where a failure is dealt with that nobody deals with it: the same words are found there next time.
async fn refuse(connection: &mut PgConnection, wanted: &Checks, ground: &Ground, body: String) -> Result<()> {
    let issue = match ground {
        Ground::Pull(pull) => Some(pull.number),
        Ground::DefaultBranch(ground) => ground.issue(),
    };
    let Some(issue) = issue else { return Ok(()) };
    let reply = Task::Reply(Reply {
        installation: wanted.installation,
        repository: wanted.repository,
        issue,
        comment: NOBODYS_WORDS,
        thread: None,
        thumbs_down: None,
        body,
    });
    queue::enqueue(connection, &reply.job(wanted.installation, Duration::ZERO)?).await?;
    Ok(())
}

async fn repair(
    connection: &mut PgConnection,
    wanted: &Checks,
    (red, seen): (&Red, &[Seen]),
    worker: Worker,
) -> Result<()> {
    let run = match (&red.ground, worker) {
        (Ground::DefaultBranch(ground), Worker::New(model)) => {
            return default_branch::begin(connection, wanted, (ground, &red.policy, model), seen).await;
        }
        (_, Worker::Known(run)) => Some(run),
        (Ground::Pull(pull), Worker::New(model)) => watcher(connection, wanted, (red, pull), model).await?,
    };
    let Some(run) = run else {
        tracing::warn!(head = %wanted.head, "nobody can be said to have asked for the repair");
        return Ok(());
    };
    let failing = as_cause(&wanted.head, seen);
    let signal = Signal::FollowUp(FollowUpCause::FailingCheck(failing.clone()));
    let signalled = store::signal(connection, run, signal).await?;
    match signalled {
        Signalled::Applied { .. } | Signalled::Refused { refusal: Refusal::Stale, .. } => Ok(()),
        refused
        @ (Signalled::Refused { .. } | Signalled::AnotherRunIsOpen | Signalled::Undone | Signalled::Unknown) => {
            tracing::info!(%run, ?refused, "the run does not take the failing check");
            tries::forget_repairs(connection, wanted.repository, &failing).await
        }
    }
}

/// A new run that watches the pull request.
async fn watcher(
    connection: &mut PgConnection,
    wanted: &Checks,
    (red, pull): (&Red, &github::PullRequest),
    model: ChosenModel,
) -> Result<Option<RunId>> {
    let Some((requester_id, requester)) = asked_by(red, pull) else { return Ok(None) };
    let left = store::left_today(connection, wanted.repository, red.policy.budget_day).await?;
    let new = NewRun {
        installation: wanted.installation,
        repository: wanted.repository,
        issue: pull.number,
        issue_title: pull.title.clone(),
        // Should the run be cancelled, a later word starts another one.
        trigger_key: format!(
            "checks:{}:{}:{}:{}",
            wanted.repository,
            pull.number,
            wanted.head,
            red.switch.as_ref().map_or(0, |switch| switch.changed_at.timestamp_micros())
        ),
        mission: Mission::Ci,
        asked_in: None,
        reads: None,
        instructions: String::new(),
        requester_id,
        requester,
        model,
        options: Options::default(),
        budget: red.policy.budget_run.min(left),
        budget_day: red.policy.budget_day,
    };
    let pull_request = PullRequest {
        number: pull.number,
        branch: pull.head.branch.clone(),
        head: wanted.head.clone(),
        open: true,
        fork: false,
        unfinished: false,
    };
    Ok(Some(match store::adopt(connection, &new, pull_request).await? {
        Created::New(run) | Created::Before(run) | Created::OpenRun(run) | Created::ReadBefore(run) => run,
    }))
}

/// Who wanted the checks answered: the person who said so or, by the repository's rules, the pull request's author.
fn asked_by(red: &Red, pull: &github::PullRequest) -> Option<(UserId, Login)> {
    let switched = red.switch.as_ref().map(|switch| (switch.by_id, switch.by.clone()));
    switched.or_else(|| pull.user.as_ref().map(|author| (author.id, author.login.clone())))
}

fn gave_up(reason: StopReason, policy: &RepositoryPolicy) -> GaveUp {
    match reason {
        StopReason::SameAgain => GaveUp::SameAgain,
        StopReason::Alternating => GaveUp::Alternating,
        StopReason::Attempts => GaveUp::Attempts(policy.ci.attempts),
        StopReason::DailyBudget => GaveUp::DailyBudget,
        StopReason::RunBudget => GaveUp::RunBudget,
    }
}

/// Says something once, or once more after somebody has switched the answering on again.
async fn say(
    connection: &mut PgConnection,
    (wanted, switch): (&Checks, Option<&tries::Switch>),
    (pull, check): (IssueNumber, CheckRunId),
    body: String,
) -> Result<()> {
    let reply = Task::Reply(Reply {
        installation: wanted.installation,
        repository: wanted.repository,
        issue: pull,
        comment: occasion_of(wanted, switch, check),
        thread: None,
        thumbs_down: None,
        body,
    });
    queue::enqueue(connection, &reply.job(wanted.installation, Duration::ZERO)?).await?;
    Ok(())
}

/// What is answered: the words that brought the look; else, in place of a comment, the moment since which the checks are
/// answered, or the check.
fn occasion_of(wanted: &Checks, switch: Option<&tries::Switch>, check: CheckRunId) -> CommentId {
    match (wanted.occasion, switch) {
        (Occasion::Switched(comment), _) => comment,
        (
            Occasion::Delivery(_)
            | Occasion::Labelled(_)
            | Occasion::RerunRefused
            | Occasion::Finished
            | Occasion::Overdue,
            switch,
        ) => CommentId(switch.map_or(check.0, |switch| switch.changed_at.timestamp_micros())),
    }
}

/// Says once that a fork's pull request is left alone.
async fn leave_fork(
    connection: &mut PgConnection,
    wanted: &Checks,
    (pull, check): (IssueNumber, CheckRunId),
) -> Result<()> {
    let past = tries::deeds(connection, wanted.repository, Some(pull), None).await?;
    if past.iter().any(|deed| deed.kind == Kind::Stop) {
        return Ok(());
    }
    // No log was read, so the failure has no name of its own.
    let failure = Failure { head: wanted.head.clone(), signature: Signature::stored("fork".to_owned()) };
    tries::record(connection, (wanted.repository, Some(pull)), "", &Deed { kind: Kind::Stop, failure }).await?;
    say(connection, (wanted, None), (pull, check), report::checks_of_forks()).await
}

/// A commit whose checks are to be looked at.
pub(super) async fn watch(connection: &mut PgConnection, wanted: Checks, failed: bool) -> Result<()> {
    let head: &CommitSha = &wanted.head;
    if failed {
        tries::watch(connection, wanted.repository, head).await?;
    }
    let tenant = wanted.installation;
    queue::enqueue(connection, &Task::Checks(wanted).job(tenant, Duration::ZERO)?).await?;
    Ok(())
}
