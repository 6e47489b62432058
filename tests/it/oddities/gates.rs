//! Approvals and money that are told twice or late, or given where nobody can be answered.

use super::{READY, owned};
use crate::orders::{
    scenes::{FILES, REPAIR, coder, planner, reviewer},
    stage::CHECKED,
};

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_and_money_count_once_and_wherever_they_are_given() {
    let outside = format!("{REPAIR}\necho more > NOTES.md");
    let scenes = vec![planner("Wander", &FILES), coder("Wander", &outside), reviewer("Wander")];
    let mut stage = owned(CHECKED, scenes).await;
    let issue = stage.issue("Wander");
    stage.say("maria", issue, "/wiz fix");
    stage.until_says(issue, READY).await;

    // Money that is told twice and once more is given once.
    stage.next_comes_twice("issue_comment");
    stage.say("maria", issue, "/wiz budget +$2");
    let delivery = stage.newest("issue_comment");
    stage.until_says(issue, "cap $5.00").await;
    stage.told_again(delivery).await;
    assert_eq!(stage.budgets().await, [5_000_000]);
    let old = stage.say("maria", issue, "/wiz budget");
    stage.until_answers(issue, "of its $5.00").await;

    stage.quiet().await;
    // More money makes another plan of it, so an approval that comes after that is of one that nobody has seen.
    let stale = stage.plan_hash(issue);
    // Whoever deletes the comment that shows the run gets another one.
    stage.person("maria").delete_comment(stage.repo.full_name(), stage.status(issue).unwrap().id).unwrap();
    stage.quiet().await;
    stage.say("maria", issue, "/wiz budget +$1");
    stage.until_says(issue, "cap $6.00").await;
    stage.say("maria", issue, &format!("/wiz approve {stale}"));
    stage.until_answers(issue, "for another plan").await;
    stage.say("maria", issue, &format!("/wiz approve {}", stage.plan_hash(issue)));
    stage.until_says(issue, "leaves the approved files").await;

    // The file beyond the plan is allowed where nobody can be answered, under another name, and once.
    stage.renamed("welcomer");
    let name = stage.repo.full_name().to_owned();
    stage.person("maria").lock(&name, issue, None).unwrap();
    stage.person("maria").edit_comment(&name, old, "/wiz approve scope now").unwrap();
    stage.quiet().await;
    stage.next_comes_twice("issue_comment");
    stage.say("maria", issue, "/wiz approve scope");
    stage.until_says(issue, "is open").await;
    stage.person("maria").unlock(&name, issue).unwrap();
    insta::assert_snapshot!(stage.talk(issue).await, @r"
    maria: /wiz fix  👀
    ----
    maria: /wiz budget +$2  👀
    ----
    maria: /wiz approve scope now
    ----
    wiz: Run 1 has spent <money> of its $5.00. The work ahead will probably cost $0.03. `/wiz budget +$2` lets it spend more.
    ----
    maria: /wiz budget +$1  👀
    ----
    wiz: ### Pull request #2 is open

    `/wiz fix` by maria · Wander · spent <money>, cap $6.00

    **Pull request:** [#2](http://github/octo/welcomer/pull/2)

    About Wander.

    …

    **Next:** `/wiz cancel` (leave the pull request alone)

    <sub>run 1 · model `anthropic/scripted` · branch `wiz/run-1-wander`</sub>
    ----
    maria: /wiz approve <hash>  👀
    ----
    wiz: That approval is for another plan, so I did not start. The plan waiting now is `<hash>`; if you agree with it, comment `/wiz approve <hash>`.
    ----
    maria: /wiz approve <hash>  👀
    ----
    maria: /wiz approve scope  👀
    ");
    stage.clear().await;
}
