//! Whose failing checks are answered: `/wiz ci on` and `off`, by whom and where, and never those of forks.

use github_stand_in::store::{Rule, Trigger};
use wiz_demo::until;

use super::{PATIENCE, commits_of, follow_up, in_any_order, workflow};
use crate::orders::{
    scenes::reviewer,
    stage::{CHECKED, Stage},
};

const LOG: &str = "greet.sh: line 1: not linted";

/// Fails until the first line of the script says that it is linted.
fn lint(stage: &Stage) {
    let rule = Rule::FailsWhileFileLacks { path: "greet.sh".to_owned(), text: "# linted".to_owned() };
    let new = github_stand_in::control::NewWorkflow { on: vec![Trigger::PullRequest], ..workflow(rule, LOG) };
    stage.world.hub().control().script_workflow(stage.repo.full_name(), &new).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_says_whose_failing_checks_are_answered() {
    let scenes = vec![follow_up("Say hi", "follow-up-1", LOG, "echo '# linted' >> greet.sh"), reviewer("Say hi")];
    let stage = Stage::set(&format!("gate: autonomous\n{CHECKED}"), scenes).await;
    lint(&stage);
    let (issue, pull) = switched_on(&stage).await;
    switched_off(&stage, pull).await;
    let fork = forks_are_left_alone(&stage).await;
    let said = [stage.talk(issue).await, stage.talk(pull).await, stage.talk(fork).await];
    insta::assert_snapshot!(said.map(|said| in_any_order(&said)).join("\n\n====\n\n"), @r"
    wim: /wiz ci on
    ----
    wiz: Only pull requests have checks; say `/wiz ci on` or `/wiz ci off` there.

    ====

    sam: /wiz ci on  👎
    ----
    wiz: sam may not use `/wiz ci` here: it needs the role **write** in this repository.
    ----
    sam: /wiz ci
    ----
    wiz: I leave failing checks of this pull request alone, since nobody asked for more. `/wiz ci on` or the label `wiz:ci` changes that.
    ----
    wim: /wiz ci maybe
    ----
    wiz: I could not read that: `ci` takes `on` or `off` and no further words, so it was not run

    ```text
    <output>
    ```

    `/wiz help` lists everything.
    ----
    wim: /wiz ci on
    ----
    wiz: ### Cancelled

    Failing checks, worked on for wim · Say hi · spent <money>, cap $3.00

    The pull request was closed without merging.

    **Pull request:** [#1](http://github/octo/greeter/pull/1)

    Follow-ups on: Say hi

    …

    **Next:** `/wiz fix` (start over)

    <sub>run 1 · model `anthropic/scripted` · branch `hi`</sub>
    ----
    wiz: I answer failing checks of this pull request, from now on: with repairs on at most 3 commits. `/wiz ci off` ends that.
    ----
    wim: /wiz ci
    ----
    wiz: I answer failing checks of this pull request, as wim asked: with repairs on at most 3 commits. I have tried on 1 so far. `/wiz ci off` ends that.
    ----
    max: /wiz ci off
    ----
    wiz: I leave failing checks of this pull request alone, from now on. `/wiz ci on` changes that.
    ----
    wim: /wiz ci on
    ----
    wiz: This pull request is closed, so its checks are left alone. Reopen it first.

    ====

    wiz: This pull request comes from a fork, and wiz never writes there, so I leave its failing checks alone. Take the branch into this repository, and I can.
    ----
    max: /wiz ci on
    ----
    wiz: This pull request comes from a fork, and wiz never writes there, so I leave its failing checks alone. Take the branch into this repository, and I can.
    ");
    stage.clear().await;
}

async fn switched_on(stage: &Stage) -> (u64, u64) {
    let (name, wim) = (stage.repo.full_name().to_owned(), stage.person("wim"));
    wim.write_file(&name, "hi", ("greet.sh", "echo \"Hello, $1\" # hi\n"), "Say hi").unwrap();
    let pull = wim.open_pull_request(&name, ("hi", "main"), "Say hi", "Short.").unwrap();
    stage.quiet().await;
    assert_eq!((stage.runs().await, stage.talk(pull).await), (0, String::new()), "nobody asked for it");
    let issue = stage.issue("It has no checks");
    for (login, number, words) in [
        ("sam", pull, "/wiz ci on"),
        ("sam", pull, "/wiz ci"),
        ("wim", pull, "/wiz ci maybe"),
        ("wim", issue, "/wiz ci on"),
    ] {
        stage.say(login, number, words);
        stage.quiet().await;
    }
    assert_eq!(stage.runs().await, 0);
    stage.say("wim", pull, "/wiz ci on");
    let mended = until("a commit mends it", PATIENCE, async || {
        Ok(Some(commits_of(stage, pull)).filter(|commits| commits.len() == 2))
    });
    mended.await.unwrap();
    stage.until_says(pull, "is open").await;
    stage.say("wim", pull, "/wiz ci");
    stage.quiet().await;
    (issue, pull)
}

async fn switched_off(stage: &Stage, pull: u64) {
    stage.say("max", pull, "/wiz ci off");
    stage.quiet().await;
    let (name, wim) = (stage.repo.full_name().to_owned(), stage.person("wim"));
    wim.write_file(&name, "hi", ("greet.sh", "echo \"Hello, $1\" # again\n"), "Say it again").unwrap();
    stage.quiet().await;
    assert_eq!(commits_of(stage, pull).len(), 3, "it fails, and nobody mends it");
    wim.close(&name, pull).unwrap();
    stage.until_says(pull, "closed without merging").await;
    stage.say("wim", pull, "/wiz ci on");
    stage.quiet().await;
}

/// A label asks for it, and so does a command; neither makes wiz write into a fork, and each is told so once.
async fn forks_are_left_alone(stage: &Stage) -> u64 {
    let (name, sam) = (stage.repo.full_name().to_owned(), stage.person("sam"));
    let fork = sam.fork(&name).unwrap();
    sam.write_file(&fork, "patch", ("greet.sh", "echo \"Hello, $1\" # patch\n"), "Patch").unwrap();
    let pull = sam.open_pull_request(&name, ("sam:patch", "main"), "Patch", "").unwrap();
    stage.person("max").label(&name, pull, &["wiz:ci"]).unwrap();
    for text in ["one", "two"] {
        sam.write_file(&fork, "patch", ("greet.sh", &format!("echo \"Hello, $1\" # {text}\n")), "Patch").unwrap();
        stage.quiet().await;
    }
    stage.say("max", pull, "/wiz ci on");
    pull
}
