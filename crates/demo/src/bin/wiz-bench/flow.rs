//! What people wait for in the main job, and the memory of a wiz that has nothing to do.

use std::time::Duration;

use anyhow::{Context as _, Result};
use wiz_demo::{Mark, Moment, Options, Story, World};

use crate::{median, shown};

/// One run's figures.
struct Figures {
    seen: Duration,
    status: Duration,
    plan: Duration,
    pull_request: Duration,
    /// Of the time to the pull request, what neither the model nor the tests of the proof took.
    own: Duration,
    idle_bytes: u64,
}

/// Plays the story so many times, each in a fresh world, and gives the table.
pub async fn measure(options: &Options, runs: usize) -> Result<String> {
    let mut all = Vec::with_capacity(runs);
    for _ in 0..runs {
        all.push(one(options).await?);
    }
    let time = |of: fn(&Figures) -> Duration| anyhow::Ok(shown(median(all.iter().map(of).collect())?));
    let idle = median(all.iter().map(|figures| figures.idle_bytes).collect())?;
    Ok(format!(
        "comment → 👀                              {}\n\
         comment → status comment                  {}\n\
         comment → plan                            {}\n\
         approve → pull request                    {}\n\
         approve → pull request, wiz's own part    {}   (without the model and the tests of the proof)\n\
         idle memory of `wiz serve`                {} MiB\n",
        time(|figures| figures.seen)?,
        time(|figures| figures.status)?,
        time(|figures| figures.plan)?,
        time(|figures| figures.pull_request)?,
        time(|figures| figures.own)?,
        idle / (1024 * 1024),
    ))
}

async fn one(options: &Options) -> Result<Figures> {
    let mut world = World::start(options.clone()).await?;
    let idle_bytes = world.wiz().context("wiz has ended")?.resident_bytes()?;
    let mut listen = |_: &Moment| {};
    let ending = Story::new(world.case(), world.repo(), &mut listen).play().await?;
    let pull_request = ending.between(Mark::Approved, Mark::PullRequestOpened)?;
    let elsewhere = world.store().await?.time_elsewhere().await?;
    let figures = Figures {
        seen: ending.between(Mark::Asked, Mark::Seen)?,
        status: ending.between(Mark::Asked, Mark::StatusShown)?,
        plan: ending.between(Mark::Asked, Mark::Planned)?,
        pull_request,
        own: pull_request.saturating_sub(elsewhere),
        idle_bytes,
    };
    world.stop().await?;
    Ok(figures)
}
