//! From an event to what it asks of wiz.
//!
//! [`listen`] drops what wiz must not hear (its own doings, other bots, deleted words) and finds the commands;
//! [`decide`] turns one command of one person into an [`Intent`]. Both are pure; the executor in `run/jobs/triage.rs`
//! looks up the two things they need, the speaker's live role and the repository's policy, and carries intents out.
//!
//! Nobody who addresses wiz is met with silence, and nobody is flooded: an intent to refuse says why, once.
//!
//! Read first: [`listen`], [`decide`], [`Intent`].

mod ended;
mod review;

pub use ended::{Ended, ended};
pub use review::{ReviewFacts, ReviewIntent, Reviewed, judge, may_ask, order_in, reviewed};

use crate::{
    error::UserMessage,
    event::{
        Actor, Event, EventKind, Place, Spoken, SpokenAction,
        command::{self, Argument, Command, CommandError, Verb},
    },
    ids::Login,
    money::MicroDollars,
    plan::ApprovalWish,
    policy::{self, GateLevel, Layer, Permission, PolicyFault, RepositoryPolicy, Role},
    report,
    run::state::Mission,
};

/// Words addressed to wiz, by somebody who may be heard.
#[derive(Debug, Clone)]
pub struct Heard<'a> {
    pub spoken: &'a Spoken,
    pub speaker: &'a Actor,
    pub commands: Vec<Result<Command, CommandError>>,
}

/// The commands in an event, or why there are none to follow. wiz is a bot like others, should its own name not be known.
pub fn listen<'a>(event: &'a Event, own: Option<&Login>) -> Result<Heard<'a>, &'static str> {
    let EventKind::Spoken(spoken) = &event.kind else { return Err("nobody spoke") };
    let Some(speaker) = &event.actor else { return Err("the speaker is unknown") };
    if own == Some(&speaker.login) {
        return Err("wiz's own words");
    }
    if speaker.is_bot {
        return Err("a bot's words");
    }
    if spoken.action == SpokenAction::Deleted {
        return Err("deleted words");
    }
    if spoken.author.as_ref().is_some_and(|author| author.is_bot) {
        return Err("a person edited a bot's words");
    }
    // Who moves an issue here from another repository says nothing of what a stranger wrote there.
    // <https://docs.github.com/en/webhooks/webhook-events-and-payloads?actionType=opened#issues>
    if spoken.action == SpokenAction::Created && spoken.author.as_ref().map(|author| author.id) != Some(speaker.id) {
        return Err("somebody else's words");
    }
    let mut commands = command::parse(&spoken.text, spoken.previous_text.as_deref());
    if matches!(spoken.place, Place::Review | Place::ReviewComment) {
        // The review as a whole speaks for these, see [`reviewed`].
        commands.retain(|command| !command.as_ref().is_ok_and(|command| is_work(command.verb)));
    }
    if commands.is_empty() {
        return Err("no command");
    }
    Ok(Heard { spoken, speaker, commands })
}

/// What one command asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Intent {
    /// Start a run on the issue.
    Start {
        mission: Mission,
        command: Command,
    },
    /// Do more on an open pull request.
    FollowUp {
        command: Command,
    },
    /// Order something of the issue's run.
    Order {
        verb: &'static str,
        order: Ordered,
    },
    /// Take back what the issue's run did.
    Undo {
        verb: &'static str,
    },
    /// Try every part of wiz here.
    Selftest,
    /// Say how the issue's run stands.
    Status {
        verb: &'static str,
    },
    /// Say what the issue's run has spent.
    Budget {
        verb: &'static str,
    },
    /// Keep words for all later runs of the repository; none lists what is kept.
    Remember {
        words: Option<String>,
    },
    /// Keep a note no longer.
    Forget {
        note: i64,
    },
    /// Say which rules hold here, and where they come from.
    Config,
    /// Say whether failing checks of this pull request are answered; before, switch that if so `wanted`.
    Ci {
        wanted: Option<bool>,
    },
    Help,
    /// Say what is wrong with the command.
    Correct(CommandError),
    /// Refuse this person, once per issue.
    Deny {
        verb: &'static str,
        needs: Role,
    },
    /// Refuse this place.
    Unsuited(UserMessage),
}

