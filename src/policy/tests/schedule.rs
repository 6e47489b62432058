use chrono::{DateTime, Utc};

use super::*;

fn schedule(cron: &str, timezone: &str) -> Schedule {
    let yaml = format!(
        "schedules:\n  - name: nightly\n    cron: '{cron}'\n    timezone: {timezone}\n    verb: fix\n    instructions: Mend it.\n"
    );
    parse(&yaml).unwrap_or_else(|faults| panic!("{faults:?}")).schedules.remove(0)
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn ticks(cron: &str, timezone: &str, from: &str, count: usize) -> Vec<String> {
    let schedule = schedule(cron, timezone);
    let mut moment = at(from);
    let mut all = Vec::new();
    for _ in 0..count {
        moment = schedule.next_after(moment).unwrap();
        all.push(moment.with_timezone(&schedule.timezone).format("%m-%d %H:%M %Z").to_string());
    }
    all
}

#[test]
fn a_schedule_ticks_once_a_night_whatever_the_clocks_do() {
    // In Berlin the clocks go from 2:00 to 3:00 on 29 March 2026, and from 3:00 back to 2:00 on 25 October 2026.
    let spring = ticks("30 2 * * *", "Europe/Berlin", "2026-03-27T12:00:00Z", 4);
    assert_eq!(spring, ["03-28 02:30 CET", "03-29 03:00 CEST", "03-30 02:30 CEST", "03-31 02:30 CEST"]);
    let autumn = ticks("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 3);
    assert_eq!(autumn, ["10-25 02:30 CEST", "10-26 02:30 CET", "10-27 02:30 CET"]);
    // Times that all lie in the gap are one tick.
    let gap = ticks("0,30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", 3);
    assert_eq!(gap, ["03-29 03:00 CEST", "03-30 02:00 CEST", "03-30 02:30 CEST"]);
    // Half an hour in Lord Howe, at another hour and in the other direction.
    let howe = ticks("15 2 * * *", "Australia/Lord_Howe", "2026-10-02T20:00:00Z", 2);
    assert_eq!(howe, ["10-04 02:30 +11", "10-05 02:15 +11"]);
    assert_eq!(ticks("0 4 * * MON", "UTC", "2026-03-01T00:00:00Z", 2), ["03-02 04:00 UTC", "03-09 04:00 UTC"]);
    assert_eq!(ticks("0 0 29 2 *", "UTC", "2026-03-01T00:00:00Z", 1), ["02-29 00:00 UTC"]);
}

#[test]
fn of_what_was_missed_the_latest_counts() {
    let hourly = schedule("0 * * * *", "UTC");
    let due = at("2026-03-01T00:00:00Z");
    assert_eq!(hourly.latest(due, at("2026-03-01T00:10:00Z")), due);
    assert_eq!(hourly.latest(due, at("2026-03-01T05:59:00Z")), at("2026-03-01T05:00:00Z"));
    assert_eq!(hourly.latest(due, at("2026-06-01T05:59:00Z")), at("2026-06-01T05:00:00Z"));
    let yearly = schedule("0 0 1 1 *", "UTC");
    let due = at("2026-01-01T00:00:00Z");
    assert_eq!(yearly.latest(due, at("2026-03-01T00:00:00Z")), due);
}

#[test]
fn a_schedule_that_cannot_be_meant_is_a_mistake() {
    let entry = |lines: &str| format!("schedules:\n  - name: nightly\n    instructions: Mend it.\n    {lines}\n");
    let all: Vec<String> = [
        entry("cron: '* * * * *'\n    verb: fix"),
        entry("cron: '*/20 4 * * *'\n    verb: fix"),
        entry("cron: '0 4 * *'\n    verb: fix"),
        entry("cron: '0 0 4 * * *'\n    verb: fix"),
        entry("cron: '@daily'\n    verb: fix"),
        entry("cron: '0 25 * * *'\n    verb: fix"),
        entry("cron: '0 4 30 2 *'\n    verb: fix"),
        entry("cron: '0 4 * * *'\n    timezone: Europe/Atlantis\n    verb: fix"),
        entry("cron: '0 4 * * *'\n    verb: plan"),
        entry("cron: '0 4 * * *'\n    verb: ask"),
        entry("cron: '0 4 * * *'\n    verb: review\n    result: issue"),
        entry("cron: '0 4 * * *'\n    verb: cancel"),
        entry("cron: '0 4 * * *'\n    verb: fx"),
        entry("cron: '0 4 * * *'\n    verb: fix\n    result: issue"),
        entry("cron: '0 4 * * *'\n    verb: fix\n    result: mail"),
        "schedules:\n  - {name: Nightly!, cron: '0 4 * * *', verb: fix, instructions: x}\n".into(),
        "schedules:\n  - {name: a, cron: '0 4 * * *', verb: fix, instructions: ' '}\n".into(),
        "schedules:\n  - {name: a, cron: '0 4 * * *', verb: fix, instructions: x}\n  - {name: a, cron: '0 5 * * *', verb: fix, instructions: x}\n".into(),
        "schedules: [nightly]\n".into(),
        format!("schedules: [{}]\n", "{name: a, cron: '0 4 * * *', verb: fix, instructions: x}, ".repeat(21)),
    ]
    .iter()
    .map(|yaml| faults(yaml))
    .collect();
    insta::assert_snapshot!(all.join("\n"), @r#"
    2: schedules: cron: two ticks are at least 30 minutes apart
    2: schedules: cron: two ticks are at least 30 minutes apart
    2: schedules: cron has five fields: minute, hour, day of the month, month, day of the week
    2: schedules: cron has five fields: minute, hour, day of the month, month, day of the week
    2: schedules: cron has five fields: minute, hour, day of the month, month, day of the week
    2: schedules: cron: Component error: Number out of bounds.
    2: schedules: cron: this never happens
    2: schedules: `Europe/Atlantis` is no time zone; write its IANA name, such as Europe/Berlin
    2: schedules: `plan` brings no pull request; write `result: issue`
    2: schedules: `ask` brings no pull request; write `result: issue`
    2: schedules: `review` reads a pull request, and a schedule has none; `ask` looks at the whole repository
    2: schedules: `cancel` starts no work; known are fix, feature, test, docs, refactor, review, plan, ask
    2: schedules: `fx` starts no work; did you mean `fix`?
    2: schedules: `fix` brings a pull request; leave out `result: issue`
    6: schedules[0].result: unknown variant `mail`; known are pull_request, issue
    2: schedules: a schedule's name has 1 to 40 of a-z, 0-9 and -
    2: schedules: instructions have 1 to 4000 characters
    1: schedules: two schedules are called a
    1: schedules[0]: invalid type: string "nightly", expected a schedule with name, cron, verb and instructions
    1: schedules: expected at most 20 schedules
    "#);
}
