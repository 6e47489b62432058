//! When wiz starts work by itself.
//!
//! A schedule's times are local to its time zone. A local time that a change of clocks leaves out is taken at the first
//! moment after the gap; one that comes twice counts the first time only. So a nightly schedule ticks once each night.

use std::fmt;

use chrono::{DateTime, Duration, MappedLocalTime, NaiveDateTime, TimeZone as _, Utc};
use chrono_tz::Tz;
use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de::Error as _};

use super::values;
use crate::event::command::Verb;

/// Shortest time between two ticks: a run takes minutes, and each costs money.
const LEAST_MINUTES: i64 = 30;

/// Ticks looked at to find the shortest time between two.
const SAMPLE: usize = 400;

/// How late a tick may be made up for. Work that was due longer ago waits for its next time.
pub const CATCH_UP: Duration = Duration::hours(6);

/// Longest a clock was ever set by at once; Samoa left out a day.
const CLOCK_CHANGE: Duration = Duration::hours(25);

/// Longest name, in characters.
const NAME_CHARS: usize = 40;
/// Longest instructions, in characters.
const INSTRUCTION_CHARS: usize = 4_000;

/// Work that begins at set times.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "WrittenSchedule")]
pub struct Schedule {
    pub name: ScheduleName,
    /// The five fields as they are written.
    pub cron: String,
    pub timezone: Tz,
    pub verb: Verb,
    pub instructions: String,
    pub result: ScheduleResult,
    times: Cron,
}

/// A schedule's name: 1–40 characters of `a-z`, `0-9` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, Deserialize, sqlx::Type)]
#[serde(try_from = "String")]
#[sqlx(transparent)]
pub struct ScheduleName(String);

impl ScheduleName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ScheduleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for ScheduleName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let valid = (1..=NAME_CHARS).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if valid { Ok(Self(text)) } else { Err(format!("a schedule's name has 1 to {NAME_CHARS} of a-z, 0-9 and -")) }
    }
}

/// Where people find what came of a tick.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleResult {
    /// A pull request; the tracking issue links to it.
    #[default]
    PullRequest,
    /// The schedule's tracking issue alone: the plan, for a person to approve or leave.
    Issue,
}

/// Work that begins at set times, on the default branch.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a schedule with name, cron, verb and instructions")]
#[schemars(rename = "Schedule")]
pub(super) struct WrittenSchedule {
    /// 1 to 40 of a-z, 0-9 and -.
    #[schemars(regex(pattern = "^[a-z0-9-]{1,40}$"))]
    name: String,
    /// Minute, hour, day of the month, month, day of the week, as in `0 4 * * MON`.
    cron: String,
    /// IANA name, such as `Europe/Berlin`; UTC if not given.
    timezone: Option<String>,
    /// The command to give.
    verb: String,
    /// What to do, as one would write it behind the command.
    #[schemars(length(min = 1, max = 4000))]
    instructions: String,
    /// What a tick brings: a pull request, or only the schedule's tracking issue.
    #[serde(default)]
    result: ScheduleResult,
}

impl TryFrom<WrittenSchedule> for Schedule {
    type Error = String;

    fn try_from(written: WrittenSchedule) -> Result<Self, String> {
        let WrittenSchedule { name, cron, timezone, verb, instructions, result } = written;
        let name = ScheduleName::try_from(name)?;
        let times = times(&cron)?;
        let timezone = timezone.as_deref().unwrap_or("UTC");
        let timezone = timezone.parse().map_err(|_| {
            let shown: String = timezone.chars().filter(char::is_ascii_graphic).take(40).collect();
            format!("`{shown}` is no time zone; write its IANA name, such as Europe/Berlin")
        })?;
        let verb = values::verb(&verb)?;
        if verb == Verb::Review {
            return Err(
                "`review` reads a pull request, and a schedule has none; `ask` looks at the whole repository".into()
            );
        }
        if instructions.trim().is_empty() || instructions.chars().count() > INSTRUCTION_CHARS {
            return Err(format!("instructions have 1 to {INSTRUCTION_CHARS} characters"));
        }
        // Both say what they found in the schedule's issue, and change nothing by themselves.
        let only_speaks = matches!(verb, Verb::Plan | Verb::Ask);
        match result {
            ScheduleResult::PullRequest if only_speaks => {
                return Err(format!("`{}` brings no pull request; write `result: issue`", verb.name()));
            }
            ScheduleResult::Issue if !only_speaks => {
                return Err(format!("`{}` brings a pull request; leave out `result: issue`", verb.name()));
            }
            ScheduleResult::PullRequest | ScheduleResult::Issue => {}
        }
        Ok(Self { name, cron, timezone, verb, instructions, result, times })
    }
}

