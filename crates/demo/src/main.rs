//! The demo: wiz mends a real bug of a real package, from the issue to the merged pull request, on this machine alone.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Parser;
use tokio::time::Instant;
use wiz_demo::{
    Case, DatabaseChoice, Mark, ModelChoice, Moment, Options, Story, Wire, World, summary::Summary, upstream_tests,
};

/// wiz mends a real bug against a local GitHub.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    /// What is mended: humanize (Python), minimist (JavaScript) or strsim (Rust).
    #[arg(long, env = "CASE", default_value = "humanize")]
    case: String,
    /// A real model as provider/name (anthropic/…, openai/… or openai-chat/…); a script answers when absent.
    #[arg(long, env = "MODEL")]
    model: Option<String>,
    #[arg(long, env = "ANTHROPIC_API_KEY", hide = true, hide_env_values = true)]
    anthropic_api_key: Option<String>,
    #[arg(long, env = "ANTHROPIC_BASE_URL", hide = true)]
    anthropic_base_url: Option<String>,
    #[arg(long, env = "OPENAI_API_KEY", hide = true, hide_env_values = true)]
    openai_api_key: Option<String>,
    #[arg(long, env = "OPENAI_BASE_URL", hide = true)]
    openai_base_url: Option<String>,
    /// Keep everything running afterwards, to look around in a browser.
    #[arg(long, env = "KEEP", num_args = 0..=1, default_missing_value = "1", default_value = "0")]
    keep: String,
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
        outcome = demonstrate(&arguments) => outcome,
        // What is under way is taken down by its destructors.
        interrupted = tokio::signal::ctrl_c() => interrupted.context("cannot wait for an interrupt"),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("\nThe demo failed: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn demonstrate(arguments: &Arguments) -> Result<()> {
    let options = options(arguments)?;
    let case = options.case;
    say(&format!(
        "wiz mends {} {} ({}): {}\n  model: {}\n",
        case.name,
        case.from,
        case.language,
        case.issue_title,
        arguments.model.as_deref().unwrap_or("a script; set MODEL=provider/name and its API key for a real one")
    ));
    let begun = Instant::now();
    let mut world = World::start(options).await?;
    say(&format!("GitHub stand-in  {}\nwiz              {}\n", world.hub().url(), world.wiz_url()));
    say(&format!("{:>8}  wiz is ready", stamp(begun.elapsed())));
    let ending = match tell(&world, begun).await {
        Ok(ending) => ending,
        Err(error) => {
            say(&format!("\nThe end of wiz's log:\n{}", world.log_tail()));
            return Err(error);
        }
    };
    prove(&world, &ending, begun).await?;
    let summary = Summary::of(&world, &ending).await?;
    world.until_no_box_is_left().await?;
    say(&format!("\n{}", summary.text()));
    say(&format!(
        "Look around (while it runs):\n  issue         {}\n  pull request  {}\n",
        ending.issue_url, ending.pull.url
    ));
    if arguments.keep != "0" && !arguments.keep.is_empty() {
        say("Everything keeps running; Ctrl-C ends it.");
        tokio::signal::ctrl_c().await?;
    }
    world.stop().await.context("wiz did not stop in order")
}

async fn tell(world: &World, begun: Instant) -> Result<wiz_demo::Ending> {
    let mut last = Instant::now();
    let mut narrate = |moment: &Moment| {
        let took = moment.at.saturating_duration_since(last);
        last = moment.at;
        say(&format!("{:>8}  {:<60} {}", stamp(moment.at - begun), moment.text, note(moment.mark, took)));
        say(&format!("          {}", moment.url));
    };
    let story = Story::new(world.case(), world.repo(), &mut narrate);
    if world.model().is_some() { story.play().await } else { story.without_scrutiny().play().await }
}

/// Upstream's own newer tests: they fail on what was released, and pass on what wiz made of it.
async fn prove(world: &World, ending: &wiz_demo::Ending, begun: Instant) -> Result<()> {
    let case = world.case();
    let clone_url = world.hub().clone_url();
    let before = upstream_tests(case, world.image(), &clone_url, &ending.pull.base_sha).await?;
    ensure!(!before.passed, "the tests of {} {} pass without the repair, so they prove nothing", case.name, case.to);
    let after = upstream_tests(case, world.image(), &clone_url, &ending.merge_commit).await?;
    ensure!(after.passed, "the tests of {} {} fail on the merged result:\n{}", case.name, case.to, after.output);
    say(&format!(
        "{:>8}  {} {}'s own tests, before: {}",
        stamp(begun.elapsed()),
        case.name,
        case.to,
        before.last_line()
    ));
    say(&format!("{:>8}  {} {}'s own tests, merged: {}", "", case.name, case.to, after.last_line()));
    Ok(())
}

fn note(mark: Mark, took: Duration) -> String {
    match mark {
        Mark::IssueOpened
        | Mark::Asked
        | Mark::Approved
        | Mark::CiFailed
        | Mark::Objected
        | Mark::Reviewed
        | Mark::Merged => String::new(),
        Mark::Seen
        | Mark::StatusShown
        | Mark::Planned
        | Mark::Working
        | Mark::Verifying
        | Mark::Reviewing
        | Mark::PullRequestOpened
        | Mark::CiMended
        | Mark::Answered
        | Mark::CheckPassed
        | Mark::Done => format!("+{}", stamp(took).trim()),
    }
}

fn stamp(elapsed: Duration) -> String {
    format!("{:.2} s", elapsed.as_secs_f64())
}

fn options(arguments: &Arguments) -> Result<Options> {
    let Some(case) = Case::named(&arguments.case) else {
        bail!("there is no case {:?}; take humanize, minimist or strsim", arguments.case);
    };
    let beside = std::env::current_exe()?.with_file_name("wiz");
    let wiz = arguments.wiz.clone().unwrap_or(beside);
    for (path, how) in [(&wiz, "cargo build --bin wiz"), (&arguments.runner, "scripts/build-runner")] {
        ensure!(path.is_file(), "{} is missing; make it with `{how}`", path.display());
    }
    Ok(Options {
        case,
        wiz,
        runner: arguments.runner.canonicalize()?,
        image: arguments.image.clone(),
        database: DatabaseChoice::Embedded,
        model: model(arguments),
        settings: vec![],
    })
}

/// wiz itself says what is wrong with a name or a missing key.
fn model(arguments: &Arguments) -> ModelChoice {
    let Some(name) = arguments.model.as_ref().filter(|name| !name.is_empty()) else {
        return ModelChoice::Scripted(Wire::Messages);
    };
    let settings = [
        ("ANTHROPIC_API_KEY", &arguments.anthropic_api_key),
        ("ANTHROPIC_BASE_URL", &arguments.anthropic_base_url),
        ("OPENAI_API_KEY", &arguments.openai_api_key),
        ("OPENAI_BASE_URL", &arguments.openai_base_url),
    ];
    let given = settings.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?)));
    ModelChoice::Real { name: name.clone(), environment: given.collect() }
}

#[expect(clippy::print_stdout, reason = "the demo's story is its output")]
fn say(line: &str) {
    println!("{line}");
}
