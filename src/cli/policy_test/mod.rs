//! `wiz policy test FILE`: what another policy file would have meant for what happened in the last days. Reads only.
//!
//! What happened comes from stored deliveries: commands, labels and assignments, reviews, and checks that failed. Roles
//! are not stored, since wiz asks GitHub for them each time, so a role is taken from what is: who was refused, who started
//! a run, and how GitHub said a person stands to the repository. The answer names what was assumed, and what in a policy
//! file cannot be tried like this.
//!
//! The way of the data: policy files → [`files::Policies`]; deliveries → [`replay::Replay`] → [`happening::Happening`] →
//! its meaning under either policy → a row where they differ.

mod files;
mod happening;
mod replay;
mod told;

use std::{io::Write as _, process::ExitCode, str::FromStr};

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use clap::Subcommand;

use crate::{
    database::Database,
    ids::RepositoryName,
    intake,
    policy::{Key, Layer, Schedule},
};
use files::Policies;
use happening::{Happening, NOTHING};
use replay::{Happened, Replay};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Give what happened in the last days to another policy file, and show what would change. Nothing is changed.
    Test {
        #[command(flatten)]
        files: files::Files,
        /// Only this repository.
        #[arg(long)]
        repo: Option<RepositoryName>,
        /// How far back, in hours or days.
        #[arg(long, default_value = "7d")]
        since: Span,
    },
}

/// A time such as `12h` or `7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span(TimeDelta);

impl FromStr for Span {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "a time is written like 12h or 7d, up to 365d";
        let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or(EXPECTED)?;
        let number: i64 = number.parse().map_err(|_| EXPECTED)?;
        let hours = match unit {
            "h" => number,
            "d" => number.checked_mul(24).ok_or(EXPECTED)?,
            _ => return Err(EXPECTED),
        };
        if (1..=365 * 24).contains(&hours) { Ok(Self(TimeDelta::hours(hours))) } else { Err(EXPECTED) }
    }
}

/// Deliveries that may tell of something a policy has a word for, or of what must be known for that.
const EVENTS: [&str; 10] = [
    "issues",
    "issue_comment",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "check_run",
    "check_suite",
    "workflow_run",
    "status",
    "push",
];

/// Most deliveries looked at, the newest: a minute's reading.
const DELIVERIES: i64 = 100_000;

pub(super) async fn policy(command: &Command) -> Result<ExitCode> {
    let Command::Test { files, repo, since } = command;
    let policies = match files.read(std::env::var_os("WIZ_POLICY_FILE"))? {
        Ok(policies) => policies,
        Err(faults) => {
            write!(std::io::stderr(), "{faults}")?;
            return Ok(ExitCode::FAILURE);
        }
    };
    let database = Database::attach(&super::database_config()?).await?;
    let mut connection = database.pool().acquire().await?;
    let ids = intake::since(&mut connection, &EVENTS, Utc::now() - since.0, DELIVERIES).await?;
    let happened = Replay::new(&mut connection, repo.as_ref()).of(&ids).await?;
    drop(connection);
    database.close().await?;
    let rows: Vec<Row> = happened.into_iter().filter_map(|happened| Row::of(happened, &policies)).collect();
    let mut text = report(&rows, &policies.after.schedules, Utc::now());
    text += &limits(&policies.overruled, i64::try_from(ids.len()).is_ok_and(|read| read >= DELIVERIES));
    write!(std::io::stdout(), "{text}")?;
    Ok(ExitCode::SUCCESS)
}

/// What one thing means before and after.
#[derive(Debug, Clone)]
struct Row {
    happened: Happened,
    before: String,
    after: String,
}

impl Row {
    /// None for what neither policy has a word for, such as most labels.
    fn of(happened: Happened, policies: &Policies) -> Option<Self> {
        let [before, after] = [&policies.before, &policies.after].map(|policy| happened.happening.meaning(policy));
        (before != NOTHING || after != NOTHING).then_some(Self { happened, before, after })
    }
}

