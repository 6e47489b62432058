//! Bad weather on demand.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};

/// What a call is answered with instead of its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// 429 with `Retry-After`.
    RateLimited { retry_after_s: u32 },
    /// 529.
    Overloaded,
    /// 500 with a body that is not JSON.
    Broken,
    /// 200 with the first half of the answer.
    Truncated,
    /// No answer until the client gives up.
    Silent,
    /// 401.
    KeyRefused,
}

/// Faults that wait for their call.
#[derive(Debug, Default)]
pub(crate) struct Weather(Mutex<VecDeque<Fault>>);

impl Weather {
    pub(crate) fn add(&self, calls: usize, fault: Fault) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(std::iter::repeat_n(fault, calls));
    }

    pub(crate) fn next(&self) -> Option<Fault> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}
