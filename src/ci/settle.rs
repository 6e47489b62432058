//! Whether the checks of a commit have all ended, and which of them failed.

use crate::ids::CheckRunId;

/// One check of a commit, of any App but wiz.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    pub id: CheckRunId,
    pub name: String,
    pub maker: Maker,
    pub standing: Standing,
}

/// Who made a check: it decides where the reasons of a failure are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maker {
    /// A job of GitHub Actions; it has a log and can be run again.
    Actions,
    /// Another App, which says in the check's own text what it found.
    Other,
}

/// How far a check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Open,
    Failed,
    /// Ended in any other way: passed, skipped, cancelled by a person.
    Over,
}

impl Standing {
    /// From GitHub's words.
    pub fn of(status: &str, conclusion: Option<&str>) -> Self {
        match conclusion {
            _ if status != "completed" => Self::Open,
            Some(conclusion) if is_failing(conclusion) => Self::Failed,
            Some(_) | None => Self::Over,
        }
    }
}

/// Whether a conclusion says that something is wrong with the commit. `cancelled` and `stale` say nothing about it, and
/// `action_required` waits for a person. Commit statuses say `error` where the service itself failed.
/// <https://docs.github.com/en/rest/checks/runs#create-a-check-run>
pub fn is_failing(conclusion: &str) -> bool {
    matches!(conclusion, "failure" | "error" | "timed_out" | "startup_failure")
}

/// What the checks of a commit say together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled<'a> {
    /// Some have not ended.
    Waiting,
    /// All have ended, and none failed.
    Green,
    /// All have ended, or nobody waits any longer, and these failed.
    Red(Vec<&'a Check>),
}

/// `overdue` ends the wait for checks that never end.
pub fn settled(checks: &[Check], overdue: bool) -> Settled<'_> {
    let open = checks.iter().any(|check| check.standing == Standing::Open);
    if open && !overdue {
        return Settled::Waiting;
    }
    let failed: Vec<&Check> = checks.iter().filter(|check| check.standing == Standing::Failed).collect();
    match failed.is_empty() {
        true if open => Settled::Waiting,
        true => Settled::Green,
        false => Settled::Red(failed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_said_before_all_have_ended_unless_it_takes_too_long() {
        let check = |id, status: &str, conclusion| Check {
            id: CheckRunId(id),
            name: "test".into(),
            maker: Maker::Actions,
            standing: Standing::of(status, conclusion),
        };
        let (open, red, green) = (
            check(1, "in_progress", None),
            check(2, "completed", Some("failure")),
            check(3, "completed", Some("success")),
        );
        let cancelled = check(4, "completed", Some("cancelled"));
        let table = [
            (vec![], false, Settled::Green),
            (vec![open.clone(), red.clone()], false, Settled::Waiting),
            (vec![open.clone(), red.clone()], true, Settled::Red(vec![&red])),
            (vec![open, green.clone()], true, Settled::Waiting),
            (vec![red.clone(), green.clone()], false, Settled::Red(vec![&red])),
            (vec![green, cancelled], false, Settled::Green),
        ];
        for (checks, overdue, expected) in table {
            assert_eq!(settled(&checks, overdue), expected, "{checks:?}");
        }
    }
}
