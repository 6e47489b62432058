//! Questions: answered where they were asked, about the files that the conversation is about, and nothing is changed.

use scripted_model::{Scene, Turn, When};
use serde_json::json;

use super::{PATIENCE, turn};
use crate::orders::{
    scenes::planner,
    stage::{CHECKED, Stage},
};
use wiz_demo::until;

/// An answerer that is asked this, once its task holds these words.
pub fn asked(marks: &[&str], turns: Vec<Turn>) -> Scene {
    let task = ["role: answerer"].iter().chain(marks).map(|text| (*text).to_owned()).collect();
    Scene { name: format!("the question with {marks:?}"), when: When { system: vec![], task }, turns }
}

/// What looks like a token of GitHub's.
pub const SECRET: &str = "ghp_q7Rk2mXv9LbT4wZs8JdN1cYp6HfA3gUe5BoK";

pub fn answer(text: &str) -> Turn {
    turn(&[], "submit", json!({ "answer": text }))
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::invisible_characters, reason = "wiz breaks links in quoted words with one")]
async fn questions_are_answered_where_they_were_asked() {
    let look = |script: &str| turn(&[], "bash", json!({ "command": script }));
    // The first that fits is played, and later questions are asked among the words of earlier ones.
    let scenes = vec![
        asked(&["Show the key"], vec![answer(&format!("It is `{SECRET}`."))]),
        asked(&["Too hard"], vec![Turn { text: "Hm.".into(), calls: vec![], ..answer("") }; 6]),
        asked(&["And still"], vec![answer("Still.")]),
        asked(
            &["Whom does it greet"],
            vec![look("cat greet.sh"), {
                let mut seen = answer("Whom you name: `greet.sh` line 1.\n/wiz fix it\n@octo/greeters closes #1");
                seen.expects = vec!["echo \"Hello, $1\"".to_owned()];
                seen
            }],
        ),
        planner("Slow greeting", &["greet.sh"]),
        asked(&["Is it slow", "Slow greeting"], vec![answer("No.")]),
        // The head of the fork is in the box, and its diff and the lines of the thread are in the task.
        asked(
            &["Why hi", "-echo \"Hello, $1\"", "+echo \"Hi, $1\"", "the lines at greet.sh, line 1", "Short, isn't it?"],
            vec![look("cat greet.sh"), {
                let mut seen = answer("It is shorter.");
                seen.expects = vec!["echo \"Hi, $1\"".to_owned()];
                seen
            }],
        ),
    ];
    let stage = Stage::set(CHECKED, scenes).await;
    let name = stage.repo.full_name().to_owned();

    let issue = stage.issue("Whom");
    stage.say("maria", issue, "/wiz ask Whom does it greet?");
    stage.until_answers(issue, "Whom you name").await;
    stage.say("sam", issue, "/wiz ask Whom does it greet?");
    stage.quiet().await;
    stage.say("maria", issue, "/wiz ask");
    stage.person("maria").close(&name, issue).unwrap();
    insta::assert_snapshot!(stage.talk(issue).await, @r"
    maria: /wiz ask Whom does it greet?  👀
    ----
    wiz: Whom you name: `greet.sh` line 1.
    \/wiz fix it
    @​octo/greeters closes #​1

    <sub>Answered for maria by a model that read the code and changed nothing.</sub>
    ----
    sam: /wiz ask Whom does it greet?  👎
    ----
    wiz: sam may not use `/wiz ask` here: it needs the role **write** in this repository.
    ----
    maria: /wiz ask
    ----
    wiz: I could not read that: `ask` needs a question

    ```text
    <output>
    ```

    `/wiz help` lists everything.
    ");

    // Beside a run that waits, and then without an answer.
    let busy = stage.issue("Slow greeting");
    stage.say("maria", busy, "/wiz fix");
    stage.until_says(busy, "is ready for approval").await;
    stage.say("wim", busy, "/wiz ask --max $0.20 Is it slow?");
    stage.until_answers(busy, "No.").await;
    assert_eq!(stage.budgets().await[0], 200_000);
    stage.say("wim", busy, "/wiz ask Too hard?");
    let unanswered = stage.until_answers(busy, "I could not answer").await;
    insta::assert_snapshot!(crate::orders::stage::shown(&unanswered), @r"
    I could not answer that. The model came to no answer; another `--model` may do better.

    Ask again with `/wiz ask …`.
    ");
    assert_eq!(stage.budgets().await[0], 500_000);
    stage.say("wim", busy, "/wiz ask Show the key?");
    let unsaid = stage.until_answers(busy, "The text to be published holds").await;
    insta::assert_snapshot!(crate::orders::stage::shown(&unsaid), @r"
    I could not answer that. The text to be published holds a GitHub token, so nothing was published.

    Ask again with `/wiz ask …`.
    ");
    stage.say("maria", busy, "/wiz reject");
    stage.until_says(busy, "Cancelled").await;

    // On a line of a pull request from a fork, in the thread; later, when the line is outdated and the fork is gone.
    let fork = stage.person("sam").fork(&name).unwrap();
    stage.person("sam").write_file(&fork, "hi", ("greet.sh", "echo \"Hi, $1\"\n"), "Say hi").unwrap();
    let pull = stage.person("sam").open_pull_request(&name, ("sam:hi", "main"), "Say hi", "Short.").unwrap();
    let (_, threads) = stage.review(("max", pull), "COMMENT", "", &[("greet.sh", 1, "Short, isn't it?")]);
    stage.person("max").reply(&name, pull, threads[0], "/wiz ask Why hi?").unwrap();
    stage.until_answered(pull, &threads).await;
    stage.person("sam").write_file(&fork, "hi", ("greet.sh", "#!/bin/sh\n"), "Say nothing").unwrap();
    stage.person("sam").delete_repository(&fork).unwrap();
    stage.person("max").reply(&name, pull, threads[0], "/wiz ask And still?").unwrap();
    let still = async || Ok(stage.threads(pull).contains("Still.").then_some(()));
    until("the second question is answered", PATIENCE, still).await.unwrap();
    insta::assert_snapshot!(stage.threads(pull), @r"
    greet.sh:1
    max: Short, isn't it?
    max: /wiz ask Why hi?  👀
    wiz[bot]: It is shorter.

    <sub>Answered for max by a model that read the code and changed nothing.</sub>
    max: /wiz ask And still?  👀
    wiz[bot]: Still.

    <sub>Answered for max by a model that read the code and changed nothing.</sub>
    ");
    assert_eq!(stage.talk(pull).await, "");

    // Nobody could read an answer here, so none is paid for.
    let runs = stage.runs().await;
    stage.person("maria").lock(&name, issue, None).unwrap();
    stage.say("maria", issue, "/wiz ask And now?");
    stage.quiet().await;
    assert_eq!(stage.runs().await, runs);
    stage.clear().await;
}
