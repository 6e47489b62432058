<<<<<<< HEAD
//! The benchmark: what people wait for, and how webhooks are taken under load, beside a Probot app on the same machine.
//!
//! GitHub is the stand-in in this process and the model answers at once, so the figures are wiz's own. Every figure is
//! the median of [`RUNS`] runs.

mod flow;
mod load;
mod probot;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use wiz_demo::{DatabaseChoice, HUMANIZE, ModelChoice, Options, World};

/// Runs behind each figure.
const RUNS: usize = 5;

/// Measures wiz.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
=======
//! The benchmark: one table of what people wait for and what wiz needs, measured in one run on this machine.
//!
//! Figures only: goals and the peer stand beside them, and nothing fails because of them.

mod acknowledgement;
mod figure;
mod job;
mod load;
mod memory;
mod peer;
mod store;

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context as _, Result};
use clap::Parser;
use figure::Table;
use wiz_demo::{DatabaseChoice, HUMANIZE, ModelChoice, Options};

/// Measures wiz on this machine.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    /// How often the main job is done; 0 leaves it out.
    #[arg(long, default_value_t = 5)]
    jobs: usize,
    /// How often wiz and its peer are loaded with webhooks; 0 leaves it out.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
>>>>>>> bench
    /// The wiz program; the one beside this program when absent.
    #[arg(long)]
    wiz: Option<PathBuf>,
    /// The static runner for boxes.
    #[arg(long, default_value = "target/runner/wiz-runner")]
    runner: PathBuf,
    /// The image of boxes.
    #[arg(long, default_value = "wiz-base:bookworm")]
    image: String,
<<<<<<< HEAD
    /// Runs behind each figure.
    #[arg(long, default_value_t = RUNS)]
    runs: usize,
=======
>>>>>>> bench
}

#[tokio::main]
async fn main() -> ExitCode {
<<<<<<< HEAD
    match measure(&Arguments::parse()).await {
=======
    let arguments = Arguments::parse();
    let outcome = tokio::select! {
        outcome = measure(&arguments) => outcome,
        // What is under way is taken down by its destructors.
        interrupted = tokio::signal::ctrl_c() => interrupted.context("cannot wait for an interrupt"),
    };
    match outcome {
>>>>>>> bench
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("The benchmark failed: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn measure(arguments: &Arguments) -> Result<()> {
<<<<<<< HEAD
    ensure!(arguments.runs > 0, "nothing comes of no runs");
    let wiz = arguments.wiz.clone().map_or_else(|| Ok(std::env::current_exe()?.with_file_name("wiz")), anyhow::Ok)?;
    ensure!(wiz.is_file(), "{} is missing; make it with `cargo build --release --bin wiz`", wiz.display());
    let options = Options {
        case: &HUMANIZE,
        wiz,
        runner: arguments.runner.canonicalize().context("the runner is missing; scripts/build-runner makes it")?,
        image: arguments.image.clone(),
        database: DatabaseChoice::Embedded,
        model: ModelChoice::Scripted,
    };
    say(&format!(
        "medians of {}; GitHub is a stand-in on this machine, the model a script that answers at once\n",
        arguments.runs
    ));
    say(&flow::measure(&options, arguments.runs).await?);
    let world = World::start(options).await?;
    let peer = probot::Probot::start(&world).await?;
    say(&load::compare(&world, &peer, arguments.runs).await?);
    Ok(())
}

/// The middle one; of an even number, the upper middle.
fn median<T: PartialOrd + Copy>(mut values: Vec<T>) -> Result<T> {
    values.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    values.get(values.len() / 2).copied().context("nothing was measured")
}

fn shown(duration: Duration) -> String {
    match duration.as_secs_f64() {
        seconds if seconds < 1.0 => format!("{:.0} ms", seconds * 1000.0),
        seconds => format!("{seconds:.1} s"),
    }
}

#[expect(clippy::print_stdout, reason = "the figures are the output")]
fn say(text: &str) {
    println!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one() {
        assert_eq!(median(vec![3, 1, 2]).unwrap(), 2);
        assert_eq!(median(vec![1.5, 9.0, 0.5, 2.5, 2.0]).unwrap(), 2.0);
        assert!(median(Vec::<u8>::new()).is_err());
    }
}
=======
    let options = options(arguments)?;
    let mut table = Table::default();
    let cores = std::thread::available_parallelism().context("cannot count the cores")?;
    table.note(&format!(
        "wiz {} on {cores} cores; load average before: {}",
        env!("CARGO_PKG_VERSION"),
        load_average()?
    ));
    if arguments.jobs > 0 {
        job::measure(&options, arguments.jobs, &mut table).await?;
    }
    if arguments.rounds > 0 {
        acknowledgement::measure(&options, arguments.rounds, &mut table).await?;
    }
    table.note(&format!("\n  Load average after: {}", load_average()?));
    say(table.text());
    Ok(())
}

/// Over 1, 5 and 15 minutes: who else was at work here.
fn load_average() -> Result<String> {
    let text = std::fs::read_to_string("/proc/loadavg").context("cannot read the load average")?;
    Ok(text.split_whitespace().take(3).collect::<Vec<_>>().join(" "))
}

fn options(arguments: &Arguments) -> Result<Options> {
    let beside = std::env::current_exe()?.with_file_name("wiz");
    Ok(Options {
        case: &HUMANIZE,
        wiz: arguments.wiz.clone().unwrap_or(beside),
        runner: arguments
            .runner
            .canonicalize()
            .context("the runner is missing; make it with `scripts/build-runner`")?,
        image: arguments.image.clone(),
        database: DatabaseChoice::Embedded,
        model: ModelChoice::Scripted,
    })
}

#[expect(clippy::print_stdout, reason = "the table is its output")]
fn say(text: &str) {
    println!("{text}");
}
>>>>>>> bench
