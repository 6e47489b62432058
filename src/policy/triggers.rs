//! What starts work without words: a label that is set, an account that an issue is assigned to.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::values;
use crate::{event::command::Verb, ids::Login};

/// Which labels and assignments start which command.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "WrittenTriggers")]
pub struct Triggers {
    labels: Vec<(String, Verb)>,
    assignees: Vec<(Login, Verb)>,
}

/// Labels and assignments that start work on an issue, as a comment would.
#[derive(Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "triggers such as `{ labels: { 'wiz:fix': fix } }`")]
#[schemars(rename = "Triggers")]
#[derive(Default)]
pub(super) struct WrittenTriggers {
    /// A label, and the command that setting it means; case does not matter.
    labels: BTreeMap<String, String>,
    /// A login, and the command that assigning an issue to it means. GitHub assigns nothing to an App, so this is an
    /// account that stands for it.
    assignees: BTreeMap<String, String>,
}

/// Most triggers of one kind.
const TRIGGERS: usize = 20;
/// Longest name of a label, in characters.
/// <https://docs.github.com/en/issues/using-labels-and-milestones-to-track-work/managing-labels>
const LABEL_CHARS: usize = 50;

impl TryFrom<WrittenTriggers> for Triggers {
    type Error = String;

    fn try_from(written: WrittenTriggers) -> Result<Self, String> {
        let WrittenTriggers { labels, assignees } = written;
        if labels.len().max(assignees.len()) > TRIGGERS {
            return Err(format!("at most {TRIGGERS} labels and {TRIGGERS} assignees start work"));
        }
        if !labels.keys().all(|label| values::is_line(label, LABEL_CHARS)) {
            return Err(format!("a label is one line of at most {LABEL_CHARS} characters"));
        }
        let labels = labels.into_iter().map(|(label, word)| Ok((label, verb(&word)?)));
        let assignees = assignees.into_iter().map(|(login, word)| {
            let login = login.parse().map_err(|_| "an assignee is a login such as `octocat`".to_owned())?;
            Ok((login, verb(&word)?))
        });
        Ok(Self {
            labels: labels.collect::<Result<_, String>>()?,
            assignees: assignees.collect::<Result<_, String>>()?,
        })
    }
}

/// A command that needs nothing but the issue itself.
fn verb(word: &str) -> Result<Verb, String> {
    let verb = values::verb(word)?;
    if matches!(verb, Verb::Ask | Verb::Review) {
        return Err(format!("`{word}` needs more than an issue, so a label or an assignment cannot mean it"));
    }
    Ok(verb)
}

impl Triggers {
    /// Whether there are any.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.assignees.is_empty()
    }

    /// What setting this label means, if it means anything.
    pub fn of_label(&self, label: &str) -> Option<Verb> {
        let label = label.to_lowercase();
        self.labels.iter().find(|(own, _)| own.to_lowercase() == label).map(|(_, verb)| *verb)
    }

    /// What assigning an issue to this account means, if it means anything.
    pub fn of_assignee(&self, login: &Login) -> Option<Verb> {
        self.assignees.iter().find(|(own, _)| own.as_str().eq_ignore_ascii_case(login.as_str())).map(|(_, verb)| *verb)
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    #[test]
    fn a_label_or_an_account_means_a_command() {
        let file = "triggers:\n  labels: { 'wiz:fix': fix, Docs: docs }\n  assignees: { acme-wiz: plan }\n";
        let triggers = parse(file).unwrap().triggers;
        assert_eq!(triggers.of_label("WIZ:fix"), Some(Verb::Fix));
        assert_eq!(triggers.of_label("docs"), Some(Verb::Docs));
        assert_eq!(triggers.of_label("wiz"), None);
        assert_eq!(triggers.of_assignee(&"Acme-Wiz".parse().unwrap()), Some(Verb::Plan));
        assert_eq!(triggers.of_assignee(&"acme".parse().unwrap()), None);
        assert!(parse("").unwrap().triggers.is_empty());
    }

    #[test]
    fn mistakes_are_named() {
        let labels = |count: u32| (0..count).map(|n| format!("l{n}: fix, ")).collect::<String>();
        let said = [
            "triggers: wiz:fix",
            "triggers: { label: {} }",
            "triggers: { labels: { 'wiz:fix': fixx } }",
            "triggers: { labels: { 'wiz:ask': ask } }",
            "triggers: { labels: { 'wiz:stop': cancel } }",
            "triggers: { labels: { '': fix } }",
            "triggers: { assignees: { 'a b': fix } }",
            &format!("triggers: {{ labels: {{ {}x: fix }} }}", labels(20)),
        ]
        .map(|file| parse(file).unwrap_err().iter().map(|fault| fault.message.clone()).collect::<Vec<_>>().join("; "));
        insta::assert_snapshot!(said.join("\n"), @r#"
        triggers: invalid type: string "wiz:fix", expected triggers such as `{ labels: { 'wiz:fix': fix } }`
        triggers: unknown field `label`; did you mean `labels`?
        triggers: `fixx` starts no work; did you mean `fix`?
        triggers: `ask` needs more than an issue, so a label or an assignment cannot mean it
        triggers: `cancel` starts no work; known are fix, feature, test, docs, refactor, review, plan, ask
        triggers: a label is one line of at most 50 characters
        triggers: an assignee is a login such as `octocat`
        triggers: at most 20 labels and 20 assignees start work
        "#);
    }
}
