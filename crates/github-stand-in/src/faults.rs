//! Misbehaviour on demand: what a test wants GitHub to do wrong.

use serde::{Deserialize, Serialize};

/// What goes wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FaultKind {
    /// Answer this status instead of working.
    Status {
        /// HTTP status.
        status: u16,
    },
    /// Refuse for the primary limit: 403, no requests remaining, reset in so many seconds.
    PrimaryRateLimit {
        /// Seconds until the window is over.
        reset_s: u64,
    },
    /// Refuse for a secondary limit, with `Retry-After`.
    SecondaryRateLimit {
        /// 403 or 429; GitHub uses both.
        status: u16,
        /// Seconds to wait.
        retry_after_s: u64,
    },
    /// Do the work, then answer this status, so that the client does not know.
    AfterWork {
        /// HTTP status, usually 502.
        status: u16,
    },
    /// Do the work and never answer, so that the client can be killed between its write and what it makes of it.
    Unanswered,
    /// Do the work, and answer only so much later.
    Late {
        /// How much later.
        ms: u64,
    },
}

/// A fault for the next requests that match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Method, or `None` for any.
    #[serde(default)]
    pub method: Option<String>,
    /// Start of the path; `*` stands for anything, so `/repos/*/check-runs` matches every check-run call.
    pub path: String,
    /// What goes wrong.
    #[serde(flatten)]
    pub kind: FaultKind,
    /// For how many more requests.
    #[serde(default = "once")]
    pub times: u32,
}

/// What goes wrong with a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DeliveryFaultKind {
    /// Never sent, and not in the log either.
    Drop,
    /// Sent twice with the same id.
    Duplicate,
    /// Sent late.
    Delay {
        /// Milliseconds of delay.
        delay_ms: u64,
    },
    /// Sent after the next `behind` deliveries.
    Reorder {
        /// How many deliveries overtake it.
        behind: u32,
    },
}

/// A fault for the next deliveries that match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryFault {
    /// Event name, or `None` for any.
    #[serde(default)]
    pub event: Option<String>,
    /// What goes wrong.
    #[serde(flatten)]
    pub kind: DeliveryFaultKind,
    /// For how many more deliveries.
    #[serde(default = "once")]
    pub times: u32,
}

fn once() -> u32 {
    1
}

/// Takes the first fault that matches a request, and counts it down.
pub fn take(faults: &mut Vec<Fault>, method: &str, path: &str) -> Option<FaultKind> {
    let index = faults.iter().position(|fault| {
        fault.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && prefix_matches(&fault.path, path)
    })?;
    let kind = faults[index].kind.clone();
    faults[index].times = faults[index].times.saturating_sub(1);
    if faults[index].times == 0 {
        faults.remove(index);
    }
    Some(kind)
}

/// Takes the first fault that matches a delivery, and counts it down.
pub fn take_for_delivery(faults: &mut Vec<DeliveryFault>, event: &str) -> Option<DeliveryFaultKind> {
    let index = faults.iter().position(|fault| fault.event.as_deref().is_none_or(|wanted| wanted == event))?;
    let kind = faults[index].kind;
    faults[index].times = faults[index].times.saturating_sub(1);
    if faults[index].times == 0 {
        faults.remove(index);
    }
    Some(kind)
}

fn prefix_matches(pattern: &str, path: &str) -> bool {
    match pattern.split_once('*') {
        None => path.starts_with(pattern),
        Some((head, tail)) => {
            let Some(rest) = path.strip_prefix(head) else { return false };
            (0..=rest.len()).filter(|at| rest.is_char_boundary(*at)).any(|at| prefix_matches(tail, &rest[at..]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_a_prefix_with_stars() {
        for (pattern, path, matches) in [
            ("/repos/a/b/issues", "/repos/a/b/issues/1/comments", true),
            ("/repos/*/check-runs", "/repos/a/b/check-runs/7", true),
            ("/repos/*/check-runs", "/repos/a/b/issues", false),
            ("*", "/anything", true),
        ] {
            assert_eq!(prefix_matches(pattern, path), matches, "{pattern} on {path}");
        }
    }
}
