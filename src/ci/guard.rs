//! The loop guard: what to do about a failure, given what was done before.
//!
//! Counters alone let a repair that changes nothing be repeated until they are used up. So the failures themselves are
//! compared: one that comes back after it was worked on will not go away by more of the same.

use std::collections::BTreeSet;

use super::Signature;
use crate::ids::CommitSha;

/// One check that failed on one commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub head: CommitSha,
    pub signature: Signature,
}

/// Something that was done about a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    pub kind: Kind,
    pub failure: Failure,
}

/// What can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The failed jobs ran again; no model was asked.
    Rerun,
    /// A coder worked on it.
    Repair,
    /// wiz gave up and said so.
    Stop,
}

/// What else decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Circumstances {
    /// The failure looks as if it would pass by itself, or has done so before in this repository.
    pub flaky: bool,
    /// The check can be run again.
    pub can_rerun: bool,
    /// Most commits on which repairs are tried.
    pub attempts: u32,
    pub money: Money,
}

/// What may still be spent on a repair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Money {
    Left,
    /// The repository's daily budget is used up.
    NoneToday,
    /// The run that would repair has spent what it may.
    NoneInRun,
}

/// What to do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    Rerun,
    Repair,
    /// Give up, and tell people.
    Stop(StopReason),
    /// There is nothing to do, for a reason that belongs into the log.
    Nothing(WhyNothing),
}

/// Why wiz gives up on a pull request's checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// The last repair did not help.
    SameAgain,
    /// An earlier failure is back: mending one brings the other.
    Alternating,
    /// As many repairs were tried as the repository allows.
    Attempts,
    DailyBudget,
    RunBudget,
}

/// Why nothing is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhyNothing {
    /// The failure on this commit is being worked on, or was.
    Answered,
    /// wiz gave up here before.
    Stopped,
}

/// What to do about `failure`, after all that was done on the same pull request since its checks are answered, oldest
/// first.
pub fn decide(failure: &Failure, past: &[Deed], now: Circumstances) -> Decision {
    let done = |kind: Kind| past.iter().any(|deed| deed.kind == kind && deed.failure == *failure);
    if done(Kind::Repair) {
        return Decision::Nothing(WhyNothing::Answered);
    }
    if past.iter().any(|deed| deed.kind == Kind::Stop) {
        return Decision::Nothing(WhyNothing::Stopped);
    }
    if now.flaky && now.can_rerun && !done(Kind::Rerun) {
        return Decision::Rerun;
    }
    let repairs: Vec<&Failure> =
        past.iter().filter(|deed| deed.kind == Kind::Repair).map(|deed| &deed.failure).collect();
    let last_head = repairs.iter().rev().map(|repaired| &repaired.head).find(|head| **head != failure.head);
    let of_last = |repaired: &&&Failure| Some(&repaired.head) == last_head;
    if repairs.iter().filter(of_last).any(|repaired| repaired.signature == failure.signature) {
        return Decision::Stop(StopReason::SameAgain);
    }
    if repairs.iter().any(|repaired| repaired.signature == failure.signature && repaired.head != failure.head) {
        return Decision::Stop(StopReason::Alternating);
    }
    let heads = heads_repaired(past);
    let new_head = !heads.contains(&failure.head);
    if new_head && heads.len() >= usize::try_from(now.attempts).unwrap_or(usize::MAX) {
        return Decision::Stop(StopReason::Attempts);
    }
    match now.money {
        Money::Left => Decision::Repair,
        Money::NoneToday => Decision::Stop(StopReason::DailyBudget),
        Money::NoneInRun => Decision::Stop(StopReason::RunBudget),
    }
}

/// The deeds about the same failure, on whatever commit. A branch that never ends has failures that have nothing to do
/// with each other, and giving up on one says nothing of the next.
pub fn of_same_failure(past: &[Deed], failure: &Failure) -> Vec<Deed> {
    past.iter().filter(|deed| deed.failure.signature == failure.signature).cloned().collect()
}

/// On how many commits repairs were tried.
pub fn heads_tried(past: &[Deed]) -> u32 {
    u32::try_from(heads_repaired(past).len()).unwrap_or(u32::MAX)
}

