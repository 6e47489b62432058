//! Looks at the checks of a commit on which one has failed and, once all have ended, does what there is to do: let the
//! failed jobs try again, have a coder mend the cause, or say that wiz gives up.
//!
//! Nothing here waits: each delivery about the commit brings another look, and a last one comes when checks never end.
//! What is done is stored with the end of the job, so a look that is repeated finds it done.

use std::time::Duration;

use anyhow::{Context as _, Result};
use chrono::{TimeDelta, Utc};

use super::{
    Completed, JobFailure, Lease, Services, StoredRun,
    default_branch::{self, BranchGround},
    failure::{self, Seen},
    opening::{self, Openings},
    store::{self, ci as tries, reach},
    unstarted,
};
use crate::{
    ci::{self, Circumstances, Decision, Deed, Kind, Money, Settled, Standing, StopReason, WhyNothing},
    github::{ActionsJob, GitHubError, Installation, PullRequest, SeenCheck, UnstartedWorkflow, journal},
    ids::{CheckRunId, CommitSha, IssueNumber, RepositoryName},
    money::MicroDollars,
    policy::RepositoryPolicy,
    run::{
        branch,
        follow_up::{FailingCheck, FollowUpCause},
        state::State,
        task::Checks,
    },
};

/// Most failing checks of one commit that are read; a matrix fails for one reason in all its parts.
const MOST_READ: usize = 3;

/// With less money left than this nothing is begun.
const LEAST_BUDGET: MicroDollars = MicroDollars::from_cents(5);

/// Checks that have not ended after this time are not waited for any longer, as far as others have failed.
pub(super) const OVERDUE: Duration = Duration::from_secs(60 * 60);

/// How long attempts on the default branch count: it has no end as a pull request has.
const BRANCH_MEMORY: TimeDelta = TimeDelta::days(7);

/// Whose looks come one after the other. What a commit is the head of is known only after a first look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Those at this commit: others may be answered at the same time.
    OfCommit,
    /// Those at the repository's default branch, which has one issue and one run at a time.
    OfDefaultBranch,
}

/// What a look came to.
pub(super) enum Verdict {
    /// Some checks have not ended, or their commit is unfinished itself.
    Wait,
    /// All have ended well.
    Green,
    /// All have ended well, but workflows of a pull request could not be started.
    Unstarted(IssueNumber, Vec<UnstartedWorkflow>),
    /// There is something to do about a pull request, or a reason why not.
    Red(Box<Red>),
    /// Somebody wants the checks of a fork's pull request answered.
    Fork(IssueNumber, CheckRunId),
    /// Checks have failed, and it is none of wiz's business.
    NotOurs,
    /// It must be looked at in that turn.
    In(Turn),
}

/// Failures on the head of a pull request, or of the default branch.
pub(super) struct Red {
    pub ground: Ground,
    /// The run that watches the pull request.
    pub run: Option<StoredRun>,
    pub policy: RepositoryPolicy,
    pub switch: Option<tries::Switch>,
    pub seen: Vec<Seen>,
    /// Workflows of a pull request that could not be started, beside the checks that failed.
    pub unstarted: Vec<UnstartedWorkflow>,
    pub answer: Answer,
}

impl Red {
    fn on(ground: Ground, policy: RepositoryPolicy) -> Self {
        Self { ground, run: None, policy, switch: None, seen: vec![], unstarted: vec![], answer: Answer::Nothing }
    }
}

/// Where they are.
pub(super) enum Ground {
    Pull(Box<PullRequest>),
    DefaultBranch(BranchGround),
}

impl Ground {
    /// The issue for the failure of a default branch, once there is one.
    fn issue(&self) -> Option<IssueNumber> {
        match self {
            Self::Pull(_) => None,
            Self::DefaultBranch(ground) => ground.issue(),
        }
    }

    /// The pull request's number.
    pub(super) fn pull(&self) -> Option<IssueNumber> {
        match self {
            Self::Pull(pull) => Some(pull.number),
            Self::DefaultBranch(_) => None,
        }
    }
}

