//! What models cost: a table in the source, which an operator's file may extend or correct.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde::Deserialize;

use super::{ModelName, Usage};
use crate::money::MicroDollars;

/// Context window assumed for a model whose entry names none; small enough for most local models.
const DEFAULT_WINDOW_TOKENS: u64 = 128_000;

/// What one model costs, in US dollars per million tokens, which is the same figure in micro-dollars per token.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    pub input: f64,
    pub cached_read: f64,
    pub cache_write: f64,
    pub output: f64,
    /// The model's context window, in tokens.
    #[serde(default = "default_window")]
    pub window: u64,
}

const fn default_window() -> u64 {
    DEFAULT_WINDOW_TOKENS
}

impl Price {
    /// What a call with this usage costs, rounded up.
    pub fn cost(&self, usage: &Usage) -> MicroDollars {
        micro_dollars(
            dollars(usage.input, self.input)
                + dollars(usage.cached_read, self.cached_read)
                + dollars(usage.cache_write, self.cache_write)
                + dollars(usage.output, self.output),
        )
    }

    /// The most a call may cost: nothing read from a cache, everything written to one.
    pub fn worst_cost(&self, input_tokens: u64, output_tokens: u64) -> MicroDollars {
        micro_dollars(dollars(input_tokens, self.input.max(self.cache_write)) + dollars(output_tokens, self.output))
    }

    /// How many output tokens `money` buys at most; none are counted for a model that costs nothing.
    pub fn output_tokens_for(&self, money: MicroDollars) -> u64 {
        if self.output == 0.0 {
            return u64::MAX;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "never negative, and rounding down by a token is meant"
        )]
        let tokens = (money.get() as f64 / self.output) as u64;
        tokens
    }

    fn is_sound(&self) -> bool {
        [self.input, self.cached_read, self.cache_write, self.output]
            .iter()
            .all(|price| (0.0..=10_000.0).contains(price))
            && self.window >= 4_000
    }
}

/// Micro-dollars, as a float: tokens × dollars per million.
#[expect(clippy::cast_precision_loss, reason = "token counts are far below 2^52")]
fn dollars(tokens: u64, per_million: f64) -> f64 {
    tokens as f64 * per_million
}

#[expect(clippy::cast_possible_truncation, reason = "a float that is too large becomes the largest amount")]
fn micro_dollars(amount: f64) -> MicroDollars {
    // Sums such as 3 × 0.1 lie a hair above a whole number; that hair is no micro-dollar.
    MicroDollars::new((amount - 1e-6).ceil() as i64)
}

/// Prices by model name, with or without its provider.
#[derive(Debug, Clone)]
pub struct PriceTable(BTreeMap<String, Price>);

impl PriceTable {
    /// The built-in table, changed by the operator's own text in the same form.
    pub fn new(operator_yaml: Option<&str>) -> anyhow::Result<Self> {
        let mut table: BTreeMap<String, Price> =
            serde_norway::from_str(include_str!("prices.yaml")).context("cannot read the built-in price table")?;
        if let Some(yaml) = operator_yaml {
            let own: BTreeMap<String, Price> = serde_norway::from_str(yaml).context("cannot read the price table")?;
            table.extend(own);
        }
        for (name, price) in &table {
            anyhow::ensure!(
                price.is_sound(),
                "the price of {name} is not between 0 and 10000 dollars per million tokens"
            );
        }
        Ok(Self(table))
    }

    /// The model's price; `None` when nobody has told us, which a budget cannot live with.
    pub fn get(&self, model: &ModelName) -> Option<Price> {
        let undated = without_date(&model.name);
        [model.to_string(), model.name.clone(), format!("{}/{undated}", model.provider.as_str()), undated.to_owned()]
            .iter()
            .find_map(|name| self.0.get(name))
            .copied()
    }
}

/// `claude-sonnet-4-5-20250929` and `gpt-5-2025-08-07` without their dates.
fn without_date(name: &str) -> &str {
    let parts: Vec<&str> = name.rsplitn(4, '-').collect();
    let digits = |part: &str, count: usize| part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit());
    match parts.as_slice() {
        [day, month, year, rest] if digits(day, 2) && digits(month, 2) && digits(year, 4) => rest,
        [date, ..] if digits(date, 8) => &name[..name.len() - 9],
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_is_priced_by_kind_and_rounded_up() {
        let price = PriceTable::new(None).unwrap().get(&"anthropic/claude-sonnet-4-5".parse().unwrap()).unwrap();
        let usage = Usage { input: 1_000, cached_read: 10_000, cache_write: 100, output: 10 };
        assert_eq!(price.cost(&usage).get(), 3_000 + 3_000 + 375 + 150);
        assert_eq!(price.cost(&Usage { cached_read: 1, ..Usage::default() }).get(), 1);
        assert_eq!(price.cost(&Usage::default()).get(), 0);
        assert_eq!(price.worst_cost(1_000, 1_000).get(), 3_750 + 15_000);
        assert_eq!(price.output_tokens_for(MicroDollars::new(15_014)), 1_000);
    }

    #[test]
    fn names_are_found_with_and_without_provider_and_date() {
        let table = PriceTable::new(None).unwrap();
        for name in [
            "anthropic/claude-sonnet-4-5-20250929",
            "openai/gpt-5-2025-08-07",
            "openai-chat/gpt-5",
            "anthropic/scripted",
        ] {
            assert!(table.get(&name.parse().unwrap()).is_some(), "{name}");
        }
        for name in ["anthropic/claude-9", "openai-chat/qwen3", "openai/claude-sonnet-4-5"] {
            assert!(table.get(&name.parse().unwrap()).is_none(), "{name}");
        }
    }

    #[test]
    fn an_operator_extends_and_corrects_the_table() {
        let own = "qwen3: {input: 0, cached_read: 0, cache_write: 0, output: 0}\nscripted: {input: 1, cached_read: 1, cache_write: 1, output: 1}";
        let table = PriceTable::new(Some(own)).unwrap();
        let free = table.get(&"openai-chat/qwen3".parse().unwrap()).unwrap();
        assert_eq!((free.worst_cost(1_000_000, 1_000_000).get(), free.window), (0, 128_000));
        assert_eq!(free.output_tokens_for(MicroDollars::ZERO), u64::MAX);
        assert_eq!(table.get(&"openai/scripted".parse().unwrap()).unwrap().output.to_string(), "1");
        assert!(PriceTable::new(Some("x: {input: -1, cached_read: 0, cache_write: 0, output: 0}")).is_err());
        assert!(PriceTable::new(Some("x: {input: 1}")).is_err());
    }
}
