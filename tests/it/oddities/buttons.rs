//! Buttons of check runs that are pressed twice, by somebody who may not, or where nobody can be answered.

use scripted_model::{Call, Scene, Turn, When};
use serde_json::json;

use super::owned;
use crate::orders::{scenes::repair, stage::CHECKED};

#[tokio::test(flavor = "multi_thread")]
async fn a_button_counts_once_and_for_who_may_press_it() {
    let call = Call { tool: "bash".to_owned(), input: json!({ "command": "false" }) };
    let turn = Turn { expects: vec![], text: String::new(), calls: vec![call], delay_ms: 0, cut: false };
    let when = When { system: vec![], task: vec!["role: coder".to_owned(), "walk in circles".to_owned()] };
    let circles = Scene { name: "circles".to_owned(), when, turns: vec![turn; 8] };
    let scenes = std::iter::once(circles).chain(repair("Press")).collect();
    let mut stage = owned(&format!("gate: autonomous\n{CHECKED}"), scenes).await;
    let issue = stage.issue("Press it");
    stage.say("maria", issue, "/wiz fix");
    stage.until_says(issue, "### Pull request #").await;
    let pull = stage.repo.pulls().unwrap().pop().unwrap();
    stage.say("maria", pull.number, "/wiz fix walk in circles");
    stage.until_says(issue, ": failed").await;
    stage.quiet().await;
    let control = stage.world.hub().control().clone();
    let own = |check: &github_stand_in::store::CheckRun| check.name == "wiz" && check.head_sha == pull.head_sha;
    let check = control.check_runs(stage.repo.full_name()).unwrap().into_iter().find(own).unwrap();
    let offered: Vec<&str> = check.actions.iter().map(|action| action.identifier.as_str()).collect();
    assert_eq!(offered, ["retry"]);

    // What another App's check calls itself, and a button that is not there, mean nothing.
    let app = stage.app_of_somebody_else();
    let forged = json!({
        "name": "wiz", "head_sha": pull.head_sha, "external_id": check.external_id, "status": "completed",
        "conclusion": "neutral", "actions": [{ "label": "Retry", "description": "Again", "identifier": "retry" }],
    });
    let path = format!("/repos/{}/check-runs", stage.repo.full_name());
    let forged = control.request_as_app(app, stage.repo.full_name(), ("POST", &path), &forged).unwrap();
    let max = stage.person("max");
    max.click(stage.repo.full_name(), forged["id"].as_u64().unwrap(), "retry").unwrap();
    assert!(max.click(stage.repo.full_name(), check.id, "approve:00000000").is_err());
    stage.person("sam").click(stage.repo.full_name(), check.id, "retry").unwrap();
    stage.until_answers(pull.number, "sam may not use `/wiz retry` here").await;

    // Under another name, where nobody can be answered, told twice and once more.
    stage.renamed("welcomer");
    stage.person("maria").lock(stage.repo.full_name(), pull.number, None).unwrap();
    stage.quiet().await;
    stage.next_comes_twice("check_run");
    max.click(stage.repo.full_name(), check.id, "retry").unwrap();
    let pressed = stage.newest("check_run");
    stage.until_failed_again(1).await;
    stage.told_again(pressed).await;
    stage.until_says(issue, ": failed").await;
    stage.quiet().await;
    insta::assert_snapshot!(stage.talk(pull.number).await, @r"
    maria: /wiz fix walk in circles  👀
    ----
    wiz: I could not do this, and nothing was published. The agent went in circles and was stopped. `/wiz fix …` on the pull request with a hint helps more than `/wiz retry`. The status comment in #1 shows more.
    ----
    wiz: sam may not use `/wiz retry` here: it needs the role **write** in this repository.
    ");
    stage.clear().await;
}
