//! The main job, timed from a person's side: what happens on GitHub, and when.

use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::time::{Instant, sleep};
use wiz_demo::{MINIMIST, Mark, Moment, Options, Story, World, until};

use crate::{
    figure::{Figure, Table, Unit},
    memory::{self, Idle},
    store::{self, Others},
};

/// After this long, what starting took is given back.
const CALM: Duration = Duration::from_secs(5);
/// Longest wait for the pull request.
const DEADLINE: Duration = Duration::from_secs(300);

/// One job in a world of its own.
#[derive(Debug)]
struct Job {
    idle: Idle,
    eyes: Duration,
    status: Duration,
    plan: Duration,
    pull_request: Duration,
    others: Others,
    /// From the failing check to the beginning of its repair.
    repair: Duration,
}

impl Job {
    /// From the approval to the pull request, without the project's tests of the verification and without the model.
    fn without_verification(&self) -> Duration {
        self.pull_request.saturating_sub(self.others.verification + self.others.model)
    }

    /// The same without what coder and reviewer ran, which is mostly the project's tests once more.
    fn without_commands(&self) -> Duration {
        self.without_verification().saturating_sub(self.others.workers_tools)
    }

    /// From the request to the plan, without what the planner ran.
    fn plan_without_commands(&self) -> Duration {
        self.plan.saturating_sub(self.others.planners_tools)
    }
}

/// Does the job so many times and adds what it took to the table.
pub async fn measure(options: &Options, times: usize, table: &mut Table) -> Result<()> {
    let mut jobs = Vec::new();
    for _ in 0..times {
        jobs.push(once(options.clone()).await?);
    }
    show(&jobs, &options.wiz.display().to_string(), table);
    let calls = calls_of_plain_fix(Options { case: &MINIMIST, ..options.clone() }).await?;
    let calls = Figure::new(Unit::Count, u32::try_from(calls).ok().map(f64::from));
    table.row("calls to GitHub for a plain fix (minimist), issue to merge", &calls, "goal ≤ 25");
    Ok(())
}

/// Nobody objects to the first version.
async fn calls_of_plain_fix(options: Options) -> Result<i64> {
    let mut world = World::start(options).await?;
    let mut silent = |_: &Moment| {};
    Story::new(world.case(), world.repo(), &mut silent).play().await?;
    let calls = world.store().await?.calls_to_github().await?.iter().map(|(_, calls)| calls).sum();
    world.until_no_box_is_left().await?;
    world.stop().await?;
    Ok(calls)
}

async fn once(options: Options) -> Result<Job> {
    let mut world = World::start(options).await?;
    sleep(CALM).await;
    let wiz = world.wiz().and_then(wiz_demo::Wiz::pid).context("wiz has ended")?;
    let idle = memory::idle(wiz, &world.data_dir())?;
    let mut silent = |_: &Moment| {};
    let repo = world.repo();
    let store = world.store().await?;
    // What took the time is read when the pull request opens: the versions after it have work and proofs of their own.
    let opening = async {
        let is_open = async || Ok(repo.pulls()?.first().map(|_| Instant::now()));
        let opened = until("a pull request is there", DEADLINE, is_open).await?;
        anyhow::Ok((opened, store::others(store.pool()).await?))
    };
    let story = Story::new(world.case(), world.repo(), &mut silent).play();
    let (ending, (opened, others)) = tokio::try_join!(story, opening)?;
    let approved = ending.moments.iter().find(|moment| moment.mark == Mark::Approved).context("nobody approved")?;
    let job = Job {
        idle,
        eyes: ending.between(Mark::Asked, Mark::Seen)?,
        status: ending.between(Mark::Asked, Mark::StatusShown)?,
        plan: ending.between(Mark::Asked, Mark::Planned)?,
        pull_request: opened - approved.at,
        others,
        repair: store::repair_delay(store.pool()).await?,
    };
    world.until_no_box_is_left().await?;
    world.stop().await?;
    Ok(job)
}

fn show(jobs: &[Job], wiz: &str, table: &mut Table) {
    let times = |of: fn(&Job) -> Duration| Figure::times(jobs.iter().map(of));
    let mebibytes = |of: fn(&Job) -> f64| Figure::new(Unit::Mebibytes, jobs.iter().map(of));
    table.part(
        &format!("The main job: humanize (Python), median of {}", jobs.len()),
        &format!(
            "{wiz}, a fresh world each (embedded Postgres, fsync on, empty caches), GitHub stand-in and scripted model on \
             this machine, looked at every 5 ms"
        ),
    );
    table.row("/wiz fix → 👀", &times(|job| job.eyes), "goal ≤ 300 ms");
    table.row("/wiz fix → status comment", &times(|job| job.status), "");
    table.row("/wiz fix → plan shown", &times(|job| job.plan), "goal ≤ 1.5 s");
    table.row("  planner's commands, tests included", &times(|job| job.others.planners_tools), "");
    table.row("  without them", &times(Job::plan_without_commands), "");
    table.row("/wiz approve → pull request exists", &times(|job| job.pull_request), "");
    table.row("  verification's commands", &times(|job| job.others.verification), "the longer of two parallel sides");
    table.row("  model", &times(|job| job.others.model), "");
    table.row("  without these two", &times(Job::without_verification), "goal ≤ 6 s");
    table.row("  commands of coder and reviewer, tests included", &times(|job| job.others.workers_tools), "");
    table.row("  without all three", &times(Job::without_commands), "");
    table.row("failing check → repair begins", &times(|job| job.repair), "goal ≤ 1 s after CI has settled");
    table.part(
        &format!("Idle memory of wiz serve, median of {}", jobs.len()),
        &format!("{wiz}, before its first job, {} s after /readyz", CALM.as_secs()),
    );
    table.row("VmRSS of wiz", &mebibytes(|job| job.idle.wiz), "goal ≤ 60 MB");
    table.row(
        "with its embedded Postgres",
        &mebibytes(|job| job.idle.with_database),
        "plus Pss of postgres and its children",
    );
}
