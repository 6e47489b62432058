//! A worked review is taken back.

use super::{bash, own::MORNING, reviewed, submit, with_pull_request};
use crate::orders::stage::shown;

/// What it answered in threads, resolved and asked for is undone as well; the reviewer's own words stay.
#[tokio::test(flavor = "multi_thread")]
async fn what_came_of_a_review_is_taken_back_with_its_run() {
    let verdicts = [
        ("T1", "changed", "It says good morning."),
        ("T2", "answered", "Without a name it would greet nobody."),
        ("T3", "answered", "Thank you."),
    ];
    let scene = reviewed(&["Good morning, please", "Why the default"], vec![bash(MORNING), submit(&[], &verdicts)]);
    let (stage, issue, pull) = with_pull_request("Greet nobody as well", vec![scene]).await;
    let comments = [("greet.sh", 1, "Good morning, please."), ("greet.sh", 1, "Why the default?")];
    let (_, threads) = stage.review(("maria", pull), "REQUEST_CHANGES", "Nearly there.", &comments);
    stage.until_answered(pull, &threads).await;
    stage.until_says(issue, "is open").await;
    stage.quiet().await;
    assert!(stage.is_resolved(pull, threads[0]));
    assert_eq!(stage.asked(pull), ["maria"]);

    stage.say("maria", pull, "/wiz undo");
    let said = stage.until_answers(pull, "### Taken back").await;
    insta::assert_snapshot!(shown(&said), @r"
    ### Taken back

    Of run 1 I have

    - closed #2
    - deleted the branch `wiz/run-1-greet-nobody-as-well`
    - removed 4 comments
    - removed 2 reactions
    - opened 1 resolved thread again
    - withdrew 1 request for a review

    What stays:

    - 2 check runs, neutral now: nobody can delete one

    Mails and notifications are with people already. `/wiz fix` on an issue starts over.
    ");
    assert!(!stage.is_resolved(pull, threads[0]));
    assert_eq!(stage.asked(pull), Vec::<String>::new());
    insta::assert_snapshot!(stage.threads(pull), @r"
    greet.sh:1
    maria: Good morning, please.
    ----
    greet.sh:1
    maria: Why the default?
    ");
    let (_, nameless) = stage.journal().await;
    assert_eq!(nameless, Vec::<String>::new(), "what the journal has no name for");
    stage.clear().await;
}
