//! Reviews that come twice, late, edited, enormous, or where nothing can be said or written any more.

use github_stand_in::{
    faults::{DeliveryFault, DeliveryFaultKind},
    store::Role,
};
use wiz_demo::until;

use super::{PATIENCE, bash, reviewed, submit, with_pull_request};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_odd_about_a_review_makes_no_second_commit_and_no_dead_end() {
    let wave = "sed -i s/Hello/Wave/ greet.sh tests/greet_test.sh; sh tests/greet_test.sh";
    let nod = "sed -i s/Wave/Nod/ greet.sh tests/greet_test.sh; sh tests/greet_test.sh";
    let scenes = vec![
        reviewed(&["Wave instead"], vec![bash(wave), submit(&[], &[("T1", "changed", "It waves.")])]),
        reviewed(
            &["Enormous wish"],
            vec![submit(&[], &[("T1", "declined", "Too much."), ("T2", "answered", "Long.")])],
        ),
        reviewed(&["While locked"], vec![bash(nod), submit(&[], &[("T1", "changed", "It nods.")])]),
    ];
    let (stage, issue, pull) = with_pull_request("Greet nobody as well", scenes).await;
    let (name, maria) = (stage.repo.full_name().to_owned(), stage.person("maria"));

    // Delivered twice, once more by GitHub's button, and edited when it was worked already.
    let twice =
        DeliveryFault { event: Some("pull_request_review".into()), kind: DeliveryFaultKind::Duplicate, times: 1 };
    stage.world.hub().control().add_delivery_fault(twice);
    let (_, first) = stage.review(("maria", pull), "REQUEST_CHANGES", "", &[("greet.sh", 1, "Wave instead.")]);
    stage.until_answered(pull, &first).await;
    stage.until_says(issue, "is open").await;
    let of_review = |one: &github_stand_in::store::Delivery| one.event == "pull_request_review";
    let delivery = stage.world.hub().control().deliveries().into_iter().find(of_review).unwrap();
    stage.world.hub().control().redeliver(delivery.id).unwrap();
    stage.quiet().await;
    maria.edit_line_comment(&name, first[0], "Wave instead, twice.\n\n/wiz fix").unwrap();
    stage.quiet().await;
    assert_eq!(stage.commits(pull).len(), 2);
    insta::assert_snapshot!(stage.threads(pull), @r"
    greet.sh:1 (resolved)
    maria: Wave instead, twice.

    /wiz fix  👀
    wiz[bot]: Changed in <hash>.

    It waves.
    ");

    let long = format!("Enormous wish. {}", "é".repeat(60_000));
    let (_, second) = stage.review(("maria", pull), "REQUEST_CHANGES", &long, &[("greet.sh", 1, &long)]);
    stage.until_answered(pull, &second).await;
    stage.until_says(issue, "is open").await;
    assert!(stage.talk(pull).await.ends_with("wiz: On the review by maria:\n\nLong."));
    assert_eq!(stage.commits(pull).len(), 2);

    // The change is made where nothing can be said.
    maria.lock(&name, pull, Some("too heated")).unwrap();
    let (_, third) = stage.review(("maria", pull), "REQUEST_CHANGES", "", &[("greet.sh", 1, "While locked: nod.")]);
    let nodded = async || Ok((stage.commits(pull).len() == 3).then_some(()));
    until("the change is made", PATIENCE, nodded).await.unwrap();
    stage.until_says(issue, "is open").await;
    stage.quiet().await;
    assert!(!stage.line_comments(pull).iter().any(|said| said.in_reply_to == Some(third[0])));

    // Nothing is left to work on.
    let branch = stage.repo.pulls().unwrap()[0].head_ref.clone();
    stage.person("max").delete_branch(&name, &branch).unwrap();
    stage.until_says(issue, "closed without merging").await;
    stage.review(("maria", pull), "COMMENT", "Too late.", &[("greet.sh", 1, "And now?\n\n/wiz fix")]);
    stage.quiet().await;
    assert_eq!(stage.runs().await, 1);
    stage.clear().await;
}

/// What looks like wiz's own words is not, and what moves under the work is found again.
#[tokio::test(flavor = "multi_thread")]
async fn forged_marks_and_moved_ground_lead_a_review_nowhere_else() {
    let wink = "sleep 2; sed -i s/Hello/Wink/ greet.sh tests/greet_test.sh; sh tests/greet_test.sh";
    let scenes = vec![reviewed(&["Wink instead"], vec![bash(wink), submit(&[], &[("T1", "changed", "It winks.")])])];
    let (mut stage, issue, pull) = with_pull_request("Greet nobody as well", scenes).await;
    let name = stage.repo.full_name().to_owned();
    let (maria, wim) = (stage.person("maria"), stage.person("wim"));
    let nice = stage.say("sam", issue, "Nice.");

    // wiz's hidden marks, pasted by people.
    let status = stage.status(issue).unwrap();
    let pasted = stage.say("maria", issue, &status.body);
    maria.edit_comment(&name, pasted, &status.body.replace("is open", "is mine")).unwrap();
    let body = stage.repo.pull_request(pull).unwrap().body;
    wim.write_file(&name, "copy", ("README.md", "# Copy\n"), "Copy").unwrap();
    let copy = wim.open_pull_request(&name, ("copy", "main"), "Copy", &body).unwrap();
    stage.review(("maria", copy), "REQUEST_CHANGES", "Do more.", &[]);
    stage.say("maria", copy, "/wiz status");
    stage.until_answers(copy, "no run here").await;
    stage.person("sam").edit_comment(&name, nice, "Nice.\n\n/wiz cancel").unwrap();
    stage.until_answers(issue, "may not use").await;
    assert_eq!(stage.runs().await, 1);
    assert_eq!(stage.status(issue).unwrap().id, status.id, "one status comment, and it is wiz's");

    // The issue is closed, the review's deliveries come in the wrong order, and the repository is renamed meanwhile.
    maria.close(&name, issue).unwrap();
    let late = DeliveryFault {
        event: Some("pull_request_review".into()),
        kind: DeliveryFaultKind::Reorder { behind: 1 },
        times: 1,
    };
    stage.world.hub().control().add_delivery_fault(late);
    let (_, threads) =
        stage.review(("maria", pull), "REQUEST_CHANGES", "", &[("greet.sh", 1, "Wink instead.\n\n/wiz fix")]);
    let model = stage.world.model().unwrap();
    let begun =
        async || Ok(model.requests().iter().any(|seen| format!("{seen:?}").contains("Wink instead")).then_some(()));
    until("the review is worked", PATIENCE, begun).await.unwrap();
    stage.world.hub().control().set_role(&name, "max", Role::Admin).unwrap();
    stage.person("max").rename_repository(&name, "saluter").unwrap();
    stage.repo = stage.repo.called("saluter");
    stage.until_answered(pull, &threads).await;
    stage.until_says(issue, "is open").await;
    assert_eq!(stage.commits(pull).len(), 2);
    assert_eq!(stage.on_head(pull, "greet.sh"), "echo \"Wink, ${1:-you}\"");
    insta::assert_snapshot!(stage.threads(pull), @r"
    greet.sh:1 (resolved)
    maria: Wink instead.

    /wiz fix  👀
    wiz[bot]: Changed in <hash>.

    It winks.
    ");
    assert_eq!(stage.runs().await, 1);
    for number in [issue, pull, copy] {
        stage.talk(number).await;
    }
    stage.clear().await;
}
