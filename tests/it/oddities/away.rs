//! What is odd about an outage: words in places that were closed, locked and renamed by the time wiz is back.

use chrono::TimeDelta;
use github_stand_in::faults::{DeliveryFault, DeliveryFaultKind};

use super::{READY, owned};
use crate::orders::{
    scenes::repair,
    stage::{CHECKED, Stage},
};

/// The next deliveries of this event are lost, and GitHub's log knows nothing of them either.
fn lose(stage: &Stage, event: &str, times: u32) {
    let fault = DeliveryFault { event: Some(event.to_owned()), kind: DeliveryFaultKind::Drop, times };
    stage.world.hub().control().add_delivery_fault(fault);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_happened_to_a_place_meanwhile_loses_what_was_said_there() {
    let titles = ["Closed", "Locked", "Edited", "Gone"];
    let mut stage = owned(CHECKED, titles.iter().flat_map(|title| repair(title)).collect()).await;
    let (control, maria) = (stage.world.hub().control().clone(), stage.person("maria"));
    let name = stage.repo.full_name().to_owned();
    let issues = titles.map(|title| stage.issue(title));
    for issue in issues {
        stage.say("maria", issue, "/wiz fix");
        stage.until_says(issue, READY).await;
    }
    let [closed, locked, edited, gone] = issues;
    stage.say("maria", gone, "/wiz approve");
    stage.until_says(gone, "### Pull request #").await;
    let branch = stage.repo.pulls().unwrap()[0].head_ref.clone();
    let nice = stage.say("maria", edited, "Nice.");
    let copy = stage.status(edited).unwrap().body;
    stage.quiet().await;
    stage.world.stop().await.unwrap();

    // Half an hour ago, in an outage that began two hours ago.
    stage.pass_time("2 hours").await;
    control.advance_clock(TimeDelta::minutes(-30));
    lose(&stage, "issue_comment", 3);
    stage.say("maria", closed, "/wiz approve");
    maria.close(&name, closed).unwrap();
    stage.say("maria", locked, "/wiz approve");
    maria.lock(&name, locked, Some("too heated")).unwrap();
    stage.say("maria", edited, &copy);
    // These are in GitHub's log as failed.
    maria.edit_comment(&name, nice, "Nice.\n\n/wiz cancel").unwrap();
    stage.say("maria", edited, &format!("/wiz fxi {}", "and more ".repeat(6_000)));
    lose(&stage, "pull_request", 2);
    stage.person("max").delete_branch(&name, &branch).unwrap();
    lose(&stage, "repository", 1);
    stage.renamed("welcomer");
    control.advance_clock(TimeDelta::minutes(30));
    control.expire_tokens();
    stage.world.hub().settle().await.unwrap();
    stage.world.restart().await.unwrap();

    for issue in [closed, locked] {
        stage.until_says(issue, "### Pull request #").await;
    }
    stage.until_says(gone, "closed without merging").await;
    stage.until_says(edited, "### Cancelled").await;
    let unread = stage.until_answers(edited, "did you mean").await;
    insta::assert_snapshot!(crate::orders::stage::shown(&unread), @r"
    I could not read that: `fxi` is not a command; did you mean `fix`?

    ```text
    <output>
    ```

    `/wiz help` lists everything.
    ");
    stage.quiet().await;
    assert_eq!(stage.runs().await, 4);
    assert_eq!(stage.repo.pulls().unwrap().len(), 3);
    stage.clear().await;
}
