//! What `/wiz selftest` found, part by part.

use std::time::Duration;

use super::cell;

/// One part of wiz as it was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TriedPart {
    pub name: &'static str,
    pub took: Duration,
    /// What was seen, or what is wrong and what a person can do about it.
    pub outcome: Result<String, String>,
    /// The page where it can be mended, made of the server's own settings.
    pub mended_at: Option<String>,
}

/// Most of one part's words that are shown, in characters.
const WORDS_CHARS: usize = 400;

/// The answer to whoever asked; `last` while more is to come.
pub fn selftest(parts: &[TriedPart], is_over: bool) -> String {
    let wrong = parts.iter().filter(|part| part.outcome.is_err()).count();
    let verdict = match (is_over, wrong) {
        (false, _) => "Under way.".to_owned(),
        (true, 0) => "Everything works here.".to_owned(),
        (true, 1) => "One part does not work.".to_owned(),
        (true, wrong) => format!("{wrong} parts do not work."),
    };
    let mut text = format!("### Self-test\n\n{verdict}\n");
    if parts.is_empty() {
        return text;
    }
    text += "\n| part | | time | |\n|---|---|---|---|\n";
    for part in parts {
        let (sign, words) = match &part.outcome {
            Ok(words) => ("🟢", words),
            Err(words) => ("🔴", words),
        };
        let words = cell(words, WORDS_CHARS);
        let link =
            part.mended_at.as_ref().map(|url| format!(" in [the installation's settings]({url})")).unwrap_or_default();
        text += &format!("| {} | {sign} | {} ms | {words}{link} |\n", part.name, part.took.as_millis());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_has_a_row_and_strange_words_stay_in_it() {
        let part = |name, ms, outcome| TriedPart { name, took: Duration::from_millis(ms), outcome, mended_at: None };
        let mut parts = vec![
            part("webhook", 12, Ok("it came".to_owned())),
            part("box", 1_500, Err("the image is missing".to_owned())),
        ];
        insta::assert_snapshot!(selftest(&parts, true), @r"
        ### Self-test

        One part does not work.

        | part | | time | |
        |---|---|---|---|
        | webhook | 🟢 | 12 ms | it came |
        | box | 🔴 | 1500 ms | the image is missing |
        ");
        let ungranted = part("permissions", 20, Err("an owner must grant checks: write".to_owned()));
        let ungranted =
            TriedPart { mended_at: Some("https://github.com/settings/installations/7".to_owned()), ..ungranted };
        insta::assert_snapshot!(selftest(&[ungranted], true).lines().last().unwrap_or_default(), @"| permissions | 🔴 | 20 ms | an owner must grant checks: write in [the installation's settings](https://github.com/settings/installations/7) |");
        let strange = part("box", 1, Err("no image\n\n| a | b |\n@everyone".to_owned()));
        assert_eq!(selftest(&[strange.clone(), strange], true).lines().count(), 8);
        parts.pop();
        assert!(selftest(&parts, true).contains("Everything works here."));
        insta::assert_snapshot!(selftest(&[], false), @r"
        ### Self-test

        Under way.
        ");
    }
}
