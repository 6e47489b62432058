//! What happened on GitHub that a policy gives a meaning to, and which one. Pure.

use crate::{
    event::{
        ReviewState, Trigger,
        command::{Command, CommandError, Flags, Verb},
    },
    policy::{
        self, Answering, AuthorAssociation, CiDefaultBranch, CiRules, EstimatedSize, GateFacts, GateLevel, Permission,
        RepositoryPolicy, Role,
    },
    run::state::Mission,
    triage::{self, Ground, Intent, ReviewFacts, ReviewIntent},
};

/// What something means under a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Meaning {
    pub what: String,
    /// What in the policy says so; two policies may say the same for other reasons.
    pub why: String,
}

impl Meaning {
    fn of(what: impl Into<String>) -> Self {
        Self { what: what.into(), why: String::new() }
    }

    fn because(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self { what: what.into(), why: why.into() }
    }

    fn nothing() -> Self {
        Self::of("means nothing")
    }

    /// Whether the policy has no word for it.
    pub(super) fn is_nothing(&self) -> bool {
        *self == Self::nothing()
    }
}

/// Something a policy may have a word for.
#[derive(Debug, Clone)]
pub(super) enum Happening {
    Command {
        command: Result<Command, CommandError>,
        role: Role,
        ground: Ground,
        known: Known,
    },
    /// A label or an assignment of an issue.
    Trigger {
        by: Trigger,
        role: Role,
        ground: Ground,
        known: Known,
    },
    /// A label of a pull request.
    PullLabel {
        label: String,
        role: Role,
        pull: PullFacts,
    },
    Review {
        state: Option<ReviewState>,
        order: Option<Command>,
        role: Role,
        ground: Ground,
    },
    /// Checks that failed on a commit.
    Failure(FailedOn),
}

/// What a gate looks at, as far as it is stored.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    pub labels: Vec<String>,
    pub author: Option<AuthorAssociation>,
    /// What the plan names; none where no plan was made.
    pub files: Option<Vec<String>>,
}

/// Where checks failed.
#[derive(Debug, Clone)]
pub(super) enum FailedOn {
    Pull {
        pull: PullFacts,
        /// On how many commits before a repair was tried.
        repairs: u32,
    },
    DefaultBranch,
}

/// What is known of a pull request whose checks may be answered.
#[derive(Debug, Clone, Default)]
pub(super) struct PullFacts {
    /// wiz opened it.
    pub own: bool,
    pub fork: bool,
    pub labels: Vec<String>,
    /// What a person said last about its checks.
    pub switch: Option<bool>,
}

impl Happening {
    /// What it means under a policy.
    pub(super) fn meaning(&self, policy: &RepositoryPolicy) -> Meaning {
        match self {
            Self::Command { command, role, ground, known } => of_command(policy, command, (*role, *ground), known),
            Self::Trigger { by, role, ground, known } => {
                let verb = match by {
                    Trigger::Label(label) => policy.triggers.of_label(label),
                    Trigger::Assignee(login) => policy.triggers.of_assignee(login),
                };
                let Some(verb) = verb else { return Meaning::nothing() };
                let command = Command { verb, instructions: String::new(), argument: None, flags: Flags::default() };
                let meaning = of_command(policy, &Ok(command), (*role, *ground), known);
                Meaning { what: format!("/wiz {}: {}", verb.name(), meaning.what), ..meaning }
            }
            Self::PullLabel { label, role, pull } => of_pull_label(policy, label, *role, pull),
            Self::Review { state, order, role, ground } => {
                let facts = ReviewFacts { state: *state, order: order.as_ref(), role: *role, ground: *ground };
                match triage::judge(&facts, policy) {
                    ReviewIntent::Work => Meaning::of("worked"),
                    ReviewIntent::Deny { needs } => Meaning::of(format!("denied, needs {needs}")),
                    ReviewIntent::TooLate { .. } => Meaning::of("heard, not possible there"),
                    ReviewIntent::Nothing(reason) => Meaning::because("left alone", reason),
                }
            }
            Self::Failure(FailedOn::Pull { pull, repairs }) => of_failure(&policy.ci, pull, *repairs),
            Self::Failure(FailedOn::DefaultBranch) => match policy.ci.default_branch {
                CiDefaultBranch::Fix => {
                    let command = Command {
                        verb: Verb::Fix,
                        instructions: String::new(),
                        argument: None,
                        flags: Flags::default(),
                    };
                    let run = started(policy, Mission::Fix, &command, &Known::default());
                    Meaning { what: format!("an issue is opened and a run {}", run.what), ..run }
                }
                CiDefaultBranch::Ignore => Meaning::of("left alone"),
            },
        }
    }
}

