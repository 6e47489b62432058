//! The rules that hold, and what is wrong with a file that would change them.

use super::{cell, code, plain};

/// One rule of the effective configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleView {
    pub key: &'static str,
    /// As it would be written; empty when nothing is set.
    pub value: String,
    /// The files it comes from, in words.
    pub origins: Vec<&'static str>,
    /// Whose lock holds it, in words.
    pub locked_by: Option<&'static str>,
    /// Whose value for it is not followed, in words.
    pub overruled: Vec<&'static str>,
}

/// Longest value shown; a longer one is read in its file.
const VALUE_CHARS: usize = 200;

/// The effective configuration as an answer.
pub fn configuration(rules: &[RuleView]) -> String {
    let mut text = String::from("### The rules here\n\n| key | value | from |\n| --- | --- | --- |\n");
    for rule in rules {
        let value = if rule.value.is_empty() { "–".to_owned() } else { code(&rule.value, VALUE_CHARS) };
        let mut from = rule.origins.join(", ");
        if let Some(by) = rule.locked_by {
            from += &format!("; locked by {by}");
        }
        if !rule.overruled.is_empty() {
            from += &format!("; what {} says would loosen it and is not followed", rule.overruled.join(" and "));
        }
        text += &format!("| `{}` | {value} | {} |\n", rule.key, cell(&from, 400));
    }
    text + "\nA key that a nearer file sets replaces the one below: `.github/wiz.yml` of this repository, `wiz.yml` of the \
            account's repository `.github`, the server's file, wiz's own default.\n"
}

/// A remark on a policy file: line and message.
pub type FileRemark = (usize, String);

/// What the check run says of a policy file that a pull request brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyCheck {
    pub title: String,
    pub summary: String,
    /// Counted from 1, in the order of the file, as GitHub shows them.
    pub annotations: Vec<(u32, String)>,
}

/// Words for the check run on a pull request that changes a policy file: mistakes, and what a lock will not let through.
pub fn policy_check(path: &str, faults: &[FileRemark], notes: &[FileRemark]) -> PolicyCheck {
    let count = |number: usize, one: &str| if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") };
    let title = match (faults.len(), notes.len()) {
        (0, 0) => "The policy file has no mistakes".to_owned(),
        (0, notes) => format!("{} that cannot be followed", count(notes, "key")),
        (faults, _) => count(faults, "mistake"),
    };
    let mut summary = if faults.is_empty() {
        format!("{} can be read. It counts once it is on the default branch.\n", code(path, 100))
    } else {
        format!(
            "{} cannot be read. Once it is on the default branch, wiz starts nothing until it is mended.\n",
            code(path, 100)
        )
    };
    for (line, message) in faults.iter().chain(notes).take(50) {
        let place = if *line == 0 { String::new() } else { format!("line {line}: ") };
        summary += &format!("\n- {place}{}", code(message, 300));
    }
    summary += "\n\n`wiz config check FILE` says the same before you push.\n";
    let annotations = faults
        .iter()
        .chain(notes)
        .map(|(line, message)| (u32::try_from(*line).unwrap_or(1).max(1), plain(message, 1_000)));
    PolicyCheck { title, summary, annotations: annotations.collect() }
}

/// A policy file names a model that the server cannot call.
pub fn model_out_of_reach(model: &str) -> String {
    format!("model: this server cannot call {model}, so nothing will begin")
}

/// A policy file loosens what a layer above it has locked.
pub fn locked_key(key: &str, locked_by: &str) -> String {
    format!("{key} is locked by {locked_by}: this would loosen it and is not followed")
}

