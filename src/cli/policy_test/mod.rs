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

use std::{collections::BTreeSet, io::Write as _, path::PathBuf, process::ExitCode, str::FromStr};

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use clap::Subcommand;

use crate::{
    database::Database,
    ids::RepositoryName,
    intake,
    policy::{Overruled, Schedule},
};
use files::Policies;
use happening::{Happening, Meaning};
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

/// Most deliveries looked at, the newest: a minute's reading where the database is near.
const DELIVERIES: i64 = 100_000;

/// Longest part of a line that comes from people or from long lists, in characters.
const SHOWN_CHARS: usize = 500;

pub(super) async fn policy(command: &Command) -> Result<ExitCode> {
    let Command::Test { files, repo, since } = command;
    let server = super::environment("WIZ_POLICY_FILE").filter(|path| !path.is_empty()).map(PathBuf::from);
    let policies = match files.read(server)? {
        Ok(policies) => policies,
        Err(faults) => {
            write!(std::io::stderr(), "{faults}")?;
            return Ok(ExitCode::FAILURE);
        }
    };
    let database = Database::attach(&super::database_config()?).await?;
    let tried = tried(&database, &policies, (repo.as_ref(), since.0)).await;
    database.close().await?;
    let text = report(&tried?, &policies, Utc::now());
    write!(std::io::stdout(), "{text}")?;
    Ok(ExitCode::SUCCESS)
}

async fn tried(
    database: &Database,
    policies: &Policies,
    (repo, since): (Option<&RepositoryName>, TimeDelta),
) -> Result<Tried> {
    let mut transaction = database.begin_reading().await?;
    let ids = intake::since(&mut transaction, &EVENTS, Utc::now() - since, DELIVERIES).await?;
    let mut tried = Tried { is_cut: i64::try_from(ids.len()).is_ok_and(|read| read >= DELIVERIES), ..Tried::default() };
    let replay = Replay::new(&mut transaction, repo, policies.before.min_role);
    replay.of(&ids, |happened| tried.add(happened, policies)).await?;
    Ok(tried)
}

/// What became of it.
#[derive(Debug, Default)]
struct Tried {
    commands: usize,
    triggers: usize,
    reviews: usize,
    failures: usize,
    repositories: BTreeSet<RepositoryName>,
    changed: Vec<Changed>,
    /// Whether there were more deliveries than are read.
    is_cut: bool,
}

/// Something that would mean something else.
#[derive(Debug)]
struct Changed {
    happened: Happened,
    before: Meaning,
    after: Meaning,
}

impl Tried {
    fn add(&mut self, happened: Happened, policies: &Policies) {
        let [before, after] = [&policies.before, &policies.after].map(|policy| happened.happening.meaning(policy));
        // As most labels.
        if before.is_nothing() && after.is_nothing() {
            return;
        }
        *match happened.happening {
            Happening::Command { .. } => &mut self.commands,
            Happening::Trigger { .. } | Happening::PullLabel { .. } => &mut self.triggers,
            Happening::Review { .. } => &mut self.reviews,
            Happening::Failure(_) => &mut self.failures,
        } += 1;
        self.repositories.insert(happened.repository.clone());
        if before.what != after.what {
            self.changed.push(Changed { happened, before, after });
        }
    }
}

/// What would change, what was assumed, and what was not tried.
fn report(tried: &Tried, policies: &Policies, now: DateTime<Utc>) -> String {
    let Tried { commands, triggers, reviews, failures, repositories, changed, is_cut } = tried;
    let mut text = format!(
        "Tried on commands: {commands}, labels and assignments: {triggers}, reviews: {reviews}, commits with failing \
         checks: {failures}. {} of {} would mean something else.\n",
        changed.len(),
        commands + triggers + reviews + failures,
    );
    if repositories.len() > 1 {
        text += &format!("These lie in {} repositories, each taken to have this file.\n", repositories.len());
    }
    if *is_cut {
        text += &format!("Only the newest {DELIVERIES} deliveries were read.\n");
    }
    for Changed { happened, before, after } in changed {
        let who = happened.who.as_ref().map_or_else(String::new, |(who, role)| format!(" {who} as {role}"));
        let (at, place, what) = (happened.at.format("%Y-%m-%d %H:%M"), happened.place(), cut(&happened.what));
        text += &format!("\n{at} {place}{who}: {what}\n  - {}\n  + {}\n", line(before), line(after));
    }
    text += &schedules(&policies.before.schedules, &policies.after.schedules, now);
    for Overruled { key, said_by, locked_by } in &policies.overruled {
        let (key, said_by, locked_by) = (key.name(), said_by.name(), locked_by.name());
        text += &format!("\n`{key}` is locked by {locked_by}, so what {said_by} says there is not followed\n");
    }
    text + ASSUMED
}

const ASSUMED: &str = "
Assumed: the roles in parentheses; for a gate the files of the plan that was made, where one was, and no price or lines; of
a pull request its labels and the last word about its checks as they are now, from people who may; that no failing check
passes by itself. Each thing is judged alone, as if all before it had gone as it did.
Not tried: who may press buttons, edit plans and approve their own; image, setup, checks, model and budget_day; budgets of
work on open pull requests.
";

fn line(meaning: &Meaning) -> String {
    if meaning.why.is_empty() { cut(&meaning.what) } else { format!("{}: {}", cut(&meaning.what), cut(&meaning.why)) }
}

fn cut(text: &str) -> String {
    let text = super::printable(text);
    let shown: String = text.chars().take(SHOWN_CHARS).collect();
    if shown.len() < text.len() { shown + "…" } else { shown }
}