fn of_command(
    policy: &RepositoryPolicy,
    command: &Result<Command, CommandError>,
    (role, ground): (Role, Ground),
    known: &Known,
) -> Meaning {
    match triage::decide(command, role, policy, ground) {
        Intent::Start { mission, command } => started(policy, mission, &command, known),
        Intent::FollowUp { .. } => Meaning::of("goes on with the pull request"),
        Intent::Deny { needs, .. } => Meaning::of(format!("denied, needs {needs}")),
        Intent::Correct(_) => Meaning::of("corrected"),
        Intent::Order { .. }
        | Intent::Undo { .. }
        | Intent::Selftest
        | Intent::Status { .. }
        | Intent::Budget { .. }
        | Intent::Config
        | Intent::Ci { .. }
        | Intent::Remember { .. }
        | Intent::Forget { .. }
        | Intent::Help => Meaning::of("heard"),
        Intent::Unsuited(_) => Meaning::of("heard, not possible there"),
    }
}

fn started(policy: &RepositoryPolicy, mission: Mission, command: &Command, known: &Known) -> Meaning {
    let budget = triage::run_budget(mission, command.flags.max, policy.budget_run);
    if mission.ends_in_words() {
        return Meaning::of(format!("starts with up to {budget}"));
    }
    let count = |files: &Vec<String>| u32::try_from(files.len()).unwrap_or(u32::MAX);
    let files = known.files.as_ref();
    let facts = GateFacts {
        labels: known.labels.clone(),
        author: known.author,
        paths: files.cloned().unwrap_or_default(),
        size: files.map(|files| EstimatedSize { files: count(files), lines: None }),
        ..GateFacts::of(command.verb)
    };
    let decision = policy::gate(policy, &facts);
    let reasons: Vec<String> = decision.reasons.iter().map(ToString::to_string).collect();
    let (level, why) = match triage::wish(mission, command.flags.plan) {
        Some(wish) if decision.level == GateLevel::Autonomous => (GateLevel::Supervised, wish.to_owned()),
        Some(_) | None => (decision.level, reasons.join("; ")),
    };
    // A folder of the plan says nothing yet of the files in it.
    let is_refused = |path: &&String| !path.ends_with('/') && !policy.allows(path);
    let refused: Vec<&str> = facts.paths.iter().filter(is_refused).map(String::as_str).collect();
    let but = if refused.is_empty() { String::new() } else { format!(", and may not change {}", refused.join(", ")) };
    Meaning::because(format!("starts with up to {budget}, {level}{but}"), why)
}

fn of_pull_label(policy: &RepositoryPolicy, label: &str, role: Role, pull: &PullFacts) -> Meaning {
    if !policy.ci.is_label(label) {
        return Meaning::nothing();
    }
    if policy.ci.answering(pull.own, pull.switch, &[]) != Answering::Nobody {
        return Meaning::because("changes nothing", "something else decides about the checks there");
    }
    match policy::may(role, Verb::Ci, policy) {
        Permission::Allowed if pull.fork => Meaning::of("heard, not possible there"),
        Permission::Allowed => Meaning::of("has failing checks answered"),
        Permission::Denied { needs } => Meaning::of(format!("denied, needs {needs}")),
    }
}

