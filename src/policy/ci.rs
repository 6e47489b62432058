//! Which failing checks are answered, and how often.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de::Error as _};

/// Most commits of one pull request on which repairs may be tried.
const MOST_ATTEMPTS: u32 = 10;

/// Longest name of a label. <https://docs.github.com/en/rest/issues/labels#create-a-label>
const LABEL_CHARS: usize = 50;

/// What a repository says about failing checks.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "keys such as `answer` and `attempts`")]
#[schemars(title = "Ci", rename_all = "snake_case")]
pub struct CiRules {
    /// Whose pull requests have their failing checks answered without anybody asking.
    pub answer: CiAnswer,
    /// On how many commits of one pull request repairs are tried; what still fails then needs a person.
    #[serde(deserialize_with = "attempts")]
    #[schemars(range(min = 1, max = 10))]
    pub attempts: u32,
    /// A pull request with this label has its failing checks answered, although wiz did not open it.
    #[serde(deserialize_with = "label")]
    #[schemars(length(min = 1, max = 50))]
    pub label: String,
    /// What is done about failing checks of the default branch.
    pub default_branch: CiDefaultBranch,
}

/// What is done about failing checks of the default branch; stricter ones first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CiDefaultBranch {
    /// Nothing.
    #[default]
    Ignore,
    /// wiz opens an issue, and works on it as on any other.
    Fix,
}

impl CiDefaultBranch {
    /// The value as it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ignore => "ignore",
            Self::Fix => "fix",
        }
    }
}

/// Whose pull requests have their failing checks answered without anybody asking; stricter ones first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CiAnswer {
    None,
    /// Those that wiz opened.
    Own,
    /// All from branches of the repository.
    All,
}

impl CiAnswer {
    /// The value as it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Own => "own",
            Self::All => "all",
        }
    }
}

impl Default for CiRules {
    fn default() -> Self {
        Self { answer: CiAnswer::Own, attempts: 3, label: "wiz:ci".to_owned(), default_branch: CiDefaultBranch::Ignore }
    }
}

impl CiRules {
    /// Whether these rules let wiz do nothing that `other` does not.
    pub(super) fn is_as_strict(&self, other: &Self) -> bool {
        self.answer <= other.answer
            && self.attempts <= other.attempts
            && self.label == other.label
            && self.default_branch <= other.default_branch
    }

    /// Whether the label is among these. GitHub's labels differ in more than case.
    pub fn is_labelled(&self, labels: &[String]) -> bool {
        labels.iter().any(|label| self.is_label(label))
    }

    /// Whether this is the label.
    pub fn is_label(&self, label: &str) -> bool {
        label.eq_ignore_ascii_case(&self.label)
    }

    /// Whether failing checks of a pull request are answered, and why. `switch` is what a person said last there, and
    /// counts more than every rule.
    pub fn answering(&self, own: bool, switch: Option<bool>, labels: &[String]) -> Answering {
        match (switch, self.answer) {
            (Some(true), _) => Answering::SwitchedOn,
            (Some(false), _) => Answering::SwitchedOff,
            (None, CiAnswer::Own | CiAnswer::All) if own => Answering::Own,
            (None, _) if self.is_labelled(labels) => Answering::Labelled,
            (None, CiAnswer::All) => Answering::All,
            (None, CiAnswer::None | CiAnswer::Own) => Answering::Nobody,
        }
    }
}

/// Whether failing checks of one pull request are answered, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answering {
    SwitchedOn,
    SwitchedOff,
    /// wiz opened it.
    Own,
    Labelled,
    /// The repository wants it for all.
    All,
    /// Nothing says so.
    Nobody,
}

impl Answering {
    /// Whether they are answered.
    pub fn is_on(self) -> bool {
        match self {
            Self::SwitchedOn | Self::Own | Self::Labelled | Self::All => true,
            Self::SwitchedOff | Self::Nobody => false,
        }
    }
}

fn attempts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let attempts = u32::deserialize(deserializer).ok().filter(|attempts| (1..=MOST_ATTEMPTS).contains(attempts));
    attempts.ok_or_else(|| D::Error::custom(format!("`attempts` is a number from 1 to {MOST_ATTEMPTS}")))
}

fn label<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let label = String::deserialize(deserializer)?;
    let valid =
        !label.trim().is_empty() && label.chars().count() <= LABEL_CHARS && !label.chars().any(char::is_control);
    if valid {
        Ok(label)
    } else {
        Err(D::Error::custom(format!("`label` is a name of at most {LABEL_CHARS} characters")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_s_word_counts_more_than_a_label_or_who_opened_the_pull_request() {
        use Answering::{All, Labelled, Nobody, Own, SwitchedOff, SwitchedOn};
        let label = ["WIZ:ci".to_owned()];
        let rules = |answer| CiRules { answer, ..CiRules::default() };
        let table = [
            (CiAnswer::Own, true, None, Own),
            (CiAnswer::Own, false, None, Nobody),
            (CiAnswer::All, true, None, Own),
            (CiAnswer::All, false, None, All),
            (CiAnswer::None, true, None, Nobody),
            (CiAnswer::None, false, Some(true), SwitchedOn),
            (CiAnswer::All, true, Some(false), SwitchedOff),
        ];
        for (answer, own, switch, expected) in table {
            assert_eq!(rules(answer).answering(own, switch, &[]), expected, "{answer:?} {own} {switch:?}");
        }
        assert_eq!(rules(CiAnswer::None).answering(true, None, &label), Labelled);
        assert_eq!(rules(CiAnswer::All).answering(false, Some(false), &label), SwitchedOff);
    }

    #[test]
    fn stricter_means_less_work() {
        let rules = |answer, attempts| CiRules { answer, attempts, ..CiRules::default() };
        let usual = CiRules::default();
        assert!(rules(CiAnswer::None, 1).is_as_strict(&usual) && usual.is_as_strict(&usual));
        let fixing = CiRules { default_branch: CiDefaultBranch::Fix, ..CiRules::default() };
        assert!(!fixing.is_as_strict(&usual) && usual.is_as_strict(&fixing));
        assert!(!rules(CiAnswer::All, 1).is_as_strict(&usual) && !rules(CiAnswer::Own, 4).is_as_strict(&usual));
    }
}
