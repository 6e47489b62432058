//! What happened on GitHub that a policy gives a meaning to, and which one. Pure.

use crate::{
    event::{
        ReviewState, Trigger,
        command::{Command, CommandError, Flags, Verb},
    },
    policy::{
        self, Answering, AuthorAssociation, CiDefaultBranch, CiRules, EstimatedSize, GateFacts, Permission,
        RepositoryPolicy, Role,
    },
    run::state::Mission,
    triage::{self, Ground, Intent, ReviewFacts, ReviewIntent},
};

/// What a thing is called that a policy has no word for.
pub(super) const NOTHING: &str = "means nothing";

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
    /// A commit of which no delivery told what it is the head of.
    Unknown,
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
    /// What it means under a policy, in a line.
    pub(super) fn meaning(&self, policy: &RepositoryPolicy) -> String {
        match self {
            Self::Command { command, role, ground, known } => of_command(policy, command, (*role, *ground), known),
            Self::Trigger { by, role, ground, known } => {
                let verb = match by {
                    Trigger::Label(label) => policy.triggers.of_label(label),
                    Trigger::Assignee(login) => policy.triggers.of_assignee(login),
                };
                let Some(verb) = verb else { return NOTHING.into() };
                let command = Command { verb, instructions: String::new(), argument: None, flags: Flags::default() };
                format!("/wiz {}: {}", verb.name(), of_command(policy, &Ok(command), (*role, *ground), known))
            }
            Self::PullLabel { label, role, pull } => of_pull_label(policy, label, *role, pull),
            Self::Review { state, order, role, ground } => {
                let facts = ReviewFacts { state: *state, order: order.as_ref(), role: *role, ground: *ground };
                match triage::judge(&facts, policy) {
                    ReviewIntent::Work => "worked".into(),
                    ReviewIntent::Deny { needs } => format!("denied, needs {needs}"),
                    ReviewIntent::TooLate { .. } => "heard, not possible there".into(),
                    ReviewIntent::Nothing(reason) => format!("{NOTHING}: {reason}"),
                }
            }
            Self::Failure(FailedOn::Pull { pull, repairs }) => of_failure(&policy.ci, pull, *repairs),
            Self::Failure(FailedOn::DefaultBranch) => match policy.ci.default_branch {
                CiDefaultBranch::Fix => "an issue is opened and worked on".into(),
                CiDefaultBranch::Ignore => "left alone".into(),
            },
            Self::Failure(FailedOn::Unknown) => "left alone: on no pull request that is known".into(),
        }
    }
}

fn of_command(
    policy: &RepositoryPolicy,
    command: &Result<Command, CommandError>,
    (role, ground): (Role, Ground),
    known: &Known,
) -> String {
    match triage::decide(command, role, policy, ground) {
        Intent::Start { mission, command } => started(policy, mission, &command, known),
        Intent::FollowUp { .. } => "goes on with the pull request".into(),
        Intent::Deny { needs, .. } => format!("denied, needs {needs}"),
        Intent::Correct(_) => "corrected".into(),
        Intent::Order { .. }
        | Intent::Undo { .. }
        | Intent::Selftest
        | Intent::Status { .. }
        | Intent::Budget { .. }
        | Intent::Config
        | Intent::Ci { .. }
        | Intent::Remember { .. }
        | Intent::Forget { .. }
        | Intent::Help => "heard".into(),
        Intent::Unsuited(_) => "heard, not possible there".into(),
    }
}

fn started(policy: &RepositoryPolicy, mission: Mission, command: &Command, known: &Known) -> String {
    let budget = triage::run_budget(mission, command.flags.max, policy.budget_run);
    if mission.ends_in_words() {
        return format!("starts with up to {budget}");
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
    let mut text = format!("starts with up to {budget}, {}: {}", decision.level, reasons.join("; "));
    let refused: Vec<&str> = facts.paths.iter().map(String::as_str).filter(|path| !policy.allows(path)).collect();
    if !refused.is_empty() {
        text += &format!("; may not change {}", refused.join(", "));
    }
    text
}

fn of_pull_label(policy: &RepositoryPolicy, label: &str, role: Role, pull: &PullFacts) -> String {
    if !policy.ci.is_label(label) {
        return NOTHING.into();
    }
    if policy.ci.answering(pull.own, pull.switch, &[]) != Answering::Nobody {
        return "changes nothing: something else decides about the checks there".into();
    }
    match policy::may(role, Verb::Ci, policy) {
        Permission::Allowed if pull.fork => "heard, not possible there".into(),
        Permission::Allowed => "has failing checks answered".into(),
        Permission::Denied { needs } => format!("denied, needs {needs}"),
    }
}

fn of_failure(rules: &CiRules, pull: &PullFacts, repairs: u32) -> String {
    if pull.fork {
        return "left alone: the pull request comes from a fork".into();
    }
    let why = match rules.answering(pull.own, pull.switch, &pull.labels) {
        Answering::SwitchedOn => "`/wiz ci on` was said",
        Answering::Own => "wiz opened the pull request",
        Answering::Labelled => "the pull request has the label",
        Answering::All => "all are",
        Answering::SwitchedOff => return "left alone: `/wiz ci off` was said".into(),
        Answering::Nobody => return "left alone".into(),
    };
    if repairs >= rules.attempts {
        return format!("left to people, repairs tried before: {repairs}");
    }
    format!("answered, since {why}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::command;

    fn said(text: &str) -> Happening {
        let command = command::parse(text, None).remove(0);
        let known = Known { files: Some(vec!["src/a.rs".into(), "docs/a.md".into()]), ..Known::default() };
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
    fn what_happened_means_what_the_policy_says() {
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
        let all = "ci: {answer: all, attempts: 1, default_branch: fix}";
        let table = [
            ("", said("/wiz fix"), "starts with up to $3.00, supervised: the default here is supervised"),
            (
                "budget_run: $2\nallowed_paths: [src/]",
                said("/wiz fix --max $5"),
                "starts with up to $2.00, supervised: the default here is supervised; may not change docs/a.md",
            ),
            ("", said("/wiz ask why"), "starts with up to $0.50"),
            ("min_role: admin", said("/wiz fix"), "denied, needs admin"),
            ("", said("/wiz fxi"), "corrected"),
            ("", said("/wiz status"), "heard"),
            ("", said("/wiz ci on"), "heard, not possible there"),
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
            ("", failed(own(), 2), "answered, since wiz opened the pull request"),
            ("", failed(own(), 3), "left to people, repairs tried before: 3"),
            (all, failed(PullFacts::default(), 0), "answered, since all are"),
            (all, failed(PullFacts::default(), 1), "left to people, repairs tried before: 1"),
            ("", failed(PullFacts::default(), 0), "left alone"),
            ("", failed(with_label(), 0), "answered, since the pull request has the label"),
            ("", failed(off(), 0), "left alone: `/wiz ci off` was said"),
            (all, failed(fork(), 0), "left alone: the pull request comes from a fork"),
            ("", Happening::Failure(FailedOn::DefaultBranch), "left alone"),
            (all, Happening::Failure(FailedOn::DefaultBranch), "an issue is opened and worked on"),
            (all, Happening::Failure(FailedOn::Unknown), "left alone: on no pull request that is known"),
        ];
        for (file, happening, expected) in table {
            let policy = policy::parse(file).unwrap();
            assert_eq!(happening.meaning(&policy), expected, "{file}: {happening:?}");
        }
    }
}