/// What is said, once, on the commit that brought a policy file with mistakes to the default branch.
pub fn faulty_push(path: &str, faults: &[FileRemark]) -> String {
    let path = code(path, 100);
    let mut text =
        format!("{path} has mistakes now, so wiz starts nothing that it speaks for until they are mended:\n");
    for (line, message) in faults.iter().take(50) {
        let place = if *line == 0 { String::new() } else { format!("line {line}: ") };
        text += &format!("\n- {place}{}", code(message, 300));
    }
    text + "\n\n`wiz config check FILE` says the same before you push.\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_are_shown_with_where_they_come_from() {
        let rule = |key, value: &str, origins: &[&'static str]| RuleView {
            key,
            value: value.to_owned(),
            origins: origins.to_vec(),
            locked_by: None,
            overruled: vec![],
        };
        let rules = [
            rule("image", "", &["default"]),
            rule("checks", "tests: `make test | tee`", &["this repository"]),
            RuleView {
                locked_by: Some("the account"),
                overruled: vec!["this repository"],
                ..rule("gate", "supervised, 2 rules", &["the account"])
            },
        ];
        insta::assert_snapshot!(configuration(&rules), @r#"
        ### The rules here

        | key | value | from |
        | --- | --- | --- |
        | `image` | – | default |
        | `checks` | `` tests: `make test \| tee` `` | this repository |
        | `gate` | `supervised, 2 rules` | the account; locked by the account; what this repository says would loosen it and is not followed |

        A key that a nearer file sets replaces the one below: `.github/wiz.yml` of this repository, `wiz.yml` of the account's repository `.github`, the server's file, wiz's own default.
        "#);
    }

    #[test]
    fn what_a_push_brought_is_told_on_its_commit() {
        let faults =
            vec![(3, "gate: unknown variant `@team`".to_owned()), (0, "the file is not UTF-8 text".to_owned())];
        insta::assert_snapshot!(faulty_push(".github/wiz.yml", &faults), @r"
        `.github/wiz.yml` has mistakes now, so wiz starts nothing that it speaks for until they are mended:

        - line 3: `` gate: unknown variant `@team` ``
        - `the file is not UTF-8 text`

        `wiz config check FILE` says the same before you push.
        ");
    }

    #[test]
    fn a_policy_file_under_review_is_judged() {
        let fault = vec![(3, "gate: unknown variant `@team`".to_owned()), (0, "the file is not UTF-8 text".to_owned())];
        let note = vec![(2, locked_key("budget_run", "the account")), (4, model_out_of_reach("octo/x"))];
        let checks = [
            policy_check(".github/wiz.yml", &[], &[]),
            policy_check(".github/wiz.yml", &[], &note),
            policy_check(".github/wiz.yml", &fault, &note),
            policy_check(".github/wiz.yml", &fault[1..], &[]),
        ];
        let said = checks.iter().map(|check| format!("{}\n{}\n{:?}", check.title, check.summary, check.annotations));
        insta::assert_snapshot!(said.collect::<Vec<_>>().join("\n\n"), @r#"
        The policy file has no mistakes
        `.github/wiz.yml` can be read. It counts once it is on the default branch.


        `wiz config check FILE` says the same before you push.

        []

        2 keys that cannot be followed
        `.github/wiz.yml` can be read. It counts once it is on the default branch.

        - line 2: `budget_run is locked by the account: this would loosen it and is not followed`
        - line 4: `model: this server cannot call octo/x, so nothing will begin`

        `wiz config check FILE` says the same before you push.

        [(2, "budget_run is locked by the account: this would loosen it and is not followed"), (4, "model: this server cannot call octo/x, so nothing will begin")]

        2 mistakes
        `.github/wiz.yml` cannot be read. Once it is on the default branch, wiz starts nothing until it is mended.

        - line 3: `` gate: unknown variant `@team` ``
        - `the file is not UTF-8 text`
        - line 2: `budget_run is locked by the account: this would loosen it and is not followed`
        - line 4: `model: this server cannot call octo/x, so nothing will begin`

        `wiz config check FILE` says the same before you push.

        [(3, "gate: unknown variant `@\u{200b}team`"), (1, "the file is not UTF-8 text"), (2, "budget_run is locked by the account: this would loosen it and is not followed"), (4, "model: this server cannot call octo/x, so nothing will begin")]

        1 mistake
        `.github/wiz.yml` cannot be read. Once it is on the default branch, wiz starts nothing until it is mended.

        - `the file is not UTF-8 text`

        `wiz config check FILE` says the same before you push.

        [(1, "the file is not UTF-8 text")]
        "#);
    }
}
