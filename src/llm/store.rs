//! The ledger: every model call of a run is reserved before it is made and settled after it.

use std::time::Duration;

use serde::Serialize;
use sqlx::PgPool;

use super::{CallContext, ModelError, ModelName, Usage, price::Price};
use crate::{ids::RunId, money::MicroDollars};

/// Fewest output tokens worth a call; below this a run stops for want of money.
pub(super) const LEAST_OUTPUT_TOKENS: u32 = 1_000;
/// Bytes of a request per input token, times ten; measured requests lie above, so the estimate does too.
const DECIBYTES_PER_TOKEN: u64 = 35;

/// What a run has spent on models.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Spend {
    /// Paid for calls that have ended, plus reservations of calls that have not.
    pub money: MicroDollars,
    /// The part of `money` that is still reserved.
    pub reserved: MicroDollars,
    /// Calls made, failed ones included.
    pub calls: i64,
    /// Tokens of all kinds.
    pub tokens: i64,
    /// Calls that were charged as estimated, because no usage came back.
    pub estimated_calls: i64,
}

/// Permission to make one call. It must be settled; if the process dies first, the reservation stands as the charge.
#[derive(Debug)]
pub(super) struct Reservation {
    id: i64,
    /// What the budget pays for, at most what was asked for.
    pub(super) max_output_tokens: u32,
    amount: MicroDollars,
}

/// What a call is expected to need.
#[derive(Debug, Clone, Copy)]
pub(super) struct Estimate {
    pub(super) request_bytes: u64,
    pub(super) max_output_tokens: u32,
    pub(super) price: Price,
}

