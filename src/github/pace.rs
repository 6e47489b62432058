//! How fast one installation may be asked: writes one after the other and not too many, pauses as GitHub orders them,
//! and how much of the hour's budget is left.
//!
//! GitHub allows about 80 writes that make content in a minute and 500 in an hour.
//! <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits>
//! Both are kept by letting a burst through and refilling it slowly: the burst and the refill of one span together stay
//! below the limit in whatever span one looks. One run writes about a dozen times, so it is never held up; a storm is.
//! Each process counts its own writes; what several processes write together is judged by GitHub, and its pauses are kept.

use std::{
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use governor::{
    DefaultDirectRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
};
use http::HeaderMap;
use tokio::sync::{Mutex as AsyncMutex, MutexGuard};

use super::error::{GitHubError, LONGEST_WAIT};

/// Writes at once before they are spaced: with one more each second, at most 79 in any minute.
const MINUTE_BURST: NonZeroU32 = NonZeroU32::MIN.saturating_add(18);

/// Writes a second once the burst is used up, as GitHub asks of whoever makes many.
/// <https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#pause-between-mutative-requests>
const PER_SECOND: NonZeroU32 = NonZeroU32::MIN;

/// Writes at full speed before the hour's limit is thought of: with one more each 14 seconds, at most 499 in any hour.
/// People work in bursts, so half of the limit is for these: a dozen runs at once are not held up.
const HOUR_BURST: NonZeroU32 = NonZeroU32::MIN.saturating_add(248);

/// Writes in an hour once that is used up.
const PER_HOUR: NonZeroU32 = NonZeroU32::MIN.saturating_add(249);

/// Longest pause that is waited for in place, with a worker's slot held; longer ones send the job back to the queue.
const PATIENCE: TimeDelta = TimeDelta::seconds(5);

/// Below this share of the hour's calls, in percent, they are kept for what people wait for.
const LOW_PERCENT: u64 = 10;

/// The pace of one installation.
#[derive(Debug)]
pub(super) struct Pace {
    minute: DefaultDirectRateLimiter,
    hour: DefaultDirectRateLimiter,
    /// GitHub asks for writes to be made one after the other.
    /// <https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#avoid-concurrent-requests>
    turn: AsyncMutex<()>,
    /// Asking again before a pause ends makes GitHub extend it, so nothing is sent.
    pause: Mutex<Pause>,
    standing: Mutex<Option<Standing>>,
}

#[derive(Debug, Default)]
struct Pause {
    limit: Option<GitHubError>,
    /// Limits met in a row although each one's end was waited for.
    in_a_row: u32,
}

/// What GitHub says is left of the primary limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Standing {
    limit: u64,
    remaining: u64,
    reset: DateTime<Utc>,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            minute: RateLimiter::direct(Quota::per_second(PER_SECOND).allow_burst(MINUTE_BURST)),
            hour: RateLimiter::direct(Quota::per_hour(PER_HOUR).allow_burst(HOUR_BURST)),
            turn: AsyncMutex::default(),
            pause: Mutex::default(),
            standing: Mutex::default(),
        }
    }
}

impl Pace {
    /// Waits for one's turn to write, which is over when the guard is dropped. Whoever works on in a row of writes gets
    /// on with each turn, so no row is begun again and again.
    pub async fn turn_to_write(&self) -> MutexGuard<'_, ()> {
        let turn = self.turn.lock().await;
        for limiter in [&self.minute, &self.hour] {
            while let Err(early) = limiter.check() {
                tokio::time::sleep(early.wait_time_from(DefaultClock::default().now())).await;
            }
        }
        turn
    }

    /// Waits out a short pause; a longer one is the error that began it.
    pub async fn pass(&self) -> Result<(), GitHubError> {
        loop {
            let limit = self.pause.lock().unwrap_or_else(PoisonError::into_inner).limit.clone();
            let Some(limit) = limit else { return Ok(()) };
            let GitHubError::RateLimited { until, .. } = &limit else { return Ok(()) };
            match *until - Utc::now() {
                left if left <= TimeDelta::zero() => return Ok(()),
                left if left > PATIENCE => return Err(limit),
                left => tokio::time::sleep(left.to_std().unwrap_or(Duration::ZERO)).await,
            }
        }
    }

    /// Remembers a limit GitHub named. One that is met as soon as the last was over lasts longer each time.
    /// <https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#handle-rate-limit-errors-appropriately>
    pub fn limited(&self, error: GitHubError) -> GitHubError {
        let GitHubError::RateLimited { until, detail } = error else { return error };
        let now = Utc::now();
        let mut pause = self.pause.lock().unwrap_or_else(PoisonError::into_inner);
        match &pause.limit {
            // Another call under way met the same limit.
            Some(GitHubError::RateLimited { until: before, .. }) if *before > now => {}
            Some(_) => pause.in_a_row += 1,
            None => pause.in_a_row = 0,
        }
        let until = now + longer(until - now, pause.in_a_row);
        let error = GitHubError::RateLimited { until, detail };
        pause.limit = Some(error.clone());
        error
    }

    /// Reads what a success says of the primary limit, and ends a row of pauses.
    pub fn succeeded(&self, headers: &HeaderMap) {
        let number = |name| headers.get(name).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        // GraphQL and search have budgets of their own.
        let core = headers.get("x-ratelimit-resource").is_none_or(|resource| resource == "core");
        let (limit, remaining) = (number("x-ratelimit-limit"), number("x-ratelimit-remaining"));
        let reset = number("x-ratelimit-reset").and_then(|reset| DateTime::from_timestamp(reset.try_into().ok()?, 0));
        if let (true, Some(limit), Some(remaining), Some(reset)) = (core, limit, remaining, reset) {
            let standing = Standing { limit, remaining, reset };
            *self.standing.lock().unwrap_or_else(PoisonError::into_inner) = Some(standing);
        }
        let mut pause = self.pause.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(&pause.limit, Some(GitHubError::RateLimited { until, .. }) if *until <= Utc::now()) {
            *pause = Pause::default();
        }
    }

    /// When the hour's calls are filled up again, if only few are left.
    pub fn low_until(&self) -> Option<DateTime<Utc>> {
        let standing = (*self.standing.lock().unwrap_or_else(PoisonError::into_inner))?;
        standing.is_low(Utc::now()).then_some(standing.reset)
    }
}