/// What is done about them.
pub(super) enum Answer {
    /// The failures are those of a try that runs again already.
    Wait,
    Rerun(Vec<Seen>),
    Repair(Vec<Seen>),
    /// Given up, for the first of them and this reason.
    Stop(Vec<Seen>, StopReason),
    Nothing,
}

pub(super) async fn execute(
    services: &Services,
    lease: &Lease,
    wanted: &Checks,
    turn: Turn,
) -> Result<Completed, JobFailure> {
    let mut connection = services.pool.acquire().await?;
    // Known before the look: what is told to have failed while it lasts has one of its own.
    let told_at = tries::failed_at(&mut connection, wanted.repository, &wanted.head).await?;
    let home = reach::home(&mut connection, wanted.repository).await?;
    drop(connection);
    let (Some(told_at), Some((installation, _))) = (told_at, home) else {
        return super::complete(services, lease).await;
    };
    // The job was made when the repository may have belonged to another installation.
    let wanted = &Checks { installation, ..wanted.clone() };
    if super::is_out_of_reach(services, installation, wanted.repository).await? {
        let mut transaction = services.pool.begin().await?;
        let completed = lease.complete(&mut transaction).await?;
        tries::unhear(&mut transaction, wanted.repository, &wanted.head).await?;
        transaction.commit().await?;
        return Ok(completed);
    }
    let mut verdict = look(services, wanted, turn).await.map_err(super::retry)?;
    if let Verdict::Red(red) = &mut verdict {
        default_branch::make_issue(services, wanted, red).await.map_err(super::retry)?;
    }
    let issue = match &verdict {
        Verdict::Red(red) => red.ground.issue(),
        Verdict::Wait
        | Verdict::Green
        | Verdict::Unstarted(..)
        | Verdict::Fork(..)
        | Verdict::NotOurs
        | Verdict::In(_) => None,
    };
    let mut transaction = services.pool.begin().await?;
    let completed = lease.complete(&mut transaction).await?;
    super::answer_checks::carry_out(services, &mut transaction, (wanted, told_at), verdict).await?;
    if let Some(begun) =
        tries::branch_run(&mut transaction, wanted.repository).await?.filter(|it| Some(it.issue) == issue)
    {
        // The issue is the work of the run that it is for.
        journal::adopt(&mut transaction, lease.job(), begun.run).await?;
    }
    transaction.commit().await?;
    Ok(completed)
}

async fn look(services: &Services, wanted: &Checks, turn: Turn) -> Result<Verdict> {
    let name = store::repository_name(&mut *services.pool.acquire().await?, wanted.repository).await?;
    let github = services.github.installation(wanted.installation);
    let head = &wanted.head;
    let (mut found, all) = match github.checks_on(&name, head).await {
        // The owner has not granted it. Then there are statuses at most, and nobody knows that all is well.
        Err(GitHubError::Forbidden(why)) => {
            tracing::warn!(repo = %name, %head, %why, "check runs may not be read");
            (vec![], false)
        }
        found => (found.context("cannot list the checks")?, true),
    };
    found.extend(github.statuses_on(&name, wanted.repository, head).await.context("cannot list the statuses")?);
    let checks: Vec<ci::Check> = found.iter().map(known).collect();
    let failed = match ci::settled(&checks, wanted.is_overdue()) {
        Settled::Waiting => return Ok(Verdict::Wait),
        Settled::Green if !all => return Ok(Verdict::NotOurs),
        Settled::Green => return unstarted::look(services, (wanted, turn), &name).await,
        Settled::Red(failed) => failed,
    };
    let mut red = match ours(services, (wanted, turn), &name, &github).await? {
        Business::Ours(red) => red,
        Business::Fork(pull) => {
            return Ok(failed.first().map_or(Verdict::NotOurs, |check| Verdict::Fork(pull, check.id)));
        }
        Business::No => return Ok(Verdict::NotOurs),
        Business::Wait => return Ok(Verdict::Wait),
        Business::In(turn) => return Ok(Verdict::In(turn)),
    };
    let failed = found.iter().filter(|check| failed.iter().any(|failed| failed.id == check.id));
    for check in failed.take(MOST_READ) {
        let secrets = &services.settings.own_secrets;
        red.seen.push(failure::read(&github, &name, (head, check), secrets).await?);
    }
    red.answer = answer(services, wanted, &red).await?;
    red.unstarted = unstarted::beside(&github, (wanted, &name), &red).await?;
    Ok(Verdict::Red(red))
}

