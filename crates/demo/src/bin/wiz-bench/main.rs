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
use wiz_demo::{DatabaseChoice, HUMANIZE, ModelChoice, Options, Wire};

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
    /// The wiz program; the one beside this program when absent.
    #[arg(long)]
    wiz: Option<PathBuf>,
    /// The static runner for boxes.
    #[arg(long, default_value = "target/runner/wiz-runner")]
    runner: PathBuf,
    /// The image of boxes.
    #[arg(long, default_value = "wiz-base:bookworm")]
    image: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = tokio::select! {
        outcome = measure(&arguments) => outcome,
        // What is under way is taken down by its destructors.
        interrupted = tokio::signal::ctrl_c() => interrupted.context("cannot wait for an interrupt"),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("The benchmark failed: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn measure(arguments: &Arguments) -> Result<()> {
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
        model: ModelChoice::Scripted(Wire::Messages),
        settings: vec![],
    })
}

#[expect(clippy::print_stdout, reason = "the table is its output")]
fn say(text: &str) {
    println!("{text}");
}
