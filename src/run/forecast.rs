//! When a run will probably have something to show, from how long past runs of its repository took. Pure.

use std::time::Duration;

use super::{
    state::State,
    store::{history::StageMedian, line::Line},
};
use crate::report::Forecast;

/// How many stays make a median worth telling.
const LEAST_STAYS: u32 = 3;

/// The stages of wiz's own work that are left until a person hears of the run again; none where wiz is not at work.
fn left(state: State) -> &'static [State] {
    use State::{Planning, Publishing, Reviewing, Verifying, Working};
    match state {
        Planning => &[Planning],
        Working => &[Working, Verifying, Reviewing, Publishing],
        Verifying => &[Verifying, Reviewing, Publishing],
        Reviewing => &[Reviewing, Publishing],
        Publishing => &[Publishing],
        // How long the line is now says more than how long it was.
        State::Queued
        | State::NeedsApproval
        | State::NeedsAnswer
        | State::NeedsScope
        | State::Paused
        | State::Watching
        | State::Succeeded
        | State::Failed
        | State::Cancelled => &[],
    }
}

fn known(past: &[StageMedian], state: State) -> Option<&StageMedian> {
    past.iter().find(|median| median.state == state && median.stays >= LEAST_STAYS)
}

/// What past runs tell of the time that is left, counted from the stage's beginning; none where wiz is not at work.
pub(super) fn forecast(state: State, past: &[StageMedian]) -> Option<Forecast> {
    let stages = left(state);
    let runs = stages.iter().map(|stage| known(past, *stage).map_or(0, |median| median.stays)).min()?;
    if runs == 0 {
        return Some(Forecast::Unknown { needed: LEAST_STAYS });
    }
    let left = stages.iter().filter_map(|stage| known(past, *stage)).map(|median| median.median).sum();
    Some(Forecast::Known { left, runs })
}

/// Whether a worker is about to take the run on, whatever the database says in this moment.
pub(super) fn starts_at_once(line: &Line) -> bool {
    line.slots > line.at_work.len() + line.ahead.len()
}

/// How long a run will probably stand in this line: each stage takes what it took in the repository's past, and each
/// worker that comes free takes the next one. None before there is a past.
pub(super) fn wait(line: &Line, past: &[StageMedian]) -> Option<Duration> {
    let planning = known(past, State::Planning)?.median;
    let takes = |state| known(past, state).map_or(planning, |known| known.median);
    let mut free: Vec<Duration> =
        line.at_work.iter().map(|(state, worked)| takes(*state).saturating_sub(*worked)).collect();
    free.resize(free.len().max(line.slots).max(1), Duration::ZERO);
    for (_, state) in &line.ahead {
        *free.iter_mut().min()? += takes(*state);
    }
    free.into_iter().min()
}

/// When a run that waits will have a plan to show.
pub(super) fn plan_after(wait: Option<Duration>, past: &[StageMedian]) -> Forecast {
    match (wait, known(past, State::Planning)) {
        (Some(wait), Some(planning)) => Forecast::Known { left: wait + planning.median, runs: planning.stays },
        (None, _) | (_, None) => Forecast::Unknown { needed: LEAST_STAYS },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::RunId;

    fn past(stages: &[(State, u32, u64)]) -> Vec<StageMedian> {
        let medians = stages.iter().map(|(state, stays, seconds)| StageMedian {
            state: *state,
            stays: *stays,
            median: Duration::from_secs(*seconds),
        });
        medians.collect()
    }

    #[test]
    fn what_is_left_is_summed_up_and_never_made_up() {
        use State::{NeedsApproval, Planning, Publishing, Queued, Reviewing, Verifying, Working};
        let all = past(&[
            (Queued, 9, 1),
            (Planning, 9, 40),
            (NeedsApproval, 9, 5_000),
            (Working, 6, 120),
            (Verifying, 5, 30),
            (Reviewing, 4, 20),
            (Publishing, 4, 5),
        ]);
        let seconds = |state, past: &[StageMedian]| match forecast(state, past) {
            Some(Forecast::Known { left, runs }) => Ok(Some((left.as_secs(), runs))),
            Some(Forecast::Unknown { needed }) => Err(needed),
            None => Ok(None),
        };
        assert_eq!(seconds(Queued, &all), Ok(None), "the line tells");
        assert_eq!(seconds(Planning, &all), Ok(Some((40, 9))));
        assert_eq!(seconds(Working, &all), Ok(Some((175, 4))));
        assert_eq!(seconds(Publishing, &all), Ok(Some((5, 4))));
        assert_eq!(seconds(NeedsApproval, &all), Ok(None), "a person's time is not foretold");
        assert_eq!(seconds(Working, &past(&[(Working, 6, 120), (Verifying, 2, 30)])), Err(3));
        assert_eq!(seconds(Planning, &[]), Err(3));
    }

    #[test]
    fn a_line_becomes_a_time() {
        use State::{Planning, Verifying, Working};
        let all = past(&[(Planning, 3, 40), (Working, 3, 120)]);
        let line = |slots, at_work: &[(State, u64)], ahead: &[State]| Line {
            ahead: ahead.iter().map(|state| (RunId(1), *state)).collect(),
            at_work: at_work.iter().map(|(state, worked)| (*state, Duration::from_secs(*worked))).collect(),
            slots,
        };
        let seconds = |line: &Line| wait(line, &all).map(|wait| wait.as_secs());
        assert_eq!(seconds(&line(1, &[(Planning, 10)], &[])), Some(30));
        assert_eq!(seconds(&line(1, &[(Planning, 90)], &[])), Some(0), "it takes longer than usual");
        assert_eq!(seconds(&line(1, &[(Planning, 10)], &[Planning, Working])), Some(190));
        assert_eq!(seconds(&line(2, &[(Planning, 0), (Working, 20)], &[])), Some(40));
        assert_eq!(seconds(&line(2, &[(Planning, 0), (Working, 20)], &[Planning, Planning])), Some(100));
        assert_eq!(
            seconds(&line(2, &[(Verifying, 0), (Working, 20)], &[])),
            Some(40),
            "as long as planning, for all we know"
        );
        assert_eq!(
            seconds(&line(0, &[(Working, 0)], &[])),
            Some(120),
            "a worker that does not tell how much it takes on"
        );
        assert_eq!(wait(&line(1, &[], &[]), &past(&[(Planning, 2, 40)])), None);
        let starts = |slots, at_work, ahead| starts_at_once(&line(slots, at_work, ahead));
        assert!(starts(2, &[(Working, 0)], &[]) && starts(3, &[(Working, 0)], &[Planning]));
        assert!(!starts(2, &[(Working, 0)], &[Planning]) && !starts(0, &[], &[]));
        let told = |wait| plan_after(wait, &all);
        assert_eq!(told(Some(Duration::from_secs(30))), Forecast::Known { left: Duration::from_secs(70), runs: 3 });
        assert_eq!(told(None), Forecast::Unknown { needed: 3 });
    }
}
