//! Where a run stops for a person on its way: files beyond the plan, money, and a wish to let it rest.

use scripted_model::Fault;

use super::{
    scenes::{FILES, REPAIR, coder, planner, reviewer},
    stage::{CHECKED, Stage, shown},
};
use crate::checks::follow_up;

#[tokio::test(flavor = "multi_thread")]
async fn files_beyond_the_plan_are_asked_about() {
    let outside = format!("{REPAIR}\necho more > '@octo notes.md'\necho '{{}}' > package.json");
    let mut back = coder("Stay", "rm -- '@octo notes.md' package.json");
    back.when.task.push("turned them down".to_owned());
    let scenes = vec![
        follow_up("Wander", "follow-up-1", "pin the tools", "echo 'greet 1' > .tool-versions; echo all: > Makefile"),
        planner("Wander", &FILES),
        coder("Wander", &outside),
        reviewer("Wander"),
        back,
        planner("Stay", &FILES),
        coder("Stay", &outside),
        reviewer("Stay"),
    ];
    let stage = Stage::set(&format!("gate: autonomous\n{CHECKED}"), scenes).await;
    let (wander, stay) = (stage.issue("Wander"), stage.issue("Stay"));
    stage.say("maria", wander, "/wiz fix");
    let asked = stage.until_says(wander, "leaves the approved files").await;
    insta::assert_snapshot!(shown(&asked), @r#"
    ### The change leaves the approved files

    `/wiz fix` by maria · Wander · spent <money>, cap $3.00

    The change is made, but it touches files that the approved plan does not name:

    - `@octo notes.md`
    - `package.json`

    About Wander.

    …

    **Next:** `/wiz approve scope` (allow these files), `/wiz reject` (do the work without them), `/wiz cancel` (end the run)

    <sub>run 1 · model `anthropic/scripted`</sub>
    "#);
    stage.say("tess", wander, "/wiz approve scope");
    stage.until_answers(wander, "may not use").await;
    stage.say("maria", wander, "/wiz approve");
    stage.until_answers(wander, "does not fit now").await;
    let forged = asked.body.replace("package.json", "README.md");
    stage.person("maria").edit_comment(stage.repo.full_name(), asked.id, &forged).unwrap();
    stage.until_answers(wander, "so I put it back").await;
    stage.until_says(wander, "package.json").await;
    // What protects the project is another person's to allow.
    stage.say("maria", wander, "/wiz approve scope");
    stage.until_answers(wander, "somebody other than").await;
    stage.say("max", wander, "/wiz approve scope");
    stage.until_says(wander, "is open").await;
    insta::assert_snapshot!(stage.talk(wander).await, @r"
    maria: /wiz fix  👀
    ----
    wiz: ### Pull request #3 is open

    `/wiz fix` by maria · Wander · spent <money>, cap $3.00

    **Pull request:** [#3](http://github/octo/greeter/pull/3)

    About Wander.

    …

    **Next:** `/wiz cancel` (leave the pull request alone)

    <sub>run 1 · model `anthropic/scripted` · branch `wiz/run-1-wander`</sub>
    ----
    tess: /wiz approve scope  👎
    ----
    wiz: tess may not use `/wiz approve` here: it needs the role **write** in this repository.
    ----
    maria: /wiz approve  👀
    ----
    wiz: `/wiz approve` does not fit now: run 1 is waiting for a decision about files outside its plan. `/wiz status` shows more.
    ----
    wiz: That comment shows how the run stands, so I put it back. Its plan can be edited there only while it waits for approval, and one edit at a time.
    ----
    maria: /wiz approve scope  👀
    ----
    wiz: Run 1 needs the approval of somebody other than the person who asked for it: its gate is `human-required`, for the reasons that its status comment lists.
    ----
    max: /wiz approve scope  👀
    ");

    // What max asks for on the pull request is maria's to allow, though the run is hers.
    let pull = stage.repo.pulls().unwrap()[0].number;
    stage.say("max", pull, "/wiz fix pin the tools");
    stage.until_says(wander, "leaves the approved files").await;
    stage.say("max", pull, "/wiz approve scope");
    stage.until_answers(pull, "somebody other than").await;
    stage.say("maria", pull, "/wiz approve scope");
    stage.until_says(wander, "is open").await;

    stage.say("maria", stay, "/wiz fix");
    stage.until_says(stay, "leaves the approved files").await;
    stage.say("maria", stay, "/wiz reject");
    let done = stage.until_says(stay, "is open").await.body;
    assert!(!done.contains("package.json"), "{done}");
    stage.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_without_money_rests_and_goes_on_with_more() {
    let stage = Stage::set(&format!("budget_day: $4\n{CHECKED}"), vec![planner("Dear", &FILES)]).await;
    let issue = stage.issue("Dear work");
    stage.say("maria", issue, "/wiz fix --max $0.01");
    insta::assert_snapshot!(shown(&stage.until_says(issue, "### Paused").await), @r#"
    ### Paused: the budget is used up

    `/wiz fix` by maria · Dear work · cap $0.01

    The run has spent its budget of \$0.01. What it has done and said is kept, and it goes on from there.

    **Next:** `/wiz budget +$2` (go on with more), `/wiz cancel` (end the run)

    <sub>run 1 · model `anthropic/scripted`</sub>
    "#);
    stage.say("sam", issue, "/wiz budget");
    stage.until_answers(issue, "of its $0.01").await;
    stage.say("tess", issue, "/wiz budget +$2");
    stage.until_answers(issue, "may not use").await;
    stage.say("maria", issue, "/wiz budget +$9");
    stage.until_answers(issue, "its cap is").await;
    stage.say("maria", issue, "/wiz budget 2");
    stage.until_answers(issue, "an amount such as").await;
    stage.say("maria", issue, "/wiz budget +$2");
    stage.until_says(issue, "is ready for approval").await;
    let hash = stage.plan_hash(issue);
    stage.say("maria", issue, "/wiz budget +$0.50");
    wiz_demo::until("another hash is shown", super::stage::PATIENCE, async || {
        Ok((stage.plan_hash(issue) != hash).then_some(()))
    })
    .await
    .unwrap();
    assert_eq!(stage.budgets().await, [2_510_000]);
    insta::assert_snapshot!(stage.talk(issue).await, @r#"
    maria: /wiz fix --max $0.01  👀
    ----
    wiz: ### The plan is ready for approval

    `/wiz fix` by maria · Dear work · spent <money>, about <money> more, cap $2.51

    About Dear.

    …

    **Next:** `/wiz approve <hash>` (go on), `/wiz revise …` (say what to change), `/wiz reject` (end the run)

    <sub>run 1 · model `anthropic/scripted`</sub>
    ----
    sam: /wiz budget
    ----
    wiz: Run 1 has spent <money> of its $0.01. `/wiz budget +$2` lets it spend more.
    ----
    tess: /wiz budget +$2  👎
    ----
    wiz: tess may not use `/wiz budget` here: it needs the role **write** in this repository.
    ----
    maria: /wiz budget +$9  👀
    ----
    wiz: What this repository's runs spent in the last 24 hours and may yet spend is $0.01, and its cap is $4.00, so I did not start. Raise `budget_day` in `.github/wiz.yml`, or try again later.
    ----
    maria: /wiz budget 2
    ----
    wiz: I could not read that: `budget` takes an amount such as `+$2` and no further words, so it was not run

    ```text
    <output>
    ```

    `/wiz help` lists everything.
    ----
    maria: /wiz budget +$2  👀
    ----
    maria: /wiz budget +$0.50  👀
    "#);
    stage.say("maria", issue, "/wiz cancel");
    stage.until_says(issue, "Cancelled").await;
    stage.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_run_holds_nothing_and_goes_on_where_it_was() {
    let stage = Stage::set(
        &format!("gate: autonomous\n{CHECKED}"),
        vec![planner("Greet", &FILES), coder("Greet", &format!("sleep 5{REPAIR}")), reviewer("Greet")],
    )
    .await;
    let issue = stage.issue("Greet nobody as well");
    let model = stage.world.model().unwrap();
    let asked = async |count: usize| {
        let more = async || Ok((model.requests().len() >= count).then_some(()));
        wiz_demo::until("the model was asked", super::stage::PATIENCE, more).await.unwrap();
    };
    stage.say("maria", issue, "/wiz resume");
    stage.until_answers(issue, "no run here").await;
    // The planner answers once and the coder once; the coder's second turn hangs.
    stage.say("maria", issue, "/wiz fix");
    asked(2).await;
    model.fail_next(1, Fault::Silent);
    asked(3).await;
    stage.say("maria", issue, "/wiz pause");
    insta::assert_snapshot!(shown(&stage.until_says(issue, "### Paused").await), @r#"
    ### Paused

    `/wiz fix` by maria · Greet nobody as well · spent <money>, cap $3.00

    About Greet.

    …

    **Next:** `/wiz resume` (go on), `/wiz cancel` (end the run)

    <sub>run 1 · model `anthropic/scripted`</sub>
    "#);
    stage.world.until_no_box_is_left().await.unwrap();
    let before = model.requests().len();
    stage.say("maria", issue, "/wiz pause");
    stage.until_answers(issue, "is paused").await;
    // Its box is taken down by then.
    stage.quiet().await;
    stage.say("maria", issue, "/wiz resume");
    stage.until_says(issue, "is open").await;
    let after = model.requests().len();
    assert_eq!(after - before, 2, "the coder's first turn was not asked for again");
    stage.talk(issue).await;
    stage.clear().await;
}
