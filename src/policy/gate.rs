//! Whether a person must agree before a plan is worked, and which: decided from everything known about the work.
//!
//! The level is the strictest of the repository's default, of every rule that matches, and of the paths that always
//! need a person. So a fact can only make the gate stricter: work about which less is known is not let through because
//! of that, it is decided on again once more is known.

use std::fmt;

use schemars::JsonSchema;
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor, value::MapAccessDeserializer},
};

use super::{
    Pattern, RepositoryPolicy,
    guarded::{self, Guarded},
    values,
};
use crate::{
    event::command::Verb,
    money::MicroDollars,
    plan::{Approver, Gate as Asked},
};

/// When a person must approve; later ones are stricter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GateLevel {
    /// A plan is worked at once; a person is asked only when scope or budget is left.
    Autonomous,
    /// A plan waits for one approval.
    Supervised,
    /// A plan waits for the approval of somebody other than the person who asked for it.
    HumanRequired,
}

impl GateLevel {
    /// The word in the policy file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Autonomous => "autonomous",
            Self::Supervised => "supervised",
            Self::HumanRequired => "human-required",
        }
    }
}

impl From<Approver> for GateLevel {
    fn from(approver: Approver) -> Self {
        match approver {
            Approver::Nobody => Self::Autonomous,
            Approver::Anybody => Self::Supervised,
            Approver::AnotherPerson => Self::HumanRequired,
        }
    }
}

impl From<GateLevel> for Approver {
    fn from(level: GateLevel) -> Self {
        match level {
            GateLevel::Autonomous => Self::Nobody,
            GateLevel::Supervised => Self::Anybody,
            GateLevel::HumanRequired => Self::AnotherPerson,
        }
    }
}

impl fmt::Display for GateLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How the author of an issue or pull request stands to the repository, in GitHub's words.
/// <https://docs.github.com/en/graphql/reference/enums#commentauthorassociation>
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AuthorAssociation {
    Owner,
    Member,
    Collaborator,
    Contributor,
    FirstTimeContributor,
    FirstTimer,
    Mannequin,
    None,
}

impl AuthorAssociation {
    const ALL: [Self; 8] = [
        Self::Owner,
        Self::Member,
        Self::Collaborator,
        Self::Contributor,
        Self::FirstTimeContributor,
        Self::FirstTimer,
        Self::Mannequin,
        Self::None,
    ];

    /// The word in the policy file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Member => "member",
            Self::Collaborator => "collaborator",
            Self::Contributor => "contributor",
            Self::FirstTimeContributor => "first-time-contributor",
            Self::FirstTimer => "first-timer",
            Self::Mannequin => "mannequin",
            Self::None => "none",
        }
    }

    /// GitHub's `author_association`, such as `FIRST_TIME_CONTRIBUTOR`. A word that is not known is nobody's.
    pub fn from_github(word: &str) -> Self {
        let word = word.to_ascii_lowercase().replace('_', "-");
        Self::ALL.into_iter().find(|association| association.name() == word).unwrap_or(Self::None)
    }
}

/// One rule of the gate: it matches when each of its conditions does, and a list when one of its entries does.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "WrittenRule")]
pub struct GateRule {
    pub name: Option<String>,
    pub level: GateLevel,
    pub verbs: Vec<Verb>,
    pub labels: Vec<String>,
    pub paths: Vec<Pattern>,
    pub files_over: Option<u32>,
    pub lines_over: Option<u32>,
    pub authors: Vec<AuthorAssociation>,
    pub cost_over: Option<MicroDollars>,
}

/// A rule that makes the gate stricter. It matches when each of its conditions does, and a list when one of its entries
/// does.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a rule such as `{ paths: [src/crypto/], level: human-required }`")]
#[schemars(rename = "GateRule")]
pub(super) struct WrittenRule {
    /// What the rule is called where wiz says why it asks.
    name: Option<String>,
    /// What the rule asks for: supervised or human-required.
    level: GateLevel,
    /// The command is one of these.
    #[serde(default, deserialize_with = "values::verbs")]
    #[schemars(with = "Vec<String>")]
    verbs: Vec<Verb>,
    /// The issue or pull request carries one of these labels; case does not matter.
    #[serde(default)]
    labels: Vec<String>,
    /// The plan names a file that one of these patterns covers; case does not matter.
    #[serde(default)]
    paths: Vec<Pattern>,
    /// More files than this are expected to change.
    files_over: Option<u32>,
    /// More lines than this are expected to change.
    lines_over: Option<u32>,
    /// How the author of the issue or pull request stands to the repository.
    #[serde(default)]
    authors: Vec<AuthorAssociation>,
    /// The work is quoted at more than this.
    #[serde(default, deserialize_with = "values::amount")]
    #[schemars(with = "Option<values::Amount>")]
    cost_over: Option<MicroDollars>,
}

