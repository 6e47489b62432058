//! One commit at the head of several pull requests, or of one and of the default branch: who offers it elsewhere takes
//! nothing from those whose failing checks are answered.

use serde_json::json;
use wiz_demo::until;

use super::{PATIENCE, commits_of, follow_up, pull_request};
use crate::orders::{
    scenes::repair,
    stage::{CHECKED, Stage, shown},
};

const TITLE: &str = "Offered twice";
/// As wiz calls the issue of a failure on the default branch.
const BROKEN: &str = "Checks fail on main: ci/hand";

/// Somebody's own CI says that a commit is wrong.
fn fails(stage: &Stage, head: &str, why: &str) {
    let path = format!("/repos/{}/statuses/{head}", stage.repo.full_name());
    let status = json!({ "state": "failure", "context": "ci/hand", "description": why });
    stage.person("wim").request("POST", &path, &status).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_offers_a_commit_elsewhere_takes_nothing_from_whose_checks_are_answered() {
    let mut scenes = vec![follow_up(TITLE, "follow-up-1", "not linted", "echo '# linted' >> greet.sh")];
    scenes.extend([TITLE, BROKEN].into_iter().flat_map(repair));
    let stage = Stage::set(&format!("gate: autonomous\nci:\n  default_branch: fix\n{CHECKED}"), scenes).await;
    let (wim, name) = (stage.person("wim"), stage.repo.full_name().to_owned());
    let (issue, pull) = pull_request(&stage, TITLE).await;

    // The same branch for the last release, and the same commit from a stranger's fork.
    wim.write_file(&name, "release", ("NOTES.md", "Old\n"), "A release").unwrap();
    wim.open_pull_request(&name, (&pull.head_ref, "release"), "For the release", "Short.").unwrap();
    let sam = stage.person("sam");
    sam.fork(&name).unwrap();
    sam.open_pull_request(&name, (&format!("sam:{}", pull.head_ref), "main"), "Mine", "Short.").unwrap();
    stage.quiet().await;
    fails(&stage, &pull.head_sha, "not linted");
    let made = until("a commit mends it", PATIENCE, async || {
        Ok(Some(commits_of(&stage, pull.number)).filter(|made| made.len() == 2))
    });
    made.await.unwrap();
    stage.quiet().await;
    stage.until_says(issue, "is open").await;

    // What is on the default branch goes to production by a pull request that is always open.
    wim.write_file(&name, "production", ("NOTES.md", "Older\n"), "In production").unwrap();
    let head = wim.write_file(&name, "main", ("README.md", "# Greeter\n"), "By hand").unwrap();
    let standing = wim.open_pull_request(&name, ("main", "production"), "Deploy", "Short.").unwrap();
    stage.say("wim", standing, "/wiz fix the greeting");
    insta::assert_snapshot!(shown(&stage.until_answers(standing, "default branch").await), @"This pull request's branch is the default branch, to which I never commit. `/wiz fix` on an issue brings a pull request to it.");
    stage.say("wim", standing, "/wiz ci on");
    insta::assert_snapshot!(shown(&stage.until_answers(standing, "ci.default_branch").await), @"This pull request's branch is the default branch. Whether I answer failing checks there is said by `ci.default_branch` in `.github/wiz.yml`, for the branch itself.");
    fails(&stage, &head, "main is broken");
    let found = until("wiz opens an issue", PATIENCE, async || {
        let repository = stage.world.hub().control().repository(&name)?;
        Ok(repository.issues.values().find(|issue| issue.title == BROKEN).map(|issue| issue.number))
    });
    let broken = found.await.unwrap();
    stage.until_says(broken, "is open").await;
    assert_eq!(stage.runs().await, 2);
    stage.say("wim", broken, "/wiz undo");
    insta::assert_snapshot!(shown(&stage.until_answers(broken, "Of run 2").await), @r"
    ### Taken back

    Of run 2 I have

    - closed #7
    - deleted the branch `wiz/run-2-checks-fail-on-main-ci-hand`
    - removed 1 comment

    What stays:

    - 1 check run, neutral now: nobody can delete one
    - 1 issue that I opened; close it when nobody needs it

    Mails and notifications are with people already. `/wiz fix` on an issue starts over.
    ");
    stage.clear().await;
}