fn heads_repaired(past: &[Deed]) -> BTreeSet<CommitSha> {
    past.iter().filter(|deed| deed.kind == Kind::Repair).map(|deed| deed.failure.head.clone()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn failure(head: char, signature: &str) -> Failure {
        Failure { head: head.to_string().repeat(40).parse().unwrap(), signature: Signature::stored(signature.into()) }
    }

    fn deed(kind: Kind, head: char, signature: &str) -> Deed {
        Deed { kind, failure: failure(head, signature) }
    }

    #[test]
    fn a_branch_forgives_what_is_another_failure() {
        let given_up = vec![deed(Kind::Repair, 'a', "x"), deed(Kind::Stop, 'b', "x"), deed(Kind::Repair, 'c', "y")];
        let on_branch = |failure: &Failure| decide(failure, &of_same_failure(&given_up, failure), PLAIN);
        assert_eq!(on_branch(&failure('d', "z")), Decision::Repair);
        assert_eq!(on_branch(&failure('d', "y")), Decision::Stop(StopReason::SameAgain));
        assert_eq!(on_branch(&failure('d', "x")), Decision::Nothing(WhyNothing::Stopped));
        assert_eq!(decide(&failure('d', "z"), &given_up, PLAIN), Decision::Nothing(WhyNothing::Stopped));
    }

    const PLAIN: Circumstances = Circumstances { flaky: false, can_rerun: true, attempts: 3, money: Money::Left };

    #[test]
    fn every_case_has_its_answer() {
        use Decision::{Nothing, Repair, Rerun, Stop};
        use Kind::Repair as Repaired;
        let flaky = Circumstances { flaky: true, ..PLAIN };
        let fixed = Circumstances { can_rerun: false, ..flaky };
        let poor = Circumstances { money: Money::NoneToday, ..PLAIN };
        let spent = Circumstances { money: Money::NoneInRun, ..PLAIN };
        let a_then_b = vec![deed(Repaired, 'a', "x"), deed(Repaired, 'b', "y")];
        let reran = vec![deed(Kind::Rerun, 'a', "x")];
        let table = [
            ("a new failure", vec![], PLAIN, failure('a', "x"), Repair),
            ("one that smells", vec![], flaky, failure('a', "x"), Rerun),
            ("one that smells and cannot run again", vec![], fixed, failure('a', "x"), Repair),
            ("it smelt and failed again", reran.clone(), flaky, failure('a', "x"), Repair),
            ("it smells on the next commit too", reran, flaky, failure('b', "x"), Rerun),
            ("told twice", vec![deed(Repaired, 'a', "x")], PLAIN, failure('a', "x"), Nothing(WhyNothing::Answered)),
            ("a second check of the commit", vec![deed(Repaired, 'a', "x")], PLAIN, failure('a', "y"), Repair),
            ("another failure after a repair", vec![deed(Repaired, 'a', "x")], PLAIN, failure('b', "y"), Repair),
            ("the same again", vec![deed(Repaired, 'a', "x")], PLAIN, failure('b', "x"), Stop(StopReason::SameAgain)),
            ("two in turn", a_then_b.clone(), PLAIN, failure('c', "x"), Stop(StopReason::Alternating)),
            ("the last attempt", a_then_b.clone(), PLAIN, failure('c', "z"), Repair),
            (
                "one too many",
                [a_then_b.clone(), vec![deed(Repaired, 'c', "z")]].concat(),
                PLAIN,
                failure('d', "w"),
                Stop(StopReason::Attempts),
            ),
            ("no money", vec![], poor, failure('a', "x"), Stop(StopReason::DailyBudget)),
            ("the run has none", vec![], spent, failure('a', "x"), Stop(StopReason::RunBudget)),
            ("given up", vec![deed(Kind::Stop, 'a', "x")], flaky, failure('b', "y"), Nothing(WhyNothing::Stopped)),
        ];
        for (name, past, now, failure, expected) in table {
            assert_eq!(decide(&failure, &past, now), expected, "{name}");
        }
    }

    proptest! {
        /// However a check fails on commit after commit, at most the allowed number of repairs is made, no failure on a
        /// commit is repaired twice, and people are told once.
        #[test]
        fn a_check_that_never_passes_ends(
            failures in proptest::collection::vec((0_u8..4, any::<bool>()), 1..40),
            attempts in 1_u32..6,
        ) {
            let mut past: Vec<Deed> = vec![];
            for (number, (signature, flaky)) in failures.iter().enumerate() {
                let head = format!("{number:040x}").parse().unwrap();
                let failure = Failure { head, signature: Signature::stored(signature.to_string()) };
                // Two events for one failure.
                for _ in 0..2 {
                    let kind = match decide(&failure, &past, Circumstances { flaky: *flaky, attempts, ..PLAIN }) {
                        Decision::Rerun => Kind::Rerun,
                        Decision::Repair => Kind::Repair,
                        Decision::Stop(_) => Kind::Stop,
                        Decision::Nothing(_) => continue,
                    };
                    past.push(Deed { kind, failure: failure.clone() });
                }
            }
            let of = |kind: Kind| past.iter().filter(move |deed| deed.kind == kind).count();
            prop_assert!(of(Kind::Repair) <= attempts as usize);
            prop_assert!(of(Kind::Stop) <= 1);
            let repaired: BTreeSet<_> =
                past.iter().filter(|deed| deed.kind == Kind::Repair).map(|deed| &deed.failure.signature).collect();
            prop_assert_eq!(repaired.len(), of(Kind::Repair), "one failure is repaired once");
            prop_assert!(of(Kind::Rerun) <= failures.len());
        }
    }
}
