//! Moments outside the database: writes on GitHub, and chance.

use std::time::Duration;

use wiz_demo::{Repo, SpokenBy, World, until};

/// Longest wait for one write; all stages may lie before it.
const DEADLINE: Duration = Duration::from_secs(600);

/// A write that is visible on GitHub.
#[derive(Debug, Clone, Copy)]
pub enum Write {
    Eyes,
    StatusComment,
    Branch,
    PullRequest,
    CheckRun,
}

/// Waits until wiz has written it.
pub async fn until_written(repo: &Repo, write: Write) {
    let seen = || -> anyhow::Result<bool> {
        Ok(match write {
            Write::Eyes => repo
                .all_comments()?
                .iter()
                .filter(|comment| comment.by != SpokenBy::Wiz)
                .try_fold(false, |seen, comment| anyhow::Ok(seen || repo.has_eyes(comment.id)?))?,
            Write::StatusComment => !repo.wiz_comments()?.is_empty(),
            Write::Branch => !repo.git(&["for-each-ref", "refs/heads/wiz/"])?.is_empty(),
            Write::PullRequest => !repo.pulls()?.is_empty(),
            Write::CheckRun => !repo.checks()?.is_empty(),
        })
    };
    until(&format!("{write:?} is written"), DEADLINE, async || Ok(seen()?.then_some(()))).await.unwrap();
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