/// Longest name of a rule, and longest label, in characters; GitHub's labels have 50.
const NAME_CHARS: usize = 100;
/// Most entries of one list of a rule.
const ENTRIES: usize = 100;

impl TryFrom<WrittenRule> for GateRule {
    type Error = String;

    fn try_from(written: WrittenRule) -> Result<Self, String> {
        let WrittenRule { name, level, verbs, labels, paths, files_over, lines_over, authors, cost_over } = written;
        let is_name = |text: &String| values::is_line(text, NAME_CHARS);
        if name.as_ref().is_some_and(|name| !is_name(name)) || !labels.iter().all(is_name) {
            return Err(format!("a rule's name and a label are one line of at most {NAME_CHARS} characters"));
        }
        if level == GateLevel::Autonomous {
            return Err("a rule only makes the gate stricter; `autonomous` can only be the default".into());
        }
        if [verbs.len(), labels.len(), paths.len()].into_iter().any(|entries| entries > ENTRIES) {
            return Err(format!("a list of a rule has at most {ENTRIES} entries"));
        }
        let lists_are_empty = verbs.is_empty() && labels.is_empty() && paths.is_empty() && authors.is_empty();
        if lists_are_empty && files_over.is_none() && lines_over.is_none() && cost_over.is_none() {
            return Err(
                "a rule needs a condition: verbs, labels, paths, files_over, lines_over, authors or cost_over".into()
            );
        }
        Ok(Self { name, level, verbs, labels, paths, files_over, lines_over, authors, cost_over })
    }
}

/// How much a plan is expected to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EstimatedSize {
    pub files: u32,
    /// Added and removed; known once there is a change.
    pub lines: Option<u32>,
}

/// The key `gate`: a level, or a level and rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gate {
    pub default: Option<GateLevel>,
    pub rules: Vec<GateRule>,
}

/// How a gate is written.
#[derive(JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "Gate")]
#[expect(dead_code, reason = "describes the two forms to editors")]
pub(super) enum WrittenGate {
    Level(GateLevel),
    Rules(GateMapping),
}

/// A level for everything, and rules that are stricter.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GateMapping {
    /// The level where no rule asks for more.
    default: Option<GateLevel>,
    /// The strictest rule that matches wins.
    #[serde(default)]
    #[schemars(with = "Vec<WrittenRule>", length(max = 50))]
    rules: Vec<GateRule>,
}

/// Most rules of one file.
const RULES: usize = 50;

/// By hand, since an untagged enum forgets which line a mistake is in.
impl<'de> Deserialize<'de> for Gate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct GateVisitor;
        impl<'de> Visitor<'de> for GateVisitor {
            type Value = Gate;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("autonomous, supervised, human-required, or a mapping with a default and rules")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<Gate, E> {
                let level = GateLevel::deserialize(de::value::StrDeserializer::new(word))?;
                Ok(Gate { default: Some(level), rules: vec![] })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Gate, A::Error> {
                let mapping = GateMapping::deserialize(MapAccessDeserializer::new(map))?;
                if mapping.rules.len() > RULES {
                    return Err(de::Error::custom(format!("a gate has at most {RULES} rules")));
                }
                Ok(Gate { default: mapping.default, rules: mapping.rules })
            }
        }
        deserializer.deserialize_any(GateVisitor)
    }
}

/// What is known about the work. What is not known yet is left out, and decided on once it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateFacts {
    pub verb: Verb,
    /// Of the issue or pull request.
    pub labels: Vec<String>,
    /// Of the issue or pull request; the one who asks is looked at by role.
    pub author: Option<AuthorAssociation>,
    /// What the plan names, or what the change holds; a folder ends in `/`.
    pub paths: Vec<String>,
    pub size: Option<EstimatedSize>,
    /// The price quote.
    pub cost: Option<MicroDollars>,
}

impl GateFacts {
    /// Nothing is known but the command.
    pub fn of(verb: Verb) -> Self {
        Self { verb, labels: vec![], author: None, paths: vec![], size: None, cost: None }
    }
}

/// Who must agree, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateDecision {
    pub level: GateLevel,
    /// Everything that asks for this level, at most [`REASONS`]; never empty.
    pub reasons: Vec<GateReason>,
}

impl From<GateDecision> for Asked {
    fn from(decision: GateDecision) -> Self {
        let reasons = decision.reasons.iter().map(ToString::to_string).collect();
        Self { approver: decision.level.into(), reasons }
    }
}

