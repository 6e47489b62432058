//! `wiz jobs`: look at the queue, and mend it.

use std::{io::Write as _, process::ExitCode};

use anyhow::Context as _;
use clap::Subcommand;

use crate::{
    database::Database,
    ids::{JobId, RunId},
    queue::{self, JobFilter, JobReport, JobStanding, Redriven},
};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List jobs, newest first.
    List {
        /// Only jobs in this state, such as `dead` or `running`.
        #[arg(long)]
        state: Option<JobStanding>,
        /// Only jobs of this run.
        #[arg(long)]
        run: Option<RunId>,
        /// Most jobs shown.
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// Show one job with its payload and last error.
    Show { job: JobId },
    /// Give a dead or cancelled job new attempts, or hurry one that waits for its time.
    Retry { job: JobId },
    /// Cancel a job; a running one is told to stop.
    Cancel { job: JobId },
}

pub(super) async fn jobs(command: &Command) -> anyhow::Result<ExitCode> {
    let database = Database::attach(&super::database_config()?).await?;
    let pool = database.pool();
    let outcome = match command {
        Command::List { state, run, limit } => {
            let filter = JobFilter { standing: *state, run: *run, limit: *limit };
            list(&queue::list(pool, &filter).await?)
        }
        Command::Show { job } => match queue::show(pool, *job).await? {
            Some(report) => show(&report),
            None => absent(*job),
        },
        Command::Retry { job } => match queue::retry(pool, *job).await? {
            driven @ (Redriven::Revived | Redriven::Hurried) => done(&said(*job, driven)),
            driven @ Redriven::Refused(_) => refused(&said(*job, driven)),
        },
        Command::Cancel { job } if queue::cancel(pool, *job).await? => done(&format!("job {job} was asked to stop")),
        Command::Cancel { job } => absent(*job),
    };
    database.close().await?;
    outcome
}

/// What came of driving a job again.
fn said(job: JobId, driven: Redriven) -> String {
    match driven {
        Redriven::Revived => format!("job {job} is live again"),
        Redriven::Hurried => format!("job {job} is due now"),
        Redriven::Refused(reason) => format!("job {job}: {reason}"),
    }
}

fn list(reports: &[JobReport]) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{:>8}  {:<10} {:<10} {:>6} {:>8}  {:<20}  last error",
        "job", "kind", "state", "run", "attempt", "at"
    )?;
    for report in reports {
        let run = report.run.map(|run| run.to_string()).unwrap_or_default();
        let attempt = format!("{}/{}", report.attempt, report.max_attempts);
        let error: String = report.error.as_deref().unwrap_or_default().lines().next().unwrap_or_default().into();
        writeln!(
            out,
            "{:>8}  {:<10} {:<10} {run:>6} {attempt:>8}  {:<20}  {}",
            report.id,
            report.kind,
            standing(report)?,
            report.at.format("%Y-%m-%d %H:%M:%S"),
            error.chars().take(80).collect::<String>(),
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

fn standing(report: &JobReport) -> anyhow::Result<String> {
    let value = serde_json::to_value(report.standing)?;
    Ok(value.as_str().context("a job's state is a word")?.to_owned())
}

fn show(report: &JobReport) -> anyhow::Result<ExitCode> {
    writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(report)?)?;
    Ok(ExitCode::SUCCESS)
}

fn done(text: &str) -> anyhow::Result<ExitCode> {
    writeln!(std::io::stdout(), "{text}")?;
    Ok(ExitCode::SUCCESS)
}

fn refused(text: &str) -> anyhow::Result<ExitCode> {
    writeln!(std::io::stderr(), "{text}")?;
    Ok(ExitCode::FAILURE)
}

fn absent(job: JobId) -> anyhow::Result<ExitCode> {
    refused(&format!("there is no job {job}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_of_a_job_is_told() {
        let all = [Redriven::Revived, Redriven::Hurried, Redriven::Refused("it has succeeded")];
        insta::assert_snapshot!(all.map(|driven| said(JobId(7), driven)).join("\n"), @r"
        job 7 is live again
        job 7 is due now
        job 7: it has succeeded
        ");
    }
}
