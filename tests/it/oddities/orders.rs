//! Orders that are told twice, edited into old words, or given where nobody can be answered.

use serde_json::{Value, json};

use super::{READY, owned};
use crate::orders::{
    questions::{asking, which},
    scenes::{FILES, planner},
    stage::{CHECKED, Stage},
};

const TRIGGERS: &str = "triggers:\n  labels: { 'wiz:fix': fix }\n  assignees: { max: plan }\n";

fn assigned(stage: &Stage, login: &str, issue: u64) -> anyhow::Result<Value> {
    let path = format!("/repos/{}/issues/{issue}/assignees", stage.repo.full_name());
    stage.person(login).request("POST", &path, &json!({ "assignees": ["max"] }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_label_or_an_assignment_counts_once_and_for_who_may() {
    let mut stage = owned(&format!("{TRIGGERS}{CHECKED}"), vec![planner("Label", &FILES)]).await;
    let name = stage.repo.full_name().to_owned();
    let [label, desk] = ["Label", "Desk"].map(|title| stage.issue(title));
    assigned(&stage, "tess", desk).unwrap();
    stage.until_answers(desk, "tess may not use `/wiz plan` here").await;
    let closed = stage.issue("Closed");
    stage.person("maria").close(&name, closed).unwrap();
    assigned(&stage, "maria", closed).unwrap();
    stage.until_answers(closed, "This issue is closed").await;

    // Told twice and once more, in a locked conversation.
    stage.person("maria").lock(&name, label, None).unwrap();
    stage.quiet().await;
    stage.next_comes_twice("issues");
    stage.person("maria").label(&name, label, &["wiz:fix"]).unwrap();
    let delivery = stage.newest("issues");
    stage.until_state(label, "needs_approval").await;
    stage.told_again(delivery).await;
    stage.renamed("welcomer");
    stage.person("maria").unlock(stage.repo.full_name(), label).unwrap();
    stage.until_says(label, READY).await;
    stage.told_again(delivery).await;
    assert_eq!((stage.runs().await, stage.talk(label).await.matches("wiz: ").count()), (1, 1));
    stage.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_and_a_self_test_count_once_and_wherever_they_are_given() {
    let mut stage = owned(CHECKED, asking("By number", &which(), "The answer: Good day").to_vec()).await;
    let name = stage.repo.full_name().to_owned();
    let issue = stage.issue("By number");
    let old = stage.say("maria", issue, "Nice.");
    stage.say("maria", issue, "/wiz fix");
    stage.until_says(issue, "A question for you").await;

    // Old words that are edited are an answer, where nobody can be answered, and once.
    stage.person("maria").close(&name, issue).unwrap();
    stage.person("maria").lock(&name, issue, None).unwrap();
    stage.renamed("welcomer");
    let name = stage.repo.full_name().to_owned();
    stage.quiet().await;
    stage.next_comes_twice("issue_comment");
    stage.person("maria").edit_comment(&name, old, "Nice.\n\n/wiz answer 2").unwrap();
    let delivery = stage.newest("issue_comment");
    stage.until_says(issue, READY).await;
    stage.told_again(delivery).await;
    stage.person("maria").unlock(&name, issue).unwrap();
    stage.person("maria").edit_comment(&name, old, "Nice.\n\n/wiz answer 2\n\n/wiz budget +$2").unwrap();
    let delivery = stage.newest("issue_comment");
    stage.until_says(issue, "cap $5.00").await;
    stage.told_again(delivery).await;
    assert_eq!(stage.budgets().await, [5_000_000]);

    // The self-test of a closed issue, told twice and once more.
    stage.next_comes_twice("issue_comment");
    stage.say("maria", issue, "/wiz selftest");
    let delivery = stage.newest("issue_comment");
    stage.until_answers(issue, "Everything works here.").await;
    stage.told_again(delivery).await;
    assert_eq!(stage.repo.checks().unwrap().len(), 1);
    assert_eq!(stage.talk(issue).await.matches("### Self-test").count(), 1);
    stage.clear().await;
}