/// An order to a run, before the look-ups it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ordered {
    Approve { typed_hash: Option<String> },
    Widen,
    Reject,
    Pause,
    Resume,
    Budget { more: MicroDollars },
    Answer { words: String },
    Revise { text: String },
    Retry,
    Cancel,
}

/// What is known about the place where a command was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    Issue,
    ClosedIssue,
    /// A pull request that is closed or merged.
    ClosedPullRequest,
    /// A pull request that wiz opened.
    OwnPullRequest,
    /// A pull request from a branch of the repository.
    ForeignPullRequest,
    /// A pull request from a fork, where changes are offered and never written.
    Fork,
}

/// What one command of a person with `role` means.
pub fn decide(
    command: &Result<Command, CommandError>,
    role: Role,
    policy: &RepositoryPolicy,
    ground: Ground,
) -> Intent {
    let command = match command {
        Ok(command) => command,
        // A person who may do nothing here is not taught the commands either.
        Err(_) if role < policy.min_role => return Intent::Deny { verb: "", needs: policy.min_role },
        Err(error) => return Intent::Correct(error.clone()),
    };
    // To see what was spent or noted needs less than to spend or note more, and to see a switch less than to move it.
    let weighs_as = match (command.verb, &command.argument) {
        (Verb::Budget, Some(_)) => Verb::Approve,
        (Verb::Ci, None) => Verb::Status,
        (Verb::Remember, _) if command.instructions.is_empty() => Verb::Status,
        (verb, _) => verb,
    };
    if let Permission::Denied { needs } = policy::may(role, weighs_as, policy) {
        return Intent::Deny { verb: command.verb.name(), needs };
    }
    meaning(command, ground)
}

/// What a command of somebody with permission means.
fn meaning(command: &Command, ground: Ground) -> Intent {
    let verb = command.verb.name();
    let order = |order| Intent::Order { verb, order };
    match command.verb {
        Verb::Fix => start(Mission::Fix, command, ground),
        Verb::Feature => start(Mission::Feature, command, ground),
        Verb::Test => start(Mission::Test, command, ground),
        Verb::Docs => start(Mission::Docs, command, ground),
        Verb::Refactor => start(Mission::Refactor, command, ground),
        Verb::Plan => start(Mission::Plan, command, ground),
        // Whatever is closed or foreign can still be read.
        Verb::Review => review_of(command, ground),
        Verb::Ask => Intent::Start { mission: Mission::Ask, command: command.clone() },
        Verb::Approve => match &command.argument {
            Some(Argument::PlanHash(hash)) => order(Ordered::Approve { typed_hash: Some(hash.clone()) }),
            Some(Argument::Scope) => order(Ordered::Widen),
            Some(Argument::More(_) | Argument::Switch(_) | Argument::Host(_) | Argument::Note(_)) | None => {
                order(Ordered::Approve { typed_hash: None })
            }
        },
        Verb::Reject => order(Ordered::Reject),
        Verb::Answer => order(Ordered::Answer { words: command.instructions.clone() }),
        Verb::Revise => order(Ordered::Revise { text: command.instructions.clone() }),
        Verb::Retry => order(Ordered::Retry),
        Verb::Cancel => order(Ordered::Cancel),
        Verb::Pause => order(Ordered::Pause),
        Verb::Resume => order(Ordered::Resume),
        Verb::Budget => match &command.argument {
            Some(Argument::More(more)) => order(Ordered::Budget { more: *more }),
            Some(
                Argument::PlanHash(_) | Argument::Scope | Argument::Switch(_) | Argument::Host(_) | Argument::Note(_),
            )
            | None => Intent::Budget { verb },
        },
        Verb::Undo => Intent::Undo { verb },
        Verb::Selftest => Intent::Selftest,
        Verb::Status => Intent::Status { verb },
        Verb::Config => Intent::Config,
        Verb::Remember => {
            Intent::Remember { words: Some(command.instructions.clone()).filter(|words| !words.is_empty()) }
        }
        Verb::Forget => match &command.argument {
            Some(Argument::Note(note)) => Intent::Forget { note: *note },
            Some(
                Argument::PlanHash(_) | Argument::Scope | Argument::More(_) | Argument::Switch(_) | Argument::Host(_),
            )
            | None => Intent::Remember { words: None },
        },
        Verb::Help => Intent::Help,
        Verb::Allow => Intent::Unsuited(UserMessage::new(report::no_hosts())),
        Verb::Ci => checks(command, ground),
    }
}

