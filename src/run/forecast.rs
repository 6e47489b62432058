//! When a run will probably have something to show, from how long past runs of its repository took. Pure.

use std::time::Duration;

use super::{
    state::State,
    store::history::{Place, StageMedian},
};
use crate::report::Forecast;

/// How many stays make a median worth telling.
const LEAST_STAYS: u32 = 3;

/// The stages of wiz's own work that are left until a person hears of the run again; none where wiz is not at work.
fn left(state: State) -> &'static [State] {
    use State::{Planning, Publishing, Queued, Reviewing, Verifying, Working};
    match state {
        Queued => &[Queued, Planning],
        Planning => &[Planning],
        Working => &[Working, Verifying, Reviewing, Publishing],
        Verifying => &[Verifying, Reviewing, Publishing],
        Reviewing => &[Reviewing, Publishing],
        Publishing => &[Publishing],
        State::NeedsApproval
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

/// How long a run with this place will probably wait: each run at work makes room once in the time that planning takes.
pub(super) fn wait(place: Place, past: &[StageMedian]) -> Option<Duration> {
    let planning = known(past, State::Planning)?;
    Some(planning.median * (place.ahead + 1) / place.at_work.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(seconds(Queued, &all), Ok(Some((41, 9))));
        assert_eq!(seconds(Planning, &all), Ok(Some((40, 9))));
        assert_eq!(seconds(Working, &all), Ok(Some((175, 4))));
        assert_eq!(seconds(Publishing, &all), Ok(Some((5, 4))));
        assert_eq!(seconds(NeedsApproval, &all), Ok(None), "a person's time is not foretold");
        assert_eq!(seconds(Working, &past(&[(Working, 6, 120), (Verifying, 2, 30)])), Err(3));
        assert_eq!(seconds(Planning, &[]), Err(3));
    }

    #[test]
    fn a_place_in_the_queue_becomes_a_time() {
        let planning = past(&[(State::Planning, 3, 40)]);
        let place = |ahead, at_work| Place { ahead, at_work };
        assert_eq!(wait(place(0, 1), &planning), Some(Duration::from_secs(40)));
        assert_eq!(wait(place(3, 4), &planning), Some(Duration::from_secs(40)));
        assert_eq!(wait(place(1, 0), &planning), Some(Duration::from_secs(80)));
        assert_eq!(wait(place(1, 1), &past(&[(State::Planning, 2, 40)])), None);
    }
}
