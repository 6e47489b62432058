//! Accepting goes before doing: while work arrives in a burst, this process starts none of what waits already.
//!
//! Whoever hands work in has a deadline (GitHub gives a webhook ten seconds and does not come back by itself), and
//! what is stored has none. Both need the same database and the same cores.

use std::time::Duration;

use tokio::{sync::watch, time};

/// So many deliveries at once are a burst; below it, accepting and working do not disturb each other.
const BURST: usize = 8;

/// Longest wait for a burst's end, so that under a load that never ends work goes on, slowly.
const PATIENCE: Duration = Duration::from_millis(500);

/// What is being accepted right now. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Arrivals(watch::Sender<usize>);

/// Something that is being accepted, until this is dropped.
#[derive(Debug)]
pub struct Arriving(watch::Sender<usize>);

impl Arrivals {
    pub(super) fn enter(&self) -> Arriving {
        self.0.send_modify(|arriving| *arriving += 1);
        Arriving(self.0.clone())
    }

    /// Returns once no burst is under way, or after [`PATIENCE`].
    pub(super) async fn calm(&self) {
        let mut arriving = self.0.subscribe();
        // Both ways of not seeing the end mean the same: go on.
        let _calm = time::timeout(PATIENCE, arriving.wait_for(|arriving| *arriving < BURST)).await.is_ok();
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        self.0.send_modify(|arriving| *arriving -= 1);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_waited_for_and_not_for_ever() {
        let arrivals = Arrivals::default();
        let mut burst: Vec<_> = (1..BURST).map(|_| arrivals.enter()).collect();
        assert_eq!(arrivals.calm().now_or_never(), Some(()), "a few are no burst");
        burst.push(arrivals.enter());
        assert_eq!(arrivals.calm().now_or_never(), None);
        let begun = time::Instant::now();
        arrivals.calm().await;
        assert_eq!(begun.elapsed(), PATIENCE);
        burst.pop();
        assert_eq!(arrivals.calm().now_or_never(), Some(()), "the burst is over");
    }
}
