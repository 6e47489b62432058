//! Moments outside the database: writes whose answer never comes, and chance.

use std::time::Duration;

use github_stand_in::faults::{Fault, FaultKind};
use wiz_demo::{World, until};

/// Longest wait for one write; all stages may lie before it.
const DEADLINE: Duration = Duration::from_secs(600);

/// The next write of this kind is done and not answered.
pub fn withhold(world: &World, (method, path): (&str, &str)) {
    let (method, path) = (Some(method.to_owned()), path.to_owned());
    world.hub().control().add_fault(Fault { method, path, kind: FaultKind::Unanswered, times: 1 });
}

/// Waits until no more than `left` kinds of withheld answers are still to be met.
pub async fn until_unanswered(world: &World, left: usize) {
    let faults = || world.hub().control().faults();
    let what = format!("wiz has made all but {left} kinds of writes");
    until(&what, DEADLINE, async || Ok((faults().len() <= left).then_some(()))).await.unwrap();
}

/// Waits until wiz has given so many signs of life: webhooks that it took or caused, and calls of the model.
pub async fn until_signs(world: &World, wanted: u64) {
    let seen = || world.hub().control().deliveries().len() + world.model().unwrap().requests().len();
    let seen = || u64::try_from(seen()).unwrap();
    until("wiz has come that far", DEADLINE, async || Ok((seen() >= wanted).then_some(()))).await.unwrap();
}

/// A seeded source of chance (SplitMix64), so that a failure can be played again.
#[derive(Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `end`.
    pub fn number(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        mixed % end
    }
}