/// Schedules that are new, changed or gone.
fn schedules(before: &[Schedule], after: &[Schedule], now: DateTime<Utc>) -> String {
    let of = |all: &[Schedule], name: &Schedule| all.iter().find(|schedule| schedule.name == name.name).cloned();
    let mut text = String::new();
    for schedule in after.iter().filter(|schedule| !before.contains(schedule)) {
        let next = schedule
            .next_after(now)
            .map_or_else(|| "never".into(), |next| next.format("%Y-%m-%d %H:%M UTC").to_string());
        let change = if of(before, schedule).is_some() { "changes" } else { "is new" };
        let (name, verb) = (&schedule.name, schedule.verb.name());
        text += &format!("\nschedule {name} {change}: /wiz {verb}, next at {next}\n");
    }
    for schedule in before.iter().filter(|schedule| of(after, schedule).is_none()) {
        text += &format!("\nschedule {} is gone\n", schedule.name);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event,
        policy::{self, Key, Layer, Role},
        triage::Ground,
    };

    fn happened(what: &str, who: Option<(&str, &str)>, happening: Happening) -> Happened {
        Happened {
            at: DateTime::UNIX_EPOCH,
            repository: "acme/dates".parse().unwrap(),
            number: who.map(|_| crate::ids::IssueNumber(7)),
            what: what.into(),
            who: who.map(|(who, role)| (who.into(), role.into())),
            happening,
        }
    }

    fn said(words: &str) -> Happened {
        let command = event::command::parse(words, None).remove(0);
        let known = happening::Known::default();
        let happening = Happening::Command { command, role: Role::Write, ground: Ground::Issue, known };
        happened(words, Some(("ann", "write (member)")), happening)
    }

    #[test]
    fn what_changes_is_shown_and_what_was_assumed() {
        let schedule = |name: &str, hour: u32| {
            format!("{{name: {name}, cron: '0 {hour} * * *', timezone: Europe/Berlin, verb: fix, instructions: x}}")
        };
        let file = |more: &str, schedules: [String; 2]| {
            policy::parse(&format!("{more}\nschedules: [{}]", schedules.join(", "))).unwrap()
        };
        let policies = Policies {
            before: file(
                "gate: {rules: [{level: supervised, verbs: [fix]}]}",
                [schedule("late", 4), schedule("old", 4)],
            ),
            after: file("min_role: maintain\nci: {default_branch: fix}", [schedule("late", 5), schedule("new", 4)]),
            overruled: vec![Overruled { key: Key::Gate, said_by: Layer::Repository, locked_by: Layer::Organisation }],
        };
        let mut tried = Tried { is_cut: true, ..Tried::default() };
        tried.add(said("/wiz fix"), &policies);
        tried.add(said("/wiz help"), &policies);
        let label = event::Trigger::Label("bug".into());
        let known = happening::Known::default();
        let label = Happening::Trigger { by: label, role: Role::Write, ground: Ground::Issue, known };
        tried.add(happened("label bug", Some(("ann", "write (member)")), label), &policies);
        let failure = Happening::Failure(happening::FailedOn::DefaultBranch);
        tried.add(happened("checks fail at 12345678\u{1b}[31m\u{202e}", None, failure), &policies);
        insta::assert_snapshot!(report(&tried, &policies, DateTime::UNIX_EPOCH), @r"
        Tried on commands: 2, labels and assignments: 0, reviews: 0, commits with failing checks: 1. 2 of 3 would mean something else.
        Only the newest 100000 deliveries were read.

        1970-01-01 00:00 acme/dates#7 ann as write (member): /wiz fix
          - starts with up to $3.00, supervised: the default here is supervised; rule 1 of the gate: the command is fix
          + denied, needs maintain

        1970-01-01 00:00 acme/dates: checks fail at 12345678[31m
          - left alone
          + an issue is opened and a run starts with up to $3.00, supervised: the default here is supervised

        schedule late changes: /wiz fix, next at 1970-01-01 04:00 UTC

        schedule new is new: /wiz fix, next at 1970-01-01 03:00 UTC

        schedule old is gone

        `gate` is locked by the account, so what this repository says there is not followed

        Assumed: the roles in parentheses; for a gate the files of the plan that was made, where one was, and no price or lines; of
        a pull request its labels and the last word about its checks as they are now, from people who may; that no failing check
        passes by itself. Each thing is judged alone, as if all before it had gone as it did.
        Not tried: who may press buttons, edit plans and approve their own; image, setup, checks, model and budget_day; budgets of
        work on open pull requests.
        ");
    }

    #[test]
    fn another_reason_for_the_same_is_no_change() {
        let rules = |rules: &str| policy::parse(&format!("gate: {{rules: [{rules}]}}")).unwrap();
        let rule = "{level: human-required, verbs: [fix]}";
        let before = rules(rule);
        let after = rules(&format!("{{level: human-required, verbs: [docs]}}, {rule}"));
        let policies = Policies { before, after, overruled: vec![] };
        let mut tried = Tried::default();
        tried.add(said("/wiz fix"), &policies);
        assert_eq!((tried.commands, tried.changed.len()), (1, 0));
    }

    #[test]
    fn one_file_is_tried_on_every_repository() {
        let same = || policy::parse("").unwrap();
        let policies = Policies { before: same(), after: same(), overruled: vec![] };
        let mut tried = Tried::default();
        tried.add(said("/wiz help"), &policies);
        tried.repositories.insert("acme/other".parse().unwrap());
        let told = report(&tried, &policies, DateTime::UNIX_EPOCH);
        insta::assert_snapshot!(told.lines().take(2).collect::<Vec<_>>().join("\n"), @r"
        Tried on commands: 1, labels and assignments: 0, reviews: 0, commits with failing checks: 0. 0 of 1 would mean something else.
        These lie in 2 repositories, each taken to have this file.
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
