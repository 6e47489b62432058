//! Money as whole micro-dollars, so that sums are exact and comparisons mean what they say.

use std::{fmt, iter::Sum, ops::Add, str::FromStr};

use serde::{Deserialize, Serialize};

/// An amount in millionths of a US dollar; never negative.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct MicroDollars(i64);

impl MicroDollars {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// An amount of whole micro-dollars; negative input becomes zero.
    pub fn new(micro_dollars: i64) -> Self {
        Self(micro_dollars.max(0))
    }

    /// An amount of whole dollars.
    pub const fn from_dollars(dollars: u32) -> Self {
        Self(dollars as i64 * 1_000_000)
    }

    /// An amount of whole cents.
    pub const fn from_cents(cents: u32) -> Self {
        Self(cents as i64 * 10_000)
    }

    /// The amount in micro-dollars.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// What is left after `other` is taken away; zero when `other` is larger.
    pub fn saturating_sub(self, other: Self) -> Self {
        Self((self.0 - other.0).max(0))
    }

    /// The given share of the amount, rounded down. `percent` may exceed 100.
    pub fn percent(self, percent: u32) -> Self {
        Self(self.0.saturating_mul(i64::from(percent)) / 100)
    }
}

impl Add for MicroDollars {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sum for MicroDollars {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

/// Shown as dollars: two decimals, or four below one cent.
impl fmt::Display for MicroDollars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, decimals) = if self.0 != 0 && self.0 < 10_000 { (100, 4) } else { (10_000, 2) };
        let scaled = (self.0 + unit / 2) / unit;
        let per_dollar = 1_000_000 / unit;
        write!(f, "${}.{:0width$}", scaled / per_dollar, scaled % per_dollar, width = decimals)
    }
}

/// Why an amount was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an amount is written like `$2` or `$0.50`, up to $1000")]
pub struct InvalidAmount;

/// Reads `$2`, `2`, `$0.50`; at most six decimals, more than zero, at most $1000.
impl FromStr for MicroDollars {
    type Err = InvalidAmount;

    fn from_str(text: &str) -> Result<Self, InvalidAmount> {
        let number = text.strip_prefix('$').unwrap_or(text);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(fraction) || whole.len() > 4 || fraction.len() > 6 {
            return Err(InvalidAmount);
        }
        let whole: i64 = whole.parse().map_err(|_| InvalidAmount)?;
        let fraction: i64 = format!("{fraction:0<6}").parse().map_err(|_| InvalidAmount)?;
        match whole * 1_000_000 + fraction {
            amount @ 1..=1_000_000_000 => Ok(Self(amount)),
            _ => Err(InvalidAmount),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_and_shown() {
        for (text, micro, shown) in [
            ("$2", 2_000_000, "$2.00"),
            ("0.5", 500_000, "$0.50"),
            ("$0.001", 1_000, "$0.0010"),
            ("1000", 1_000_000_000, "$1000.00"),
        ] {
            let amount: MicroDollars = text.parse().unwrap();
            assert_eq!((amount.get(), amount.to_string().as_str()), (micro, shown), "{text}");
        }
        assert_eq!(MicroDollars::new(996_000).to_string(), "$1.00");
        assert_eq!(MicroDollars::ZERO.to_string(), "$0.00");
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "$", "-1", "1e3", "0", "$0.0", "1001", "1.", ".5", "1,5", "NaN", "0.0000001", "99999999"] {
            assert_eq!(text.parse::<MicroDollars>(), Err(InvalidAmount), "{text:?}");
        }
    }
}