impl Standing {
    fn is_low(self, now: DateTime<Utc>) -> bool {
        self.reset > now && self.remaining.saturating_mul(100) < self.limit.saturating_mul(LOW_PERCENT)
    }
}

fn longer(wait: TimeDelta, in_a_row: u32) -> TimeDelta {
    let factor = 1_i32 << in_a_row.min(6);
    wait.checked_mul(factor).unwrap_or(LONGEST_WAIT).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::github::Detail;

    fn limit(seconds: i64) -> GitHubError {
        GitHubError::RateLimited { until: Utc::now() + TimeDelta::seconds(seconds), detail: Detail::default() }
    }

    fn wait_of(error: &GitHubError) -> i64 {
        let GitHubError::RateLimited { until, .. } = error else { panic!("{error:?}") };
        (*until - Utc::now() + TimeDelta::milliseconds(500)).num_seconds()
    }

    #[test]
    fn the_spans_stay_below_what_github_allows() {
        assert!(MINUTE_BURST.get() + 60 * PER_SECOND.get() <= 80);
        assert!(HOUR_BURST.get() + PER_HOUR.get() <= 500);
    }

    #[tokio::test]
    async fn a_burst_of_writes_passes_and_the_next_one_waits_a_second() {
        let pace = Pace::default();
        let begun = Instant::now();
        for _ in 0..MINUTE_BURST.get() {
            drop(pace.turn_to_write().await);
        }
        assert!(begun.elapsed() < Duration::from_millis(500), "{:?}", begun.elapsed());
        drop(pace.turn_to_write().await);
        assert!(begun.elapsed() >= Duration::from_millis(900), "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn a_short_pause_is_waited_for_and_a_long_one_is_not() {
        let pace = Pace::default();
        pace.limited(GitHubError::RateLimited {
            until: Utc::now() + TimeDelta::milliseconds(80),
            detail: Detail::default(),
        });
        let begun = Instant::now();
        pace.pass().await.unwrap();
        assert!(begun.elapsed() >= Duration::from_millis(70), "{:?}", begun.elapsed());

        // Met again at once: the pause doubles. Met twice at the same time: it does not.
        let again = pace.limited(limit(60));
        assert_eq!(wait_of(&again), 120);
        assert_eq!(pace.pass().await, Err(again));
        assert_eq!(wait_of(&pace.limited(limit(60))), 120);
        assert_eq!(longer(TimeDelta::seconds(600), 9), LONGEST_WAIT);
    }

    #[test]
    fn few_calls_left_are_told_until_the_hour_is_over() {
        let now = Utc::now();
        let standing =
            |remaining, minutes| Standing { limit: 5_000, remaining, reset: now + TimeDelta::minutes(minutes) };
        let table = [(499, 30, true), (500, 30, false), (0, 30, true), (0, -1, false), (5_000, 30, false)];
        for (remaining, minutes, low) in table {
            assert_eq!(standing(remaining, minutes).is_low(now), low, "{remaining} {minutes}");
        }
        let pace = Pace::default();
        assert_eq!(pace.low_until(), None);
        let reset = (now + TimeDelta::minutes(10)).timestamp();
        let header = |name: &str, value: String| {
            (http::HeaderName::try_from(name).unwrap(), http::HeaderValue::try_from(value).unwrap())
        };
        let headers = HeaderMap::from_iter([
            header("x-ratelimit-limit", "5000".into()),
            header("x-ratelimit-remaining", "12".into()),
            header("x-ratelimit-reset", reset.to_string()),
        ]);
        pace.succeeded(&headers);
        assert_eq!(pace.low_until().map(|until| until.timestamp()), Some(reset));
    }
}
