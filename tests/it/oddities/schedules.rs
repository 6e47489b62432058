//! Schedules that are pushed twice, late, enormous or under another name, and whose issue is locked, copied or gone.

use super::{READY, owned};
use crate::orders::{
    rules::tracking_issue,
    scenes::{FILES, planner},
    schedules::policy,
    stage::{CHECKED, Stage},
};

fn pushed(stage: &Stage, text: &str) {
    let maria = stage.person("maria");
    maria.write_file(stage.repo.full_name(), "main", (".github/wiz.yml", text), "Rules").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn schedules_are_those_of_the_head_and_their_issue_is_wizs_own() {
    let title = "Scheduled work: nightly";
    let mut stage = owned(CHECKED, vec![planner(title, &FILES)]).await;
    let name = stage.repo.full_name().to_owned();

    // Two pushes, told the other way round and twice.
    stage.quiet().await;
    stage.next_comes_late("push");
    pushed(&stage, &policy(&["weekly"]));
    let old = stage.newest("push");
    stage.next_comes_twice("push");
    pushed(&stage, &policy(&["nightly"]));
    stage.until_scheduled(&["nightly"]).await;
    stage.told_again(old).await;
    stage.until_scheduled(&["nightly"]).await;

    // What looks like wiz's issue is not.
    let forged =
        stage.person("sam").open_issue(&name, title, "| due | what came of it |\n\n<!-- wiz:schedule -->").unwrap();
    stage.tick_was_due("nightly", "5 minutes").await;
    let tracking = tracking_issue(&stage, title).await;
    assert_ne!(tracking, forged);
    stage.until_says(tracking, READY).await;
    let text = || stage.world.hub().control().issue(stage.repo.full_name(), tracking).unwrap().body.unwrap();
    let copied = stage.person("sam").open_issue(&name, title, &text()).unwrap();
    stage.person("maria").edit_issue(&name, tracking, "Mine now.").unwrap();
    stage.say("sam", tracking, "/wiz approve");
    stage.until_answers(tracking, "sam may not use `/wiz approve` here").await;
    stage.say("maria", tracking, "/wiz reject");
    stage.until_says(tracking, "rejected").await;

    // Where nobody can be answered it begins all the same, and shows its plan as soon as it can.
    stage.person("maria").lock(&name, tracking, None).unwrap();
    stage.tick_was_due("nightly", "4 minutes").await;
    stage.until_text(tracking, "run 2 began").await;
    stage.until_state(tracking, "needs_approval").await;
    stage.quiet().await;
    assert!(stage.status(tracking).unwrap().body.contains("rejected"), "nothing new can be said");
    stage.person("maria").unlock(&name, tracking).unwrap();
    stage.until_says(tracking, READY).await;

    // Under another name it is still one at a time, and whoever deletes the issue gets another one.
    stage.renamed("welcomer");
    stage.tick_was_due("nightly", "3 minutes").await;
    stage.until_text(tracking, "skipped: run 2 was not over").await;
    let name = stage.repo.full_name().to_owned();
    stage.say("maria", tracking, "/wiz reject");
    stage.until_says(tracking, "rejected").await;
    stage.person("maria").delete_issue(&name, tracking).unwrap();
    stage.tick_was_due("nightly", "2 minutes").await;
    let anew = tracking_issue(&stage, title).await;
    stage.until_says(anew, READY).await;

    assert_ne!(anew, copied);
    // A file that is too large is not read, so nothing begins by it. That is told once, though the push is told twice.
    stage.quiet().await;
    stage.next_comes_twice("push");
    pushed(&stage, &format!("{}# {}\n", policy(&["nightly"]), "x".repeat(70_000)));
    stage.quiet().await;
    stage.told_again(stage.newest("push")).await;
    let told = stage.world.hub().control().repository(stage.repo.full_name()).unwrap().commit_comments;
    assert_eq!(told.len(), 1, "{told:?}");
    stage.say("maria", anew, "/wiz reject");
    stage.until_says(anew, "rejected").await;
    stage.tick_was_due("nightly", "1 minute").await;
    stage.until_ticked("nightly").await;
    assert_eq!((stage.ticks("faulty").await, stage.runs().await), (1, 3));
    for issue in [forged, copied] {
        assert!(!stage.talk(issue).await.contains("wiz: "));
    }
    stage.clear().await;
}