/// Reads a cron line of five fields whose ticks are far enough apart.
fn times(cron: &str) -> Result<Cron, String> {
    if cron.len() > 100 || cron.split_whitespace().count() != 5 {
        return Err("cron has five fields: minute, hour, day of the month, month, day of the week".into());
    }
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    let times = parser.parse(cron).map_err(|error| format!("cron: {error}"))?;
    let mut last: Option<DateTime<Utc>> = None;
    for _ in 0..SAMPLE {
        let from = last.unwrap_or_else(|| DateTime::from_timestamp(1_767_225_600, 0).unwrap_or_default());
        let Ok(next) = times.find_next_occurrence(&from, false) else {
            return if last.is_some() { Ok(times) } else { Err("cron: this never happens".into()) };
        };
        if last.is_some_and(|last| next - last < Duration::minutes(LEAST_MINUTES)) {
            return Err(format!("cron: two ticks are at least {LEAST_MINUTES} minutes apart"));
        }
        last = Some(next);
    }
    Ok(times)
}

impl Schedule {
    /// The first tick after a moment; none when the times ran out.
    pub fn next_after(&self, moment: DateTime<Utc>) -> Option<DateTime<Utc>> {
        next_in(&self.times, self.timezone, moment)
    }

    /// The last tick that is due at `now`, from `due` on, which is one itself.
    pub fn latest(&self, due: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
        // After a long time nothing older than this is made up for, so nothing older is looked for.
        let mut latest = due;
        let mut from = due.max(now - CATCH_UP - CLOCK_CHANGE);
        while let Some(next) = self.next_after(from).filter(|next| *next <= now) {
            (latest, from) = (next, next);
        }
        latest
    }
}

fn next_in(times: &Cron, timezone: Tz, moment: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let local = moment.with_timezone(&timezone).naive_local();
    // Times are walked on a clock that is never changed, from before any change that could still matter.
    let mut cursor = (local - CLOCK_CHANGE).and_utc();
    loop {
        cursor = times.find_next_occurrence(&cursor, false).ok()?;
        let tick = moment_of(timezone, cursor.naive_utc())?;
        if tick > moment {
            return Some(tick);
        }
    }
}

/// When a local time is: the first of two, and the end of the gap for one that is left out.
fn moment_of(timezone: Tz, mut local: NaiveDateTime) -> Option<DateTime<Utc>> {
    for _ in 0..=CLOCK_CHANGE.num_minutes() {
        match timezone.from_local_datetime(&local) {
            MappedLocalTime::Single(moment) | MappedLocalTime::Ambiguous(moment, _) => {
                return Some(moment.with_timezone(&Utc));
            }
            MappedLocalTime::None => local += Duration::minutes(1),
        }
    }
    None
}

/// The first time of a stored cron line after a moment.
pub fn next_time(cron: &str, timezone: &str, moment: DateTime<Utc>) -> Option<DateTime<Utc>> {
    next_in(&times(cron).ok()?, timezone.parse().ok()?, moment)
}

/// Most schedules of one file.
const SCHEDULES: usize = 20;

pub(super) fn schedules<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Schedule>>, D::Error> {
    let schedules = Vec::<Schedule>::deserialize(deserializer)?;
    check(&schedules).map_err(D::Error::custom)?;
    Ok(Some(schedules))
}

fn check(schedules: &[Schedule]) -> Result<(), String> {
    if schedules.len() > SCHEDULES {
        return Err(format!("expected at most {SCHEDULES} schedules"));
    }
    for (index, schedule) in schedules.iter().enumerate() {
        if schedules[..index].iter().any(|other| other.name == schedule.name) {
            return Err(format!("two schedules are called {}", schedule.name));
        }
    }
    Ok(())
}
