//! Few calls to GitHub are left this hour: reports become fewer, and work goes on.

use scripted_model::Fault;

use super::{
    scenes::{FILES, REPAIR, coder, planner, reviewer},
    stage::{CHECKED, Stage, shown},
};

/// What GitHub allows an installation in an hour.
const HOURLY: u32 = 5_000;
/// Less than a tenth of it, and more than a run needs.
const LEFT: u32 = 400;

/// Longer than a state must last to be shown, and than the time between two edits.
const THINKS_MS: u64 = 20_000;

/// How often wiz has changed a comment.
fn edits(stage: &Stage) -> usize {
    let writes = stage.world.hub().control().writes();
    writes.iter().filter(|write| write.starts_with("PATCH") && write.contains("/issues/comments/")).count()
}

/// The state has lasted too long, but no worker has had its job for as long; then one has.
#[tokio::test(flavor = "multi_thread")]
async fn a_stage_has_its_time_with_a_worker_and_not_in_line() {
    let stage = Stage::set(CHECKED, vec![planner("Hang", &FILES)]).await;
    // wiz asks a silent model again.
    stage.world.model().unwrap().fail_next(100, Fault::Silent);
    let issue = stage.issue("Hang");
    stage.say("maria", issue, "/wiz fix");
    stage.until_state(issue, "planning").await;
    stage.deadline_passes(issue).await;
    stage.until_deadline_waits().await;
    stage.until_state(issue, "planning").await;

    stage.held_for("plan", "25 hours").await;
    stage.deadline_passes(issue).await;
    let said = stage.until_says(issue, "### Failed").await;
    insta::assert_snapshot!(shown(&said), @r"
    ### Failed

    `/wiz fix` by maria · Hang · cap $3.00

    This stage took too long and was stopped. `/wiz retry` goes on from here.

    **Next:** `/wiz retry` (try again), `/wiz fix …` (start over, with other words)

    <sub>run 1 · model `anthropic/scripted`</sub>
    ");
    stage.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_thin_out_before_work_stops() {
    let mut scenes = Vec::new();
    for title in ["Plenty", "Few"] {
        let mut thinking = coder(title, REPAIR);
        thinking.turns[0].delay_ms = THINKS_MS;
        scenes.extend([planner(title, &FILES), thinking, reviewer(title)]);
    }
    let stage = Stage::set(CHECKED, scenes).await;
    let mut edited = Vec::new();
    for title in ["Plenty", "Few"] {
        let issue = stage.issue(title);
        stage.say("maria", issue, "/wiz fix");
        stage.until_says(issue, "The plan is ready for approval").await;
        if title == "Few" {
            stage.world.hub().control().spend_requests(stage.installation(), HOURLY - LEFT);
        }
        let before = edits(&stage);
        stage.say("maria", issue, "/wiz approve");
        stage.until_says(issue, "### Pull request #").await;
        edited.push(edits(&stage) - before);
    }
    // What a person waits for is shown as ever; that wiz is at work is not.
    assert!(edited[0] > 1, "{edited:?}");
    assert_eq!(edited[1], 1, "{edited:?}");
    assert_eq!(stage.repo.pulls().unwrap().len(), 2);
    stage.quiet().await;
    stage.clear().await;
}
