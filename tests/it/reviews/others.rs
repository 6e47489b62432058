//! Pull requests that wiz did not open: it works on them where it is asked to, and only on branches of this repository.

use scripted_model::{Call, Scene, Turn, When};
use serde_json::json;

use super::{AUTONOMOUS, PATIENCE, bash, reviewed, submit};
use crate::orders::{
    scenes::reviewer,
    stage::{Stage, shown},
};
use wiz_demo::until;

/// A review without an order makes nothing; with one, a commit on the author's branch and an answer in the thread. An order
/// in the conversation makes another commit.
#[tokio::test(flavor = "multi_thread")]
async fn on_others_pull_requests_wiz_commits_where_it_is_asked() {
    let softly = "echo 'echo \"Hi there, $1\"' > greet.sh; echo 'test \"$(sh greet.sh Ann)\" = \"Hi there, Ann\"' > tests/greet_test.sh";
    let louder =
        "echo 'echo \"HI, $1\"' > greet.sh; echo 'test \"$(sh greet.sh Ann)\" = \"HI, Ann\"' > tests/greet_test.sh";
    let report = Turn {
        expects: vec![],
        text: String::new(),
        calls: vec![Call { tool: "submit".into(), input: json!({ "summary": "It is louder.", "evidence": "None." }) }],
        delay_ms: 0,
        cut: false,
    };
    let order = Scene {
        name: "louder".into(),
        when: When { system: vec![], task: vec!["role: coder".into(), "say it louder".into()] },
        turns: vec![bash(louder), report.clone()],
    };
    let review = reviewed(&["Too short"], vec![bash(softly), submit(&[], &[("T1", "changed", "It is longer now.")])]);
    let paper = |words: &str, script: &str| Scene {
        name: words.into(),
        when: When { system: vec!["kind of work: docs".into()], task: vec!["role: coder".into(), words.into()] },
        turns: vec![bash(script), report.clone()],
    };
    let scenes = vec![
        review,
        // Who works after a failure is shown what was said before.
        paper("tell of it on paper", "echo 'It is loud.' >> README.md"),
        paper("tell of it everywhere", "echo '# it is loud' >> greet.sh"),
        order,
        reviewer("Say hi"),
    ];
    let stage = Stage::set(AUTONOMOUS, scenes).await;
    let (name, wim) = (stage.repo.full_name().to_owned(), stage.person("wim"));
    wim.write_file(&name, "hi", ("greet.sh", "echo \"Hi, $1\"\n"), "Say hi").unwrap();
    let pull = wim.open_pull_request(&name, ("hi", "main"), "Say hi", "Short.").unwrap();

    stage.review(("max", pull), "REQUEST_CHANGES", "No.", &[("greet.sh", 1, "Too short.")]);
    stage.quiet().await;
    assert_eq!((stage.runs().await, stage.talk(pull).await), (0, String::new()));

    stage.say("wim", pull, "/wiz fix --draft --base release say it louder");
    let said = stage.until_answers(pull, "mean nothing here").await;
    insta::assert_snapshot!(shown(&said), @"On a pull request I work on its branch and plan nothing, so `--base`, `--draft` and `--plan` mean nothing here and I did not start. Give `/wiz fix` without them.");
    let (_, threads) = stage.review(("max", pull), "COMMENT", "", &[("greet.sh", 1, "Too short, really.\n\n/wiz fix")]);
    stage.until_answered(pull, &threads).await;
    stage.until_says(pull, "is open").await;
    stage.say("wim", pull, "/wiz fix --max $1 say it louder");
    let said = stage.until_answers(pull, "of its own").await;
    insta::assert_snapshot!(shown(&said), @"My run of this pull request has a budget and a model of its own, so `--max` and `--model` mean nothing here and I did not start. Give `/wiz fix` without them.");
    assert_eq!(stage.on_head(pull, "greet.sh"), "echo \"Hi there, $1\"");
    assert_eq!(stage.commits(pull).len(), 2);
    assert_eq!(stage.asked(pull), ["max"]);
    insta::assert_snapshot!(stage.threads(pull), @r"
    greet.sh:1
    max: Too short.
    ----
    greet.sh:1 (resolved)
    max: Too short, really.

    /wiz fix  👀
    wiz[bot]: Changed in <hash>.

    It is longer now.
    ");

    stage.say("wim", pull, "/wiz fix say it louder");
    let louder = async || Ok((stage.commits(pull).len() == 3).then_some(()));
    until("the order is followed", PATIENCE, louder).await.unwrap();
    stage.until_says(pull, "is open").await;
    assert_eq!(stage.on_head(pull, "greet.sh"), "echo \"HI, $1\"");
    insta::assert_snapshot!(stage.talk(pull).await, @r"
    wim: /wiz fix --draft --base release say it louder  👀
    ----
    wiz: On a pull request I work on its branch and plan nothing, so `--base`, `--draft` and `--plan` mean nothing here and I did not start. Give `/wiz fix` without them.
    ----
    wiz: ### Pull request #1 is open

    `/wiz fix` by max · Say hi · spent <money>, cap $3.00

    **Pull request:** [#1](http://github/octo/greeter/pull/1)

    Follow-ups on: Say hi

    …

    **Next:** `/wiz cancel` (leave the pull request alone)

    <sub>run 1 · model `anthropic/scripted` · branch `hi`</sub>
    ----
    wim: /wiz fix --max $1 say it louder  👀
    ----
    wiz: My run of this pull request has a budget and a model of its own, so `--max` and `--model` mean nothing here and I did not start. Give `/wiz fix` without them.
    ----
    wim: /wiz fix say it louder  👀
    ");
    assert_eq!(stage.runs().await, 1);

    // Each kind of work keeps its own rules, whatever the run was begun for.
    stage.say("wim", pull, "/wiz docs tell of it everywhere");
    insta::assert_snapshot!(shown(&stage.until_says(pull, ": failed").await), @r"
    ### Do what wim asked for: failed

    `/wiz fix` by max · Say hi · spent <money>, cap $3.00

    The change cannot be published:
    - greet.sh: `/wiz docs` changes only documentation files

    `/wiz retry` tries again, `/wiz fix …` on the pull request asks for something else.

    **Pull request:** [#1](http://github/octo/greeter/pull/1)

    Follow-ups on: Say hi

    …

    **Next:** `/wiz retry` (try again), `/wiz fix …` (start over, with other words)

    <sub>run 1 · model `anthropic/scripted` · branch `hi`</sub>
    ");
    stage.say("wim", pull, "/wiz docs tell of it on paper");
    let told = async || Ok((stage.commits(pull).len() == 4).then_some(()));
    until("the documentation says it", PATIENCE, told).await.unwrap();
    stage.until_says(pull, "is open").await;
    assert_eq!(stage.on_head(pull, "greet.sh"), "echo \"HI, $1\"");
    assert!(stage.on_head(pull, "README.md").ends_with("It is loud."));
    wim.close(&name, pull).unwrap();
    stage.until_says(pull, "closed without merging").await;
    stage.clear().await;
}
