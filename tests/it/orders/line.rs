//! Runs that wait for a worker say where they stand and for how long.

use scripted_model::Fault;
use wiz_demo::until;

use super::{
    scenes::{FILES, planner},
    stage::{CHECKED, PATIENCE, Stage, shown},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_waits_says_its_place_and_moves_up() {
    let one_worker = vec![("WIZ_WORKERS", "1".to_owned())];
    let rules = format!("budget_day: $50\n{CHECKED}");
    let stage = Stage::set_for(one_worker, &rules, vec![planner("Greet", &FILES)]).await;
    let model = stage.world.model().unwrap();
    let ask = async |title: &str| {
        let issue = stage.issue(title);
        stage.say("maria", issue, "/wiz fix");
        stage.quiet().await;
        issue
    };
    // Until a few runs were planned, nobody knows how long it takes.
    for title in ["Greet Ann", "Greet Bob", "Greet Cid"] {
        let issue = ask(title).await;
        stage.until_says(issue, "ready for approval").await;
    }
    let held = async |count: usize| {
        let more = async || Ok((model.requests().len() >= count).then_some(()));
        until("the model was asked", PATIENCE, more).await.unwrap();
    };
    let before = model.requests().len();
    model.fail_next(1, Fault::Silent);
    let first = ask("Greet Dot").await;
    held(before + 1).await;
    let (second, third, fourth) = (ask("Greet Eve").await, ask("Greet Fay").await, ask("Greet Gil").await);
    let said = [second, third, fourth].map(|issue| shown(&stage.status(issue).unwrap()));
    insta::assert_snapshot!(said.join("\n----\n"), @r"
    ### Waiting: next in line, about <time>

    `/wiz fix` by maria · Greet Eve · cap $3.00

    **Expected:** the plan in about <time>, as the median of 3 runs here took

    **Next:** `/wiz pause` (let it rest), `/wiz cancel` (stop)

    <sub>run 5 · model `anthropic/scripted`</sub>
    ----
    ### Waiting: 1 run ahead, about <time>

    `/wiz fix` by maria · Greet Fay · cap $3.00

    **Expected:** the plan in about <time>, as the median of 3 runs here took

    **Next:** `/wiz pause` (let it rest), `/wiz cancel` (stop)

    <sub>run 6 · model `anthropic/scripted`</sub>
    ----
    ### Waiting: 2 runs ahead, about <time>

    `/wiz fix` by maria · Greet Gil · cap $3.00

    **Expected:** the plan in about <time>, as the median of 3 runs here took

    **Next:** `/wiz pause` (let it rest), `/wiz cancel` (stop)

    <sub>run 7 · model `anthropic/scripted`</sub>
    ");

    model.fail_next(1, Fault::Silent);
    stage.say("maria", first, "/wiz cancel");
    held(before + 2).await;
    stage.until_says(first, "Cancelled").await;
    stage.until_says(third, "Waiting: next in line").await;
    stage.until_says(fourth, "Waiting: 1 run ahead").await;
    // Whoever gives up lets the others move as well.
    stage.say("maria", third, "/wiz cancel");
    stage.until_says(third, "Cancelled").await;
    stage.until_says(fourth, "Waiting: next in line").await;
    stage.say("maria", second, "/wiz cancel");
    stage.until_says(second, "Cancelled").await;
    stage.until_says(fourth, "ready for approval").await;
    stage.clear().await;
}
