//! Moments outside the database: writes whose answer never comes, and signs of life.

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
