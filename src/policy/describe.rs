//! Effective rules in words, key by key.

use super::{CiRules, Effective, Key, Layer, Pattern};

impl Layer {
    /// Whose file it is, for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BuiltIn => "default",
            Self::Server => "the server",
            Self::Organisation => "the account",
            Self::Repository => "this repository",
        }
    }
}

impl Effective {
    /// The value of a key much as it would be written; empty when nothing is set. Quotes the files.
    pub fn value(&self, key: Key) -> String {
        let policy = &self.policy;
        match key {
            Key::Image => policy.image.clone().unwrap_or_default(),
            Key::Model => policy.model.clone().unwrap_or_default(),
            Key::Ci => {
                let CiRules { answer, attempts, label, default_branch } = &policy.ci;
                let default_branch = default_branch.name();
                let times = if *attempts == 1 { "attempt" } else { "attempts" };
                format!("answer {}; {attempts} {times}; label {label}; default branch {default_branch}", answer.name())
            }
            Key::Setup => policy.setup.join("; "),
            Key::Checks => {
                let checks = policy.checks.iter().map(|check| format!("{}: {}", check.name, check.run));
                checks.collect::<Vec<_>>().join("; ")
            }
            Key::MinRole => policy.min_role.to_string(),
            Key::Gate => {
                let rules = policy.gate_rules.iter().enumerate().map(|(index, rule)| {
                    let name = rule.name.clone().unwrap_or_else(|| (index + 1).to_string());
                    format!("; rule {name}: {}", rule.level)
                });
                std::iter::once(policy.gate.to_string()).chain(rules).collect()
            }
            Key::BudgetRun => policy.budget_run.to_string(),
            Key::BudgetDay => policy.budget_day.to_string(),
            Key::ProtectedPaths => listed(&policy.protected_paths),
            Key::UnprotectedPaths => listed(&policy.unprotected_paths),
            Key::AllowedPaths => {
                let lists = policy.allowed_within.iter().chain([&policy.allowed_paths]);
                lists.map(|list| listed(list)).filter(|list| !list.is_empty()).collect::<Vec<_>>().join(" and within ")
            }
        }
    }
}

fn listed(patterns: &[Pattern]) -> String {
    patterns.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
