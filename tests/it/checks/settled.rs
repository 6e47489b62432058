//! A check run that is in progress does not stay so: the work is stopped, or wiz is uninstalled under it.

use github_stand_in::{control::NewWorkflow, store::Rule};
use wiz_demo::until;

use super::{PATIENCE, follow_up, own_check, pull_request, workflow};
use crate::orders::{
    scenes::repair,
    stage::{CHECKED, Stage},
};

async fn until_check(stage: &Stage, head: &str, wanted: Option<&str>) {
    let what = format!("wiz's check is {wanted:?}");
    let found =
        until(&what, PATIENCE, async || Ok((own_check(stage, head) == [wanted.map(str::to_owned)]).then_some(())));
    found.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_in_progress_ends_when_the_work_is_stopped_and_after_an_uninstallation_once_wiz_is_back() {
    let title = "It is not linted";
    let scenes = [vec![follow_up(title, "follow-up-1", "not linted", "sleep 300")], repair(title)].concat();
    let stage = Stage::set(&format!("gate: autonomous\n{CHECKED}"), scenes).await;
    let control = stage.world.hub().control().clone();
    let never = Rule::FailsWhileFileLacks { path: "greet.sh".to_owned(), text: "# linted".to_owned() };
    let lint: NewWorkflow = workflow(never, "greet.sh: line 1: not linted");
    control.script_workflow(stage.repo.full_name(), &lint).unwrap();
    let (issue, pull) = pull_request(&stage, title).await;
    until_check(&stage, &pull.head_sha, None).await;
    stage.say("maria", pull.number, "/wiz cancel");
    until_check(&stage, &pull.head_sha, Some("cancelled")).await;

    stage.say("maria", pull.number, "/wiz retry");
    until_check(&stage, &pull.head_sha, None).await;
    let app = control.installations()[0].app;
    control.uninstall(stage.installation()).unwrap();
    stage.until_ended(issue).await;
    stage.quiet().await;
    assert_eq!(own_check(&stage, &pull.head_sha), [None], "GitHub takes no word of an App that is gone");
    control.install(app, &[stage.repo.full_name()]).unwrap();
    until_check(&stage, &pull.head_sha, Some("cancelled")).await;
    stage.until_says(issue, "wiz was uninstalled").await;
    stage.clear().await;
}
