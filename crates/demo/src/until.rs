//! Waiting for something that another process does: look, and look again until a deadline.
//!
//! The only place in this crate that waits by time. wiz, its database and the engine are other processes, seen through
//! their front doors, and those have no bell that would ring for all of them.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::time::{self, Instant};

/// Shortest and longest time between two looks.
const LOOK_AGAIN: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(100));
/// In between, the part of what was waited already: what is measured with it is exact to a hundredth, and long waits leave
/// the machine to those that are waited for.
const EXACT_TO: u32 = 100;

/// Looks until there is something, for at most `deadline`.
///
/// # Errors
/// When a look fails, or the deadline passes; `what` says what was missing.
pub async fn until<T>(what: &str, deadline: Duration, mut look: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await.with_context(|| format!("while waiting until {what}"))? {
            return Ok(found);
        }
        if begun.elapsed() > deadline {
            bail!("waited {deadline:?} in vain until {what}");
        }
        let (shortest, longest) = LOOK_AGAIN;
        time::sleep((begun.elapsed() / EXACT_TO).clamp(shortest, longest)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_comes_is_given_and_what_does_not_come_is_named() {
        let mut looks = 0;
        let found = until("it is there", Duration::from_secs(1), async || {
            looks += 1;
            Ok((looks == 3).then_some(looks))
        });
        assert_eq!(found.await.unwrap(), 3);
        let missing = until("it is there", Duration::from_secs(1), async || Ok(None::<()>)).await.unwrap_err();
        assert_eq!(missing.to_string(), "waited 1s in vain until it is there");
    }
}
