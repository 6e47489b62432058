//! Deliveries that GitHub could not bring here, asked for again.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgPool;

use crate::{
    github::{Attempt, GitHub},
    ids::DeliveryId,
    intake,
};

/// How far back the log is read. GitHub keeps three days; a command older than one is better given again.
pub(super) const HORIZON: TimeDelta = TimeDelta::hours(24);

/// How far back it is read where all before was looked at a moment ago.
pub(super) const RECENT: TimeDelta = TimeDelta::minutes(15);

/// A delivery tried so often is one that wiz refuses, as with a wrong webhook secret. With the rests between them these are
/// the tries of four hours, so a way that is closed for as long as that costs no delivery.
const MOST_ATTEMPTS: usize = 30;

/// Tries that follow each other at once.
const QUICK_ATTEMPTS: u32 = 2;

/// The rest before the next try after those; each further one is twice as long.
const FIRST_REST: TimeDelta = TimeDelta::seconds(15);

/// No rest is longer: shorter than the time between two looks at the whole log, which alone shows the tries of what has failed
/// for longer than [`RECENT`].
const LONGEST_REST: TimeDelta = TimeDelta::minutes(9);

/// Most pages of 100 attempts read at once; a repository whose checks all run at once makes a thousand in an hour.
const PAGES: usize = 100;

/// Asks for missed deliveries, each of which is due, once: for all of them at the start and while deliveries arrive, or else
/// for the first one, to see whether they do again. Answers how many it asked for.
pub(super) async fn fetch_missed(pool: &PgPool, github: &GitHub, back: TimeDelta, at_start: bool) -> Result<usize> {
    let (mut missed, arrive) = missed_since(pool, github, back).await?;
    if !arrive && !at_start {
        missed.truncate(1);
    }
    let mut asked = 0;
    for attempt in missed {
        match github.redeliver(attempt).await {
            Ok(()) => asked += 1,
            Err(error) if error.is_retryable() => {
                return Err(error).with_context(|| format!("cannot ask for attempt {attempt} again"));
            }
            // GitHub has forgotten this one; the others still come.
            Err(error) => tracing::warn!(attempt, %error, "GitHub does not deliver this again"),
        }
    }
    Ok(asked)
}

/// The missed deliveries that are due, and whether the newest attempt of all arrived.
async fn missed_since(pool: &PgPool, github: &GitHub, back: TimeDelta) -> Result<(Vec<i64>, bool)> {
    let now = Utc::now();
    let attempts = attempts_since(github, now - back).await?;
    let deliveries: Vec<DeliveryId> = attempts.iter().map(|attempt| attempt.delivery).collect();
    let known = intake::known(&mut *pool.acquire().await?, &deliveries).await?;
    let newest = attempts.iter().max_by_key(|attempt| attempt.delivered_at);
    Ok((missed(&attempts, &known, now), newest.is_none_or(Attempt::succeeded)))
}

async fn attempts_since(github: &GitHub, since: DateTime<Utc>) -> Result<Vec<Attempt>> {
    let (mut all, mut cursor) = (Vec::new(), None);
    for _ in 0..PAGES {
        let page = github.delivery_attempts(cursor).await.context("cannot read GitHub's log of deliveries")?;
        let reached = page.attempts.last().is_none_or(|oldest| oldest.delivered_at < since);
        all.extend(page.attempts.into_iter().filter(|attempt| attempt.delivered_at >= since));
        cursor = page.next;
        if reached || cursor.is_none() {
            return Ok(all);
        }
    }
    tracing::warn!(attempts = all.len(), "GitHub's log of deliveries is longer than is read; the oldest are left out");
    Ok(all)
}

/// The newest attempt of each delivery that never arrived: no attempt succeeded, the database does not know it, it was not
/// tried [`MOST_ATTEMPTS`] times, and has rested since the last one. The oldest come first, as people wrote them.
pub fn missed(attempts: &[Attempt], known: &BTreeSet<DeliveryId>, now: DateTime<Utc>) -> Vec<i64> {
    let mut tries: BTreeMap<DeliveryId, Vec<&Attempt>> = BTreeMap::new();
    for attempt in attempts {
        tries.entry(attempt.delivery).or_default().push(attempt);
    }
    let mut missed: Vec<&Attempt> = tries
        .into_iter()
        .filter(|(delivery, tries)| {
            tries.len() < MOST_ATTEMPTS && !known.contains(delivery) && !tries.iter().any(|attempt| attempt.succeeded())
        })
        .filter_map(|(_, tries)| {
            // Where even the oldest is a repetition, nobody sees here how often it was tried.
            let oldest = tries.iter().min_by_key(|attempt| attempt.delivered_at)?;
            if oldest.redelivery {
                return None;
            }
            let rest = rest_after(tries.len());
            let newest = tries.into_iter().max_by_key(|attempt| attempt.delivered_at)?;
            (newest.delivered_at + rest <= now).then_some(newest)
        })
        .collect();
    missed.sort_by_key(|attempt| (attempt.delivered_at, attempt.id));
    missed.into_iter().map(|attempt| attempt.id).collect()
}

/// How long a delivery rests after so many attempts: a way that is closed is not open sooner for being tried.
fn rest_after(attempts: usize) -> TimeDelta {
    let further = u32::try_from(attempts).unwrap_or(u32::MAX).saturating_sub(QUICK_ATTEMPTS);
    match further {
        0 => TimeDelta::zero(),
        _ => 2_i32
            .checked_pow(further - 1)
            .and_then(|times| FIRST_REST.checked_mul(times))
            .unwrap_or(LONGEST_REST)
            .min(LONGEST_REST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_never_arrived_is_asked_for_again_and_the_oldest_first() {
        let now = Utc::now();
        let attempt = |id: i64, delivery: u128, age_s: i64, status_code: u16| Attempt {
            id,
            delivery: DeliveryId(uuid::Uuid::from_u128(delivery)),
            delivered_at: now - TimeDelta::seconds(age_s),
            status_code,
            event: "issue_comment".into(),
            redelivery: false,
        };
        let attempts = [
            attempt(1, 1, 100, 502),
            attempt(2, 2, 200, 0),
            attempt(3, 2, 150, 503),
            attempt(4, 3, 300, 500),
            attempt(5, 3, 90, 202),
            attempt(6, 4, 400, 0),
        ];
        let known = BTreeSet::from([DeliveryId(uuid::Uuid::from_u128(4))]);
        assert_eq!(missed(&attempts, &known, now), [3, 1]);
        assert_eq!(missed(&[], &known, now), Vec::<i64>::new());
        let refused: Vec<Attempt> = (0..30).map(|n| attempt(n, 6, 600 * (n + 1), 401)).collect();
        assert_eq!(missed(&refused[1..], &known, now), [1]);
        assert_eq!(missed(&refused, &known, now), Vec::<i64>::new(), "tried often enough");
        let rested = |tries: i64, age_s: i64| {
            let tries: Vec<Attempt> = (0..tries).map(|n| attempt(n, 7, age_s + n, 502)).collect();
            !missed(&tries, &known, now).is_empty()
        };
        assert!(rested(1, 0) && rested(2, 0), "what failed just now is asked for at once");
        assert!(!rested(3, 14) && rested(3, 15));
        assert!(!rested(5, 59) && rested(5, 60));
        assert!(!rested(29, 539) && rested(29, 540), "no rest is longer");
        let again = Attempt { redelivery: true, ..attempt(1, 8, 3_600, 502) };
        assert_eq!(missed(&[again], &known, now), Vec::<i64>::new(), "earlier tries are out of sight");
    }
}
