//! A thousand deliveries in any order, some of them twice, to two processes on one database, while GitHub fails, refuses and
//! does without telling: in the end everything is as if they had come one by one to one process on a calm day.

mod door;
mod history;
mod outcome;

use std::{
    io::Write as _,
    thread,
    time::{Duration, Instant},
};

use github_stand_in::{
    control::Control,
    faults::{Fault, FaultKind},
};
use scripted_model::{Call, Scene, Turn, When};
use serde_json::json;
use wiz_demo::until;

use self::{
    door::{Door, Sent},
    history::{BUSY_PULL, DELIVERIES, MENDED, PLANNED, WISH, pass_the_day},
    outcome::{assert_edits_are_spaced, outcome},
};
use crate::{
    orders::{
        scenes::{FILES, planner, repair, reviewer},
        stage::Stage,
    },
    support::dice::Dice,
};

/// Long enough for everything, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(600);

/// A policy under which nobody waits for an approval, unless only a plan was asked for, and no run is the one too many for
/// the day.
const AUTONOMOUS: &str =
    "gate: autonomous\nbudget_day: $100\nchecks:\n  - name: tests\n    run: sh tests/greet_test.sh\n";

/// One of so many deliveries comes twice.
const TWICE_ONE_IN: u64 = 8;

/// What goes wrong in the storm, at most.
const FAULTS: usize = 30;

/// So few jobs are spared, or each fault would meet the same one.
const CROWD: usize = 4;

/// What the work that is asked for costs in requests to GitHub, all told.
struct Figures {
    took: Duration,
    accepted_in: Duration,
    calls: i64,
    by_kind: Vec<(String, i64)>,
}

/// The day on a calm sea, or in the storm.
enum Sea {
    Calm,
    Storm(Dice),
}

#[test]
fn a_storm_ends_as_a_calm_day_does() {
    let seed = seed();
    // Not by the macro, whose output nobody sees while the test passes.
    let mut terminal = std::io::stderr();
    writeln!(terminal, "seed {seed}: WIZ_STORM_SEED={seed} plays it again").unwrap();
    // People act in this process, so each day has a thread of its own.
    let (calm, storm) = thread::scope(|scope| {
        let days = [Sea::Calm, Sea::Storm(Dice::new(seed))]
            .map(|sea| scope.spawn(|| tokio::runtime::Runtime::new().unwrap().block_on(spend(sea))));
        let [calm, storm] = days.map(|day| day.join().unwrap());
        (calm, storm)
    });
    for (name, (_, figures)) in [("calm", &calm), ("storm", &storm)] {
        let finished = i64::try_from(MENDED.len() + PLANNED.len() + 2).unwrap();
        writeln!(
            terminal,
            "{name}: {DELIVERIES} deliveries accepted in {:.1} s ({:.0}/s), done after {:.1} s ({:.0}/s); {} calls to \
             GitHub, {:.1} for each of {finished} runs: {:?}",
            figures.accepted_in.as_secs_f64(),
            DELIVERIES as f64 / figures.accepted_in.as_secs_f64(),
            figures.took.as_secs_f64(),
            DELIVERIES as f64 / figures.took.as_secs_f64(),
            figures.calls,
            figures.calls as f64 / finished as f64,
            figures.by_kind,
        )
        .unwrap();
    }
    let (missing, more) = differences(&calm.0, &storm.0);
    assert!(missing.is_empty() && more.is_empty(), "only when calm:\n{missing}\n\nonly in the storm:\n{more}");
    let plans = calm.0.iter().filter(|line| line.starts_with("run on ") && line.contains("is needs_approval")).count();
    let pulls = calm.0.iter().filter(|line| line.starts_with("run on ") && line.contains("is watching")).count();
    assert_eq!((plans, pulls), (PLANNED.len() + 1, MENDED.len() + 1), "{:#?}", calm.0);
}

#[expect(clippy::disallowed_methods, reason = "a setting of the test, not of wiz")]
fn seed() -> u64 {
    let given = std::env::var("WIZ_STORM_SEED").ok().map(|seed| seed.parse().unwrap());
    given.unwrap_or_else(|| u64::from(uuid::Uuid::new_v4().as_fields().0))
}

async fn spend(sea: Sea) -> (Vec<String>, Figures) {
    let mut stage = Stage::set(AUTONOMOUS, scenes()).await;
    stage.quiet().await;
    let door = Door::shut().await;
    let hub = stage.world.hub();
    hub.control().set_webhook_url(hub.app_id(), &door.url).unwrap();
    let mut day = pass_the_day(&stage);
    assert_eq!(day.len(), DELIVERIES);
    stage.world.hub().control().settle(PATIENCE).await.unwrap();
    let mut processes = vec![stage.world.wiz_url()];
    let in_order = matches!(sea, Sea::Calm);
    let mut weather = match sea {
        Sea::Calm => None,
        Sea::Storm(mut dice) => {
            processes.push(stage.world.start_second().await.unwrap());
            let twice: Vec<Sent> = day.iter().filter(|_| dice.once_in(TWICE_ONE_IN)).cloned().collect();
            day.extend(twice);
            dice.shuffle(&mut day);
            Some(Weather::new(dice, stage.world.hub().control()))
        }
    };
    door.open(&processes);
    let begun = Instant::now();
    door.bring(&day, in_order).await;
    let accepted_in = begun.elapsed();
    until_done(&stage, weather.as_mut()).await;
    let took = begun.elapsed();
    assert!(weather.is_none_or(|weather| weather.blown > 4), "not every kind of fault was met");
    if in_order {
        // An edit whose answer is lost is unknown to wiz, so only a calm day tells.
        assert_edits_are_spaced(&stage);
    }
    let figures = checked(&mut stage, &day, (took, accepted_in)).await;
    (outcome(&stage).await, figures)
}

