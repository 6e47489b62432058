//! Edits of a plan that come twice, or where nobody can be answered, or after the ground has moved.

use serde_json::json;

use super::{READY, owned};
use crate::orders::{
    scenes::{FILES, REPAIR, coder, planner, reviewer},
    stage::{CHECKED, Stage},
};

/// Somebody edits the plan that stands there; gives the delivery that tells of it.
async fn edited(stage: &Stage, login: &str, issue: u64, (from, to): (&str, &str)) -> u64 {
    let status = stage.status(issue).unwrap();
    assert!(status.body.contains(from), "{from} is in {}", status.body);
    let body = status.body.replace(from, to);
    stage.person(login).edit_comment(stage.repo.full_name(), status.id, &body).unwrap();
    let delivery = stage.newest("issue_comment");
    stage.quiet().await;
    delivery
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_of_a_plan_counts_once_and_wherever_it_is_made() {
    let mut plans = planner("Greet", &FILES);
    plans.turns[0].calls[0].input["steps"] = json!([
        { "id": "fix", "title": "Mend it", "detail": "Mend it and test it." },
        { "id": "more", "title": "Say more", "detail": "Say more.", "depends_on": ["fix"] },
    ]);
    let mut stage = owned(CHECKED, vec![plans, coder("Greet", REPAIR), reviewer("Greet")]).await;
    let name = stage.repo.full_name().to_owned();
    let issue = stage.issue("Greet nobody as well");
    stage.say("maria", issue, "/wiz fix");
    stage.until_says(issue, READY).await;
    let first = stage.plan_hash(issue);
    let (in_it, left_out) = ("- [x] **more**", "- [ ] **more**");

    // Told twice, and once more when it was taken back meanwhile.
    stage.next_comes_twice("issue_comment");
    let delivery = edited(&stage, "maria", issue, (in_it, left_out)).await;
    let second = stage.plan_hash(issue);
    assert_ne!(second, first);
    stage.told_again(delivery).await;
    assert_eq!(stage.plan_hash(issue), second);
    edited(&stage, "maria", issue, (left_out, in_it)).await;
    stage.told_again(delivery).await;
    assert_eq!(stage.plan_hash(issue), first);

    // Nobody can be answered in a locked conversation, but what stands there is still the plan.
    stage.person("maria").lock(&name, issue, Some("too heated")).unwrap();
    edited(&stage, "maria", issue, (in_it, left_out)).await;
    assert_eq!(stage.plan_hash(issue), second);
    edited(&stage, "maria", issue, ("sh tests/greet_test.sh", "sh -c evil")).await;
    let body = stage.status(issue).unwrap().body;
    assert!(body.contains(&second) && !body.contains("evil"), "{body}");
    stage.person("maria").unlock(&name, issue).unwrap();

    // Nor does it matter what the repository is called by then, or that the issue is closed.
    stage.renamed("welcomer");
    edited(&stage, "maria", issue, (left_out, in_it)).await;
    assert_eq!(stage.plan_hash(issue), first);
    stage.person("maria").close("octo/welcomer", issue).unwrap();
    edited(&stage, "maria", issue, (in_it, left_out)).await;
    assert_eq!(stage.plan_hash(issue), second);
    stage.say("maria", issue, "/wiz approve");
    stage.until_says(issue, "is open").await;
    insta::assert_snapshot!(stage.talk(issue).await, @r"
    maria: /wiz fix  👀
    ----
    wiz: ### Pull request #2 is open

    `/wiz fix` by maria · Greet nobody as well · spent <money>, cap $3.00

    **Pull request:** [#2](http://github/octo/welcomer/pull/2)

    About Greet.

    …

    **Next:** `/wiz cancel` (leave the pull request alone)

    <sub>run 1 · model `anthropic/scripted` · branch `wiz/run-1-greet-nobody-as-well-v6`</sub>
    ----
    maria: /wiz approve  👀
    ");
    stage.clear().await;
}
