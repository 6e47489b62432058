//! What the owner of an installation has not granted, and what wiz therefore does not do.

use super::code;

/// Permissions that wiz asks for and does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ungranted {
    /// Each with the level that is asked for, as GitHub calls them.
    pub permissions: Vec<(&'static str, &'static str)>,
    /// The page of the installation, made of the server's own settings, where its owner grants them.
    pub url: String,
}

/// What is missing, what that costs, and where to grant it.
pub(super) fn ungranted(missing: &Ungranted) -> String {
    let names = missing.permissions.iter().map(|(name, level)| code(&format!("{name}: {level}"), 60));
    let names = names.collect::<Vec<_>>().join(", ");
    let costs = missing.permissions.iter().map(|(name, _)| cost(name)).collect::<Vec<_>>().join("; ");
    format!("**Not granted:** {names}. So {costs}. An owner grants that in [its settings]({}).", missing.url)
}

fn cost(permission: &str) -> &'static str {
    match permission {
        "actions" => "the logs of failed jobs are not read, and none is tried again",
        "checks" => "there are no check runs of wiz, and failing ones of others are not answered",
        "contents" => "files are not read, and no commit is made",
        "issues" => "nothing is said on issues",
        "pull_requests" => "no pull request is opened or answered",
        "statuses" => "failing commit statuses are not answered",
        _ => "some calls are refused",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_names_what_is_missing_and_what_that_costs() {
        let missing = Ungranted {
            permissions: vec![("actions", "write"), ("checks", "write")],
            url: "https://github.com/settings/installations/7".to_owned(),
        };
        insta::assert_snapshot!(ungranted(&missing), @"**Not granted:** `actions: write`, `checks: write`. So the logs of failed jobs are not read, and none is tried again; there are no check runs of wiz, and failing ones of others are not answered. An owner grants that in [its settings](https://github.com/settings/installations/7).");
        let others = ["contents", "issues", "pull_requests", "statuses", "workflows"];
        insta::assert_snapshot!(others.map(cost).join("\n"), @r"
        files are not read, and no commit is made
        nothing is said on issues
        no pull request is opened or answered
        failing commit statuses are not answered
        some calls are refused
        ");
    }
}
