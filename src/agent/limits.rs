//! Every limit of a session, checked in one place before each model call.

use std::time::Duration;

use tokio::time::Instant;

use super::{session::StopReason, stuck, transcript::Transcript};
use crate::llm::Spend;
use crate::money::MicroDollars;

/// From this share of any limit on, the agent is told to finish.
const WRAP_UP_PERCENT: u64 = 85;
/// From this share of the model's window on, old tool output is left out.
const MASK_PERCENT: u64 = 60;
/// Malformed turns in a row that end a session.
const FORMAT_ERRORS: usize = 3;
/// The newest tool outputs, which are never left out.
const KEPT_RESULTS: usize = 10;
/// Fewest outputs left out at once: each change of the past makes the provider's cache useless once.
const MASK_AT_LEAST: usize = 5;

/// Caps of one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AgentLimits {
    /// Model turns.
    pub turns: u32,
    /// Tokens of all kinds over all turns; cached ones count, as they cost time and money too.
    pub tokens: u64,
    /// Wall time in this process; a session that resumes elsewhere starts it anew.
    pub wall_time: Duration,
    /// Most output of one turn, in tokens.
    pub max_output_tokens: u32,
}

impl Default for AgentLimits {
    fn default() -> Self {
        Self { turns: 150, tokens: 20_000_000, wall_time: Duration::from_secs(60 * 60), max_output_tokens: 16_000 }
    }
}

/// Where a session stands against what only its surroundings know.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surroundings {
    pub(super) started: Instant,
    pub(super) now: Instant,
    pub(super) spend: Spend,
    pub(super) budget: MicroDollars,
    /// The model's window, in tokens.
    pub(super) window: u64,
}

impl AgentLimits {
    /// When the session's time is over.
    pub(super) fn deadline(&self, started: Instant) -> Instant {
        started + self.wall_time
    }

    /// The first limit that forbids another model call. Money is not among them: the ledger refuses the call itself.
    pub(super) fn exceeded(&self, transcript: &Transcript, around: &Surroundings) -> Option<StopReason> {
        if transcript.turns() >= self.turns {
            Some(StopReason::Turns)
        } else if transcript.tokens() >= self.tokens {
            Some(StopReason::Tokens)
        } else if around.now >= self.deadline(around.started) {
            Some(StopReason::Time)
        } else if transcript.malformed_in_a_row() >= FORMAT_ERRORS {
            Some(StopReason::FormatErrors)
        } else if stuck::verdict(transcript) == stuck::Verdict::Stop {
            Some(StopReason::Stuck)
        } else {
            None
        }
    }

    /// Which limit is nearly reached, in the agent's words.
    pub(super) fn nearly(&self, transcript: &Transcript, around: &Surroundings) -> Option<&'static str> {
        let elapsed_ms = around.now.duration_since(around.started).as_millis();
        let shares = [
            ("turns", u128::from(transcript.turns()), u128::from(self.turns)),
            ("tokens", u128::from(transcript.tokens()), u128::from(self.tokens)),
            ("time", elapsed_ms, self.wall_time.as_millis()),
            ("money", micro_dollars(around.spend.money), micro_dollars(around.budget)),
            ("context window", u128::from(transcript.context_tokens()), u128::from(around.window)),
        ];
        shares
            .into_iter()
            .find(|(_, used, limit)| used * 100 >= limit * u128::from(WRAP_UP_PERCENT))
            .map(|(what, ..)| what)
    }

    /// Up to which entry tool output is left out of the next request; grows in big steps.
    pub(super) fn mask(transcript: &Transcript, window: u64) -> usize {
        let masked = transcript.masked();
        if transcript.context_tokens() * 100 < window * MASK_PERCENT {
            return masked;
        }
        let wanted = transcript.position_before_last_results(KEPT_RESULTS);
        let newly_masked = transcript.results_between(masked, wanted);
        if newly_masked >= MASK_AT_LEAST { wanted } else { masked }
    }
}

fn micro_dollars(money: MicroDollars) -> u128 {
    u128::from(money.get().unsigned_abs())
}
