//! What a run intends to do, in a form that can be checked, shown, hashed and approved.
//!
//! A [`Plan`] is a small graph of steps plus the definition of done: the commands that must pass, and which of them must
//! first fail. An approval names a [`PlanHash`], which covers the plan, the commit it was made for and the money it may
//! spend; if any of them changes, the approval no longer fits.

use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{ids::CommitSha, money::MicroDollars};

/// Most steps in a plan; a longer mission is better split into several runs.
pub const MAX_STEPS: usize = 12;
/// Most criteria in a definition of done.
pub const MAX_CRITERIA: usize = 12;
/// Longest single text in a plan, in characters; keeps the plan comment far below GitHub's limit.
pub const MAX_TEXT_CHARS: usize = 4_000;

/// What a planner proposes and a person approves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// One paragraph: the cause and the intended change.
    pub summary: String,
    /// The work, in a graph by `depends_on`.
    pub steps: Vec<Step>,
    /// What must hold at the end.
    pub definition_of_done: Vec<Criterion>,
    /// What could go wrong, for the approver.
    #[serde(default)]
    pub risks: Vec<String>,
    /// Paths the planner expects to change; directories end in `/`.
    #[serde(default)]
    pub files: Vec<String>,
}

/// One unit of work, done by one agent in one box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Short unique name, such as `fix` or `add-test`.
    pub id: StepKey,
    /// One line for the status comment.
    pub title: String,
    /// What the agent is told to do.
    pub detail: String,
    /// Steps whose result this one starts from.
    #[serde(default)]
    pub depends_on: Vec<StepKey>,
}

/// A step that a person has left out of a plan that waits, and may take in again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    pub step: Step,
    /// Its place among all steps that were proposed, from 0.
    pub place: usize,
}

/// A plan that waits, with what people have left out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    pub plan: Plan,
    /// In the order of their places.
    pub left_out: Vec<LeftOut>,
}

impl Proposal {
    /// Checks the plan, and that what was left out of it could be taken in again.
    pub fn validate(&self) -> Result<(), PlanFault> {
        self.left_out.iter().try_for_each(|left_out| left_out.step.validate())?;
        self.plan.validate()
    }
}

/// One check of the definition of done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Criterion {
    /// One line for the check run.
    pub name: String,
    /// Shell command, run at the repository's root in a clean box.
    pub command: String,
    /// What counts as evidence.
    #[serde(default)]
    pub proof: Proof,
}

/// What wiz itself must see a criterion's command do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// Exit 0 on the result.
    #[default]
    Passes,
    /// Fail with only the run's test files applied to the base, and exit 0 on the result.
    FailsThenPasses,
    /// Exit 0 on the untouched base, and on the result.
    PassesThroughout,
}

/// What kind of change a run makes; each has its own prompt and its own definition of done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkKind {
    /// Something is wrong and shall be right.
    Fix,
    /// Something new, with tests that fail before.
    Feature,
    /// Tests only.
    Test,
    /// Documentation only.
    Docs,
    /// Another form, the same behaviour.
    Refactor,
}

impl WorkKind {
    /// Every kind, for exhaustive tests.
    pub const ALL: [Self; 5] = [Self::Fix, Self::Feature, Self::Test, Self::Docs, Self::Refactor];

    /// The verb that asks for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fix => "fix",
            Self::Feature => "feature",
            Self::Test => "test",
            Self::Docs => "docs",
            Self::Refactor => "refactor",
        }
    }

    /// What the repository's own checks must show for this kind.
    pub const fn usual_proof(self) -> Proof {
        match self {
            Self::Fix | Self::Feature | Self::Test | Self::Docs => Proof::Passes,
            Self::Refactor => Proof::PassesThroughout,
        }
    }
}

/// Whether a plan waits for approval, as the person who started the run wished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApprovalWish {
    /// Go on at once, where the gate allows it.
    Auto,
    /// Wait, whatever the gate allows.
    Ask,
}

