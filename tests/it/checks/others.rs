//! Pull requests of other people: the policy, a label or nobody has their failing checks answered, from the remarks of
//! another App where there is no log, and for as long as there is money.

use github_stand_in::{
    control::NewCheck,
    store::{Annotation, CheckKind, CheckOutput, Conclusion},
};
use wiz_demo::until;

use super::{
    PATIENCE, commits_of, follow_up, in_any_order,
    loops::{job, script, while_it_has, while_it_lacks},
};
use crate::orders::{
    scenes::{repair, reviewer},
    stage::{CHECKED, NO_SUCH_MODEL, Stage, shown},
};

const OWN: &str = "It is of wiz";
const LABELLED: &str = "It is labelled";
const ANY: &str = "It is like any other";

/// A model beside the usual one, with a price of its own.
const SECOND_MODEL: &str = "claude-haiku-4-5";

/// Less than any repair is begun with.
const ONE_CENT: i64 = 10_000;

fn policy(answer: &str, budget_day: &str) -> String {
    format!("gate: autonomous\nbudget_day: {budget_day}\nci:\n  answer: {answer}\n{CHECKED}")
}

async fn rules_are(stage: &Stage, text: &str) {
    stage.person("wim").write_file(stage.repo.full_name(), "main", (".github/wiz.yml", text), "New rules").unwrap();
    stage.quiet().await;
}

/// wim commits the script with this remark, and gives the commit.
fn push(stage: &Stage, branch: &str, remark: &str) -> String {
    let text = format!("echo \"Hello, $1\" # {remark}\n");
    stage.person("wim").write_file(stage.repo.full_name(), branch, ("greet.sh", &text), "By hand").unwrap()
}

fn open(stage: &Stage, branch: &str, title: &str) -> u64 {
    stage.person("wim").open_pull_request(stage.repo.full_name(), (branch, "main"), title, "Short.").unwrap()
}

/// Waits until CI has failed on a commit, and for what wiz makes of it.
async fn failed(stage: &Stage, head: &str) {
    let ended = async || {
        let runs = stage.world.hub().control().workflow_runs(stage.repo.full_name())?;
        let last = runs.iter().rfind(|run| run.head_sha == head).and_then(|run| run.latest());
        Ok(last.and_then(|attempt| attempt.conclusion))
    };
    assert_eq!(until("CI has ended", PATIENCE, ended).await.unwrap(), Conclusion::Failure);
    stage.quiet().await;
}

/// Waits until a pull request has so many commits and its run watches again. Gives the subject of the last commit.
async fn mended(stage: &Stage, pull: u64, (commits, repairs): (usize, i32)) -> String {
    let made = until("a commit mends it", PATIENCE, async || {
        Ok(Some(commits_of(stage, pull)).filter(|made| made.len() == commits))
    });
    let made = made.await.unwrap();
    stage.until_followed_up(pull, repairs).await;
    stage.repo.git(&["log", "-1", "--format=%s", &made[commits - 1]]).unwrap()
}

