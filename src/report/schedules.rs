//! The issue in which people follow a schedule.

use super::{code, fenced, plain};
use crate::ids::RunId;

/// A schedule as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduleView<'a> {
    pub name: &'a str,
    pub cron: &'a str,
    pub timezone: &'a str,
    pub verb: &'a str,
    /// As the policy file has it.
    pub instructions: &'a str,
    pub brings_pull_request: bool,
    /// The next tick in local time.
    pub next: Option<String>,
    /// Newest first.
    pub ticks: Vec<TickView>,
}

/// A tick that was dealt with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TickView {
    /// Local time.
    pub due: String,
    pub note: TickNote,
    pub run: Option<RunId>,
}

/// What came of a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TickNote {
    Started,
    StillOpen,
    Missed,
    Faulty,
    Paused,
    NoBudget,
    UnusableModel,
}

/// The tracking issue's title.
pub fn schedule_title(name: &str) -> String {
    format!("Scheduled work: {}", plain(name, 40))
}

/// The tracking issue's text.
pub fn schedule_issue(view: &ScheduleView<'_>) -> String {
    let result = if view.brings_pull_request {
        "Each time brings a pull request at most; a plan that needs approval waits here."
    } else {
        "What comes of it is said here."
    };
    let mut text = format!(
        "wiz does this by itself, as {} of the default branch says: {} at {} ({}).\n\n{}\n\n{result} Close this issue to \
         pause the schedule, open it again to go on.\n",
        code(".github/wiz.yml", 40),
        code(&format!("/wiz {}", view.verb), 40),
        code(view.cron, 100),
        plain(view.timezone, 60),
        fenced(view.instructions, 4_000),
    );
    if let Some(next) = &view.next {
        text += &format!("\nNext: **{}**\n", plain(next, 60));
    }
    if !view.ticks.is_empty() {
        text += "\n| due | what came of it |\n| --- | --- |\n";
    }
    for tick in &view.ticks {
        text += &format!("| {} | {} |\n", plain(&tick.due, 60), outcome(tick));
    }
    text
}

fn outcome(tick: &TickView) -> String {
    let run = tick.run.map(|run| format!(" {run}")).unwrap_or_default();
    match tick.note {
        TickNote::Started => format!("run{run} began"),
        TickNote::StillOpen => format!("skipped: run{run} was not over"),
        TickNote::Missed => "skipped: wiz was down, and it was too late afterwards".to_owned(),
        TickNote::Faulty => "skipped: the policy file has mistakes; `/wiz config` shows them".to_owned(),
        TickNote::Paused => "skipped: this issue was closed".to_owned(),
        TickNote::NoBudget => "skipped: the repository's budget for the day was used up".to_owned(),
        TickNote::UnusableModel => {
            "skipped: the policy's `model:` cannot be used on this server; `/wiz config` shows it".to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedules_issue_says_what_happens_and_when() {
        let tick = |note, run: Option<i64>| TickView { due: "2026-03-02 04:00 CET".into(), note, run: run.map(RunId) };
        let view = ScheduleView {
            name: "nightly",
            cron: "0 4 * * *",
            timezone: "Europe/Berlin",
            verb: "fix",
            instructions: "Mend what `make lint` finds.\n@team",
            brings_pull_request: true,
            next: Some("2026-03-03 04:00 CET".into()),
            ticks: vec![
                tick(TickNote::Started, Some(12)),
                tick(TickNote::StillOpen, Some(11)),
                tick(TickNote::Missed, None),
                tick(TickNote::Faulty, None),
                tick(TickNote::Paused, None),
                tick(TickNote::NoBudget, None),
                tick(TickNote::UnusableModel, None),
            ],
        };
        insta::assert_snapshot!(schedule_issue(&view), @r#"
        wiz does this by itself, as `.github/wiz.yml` of the default branch says: `/wiz fix` at `0 4 * * *` (Europe/Berlin).

        ```text
        Mend what `make lint` finds.
        @team
        ```

        Each time brings a pull request at most; a plan that needs approval waits here. Close this issue to pause the schedule, open it again to go on.

        Next: **2026-03-03 04:00 CET**

        | due | what came of it |
        | --- | --- |
        | 2026-03-02 04:00 CET | run 12 began |
        | 2026-03-02 04:00 CET | skipped: run 11 was not over |
        | 2026-03-02 04:00 CET | skipped: wiz was down, and it was too late afterwards |
        | 2026-03-02 04:00 CET | skipped: the policy file has mistakes; `/wiz config` shows them |
        | 2026-03-02 04:00 CET | skipped: this issue was closed |
        | 2026-03-02 04:00 CET | skipped: the repository's budget for the day was used up |
        | 2026-03-02 04:00 CET | skipped: the policy's `model:` cannot be used on this server; `/wiz config` shows it |
        "#);
        let words = ScheduleView { verb: "ask", brings_pull_request: false, next: None, ticks: vec![], ..view };
        insta::assert_snapshot!(schedule_issue(&words), @r"
        wiz does this by itself, as `.github/wiz.yml` of the default branch says: `/wiz ask` at `0 4 * * *` (Europe/Berlin).

        ```text
        Mend what `make lint` finds.
        @team
        ```

        What comes of it is said here. Close this issue to pause the schedule, open it again to go on.
        ");
    }
}
