//! Logs as GitHub serves them: a byte order mark, a timestamp before each line, `##[…]` commands, ANSI colours.
//!
//! <https://docs.github.com/en/actions/how-tos/monitor-workflows/use-workflow-run-logs>

use super::start::commands;
use super::zip::Entry;
use crate::store::{Attempt, Conclusion, Job, JobScript, OwnLog};

/// What GitHub says of a command that failed.
pub const EXIT: &str = "Process completed with exit code 1.";
const RUNNER: [&str; 7] = [
    "Current runner version: '2.328.0'",
    "##[group]Runner Image Provisioner",
    "Hosted Compute Agent",
    "##[endgroup]",
    "##[group]Operating System",
    "Ubuntu 24.04.3 LTS",
    "##[endgroup]",
];

/// The log of a finished job.
pub fn whole(script: &JobScript, job: &Job, conclusion: Conclusion) -> String {
    let lines = (0..job.steps.len()).flat_map(|index| step_lines(script, job, (index, conclusion)));
    stamped(job, lines)
}

fn stamped(job: &Job, lines: impl Iterator<Item = String>) -> String {
    let mut text = "\u{feff}".to_owned();
    for (index, line) in lines.enumerate() {
        let at = job.started_at + chrono::TimeDelta::microseconds(1_357 * i64::try_from(index).unwrap_or_default());
        // Seven digits of a second, as the runner writes them.
        text.push_str(&format!("{}0Z {line}\n", at.format("%Y-%m-%dT%H:%M:%S%.6f")));
    }
    text
}

fn step_lines(script: &JobScript, job: &Job, which: (usize, Conclusion)) -> Vec<String> {
    let (index, conclusion) = which;
    let last = job.steps.len().saturating_sub(1);
    if index == 0 {
        return RUNNER.map(str::to_owned).to_vec();
    }
    if index == last {
        return vec!["Cleaning up orphan processes".to_owned()];
    }
    if conclusion == Conclusion::Skipped {
        return Vec::new();
    }
    let command = commands(script).into_iter().nth(index - 1).unwrap_or_default();
    let mut lines = vec![
        format!("##[group]Run {command}"),
        format!("\u{1b}[36;1m{command}\u{1b}[0m"),
        "shell: /usr/bin/bash -e {0}".to_owned(),
        "##[endgroup]".to_owned(),
    ];
    if index + 1 == last && conclusion.is_failure() {
        lines.extend(script.log.lines().map(str::to_owned));
        lines.push(match conclusion {
            Conclusion::Cancelled => "##[error]The operation was canceled.".to_owned(),
            Conclusion::TimedOut => {
                format!("##[error]The job '{}' has exceeded the maximum execution time of 6h0m0s.", job.name)
            }
            Conclusion::Success
            | Conclusion::Failure
            | Conclusion::Neutral
            | Conclusion::Skipped
            | Conclusion::ActionRequired
            | Conclusion::StartupFailure => format!("##[error]{EXIT}"),
        });
    }
    lines
}

/// The longest name of a job within the archive, in UTF-16 units.
const NAME_UNITS: usize = 90;

/// What becomes of a name within the archive: what a path of Windows must not have is left out, and the rest is cut. As
/// <https://github.com/cli/cli/blob/trunk/pkg/cmd/run/view/logs.go> found out; it is not documented.
fn path_name(name: &str) -> String {
    let kept: Vec<u16> = name.replace(['/', '\\', ':', '*', '?', '"', '<', '>', '|'], "").encode_utf16().collect();
    String::from_utf16_lossy(&kept[..kept.len().min(NAME_UNITS)]).trim().to_owned()
}

/// The files of a run's log archive: each job as a whole, and each of its steps.
pub fn archive(scripts: &[JobScript], attempt: &Attempt) -> Vec<Entry> {
    let mut entries = Vec::new();
    for (number, job) in attempt.jobs.iter().enumerate() {
        let Some(conclusion) = job.conclusion else { continue };
        let folder = path_name(&job.name);
        if job.own_log != OwnLog::NeverArrived {
            entries.push(Entry { name: format!("{number}_{folder}.txt"), bytes: job.log.clone().into_bytes() });
        }
        let Some(script) = scripts.get(number) else { continue };
        for (index, step) in job.steps.iter().enumerate() {
            let text = stamped(job, step_lines(script, job, (index, conclusion)).into_iter());
            let name = format!("{folder}/{}_{}.txt", index + 1, path_name(&step.name));
            entries.push(Entry { name, bytes: text.into_bytes() });
        }
    }
    entries
}
