//! Accepting goes before doing: while work arrives in a burst, this process starts none of what waits already.
//!
//! Whoever hands work in has a deadline (GitHub gives a webhook ten seconds and does not come back by itself), and
//! what is stored has none. Both need the same database and the same cores.

use std::time::Duration;

use tokio::{
    sync::watch,
    time::{self, Instant},
};

/// So many deliveries at once are a burst; below it, accepting and working do not disturb each other.
const BURST: usize = 8;

/// A burst is over when so long nobody has been in it: longer than one commit, after which all whom it answers are gone
/// at once and the next are on their way.
const QUIET: Duration = Duration::from_millis(50);

/// Longest wait for a burst's end, so that under a load that never ends work goes on, slowly.
const PATIENCE: Duration = Duration::from_millis(500);

/// What is being accepted right now. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Arrivals(watch::Sender<Gauge>);

/// Something that is being accepted, until this is dropped.
#[derive(Debug)]
pub struct Arriving(watch::Sender<Gauge>);

#[derive(Debug, Default)]
struct Gauge {
    arriving: usize,
    /// When there was last a burst.
    burst: Option<Instant>,
}

impl Gauge {
    fn change(&mut self, arriving: usize) {
        if self.arriving.max(arriving) >= BURST {
            self.burst = Some(Instant::now());
        }
        self.arriving = arriving;
    }
}

impl Arrivals {
    pub(super) fn enter(&self) -> Arriving {
        self.0.send_modify(|gauge| gauge.change(gauge.arriving + 1));
        Arriving(self.0.clone())
    }

    /// Returns once no burst is under way, or after [`PATIENCE`].
    pub(super) async fn calm(&self) {
        let mut gauge = self.0.subscribe();
        let calm = async {
            let below = |gauge: &Gauge| gauge.arriving < BURST;
            while let Ok(burst) = gauge.wait_for(below).await.map(|gauge| gauge.burst) {
                match burst.map(|burst| burst + QUIET) {
                    Some(over) if over > Instant::now() => time::sleep_until(over).await,
                    _ => return,
                }
            }
        };
        // Both ways of not seeing the end mean the same: go on.
        let _calm = time::timeout(PATIENCE, calm).await.is_ok();
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        self.0.send_modify(|gauge| gauge.change(gauge.arriving - 1));
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
        let begun = Instant::now();
        arrivals.calm().await;
        assert_eq!(begun.elapsed(), PATIENCE);
        burst.clear();
        assert_eq!(arrivals.calm().now_or_never(), None, "the next ones may be on their way");
        let begun = Instant::now();
        arrivals.calm().await;
        assert_eq!(begun.elapsed(), QUIET);
        assert_eq!(arrivals.calm().now_or_never(), Some(()), "the burst is over");
    }
}
