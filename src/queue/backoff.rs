//! How long a failed job waits; pure.

use std::time::Duration;

/// The wait after the first failure.
const FIRST: Duration = Duration::from_secs(2);

/// The longest wait: an outage of hours is looked at this often.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// The wait after failed attempt number `attempt`: doubling, and moved by up to a quarter either way, so that jobs
/// that failed together do not come back together. `jitter` is in 0..=1.
pub(super) fn retry_delay(attempt: i16, jitter: f64) -> Duration {
    let doublings = u32::from(attempt.unsigned_abs().saturating_sub(1)).min(20);
    let delay = FIRST.saturating_mul(1 << doublings).min(LONGEST);
    delay.mul_f64(0.75 + jitter.clamp(0.0, 1.0) / 2.0)
}

/// The least time from a job's first attempt to its last, if each fails at once without saying when to come back.
pub fn shortest_span(attempts: i16) -> Duration {
    (1..attempts).map(|attempt| retry_delay(attempt, 0.0)).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let waits: Vec<u64> = (1..=12).map(|attempt| retry_delay(attempt, 0.5).as_secs()).collect();
        assert_eq!(waits, [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]);
    }

    #[test]
    fn a_span_is_the_sum_of_the_waits_between_attempts() {
        let spans: Vec<u64> = [0, 1, 2, 3, 12, 24].map(|attempts| shortest_span(attempts).as_secs()).into();
        assert_eq!(spans, [0, 0, 1, 4, 2_116, 10_216]);
    }

    proptest! {
        #[test]
        fn any_wait_is_within_a_quarter_of_its_step(attempt in any::<i16>(), jitter in any::<f64>()) {
            let wait = retry_delay(attempt, jitter);
            if !jitter.is_nan() {
                prop_assert!(wait >= FIRST.mul_f64(0.75) && wait <= LONGEST.mul_f64(1.25));
            }
        }
    }
}
