//! Leaves a model alone that keeps failing: after five failures in a minute no call is made for half a minute, then one
//! call may try.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use tokio::time::{Duration, Instant};

use super::ModelName;

/// Failures that open the circuit …
const FAILURES: usize = 5;
/// … when they fall into this time.
const FAILURE_WINDOW: Duration = Duration::from_secs(60);
/// How long the circuit stays open before one call may try.
const OPEN_FOR: Duration = Duration::from_secs(30);

/// One circuit per model; a provider's models fail apart from each other.
#[derive(Debug, Default)]
pub(super) struct Breakers(Mutex<HashMap<ModelName, Circuit>>);

impl Breakers {
    /// Whether a call may be made now. A permitted trial of an open circuit must be followed by [`Self::record`].
    pub(super) fn permits(&self, model: &ModelName, now: Instant) -> bool {
        let mut circuits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        circuits.get_mut(model).is_none_or(|circuit| circuit.permits(now))
    }

    /// Whether calls are refused now; unlike [`Self::permits`] it takes no trial.
    pub(super) fn is_open(&self, model: &ModelName, now: Instant) -> bool {
        let circuits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        circuits.get(model).and_then(|circuit| circuit.open_until).is_some_and(|until| now < until)
    }

    /// Takes note of how a call ended.
    pub(super) fn record(&self, model: &ModelName, healthy: bool, now: Instant) {
        let mut circuits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if healthy {
            circuits.remove(model);
        } else {
            circuits.entry(model.clone()).or_default().fail(now);
        }
    }
}

#[derive(Debug, Default)]
struct Circuit {
    failures: VecDeque<Instant>,
    open_until: Option<Instant>,
}

impl Circuit {
    fn permits(&mut self, now: Instant) -> bool {
        match self.open_until {
            Some(until) if now < until => false,
            Some(_) => {
                // Half open: this caller tries; the others wait for what it finds, or for another period if it is lost.
                self.open_until = Some(now + OPEN_FOR);
                true
            }
            None => true,
        }
    }

    fn fail(&mut self, now: Instant) {
        self.failures.push_back(now);
        while self.failures.front().is_some_and(|first| now.duration_since(*first) > FAILURE_WINDOW) {
            self.failures.pop_front();
        }
        if self.failures.len() >= FAILURES || self.open_until.is_some() {
            self.open_until = Some(now + OPEN_FOR);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_failures_in_a_minute_open_the_circuit_for_half_a_minute() {
        let (breakers, model, start) = (Breakers::default(), "openai/gpt-5".parse().unwrap(), Instant::now());
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        for second in [0, 1, 2, 3] {
            breakers.record(&model, false, at(second));
            assert!(breakers.permits(&model, at(second)));
        }
        breakers.record(&model, false, at(4));
        assert!(!breakers.permits(&model, at(4)) && !breakers.permits(&model, at(33)));
        assert!(breakers.permits(&"openai/gpt-5-mini".parse().unwrap(), at(5)), "other models are not touched");

        assert!(breakers.permits(&model, at(34)), "one call tries");
        assert!(!breakers.permits(&model, at(34)), "but only one");
        breakers.record(&model, false, at(35));
        assert!(!breakers.permits(&model, at(64)));
        assert!(breakers.permits(&model, at(65)));
        breakers.record(&model, true, at(66));
        assert!(breakers.permits(&model, at(66)), "a success closes it");
    }

    #[test]
    fn failures_far_apart_do_not_add_up() {
        let (breakers, model, start) = (Breakers::default(), "openai/gpt-5".parse().unwrap(), Instant::now());
        for minute in 0..20 {
            let now = start + Duration::from_secs(minute * 20);
            breakers.record(&model, false, now);
            assert!(breakers.permits(&model, now));
        }
    }
}
