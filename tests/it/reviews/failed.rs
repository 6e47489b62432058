//! Work on a review that comes to nothing is told where it was asked for.

use super::{AUTONOMOUS, bash, reviewed, submit, turn, with_pull_request};
use crate::orders::stage::{Stage, shown};
use scripted_model::{Scene, When};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_follow_up_that_failed_is_told_once_where_it_was_asked_for() {
    let claims = [("T1", "changed", "It is purple."), ("T2", "declined", "No.")];
    let link = turn(&[], "submit", json!({ "summary": "s", "evidence": "e" }));
    let scenes = vec![
        reviewed(&["Make it purple"], vec![submit(&[], &claims)]),
        reviewed(&["Thank you"], vec![submit(&[], &[("T1", "answered", "You are welcome.")])]),
        Scene {
            name: "link".into(),
            when: When { system: vec![], task: vec!["role: coder".into(), "link it".into()] },
            turns: vec![bash("ln -s /etc/passwd link"), link],
        },
        Scene {
            name: "circles".into(),
            when: When { system: vec![], task: vec!["role: coder".into(), "walk in circles".into()] },
            turns: vec![bash("false"); 8],
        },
    ];
    let (stage, issue, pull) = with_pull_request("Greet nobody as well", scenes).await;
    let comments = [("greet.sh", 1, "Make it purple."), ("tests/greet_test.sh", 2, "And green.")];
    let (_, threads) = stage.review(("maria", pull), "REQUEST_CHANGES", "", &comments);
    stage.until_answered(pull, &threads).await;
    stage.until_says(issue, ": failed").await;
    // It fails again, which is no news for the threads.
    let name = stage.repo.full_name().to_owned();
    stage.person("maria").reply(&name, pull, threads[0], "/wiz retry").unwrap();
    stage.until_failed_again(1).await;
    stage.quiet().await;
    let told = stage.threads(pull);
    insta::assert_snapshot!(told, @r"
    greet.sh:1
    maria: Make it purple.  👀
    wiz[bot]: I could not do this, and nothing was published. The coder says that it made a change for the review, but no file differs. `/wiz retry` lets it try again. The status comment in #1 shows more.
    maria: /wiz retry  👀
    ----
    tests/greet_test.sh:2
    maria: And green.
    wiz[bot]: I could not do this, and nothing was published. The coder says that it made a change for the review, but no file differs. `/wiz retry` lets it try again. The status comment in #1 shows more.
    ");

    // Another review is worked all the same.
    let (_, thanks) = stage.review(("maria", pull), "COMMENT", "", &[("greet.sh", 1, "Thank you.\n\n/wiz fix")]);
    stage.until_answered(pull, &thanks).await;
    stage.until_says(issue, "is open").await;
    assert!(stage.threads(pull).starts_with(&told));

    stage.say("maria", pull, "/wiz fix link it");
    stage.until_says(issue, ": failed").await;
    stage.quiet().await;
    // What is published is not planned anew, so that is not what is offered.
    stage.say("maria", pull, "/wiz revise less");
    stage.quiet().await;
    stage.say("maria", pull, "/wiz fix walk in circles");
    stage.until_says(issue, "`/wiz fix …` on the pull request with a hint helps more than `/wiz retry`.").await;
    insta::assert_snapshot!(stage.talk(pull).await, @r"
    maria: /wiz fix link it  👀
    ----
    wiz: I could not do this, and nothing was published. The change holds files that wiz will not publish. The status comment in #1 shows more.
    ----
    maria: /wiz revise less  👀
    ----
    wiz: `/wiz revise` does not fit now: run 1 has failed. `/wiz status` shows more.
    ----
    maria: /wiz fix walk in circles  👀
    ----
    wiz: I could not do this, and nothing was published. The agent went in circles and was stopped. `/wiz fix …` on the pull request with a hint helps more than `/wiz retry`. The status comment in #1 shows more.
    ");
    no_money_today(&stage, (issue, pull)).await;
    // Nobody hears of a failure in a conversation that is locked, and nothing breaks by it.
    stage.person("maria").lock(&name, pull, None).unwrap();
    stage.say("maria", pull, "/wiz retry");
    stage.until_failed_again(2).await;
    stage.clear().await;
}

/// A run that rests keeps nothing of what its repository may spend, so it begins again only while something is left.
async fn no_money_today(stage: &Stage, (issue, pull): (u64, u64)) {
    let rules_are = async |text: &str| {
        stage.person("wim").write_file(stage.repo.full_name(), "main", (".github/wiz.yml", text), "Rules").unwrap();
        stage.quiet().await;
    };
    rules_are(&format!("budget_day: $0.04\n{AUTONOMOUS}")).await;
    stage.say("maria", issue, "/wiz retry");
    let said = shown(&stage.until_answers(issue, "did not start").await);
    let (spent, rest) = said.split_once(", and its cap").unwrap();
    assert!(
        spent.starts_with("What this repository's runs spent in the last 24 hours and may yet spend is $0."),
        "{said}"
    );
    insta::assert_snapshot!(rest, @" is $0.04, so I did not start. Raise `budget_day` in `.github/wiz.yml`, or try again later.");
    stage.review(("maria", pull), "REQUEST_CHANGES", "It is still purple.", &[]);
    stage.until_answers(pull, "did not start").await;
    rules_are(AUTONOMOUS).await;
}
