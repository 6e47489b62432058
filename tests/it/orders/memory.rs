//! What people tell all later runs of a repository.

use super::{
    scenes::{FILES, REPAIR, coder, planner, reviewer},
    stage::{CHECKED, Stage},
};

#[tokio::test(flavor = "multi_thread")]
async fn notes_are_told_to_every_later_run_until_they_are_taken_back() {
    let note = ["a note for every run here, by maria".to_owned(), "Greet @octo/team politely".to_owned()];
    let mut plans = planner("Greet", &FILES);
    plans.when.task.extend(note.clone());
    let mut works = coder("Greet", REPAIR);
    works.when.task.extend(note);
    let stage = Stage::set(&format!("gate: autonomous\n{CHECKED}"), vec![plans, works, reviewer("Greet")]).await;
    let issue = stage.issue("Greet nobody as well");
    for (login, text) in [
        ("sam", "/wiz remember"),
        ("tess", "/wiz remember that I was here"),
        ("maria", "/wiz remember Greet @octo/team politely"),
        ("wim", "/wiz remember Greet @octo/team politely"),
        ("maria", &format!("/wiz remember {}", "word ".repeat(120))),
        ("wim", "/wiz remember"),
        ("wim", "/wiz forget 99"),
        ("wim", "/wiz forget politely"),
        ("wim", "/wiz forget"),
    ] {
        stage.say(login, issue, text);
        stage.quiet().await;
    }
    insta::assert_snapshot!(stage.talk(issue).await.replace('\u{200b}', "␣"), @r"
    sam: /wiz remember
    ----
    wiz: Nothing is noted for this repository. `/wiz remember …` tells every later run.
    ----
    tess: /wiz remember that I was here  👎
    ----
    wiz: tess may not use `/wiz remember` here: it needs the role **write** in this repository.
    ----
    maria: /wiz remember Greet @octo/team politely
    ----
    wiz: Noted as **1**: every later run here is told. `/wiz forget 1` takes it back.
    ----
    wim: /wiz remember Greet @octo/team politely
    ----
    wiz: That is noted already, as **1**.
    ----
    maria: /wiz remember word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word word 
    ----
    wiz: A note has at most 500 characters, so I did not take this down. What is longer belongs into `AGENTS.md` or another file of the repository, which runs read as well.
    ----
    wim: /wiz remember
    ----
    wiz: Every run here is told:

    - **1** Greet @␣octo/team politely (maria)

    `/wiz remember …` adds a note, `/wiz forget NUMBER` takes one back.
    ----
    wim: /wiz forget 99
    ----
    wiz: There is no note **99** here. `/wiz remember` lists them.
    ----
    wim: /wiz forget politely
    ----
    wiz: I could not read that: `forget` takes the number of a note, as `/wiz remember` lists them and no further words, so it was not run

    ```text
    <output>
    ```

    `/wiz help` lists everything.
    ----
    wim: /wiz forget
    ----
    wiz: I could not read that: `forget` takes the number of a note, as `/wiz remember` lists them and no further words, so it was not run

    ```text
    <output>
    ```

    `/wiz help` lists everything.
    ");

    let work = stage.issue("Greet somebody");
    stage.say("maria", work, "/wiz fix");
    stage.until_says(work, "is open").await;

    let other = stage.issue("Other");
    stage.say("wim", other, "/wiz forget 1");
    stage.until_answers(other, "no longer told").await;
    stage.say("sam", other, "/wiz remember");
    stage.until_answers(other, "Nothing is noted").await;
    stage.clear().await;
}
