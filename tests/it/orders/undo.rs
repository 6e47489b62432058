//! What wiz did is taken back, as far as that goes; and the journal knows every write.

use github_stand_in::{
    control::MergeMethod,
    faults::{Fault, FaultKind},
    store::IssueState,
};

use super::{
    scenes::{FILES, coder, planner, repair},
    stage::{CHECKED, Stage},
};

const READY: &str = "The plan is ready for approval";
const OPEN: &str = "### Pull request #";

async fn opened(stage: &Stage, issue: u64) -> u64 {
    stage.say("maria", issue, "/wiz fix");
    stage.until_says(issue, READY).await;
    stage.say("maria", issue, "/wiz approve");
    stage.until_says(issue, OPEN).await;
    stage.quiet().await;
    stage.repo.pulls().unwrap().last().unwrap().number
}

fn branches(stage: &Stage) -> String {
    stage.repo.git(&["branch", "--format=%(refname:short)"]).unwrap()
}

/// The whole way of a run, two answers of GitHub's being lost on it, and back again.
#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::invisible_characters, reason = "wiz breaks links in quoted words with one")]
async fn all_that_a_run_did_is_taken_back_once() {
    let stage = Stage::set(CHECKED, repair("Greet nobody")).await;
    let control = stage.world.hub().control();
    let name = stage.repo.full_name().to_owned();
    let issue = stage.issue("Greet nobody as well");
    let lost = |path: &str| Fault {
        method: Some("POST".into()),
        path: format!("/repos/*/{path}"),
        kind: FaultKind::AfterWork { status: 502 },
        times: 1,
    };
    control.add_fault(lost("pulls"));
    control.add_fault(lost("issues/*/comments"));
    let pull = opened(&stage, issue).await;
    stage.say("maria", issue, "/wiz status");
    stage.quiet().await;
    stage.say("sam", pull, "/wiz undo");
    stage.until_answers(pull, "sam may not use `/wiz undo` here").await;

    stage.say("maria", pull, "/wiz undo");
    stage.until_answers(pull, "### Taken back").await;
    stage.say("maria", pull, "/wiz undo please");
    stage.until_answers(pull, "no further words").await;
    stage.say("maria", issue, "/wiz undo");
    stage.until_answers(issue, "nothing on GitHub").await;
    stage.say("maria", issue, "/wiz retry");
    stage.until_answers(issue, "was taken back").await;
    insta::assert_snapshot!(stage.talk(issue).await, @r"
    maria: /wiz fix
    ----
    maria: /wiz approve
    ----
    maria: /wiz status
    ----
    wiz: **Pull request #​2 is open**

    **Pull request:** [#2](http://github/octo/greeter/pull/2)

    **Next:** `/wiz cancel` (leave the pull request alone)
    ----
    maria: /wiz undo  👀
    ----
    wiz: Run 1 has nothing on GitHub that I could take back.
    ----
    maria: /wiz retry  👀
    ----
    wiz: Run 1 was taken back with `/wiz undo`, so it cannot go on. `/wiz fix` on an issue starts over.
    ");
    insta::assert_snapshot!(stage.talk(pull).await, @r"
    sam: /wiz undo  👎
    ----
    wiz: sam may not use `/wiz undo` here: it needs the role **write** in this repository.
    ----
    maria: /wiz undo  👀
    ----
    wiz: ### Taken back

    Of run 1 I have

    - closed #2
    - deleted the branch `wiz/run-1-greet-nobody-as-well`
    - removed 1 comment
    - removed 2 reactions

    What stays:

    - 1 check run, neutral now: nobody can delete one

    Mails and notifications are with people already. `/wiz fix` on an issue starts over.
    ----
    maria: /wiz undo please
    ----
    wiz: I could not read that: `undo` takes no further words, so it was not run

    ```text
    <output>
    ```

    `/wiz help` lists everything.
    ");
    assert_eq!(control.issue(&name, pull).unwrap().state, IssueState::Closed);
    assert_eq!(branches(&stage), "main");
    let checks = stage.repo.checks().unwrap();
    let checks: Vec<_> = checks.iter().map(|check| (check.conclusion.as_deref(), check.title.as_str())).collect();
    assert_eq!(checks, [(Some("neutral"), "Taken back")]);
    stage.quiet().await;
    let (noted, nameless) = stage.journal().await;
    assert_eq!((noted, nameless), (control.writes().len(), vec![]), "{:#?}", control.writes());
    stage.clear().await;
}

/// People's commits are never destroyed, what is merged stays, and a run at work is stopped first.
#[tokio::test(flavor = "multi_thread")]
async fn what_people_did_meanwhile_stays() {
    let busy = vec![planner("Busy", &FILES), coder("Busy", "sleep 300")];
    let stage = Stage::set(CHECKED, [repair("Shared"), repair("Merged"), busy].concat()).await;
    let name = stage.repo.full_name().to_owned();
    let [shared, merged, busy] = ["Shared", "Merged", "Busy"].map(|title| stage.issue(title));
    let none = stage.issue("Nothing here");
    stage.say("maria", none, "/wiz undo");
    stage.until_answers(none, "There is no run here").await;

    let pull = opened(&stage, shared).await;
    let branch = stage.repo.pulls().unwrap()[0].head_ref.clone();
    stage.person("maria").write_file(&name, &branch, ("notes.txt", "mine\n"), "Notes").unwrap();
    stage.say("wim", shared, "/wiz undo");
    let said = stage.until_answers(shared, "### Taken back").await;
    assert!(said.body.contains("holds commits that are not mine"), "{}", said.body);
    assert_eq!(branches(&stage), format!("main\n{branch}"), "maria's commit is still there");
    assert_eq!(stage.world.hub().control().issue(&name, pull).unwrap().state, IssueState::Closed);

    let pull = opened(&stage, merged).await;
    stage.person("maria").merge(&name, pull, MergeMethod::Squash).unwrap();
    stage.until_says(merged, "### Done").await;
    // What wim wants from the branch would be closed with it.
    let branch = stage.repo.pulls().unwrap().last().unwrap().head_ref.clone();
    let wim = stage.person("wim");
    wim.write_file(&name, "next", ("NEWS.md", "It begins.\n"), "Begin").unwrap();
    let wanted = wim.open_pull_request(&name, (&branch, "next"), "The same for next", "Short.").unwrap();
    stage.say("maria", merged, "/wiz undo");
    let said = stage.until_answers(merged, "### Taken back").await;
    insta::assert_snapshot!(super::stage::shown(&said), @r"
    ### Taken back

    Of run 2 I have

    - removed 1 comment
    - removed 2 reactions

    What stays:

    - #6 is merged; GitHub's **Revert** button on it opens a pull request against it
    - the branch `wiz/run-2-merged`, from which #7 is open; delete it when nobody needs that
    - 1 check run, neutral now: nobody can delete one

    Mails and notifications are with people already. `/wiz fix` on an issue starts over.
    ");

    assert_eq!(stage.world.hub().control().issue(&name, wanted).unwrap().state, IssueState::Open);

    stage.say("maria", busy, "/wiz fix");
    stage.until_says(busy, READY).await;
    stage.say("maria", busy, "/wiz approve");
    stage.until_says(busy, "Working").await;
    stage.say("maria", busy, "/wiz undo");
    stage.until_answers(busy, "### Taken back").await;
    stage.world.until_no_box_is_left().await.unwrap();
    insta::assert_snapshot!(stage.talk(busy).await, @r"
    maria: /wiz fix
    ----
    maria: /wiz approve
    ----
    maria: /wiz undo  👀
    ----
    wiz: ### Taken back

    Of run 3 I have

    - removed 1 comment
    - removed 2 reactions

    Mails and notifications are with people already. `/wiz fix` on an issue starts over.
    ");
    let (noted, nameless) = stage.journal().await;
    assert_eq!((noted, nameless), (stage.world.hub().control().writes().len(), vec![]));
    stage.clear().await;
}
