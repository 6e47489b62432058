//! What an approval is for, and who may give it.

use github_stand_in::faults::{DeliveryFault, DeliveryFaultKind, Fault, FaultKind};

use super::{
    scenes::{FILES, coder, planner, planner_of, repair},
    stage::{CHECKED, Stage, shown},
};

const READY: &str = "The plan is ready for approval";

/// The plan, then one hash after the other until the run begins.
#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_for_the_plan_that_is_shown_on_the_commit_it_was_made_for() {
    let stage = Stage::set(CHECKED, vec![planner("Greet", &FILES), coder("Greet", "sleep 300")]).await;
    let (maria, name) = (stage.person("maria"), stage.repo.full_name());
    let issue = stage.issue("Greet nobody as well");
    stage.say("wim", issue, "/wiz fix --max $9");
    stage.until_says(issue, READY).await;
    stage.say("wim", issue, "/wiz approve deadbeef");
    stage.until_answers(issue, "for another plan").await;
    stage.say("wim", issue, "/wiz fix\n/wiz status");
    stage.quiet().await;

    maria.write_file(name, "main", ("README.md", "# The greeter\n"), "Name it").unwrap();
    let first = stage.plan_hash(issue);
    stage.say("wim", issue, &format!("/wiz approve {first}"));
    stage.until_answers(issue, "base branch moved").await;
    let second = changed(&stage, issue, &first).await;
    stage.say("wim", issue, &format!("/wiz approve {first}"));
    stage.quiet().await;

    insta::assert_snapshot!(stage.talk(issue).await, @r"
    wim: /wiz fix --max $9  👀
    ----
    wiz: ### The plan is ready for approval

    `/wiz fix` by wim · Greet nobody as well · spent <money>, about <money> more, cap $3.00

    About Greet.

    …

    **Next:** `/wiz approve <hash>` (go on), `/wiz revise …` (say what to change), `/wiz reject` (end the run)

    <sub>run 1 · model `anthropic/scripted`</sub>
    ----
    wim: /wiz approve <hash>  👀
    ----
    wiz: That approval is for another plan, so I did not start. The plan waiting now is `<hash>`; if you agree with it, comment `/wiz approve <hash>`.
    ----
    wim: /wiz fix
    /wiz status  👀
    ----
    wiz: Run 1 is already at work here. `/wiz status` shows how far it is, `/wiz cancel` stops it.

    **The plan is ready for approval**

    **Next:** `/wiz approve <hash>` (go on), `/wiz revise …` (say what to change), `/wiz reject` (end the run)
    ----
    wim: /wiz approve <hash>  👀
    ----
    wiz: The base branch moved after the plan of run 1 was made, so I did not start. The plan now names the new commit and has a new hash in the status comment; approve that one if it still fits, or `/wiz revise …`.
    ----
    wim: /wiz approve <hash>  👀
    ----
    wiz: That approval is for another plan, so I did not start. The plan waiting now is `<hash>`; if you agree with it, comment `/wiz approve <hash>`.
    ");

    stage.say("wim", issue, &format!("/wiz approve {second}\n/wiz approve"));
    stage.until_answers(issue, "does not fit now").await;
    stage.say("wim", issue, "/wiz cancel");
    let cancelled = stage.until_says(issue, "Cancelled").await;
    insta::assert_snapshot!(shown(&cancelled), @r"
    ### Cancelled

    `/wiz fix` by wim · Greet nobody as well · spent <money>, cap $3.00

    Cancelled. `/wiz retry` goes on.

    About Greet.

    …

    **Next:** `/wiz retry` (go on), `/wiz fix` (start over)

    <sub>run 1 · model `anthropic/scripted`</sub>
    ");
    assert_eq!(stage.budgets().await, [3_000_000], "the policy's cap holds");
    assert_eq!(stage.repo.pulls().unwrap().len(), 0);
    stage.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_nobody_saw_yet_is_not_approved() {
    let stage = Stage::set(CHECKED, vec![planner("Greet", &FILES)]).await;
    let issue = stage.issue("Greet nobody as well");
    let fault = Fault {
        method: Some("PATCH".into()),
        path: "/repos/*/issues/comments/".into(),
        kind: FaultKind::Status { status: 502 },
        times: 100,
    };
    stage.world.hub().control().add_fault(fault);
    stage.say("maria", issue, "/wiz fix");
    stage.until_waits().await;
    stage.say("maria", issue, "/wiz approve");
    stage.until_answers(issue, "did not show this plan").await;
    stage.world.hub().control().clear_faults();
    stage.until_says(issue, READY).await;
    stage.say("maria", issue, "/wiz reject");
    stage.until_says(issue, "Cancelled").await;
    stage.clear().await;
}

/// The plan is there, and wiz is told three times that it is not.
#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_wiz_does_not_know_to_be_shown_is_approved_all_the_same() {
    let stage = Stage::set(CHECKED, repair("Greet")).await;
    let issue = stage.issue("Greet nobody as well");
    let fault = Fault {
        method: Some("PATCH".into()),
        path: "/repos/*/issues/comments/".into(),
        kind: FaultKind::AfterWork { status: 502 },
        times: 3,
    };
    stage.world.hub().control().add_fault(fault);
    stage.say("maria", issue, "/wiz fix");
    stage.until_says(issue, READY).await;
    stage.say("maria", issue, "/wiz approve");
    stage.until_state(issue, "watching").await;
    assert_eq!(stage.repo.pulls().unwrap().len(), 1);
    stage.clear().await;
}

/// Waits until the status comment shows another plan than this one.
async fn changed(stage: &Stage, issue: u64, old: &str) -> String {
    wiz_demo::until("another plan is shown", super::stage::PATIENCE, async || {
        Ok(Some(stage.plan_hash(issue)).filter(|hash| hash != old))
    })
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_turned_down_or_made_anew() {
    let mut revised = planner("Greet", &FILES);
    revised.when.task.push("say it louder".to_owned());
    revised.turns[0].calls[0].input["summary"] = "It shouts.".into();
    let stage = Stage::set(CHECKED, vec![revised, planner("Greet", &FILES)]).await;
    let issue = stage.issue("Greet nobody as well");
    let control = stage.world.hub().control();
    control.add_delivery_fault(DeliveryFault {
        event: Some("issue_comment".into()),
        kind: DeliveryFaultKind::Duplicate,
        times: 1,
    });
    stage.say("maria", issue, "/wiz plan");
    stage.quiet().await;
    control.redeliver(control.deliveries().pop().unwrap().id).unwrap();
    stage.until_says(issue, READY).await;
    let first = stage.plan_hash(issue);
    stage.say("maria", issue, "/wiz revise Please\n\nsay it louder.");
    stage.until_says(issue, "It shouts.").await;
    stage.say("maria", issue, &format!("/wiz approve {first}"));
    stage.until_answers(issue, "for another plan").await;
    stage.say("maria", issue, "/wiz reject it is too loud");
    stage.until_says(issue, "Cancelled").await;
    stage.say("maria", issue, "/wiz approve");
    stage.until_answers(issue, "was cancelled").await;
    insta::assert_snapshot!(stage.talk(issue).await, @r"
    maria: /wiz plan  👀
    ----
    wiz: ### Cancelled

    `/wiz plan` by maria · Greet nobody as well · spent <money>, cap $3.00

    The plan was rejected. `/wiz retry` plans again.

    It shouts.

    …

    **Next:** `/wiz retry` (go on), `/wiz fix` (start over)

    <sub>run 1 · model `anthropic/scripted`</sub>
    ----
    maria: /wiz revise Please

    say it louder.  👀
    ----
    maria: /wiz approve <hash>  👀
    ----
    wiz: That approval is for another plan, so I did not start. The plan waiting now is `<hash>`; if you agree with it, comment `/wiz approve <hash>`.
    ----
    maria: /wiz reject it is too loud  👀
    ----
    maria: /wiz approve  👀
    ----
    wiz: `/wiz approve` does not fit now: run 1 was cancelled. `/wiz status` shows more.
    ");
    stage.say("maria", issue, "/wiz retry");
    stage.until_says(issue, READY).await;
    assert_eq!(stage.runs().await, 1);
    stage.say("maria", issue, "/wiz cancel");
    stage.until_says(issue, "Cancelled").await;
    stage.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_autonomous_gate_still_asks_where_a_person_must_look() {
    let policy = format!("gate: autonomous\nbudget_run: $1\nbudget_day: $2\n{CHECKED}");
    let own = [("it greets", "sh greet.sh", "passes")];
    let mut scenes = vec![planner_of("A plan", &FILES, &own), planner_of("A manifest", &["package.json"], &own)];
    scenes.extend([planner_of("At once", &FILES, &own), coder("At once", "sleep 300")]);
    let stage = Stage::set(&policy, scenes).await;
    let (plan, manifest, at_once) = (stage.issue("A plan"), stage.issue("A manifest"), stage.issue("At once"));
    stage.say("maria", plan, "/wiz plan --max $0.5");
    stage.until_says(plan, READY).await;
    let body = stage.status(plan).unwrap().body;
    assert!(body.contains("tests<br>`sh tests/greet_test.sh`"), "the repository's own check is in the plan: {body}");
    stage.say("wim", manifest, "/wiz fix --max $9");
    stage.until_says(manifest, READY).await;
    assert_eq!(stage.budgets().await, [1_000_000, 500_000]);

    // The day's money is spoken for.
    stage.say("maria", at_once, "/wiz fix");
    stage.until_says(at_once, "Working").await;
    assert_eq!(stage.budgets().await[0], 500_000);
    let late = stage.issue("Too late");
    stage.say("maria", late, "/wiz fix");
    stage.until_answers(late, "its cap is").await;
    insta::assert_snapshot!(stage.talk(late).await, @r"
    maria: /wiz fix  👀
    ----
    wiz: What this repository's runs spent in the last 24 hours and may yet spend is $2.00, and its cap is $2.00, so I did not start. Raise `budget_day` in `.github/wiz.yml`, or try again later.
    ");
    for issue in [plan, manifest, at_once] {
        stage.say("maria", issue, "/wiz cancel");
        stage.until_says(issue, "Cancelled").await;
    }
    stage.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_two_people_are_wanted_the_requester_may_not_approve() {
    let stage = Stage::set(&format!("gate: human-required\n{CHECKED}"), repair("Greet")).await;
    let (max, name) = (stage.person("max"), stage.repo.full_name());
    let issue = stage.issue("Greet nobody as well");
    stage.say("maria", issue, "/wiz fix");
    stage.until_says(issue, READY).await;
    stage.say("maria", issue, "/wiz approve");
    stage.until_answers(issue, "somebody other than").await;
    stage.say("max", issue, "/wiz approve");
    stage.until_says(issue, "is open").await;
    insta::assert_snapshot!(stage.talk(issue).await, @r"
    maria: /wiz fix  👀
    ----
    wiz: ### Pull request #2 is open

    `/wiz fix` by maria · Greet nobody as well · spent <money>, cap $3.00

    **Pull request:** [#2](http://github/octo/greeter/pull/2)

    About Greet.

    …

    **Next:** `/wiz cancel` (leave the pull request alone)

    <sub>run 1 · model `anthropic/scripted` · branch `wiz/run-1-greet-nobody-as-well`</sub>
    ----
    maria: /wiz approve  👀
    ----
    wiz: Run 1 needs the approval of somebody other than the person who asked for it: its gate is `human-required`, for the reasons that its status comment lists.
    ----
    max: /wiz approve  👀
    ");

    // What people do with the pull request.
    let pull = stage.repo.pulls().unwrap().pop().unwrap();
    let check = stage.repo.checks().unwrap().pop().unwrap();
    stage.say("maria", pull.number, "/wiz fix");
    stage.quiet().await;
    stage.person("sam").click(name, check.id, "cancel").unwrap();
    stage.quiet().await;
    stage.person("sam").rerequest(name, check.id).unwrap();
    stage.quiet().await;
    max.rerequest(name, check.id).unwrap();
    stage.quiet().await;
    stage.until_followed_up(issue, 1).await;
    stage.quiet().await;
    max.click(name, check.id, "cancel").unwrap();
    stage.until_says(issue, "Cancelled").await;
    stage.say("max", pull.number, "/wiz status");
    insta::assert_snapshot!(stage.talk(pull.number).await, @r"
    maria: /wiz fix
    ----
    wiz: Say what to change: `/wiz fix …` with a few words, or comment on the lines in a review with `/wiz fix`.
    ----
    wiz: sam may not use `/wiz cancel` here: it needs the role **write** in this repository.
    ----
    max: /wiz status
    ----
    wiz: **Cancelled**

    **Pull request:** [#2](http://github/octo/greeter/pull/2)

    **Next:** `/wiz retry` (go on), `/wiz fix` (start over)
    ");
    max.rerequest(name, check.id).unwrap();
    stage.until_says(issue, "is open").await;
    max.close(name, pull.number).unwrap();
    insta::assert_snapshot!(shown(&stage.until_says(issue, "closed without merging").await), @r"
    ### Cancelled

    `/wiz fix` by maria · Greet nobody as well · spent <money>, cap $3.00

    The pull request was closed without merging.

    **Pull request:** [#2](http://github/octo/greeter/pull/2)

    About Greet.

    …

    **Next:** `/wiz fix` (start over)

    <sub>run 1 · model `anthropic/scripted` · branch `wiz/run-1-greet-nobody-as-well`</sub>
    ");
    max.reopen(name, pull.number).unwrap();
    stage.until_says(issue, "is open").await;
    assert_eq!((stage.runs().await, stage.repo.pulls().unwrap().len()), (1, 1));
    stage.clear().await;
}
