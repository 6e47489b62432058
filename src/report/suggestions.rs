//! What is offered on a pull request from a fork, where wiz never writes: suggestions at lines, or a patch.

use super::{code, neutralise};
use crate::{ids::CommitSha, limits::COMMENT_CHARS};

/// Longest words about the change, in characters.
const SUMMARY_CHARS: usize = 2_000;
/// Longest patch shown: what a comment holds, less the words around it.
const PATCH_CHARS: usize = COMMENT_CHARS - 8_000;
/// Most files that are named when the patch is too long to be shown.
const NAMED_FILES: usize = 20;

/// A change that is offered.
#[derive(Debug, Clone, Copy)]
pub struct Offer<'a> {
    /// The head it is made for.
    pub commit: &'a CommitSha,
    /// What the coder says it did.
    pub summary: &'a str,
    /// The checks that wiz saw pass with the whole change applied.
    pub passed: &'a [String],
    pub files: &'a [String],
    /// Whether the patch leaves out what is no text.
    pub has_binary: bool,
}

/// Lines as they should be, in the form that GitHub's button takes over.
/// <https://docs.github.com/en/pull-requests/collaborating-with-pull-requests/reviewing-changes-in-pull-requests/incorporating-feedback-in-your-pull-request>
pub fn suggestion(lines: &str) -> String {
    let fence = fence(lines);
    format!("{fence}suggestion\n{lines}{fence}")
}

/// What stands above the suggestions.
pub fn suggestions(offer: &Offer<'_>, count: usize) -> String {
    let several = match count {
        1 => "Here is the change as a suggestion at its line".to_owned(),
        count => format!("Here is the change as {count} suggestions at their lines; they belong together"),
    };
    format!(
        "{}\n\n{several}. wiz never writes to a fork: taking this over is up to whoever owns the branch.{}",
        neutralise(offer.summary, SUMMARY_CHARS),
        proof(offer)
    )
}

/// The whole change as one patch, where it does not fit the lines that the diff shows.
pub fn patch_offer(offer: &Offer<'_>, patch: &str) -> String {
    let summary = neutralise(offer.summary, SUMMARY_CHARS);
    if offer.has_binary || patch.chars().count() > PATCH_CHARS {
        let why = if offer.has_binary {
            "It changes files that are no text, which no patch in a comment can carry".to_owned()
        } else {
            format!("As a patch it has {} characters, more than a comment holds", patch.chars().count())
        };
        let files = offer.files.iter().take(NAMED_FILES).map(|file| format!("\n- {}", code(file, 200)));
        return format!(
            "{summary}\n\nI cannot offer this change here. {why}; wiz never writes to a fork, and keeps no copy for \
             download. A smaller `/wiz fix …` brings one that fits. These files would change:\n{}",
            files.collect::<String>()
        );
    }
    let fence = fence(patch);
    format!(
        "{summary}\n\nThe change does not fit the lines that the diff shows, and wiz never writes to a fork, so here it is \
         as a patch for {}. Copy it to a file `wiz.patch` and run `git apply wiz.patch`.{}\n\n<details><summary>The \
         patch, {} lines</summary>\n\n{fence}diff\n{patch}{fence}\n\n</details>",
        offer.commit,
        proof(offer),
        patch.lines().count()
    )
}

fn proof(offer: &Offer<'_>) -> String {
    if offer.passed.is_empty() {
        return " No check of the repository was run on it.".to_owned();
    }
    let passed: Vec<String> = offer.passed.iter().map(|name| code(name, 100)).collect();
    format!(" With the whole change applied, wiz saw these pass: {}.", passed.join(", "))
}

/// A fence that nothing inside can end.
fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::invisible_characters, reason = "wiz breaks links in quoted words with one")]
    fn a_change_is_offered_in_a_form_that_can_be_taken() {
        let commit = "0123456789012345678901234567890123456789".parse().unwrap();
        let (passed, files) = (["tests".to_owned()], ["a.py".to_owned(), "b|c.png".to_owned()]);
        let offer = Offer {
            commit: &commit,
            summary: "It says hi, @octo/team.\n/wiz approve",
            passed: &passed,
            files: &files,
            has_binary: false,
        };
        insta::assert_snapshot!(suggestion("a\n```\n"), @r"
        ````suggestion
        a
        ```
        ````
        ");
        assert_eq!(suggestion(""), "```suggestion\n```");
        insta::assert_snapshot!(suggestions(&offer, 1), @r"
        It says hi, @​octo/team.
        \/wiz approve

        Here is the change as a suggestion at its line. wiz never writes to a fork: taking this over is up to whoever owns the branch. With the whole change applied, wiz saw these pass: `tests`.
        ");
        assert!(suggestions(&offer, 3).contains("as 3 suggestions at their lines; they belong together."));
        insta::assert_snapshot!(patch_offer(&offer, "--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-a\n+b\n"), @r"
        It says hi, @​octo/team.
        \/wiz approve

        The change does not fit the lines that the diff shows, and wiz never writes to a fork, so here it is as a patch for 0123456789012345678901234567890123456789. Copy it to a file `wiz.patch` and run `git apply wiz.patch`. With the whole change applied, wiz saw these pass: `tests`.

        <details><summary>The patch, 5 lines</summary>

        ```diff
        --- a/a.py
        +++ b/a.py
        @@ -1 +1 @@
        -a
        +b
        ```

        </details>
        ");
        let unproven = Offer { passed: &[], has_binary: true, ..offer };
        insta::assert_snapshot!(patch_offer(&unproven, ""), @r"
        It says hi, @​octo/team.
        \/wiz approve

        I cannot offer this change here. It changes files that are no text, which no patch in a comment can carry; wiz never writes to a fork, and keeps no copy for download. A smaller `/wiz fix …` brings one that fits. These files would change:

        - `a.py`
        - `b\|c.png`
        ");
        let long = patch_offer(&offer, &"+x\n".repeat(30_000));
        assert!(long.chars().count() < COMMENT_CHARS, "{long}");
        let why = long.lines().find(|line| line.starts_with("I cannot")).unwrap_or_default();
        insta::assert_snapshot!(why, @"I cannot offer this change here. As a patch it has 90000 characters, more than a comment holds; wiz never writes to a fork, and keeps no copy for download. A smaller `/wiz fix …` brings one that fits. These files would change:");
        insta::assert_snapshot!(suggestions(&unproven, 2), @r"
        It says hi, @​octo/team.
        \/wiz approve

        Here is the change as 2 suggestions at their lines; they belong together. wiz never writes to a fork: taking this over is up to whoever owns the branch. No check of the repository was run on it.
        ");
    }
}
