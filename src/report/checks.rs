//! What people are told about failing checks.

use super::{code, untrusted::plain};
use crate::ids::{CommitSha, Login};

/// Why wiz gives up on the checks of a pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GaveUp {
    /// The last repair did not help.
    SameAgain,
    /// Mending one failure brings another back.
    Alternating,
    /// As many repairs were tried as the repository allows.
    Attempts(u32),
    DailyBudget,
    RunBudget,
}

/// wiz gives up on a pull request's checks, said once.
pub fn checks_given_up(check: &str, head: &CommitSha, reason: GaveUp) -> String {
    let why = match reason {
        GaveUp::SameAgain => "it is the same failure that my last commit was to mend".to_owned(),
        GaveUp::Alternating => {
            "it is a failure that I mended before: mending one brings back the other, so they need to be looked at together"
                .to_owned()
        }
        GaveUp::Attempts(1) => "I had one attempt".to_owned(),
        GaveUp::Attempts(number) => format!("I had {number} attempts"),
        GaveUp::DailyBudget => "there is no money left for today".to_owned(),
        GaveUp::RunBudget => "my run here has spent its budget".to_owned(),
    };
    let how = match reason {
        GaveUp::RunBudget => "`/wiz budget +$2` and then `/wiz ci on` let me try again",
        GaveUp::DailyBudget => "`/wiz ci on` lets me try again tomorrow, or once `budget_day` allows more",
        GaveUp::SameAgain | GaveUp::Alternating | GaveUp::Attempts(_) => "`/wiz ci on` lets me try again",
    };
    let short: String = head.as_str().chars().take(8).collect();
    format!("{} still fails on `{short}`, and {why}. I leave it to you; {how}.", code(check, 100))
}

/// How the failing checks of a pull request are dealt with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChecksView {
    pub why: ChecksWhy,
    /// Who moved the switch last.
    pub by: Option<Login>,
    /// The label that asks for it.
    pub label: String,
    /// Most commits on which repairs are tried.
    pub attempts: u32,
    /// On how many they were, since the switch was moved.
    pub tried: u32,
    /// wiz gave up since then.
    pub gave_up: bool,
    /// A repair is under way.
    pub at_work: bool,
    /// The switch was moved just now.
    pub switched: bool,
}

/// Why failing checks of a pull request are answered, or left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChecksWhy {
    SwitchedOn,
    SwitchedOff,
    /// wiz opened the pull request.
    Own,
    Labelled,
    /// The repository wants it everywhere.
    All,
    Nobody,
}

/// Whether failing checks of this pull request are answered, why, and how to change that.
pub fn checks_answered(view: &ChecksView) -> String {
    let by = view.by.as_ref().map_or_else(|| "somebody".to_owned(), |login| plain(login.as_str(), 110));
    let (on, why) = match view.why {
        ChecksWhy::SwitchedOn if view.switched => (true, "from now on".to_owned()),
        ChecksWhy::SwitchedOff if view.switched => (false, "from now on".to_owned()),
        ChecksWhy::SwitchedOn => (true, format!("as {by} asked")),
        ChecksWhy::SwitchedOff => (false, format!("as {by} asked")),
        ChecksWhy::Own => (true, "as I opened it".to_owned()),
        ChecksWhy::Labelled => (true, format!("since it has the label {}", code(&view.label, 60))),
        ChecksWhy::All => (true, "as `ci:` in the policy file says for all".to_owned()),
        ChecksWhy::Nobody => (false, "since nobody asked for more".to_owned()),
    };
    let work = if view.at_work { " What I have begun goes on; `/wiz cancel` stops it." } else { "" };
    if !on {
        let label = format!(" or the label {}", code(&view.label, 60));
        let label = if view.why == ChecksWhy::Nobody { label } else { String::new() };
        return format!(
            "I leave failing checks of this pull request alone, {why}.{work} `/wiz ci on`{label} changes that."
        );
    }
    let tried = match (view.gave_up, view.tried) {
        (true, _) => " I gave up on them; `/wiz ci on` lets me try again.".to_owned(),
        (false, 0) => String::new(),
        (false, tried) => format!(" I have tried on {tried} so far."),
    };
    let commits = if view.attempts == 1 { "one commit".to_owned() } else { format!("{} commits", view.attempts) };
    format!(
        "I answer failing checks of this pull request, {why}: with repairs on at most {commits}.{tried} `/wiz ci off` ends \
         that."
    )
}

/// A word about the failing checks of an issue.
pub fn checks_of_issues() -> String {
    "Only pull requests have checks; say `/wiz ci on` or `/wiz ci off` there.".to_owned()
}

/// A word about the failing checks of a fork's pull request.
pub fn checks_of_forks() -> String {
    "This pull request comes from a fork, and wiz never writes there, so I leave its failing checks alone. Take the branch \
     into this repository, and I can."
        .to_owned()
}

/// A word about the failing checks of a pull request whose branch is the default branch.
pub fn checks_of_default_branch() -> String {
    "This pull request's branch is the default branch. Whether I answer failing checks there is said by `ci.default_branch` \
     in `.github/wiz.yml`, for the branch itself."
        .to_owned()
}

/// A word about a workflow of which nothing but its failure is known. It is said once, so it names nothing that changes.
pub fn workflow_unstarted(file: &str) -> String {
    let workflow = if file.is_empty() { "a workflow".to_owned() } else { format!("the workflow {}", code(file, 200)) };
    format!(
        "GitHub could not start {workflow}, so none of its jobs ran and there is no log. Most often the file is at fault; \
         its run under *Actions* says where. I may not change workflow files, so I leave this to you and look at the \
         checks again after your next push."
    )
}

