//! wiz is away for an hour, and nothing that people did meanwhile is lost, nor done twice.

use chrono::TimeDelta;
use github_stand_in::{
    control::MergeMethod,
    faults::{DeliveryFault, DeliveryFaultKind, Fault, FaultKind},
};
use wiz::queue::Redriven;

use super::{
    scenes::{FILES, planner, repair},
    stage::{CHECKED, PATIENCE, Stage},
};

const READY: &str = "The plan is ready for approval";

/// The next deliveries of this event are lost, and GitHub's log knows nothing of them either.
fn lose(stage: &Stage, event: &str, times: u32) {
    let fault = DeliveryFault { event: Some(event.to_owned()), kind: DeliveryFaultKind::Drop, times };
    stage.world.hub().control().add_delivery_fault(fault);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_did_while_wiz_was_away_is_done_once() {
    let scenes =
        [repair("Merge"), repair("Close"), vec![planner("Approve", &FILES), planner("Cancel", &FILES)]].concat();
    let mut stage = Stage::set(CHECKED, scenes).await;
    let name = stage.repo.full_name().to_owned();
    let [merged, closed, approved, cancelled] =
        ["Merge", "Close", "Approve", "Cancel"].map(|title| stage.issue(&format!("{title} it")));
    for issue in [merged, closed, approved, cancelled] {
        stage.say("maria", issue, "/wiz fix");
        stage.until_says(issue, READY).await;
    }
    let mut pulls = Vec::new();
    for issue in [merged, closed] {
        stage.say("maria", issue, "/wiz approve");
        stage.until_says(issue, "### Pull request #").await;
        pulls.push(stage.repo.pulls().unwrap().last().unwrap().number);
    }
    stage.quiet().await;
    stage.world.stop().await.unwrap();

    // Half an hour ago, in an outage that began two hours ago.
    stage.pass_time("2 hours").await;
    let control = stage.world.hub().control().clone();
    control.advance_clock(TimeDelta::minutes(-30));
    lose(&stage, "pull_request", 2);
    stage.person("maria").merge(&name, pulls[0], MergeMethod::Merge).unwrap();
    stage.person("maria").close(&name, pulls[1]).unwrap();
    lose(&stage, "issue_comment", 2);
    stage.say("sam", approved, "/wiz approve");
    stage.say("maria", approved, "/wiz approve");
    // This one is in GitHub's log as failed, and is found in the conversation as well.
    stage.say("maria", cancelled, "/wiz cancel");
    control.advance_clock(TimeDelta::minutes(30));
    control.expire_tokens();
    stage.world.hub().settle().await.unwrap();
    stage.world.restart().await.unwrap();

    stage.until_says(merged, "### Done").await;
    stage.until_says(closed, "closed without merging").await;
    stage.until_says(cancelled, "### Cancelled").await;
    // The merge moved the base, so this is what an approval comes to.
    stage.until_answers(approved, "base branch moved").await;
    assert_eq!(stage.talk(cancelled).await.matches("wiz: ").count(), 1, "heard twice, answered once");
    stage.until_answers(approved, "sam may not use `/wiz approve` here").await;
    assert_eq!(stage.talk(approved).await.matches("wiz: ").count(), 3, "the status and one answer to each");
    assert_eq!(stage.repo.pulls().unwrap().len(), 2);
    stage.clear().await;
}

/// The branches that look like wiz's own.
fn branches(stage: &Stage) -> Vec<String> {
    let listed = stage.repo.git(&["for-each-ref", "--format=%(refname:short)", "refs/heads/wiz/"]).unwrap();
    listed.lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_that_leads_nowhere_is_deleted_if_wiz_made_it_and_nobody_works_there() {
    let titles = ["Old", "Young", "Worked on"];
    let scenes = titles.iter().flat_map(|title| repair(title)).collect();
    let mut stage = Stage::set(&format!("gate: autonomous\n{CHECKED}"), scenes).await;
    let name = stage.repo.full_name().to_owned();
    let mut issues = Vec::new();
    for title in titles {
        let (path, kind) = ("/repos/*/pulls".to_owned(), FaultKind::Status { status: 422 });
        let fault = Fault { method: Some("POST".to_owned()), path, kind, times: 1 };
        stage.world.hub().control().add_fault(fault);
        let issue = stage.issue(title);
        stage.say("maria", issue, "/wiz fix");
        stage.until_says(issue, "GitHub refused a step").await;
        issues.push(issue);
    }
    stage.quiet().await;
    let maria = stage.person("maria");
    maria.write_file(&name, "wiz/run-3-worked-on", ("NEWS.md", "Mine.\n"), "Go on").unwrap();
    maria.write_file(&name, "wiz/run-1-by-hand", ("NEWS.md", "Mine.\n"), "Begin").unwrap();
    assert_eq!(branches(&stage), ["wiz/run-1-by-hand", "wiz/run-1-old", "wiz/run-2-young", "wiz/run-3-worked-on"]);
    stage.world.hub().settle().await.unwrap();
    stage.world.stop().await.unwrap();
    for (issue, ago) in issues.iter().zip(["2 days", "3 hours", "2 days"]) {
        stage.ended_ago(*issue, ago).await;
    }
    stage.world.restart().await.unwrap();
    let deleted = async || Ok((!branches(&stage).contains(&"wiz/run-1-old".to_owned())).then_some(()));
    wiz_demo::until("the old branch is deleted", PATIENCE, deleted).await.unwrap();
    stage.until_branches_were_looked_at(2).await;
    assert_eq!(branches(&stage), ["wiz/run-1-by-hand", "wiz/run-2-young", "wiz/run-3-worked-on"]);

    // Whoever lets the run go on finds the way there again.
    stage.say("maria", issues[0], "/wiz retry");
    stage.until_says(issues[0], "is open").await;
    stage.clear().await;
}

/// GitHub fails for longer than wiz tries. Whoever gave the order is told, and the operator lets it be followed after all.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_was_given_up_is_followed_once_the_operator_says_so() {
    let stage = Stage::set(CHECKED, vec![planner("Late", &FILES)]).await;
    let issue = stage.issue("Late");
    let control = stage.world.hub().control();
    let path = "/repos/*/collaborators/".to_owned();
    let kind = FaultKind::Status { status: 500 };
    control.add_fault(Fault { method: Some("GET".to_owned()), path, kind, times: u32::MAX });
    stage.say("maria", issue, "/wiz fix");
    let job = stage.until_dead("triage").await;
    control.clear_faults();
    stage.until_answers(issue, "after several tries").await;
    // Looking for what was missed does not follow it.
    stage.quiet().await;
    assert_eq!(stage.runs().await, 0);

    assert_eq!(wiz::queue::retry(stage.store.pool(), job).await.unwrap(), Redriven::Revived);
    stage.until_says(issue, READY).await;
    let talk = stage.talk(issue).await;
    assert_eq!((stage.runs().await, talk.matches("after several tries").count()), (1, 1), "{talk}");
    stage.clear().await;
}
