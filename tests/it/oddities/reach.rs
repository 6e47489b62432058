//! Installations and repositories of which GitHub tells in the wrong order: what holds now counts.

use github_stand_in::store::Level;

use super::{READY, owned};
use crate::orders::{
    scenes::repair,
    stage::{CHECKED, Stage},
};

/// Two things are done, and the second one's delivery comes first.
async fn told_the_other_way_round(stage: &Stage, event: &str, first: impl FnOnce(), second: impl FnOnce()) {
    stage.quiet().await;
    stage.next_comes_late(event);
    first();
    second();
    stage.quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_over_before_it_was_heard_of_ends_no_run() {
    let stage = owned(CHECKED, repair("Greet")).await;
    let (control, maria) = (stage.world.hub().control().clone(), stage.person("maria"));
    let (name, installation) = (stage.repo.full_name().to_owned(), stage.installation());
    let issue = stage.issue("Greet nobody as well");
    stage.say("maria", issue, "/wiz fix");
    stage.until_says(issue, READY).await;

    let suspend = |suspended| control.set_suspended(installation, suspended).unwrap();
    told_the_other_way_round(&stage, "installation", || suspend(true), || suspend(false)).await;
    let archive = |archived| maria.set_archived(&name, archived).unwrap();
    told_the_other_way_round(&stage, "repository", || archive(true), || archive(false)).await;
    let take = || control.remove_from_installation(installation, &[&name]).unwrap();
    let give = || control.add_to_installation(installation, &[&name]).unwrap();
    told_the_other_way_round(&stage, "installation_repositories", take, give).await;

    // Every one of them once more, the last one first.
    let told = control.deliveries().into_iter().rev();
    for delivery in told.filter(|delivery| delivery.event.starts_with("installation") || delivery.event == "repository")
    {
        control.redeliver(delivery.id).unwrap();
    }
    stage.until_told_apart().await;
    assert_eq!(stage.repositories().await, [format!("{name} main")]);
    stage.say("maria", issue, "/wiz approve");
    stage.until_says(issue, "is open").await;

    // What was granted last is what is granted.
    let grant = |levels: &[(&str, Level)]| {
        let granted = levels.iter().map(|(name, level)| ((*name).to_owned(), *level)).collect();
        control.change_app(stage.world.hub().app_id(), granted, &["issues", "issue_comment", "pull_request"]).unwrap();
        control.accept_permissions(installation).unwrap();
    };
    let least = [("issues", Level::Write), ("pull_requests", Level::Write)];
    let most = [&least[..], &[("contents", Level::Write)]].concat();
    told_the_other_way_round(&stage, "installation", || grant(&least), || grant(&most)).await;
    stage.until_told_apart().await;
    stage.say("maria", issue, "/wiz selftest");
    let said = stage.until_answers(issue, "parts do not work").await;
    assert!(said.body.contains("| branch | 🟢 |"), "{}", said.body);
    stage.clear().await;
}
