//! `/wiz selftest`: one comment that says what works here, and nothing left behind.

use chrono::TimeDelta;
use github_stand_in::store::{Level, PermissionSet};
use scripted_model::Fault;

use super::stage::{CHECKED, Stage, shown};

#[tokio::test(flavor = "multi_thread")]
async fn it_names_what_works_and_what_is_missing() {
    let stage = Stage::set(CHECKED, vec![]).await;
    let control = stage.world.hub().control();
    let issue = stage.issue("Does it work");
    stage.say("sam", issue, "/wiz selftest");
    stage.until_answers(issue, "sam may not use `/wiz selftest` here").await;
    stage.say("maria", issue, "/wiz selftest");
    let said = stage.until_answers(issue, "Everything works here.").await;
    insta::assert_snapshot!(shown(&said), @r"
    ### Self-test

    Everything works here.

    | part | | time | |
    |---|---|---|---|
    | webhook | 🟢 | <time> | GitHub's delivery came, and its signature fits |
    | queue | 🟢 | <time> | a worker took the job |
    | permissions | 🟢 | <time> | all granted |
    | box | 🟢 | <time> | a command ran in a box of wiz-base:bookworm, and its walls stand |
    | model | 🟢 | <time> | anthropic/scripted: its provider takes the key and has it; it was asked nothing, since that costs money |
    | branch | 🟢 | <time> | one was made and deleted |
    | check | 🟢 | <time> | a neutral one stands on the default branch |
    | comment | 🟢 | <time> | this one, edited in place |
    ");
    let checks = stage.repo.checks().unwrap();
    let checks = checks
        .iter()
        .map(|check| format!("{}: {:?}\n{}\n{}", check.name, check.conclusion, check.title, check.summary));
    insta::assert_snapshot!(checks.collect::<Vec<_>>().join("\n"), @r#"
    wiz self-test: Some("neutral")
    wiz can write check runs here
    Somebody asked for it with `/wiz selftest`.
    "#);

    let app = stage.world.hub().app_id();
    let grant = |levels: &[(&str, Level)]| {
        let granted: PermissionSet = levels.iter().map(|(name, level)| ((*name).to_owned(), *level)).collect();
        control.change_app(app, granted, &["issues", "issue_comment", "pull_request", "push"]).unwrap();
        control.accept_permissions(stage.installation()).unwrap();
        control.expire_tokens();
    };
    let talks = [("issues", Level::Write), ("pull_requests", Level::Write), ("statuses", Level::Read)];
    grant(&[&talks[..], &[("contents", Level::Write)]].concat());
    stage.world.model().unwrap().fail_next(1, Fault::KeyRefused);
    stage.say("maria", issue, "/wiz selftest");
    let said = shown(&stage.until_answers(issue, "3 parts do not work.").await);
    insta::assert_snapshot!(said, @r"
    ### Self-test

    3 parts do not work.

    | part | | time | |
    |---|---|---|---|
    | webhook | 🟢 | <time> | GitHub's delivery came, and its signature fits |
    | queue | 🟢 | <time> | a worker took the job |
    | permissions | 🔴 | <time> | an owner must grant actions: write, checks: write in [the installation's settings](http://github/settings/installations/<hash>) |
    | box | 🟢 | <time> | a command ran in a box of wiz-base:bookworm, and its walls stand |
    | model | 🔴 | <time> | the model provider refused our key (HTTP 401); check the API key and its access to the model |
    | branch | 🟢 | <time> | one was made and deleted |
    | check | 🔴 | <time> | GitHub refused; the permissions above or a rule of this repository forbid it |
    | comment | 🟢 | <time> | this one, edited in place |
    ");

    let rest = [("actions", Level::Write), ("checks", Level::Write), ("contents", Level::Read)];
    grant(&[&talks[..], &rest].concat());
    stage.say("maria", issue, "/wiz selftest");
    let said = shown(&stage.until_answers(issue, "contents: write in").await);
    insta::assert_snapshot!(said, @r"
    ### Self-test

    2 parts do not work.

    | part | | time | |
    |---|---|---|---|
    | webhook | 🟢 | <time> | GitHub's delivery came, and its signature fits |
    | queue | 🟢 | <time> | a worker took the job |
    | permissions | 🔴 | <time> | an owner must grant contents: write in [the installation's settings](http://github/settings/installations/<hash>) |
    | box | 🟢 | <time> | a command ran in a box of wiz-base:bookworm, and its walls stand |
    | model | 🟢 | <time> | anthropic/scripted: its provider takes the key and has it; it was asked nothing, since that costs money |
    | branch | 🔴 | <time> | GitHub refused; the permissions above or a rule of this repository forbid it |
    | check | 🟢 | <time> | a neutral one stands on the default branch |
    | comment | 🟢 | <time> | this one, edited in place |
    ");
    assert_eq!(stage.repo.git(&["branch", "--format=%(refname:short)"]).unwrap(), "main");
    assert_eq!(stage.talk(issue).await.matches("wiz: ").count(), 4, "one comment for each test");
    in_a_long_conversation(&stage).await;
    stage.clear().await;
}

/// More comments than are read at once, all of them older than what is answered.
async fn in_a_long_conversation(stage: &Stage) {
    let (control, name) = (stage.world.hub().control(), stage.repo.full_name());
    let issue = stage.issue("Much was said");
    stage.quiet().await;
    control.remove_from_installation(stage.installation(), &[name]).unwrap();
    control.advance_clock(TimeDelta::days(-30));
    for number in 0..1_001 {
        stage.say("sam", issue, &format!("And {number}."));
    }
    control.advance_clock(TimeDelta::days(30));
    control.add_to_installation(stage.installation(), &[name]).unwrap();
    stage.quiet().await;
    stage.say("maria", issue, "/wiz status");
    stage.until_answers(issue, "There is no run here").await;
    stage.say("maria", issue, "/wiz selftest");
    stage.until_answers(issue, "parts do not work.").await;
}
