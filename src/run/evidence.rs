//! wiz's own evidence for a definition of done: what each criterion's command did, seen by wiz in clean boxes.

use serde::{Deserialize, Serialize};

use crate::plan::{Criterion, Proof};

/// How a criterion's command ended in one box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    pub end: ObservedEnd,
    pub duration_ms: u64,
    /// Head and tail of the output.
    pub output: String,
}

/// How a command ended, as far as evidence goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObservedEnd {
    Exited(i32),
    /// A signal, a time-out or the memory limit ended it: neither a pass nor the failure of a test.
    Broken,
}

/// Exit codes by which a shell says that it could not run the command at all: not executable, and not found.
/// <https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_08_02>
const COULD_NOT_RUN: [i32; 2] = [126, 127];

/// What one criterion showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    pub criterion: Criterion,
    /// On the base, with only the run's test files or untouched; present when the proof asks for it.
    pub before: Option<Observation>,
    /// On the result.
    pub after: Observation,
}

impl Evidence {
    /// Whether the criterion holds. A command that could not run, or was cut off, proves nothing in either place.
    pub fn holds(&self) -> bool {
        let passed = self.after.end == ObservedEnd::Exited(0);
        match self.criterion.proof {
            Proof::Passes => passed,
            Proof::FailsThenPasses => passed && self.before.as_ref().is_some_and(Observation::is_red),
            Proof::PassesThroughout => {
                passed && self.before.as_ref().is_some_and(|seen| seen.end == ObservedEnd::Exited(0))
            }
        }
    }

    /// One paragraph for a reviewer.
    pub fn describe(&self) -> String {
        let before =
            self.before.as_ref().map(|seen| format!("on the base it {}, ", seen.describe())).unwrap_or_default();
        let verdict = if self.holds() { "holds" } else { "does not hold" };
        format!(
            "{}: `{}`: {before}on the result it {}: {verdict}",
            self.criterion.name,
            self.criterion.command,
            self.after.describe()
        )
    }

    /// What did not hold, for the coder; none when the criterion holds.
    pub fn feedback(&self) -> Option<String> {
        if self.holds() {
            return None;
        }
        let Criterion { name, command, .. } = &self.criterion;
        let found = if self.after.end != ObservedEnd::Exited(0) {
            format!("On the result it {}:\n{}", self.after.describe(), self.after.output)
        } else {
            let before = self.before.as_ref();
            let wanted = match self.criterion.proof {
                Proof::Passes | Proof::FailsThenPasses => {
                    "it must fail on the base with only the changed test files applied"
                }
                Proof::PassesThroughout => "it must pass on the untouched base as well",
            };
            let remedy = match self.criterion.proof {
                Proof::Passes | Proof::FailsThenPasses => {
                    " Add or sharpen a test, in a test file, that the old code fails."
                }
                Proof::PassesThroughout => " A command that passes on neither side shows nothing of a refactoring.",
            };
            format!(
                "It passes on the result, but {wanted}; there it {}.{remedy}\n{}",
                before.map_or_else(|| "was not run".to_owned(), Observation::describe),
                before.map(|seen| seen.output.as_str()).unwrap_or_default()
            )
        };
        Some(format!("{name}: `{command}`\n{found}\n"))
    }
}

impl Observation {
    /// Whether this is the failure of a test: it ran to its end and said no.
    pub fn is_red(&self) -> bool {
        matches!(self.end, ObservedEnd::Exited(code) if code != 0 && !COULD_NOT_RUN.contains(&code))
    }

    fn describe(&self) -> String {
        match self.end {
            ObservedEnd::Exited(code) => format!("exited with {code}"),
            ObservedEnd::Broken => "did not run to its end".to_owned(),
        }
    }
}

/// What did not hold among all criteria; none when the definition of done is met.
pub fn feedback(evidence: &[Evidence]) -> Option<String> {
    let unmet: Vec<String> = evidence.iter().filter_map(Evidence::feedback).collect();
    if unmet.is_empty() { None } else { Some(unmet.join("\n")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(end: ObservedEnd) -> Observation {
        Observation { end, duration_ms: 1, output: "output".into() }
    }

    #[test]
    fn red_then_green_needs_a_real_red_and_a_real_green() {
        use ObservedEnd::{Broken, Exited};
        let mut told = Vec::new();
        let table = [
            (Proof::Passes, None, Exited(0), true),
            (Proof::Passes, None, Exited(1), false),
            (Proof::Passes, None, Broken, false),
            (Proof::FailsThenPasses, Some(Exited(1)), Exited(0), true),
            (Proof::FailsThenPasses, Some(Exited(0)), Exited(0), false),
            (Proof::FailsThenPasses, Some(Exited(1)), Exited(1), false),
            (Proof::FailsThenPasses, Some(Exited(127)), Exited(0), false),
            (Proof::FailsThenPasses, Some(Broken), Exited(0), false),
            (Proof::FailsThenPasses, None, Exited(0), false),
            (Proof::PassesThroughout, Some(Exited(0)), Exited(0), true),
            (Proof::PassesThroughout, Some(Exited(1)), Exited(0), false),
            (Proof::PassesThroughout, Some(Exited(0)), Exited(1), false),
            (Proof::PassesThroughout, None, Exited(0), false),
        ];
        for (proof, before, after, holds) in table {
            let evidence = Evidence {
                criterion: Criterion { name: "tests".into(), command: "make test".into(), proof },
                before: before.map(observed),
                after: observed(after),
            };
            assert_eq!(evidence.holds(), holds, "{proof:?} {before:?} {after:?}");
            assert_eq!(evidence.feedback().is_none(), holds);
            told.push(evidence.feedback().unwrap_or_else(|| evidence.describe()));
        }
        insta::assert_snapshot!(told.join("\n"), @r"
        tests: `make test`: on the result it exited with 0: holds
        tests: `make test`
        On the result it exited with 1:
        output

        tests: `make test`
        On the result it did not run to its end:
        output

        tests: `make test`: on the base it exited with 1, on the result it exited with 0: holds
        tests: `make test`
        It passes on the result, but it must fail on the base with only the changed test files applied; there it exited with 0. Add or sharpen a test, in a test file, that the old code fails.
        output

        tests: `make test`
        On the result it exited with 1:
        output

        tests: `make test`
        It passes on the result, but it must fail on the base with only the changed test files applied; there it exited with 127. Add or sharpen a test, in a test file, that the old code fails.
        output

        tests: `make test`
        It passes on the result, but it must fail on the base with only the changed test files applied; there it did not run to its end. Add or sharpen a test, in a test file, that the old code fails.
        output

        tests: `make test`
        It passes on the result, but it must fail on the base with only the changed test files applied; there it was not run. Add or sharpen a test, in a test file, that the old code fails.


        tests: `make test`: on the base it exited with 0, on the result it exited with 0: holds
        tests: `make test`
        It passes on the result, but it must pass on the untouched base as well; there it exited with 1. A command that passes on neither side shows nothing of a refactoring.
        output

        tests: `make test`
        On the result it exited with 1:
        output

        tests: `make test`
        It passes on the result, but it must pass on the untouched base as well; there it was not run. A command that passes on neither side shows nothing of a refactoring.
        ");
    }
}
