//! What people are told about failing checks.

use super::{code, untrusted::plain};
use crate::ids::CommitSha;

/// Why wiz gives up on the checks of a pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GaveUp {
    /// The last repair did not help.
    SameAgain,
    /// Mending one failure brings another back.
    Alternating,
    /// As many repairs were tried as the repository allows.
    Attempts(u32),
    Budget,
}

/// wiz gives up on a pull request's checks, said once.
pub fn checks_given_up(check: &str, head: &CommitSha, reason: GaveUp) -> String {
    let why = match reason {
        GaveUp::SameAgain => "it is the same failure that my last commit was to mend".to_owned(),
        GaveUp::Alternating => {
            "it is a failure that I mended before: mending one brings back the other, so they need to be looked at together"
                .to_owned()
        }
        GaveUp::Attempts(1) => "I had one attempt".to_owned(),
        GaveUp::Attempts(number) => format!("I had {number} attempts"),
        GaveUp::Budget => "there is no money left for today".to_owned(),
    };
    let short: String = head.as_str().chars().take(8).collect();
    format!("{} still fails on `{short}`, and {why}. I leave it to you.", code(check, 100))
}

/// The names of several checks, as one name.
pub fn check_names<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|name| plain(name, 60)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_said_and_what_to_do() {
        let head = "a".repeat(40).parse().unwrap();
        let reasons =
            [GaveUp::SameAgain, GaveUp::Alternating, GaveUp::Attempts(1), GaveUp::Attempts(3), GaveUp::Budget];
        let texts = reasons.map(|reason| checks_given_up("test (`@x`)", &head, reason));
        insta::assert_snapshot!(texts.join("\n"), @r"
        ``test (`@x`)`` still fails on `aaaaaaaa`, and it is the same failure that my last commit was to mend. I leave it to you.
        ``test (`@x`)`` still fails on `aaaaaaaa`, and it is a failure that I mended before: mending one brings back the other, so they need to be looked at together. I leave it to you.
        ``test (`@x`)`` still fails on `aaaaaaaa`, and I had one attempt. I leave it to you.
        ``test (`@x`)`` still fails on `aaaaaaaa`, and I had 3 attempts. I leave it to you.
        ``test (`@x`)`` still fails on `aaaaaaaa`, and there is no money left for today. I leave it to you.
        ");
    }
}
