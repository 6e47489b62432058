//! Failing checks of the default branch: an issue of their own, and a run that works on it as on any other.
//!
//! One such run is at work at a time, whatever fails on whichever head, so only one look at a time comes here. When its
//! pull request is merged and the same failure is seen again, or it was turned down, wiz says so there and leaves it.

use std::time::Duration;

use anyhow::{Context as _, Result};
use sqlx::PgConnection;

use super::{
    Services, Task,
    checks::{Answer, Ground, Red},
    failure::Seen,
    store::{
        self,
        ci::{self as tries, BranchRun},
    },
};
use crate::{
    github::StickyIssue,
    ids::{BranchName, CommentId, IssueNumber, Login, RepositoryName, RunId, UserId},
    llm::ChosenModel,
    policy::{CiDefaultBranch, RepositoryPolicy},
    queue,
    report::{self, BranchFailure, Marker, MarkerKind},
    run::{
        state::{Mission, Options},
        store::{Created, NewRun},
        task::{Checks, Reply},
    },
};

/// Nobody asked for the run: the policy did. GitHub numbers accounts from 1.
const NOBODY: UserId = UserId(0);

/// The default branch, on whose head checks have failed.
pub(super) struct BranchGround {
    branch: BranchName,
    /// wiz, which is said to have asked.
    bot: Login,
    /// The run that worked on an earlier failure; it has ended.
    last: Option<BranchRun>,
    /// Where the next one works.
    issue: Option<IssueNumber>,
}

impl BranchGround {
    /// The number of the run before, 0 for none: what tells one attempt from the next, on the same head too.
    fn after(&self) -> u64 {
        self.last.map_or(0, |last| last.run.0.unsigned_abs())
    }

    /// Where the failure is told of, once it is.
    pub(super) fn issue(&self) -> Option<IssueNumber> {
        self.issue
    }
}

/// The default branch, if this is its head and the policy wants its failing checks answered; or why not.
pub(super) async fn ground(
    services: &Services,
    wanted: &Checks,
    (name, rules): (&RepositoryName, &RepositoryPolicy),
) -> Result<Result<BranchGround, &'static str>> {
    if rules.ci.default_branch == CiDefaultBranch::Ignore {
        return Ok(Err("no open pull request has this head"));
    }
    let github = services.github.installation(wanted.installation);
    let head = github.default_head(name).await.context("cannot look at the default branch")?;
    let Some((branch, _)) = head.filter(|(_, head)| *head == wanted.head) else {
        return Ok(Err("neither an open pull request nor the default branch has this head"));
    };
    let last = tries::branch_run(&mut *services.pool.acquire().await?, wanted.repository).await?;
    if last.is_some_and(|last| last.open) {
        return Ok(Err("a run is at work on the default branch"));
    }
    let bot = services.github.identity().await?.bot_login.clone();
    Ok(Ok(BranchGround { branch, bot, last, issue: None }))
}

/// Finds or makes the issue of a failure that is to be mended: one for each run, so that an issue whose run never began
/// tells of what fails by now.
pub(super) async fn make_issue(services: &Services, wanted: &Checks, red: &mut Red) -> Result<()> {
    let (Ground::DefaultBranch(ground), Answer::Repair(seen)) = (&mut red.ground, &red.answer) else { return Ok(()) };
    let name = store::repository_name(&mut *services.pool.acquire().await?, wanted.repository).await?;
    let failure = failure(ground, wanted, seen);
    let key = services.settings.marker_key.bytes();
    let marker = Marker { run: None, kind: MarkerKind::BranchFailure(ground.after()) };
    let issue = StickyIssue {
        repository: &name,
        title: &report::branch_failure_title(&failure),
        body: &marker.append_to(&report::branch_failure_issue(&failure), key),
        is_it: &|issue| Marker::find(&issue.body, key) == Some(marker),
    };
    let github = services.github.installation(wanted.installation);
    let issue = github.set_issue(&issue).await.context("cannot make the issue of a failing check")?;
    ground.issue = Some(issue.number);
    Ok(())
}

fn failure<'a>(ground: &'a BranchGround, wanted: &'a Checks, seen: &[Seen]) -> BranchFailure<'a> {
    let cause = super::checks::as_cause(&wanted.head, seen);
    BranchFailure { branch: &ground.branch, head: &wanted.head, checks: cause.name, excerpt: cause.excerpt }
}

/// Begins the run.
pub(super) async fn begin(
    connection: &mut PgConnection,
    wanted: &Checks,
    (ground, policy, model): (&BranchGround, &RepositoryPolicy, ChosenModel),
    seen: &[Seen],
) -> Result<()> {
    let issue = ground.issue.context("there is no issue to work on")?;
    // Nobody else begins one before this is stored.
    let left = store::left_today(connection, wanted.repository, policy.budget_day).await?;
    if let Some(other) = tries::branch_run(connection, wanted.repository).await?.filter(|other| other.open) {
        return tell(connection, wanted, (issue, seen), report::branch_failure_elsewhere(other.run)).await;
    }
    let failure = failure(ground, wanted, seen);
    let new = NewRun {
        installation: wanted.installation,
        repository: wanted.repository,
        issue,
        issue_title: report::branch_failure_title(&failure),
        trigger_key: format!("{}{}:{}:{}", tries::BRANCH_TRIGGER, wanted.repository, wanted.head, ground.after()),
        mission: Mission::Fix,
        asked_in: None,
        reads: None,
        instructions: report::branch_failure_task(&failure),
        requester_id: NOBODY,
        requester: ground.bot.clone(),
        model,
        options: Options::default(),
        budget: policy.budget_run.min(left),
        budget_day: policy.budget_day,
    };
    match store::create(connection, &new).await? {
        Created::New(run) | Created::Before(run) => began(wanted, run),
        Created::OpenRun(run) | Created::ReadBefore(run) => {
            tracing::info!(%run, head = %wanted.head, "somebody works on the issue already");
        }
    }
    Ok(())
}

fn began(wanted: &Checks, run: RunId) {
    tracing::info!(%run, head = %wanted.head, "a run works on the default branch");
}

/// Says in the issue of the last attempt that wiz leaves it.
pub(super) async fn give_up(
    connection: &mut PgConnection,
    wanted: &Checks,
    ground: &BranchGround,
    seen: &Seen,
) -> Result<()> {
    let Some(last) = ground.last else { return Ok(()) };
    let seen = std::slice::from_ref(seen);
    tell(connection, wanted, (last.issue, seen), report::branch_given_up(&failure(ground, wanted, seen))).await
}

async fn tell(
    connection: &mut PgConnection,
    wanted: &Checks,
    (issue, seen): (IssueNumber, &[Seen]),
    body: String,
) -> Result<()> {
    let Some(first) = seen.first() else { return Ok(()) };
    let reply = Task::Reply(Reply {
        installation: wanted.installation,
        repository: wanted.repository,
        issue,
        // The check stands for the comment that nobody wrote.
        comment: CommentId(first.id.0),
        thread: None,
        thumbs_down: None,
        body,
    });
    queue::enqueue(connection, &reply.job(wanted.installation, Duration::ZERO)?).await?;
    Ok(())
}
