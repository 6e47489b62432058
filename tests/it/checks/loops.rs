//! The loop guard through the front door: a check that can never pass costs as many attempts as the repository allows and
//! one comment, two failures that bring back one another stop earlier, and deliveries that come late or again change nothing.

use github_stand_in::{
    control::NewWorkflow,
    faults::{DeliveryFault, DeliveryFaultKind},
    store::{JobScript, Rule},
};

use wiz_demo::{Pull, until};

use super::{PATIENCE, commits, follow_up, pull_request};
use crate::orders::{
    scenes::repair,
    stage::{CHECKED, Stage, shown},
};

/// A job that fails by what the script says, and why.
pub(super) fn job(name: &str, rule: Rule, log: &str) -> JobScript {
    let (name, log) = (name.to_owned(), log.to_owned());
    JobScript { name, steps: vec!["make lint".to_owned()], rule, log, ..JobScript::default() }
}

pub(super) fn while_it_lacks(text: &str) -> Rule {
    Rule::FailsWhileFileLacks { path: "greet.sh".to_owned(), text: text.to_owned() }
}

pub(super) fn while_it_has(text: &str) -> Rule {
    Rule::FailsWhileFileContains { path: "greet.sh".to_owned(), text: text.to_owned() }
}

pub(super) fn script(stage: &Stage, jobs: Vec<JobScript>) {
    let new = NewWorkflow { name: "CI".to_owned(), jobs, ..NewWorkflow::default() };
    stage.world.hub().control().script_workflow(stage.repo.full_name(), &new).unwrap();
}

/// The script with this remark and no other.
fn remark(text: &str) -> String {
    format!("sed -i '/^#/d' greet.sh; echo '# {text}' >> greet.sh")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_that_can_never_pass_costs_the_attempts_that_are_allowed_and_one_comment() {
    let (endless, swing) = ("It is never enough", "It swings");
    let mut scenes = vec![
        follow_up(endless, "follow-up-1", "alpha is missing", &remark("lint 1")),
        follow_up(endless, "follow-up-2", "beta is unexpected", &remark("lint 2")),
        follow_up(swing, "follow-up-1", "alpha is missing", &remark("lint")),
        follow_up(swing, "follow-up-2", "beta is unexpected", &remark("other")),
    ];
    scenes.extend([endless, swing].into_iter().flat_map(repair));
    let stage = Stage::set(&format!("gate: autonomous\nci:\n  attempts: 2\n{CHECKED}"), scenes).await;
    never_enough(&stage, endless).await;
    swings(&stage, swing).await;
    stage.clear().await;
}

/// Waits for so many repairs, each with patience of its own.
async fn attempted(stage: &Stage, pull: &Pull, attempts: usize) {
    for number in 1..=attempts {
        let made = async || Ok((commits(stage, pull).len() > number).then_some(()));
        until(&format!("repair {number} is there"), PATIENCE, made).await.unwrap();
    }
}

/// Each repair brings a failure that was not there before, so that only the number of attempts ends it. Meanwhile GitHub
/// tells things twice and in another order.
async fn never_enough(stage: &Stage, title: &str) {
    script(
        stage,
        vec![
            job("first", while_it_lacks("lint"), "error: alpha is missing"),
            job("second", while_it_has("lint 1"), "error: beta is unexpected"),
            job("third", while_it_has("lint 2"), "error: gamma is unexpected"),
        ],
    );
    let control = stage.world.hub().control().clone();
    for (event, kind) in [
        ("check_run", DeliveryFaultKind::Reorder { behind: 2 }),
        ("check_suite", DeliveryFaultKind::Duplicate),
        ("workflow_run", DeliveryFaultKind::Duplicate),
    ] {
        control.add_delivery_fault(DeliveryFault { event: Some(event.to_owned()), kind, times: 20 });
    }
    let (issue, pull) = pull_request(stage, title).await;
    attempted(stage, &pull, 2).await;
    let word = stage.until_answers(pull.number, "still fails").await;
    insta::assert_snapshot!(shown(&word), @"`third` still fails on `<hash>`, and I had 2 attempts. I leave it to you; `/wiz ci on` lets me try again.");
    stage.until_says(issue, "### Pull request #").await;
    control.clear_faults();
    assert_eq!(commits(stage, &pull).len(), 3, "the change and two attempts");

    // Told again from the last to the first, nothing more comes of it.
    let asked = stage.world.model().unwrap().requests().len();
    let told: Vec<u64> = control
        .deliveries()
        .into_iter()
        .rev()
        .filter(|delivery| ["check_run", "check_suite", "workflow_run"].contains(&delivery.event.as_str()))
        .map(|delivery| delivery.id)
        .collect();
    for delivery in told {
        control.redeliver(delivery).unwrap();
    }
    stage.quiet().await;
    assert_eq!((commits(stage, &pull).len(), stage.world.model().unwrap().requests().len()), (3, asked));
    let words = stage.repo.wiz_comments().unwrap().into_iter().filter(|comment| comment.number == pull.number);
    assert_eq!(words.count(), 1, "one comment says why");
}

/// Mending one failure brings back the other: the second time it is seen, wiz stops, whatever attempts are left. A workflow
/// that never started is told of all the same, and once.
async fn swings(stage: &Stage, title: &str) {
    let faulty = NewWorkflow { name: "Faulty".to_owned(), ..NewWorkflow::default() };
    stage.world.hub().control().script_workflow(stage.repo.full_name(), &faulty).unwrap();
    script(
        stage,
        vec![
            job("one", while_it_lacks("lint"), "error: alpha is missing"),
            job("other", while_it_has("lint"), "error: beta is unexpected"),
        ],
    );
    let (issue, pull) = pull_request(stage, title).await;
    attempted(stage, &pull, 2).await;
    let word = stage.until_answers(pull.number, "still fails").await;
    insta::assert_snapshot!(shown(&word), @"`one` still fails on `<hash>`, and it is a failure that I mended before: mending one brings back the other, so they need to be looked at together. I leave it to you; `/wiz ci on` lets me try again.");
    stage.until_answers(pull.number, "could not start the workflow `.github/workflows/faulty.yml`").await;
    stage.until_says(issue, "### Pull request #").await;
    stage.quiet().await;
    assert_eq!(commits(stage, &pull).len(), 3, "each of the two was mended once");
}