/// Whether nothing would come of an intent but words that a model is paid for.
pub fn ends_in_words(intent: &Intent) -> bool {
    matches!(intent, Intent::Start { mission, .. } if mission.ends_in_words())
}

/// What a press on a button means, by a person with `role`.
pub fn press(verb: Verb, order: Ordered, role: Role, policy: &RepositoryPolicy) -> Intent {
    match policy::may(role, verb, policy) {
        Permission::Allowed => Intent::Order { verb: verb.name(), order },
        Permission::Denied { needs } => Intent::Deny { verb: verb.name(), needs },
    }
}

/// Under a faulty policy nothing begins or goes on: what the policy forbids is not known. Looking and stopping stay
/// possible.
pub fn unless_faulty(intent: Intent, faults: &[PolicyFault]) -> Intent {
    match intent {
        Intent::Start { .. }
        | Intent::FollowUp { .. }
        | Intent::Order {
            order:
                Ordered::Approve { .. }
                | Ordered::Widen
                | Ordered::Answer { .. }
                | Ordered::Revise { .. }
                | Ordered::Retry
                | Ordered::Resume
                | Ordered::Budget { .. },
            ..
        }
        | Intent::Ci { wanted: Some(true) }
            if !faults.is_empty() =>
        {
            Intent::Unsuited(UserMessage::new(faults_text(faults)))
        }
        Intent::Start { .. }
        | Intent::FollowUp { .. }
        | Intent::Order { .. }
        | Intent::Undo { .. }
        | Intent::Selftest
        | Intent::Status { .. }
        | Intent::Budget { .. }
        | Intent::Config
        | Intent::Ci { .. }
        | Intent::Remember { .. }
        | Intent::Forget { .. }
        | Intent::Help
        | Intent::Correct(_)
        | Intent::Deny { .. }
        | Intent::Unsuited(_) => intent,
    }
}

/// What is wrong with the files that rule here, and that nothing was done.
pub fn faults_text(faults: &[PolicyFault]) -> String {
    let of = |layer| -> Vec<(usize, String)> {
        let own = faults.iter().filter(|fault| fault.layer == layer);
        own.map(|fault| (fault.line, fault.message.clone())).collect()
    };
    let files = [
        (Layer::Repository, "`.github/wiz.yml` on the default branch"),
        (Layer::Organisation, "`wiz.yml` in this account's repository `.github`"),
        (Layer::Server, "The policy file of this server"),
    ];
    let texts = files.into_iter().map(|(layer, file)| (file, of(layer))).filter(|(_, faults)| !faults.is_empty());
    texts.map(|(file, faults)| report::policy_faults(file, &faults)).collect::<Vec<_>>().join("\n")
}

/// Whether the policy wants somebody else to approve than the person who asked for what is to be approved.
pub fn needs_another(gate: GateLevel, has_asked: bool) -> bool {
    match gate {
        GateLevel::HumanRequired => has_asked,
        GateLevel::Supervised | GateLevel::Autonomous => false,
    }
}

/// Why a plan waits for approval although the policy would let it go on, if it does.
pub fn wish(mission: Mission, asked: Option<ApprovalWish>) -> Option<&'static str> {
    match (mission, asked) {
        (Mission::Plan, _) => Some("`/wiz plan` waits for approval"),
        (_, Some(ApprovalWish::Ask)) => Some("`--plan ask` was given"),
        (_, Some(ApprovalWish::Auto) | None) => None,
    }
}

/// What an answer may cost unless the person names another sum: a question that needs more is a piece of work.
const ANSWER_BUDGET: MicroDollars = MicroDollars::from_cents(50);

/// What a review may cost unless the person names another sum: it reads a whole change and the code around it.
const REVIEW_BUDGET: MicroDollars = MicroDollars::from_cents(100);

/// What a run may spend: what was asked for or what such a mission usually needs, up to the policy's cap.
pub fn run_budget(mission: Mission, asked: Option<MicroDollars>, cap: MicroDollars) -> MicroDollars {
    let usual = match mission {
        Mission::Ask => ANSWER_BUDGET,
        Mission::Review => REVIEW_BUDGET,
        Mission::Fix
        | Mission::Feature
        | Mission::Test
        | Mission::Docs
        | Mission::Refactor
        | Mission::Plan
        | Mission::Ci => cap,
    };
    asked.unwrap_or(usual).min(cap)
}

