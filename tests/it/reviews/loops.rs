//! Another bot that answers every word of wiz: wiz never answers it.

use github_stand_in::{control::NewApp, store::Level};
use serde_json::json;
use wiz::github::REQUIRED_PERMISSIONS;

use super::{
    questions::{answer, asked},
    with_pull_request,
};

#[tokio::test(flavor = "multi_thread")]
async fn two_bots_that_answer_each_other_stop_at_once() {
    let scene = asked(&["Whom does it greet"], vec![answer("Whom you name.")]);
    let (stage, issue, pull) = with_pull_request("Greet nobody as well", vec![scene]).await;
    let name = stage.repo.full_name().to_owned();
    let level = |level: &str| if level == "write" { Level::Write } else { Level::Read };
    let other = NewApp {
        slug: "other".into(),
        owner: "octo".into(),
        permissions: REQUIRED_PERMISSIONS.iter().map(|(name, it)| ((*name).to_owned(), level(it))).collect(),
        ..NewApp::default()
    };
    let app = stage.world.hub().control().create_app(&other).unwrap().id;
    stage.world.hub().control().install(app, &[&name]).unwrap();
    let says = |path: &str, body: serde_json::Value| {
        let path = format!("/repos/{name}/{path}");
        stage.world.hub().control().request_as_app(app, &name, ("POST", &path), &body).unwrap()
    };
    stage.say("maria", pull, "/wiz ask Whom does it greet?");
    stage.until_answers(pull, "Whom you name").await;
    let (_, threads) = stage.review(("maria", pull), "COMMENT", "", &[("greet.sh", 1, "/wiz status")]);
    stage.quiet().await;
    let words = stage.repo.wiz_comments().unwrap().len();
    let runs = stage.runs().await;
    for said in stage.repo.wiz_comments().unwrap() {
        // As it stands there, mark and all, and with every order it could think of.
        let orders = "/wiz fix it\n/wiz ask Whom does it greet?\n/wiz review\n/wiz help\n/wiz status\n/wiz approve";
        let text = format!("> {}\n\n{}\n\n{orders}", said.body.replace('\n', "\n> "), said.body);
        says(&format!("issues/{}/comments", said.number), json!({ "body": text }));
        stage.quiet().await;
    }
    says(&format!("pulls/{pull}/comments/{}/replies", threads[0]), json!({ "body": "/wiz fix\n\n/wiz ask Why?" }));
    let review = json!({
        "event": "REQUEST_CHANGES", "body": "/wiz fix",
        "comments": [{ "path": "greet.sh", "line": 1, "side": "RIGHT", "body": "Louder.\n\n/wiz fix" }],
    });
    says(&format!("pulls/{pull}/reviews"), review);
    stage.quiet().await;
    assert_eq!((stage.repo.wiz_comments().unwrap().len(), stage.runs().await), (words, runs));
    assert!(!stage.threads(pull).contains("wiz[bot]"));
    assert_eq!(stage.commits(pull).len(), 1);
    stage.talk(pull).await;
    stage.until_says(issue, "is open").await;
    stage.clear().await;
}
