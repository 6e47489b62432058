//! Undoing that is asked for twice, late, in old words, or where nobody can be answered.

use github_stand_in::store::IssueState;

use super::{READY, owned};
use crate::orders::{
    scenes::repair,
    stage::{CHECKED, Stage},
};

async fn opened(stage: &Stage, issue: u64) -> (u64, String) {
    stage.say("maria", issue, "/wiz fix");
    stage.until_says(issue, READY).await;
    stage.say("maria", issue, "/wiz approve");
    stage.until_says(issue, "### Pull request #").await;
    stage.quiet().await;
    let pull = stage.repo.pulls().unwrap().pop().unwrap();
    (pull.number, pull.head_ref)
}

#[tokio::test(flavor = "multi_thread")]
async fn undoing_is_done_once_and_wherever_it_is_said() {
    let titles = ["Late", "Locked", "Moved"];
    let mut stage = owned(CHECKED, titles.iter().flat_map(|title| repair(title)).collect()).await;
    let control = stage.world.hub().control().clone();
    let name = stage.repo.full_name().to_owned();
    let [late, locked, moved] = titles.map(|title| stage.issue(title));

    // What is approved and undone at once, and told the other way round, is undone.
    stage.say("maria", late, "/wiz fix");
    stage.until_says(late, READY).await;
    stage.quiet().await;
    stage.next_comes_late("issue_comment");
    stage.say("maria", late, "/wiz approve");
    stage.say("maria", late, "/wiz undo");
    stage.until_answers(late, "### Taken back").await;
    let talk = stage.talk(late).await;
    assert!(stage.status(late).is_none() && stage.repo.pulls().unwrap().is_empty(), "{talk}");

    // In a locked conversation it is done without a word. A copy of wiz's mark makes nothing wiz's.
    let (pull, branch) = opened(&stage, locked).await;
    let copy = stage.status(locked).unwrap().body;
    let copied = stage.say("maria", locked, &copy);
    stage.person("maria").lock(&name, pull, Some("too heated")).unwrap();
    stage.say("maria", pull, "/wiz undo");
    stage.quiet().await;
    assert_eq!(control.issue(&name, pull).unwrap().state, IssueState::Closed);
    assert!(!stage.repo.git(&["branch", "--format=%(refname:short)"]).unwrap().contains(&branch));
    assert!(control.comments(&name, locked).unwrap().iter().any(|comment| comment.id == copied));
    stage.person("maria").unlock(&name, pull).unwrap();
    insta::assert_snapshot!(stage.talk(pull).await, @"maria: /wiz undo  👀");

    // An old comment of somebody who may not, and then of somebody who may; told twice, when the branch is gone, the issue
    // is closed and the repository has another name.
    let (pull, branch) = opened(&stage, moved).await;
    let [of_sam, of_maria] = ["sam", "maria"].map(|login| stage.say(login, moved, "Nice."));
    stage.person("max").delete_branch(&name, &branch).unwrap();
    stage.person("maria").close(&name, moved).unwrap();
    stage.until_says(moved, "closed without merging").await;
    stage.renamed("welcomer");
    let name = stage.repo.full_name().to_owned();
    stage.person("sam").edit_comment(&name, of_sam, "Nice.\n\n/wiz undo").unwrap();
    stage.until_answers(moved, "sam may not use `/wiz undo` here").await;
    stage.person("maria").edit_comment(&name, of_maria, &format!("/wiz undo {}", "all ".repeat(10_000))).unwrap();
    stage.until_answers(moved, "no further words").await;
    stage.next_comes_twice("issue_comment");
    stage.person("maria").edit_comment(&name, of_maria, "Not nice.\n\n/wiz undo").unwrap();
    let delivery = stage.newest("issue_comment");
    stage.until_answers(moved, "### Taken back").await;
    stage.told_again(delivery).await;
    insta::assert_snapshot!(stage.talk(moved).await, @r"
    maria: /wiz fix
    ----
    maria: /wiz approve
    ----
    sam: Nice.

    /wiz undo  👎
    ----
    maria: Not nice.

    /wiz undo  👀
    ----
    wiz: sam may not use `/wiz undo` here: it needs the role **write** in this repository.
    ----
    wiz: I could not read that: `undo` takes no further words, so it was not run

    ```text
    <output>
    ```

    `/wiz help` lists everything.
    ----
    wiz: ### Taken back

    Of run 3 I have

    - removed 1 comment
    - removed 2 reactions

    What stays:

    - 1 check run, neutral now: nobody can delete one

    Mails and notifications are with people already. `/wiz fix` on an issue starts over.
    ");
    assert_eq!(stage.talk(pull).await, "");
    stage.clear().await;
}