/// Whether a verb orders a change.
pub(crate) fn is_work(verb: Verb) -> bool {
    match verb {
        Verb::Fix | Verb::Feature | Verb::Test | Verb::Docs | Verb::Refactor => true,
        Verb::Review
        | Verb::Plan
        | Verb::Ask
        | Verb::Approve
        | Verb::Revise
        | Verb::Answer
        | Verb::Reject
        | Verb::Retry
        | Verb::Cancel
        | Verb::Pause
        | Verb::Resume
        | Verb::Status
        | Verb::Budget
        | Verb::Config
        | Verb::Ci
        | Verb::Allow
        | Verb::Remember
        | Verb::Forget
        | Verb::Undo
        | Verb::Selftest
        | Verb::Help => false,
    }
}

fn start(mission: Mission, command: &Command, ground: Ground) -> Intent {
    match ground {
        Ground::Issue => Intent::Start { mission, command: command.clone() },
        Ground::ClosedIssue => Intent::Unsuited(UserMessage::new(report::closed_issue(command.verb.name()))),
        Ground::ClosedPullRequest => {
            Intent::Unsuited(UserMessage::new(report::closed_pull_request(command.verb.name())))
        }
        Ground::OwnPullRequest | Ground::ForeignPullRequest | Ground::Fork
            if is_work(command.verb) && command.instructions.trim().is_empty() =>
        {
            Intent::Unsuited(UserMessage::new(report::what_to_change(command.verb.name())))
        }
        Ground::OwnPullRequest | Ground::ForeignPullRequest | Ground::Fork if is_work(command.verb) => {
            Intent::FollowUp { command: command.clone() }
        }
        Ground::OwnPullRequest | Ground::ForeignPullRequest | Ground::Fork => {
            Intent::Unsuited(UserMessage::new(report::work_on_pull_request()))
        }
    }
}

/// A review reads any open pull request, also from a fork: it writes nowhere but into the conversation.
fn review_of(command: &Command, ground: Ground) -> Intent {
    match ground {
        Ground::OwnPullRequest | Ground::ForeignPullRequest | Ground::Fork => {
            Intent::Start { mission: Mission::Review, command: command.clone() }
        }
        Ground::ClosedPullRequest => Intent::Unsuited(UserMessage::new(report::closed_for_review())),
        Ground::Issue | Ground::ClosedIssue => Intent::Unsuited(UserMessage::new(report::nothing_to_review())),
    }
}

/// What a word about failing checks means. On a fork's pull request there is nothing to switch.
fn checks(command: &Command, ground: Ground) -> Intent {
    let wanted = match &command.argument {
        Some(Argument::Switch(on)) => Some(*on),
        Some(Argument::PlanHash(_) | Argument::Scope | Argument::More(_) | Argument::Host(_) | Argument::Note(_))
        | None => None,
    };
    match ground {
        Ground::OwnPullRequest | Ground::ForeignPullRequest => Intent::Ci { wanted },
        Ground::ClosedPullRequest => Intent::Unsuited(UserMessage::new(report::no_checks_of_closed())),
        Ground::Fork => Intent::Unsuited(UserMessage::new(report::checks_of_forks())),
        Ground::Issue | Ground::ClosedIssue => Intent::Unsuited(UserMessage::new(report::checks_of_issues())),
    }
}

/// The ground of a spoken text, once it is known whether wiz opened the pull request and, if it had to be asked,
/// whether it comes from a fork.
pub fn ground(spoken: &Spoken, own: bool, fork: Option<bool>) -> Ground {
    match (spoken.pull_request || spoken.place == Place::PullRequest, own, spoken.fork.or(fork)) {
        (false, ..) if spoken.closed => Ground::ClosedIssue,
        (false, ..) => Ground::Issue,
        (true, ..) if spoken.closed => Ground::ClosedPullRequest,
        (true, true, _) => Ground::OwnPullRequest,
        (true, false, Some(false)) => Ground::ForeignPullRequest,
        // Unknown counts as a fork: it costs a person one click and an attacker everything.
        (true, false, Some(true) | None) => Ground::Fork,
    }
}
#[cfg(test)]
mod tests;
