//! Repositories get another name, default branch or owner, and installations go and come back: runs follow, or end with a
//! reason that is shown as soon as it can be.

use github_stand_in::{
    faults::{DeliveryFault, DeliveryFaultKind},
    store::Role,
};
use scripted_model::Scene;

use super::{
    scenes::{FILES, REPAIR, coder, planner, repair, reviewer},
    stage::{CHECKED, Stage, shown},
};

const READY: &str = "The plan is ready for approval";

/// How long the slow coder thinks: long enough to do something while it is at work.
const THINKS_MS: u64 = 3_000;

fn slow(title: &str) -> Vec<Scene> {
    let mut slow = coder(title, REPAIR);
    slow.turns[0].delay_ms = THINKS_MS;
    vec![planner(title, &FILES), slow, reviewer(title)]
}

/// GitHub's next delivery about a repository never comes.
fn lose_next(stage: &Stage) {
    let fault = DeliveryFault { event: Some("repository".into()), kind: DeliveryFaultKind::Drop, times: 1 };
    stage.world.hub().control().add_delivery_fault(fault);
}

/// A stage on which maria owns the repository.
async fn owned(scenes: Vec<Scene>) -> Stage {
    let stage = Stage::set(CHECKED, scenes).await;
    stage.world.hub().control().set_role(stage.repo.full_name(), "maria", Role::Admin).unwrap();
    stage
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_goes_on_under_another_name_and_from_another_branch() {
    let mut stage = owned([slow("Name"), repair("Branch")].concat()).await;
    let (named, branched) = (stage.issue("Name"), stage.issue("Branch"));
    for issue in [named, branched] {
        stage.say("maria", issue, "/wiz fix");
        stage.until_says(issue, READY).await;
    }

    // One rename is told, the next one is not, and falls into the work.
    stage.person("maria").rename_repository("octo/greeter", "welcomer").unwrap();
    stage.is_called("octo/welcomer");
    stage.quiet().await;
    assert_eq!(stage.repositories().await, ["octo/welcomer main"]);
    stage.say("maria", named, "/wiz approve");
    stage.until_state(named, "working").await;
    lose_next(&stage);
    stage.person("maria").rename_repository("octo/welcomer", "usher").unwrap();
    stage.is_called("octo/usher");
    let open = stage.until_says(named, "is open").await;
    assert!(open.url.contains("/octo/usher/"), "{}", open.url);
    assert_eq!(stage.repo.pulls().unwrap().len(), 1);

    stage.person("maria").write_file("octo/usher", "next", ("NEWS.md", "It begins.\n"), "Begin").unwrap();
    stage.person("maria").set_default_branch("octo/usher", "next").unwrap();
    stage.say("maria", branched, "/wiz approve");
    stage.until_answers(branched, "base branch moved").await;
    stage.quiet().await;
    assert_eq!(stage.repositories().await, ["octo/usher next"]);
    stage.say("maria", branched, "/wiz approve");
    stage.until_says(branched, "is open").await;
    let pulls = stage.world.hub().control().pull_requests("octo/usher").unwrap();
    let bases: Vec<&str> = pulls.iter().map(|issue| issue.pull.as_ref().unwrap().base_ref.as_str()).collect();
    assert_eq!(bases, ["main", "next"]);
    stage.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_ends_where_wiz_may_not_write_and_says_so_once_it_may() {
    let mut stage = owned([slow("Archive"), vec![planner("Owner", &FILES)]].concat()).await;
    let control = stage.world.hub().control().clone();
    let (archived, owned) = (stage.issue("Archive"), stage.issue("Owner"));
    stage.say("maria", archived, "/wiz fix");
    stage.until_says(archived, READY).await;
    stage.say("maria", archived, "/wiz approve");
    stage.until_state(archived, "working").await;

    // Archived at work: nothing is written, and nothing is tried.
    let tried = stage.journal().await.0;
    stage.person("maria").set_archived("octo/greeter", true).unwrap();
    stage.until_ended(archived).await;
    stage.quiet().await;
    stage.world.until_no_box_is_left().await.unwrap();
    assert_eq!(stage.journal().await.0, tried);
    stage.person("maria").set_archived("octo/greeter", false).unwrap();
    insta::assert_snapshot!(shown(&stage.until_says(archived, "### Cancelled").await), @r"
    ### Cancelled

    `/wiz fix` by maria · Archive · spent <money>, cap $3.00

    The repository was archived, so nothing can be changed there. `/wiz retry` once it is back.

    About Archive.

    …

    **Next:** `/wiz retry` (go on), `/wiz fix` (start over)

    <sub>run 1 · model `anthropic/scripted`</sub>
    ");
    stage.say("maria", archived, "/wiz retry");
    stage.until_says(archived, "is open").await;

    // Given to somebody who has no wiz, and who installs it then.
    stage.say("maria", owned, "/wiz fix");
    stage.until_says(owned, READY).await;
    control.create_organization("guild").unwrap();
    stage.person("maria").transfer_repository("octo/greeter", "guild").unwrap();
    stage.is_called("guild/greeter");
    stage.until_ended(owned).await;
    stage.quiet().await;
    assert!(stage.status(owned).unwrap().body.contains(READY), "nothing can be written there");
    control.install(stage.world.hub().app_id(), &["guild/greeter"]).unwrap();
    insta::assert_snapshot!(shown(&stage.until_says(owned, "### Cancelled").await), @r"
    ### Cancelled

    `/wiz fix` by maria · Owner · spent <money>, cap $3.00

    The repository was deleted, or wiz has no access to it any more. Once it is back, `/wiz retry` goes on.

    About Owner.

    …

    **Next:** `/wiz retry` (go on), `/wiz fix` (start over)

    <sub>run 2 · model `anthropic/scripted`</sub>
    ");
    assert_eq!(stage.repositories().await, ["guild/greeter main"]);
    stage.say("maria", owned, "/wiz retry");
    stage.until_says(owned, READY).await;

    // Uninstalled, and installed again: another installation of the same repository.
    let installation = control.installations().last().unwrap().id;
    control.uninstall(installation).unwrap();
    stage.until_ended(owned).await;
    stage.quiet().await;
    control.install(stage.world.hub().app_id(), &["guild/greeter"]).unwrap();
    let back = stage.until_says(owned, "wiz was uninstalled").await.body;
    assert!(back.contains("Once it is back, `/wiz retry` goes on."), "{back}");
    stage.say("maria", owned, "/wiz retry");
    stage.until_says(owned, READY).await;
    stage.clear().await;
}