fn known(check: &SeenCheck) -> ci::Check {
    ci::Check {
        id: check.id,
        name: check.name.clone(),
        maker: if check.by_actions { ci::Maker::Actions } else { ci::Maker::Other },
        standing: Standing::of(&check.status, check.conclusion.as_deref()),
    }
}

/// Whose business the failing checks of a commit are.
pub(super) enum Business {
    Ours(Box<Red>),
    /// They were to be answered by a label, but nothing can be written there.
    Fork(IssueNumber),
    No,
    /// It can be said later.
    Wait,
    /// To be said in that turn.
    In(Turn),
}

/// The pull request whose head this is, or the default branch, if its checks are answered. Of several with one head the first
/// counts that wiz has a reason to answer. Every reason why not is in the log.
pub(super) async fn ours(
    services: &Services,
    (wanted, turn): (&Checks, Turn),
    name: &RepositoryName,
    github: &Installation,
) -> Result<Business> {
    let head = &wanted.head;
    let openings = opening::now(services, wanted.repository).await?;
    let pulls = github.open_pulls_with_head(name, head).await.context("cannot find the pull request")?;
    let Ok(rules) = super::triage::policy(services, name, wanted.installation).await? else {
        return Ok(not(wanted, "the repository's policy is faulty"));
    };
    let is_of_none = pulls.is_empty();
    for pull in pulls {
        let business = of_pull(services, wanted, (pull, &rules), &openings).await?;
        match business {
            Business::No => {}
            Business::Ours(_) | Business::Fork(_) | Business::Wait | Business::In(_)
                if turn == Turn::OfDefaultBranch =>
            {
                return Ok(Business::In(Turn::OfCommit));
            }
            Business::Ours(_) | Business::Fork(_) | Business::Wait | Business::In(_) => return Ok(business),
        }
    }
    match default_branch::ground(services, wanted, (name, &rules)).await? {
        Ok(_) if turn == Turn::OfCommit => Ok(Business::In(Turn::OfDefaultBranch)),
        Ok(ground) => Ok(Business::Ours(Box::new(Red::on(Ground::DefaultBranch(ground), rules)))),
        Err(why) => {
            if is_of_none {
                // The branch comes before the pull request, and CI may be quicker than both.
                openings.wait_for_any()?;
            }
            Ok(not(wanted, why))
        }
    }
}

fn not(wanted: &Checks, why: &str) -> Business {
    tracing::info!(repository = %wanted.repository, head = %wanted.head, why, "failing checks are not answered");
    Business::No
}