/// Who must agree before a plan is worked; later ones ask for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approver {
    Nobody,
    /// Anybody who may approve.
    Anybody,
    /// Somebody who may approve and did not ask for the work.
    AnotherPerson,
}

/// Who must agree to the work, and everything that asks for it, in a line each. A line quotes names and paths as they
/// are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    pub approver: Approver,
    pub reasons: Vec<String>,
}

/// What a planner must know and only a person can say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    pub question: String,
    /// Answers to choose from; may be empty.
    #[serde(default)]
    pub options: Vec<String>,
    /// What is done without an answer.
    pub default: String,
    /// Files that it is about, whose owners may know; may be empty.
    #[serde(default)]
    pub files: Vec<String>,
}

/// Most options of a question; nobody weighs more in a comment.
pub const MAX_OPTIONS: usize = 4;
/// Longest question, in characters.
pub const MAX_QUESTION_CHARS: usize = 2_000;
/// Most files that a question is about.
pub const MAX_QUESTION_FILES: usize = 20;
/// Longest option or default, in characters; each is one line of a comment.
pub const MAX_OPTION_CHARS: usize = 300;

impl Question {
    /// Checks that people can be shown it; the text goes back to the planner.
    pub fn validate(&self) -> Result<(), String> {
        let fits = |text: &str, most: usize| !text.trim().is_empty() && text.chars().count() <= most;
        if !fits(&self.question, MAX_QUESTION_CHARS) {
            return Err(format!("a question has 1 to {MAX_QUESTION_CHARS} characters"));
        }
        if self.options.len() > MAX_OPTIONS {
            return Err(format!("a question has at most {MAX_OPTIONS} options"));
        }
        if self.files.len() > MAX_QUESTION_FILES {
            return Err(format!("a question is about at most {MAX_QUESTION_FILES} files"));
        }
        if !self.options.iter().chain([&self.default]).all(|text| fits(text, MAX_OPTION_CHARS)) {
            return Err(format!("an option and the default have 1 to {MAX_OPTION_CHARS} characters"));
        }
        Ok(())
    }

    /// The answer that a person's words mean: the option of this number, or the words themselves. None for a number that
    /// no option has.
    pub fn answer(&self, words: &str) -> Option<String> {
        let words = words.trim();
        match words.trim_end_matches('.').parse::<usize>() {
            Ok(number) if !self.options.is_empty() => self.options.get(number.checked_sub(1)?).cloned(),
            Ok(_) | Err(_) => Some(words.to_owned()),
        }
    }
}

/// The name of a step: 1–40 characters of `a-z`, `0-9` and `-`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StepKey(String);

impl StepKey {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for StepKey {
    type Err = PlanFault;

    fn from_str(text: &str) -> Result<Self, PlanFault> {
        let valid = (1..=40).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if valid { Ok(Self(text.to_owned())) } else { Err(PlanFault::BadStepId(text.chars().take(40).collect())) }
    }
}

impl TryFrom<String> for StepKey {
    type Error = PlanFault;