fn of_failure(rules: &CiRules, pull: &PullFacts, repairs: u32) -> Meaning {
    if pull.fork && rules.is_labelled(&pull.labels) {
        return Meaning::because("told that it is not possible there", "the pull request comes from a fork");
    }
    if pull.fork {
        return Meaning::because("left alone", "the pull request comes from a fork");
    }
    let why = match rules.answering(pull.own, pull.switch, &pull.labels) {
        Answering::SwitchedOn => "`/wiz ci on` was said",
        Answering::Own => "wiz opened the pull request",
        Answering::Labelled => "the pull request has the label",
        Answering::All => "all are",
        Answering::SwitchedOff => return Meaning::because("left alone", "`/wiz ci off` was said"),
        Answering::Nobody => return Meaning::of("left alone"),
    };
    if repairs >= rules.attempts {
        return Meaning::because("left to people", format!("repairs tried before: {repairs}"));
    }
    Meaning::because("answered", why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::command;

    fn said(text: &str) -> Happening {
        let command = command::parse(text, None).remove(0);
        let known =
            Known { files: Some(vec!["src/a.rs".into(), "docs/a.md".into(), "tests/".into()]), ..Known::default() };
        Happening::Command { command, role: Role::Write, ground: Ground::Issue, known }
    }

    fn labelled(label: &str, role: Role) -> Happening {
        let by = Trigger::Label(label.into());
        Happening::Trigger { by, role, ground: Ground::Issue, known: Known::default() }
    }

    fn pull_label(role: Role, pull: PullFacts) -> Happening {
        Happening::PullLabel { label: "wiz:ci".into(), role, pull }
    }

    fn failed(pull: PullFacts, repairs: u32) -> Happening {
        Happening::Failure(FailedOn::Pull { pull, repairs })
    }

    #[test]
    fn commands_mean_what_the_policy_says() {
        let table = [
            ("", said("/wiz fix"), "starts with up to $3.00, supervised: the default here is supervised"),
            (
                "budget_run: $2\nallowed_paths: [src/]",
                said("/wiz fix --max $5"),
                "starts with up to $2.00, supervised, and may not change docs/a.md: the default here is supervised",
            ),
            ("", said("/wiz ask why"), "starts with up to $0.50"),
            ("min_role: admin", said("/wiz fix"), "denied, needs admin"),
            ("", said("/wiz fxi"), "corrected"),
            ("", said("/wiz status"), "heard"),
            ("", said("/wiz ci on"), "heard, not possible there"),
            (
                "gate: autonomous",
                said("/wiz plan"),
                "starts with up to $3.00, supervised: `/wiz plan` waits for approval",
            ),
            (
                "gate: autonomous",
                said("/wiz fix --plan ask"),
                "starts with up to $3.00, supervised: `--plan ask` was given",
            ),
            (
                "gate: autonomous",
                said("/wiz fix"),
                "starts with up to $3.00, autonomous: the default here is autonomous",
            ),
        ];
        assert_all(&table);
    }

    #[test]
    fn labels_reviews_and_failures_mean_what_the_policy_says() {
        let own = || PullFacts { own: true, ..PullFacts::default() };
        let fork = || PullFacts { fork: true, ..PullFacts::default() };
        let off = || PullFacts { switch: Some(false), ..own() };
        let with_label = || PullFacts { labels: vec!["wiz:ci".into()], ..PullFacts::default() };
        let review = |order: &str, role| Happening::Review {
            state: Some(ReviewState::ChangesRequested),
            order: triage::order_in(order, None),
            role,
            ground: Ground::OwnPullRequest,
        };
        let on_pull = |text: &str| Happening::Command {
            command: command::parse(text, None).remove(0),
            role: Role::Write,
            ground: Ground::OwnPullRequest,
            known: Known::default(),
        };
        let all = "ci: {answer: all, attempts: 1, default_branch: fix}";
        let table = [
            ("", labelled("wiz:fix", Role::Write), "means nothing"),
            (
                "triggers: {labels: {'wiz:fix': fix}}",
                labelled("WIZ:fix", Role::Write),
                "/wiz fix: starts with up to $3.00, supervised: the default here is supervised",
            ),
            (
                "triggers: {labels: {'wiz:fix': fix}}",
                labelled("wiz:fix", Role::Triage),
                "/wiz fix: denied, needs write",
            ),
            ("", pull_label(Role::Write, PullFacts::default()), "has failing checks answered"),
            ("", pull_label(Role::Triage, PullFacts::default()), "denied, needs write"),
            ("", pull_label(Role::Write, fork()), "heard, not possible there"),
            ("", pull_label(Role::Write, own()), "changes nothing: something else decides about the checks there"),
            ("ci: {label: other}", pull_label(Role::Write, PullFacts::default()), "means nothing"),
            ("", review("", Role::Write), "worked"),
            ("min_role: maintain", review("/wiz docs", Role::Write), "denied, needs maintain"),
            ("", on_pull("/wiz fix the typo"), "goes on with the pull request"),
            ("", failed(own(), 2), "answered: wiz opened the pull request"),
            ("", failed(own(), 3), "left to people: repairs tried before: 3"),
            (all, failed(PullFacts::default(), 0), "answered: all are"),
            (all, failed(PullFacts::default(), 1), "left to people: repairs tried before: 1"),
            ("", failed(PullFacts::default(), 0), "left alone"),
            ("", failed(with_label(), 0), "answered: the pull request has the label"),
            ("", failed(off(), 0), "left alone: `/wiz ci off` was said"),
            (all, failed(fork(), 0), "left alone: the pull request comes from a fork"),
            (
                all,
                failed(PullFacts { labels: vec!["wiz:ci".into()], ..fork() }, 0),
                "told that it is not possible there: the pull request comes from a fork",
            ),
            (
                "",
                failed(PullFacts { switch: Some(true), ..PullFacts::default() }, 0),
                "answered: `/wiz ci on` was said",
            ),
            ("", Happening::Failure(FailedOn::DefaultBranch), "left alone"),
            (
                all,
                Happening::Failure(FailedOn::DefaultBranch),
                "an issue is opened and a run starts with up to $3.00, supervised: the default here is supervised",
            ),
        ];
        assert_all(&table);
    }

    fn assert_all(table: &[(&str, Happening, &str)]) {
        for (file, happening, expected) in table {
            let policy = policy::parse(file).unwrap();
            let Meaning { what, why } = happening.meaning(&policy);
            let said = if why.is_empty() { what } else { format!("{what}: {why}") };
            assert_eq!(said, *expected, "{file}: {happening:?}");
        }
    }
}