/// Whether the failing checks of that pull request are answered.
async fn of_pull(
    services: &Services,
    wanted: &Checks,
    (pull, rules): (PullRequest, &RepositoryPolicy),
    openings: &Openings,
) -> Result<Business> {
    let not = |why: &str| Ok(not(wanted, why));
    let mut connection = services.pool.acquire().await?;
    let labels = super::triage::counted_labels(&mut connection, (wanted.repository, &pull), rules).await?;
    if pull.is_from_fork() {
        let asked = rules.ci.is_labelled(&labels);
        return if asked { Ok(Business::Fork(pull.number)) } else { not("the pull request comes from a fork") };
    }
    if pull.offers_default_branch() {
        return not("the pull request's branch is the default branch, which has a rule of its own");
    }
    let run = match store::latest_of(&mut connection, wanted.repository, pull.number).await? {
        Some(run) => store::load(&mut connection, run).await?,
        None => None,
    };
    let run =
        run.filter(|run| run.run.progress.pull_request.as_ref().is_some_and(|watched| watched.number == pull.number));
    let switch = tries::switch(&mut connection, wanted.repository, pull.number).await?;
    drop(connection);
    if run.is_none() {
        openings.wait_for_branch(&pull.head.branch)?;
    }
    let is_wanted = switch.as_ref().is_some_and(|switch| switch.answered) || rules.ci.is_labelled(&labels);
    if branch::is_of_follow_up(&pull.head.branch) && !is_wanted {
        return not("what fails on unfinished work is what its run has yet to do");
    }
    let cancelled = run.as_ref().filter(|run| run.run.state == State::Cancelled).map(|run| run.updated_at);
    let run = match cancelled {
        // Who wants the checks answered after that wants a run for it.
        Some(at) if switch.as_ref().is_some_and(|switch| switch.answered && switch.changed_at > at) => None,
        Some(_) => return not("the run was cancelled"),
        None => run,
    };
    let own = run.as_ref().is_some_and(|run| run.has_opened(pull.number));
    if own && run.as_ref().is_some_and(is_unfinished) {
        tracing::info!(head = %wanted.head, "failing checks of a draft wait until it is finished");
        return Ok(Business::Wait);
    }
    if !rules.ci.answering(own, switch.as_ref().map(|switch| switch.answered), &labels).is_on() {
        return not("they are not to be answered on this pull request");
    }
    let red = Red::on(Ground::Pull(Box::new(pull)), rules.clone());
    Ok(Business::Ours(Box::new(Red { run, switch, ..red })))
}

/// Whether that is a repair of an earlier head which is still under way, or waits. Unless this head is what it came to, nothing
/// can be published for it any more, so it cannot have failed to help.
fn is_under_way(run: Option<&StoredRun>, deed: &Deed, head: &CommitSha) -> bool {
    let Some(progress) = run.map(|run| &run.run.progress) else { return false };
    let causes = progress.follow_up.iter().map(|follow_up| &follow_up.cause).chain(&progress.waiting);
    let mut checks = causes.filter_map(FollowUpCause::failing_check);
    deed.kind == Kind::Repair && deed.failure.head != *head && checks.any(|check| check.head == deed.failure.head)
}

/// Whether all that was added to the head that the run knows is wiz's own: then this is what its repair has published, and
/// only the answer to that is not stored yet.
async fn is_by_wiz(services: &Services, wanted: &Checks, red: &Red) -> Result<bool> {
    let known = red.run.as_ref().and_then(|run| run.run.progress.pull_request.as_ref().map(|pull| &pull.head));
    let Some(known) = known.filter(|known| **known != wanted.head) else { return Ok(false) };
    let name = store::repository_name(&mut *services.pool.acquire().await?, wanted.repository).await?;
    let github = services.github.installation(wanted.installation);
    let authors = match github.authors_since(&name, known.as_str(), wanted.head.as_str()).await {
        // A history that has nothing in common with it.
        Err(GitHubError::NotFound(_)) => return Ok(false),
        authors => authors?,
    };
    let bot = &services.github.identity().await?.bot_login;
    Ok(!authors.is_empty() && authors.iter().all(|author| author.as_ref() == Some(bot)))
}

/// Whether the pull request is the draft of a run that will go on: what fails there is what it has yet to do.
fn is_unfinished(run: &StoredRun) -> bool {
    run.run.progress.pull_request.as_ref().is_some_and(|pull_request| pull_request.unfinished)
}

