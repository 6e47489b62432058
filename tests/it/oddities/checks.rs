//! Failing checks whose output is enormous, whose pull request is locked or gone, and whose repository gets another name.

use github_stand_in::store::{Conclusion, Rule};
use wiz_demo::{Pull, until};

use super::owned;
use crate::{
    checks::{commits, follow_up, pull_request, workflow},
    orders::{
        scenes::repair,
        stage::{CHECKED, PATIENCE, Stage},
    },
};

fn never_passes(stage: &Stage, log: &str) {
    let never = Rule::Outcomes { outcomes: vec![Conclusion::Failure] };
    stage.world.hub().control().script_workflow(stage.repo.full_name(), &workflow(never, log)).unwrap();
}

/// Waits until CI has judged the second commit of a pull request.
async fn until_judged_again(stage: &Stage, pull: &Pull, wanted: &str) {
    let judged = async || {
        let (checks, commits) = (stage.repo.checks()?, commits(stage, pull));
        let Some(second) = commits.get(1) else { return Ok(None) };
        let mut of_second = checks.iter().filter(|check| check.name == "lint" && check.head_sha == *second);
        Ok(of_second.any(|check| check.conclusion.as_deref() == Some(wanted)).then_some(()))
    };
    until(&format!("CI has said {wanted} of the second commit"), PATIENCE, judged).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_check_is_answered_once_and_nowhere_where_nothing_can_be_written() {
    let mut scenes = vec![
        follow_up("It is enormous", "follow-up-1", "greet.sh: not linted", "echo '# linted' >> greet.sh"),
        follow_up("It is locked", "follow-up-1", "nothing is good enough", "echo '# better' >> greet.sh"),
    ];
    let titles = ["It is enormous", "It is locked", "It is gone"];
    scenes.extend(titles.iter().flat_map(|title| repair(title)));
    let mut stage = owned(&format!("gate: autonomous\n{CHECKED}"), scenes).await;

    // Megabytes of output, and another name between the failure and its repair.
    let rule = Rule::FailsWhileFileLacks { path: "greet.sh".to_owned(), text: "# linted".to_owned() };
    let log = format!("{}greet.sh: not linted\nmake: *** [lint] Error 1", "compiling é\n".repeat(300_000));
    let control = stage.world.hub().control().clone();
    control.script_workflow(stage.repo.full_name(), &workflow(rule, &log)).unwrap();
    let (issue, pull) = pull_request(&stage, titles[0]).await;
    stage.renamed("welcomer");
    until_judged_again(&stage, &pull, "success").await;
    stage.until_says(issue, "### Pull request #").await;

    // That wiz gives up cannot be said in a locked conversation, and breaks nothing there.
    never_passes(&stage, "error: nothing is good enough");
    let (issue, pull) = pull_request(&stage, titles[1]).await;
    stage.person("maria").lock(stage.repo.full_name(), pull.number, Some("too heated")).unwrap();
    until_judged_again(&stage, &pull, "failure").await;
    stage.until_says(issue, "### Pull request #").await;
    stage.quiet().await;
    stage.person("maria").unlock(stage.repo.full_name(), pull.number).unwrap();
    stage.say("maria", pull.number, "/wiz ci");
    stage.until_answers(pull.number, "failing checks").await;
    insta::assert_snapshot!(stage.talk(pull.number).await, @r"
    maria: /wiz ci
    ----
    wiz: I answer failing checks of this pull request, as I opened it: with repairs on at most 3 commits. I gave up on them; `/wiz ci on` lets me try again. `/wiz ci off` ends that.
    ");
    assert_eq!(commits(&stage, &pull).len(), 2, "one attempt at one failure");

    // Nothing is left to mend, so no model is asked to.
    never_passes(&stage, "error: nothing is ever good enough");
    let (issue, pull) = pull_request(&stage, titles[2]).await;
    stage.person("max").delete_branch(stage.repo.full_name(), &pull.head_ref).unwrap();
    stage.until_says(issue, "closed without merging").await;
    let asked = stage.world.model().unwrap().requests().len();
    stage.quiet().await;
    assert_eq!(stage.world.model().unwrap().requests().len(), asked);
    stage.clear().await;
}
