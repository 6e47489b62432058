//! wiz is away while CI fails, people review, order and edit, and pull requests end: all of it is taken in once.

use chrono::TimeDelta;
use github_stand_in::faults::{DeliveryFault, DeliveryFaultKind};
use scripted_model::{Scene, When};
use serde_json::json;
use wiz_demo::until;

use super::{AUTONOMOUS, PATIENCE, bash, reviewed, submit, turn};
use crate::orders::{
    scenes::{FILES, planner, repair},
    stage::Stage,
};

/// Long enough for wiz to show that it is at work, and to be killed then.
const THINKS_MS: u64 = 20_000;

const READY: &str = "The plan is ready for approval";

/// GitHub's next deliveries of this event are lost, and its log knows nothing of them either.
fn lose(stage: &Stage, event: &str, times: u32) {
    let fault = DeliveryFault { event: Some(event.to_owned()), kind: DeliveryFaultKind::Drop, times };
    stage.world.hub().control().add_delivery_fault(fault);
}

/// Reviews and words on lines of which nothing at all tells. Gives the thread that asks for an answer.
fn lost_reviews(stage: &Stage, pull: u64) -> u64 {
    let name = stage.repo.full_name();
    for event in ["pull_request_review", "pull_request_review_comment"] {
        lose(stage, event, 20);
    }
    let (_, asked) = stage.review(("max", pull), "REQUEST_CHANGES", "", &[("greet.sh", 1, "And louder?")]);
    stage.review(("wim", pull), "COMMENT", "", &[("greet.sh", 1, "/wiz ci")]);
    stage.review(("sam", pull), "COMMENT", "/wiz fix", &[]);
    // These are nobody's words, and nobody's verdict any more.
    let (_, edited) = stage.review(("wim", pull), "COMMENT", "", &[("greet.sh", 1, "/wiz help")]);
    stage.person("max").edit_line_comment(name, edited[0], "/wiz status").unwrap();
    let (dismissed, _) = stage.review(("wim", pull), "REQUEST_CHANGES", "Make it purple.", &[]);
    let path = format!("/repos/{name}/pulls/{pull}/reviews/{dismissed}/dismissals");
    stage.person("maria").request("PUT", &path, &json!({ "message": "No." })).unwrap();
    asked[0]
}

/// Waits until nothing is left to do now or soon: a report waits for its state to last.
async fn until_all_is_shown(stage: &Stage) {
    stage.quiet().await;
    let store = stage.world.store().await.unwrap();
    let idle = async || {
        let soon = "select count(*) from job where state <> 'scheduled' or run_at <= now() + interval '1 minute'";
        let left: i64 = sqlx::query_scalar(soon).fetch_one(store.pool()).await?;
        Ok((left == 0).then_some(()))
    };
    until("nothing is left to do", PATIENCE, idle).await.unwrap();
}

/// Another App says that a commit is bad.
fn fail_check(stage: &Stage, head: &str) {
    let control = stage.world.hub().control();
    let (app, name) = (stage.app_of_somebody_else(), stage.repo.full_name());
    let check = json!({
        "name": "strict", "head_sha": head, "status": "completed", "conclusion": "failure",
        "output": { "title": "Bad", "summary": "greet.sh: line 1: not linted" },
    });
    control.request_as_app(app, name, ("POST", &format!("/repos/{name}/check-runs")), &check).unwrap();
}

/// The coder of a first follow-up on a failing check.
fn mender(title: &str) -> Scene {
    let task = [title, "role: coder", "step: follow-up-1:"].map(str::to_owned).to_vec();
    let report = json!({ "summary": "Says that it is linted.", "evidence": "I ran the tests." });
    let turns = vec![bash("echo '# linted' >> greet.sh"), turn(&[], "submit", report)];
    Scene { name: format!("{title}, mended"), when: When { system: vec![], task }, turns }
}

