//! Schedules follow the repository, wherever it goes and however often wiz comes and goes there. Nobody need push the file.

use github_stand_in::store::Role;

use super::{
    rules::tracking_issue,
    scenes::{FILES, planner},
    stage::{CHECKED, Stage},
};

/// A policy with schedules that are due once in a year, if nobody helps.
pub fn policy(names: &[&str]) -> String {
    let schedules = names.iter().map(|name| {
        format!("  - name: {name}\n    cron: '0 4 1 1 *'\n    verb: fix\n    instructions: Mend what is wrong.\n")
    });
    format!("{CHECKED}schedules:\n{}", schedules.collect::<String>())
}

#[tokio::test(flavor = "multi_thread")]
async fn schedules_outlive_whatever_happens_to_their_repository() {
    let title = "Scheduled work: nightly";
    // The file was there before wiz.
    let stage = Stage::set(&policy(&["nightly"]), vec![planner(title, &FILES)]).await;
    let (control, name) = (stage.world.hub().control().clone(), stage.repo.full_name().to_owned());
    control.set_role(&name, "maria", Role::Admin).unwrap();
    stage.until_scheduled(&["nightly"]).await;

    // Uninstalled over one tick: the next one is of another installation.
    control.uninstall(stage.installation()).unwrap();
    stage.quiet().await;
    stage.tick_was_due("nightly", "5 minutes").await;
    stage.until_ticked("nightly").await;
    control.install(stage.world.hub().app_id(), &[&name]).unwrap();
    stage.quiet().await;
    stage.tick_was_due("nightly", "4 minutes").await;
    let tracking = tracking_issue(&stage, title).await;
    stage.until_says(tracking, "The plan is ready for approval").await;

    // Nobody tells wiz what is pushed while it is suspended.
    control.set_suspended(control.installations().last().unwrap().id, true).unwrap();
    stage.quiet().await;
    let maria = stage.person("maria");
    maria.write_file(&name, "main", (".github/wiz.yml", &policy(&["nightly", "weekly"])), "More").unwrap();
    control.set_suspended(control.installations().last().unwrap().id, false).unwrap();
    stage.until_scheduled(&["nightly", "weekly"]).await;

    // Archived over one tick.
    maria.set_archived(&name, true).unwrap();
    stage.quiet().await;
    stage.tick_was_due("weekly", "3 minutes").await;
    stage.until_ticked("weekly").await;
    maria.set_archived(&name, false).unwrap();
    stage.until_scheduled(&["nightly", "weekly"]).await;

    // The rules come from the default branch, whichever that is.
    maria.write_file(&name, "next", (".github/wiz.yml", &policy(&["yearly"])), "Less").unwrap();
    stage.quiet().await;
    maria.set_default_branch(&name, "next").unwrap();
    stage.until_scheduled(&["yearly"]).await;
    stage.until_says(tracking, "archived").await;
    stage.clear().await;
}