/// An App of somebody else that remarks on a line, and keeps no log.
fn strict(stage: &Stage) {
    let control = stage.world.hub().control();
    let app = stage.app_of_somebody_else();
    let remark = Annotation {
        path: "greet.sh".to_owned(),
        start_line: 1,
        end_line: 1,
        annotation_level: "failure".to_owned(),
        message: "this greeting is unsafe".to_owned(),
        title: None,
        raw_details: None,
    };
    let check = NewCheck {
        app,
        kind: CheckKind::CheckRun,
        name: "strict".to_owned(),
        rule: while_it_has("unsafe"),
        failed: CheckOutput {
            title: Some("One remark".to_owned()),
            summary: Some("See the line.".to_owned()),
            annotations: vec![remark],
            ..CheckOutput::default()
        },
        details_url: None,
        pace: Default::default(),
    };
    control.script_check(stage.repo.full_name(), &check).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_and_labels_say_whose_checks_are_answered_and_money_how_long() {
    let mut scenes = vec![
        follow_up(LABELLED, "follow-up-1", "greet.sh:1: this greeting is unsafe", "sed -i 's/, unsafe//' greet.sh"),
        follow_up(ANY, "follow-up-1", "error: not linted", "echo '# linted' >> greet.sh"),
        follow_up(ANY, "follow-up-2", "error: beta is unexpected", "sed -i 's/, beta//' greet.sh"),
        follow_up(ANY, "follow-up-3", "error: gamma is unexpected", "sed -i 's/, gamma//' greet.sh"),
    ];
    scenes.extend(repair(OWN));
    scenes.extend([LABELLED, ANY].map(reviewer));
    let stage = Stage::set(&policy("none", "$20"), scenes).await;
    script(
        &stage,
        vec![
            job("lint", while_it_lacks("linted"), "error: not linted"),
            job("second", while_it_has("beta"), "error: beta is unexpected"),
            job("third", while_it_has("gamma"), "error: gamma is unexpected"),
        ],
    );
    strict(&stage);
    own_checks_are_left_alone_too(&stage).await;
    labelled(&stage).await;
    let pull = any(&stage).await;
    no_money_today(&stage, pull).await;
    no_money_in_the_run(&stage, pull).await;
    stage.clear().await;
}

/// `none` holds for what wiz opened as well. Meanwhile another model than the usual one does the work.
async fn own_checks_are_left_alone_too(stage: &Stage) {
    let issue = stage.issue(OWN);
    stage.say("maria", issue, &format!("/wiz fix --model anthropic/{SECOND_MODEL}"));
    let status = stage.until_says(issue, "is open").await;
    assert!(status.body.contains(&format!("model `anthropic/{SECOND_MODEL}`")), "{}", status.body);
    let asked = stage.world.model().unwrap().requests();
    assert_eq!(asked.len(), 4, "planner, coder twice, reviewer");
    assert!(asked.iter().all(|request| request.body["model"] == SECOND_MODEL), "each of them is that model");
    let pull = stage.repo.pulls().unwrap().pop().unwrap();
    failed(stage, &pull.head_sha).await;
    assert_eq!((commits_of(stage, pull.number).len(), stage.talk(pull.number).await), (1, String::new()));
}

/// The label asks for what the policy does not: from the next failing check on, and for what has failed before. It counts
/// for as long as it is there, and not if somebody set it who may not say `/wiz ci on`.
async fn labelled(stage: &Stage) {
    let head = push(stage, "labelled", "plain");
    let pull = open(stage, "labelled", LABELLED);
    failed(stage, &head).await;
    // Nor does it when the pull request was closed just then.
    let (tess, name) = (stage.person("tess"), stage.repo.full_name());
    tess.close(name, pull).unwrap();
    tess.label(name, pull, &["wiz:ci"]).unwrap();
    stage.quiet().await;
    tess.reopen(name, pull).unwrap();
    stage.quiet().await;
    assert_eq!((stage.runs().await, stage.talk(pull).await), (1, String::new()));
    unlabel(stage, pull);
    stage.person("tess").label(stage.repo.full_name(), pull, &["bug", "WIZ:ci"]).unwrap();
    stage.until_answers(pull, "may not use").await;
    failed(stage, &push(stage, "labelled", "plain again")).await;
    found_unsafe(stage, &push(stage, "labelled", "linted, unsafe")).await;
    assert_eq!(stage.runs().await, 1, "nobody who may asked for it");
    unlabel(stage, pull);
    stage.person("max").label(stage.repo.full_name(), pull, &["wiz:ci"]).unwrap();
    insta::assert_snapshot!(mended(stage, pull, (4, 1)).await, @"Mend the failing check strict");
    stage.say("wim", pull, "/wiz ci");
    let word = stage.until_answers(pull, "has the label").await;
    insta::assert_snapshot!(shown(&word), @"I answer failing checks of this pull request, since it has the label `wiz:ci`: with repairs on at most 3 commits. I have tried on 1 so far. `/wiz ci off` ends that.");
    stage.until_says(pull, "is open").await;
    unlabel(stage, pull);
    found_unsafe(stage, &push(stage, "labelled", "linted, unsafe, again")).await;
    assert_eq!(commits_of(stage, pull).len(), 5, "nobody asks for it any more");
    insta::assert_snapshot!(stage.talk(pull).await.split_once("\n----\n").unwrap().0, @"wiz: tess may not use `/wiz ci` here: it needs the role **write** in this repository.");
}

fn unlabel(stage: &Stage, pull: u64) {
    let path = format!("/repos/{}/issues/{pull}/labels/wiz:ci", stage.repo.full_name());
    stage.person("max").request("DELETE", &path, &serde_json::json!(null)).unwrap();
}

/// Waits until the other App has found fault with a commit, and for what wiz makes of it.
async fn found_unsafe(stage: &Stage, head: &str) {
    let ended = async || {
        let mut checks = stage.repo.checks()?.into_iter();
        Ok(checks.find(|check| check.head_sha == head && check.name == "strict").and_then(|check| check.conclusion))
    };
    assert_eq!(until("the other App has ended", PATIENCE, ended).await.unwrap(), "failure");
    stage.quiet().await;
}

/// The policy asks for it; by a model that this server can call.
async fn any(stage: &Stage) -> u64 {
    let rules = policy("all", "$20");
    rules_are(stage, &format!("model: nobody/nothing\n{rules}")).await;
    // CI has failed before there is a pull request.
    failed(stage, &push(stage, "any", "plain")).await;
    let pull = open(stage, "any", ANY);
    stage.until_answers(pull, "I cannot start").await;
    failed(stage, &push(stage, "any", "plain again")).await;
    for words in ["/wiz fix greet politely", "/wiz review"] {
        stage.say("wim", pull, words);
        stage.quiet().await;
    }
    insta::assert_snapshot!(stage.talk(pull).await.replace(NO_SUCH_MODEL, "<no such model>"), @r"
    wiz: <no such model>
    ----
    wim: /wiz fix greet politely  👀
    ----
    wiz: <no such model>
    ----
    wim: /wiz review  👀
    ----
    wiz: <no such model>
    ");
    assert_eq!(stage.runs().await, 2);
    rules_are(stage, &rules).await;
    push(stage, "any", "plain still");
    insta::assert_snapshot!(mended(stage, pull, (4, 1)).await, @"Mend the failing check lint");
    let asked = stage.world.model().unwrap().requests();
    assert!(asked[4..].iter().all(|request| request.body["model"] == "scripted"), "the usual model again");
    pull
}

async fn no_money_today(stage: &Stage, pull: u64) {
    rules_are(stage, &policy("all", "$0.04")).await;
    push(stage, "any", "linted, beta");
    let word = stage.until_answers(pull, "still fails").await;
    insta::assert_snapshot!(shown(&word), @"`second` still fails on `<hash>`, and there is no money left for today. I leave it to you; `/wiz ci on` lets me try again tomorrow, or once `budget_day` allows more.");
    // Whoever asks again on the same day is told again.
    stage.say("wim", pull, "/wiz ci on");
    let told = async || {
        let talk = stage.repo.wiz_comments()?.into_iter().filter(|comment| comment.number == pull);
        Ok((talk.filter(|comment| comment.body.contains("no money left")).count() == 2).then_some(()))
    };
    until("no money is left once more", PATIENCE, told).await.unwrap();
    rules_are(stage, &policy("all", "$20")).await;
    stage.say("wim", pull, "/wiz ci on");
    insta::assert_snapshot!(mended(stage, pull, (6, 2)).await, @"Mend the failing check second");
}

async fn no_money_in_the_run(stage: &Stage, pull: u64) {
    stage.has_left(pull, ONE_CENT).await;
    push(stage, "any", "linted, gamma");
    let word = stage.until_answers(pull, "spent its budget").await;
    insta::assert_snapshot!(shown(&word), @"`third` still fails on `<hash>`, and my run here has spent its budget. I leave it to you; `/wiz budget +$2` and then `/wiz ci on` let me try again.");
    for order in ["/wiz budget +$2", "/wiz ci on"] {
        stage.say("wim", pull, order);
        stage.quiet().await;
    }
    insta::assert_snapshot!(mended(stage, pull, (8, 3)).await, @"Mend the failing check third");
    let talk = stage.talk(pull).await;
    let talk: Vec<&str> = talk.split("\n----\n").skip(5).collect();
    let (status, said) = (talk[0], in_any_order(&talk[1..].join("\n----\n")));
    assert!(status.contains("is open\n\nFailing checks, worked on for wim"), "{status}");
    insta::assert_snapshot!(said, @r"
    wiz: `second` still fails on `<hash>`, and there is no money left for today. I leave it to you; `/wiz ci on` lets me try again tomorrow, or once `budget_day` allows more.
    ----
    wim: /wiz ci on
    ----
    wiz: I answer failing checks of this pull request, from now on: with repairs on at most 3 commits. `/wiz ci off` ends that.
    ----
    wiz: `second` still fails on `<hash>`, and there is no money left for today. I leave it to you; `/wiz ci on` lets me try again tomorrow, or once `budget_day` allows more.
    ----
    wim: /wiz ci on
    ----
    wiz: I answer failing checks of this pull request, from now on: with repairs on at most 3 commits. `/wiz ci off` ends that.
    ----
    wiz: `third` still fails on `<hash>`, and my run here has spent its budget. I leave it to you; `/wiz budget +$2` and then `/wiz ci on` let me try again.
    ----
    wim: /wiz budget +$2  👀
    ----
    wim: /wiz ci on
    ----
    wiz: I answer failing checks of this pull request, from now on: with repairs on at most 3 commits. `/wiz ci off` ends that.
    ");
}