/// Starts work on an issue and gives its number and the pull request's.
async fn opened(stage: &Stage, title: &str) -> (u64, u64) {
    let issue = stage.issue(title);
    stage.say("maria", issue, "/wiz fix");
    stage.until_says(issue, "is open").await;
    (issue, stage.repo.pulls().unwrap().pop().unwrap().number)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_while_wiz_was_away_is_taken_in_once() {
    let mut slow = reviewed(&["Take your time"], vec![bash("sleep 0"), submit(&[], &[("T1", "answered", "So.")])]);
    slow.turns[0].delay_ms = THINKS_MS;
    let wish =
        reviewed(&["Say more"], vec![bash("echo '# more' >> greet.sh"), submit(&[], &[("T1", "changed", "More.")])]);
    let louder = reviewed(&["And louder"], vec![submit(&[], &[("T1", "answered", "No.")])]);
    let mut scenes = vec![slow, wish, louder, mender("It fails")];
    for title in ["It is reviewed", "It fails", "It is closed", "It is ordered"] {
        scenes.extend(repair(title));
    }
    scenes.push(planner("It is edited", &FILES));
    let mut stage = Stage::set(&format!("budget_day: $99\n{AUTONOMOUS}"), scenes).await;
    let name = stage.repo.full_name().to_owned();
    let (reviewed_issue, reviewed_pull) = opened(&stage, "It is reviewed").await;
    let (failing_issue, failing_pull) = opened(&stage, "It fails").await;
    let (closed_issue, closed_pull) = opened(&stage, "It is closed").await;
    let edited = stage.issue("It is edited");
    stage.say("maria", edited, "/wiz plan");
    let plan = stage.until_says(edited, READY).await;
    let first_plan = stage.plan_hash(edited);

    // Killed while a check run of its own is under way.
    stage.review(("maria", closed_pull), "REQUEST_CHANGES", "", &[("greet.sh", 1, "Take your time.")]);
    let under_way = async || {
        let checks = stage.repo.checks()?;
        Ok(checks.iter().any(|check| check.name == "wiz" && check.conclusion.is_none()).then_some(()))
    };
    until("wiz's check is under way", PATIENCE, under_way).await.unwrap();
    stage.world.kill().await.unwrap();
    stage.pass_time("2 hours").await;
    let control = stage.world.hub().control().clone();

    // GitHub's log has these, and the first is old enough to be found among the reviews as well.
    control.advance_clock(TimeDelta::minutes(-30));
    let (_, mut threads) =
        stage.review(("maria", reviewed_pull), "REQUEST_CHANGES", "", &[("greet.sh", 1, "Say more, please.")]);
    threads.push(lost_reviews(&stage, reviewed_pull));
    control.advance_clock(TimeDelta::minutes(30));
    let reworded = plan.body.replace("Mend it and test it.", "Mend it, test it, and be kind.");
    stage.person("maria").edit_comment(&name, plan.id, &reworded).unwrap();
    let ordered = stage.issue("It is ordered");
    stage.say("maria", ordered, "/wiz fix");
    // And nothing at all tells of these.
    lose(&stage, "pull_request", 1);
    stage.person("maria").close(&name, closed_pull).unwrap();
    for event in ["check_run", "check_suite"] {
        lose(&stage, event, 5);
    }
    let head = stage.repo.pull_request(failing_pull).unwrap().head_sha;
    fail_check(&stage, &head);
    control.clear_faults();
    stage.world.hub().settle().await.unwrap();
    stage.world.store().await.unwrap().expire_leases().await.unwrap();
    stage.world.restart().await.unwrap();

    stage.until_answered(reviewed_pull, &threads).await;
    assert!(stage.is_resolved(reviewed_pull, threads[0]) && !stage.is_resolved(reviewed_pull, threads[1]));
    stage.until_answers(reviewed_pull, "I answer failing checks of this pull request").await;
    stage.until_answers(reviewed_pull, "sam may not use `/wiz fix` here").await;
    stage.until_says(ordered, "is open").await;
    let mended = async || Ok((stage.commits(failing_pull).len() == 2).then_some(()));
    until("the failing check is mended", PATIENCE, mended).await.unwrap();
    stage.until_says(closed_issue, "closed without merging").await;
    let settled = async || {
        let checks = stage.repo.checks()?;
        Ok(checks.iter().all(|check| check.conclusion.is_some()).then_some(()))
    };
    until("every check run is settled", PATIENCE, settled).await.unwrap();
    let planned = async || {
        let status = stage.status(edited).map(|status| status.body);
        let waits = |text: &String| text.contains("/wiz approve ") && !text.contains(&first_plan);
        Ok(status.filter(waits).map(drop))
    };
    until("there is another plan", PATIENCE, planned).await.unwrap();
    let said = stage.until_says(edited, "and be kind").await;
    assert_eq!(said.id, plan.id);
    assert!(said.body.contains(READY), "{}", said.body);

    // Once: another hour of looking changes nothing.
    for issue in [reviewed_issue, failing_issue] {
        stage.until_says(issue, "is open").await;
    }
    until_all_is_shown(&stage).await;
    stage.world.stop().await.unwrap();
    let before = control.writes().len();
    stage.pass_time("2 hours").await;
    stage.world.restart().await.unwrap();
    stage.until_reread().await;
    stage.quiet().await;
    let after = control.writes();
    assert_eq!(after[before..], [] as [String; 0]);
    assert_eq!(stage.talk(reviewed_pull).await.matches("wiz: ").count(), 2, "each was answered once");
    assert_eq!(stage.commits(reviewed_pull).len(), 2);
    assert_eq!(stage.commits(failing_pull).len(), 2);
    assert_eq!(stage.repo.pulls().unwrap().len(), 4);
    stage.clear().await;
}
