//! Work that begins without words: by a label, or by an assignment.

use serde_json::json;

use super::{
    scenes::{FILES, planner},
    stage::{CHECKED, NO_SUCH_MODEL, Stage},
};

const READY: &str = "The plan is ready for approval";

const TRIGGERS: &str = "triggers:
  labels: { 'wiz:fix': fix }
  assignees: { max: plan }
";

#[tokio::test(flavor = "multi_thread")]
async fn a_label_or_an_assignment_gives_the_command_of_whoever_sets_it() {
    let stage =
        Stage::set(&format!("{TRIGGERS}{CHECKED}"), vec![planner("Label", &FILES), planner("Desk", &FILES)]).await;
    let name = stage.repo.full_name();
    let [label, desk, closed] = ["Label", "Desk", "Closed"].map(|title| stage.issue(title));

    // Who may label may not always start work; a label that means nothing is nothing.
    stage.person("tess").label(name, label, &["WIZ:fix", "bug"]).unwrap();
    stage.until_answers(label, "may not use").await;
    stage.person("tess").request("DELETE", &format!("/repos/{name}/issues/{label}/labels"), &json!(null)).unwrap();
    stage.person("maria").label(name, label, &["bug"]).unwrap();
    stage.quiet().await;
    assert_eq!(stage.runs().await, 0);
    stage.person("maria").label(name, label, &["wiz:fix"]).unwrap();
    stage.until_says(label, READY).await;
    stage.person("maria").request("DELETE", &format!("/repos/{name}/issues/{label}/labels"), &json!(null)).unwrap();
    stage.person("maria").label(name, label, &["wiz:fix"]).unwrap();
    stage.until_answers(label, "already at work").await;
    insta::assert_snapshot!(stage.talk(label).await, @r"
    wiz: tess may not use `/wiz fix` here: it needs the role **write** in this repository.
    ----
    wiz: ### The plan is ready for approval

    `/wiz fix` by maria · Label · spent <money>, about <money> more, cap $3.00

    About Label.

    …

    **Next:** `/wiz approve <hash>` (go on), `/wiz revise …` (say what to change), `/wiz reject` (end the run)

    <sub>run 1 · model `anthropic/scripted`</sub>
    ----
    wiz: Run 1 is already at work here. `/wiz status` shows how far it is, `/wiz cancel` stops it.
    ");

    let assign = |login: &str, issue: u64, to: &str| {
        let path = format!("/repos/{name}/issues/{issue}/assignees");
        stage.person(login).request("POST", &path, &json!({ "assignees": [to] })).unwrap();
    };
    assign("wim", desk, "wim");
    stage.quiet().await;
    assert_eq!(stage.runs().await, 1);
    no_such_model(&stage, (label, desk), &|| assign("wim", desk, "max")).await;
    stage
        .person("wim")
        .request("DELETE", &format!("/repos/{name}/issues/{desk}/assignees"), &json!({ "assignees": ["max"] }))
        .unwrap();
    assign("wim", desk, "max");
    assert!(stage.until_says(desk, READY).await.body.contains("`/wiz plan` by wim"));

    stage.person("maria").close(name, closed).unwrap();
    stage.person("maria").label(name, closed, &["wiz:fix"]).unwrap();
    stage.until_answers(closed, "This issue is closed").await;
    for issue in [label, desk] {
        stage.say("maria", issue, "/wiz cancel");
        stage.until_says(issue, "Cancelled").await;
    }
    stage.clear().await;
}

/// The policy names a model that nobody can call here: whatever would begin says so, and what has begun goes on.
async fn no_such_model(stage: &Stage, (open, fresh): (u64, u64), assign: &dyn Fn()) {
    let rules = format!("{TRIGGERS}{CHECKED}");
    let name = stage.repo.full_name();
    let are = |text: &str| stage.person("wim").write_file(name, "main", (".github/wiz.yml", text), "Rules").unwrap();
    are(&format!("model: nobody/nothing\n{rules}"));
    stage.quiet().await;
    assign();
    stage.quiet().await;
    for words in ["/wiz fix", "/wiz ask why", "/wiz fix --model nobody/else"] {
        stage.say("wim", fresh, words);
        stage.quiet().await;
    }
    insta::assert_snapshot!(stage.talk(fresh).await.replace(NO_SUCH_MODEL, "<no such model>"), @r"
    wiz: <no such model>
    ----
    wim: /wiz fix  👀
    ----
    wiz: <no such model>
    ----
    wim: /wiz ask why  👀
    ----
    wiz: <no such model>
    ----
    wim: /wiz fix --model nobody/else  👀
    ----
    wiz: The model `nobody/else` cannot be used here: it needs the form `provider/name`, a configured provider and a price. Without `--model`, runs use `anthropic/scripted`.
    ");
    let asked = || stage.world.model().unwrap().requests().len();
    let before = asked();
    stage.say("maria", open, "/wiz revise with other words");
    stage.quiet().await;
    stage.until_state(open, "needs_approval").await;
    assert_eq!(asked(), before + 1, "its own model has planned again");
    // The operator takes away the model that a run has begun with.
    stage.begun_with(open, "nobody/nothing").await;
    stage.say("maria", open, "/wiz revise once more");
    let said = stage.until_says(open, "### Failed").await;
    assert!(
        said.body.contains("The model `nobody/nothing`, with which this run began, cannot be used"),
        "{}",
        said.body
    );
    stage.begun_with(open, "anthropic/scripted").await;
    stage.say("maria", open, "/wiz retry");
    stage.until_says(open, READY).await;
    are(&rules);
    stage.quiet().await;
}
