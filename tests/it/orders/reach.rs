//! Repositories and installations come, go and change, told by a delivery or not at all.

use github_stand_in::faults::{DeliveryFault, DeliveryFaultKind};

use super::{
    scenes::{FILES, planner},
    stage::{CHECKED, Stage},
};

const READY: &str = "The plan is ready for approval";

#[tokio::test(flavor = "multi_thread")]
async fn runs_of_what_is_taken_away_end_with_a_reason_and_nothing_more_is_asked() {
    let mut stage = Stage::set(CHECKED, vec![planner("First", &FILES), planner("Second", &FILES)]).await;
    let name = stage.repo.full_name().to_owned();
    let (first, second) = (stage.issue("First"), stage.issue("Second"));
    stage.say("maria", first, "/wiz fix");
    stage.until_says(first, READY).await;

    let control = stage.world.hub().control().clone();
    control.remove_from_installation(stage.installation(), &[&name]).unwrap();
    assert_eq!(
        stage.until_ended(first).await,
        "The repository was deleted, or wiz has no access to it any more. Once it is back, `/wiz retry` goes on."
    );
    stage.quiet().await;
    assert!(stage.status(first).unwrap().body.contains(READY), "nothing can be written there");

    // It is back: the same wiz goes on, and the next run is not held up by what ended.
    control.add_to_installation(stage.installation(), &[&name]).unwrap();
    stage.until_says(first, "wiz has no access to it any more").await;
    stage.say("maria", second, "/wiz fix");
    stage.until_says(second, READY).await;

    // Uninstalled while wiz is away, and nobody tells it.
    stage.quiet().await;
    stage.world.stop().await.unwrap();
    let lost = DeliveryFault { event: Some("installation".into()), kind: DeliveryFaultKind::Drop, times: 1 };
    control.add_delivery_fault(lost);
    control.uninstall(stage.installation()).unwrap();
    stage.world.restart().await.unwrap();
    let reason = stage.until_ended(second).await;
    assert_eq!(reason, "wiz was uninstalled. Once it is back, `/wiz retry` goes on.");
    stage.clear().await;
}