/// What would change.
fn report(rows: &[Row], schedules: &[Schedule], now: DateTime<Utc>) -> String {
    let count = |is_it: fn(&Happening) -> bool| rows.iter().filter(|row| is_it(&row.happened.happening)).count();
    let changed: Vec<&Row> = rows.iter().filter(|row| row.before != row.after).collect();
    let mut text = format!(
        "Tried on commands: {}, labels and assignments: {}, reviews: {}, commits with failing checks: {}. {} of {} would \
         mean something else.\n",
        count(|happening| matches!(happening, Happening::Command { .. })),
        count(|happening| matches!(happening, Happening::Trigger { .. } | Happening::PullLabel { .. })),
        count(|happening| matches!(happening, Happening::Review { .. })),
        count(|happening| matches!(happening, Happening::Failure(_))),
        changed.len(),
        rows.len(),
    );
    for Row { happened, before, after } in changed {
        let who = happened.who.as_ref().map_or_else(String::new, |(who, role)| format!(" {who} as {role}"));
        let (at, place, what) = (happened.at.format("%Y-%m-%d %H:%M"), &happened.place, shown(&happened.what));
        text += &format!("\n{at} {place}{who}: {what}\n  - {}\n  + {}\n", shown(before), shown(after));
    }
    for schedule in schedules {
        let next = schedule
            .next_after(now)
            .map_or_else(|| "never".into(), |next| next.format("%Y-%m-%d %H:%M UTC").to_string());
        text += &format!("\nschedule {} would tick next at {next}: /wiz {}\n", schedule.name, schedule.verb.name());
    }
    text
}

/// What was assumed, and what was not tried.
const ASSUMED: &str = "
Assumed: the roles in parentheses; for a gate the files of the plan that was made, where one was, and no price; of a pull
request its labels and the last word about its checks as they are now; that failing checks were not passing again by
themselves. Not tried: image, setup, checks, model and budget_day, which say how work is done.
";

fn limits(overruled: &[(Key, Layer)], is_cut: bool) -> String {
    let lock = |(key, layer): &(Key, Layer)| {
        format!("\n`{}` is locked by {}, so what the new file says there is not followed\n", key.name(), layer.name())
    };
    let mut text: String = overruled.iter().map(lock).collect();
    if is_cut {
        text += &format!("\nOnly the newest {DELIVERIES} deliveries were read.\n");
    }
    text + ASSUMED
}

/// Text of strangers on a terminal: without control characters.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(500).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        policy::{self, Role},
        triage::Ground,
    };

    #[test]
    fn what_changes_is_shown_and_what_was_assumed() {
        let row = |what: &str, (before, after): (&str, &str)| Row {
            happened: Happened {
                at: DateTime::UNIX_EPOCH,
                place: "acme/dates#7".into(),
                what: what.into(),
                who: Some(("ann".into(), "write (member)".into())),
                happening: Happening::Command {
                    command: crate::event::command::parse(what, None).remove(0),
                    role: Role::Write,
                    ground: Ground::Issue,
                    known: happening::Known::default(),
                },
            },
            before: before.into(),
            after: after.into(),
        };
        let failed = Row {
            happened: Happened {
                who: None,
                happening: Happening::Failure(happening::FailedOn::DefaultBranch),
                ..row("/wiz fix", ("", "")).happened
            },
            ..row("/wiz fix", ("left alone", "left alone"))
        };
        let rows = [
            row("/wiz fix", ("starts, supervised: the default here is supervised", "denied, needs maintain")),
            row("/wiz help", ("heard", "heard")),
            row(
                "/wiz fix",
                ("starts, autonomous: the default here is autonomous", "starts, supervised: \u{1b}[31mrule 1"),
            ),
            failed,
        ];
        let policy = policy::parse(
            "schedules: [{name: nightly, cron: '0 4 * * *', timezone: Europe/Berlin, verb: fix, instructions: x}]",
        );
        let text = report(&rows, &policy.unwrap().schedules, DateTime::UNIX_EPOCH);
        insta::assert_snapshot!(text + &limits(&[(Key::Gate, Layer::Organisation)], true), @"
        Tried on commands: 3, labels and assignments: 0, reviews: 0, commits with failing checks: 1. 2 of 4 would mean something else.

        1970-01-01 00:00 acme/dates#7 ann as write (member): /wiz fix
          - starts, supervised: the default here is supervised
          + denied, needs maintain

        1970-01-01 00:00 acme/dates#7 ann as write (member): /wiz fix
          - starts, autonomous: the default here is autonomous
          + starts, supervised: [31mrule 1

        schedule nightly would tick next at 1970-01-01 03:00 UTC: /wiz fix

        `gate` is locked by the account, so what the new file says there is not followed

        Only the newest 100000 deliveries were read.

        Assumed: the roles in parentheses; for a gate the files of the plan that was made, where one was, and no price; of a pull
        request its labels and the last word about its checks as they are now; that failing checks were not passing again by
        themselves. Not tried: image, setup, checks, model and budget_day, which say how work is done.
        ");
    }

    #[test]
    fn a_time_is_hours_or_days() {
        assert_eq!("12h".parse(), Ok(Span(TimeDelta::hours(12))));
        assert_eq!("7d".parse(), Ok(Span(TimeDelta::days(7))));
        for bad in ["", "d", "7", "0d", "-1h", "7w", "366d", "é", "99999999999999999999d"] {
            assert!(bad.parse::<Span>().is_err(), "{bad}");
        }
    }
}
