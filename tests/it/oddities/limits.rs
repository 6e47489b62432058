//! Words that are said while GitHub takes no calls: heard late, once, and by who said them.

use github_stand_in::faults::{Fault, FaultKind};

use super::{READY, owned};
use crate::orders::{
    scenes::repair,
    stage::{CHECKED, Stage, shown},
};

/// The next calls are refused.
fn refused(stage: &Stage, kind: FaultKind) {
    let fault = Fault { method: None, path: "/repos/".to_owned(), kind, times: 2 };
    stage.world.hub().control().add_fault(fault);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_during_a_limit_is_done_once_it_is_over() {
    let mut stage = owned(CHECKED, repair("Limited")).await;
    let issue = stage.issue("Limited");
    stage.quiet().await;
    refused(&stage, FaultKind::PrimaryRateLimit { reset_s: 2 });
    stage.say("maria", issue, "/wiz fix");
    stage.until_says(issue, READY).await;

    // Somebody who may not, and somebody who may and is told twice, under another name by then.
    stage.quiet().await;
    refused(&stage, FaultKind::SecondaryRateLimit { status: 429, retry_after_s: 2 });
    stage.say("sam", issue, "/wiz approve");
    stage.next_comes_twice("issue_comment");
    stage.say("maria", issue, "/wiz approve");
    let delivery = stage.newest("issue_comment");
    stage.renamed("welcomer");
    stage.until_says(issue, "### Pull request #").await;
    stage.told_again(delivery).await;
    stage.until_answers(issue, "sam may not use `/wiz approve` here").await;

    refused(&stage, FaultKind::SecondaryRateLimit { status: 403, retry_after_s: 1 });
    stage.say("maria", issue, "/wiz undo");
    let undone = stage.until_answers(issue, "### Taken back").await;
    insta::assert_snapshot!(shown(&undone), @r"
    ### Taken back

    Of run 1 I have

    - closed #2
    - deleted the branch `wiz/run-1-limited`
    - removed 1 comment
    - removed 2 reactions

    What stays:

    - 1 check run, neutral now: nobody can delete one

    Mails and notifications are with people already. `/wiz fix` on an issue starts over.
    ");
    stage.quiet().await;
    assert_eq!(stage.repo.git(&["branch", "--format=%(refname:short)"]).unwrap(), "main");
    stage.clear().await;
}
