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
    /// The wiz program; the one beside this program when absent.
    #[arg(long)]
    wiz: Option<PathBuf>,
    /// The static runner for boxes.
    #[arg(long, default_value = "target/runner/wiz-runner")]
    runner: PathBuf,
    /// The image of boxes.
    #[arg(long, default_value = "wiz-base:bookworm")]
    image: String,
    /// Runs behind each figure.
    #[arg(long, default_value_t = RUNS)]
    runs: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    match measure(&Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("The benchmark failed: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn measure(arguments: &Arguments) -> Result<()> {
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