/// A word about the failing checks of a closed pull request.
pub fn no_checks_of_closed() -> String {
    "This pull request is closed, so its checks are left alone. Reopen it first.".to_owned()
}

/// The names of several checks, as one name.
pub fn check_names<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|name| plain(name, 60)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_said_and_what_to_do() {
        let head = "a".repeat(40).parse().unwrap();
        let reasons = [
            GaveUp::SameAgain,
            GaveUp::Alternating,
            GaveUp::Attempts(1),
            GaveUp::Attempts(3),
            GaveUp::DailyBudget,
            GaveUp::RunBudget,
        ];
        let texts = reasons.map(|reason| checks_given_up("test (`@x`)", &head, reason));
        insta::assert_snapshot!(texts.join("\n"), @r"
        ``test (`@x`)`` still fails on `aaaaaaaa`, and it is the same failure that my last commit was to mend. I leave it to you; `/wiz ci on` lets me try again.
        ``test (`@x`)`` still fails on `aaaaaaaa`, and it is a failure that I mended before: mending one brings back the other, so they need to be looked at together. I leave it to you; `/wiz ci on` lets me try again.
        ``test (`@x`)`` still fails on `aaaaaaaa`, and I had one attempt. I leave it to you; `/wiz ci on` lets me try again.
        ``test (`@x`)`` still fails on `aaaaaaaa`, and I had 3 attempts. I leave it to you; `/wiz ci on` lets me try again.
        ``test (`@x`)`` still fails on `aaaaaaaa`, and there is no money left for today. I leave it to you; `/wiz ci on` lets me try again tomorrow, or once `budget_day` allows more.
        ``test (`@x`)`` still fails on `aaaaaaaa`, and my run here has spent its budget. I leave it to you; `/wiz budget +$2` and then `/wiz ci on` let me try again.
        ");
    }

    #[test]
    fn of_a_workflow_that_never_began_the_file_is_named() {
        insta::assert_snapshot!(workflow_unstarted(".github/workflows/`@x`.yml"), @"GitHub could not start the workflow ``.github/workflows/`@x`.yml``, so none of its jobs ran and there is no log. Most often the file is at fault; its run under *Actions* says where. I may not change workflow files, so I leave this to you and look at the checks again after your next push.");
        insta::assert_snapshot!(workflow_unstarted(""), @"GitHub could not start a workflow, so none of its jobs ran and there is no log. Most often the file is at fault; its run under *Actions* says where. I may not change workflow files, so I leave this to you and look at the checks again after your next push.");
    }

    #[test]
    fn how_checks_are_dealt_with_is_said_with_its_reason() {
        let view = |why, switched, at_work, tried, gave_up| {
            let by = Some("max".parse().unwrap());
            let label = "wiz:ci".to_owned();
            checks_answered(&ChecksView { why, by, label, attempts: 3, tried, gave_up, at_work, switched })
        };
        let once = ChecksView {
            why: ChecksWhy::Own,
            by: None,
            label: String::new(),
            attempts: 1,
            tried: 0,
            gave_up: false,
            at_work: false,
            switched: false,
        };
        let once = checks_answered(&once);
        let texts = [
            view(ChecksWhy::SwitchedOn, true, false, 0, false),
            view(ChecksWhy::SwitchedOff, true, true, 1, false),
            view(ChecksWhy::SwitchedOn, false, false, 2, false),
            view(ChecksWhy::SwitchedOff, false, false, 2, true),
            view(ChecksWhy::Own, false, true, 1, false),
            view(ChecksWhy::Labelled, false, false, 3, true),
            view(ChecksWhy::All, false, false, 0, false),
            view(ChecksWhy::Nobody, false, false, 0, false),
            once,
            checks_of_issues(),
            checks_of_forks(),
            no_checks_of_closed(),
        ];
        insta::assert_snapshot!(texts.join("\n"), @r"
        I answer failing checks of this pull request, from now on: with repairs on at most 3 commits. `/wiz ci off` ends that.
        I leave failing checks of this pull request alone, from now on. What I have begun goes on; `/wiz cancel` stops it. `/wiz ci on` changes that.
        I answer failing checks of this pull request, as max asked: with repairs on at most 3 commits. I have tried on 2 so far. `/wiz ci off` ends that.
        I leave failing checks of this pull request alone, as max asked. `/wiz ci on` changes that.
        I answer failing checks of this pull request, as I opened it: with repairs on at most 3 commits. I have tried on 1 so far. `/wiz ci off` ends that.
        I answer failing checks of this pull request, since it has the label `wiz:ci`: with repairs on at most 3 commits. I gave up on them; `/wiz ci on` lets me try again. `/wiz ci off` ends that.
        I answer failing checks of this pull request, as `ci:` in the policy file says for all: with repairs on at most 3 commits. `/wiz ci off` ends that.
        I leave failing checks of this pull request alone, since nobody asked for more. `/wiz ci on` or the label `wiz:ci` changes that.
        I answer failing checks of this pull request, as I opened it: with repairs on at most one commit. `/wiz ci off` ends that.
        Only pull requests have checks; say `/wiz ci on` or `/wiz ci off` there.
        This pull request comes from a fork, and wiz never writes there, so I leave its failing checks alone. Take the branch into this repository, and I can.
        This pull request is closed, so its checks are left alone. Reopen it first.
        ");
    }
}