/// Asks the guard about each failure. Giving up on one is giving up; otherwise mending goes before another try, since
/// the new commit is another try for all of them.
async fn answer(services: &Services, wanted: &Checks, red: &Red) -> Result<Answer> {
    let mut transaction = services.pool.begin().await?;
    let left = store::left_today(&mut transaction, wanted.repository, red.policy.budget_day).await?;
    let since = match &red.ground {
        Ground::Pull(_) => red.switch.as_ref().map(|switch| switch.changed_at),
        Ground::DefaultBranch(_) => Some(Utc::now() - BRANCH_MEMORY),
    };
    let mut past = tries::deeds(&mut transaction, wanted.repository, red.ground.pull(), since).await?;
    let under_way = tries::reruns_under_way(&mut transaction, wanted.repository, &wanted.head).await?;
    let mut flakes = Vec::new();
    for seen in &red.seen {
        flakes.push(tries::was_flake(&mut transaction, wanted.repository, &seen.failure.signature).await?);
    }
    transaction.commit().await?;
    let idle = |deed: &Deed| is_under_way(red.run.as_ref(), deed, &wanted.head);
    if past.iter().any(idle) && !is_by_wiz(services, wanted, red).await? {
        past.retain(|deed| !idle(deed));
    }
    let is_old = |seen: &Seen| {
        let tries = |job: &ActionsJob| under_way.iter().any(|rerun| rerun.is_at_most(job.run_id, job.run_attempt));
        seen.job.as_ref().is_some_and(tries)
    };
    if red.seen.iter().any(is_old) {
        return Ok(Answer::Wait);
    }
    let money = if left < LEAST_BUDGET { Money::NoneToday } else { money_of_run(services, red).await? };
    let (mut repairs, mut reruns, mut stops) = (vec![], vec![], vec![]);
    for (seen, was_flake) in red.seen.iter().zip(flakes) {
        let now = Circumstances {
            flaky: was_flake || seen.smell.is_some(),
            can_rerun: seen.job.is_some(),
            attempts: red.policy.ci.attempts,
            money,
        };
        let decision = match &red.ground {
            Ground::Pull(_) => ci::decide(&seen.failure, &past, now),
            Ground::DefaultBranch(_) => ci::decide(&seen.failure, &ci::of_same_failure(&past, &seen.failure), now),
        };
        tracing::info!(check = seen.name, head = %wanted.head, signature = %seen.failure.signature, ?decision, "a check failed");
        match decision {
            Decision::Stop(reason) => stops.push((seen.clone(), reason)),
            Decision::Repair => repairs.push(seen.clone()),
            Decision::Rerun => reruns.push(seen.clone()),
            Decision::Nothing(WhyNothing::Answered | WhyNothing::Stopped) => {}
        }
    }
    // On the default branch a failure that only lacks money is no business of one that is given up.
    let waits = |reason: StopReason| red.ground.pull().is_none() && reason == StopReason::DailyBudget;
    if !stops.iter().all(|(_, reason)| waits(*reason)) {
        stops.retain(|(_, reason)| !waits(*reason));
    }
    let why = stops.first().map(|(_, reason)| *reason);
    Ok(match (why, repairs.is_empty(), reruns.is_empty()) {
        (Some(why), _, _) => Answer::Stop(stops.into_iter().map(|(seen, _)| seen).collect(), why),
        (None, false, _) => Answer::Repair(repairs),
        (None, true, false) => Answer::Rerun(reruns),
        (None, true, true) => Answer::Nothing,
    })
}

async fn money_of_run(services: &Services, red: &Red) -> Result<Money> {
    let Some(run) = &red.run else { return Ok(Money::Left) };
    let spend = services.models.spent(run.run.id).await.context("cannot sum up what the run spent")?;
    let has = run.run.budget.saturating_sub(spend.money) >= LEAST_BUDGET;
    Ok(if has { Money::Left } else { Money::NoneInRun })
}

/// What is noted of each failure.
pub(super) fn deed(kind: Kind, seen: &Seen) -> Deed {
    Deed { kind, failure: seen.failure.clone() }
}

/// The failures as one cause: what all of them printed, and the first one's name and signature for all.
pub(super) fn as_cause(head: &CommitSha, seen: &[Seen]) -> FailingCheck {
    let names = crate::report::check_names(seen.iter().map(|seen| seen.name.as_str()));
    let signatures: Vec<&str> = seen.iter().map(|seen| seen.failure.signature.as_str()).collect();
    let excerpts = seen.iter().map(|seen| format!("The check {} failed:\n{}", seen.name, seen.excerpt));
    FailingCheck {
        head: head.clone(),
        name: names,
        signature: signatures.join(FailingCheck::AND),
        excerpt: excerpts.collect::<Vec<_>>().join("\n\n"),
    }
}
