//! How long to wait before a call is tried again.

use std::time::Duration;

use super::ModelError;

/// Most tries of one call, the first included.
pub(super) const MAX_TRIES: u32 = 5;

/// The waits between tries; tests use shorter ones.
#[derive(Debug, Clone, Copy)]
pub struct Pauses {
    /// Upper bound of the first random wait; each next bound is twice as long.
    pub first: Duration,
    /// Upper bound of every random wait.
    pub longest: Duration,
    /// Longest wait a provider may ask for here; for a longer one the error goes to the queue, which holds no worker.
    pub longest_asked: Duration,
}

impl Default for Pauses {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(500),
            longest: Duration::from_secs(30),
            longest_asked: Duration::from_secs(60),
        }
    }
}

impl Pauses {
    /// The wait after the failed try number `tries`, or `None` when there is no point in another one. `share` is a random
    /// number in 0–1 (full jitter); what the provider asks for is a floor under it.
    pub(super) fn after(&self, error: &ModelError, tries: u32, share: f64) -> Option<Duration> {
        if !error.is_transient() || tries >= MAX_TRIES {
            return None;
        }
        let bound = self.first.saturating_mul(1 << tries.saturating_sub(1).min(16)).min(self.longest);
        let jitter = bound.mul_f64(share.clamp(0.0, 1.0));
        match error {
            ModelError::RateLimited { retry_after: Some(asked) } if *asked > self.longest_asked => None,
            ModelError::RateLimited { retry_after: Some(asked) } => Some(*asked + jitter),
            ModelError::RateLimited { retry_after: None }
            | ModelError::Overloaded { .. }
            | ModelError::ContextTooLong { .. }
            | ModelError::Auth { .. }
            | ModelError::Budget { .. }
            | ModelError::BadRequest { .. }
            | ModelError::Network { .. }
            | ModelError::Protocol { .. }
            | ModelError::Ledger(_) => Some(jitter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_pass_is_waited_for() {
        let pauses = Pauses::default();
        let limited = |seconds| ModelError::RateLimited { retry_after: Some(Duration::from_secs(seconds)) };
        let overloaded = || ModelError::Overloaded { message: String::new() };
        let ms = Duration::from_millis;
        for (error, tries, expected) in [
            (overloaded(), 1, Some(ms(500))),
            (overloaded(), 2, Some(ms(1_000))),
            (overloaded(), 4, Some(ms(4_000))),
            (overloaded(), 5, None),
            (limited(7), 1, Some(ms(7_500))),
            (limited(61), 1, None),
            (ModelError::Network { message: String::new(), sent: true }, 1, Some(ms(500))),
            (ModelError::Auth { status: 401 }, 1, None),
            (ModelError::BadRequest { message: String::new() }, 1, None),
            (ModelError::protocol("x"), 1, None),
        ] {
            assert_eq!(pauses.after(&error, tries, 1.0), expected, "{error:?} after {tries}");
        }
        assert_eq!(pauses.after(&overloaded(), 3, 0.0), Some(Duration::ZERO));
    }
}
