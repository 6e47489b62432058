//! Services that make no check runs: a failing commit status is answered from its description and address. And where nobody
//! lets wiz read statuses, logs or checks, what it may read is answered all the same.

use github_stand_in::{
    control::{NewApp, NewCheck, NewWorkflow},
    faults::{DeliveryFault, DeliveryFaultKind},
    store::{CheckKind, CheckOutput, Level, PermissionSet, Rule},
};
use wiz::github::{REQUIRED_PERMISSIONS, SUBSCRIBED_EVENTS};
use wiz_demo::{Pull, until};

use super::{PATIENCE, commits, follow_up, pull_request, stood, workflow};
use crate::orders::{
    scenes::repair,
    stage::{CHECKED, Stage},
};

fn while_it_lacks(text: &str) -> Rule {
    Rule::FailsWhileFileLacks { path: "greet.sh".to_owned(), text: text.to_owned() }
}

/// What wiz asks for, without what has one of these names.
fn permissions(without: &[&str]) -> PermissionSet {
    let level = |level: &str| if level == "write" { Level::Write } else { Level::Read };
    let all = REQUIRED_PERMISSIONS.iter().filter(|(name, _)| !without.contains(name));
    all.map(|(name, it)| ((*name).to_owned(), level(it))).collect()
}

/// A service that writes a status on each pushed commit.
fn service(stage: &Stage) {
    let mut granted = permissions(&[]);
    granted.insert("statuses".to_owned(), Level::Write);
    let app = NewApp { slug: "old-ci".into(), owner: "octo".into(), permissions: granted, ..NewApp::default() };
    let control = stage.world.hub().control();
    let app = control.create_app(&app).unwrap().id;
    control.install(app, &[stage.repo.full_name()]).unwrap();
    let said = CheckOutput { title: Some("greet.sh: line 1: not linted".to_owned()), ..CheckOutput::default() };
    let check = NewCheck {
        app,
        kind: CheckKind::Status,
        name: "ci/old".to_owned(),
        rule: while_it_lacks("# linted"),
        failed: said,
        details_url: Some("https://ci.example.com/builds/1".to_owned()),
        pace: Default::default(),
    };
    control.script_check(stage.repo.full_name(), &check).unwrap();
}

async fn mended(stage: &Stage, pull: &Pull) -> String {
    let made = until("a further commit is there", PATIENCE, async || {
        Ok(Some(commits(stage, pull)).filter(|commits| commits.len() > 1))
    });
    let made = made.await.unwrap();
    stage.quiet().await;
    assert_eq!(commits(stage, pull).len(), 2);
    stage.repo.git(&["log", "-1", "--format=%s", &made[1]]).unwrap()
}

/// A service's word on somebody's commit, of which even GitHub's log knows nothing, is found by asking again.
async fn unheard(stage: &mut Stage, (issue, pull): (u64, &Pull)) {
    stage.until_says(issue, "### Pull request #").await;
    let control = stage.world.hub().control().clone();
    let lost = DeliveryFault { event: Some("status".to_owned()), kind: DeliveryFaultKind::Drop, times: 5 };
    control.add_delivery_fault(lost);
    let (name, plain) = (stage.repo.full_name().to_owned(), "echo \"Hello, ${1:-you}\"\n");
    stage.person("wim").write_file(&name, &pull.head_ref, ("greet.sh", plain), "By hand").unwrap();
    stage.quiet().await;
    assert_eq!(commits(stage, pull).len(), 3, "nobody told");
    control.clear_faults();
    stage.world.stop().await.unwrap();
    stage.pass_time("2 hours").await;
    stage.world.restart().await.unwrap();
    // It is the failure that was mended before.
    stage.until_answers(pull.number, "`ci/old` still fails").await;
    stage.quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failing_commit_statuses_are_answered_where_they_may_be_read() {
    let (by_status, by_check, unseen) = ("A status fails", "A check fails", "No check can be seen");
    let mut scenes = vec![
        follow_up(
            by_status,
            "follow-up-1",
            "not linted\nhttps://ci.example.com/builds/1",
            "echo '# linted' >> greet.sh",
        ),
        // The log that names the style may not be read.
        follow_up(by_check, "follow-up-1", "Process completed with exit code 1", "echo '# linted, styled' >> greet.sh"),
        follow_up(unseen, "follow-up-1", "https://ci.example.com/builds/1", "echo '# linted' >> greet.sh"),
    ];
    scenes.extend([by_status, by_check, unseen].into_iter().flat_map(repair));
    let mut stage = Stage::set(&format!("gate: autonomous\n{CHECKED}"), scenes).await;
    service(&stage);
    let (issue, pull) = pull_request(&stage, by_status).await;
    insta::assert_snapshot!(mended(&stage, &pull).await, @"Mend the failing check ci/old");
    unheard(&mut stage, (issue, &pull)).await;

    let control = stage.world.hub().control().clone();
    only_without(&stage, &["actions", "statuses"], &["workflow_run", "status"]);
    let lint: NewWorkflow = workflow(while_it_lacks("styled"), "greet.sh: no style");
    control.script_workflow(stage.repo.full_name(), &lint).unwrap();
    let (issue, pull) = pull_request(&stage, by_check).await;
    insta::assert_snapshot!(mended(&stage, &pull).await, @"Mend the failing check lint");
    let said = stage.until_says(issue, "### Pull request #").await.body;
    assert!(said.contains("**Not granted:** `actions: write`, `statuses: read`. So the logs of failed jobs"), "{said}");

    only_without(&stage, &["checks"], &["check_run", "check_suite"]);
    let (issue, pull) = pull_request(&stage, unseen).await;
    insta::assert_snapshot!(mended(&stage, &pull).await, @"Mend the failing check ci/old");
    let said = stage.until_says(issue, "### Pull request #").await.body;
    assert!(said.contains("**Not granted:** `checks: write`. So there are no check runs of wiz"), "{said}");
    assert!(said.contains("/settings/installations/"), "{said}");
    assert_eq!(stood(&stage, &pull.head_sha), "");
    stage.clear().await;
}

/// From now on the owner grants all but these permissions, and these events do not come.
fn only_without(stage: &Stage, without: &[&str], silent: &[&str]) {
    let control = stage.world.hub().control();
    let events: Vec<&str> = SUBSCRIBED_EVENTS.iter().copied().filter(|name| !silent.contains(name)).collect();
    control.change_app(stage.world.hub().app_id(), permissions(without), &events).unwrap();
    control.accept_permissions(stage.installation()).unwrap();
    control.expire_tokens();
}