/// Reserves money for one call, with the run's row locked so that concurrent steps cannot promise the same money.
/// Reservations that an earlier process of the same session left open are charged first, as estimated.
pub(super) async fn reserve(
    pool: &PgPool,
    call: &CallContext<'_>,
    model: &ModelName,
    estimate: &Estimate,
) -> Result<Reservation, ModelError> {
    let mut transaction = pool.begin().await?;
    let budget =
        sqlx::query_scalar!("select budget_micro_dollars from run where id = $1 for no key update", call.run.0,)
            .fetch_one(&mut *transaction)
            .await?;
    sqlx::query!(
        "update llm_call
         set state = 'settled', estimated = true, micro_dollars = reserved_micro_dollars, error = 'the process ended'
         where run_id = $1 and step_key = $2 and state = 'open'",
        call.run.0,
        call.step_key,
    )
    .execute(&mut *transaction)
    .await?;
    let ledger = sqlx::query!(
        r#"select
               coalesce(sum(case state when 'open' then reserved_micro_dollars else micro_dollars end), 0)::bigint as "spent!",
               coalesce(max(ceil(10000.0 * (input_tokens + cached_read_tokens + cache_write_tokens)
                   / greatest(request_bytes, 1))) filter (where not estimated and model = $2), 0)::bigint as "tokens_per_10k_bytes!"
           from llm_call where run_id = $1"#,
        call.run.0,
        model.to_string(),
    )
    .fetch_one(&mut *transaction)
    .await?;
    let left = MicroDollars::new(budget).saturating_sub(MicroDollars::new(ledger.spent));
    let (max_output_tokens, amount) = grant(estimate, left, ledger.tokens_per_10k_bytes.unsigned_abs())?;
    let id = sqlx::query_scalar!(
        "insert into llm_call
             (run_id, installation_id, role, step_key, turn, model, request_bytes, reserved_micro_dollars)
         values ($1, $2, $3, $4, $5, $6, $7, $8) returning id",
        call.run.0,
        call.installation.0,
        call.role.as_str(),
        call.step_key,
        i32::try_from(call.turn).unwrap_or(i32::MAX),
        model.to_string(),
        signed(estimate.request_bytes),
        amount.get(),
    )
    .fetch_one(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(Reservation { id, max_output_tokens, amount })
}

/// How many output tokens `left` pays for, and what to reserve. `tokens_per_10k_bytes` is the densest request the run
/// has seen so far (0: none); text such as Chinese or minified code needs more tokens than the usual estimate.
fn grant(
    estimate: &Estimate,
    left: MicroDollars,
    tokens_per_10k_bytes: u64,
) -> Result<(u32, MicroDollars), ModelError> {
    let usual = estimate.request_bytes * 10 / DECIBYTES_PER_TOKEN + 1;
    let seen = (estimate.request_bytes * tokens_per_10k_bytes).div_ceil(10_000);
    let input_tokens = usual.max(seen);
    let for_output = left.saturating_sub(estimate.price.worst_cost(input_tokens, 0));
    let affordable = u32::try_from(estimate.price.output_tokens_for(for_output)).unwrap_or(u32::MAX);
    let granted = estimate.max_output_tokens.min(affordable);
    let least = LEAST_OUTPUT_TOKENS.min(estimate.max_output_tokens);
    let amount = estimate.price.worst_cost(input_tokens, u64::from(granted));
    if granted < least || amount > left {
        return Err(ModelError::Budget { left, needed: estimate.price.worst_cost(input_tokens, u64::from(least)) });
    }
    Ok((granted, amount))
}

/// How a reserved call ended.
#[derive(Debug)]
pub(super) enum Outcome<'a> {
    /// The provider said what it used.
    Used { usage: &'a Usage, cost: MicroDollars },
    /// It failed, and the provider bills nothing.
    Free { error: &'a ModelError },
    /// It failed without a word on usage, and the provider may bill it: the reservation becomes the charge.
    Unknown { error: &'a ModelError },
}

/// Books the outcome of a call.
pub(super) async fn settle(
    pool: &PgPool,
    reservation: &Reservation,
    outcome: &Outcome<'_>,
    duration: Duration,
) -> Result<(), sqlx::Error> {
    let none = Usage::default();
    let (usage, cost, error) = match outcome {
        Outcome::Used { usage, cost } => (*usage, *cost, None),
        Outcome::Free { error } => (&none, MicroDollars::ZERO, Some(error.to_string())),
        Outcome::Unknown { error } => (&none, reservation.amount, Some(error.to_string())),
    };
    sqlx::query!(
        "update llm_call
         set state = 'settled', input_tokens = $2, cached_read_tokens = $3, cache_write_tokens = $4,
             output_tokens = $5, micro_dollars = $6, estimated = $7, duration_ms = $8, error = $9
         where id = $1",
        reservation.id,
        signed(usage.input),
        signed(usage.cached_read),
        signed(usage.cache_write),
        signed(usage.output),
        cost.get(),
        matches!(outcome, Outcome::Unknown { .. }),
        i64::try_from(duration.as_millis()).unwrap_or(i64::MAX),
        error,
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// What the run has spent so far.
pub(super) async fn spent(pool: &PgPool, run: RunId) -> Result<Spend, sqlx::Error> {
    sqlx::query_as!(
        Spend,
        r#"select
               coalesce(sum(case state when 'open' then reserved_micro_dollars else micro_dollars end), 0)::bigint as "money!: MicroDollars",
               coalesce(sum(reserved_micro_dollars) filter (where state = 'open'), 0)::bigint as "reserved!: MicroDollars",
               count(*) as "calls!",
               coalesce(sum(input_tokens + cached_read_tokens + cache_write_tokens + output_tokens), 0)::bigint as "tokens!",
               count(*) filter (where estimated) as "estimated_calls!"
           from llm_call where run_id = $1"#,
        run.0,
    )
    .fetch_one(pool)
    .await
}

/// The run's cap.
pub(super) async fn budget(pool: &PgPool, run: RunId) -> Result<MicroDollars, sqlx::Error> {
    sqlx::query_scalar!("select budget_micro_dollars from run where id = $1", run.0)
        .fetch_one(pool)
        .await
        .map(MicroDollars::new)
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_gets_what_the_money_pays_for() {
        let price = Price { input: 1.0, cached_read: 0.1, cache_write: 1.0, output: 10.0, window: 200_000 };
        let estimate = |bytes, output| Estimate { request_bytes: bytes, max_output_tokens: output, price };
        let granted = |estimate: Estimate, left, dense| {
            grant(&estimate, MicroDollars::new(left), dense)
                .map(|(tokens, money)| (tokens, money.get()))
                .map_err(|error| error.to_string())
        };
        assert_eq!(granted(estimate(3_500, 8_000), 1_000_000, 0), Ok((8_000, 1_001 + 80_000)));
        assert_eq!(granted(estimate(3_500, 8_000), 21_001, 0), Ok((2_000, 21_001)), "lowered to what is left");
        assert_eq!(granted(estimate(3_500, 8_000), 1_000_000, 6_000), Ok((8_000, 2_100 + 80_000)), "dense text");
        assert_eq!(granted(estimate(3_500, 8_000), 11_001, 0), Ok((1_000, 11_001)));
        assert_eq!(
            granted(estimate(3_500, 8_000), 11_000, 0),
            Err("the run's budget has $0.01 left, and the next call needs about $0.01".into())
        );
        assert_eq!(granted(estimate(3_500, 500), 6_001, 0), Ok((500, 6_001)), "a caller may ask for less");
        assert!(granted(estimate(3_500, 8_000), 0, 0).is_err());
        let free = Price { input: 0.0, cached_read: 0.0, cache_write: 0.0, output: 0.0, ..price };
        assert_eq!(granted(Estimate { price: free, ..estimate(3_500, 8_000) }, 0, 0), Ok((8_000, 0)));
    }
}