/// What must be true on any sea: everything was taken, nothing has died, nobody found fault.
async fn checked(stage: &mut Stage, day: &[Sent], (took, accepted_in): (Duration, Duration)) -> Figures {
    let store = stage.world.store().await.unwrap();
    for sent in day {
        assert!(store.has_delivery(sent.guid()).await.unwrap(), "{:?}", sent.headers);
    }
    assert_eq!(store.dead_jobs().await.unwrap(), Vec::<String>::new());
    assert_eq!(stage.world.model().unwrap().faults(), Vec::<String>::new());
    assert_eq!(stage.world.hub().control().violations(), []);
    stage.world.until_no_box_is_left().await.unwrap();
    let by_kind = store.calls_to_github().await.unwrap();
    let calls = by_kind.iter().map(|(_, calls)| calls).sum();
    stage.world.stop().await.unwrap();
    Figures { took, accepted_in, calls, by_kind }
}

/// Waits until wiz has nothing to do and will have nothing to do soon.
async fn until_done(stage: &Stage, mut weather: Option<&mut Weather>) {
    let control = stage.world.hub().control();
    until_idle(stage, |left| weather.iter_mut().for_each(|weather| weather.blow(control, left))).await;
    control.clear_faults();
    control.settle(PATIENCE).await.unwrap();
    until_idle(stage, |_| ()).await;
}

/// Looks again and again how many jobs are left, and tells `meanwhile` each time.
async fn until_idle(stage: &Stage, mut meanwhile: impl FnMut(usize)) {
    let store = stage.world.store().await.unwrap();
    let mut left = Vec::new();
    let idle = async || {
        let soon = "select format('%s %s, attempt %s: %s', state, kind, attempt, last_error) from job
                    where state <> 'scheduled' or run_at <= now() + interval '2 minutes'";
        left = sqlx::query_scalar::<_, String>(soon).fetch_all(store.pool()).await?;
        meanwhile(left.len());
        Ok(left.is_empty().then_some(()))
    };
    let idle = until("the day is done", PATIENCE, idle).await;
    assert!(idle.is_ok(), "{idle:?}: {left:#?}\n{}", stage.world.log_tail());
}

/// What goes wrong at GitHub: one thing at a time, as soon as the last one was met.
struct Weather {
    dice: Dice,
    /// How many faults there were; each but the last was met.
    blown: usize,
}

impl Weather {
    /// Begins with an answer that never comes: its comment is there, and wiz must find it.
    fn new(dice: Dice, control: &Control) -> Self {
        let path = "/repos/*/issues/*/comments".to_owned();
        control.add_fault(Fault { method: Some("POST".to_owned()), path, kind: FaultKind::Unanswered, times: 1 });
        Self { dice, blown: 0 }
    }

    fn blow(&mut self, control: &Control, jobs_left: usize) {
        let waiting = control.faults().iter().filter(|fault| fault.kind != FaultKind::Unanswered).count();
        // Calm spells, and calm for the last ones, so that no job is hit again and again.
        if jobs_left < CROWD || waiting > 0 || self.blown == FAULTS || !self.dice.once_in(20) {
            return;
        }
        // Each kind comes at least once.
        let kind = if self.blown < 4 { [0, 1, 5, 7][self.blown] } else { self.dice.number(10) };
        self.blown += 1;
        let (method, kind) = match kind {
            0 => (None, FaultKind::SecondaryRateLimit { status: 403, retry_after_s: 1 }),
            1..5 => (None, FaultKind::Status { status: 502 }),
            5..7 => (Some("PATCH"), FaultKind::AfterWork { status: 502 }),
            _ => (Some("POST"), FaultKind::AfterWork { status: 502 }),
        };
        control.add_fault(Fault { method: method.map(str::to_owned), path: "/repos/".to_owned(), kind, times: 1 });
    }
}

/// What the model does in the runs of the day.
fn scenes() -> Vec<Scene> {
    let mut scenes: Vec<Scene> = MENDED.iter().flat_map(|title| repair(title)).collect();
    scenes.extend(PLANNED.iter().chain(&["Plan for fog"]).map(|title| planner(title, &FILES)));
    let turn = |tool: &str, input| Turn {
        expects: vec![],
        text: String::new(),
        calls: vec![Call { tool: tool.to_owned(), input }],
        delay_ms: 0,
        cut: false,
    };
    let when = When { system: vec![], task: vec!["role: coder".to_owned(), WISH.to_owned()] };
    let thread = json!([{ "thread": "T1", "verdict": "changed", "reply": "It is in the notes." }]);
    let report = json!({ "summary": "The notes say it.", "evidence": "I read them.", "threads": thread });
    let turns = vec![turn("bash", json!({ "command": "echo 'Be short.' >> NOTES.md" })), turn("submit", report)];
    scenes.extend([Scene { name: "the notes".to_owned(), when, turns }, reviewer(BUSY_PULL)]);
    scenes
}

/// The lines that only one of two days has.
fn differences(calm: &[String], storm: &[String]) -> (String, String) {
    let only = |these: &[String], those: &[String]| {
        let mut those = those.to_vec();
        let missing = these.iter().filter(|line| match those.iter().position(|other| other == *line) {
            Some(at) => {
                those.swap_remove(at);
                false
            }
            None => true,
        });
        missing.cloned().collect::<Vec<_>>().join("\n")
    };
    (only(calm, storm), only(storm, calm))
}