/// Most reasons a decision lists; a person who must look at twenty things looks at the whole.
pub const REASONS: usize = 20;

/// One thing that asks for a level. Its `Display` is one line that quotes names and paths as they are: neutralise it
/// before posting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GateReason {
    /// The level for everything that no rule speaks of.
    Default { level: GateLevel },
    /// A rule of the policy, and what it matched.
    Rule { rule: String, because: Vec<String> },
    /// A person must look at this whatever the policy says.
    Guarded { kind: Guarded, path: String },
    /// The policy, or wiz's own list, protects this path.
    Protected { path: String, pattern: String },
}

impl fmt::Display for GateReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default { level } => write!(f, "the default here is {level}"),
            Self::Rule { rule, because } => write!(f, "rule {rule}: {}", because.join(", ")),
            Self::Guarded { kind, path } => write!(f, "{path} is {kind}, which always needs a person"),
            Self::Protected { path, pattern } => write!(f, "{path} is protected by {pattern}"),
        }
    }
}

/// Who must agree to work of which `facts` are known.
pub fn gate(policy: &RepositoryPolicy, facts: &GateFacts) -> GateDecision {
    let mut found = vec![(policy.gate, GateReason::Default { level: policy.gate })];
    let rules = policy.gate_rules.iter().enumerate();
    found.extend(rules.filter_map(|(index, rule)| {
        let because = rule.because(facts)?;
        let name = rule.name.as_ref().map_or_else(|| format!("{} of the gate", index + 1), |name| format!("“{name}”"));
        Some((rule.level, GateReason::Rule { rule: name, because }))
    }));
    found.extend(facts.paths.iter().filter_map(|path| Some((GateLevel::HumanRequired, guard(policy, path)?))));
    let level = found.iter().map(|(level, _)| *level).max().unwrap_or(GateLevel::HumanRequired);
    let reasons = found.into_iter().filter(|(asked, _)| *asked == level).map(|(_, reason)| reason);
    GateDecision { level, reasons: reasons.take(REASONS).collect() }
}

/// Why a person must look at this path, if one must.
fn guard(policy: &RepositoryPolicy, path: &str) -> Option<GateReason> {
    if let Some(kind) = guarded::kind_of(path) {
        return Some(GateReason::Guarded { kind, path: path.to_owned() });
    }
    let pattern = policy.protection_of(path)?;
    Some(GateReason::Protected { path: path.to_owned(), pattern })
}

impl GateRule {
    /// What each condition matched; none when one of them does not.
    fn because(&self, facts: &GateFacts) -> Option<Vec<String>> {
        let mut because = Vec::new();
        let mut require = |is_asked: bool, matched: Option<String>| match (is_asked, matched) {
            (false, _) => Some(()),
            (true, Some(matched)) => {
                because.push(matched);
                Some(())
            }
            (true, None) => None,
        };
        let verb = self.verbs.contains(&facts.verb).then(|| format!("the command is {}", facts.verb.name()));
        require(!self.verbs.is_empty(), verb)?;
        require(!self.labels.is_empty(), self.matching_label(facts).map(|label| format!("the label {label}")))?;
        require(!self.paths.is_empty(), self.matching_path(facts).map(|path| format!("the path {path}")))?;
        let author = facts.author.filter(|author| self.authors.contains(author));
        require(!self.authors.is_empty(), author.map(|author| format!("the author is {}", author.name())))?;
        let over = |limit: Option<u32>, amount: Option<u32>, what: &str| {
            let (limit, amount) = (limit?, amount?);
            (amount > limit).then(|| format!("{amount} {what} are expected, over {limit}"))
        };
        require(self.files_over.is_some(), over(self.files_over, facts.size.map(|size| size.files), "files"))?;
        require(self.lines_over.is_some(), over(self.lines_over, facts.size.and_then(|size| size.lines), "lines"))?;
        let cost = self.cost_over.zip(facts.cost).filter(|(limit, cost)| cost > limit);
        require(self.cost_over.is_some(), cost.map(|(limit, cost)| format!("{cost} are quoted, over {limit}")))?;
        Some(because)
    }

    fn matching_label<'a>(&self, facts: &'a GateFacts) -> Option<&'a String> {
        let wanted = |label: &&String| self.labels.iter().any(|own| own.to_lowercase() == label.to_lowercase());
        facts.labels.iter().find(wanted)
    }

    fn matching_path<'a>(&self, facts: &'a GateFacts) -> Option<&'a String> {
        facts.paths.iter().find(|path| self.paths.iter().any(|pattern| pattern.may_concern(path)))
    }
}