    fn try_from(text: String) -> Result<Self, PlanFault> {
        text.parse()
    }
}

impl From<StepKey> for String {
    fn from(key: StepKey) -> String {
        key.0
    }
}

impl fmt::Display for StepKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a proposed plan cannot be worked; the text goes back to the planner.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanFault {
    #[error("a plan needs 1 to {MAX_STEPS} steps")]
    StepCount,
    #[error("a plan needs 1 to {MAX_CRITERIA} criteria in its definition of done")]
    CriterionCount,
    #[error("step id {0:?} must be 1 to 40 characters of a-z, 0-9 and -")]
    BadStepId(String),
    #[error("step id {0} is used twice")]
    DuplicateStep(StepKey),
    #[error("step {0} depends on {1}, which is not a step before it")]
    UnknownDependency(StepKey, StepKey),
    #[error("{0} is empty or longer than {MAX_TEXT_CHARS} characters")]
    BadText(&'static str),
    #[error("a {} needs a criterion with proof {wanted}", .kind.name())]
    ProofMissing { kind: WorkKind, wanted: &'static str },
    #[error("a {} has no criterion with proof fails_then_passes: {why}", .kind.name())]
    ProofUnfit { kind: WorkKind, why: &'static str },
}

impl Plan {
    /// Checks everything a run relies on. Steps may depend only on earlier ones, so the list is its own order and the
    /// graph has no cycle.
    pub fn validate(&self) -> Result<(), PlanFault> {
        if !(1..=MAX_STEPS).contains(&self.steps.len()) {
            return Err(PlanFault::StepCount);
        }
        if !(1..=MAX_CRITERIA).contains(&self.definition_of_done.len()) {
            return Err(PlanFault::CriterionCount);
        }
        check_text("the summary", &self.summary)?;
        let mut seen = BTreeSet::new();
        for step in &self.steps {
            step.validate()?;
            if let Some(unknown) = step.depends_on.iter().find(|dependency| !seen.contains(*dependency)) {
                return Err(PlanFault::UnknownDependency(step.id.clone(), unknown.clone()));
            }
            if !seen.insert(step.id.clone()) {
                return Err(PlanFault::DuplicateStep(step.id.clone()));
            }
        }
        for criterion in &self.definition_of_done {
            check_text("a criterion's name", &criterion.name)?;
            check_text("a criterion's command", &criterion.command)?;
        }
        self.risks.iter().try_for_each(|risk| check_text("a risk", risk))?;
        self.files.iter().try_for_each(|file| check_text("a file", file))
    }

    /// Checks that the definition of done is one for this kind of work.
    pub fn fits(&self, kind: WorkKind) -> Result<(), PlanFault> {
        let has = |proof: Proof| self.definition_of_done.iter().any(|criterion| criterion.proof == proof);
        let without_red = |why| {
            if has(Proof::FailsThenPasses) { Err(PlanFault::ProofUnfit { kind, why }) } else { Ok(()) }
        };
        match kind {
            WorkKind::Fix => Ok(()),
            WorkKind::Feature if has(Proof::FailsThenPasses) => Ok(()),
            WorkKind::Feature => Err(PlanFault::ProofMissing { kind, wanted: "fails_then_passes" }),
            WorkKind::Test => without_red("the tests describe the behaviour as it is"),
            WorkKind::Docs => without_red("documentation turns no test from red to green"),
            WorkKind::Refactor if !has(Proof::PassesThroughout) => {
                Err(PlanFault::ProofMissing { kind, wanted: "passes_throughout" })
            }
            WorkKind::Refactor => without_red("the behaviour stays as it is"),
        }
    }

    /// All steps that were proposed, in their order, each with whether it is part of the plan.
    pub fn proposed<'a>(&'a self, left_out: &'a [LeftOut]) -> Vec<(&'a Step, bool)> {
        let mut all: Vec<(&Step, bool)> = self.steps.iter().map(|step| (step, true)).collect();
        for LeftOut { step, place } in left_out {
            all.insert((*place).min(all.len()), (step, false));
        }
        all
    }

    /// What an approval is for: the plan, the commit it was made for, and the most it may spend.
    pub fn hash(&self, base: &CommitSha, budget: MicroDollars) -> PlanHash {
        let canonical = serde_json::json!({ "plan": self, "base": base, "budget": budget });
        PlanHash(hex::encode(Sha256::digest(canonical.to_string())))
    }
}

impl Step {
    fn validate(&self) -> Result<(), PlanFault> {
        check_text("a step's title", &self.title)?;
        check_text("a step's detail", &self.detail)
    }
}

fn check_text(what: &'static str, text: &str) -> Result<(), PlanFault> {
    if text.trim().is_empty() || text.chars().count() > MAX_TEXT_CHARS {
        return Err(PlanFault::BadText(what));
    }
    Ok(())
}

/// SHA-256 over a plan, its base commit and its budget; people see the first eight digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct PlanHash(String);

impl PlanHash {
    /// All 64 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The eight digits people see and may type.
    pub fn short(&self) -> &str {
        &self.0[..8]
    }

    /// What an approval of more files is for: this plan, and those files.
    pub fn widened(&self, files: &[String]) -> Self {
        let canonical = serde_json::json!({ "plan": self, "files": files });
        Self(hex::encode(Sha256::digest(canonical.to_string())))
    }

    /// Whether what a person typed means this plan: at least its first eight digits.
    pub fn is_meant_by(&self, typed: &str) -> bool {
        typed.len() >= 8 && self.0.starts_with(&typed.to_ascii_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        let step = |id: &str, after: &[&str]| Step {
            id: id.parse().unwrap(),
            title: "Title".into(),
            detail: "Detail".into(),
            depends_on: after.iter().map(|key| key.parse().unwrap()).collect(),
        };
        Plan {
            summary: "Summary".into(),
            steps: vec![step("test", &[]), step("fix", &["test"])],
            definition_of_done: vec![Criterion {
                name: "tests".into(),
                command: "make test".into(),
                proof: Proof::FailsThenPasses,
            }],
            risks: vec![],
            files: vec!["src/".into()],
        }
    }

    #[test]
    fn a_plan_is_checked() {
        assert_eq!(plan().validate(), Ok(()));
        let faulty = |change: fn(&mut Plan)| {
            let mut plan = plan();
            change(&mut plan);
            plan.validate().unwrap_err()
        };
        assert_eq!(faulty(|plan| plan.steps.clear()), PlanFault::StepCount);
        assert_eq!(faulty(|plan| plan.definition_of_done.clear()), PlanFault::CriterionCount);
        assert_eq!(faulty(|plan| plan.summary = " ".into()), PlanFault::BadText("the summary"));
        assert!(matches!(faulty(|plan| plan.steps.swap(0, 1)), PlanFault::UnknownDependency(..)));
        assert!(matches!(
            faulty(|plan| plan.steps[1] = Step { depends_on: vec![], ..plan.steps[0].clone() }),
            PlanFault::DuplicateStep(_)
        ));
        assert!("Bad Id".parse::<StepKey>().is_err());
    }

    #[test]
    fn each_kind_of_work_has_its_own_proof() {
        use Proof::{FailsThenPasses, Passes, PassesThroughout};
        let fitting = |proofs: &[Proof]| {
            let mut plan = plan();
            let criterion = plan.definition_of_done[0].clone();
            plan.definition_of_done =
                proofs.iter().map(|proof| Criterion { proof: *proof, ..criterion.clone() }).collect();
            WorkKind::ALL.into_iter().filter(|kind| plan.fits(*kind).is_ok()).map(WorkKind::name).collect::<Vec<_>>()
        };
        assert_eq!(fitting(&[Passes]), ["fix", "test", "docs"]);
        assert_eq!(fitting(&[Passes, FailsThenPasses]), ["fix", "feature"]);
        assert_eq!(fitting(&[PassesThroughout]), ["fix", "test", "docs", "refactor"]);
        assert_eq!(fitting(&[PassesThroughout, FailsThenPasses]), ["fix", "feature"]);
    }

    #[test]
    fn the_hash_covers_plan_base_and_budget() {
        let base: CommitSha = "a".repeat(40).parse().unwrap();
        let other_base: CommitSha = "b".repeat(40).parse().unwrap();
        let budget = MicroDollars::from_dollars(3);
        let hash = plan().hash(&base, budget);
        let mut other_plan = plan();
        other_plan.definition_of_done[0].proof = Proof::Passes;
        assert_eq!(hash, plan().hash(&base, budget));
        assert_ne!(hash, other_plan.hash(&base, budget));
        assert_ne!(hash, plan().hash(&other_base, budget));
        assert_ne!(hash, plan().hash(&base, MicroDollars::from_dollars(4)));
        assert!(hash.is_meant_by(hash.short()) && !hash.is_meant_by("") && !hash.is_meant_by("deadbeef"));
    }
}
