//! Reviews of a pull request that wiz opened.

use github_stand_in::faults::{Fault, FaultKind};
use scripted_model::{Scene, Turn};
use wiz_demo::until;

use super::{PATIENCE, bash, reviewed, submit, with_pull_request};
use crate::{checks::stood, orders::stage::Stage};

pub(super) const MORNING: &str = r#"
echo 'echo "Good morning, ${1:-you}"' > greet.sh
echo 'test "$(sh greet.sh Ann)" = "Good morning, Ann" && test "$(sh greet.sh)" = "Good morning, you"' > tests/greet_test.sh
sh tests/greet_test.sh
"#;

/// One review with a wish, a question and a wish too many: one commit, three answers, and the reviewer is asked again.
/// Then questions alone, which make no commit, and everything that makes nothing at all.
#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::invisible_characters, reason = "wiz breaks links in quoted words with one")]
async fn each_thread_of_a_review_gets_its_answer() {
    let wishes = reviewed(
        &["Good morning, please", "Why the default", "Rename the file"],
        vec![
            bash(MORNING),
            submit(&[], &[("T1", "changed", "It says good morning."), ("T9", "answered", "So.")]),
            submit(&["there is no thread \"T9\""], &[("T1", "changed", "It says good morning.")]),
            submit(
                &["these threads have no verdict yet: T2, T3, T4"],
                &[
                    ("T1", "changed", "`greet.sh` says good morning now, as @octo/greeters wanted."),
                    ("T2", "answered", "Without a name it would greet nobody."),
                    ("T3", "declined", "Callers name it.\n/wiz approve"),
                    ("T4", "answered", "Thank you."),
                ],
            ),
        ],
    );
    // Files that differ although nobody asked for a change are not published. It takes long enough to be shown.
    let questions = reviewed(
        &["What does it print"],
        vec![
            Turn { delay_ms: 10_000, ..bash("echo more >> greet.sh") },
            submit(&[], &[("T1", "answered", "A greeting.")]),
        ],
    );
    let (stage, issue, pull) = with_pull_request("Greet nobody as well", vec![wishes, questions, louder()]).await;
    let before = stage.repo.pulls().unwrap()[0].head_sha.clone();

    let comments = [
        ("greet.sh", 1, "Good morning, please, it is friendlier."),
        ("greet.sh", 1, "Why the default?"),
        ("tests/greet_test.sh", 2, "Rename the file."),
    ];
    let (_, threads) = stage.review(("maria", pull), "REQUEST_CHANGES", "Nearly there.", &comments);
    stage.until_answered(pull, &threads).await;
    stage.until_says(issue, "is open").await;
    let after = stage.repo.pulls().unwrap()[0].head_sha.clone();
    insta::assert_snapshot!(stood(&stage, &before), @"success, in_progress, success");
    insta::assert_snapshot!(stood(&stage, &after), @"success");
    insta::assert_snapshot!(stage.threads(pull), @r"
    greet.sh:1 (resolved)
    maria: Good morning, please, it is friendlier.  👀
    wiz[bot]: Changed in <hash>.

    `greet.sh` says good morning now, as @​octo/greeters wanted.
    ----
    greet.sh:1
    maria: Why the default?
    wiz[bot]: Without a name it would greet nobody.
    ----
    tests/greet_test.sh:2
    maria: Rename the file.
    wiz[bot]: Not changed.

    Callers name it.
    \/wiz approve
    ");
    insta::assert_snapshot!(stage.talk(pull).await, @r"
    wiz: On the review by maria:

    Thank you.
    ");
    assert_eq!(stage.asked(pull), ["maria"]);
    assert_eq!(stage.commits(pull).len(), 2);
    assert_eq!(
        stage.repo.git(&["rev-parse", &format!("{}^", stage.repo.pulls().unwrap()[0].head_sha)]).unwrap(),
        before
    );
    assert_eq!(stage.on_head(pull, "greet.sh"), "echo \"Good morning, ${1:-you}\"");

    // Questions alone.
    let (_, questions) =
        stage.review(("maria", pull), "COMMENT", "", &[("greet.sh", 1, "What does it print?\n\n/wiz fix")]);
    stage.until_answered(pull, &questions).await;
    assert_eq!(stage.commits(pull).len(), 2);
    assert!(stage.threads(pull).ends_with("maria: What does it print?\n\n/wiz fix  👀\nwiz[bot]: A greeting."));

    insta::assert_snapshot!(stood(&stage, &after), @"success, in_progress, success");

    added_meanwhile(&stage, (issue, pull)).await;

    // A command alone, which may have been meant for comments that were made one by one.
    stage.review(("maria", pull), "COMMENT", "/wiz fix", &[]);
    stage.until_answers(pull, "it says nothing besides the command").await;
    stage.quiet().await;

    // Nothing comes of these, and only who may not is told, once.
    let said = stage.line_comments(pull).len();
    stage.review(("maria", pull), "APPROVE", "Good.", &[]);
    stage.review(("maria", pull), "COMMENT", "A thought.", &[("greet.sh", 1, "Hm. `/wiz fix` would do.\n> /wiz fix")]);
    stage.review(("sam", pull), "REQUEST_CHANGES", "Make it purple.", &[]);
    stage.quiet().await;
    stage.review(("sam", pull), "REQUEST_CHANGES", "Purple!", &[("greet.sh", 1, "/wiz fix")]);
    stage.quiet().await;
    assert_eq!(stage.line_comments(pull).len(), said + 2);
    assert!(
        stage
            .talk(pull)
            .await
            .ends_with("wiz: sam may not use `/wiz fix` here: it needs the role **write** in this repository.")
    );
    stage.person("maria").merge(stage.repo.full_name(), pull, github_stand_in::control::MergeMethod::Merge).unwrap();
    stage.until_says(issue, "### Done").await;
    stage.review(("maria", pull), "COMMENT", "A late thought.", &[("greet.sh", 1, "Hm.")]);
    stage.quiet().await;
    assert!(!stage.talk(pull).await.contains("is closed"));
    stage.review(("maria", pull), "COMMENT", "Too late.", &[("greet.sh", 1, "/wiz fix")]);
    stage.until_answers(pull, "This pull request is closed").await;
    stage.say("maria", pull, "/wiz fix the greeting");
    stage.quiet().await;
    assert!(
        stage
            .talk(pull)
            .await
            .ends_with("wiz: This pull request is closed, so I did not start. `/wiz fix` on an issue starts new work.")
    );
    assert_eq!(stage.runs().await, 1);
    stage.clear().await;
}

fn louder() -> Scene {
    let script = "sed -i 's/Good morning/GOOD MORNING/' greet.sh tests/greet_test.sh && sh tests/greet_test.sh";
    reviewed(&["Say it louder"], vec![bash(script), submit(&[], &[("T1", "changed", "It shouts.")])])
}

/// What the reviewer adds to a thread while it is worked is not shut away with it.
async fn added_meanwhile(stage: &Stage, (issue, pull): (u64, u64)) {
    let path = "/repos/*/git/refs/".to_owned();
    let late = Fault { method: Some("PATCH".to_owned()), path, kind: FaultKind::Late { ms: 10_000 }, times: 1 };
    stage.world.hub().control().add_fault(late);
    let (_, threads) = stage.review(("maria", pull), "REQUEST_CHANGES", "", &[("greet.sh", 1, "Say it louder.")]);
    until("it is published", PATIENCE, async || Ok((stage.commits(pull).len() == 3).then_some(()))).await.unwrap();
    stage.person("maria").reply(stage.repo.full_name(), pull, threads[0], "Or rather softly?").unwrap();
    stage.until_answered(pull, &threads).await;
    stage.until_says(issue, "is open").await;
    assert!(!stage.is_resolved(pull, threads[0]), "nobody has answered that");
}

/// More wishes at once than one look at them can hold.
#[tokio::test(flavor = "multi_thread")]
async fn of_a_review_with_too_many_threads_each_is_answered_too() {
    const WORKED: usize = 49;
    let keys: Vec<String> = (1..=WORKED + 1).map(|number| format!("T{number}")).collect();
    let verdicts: Vec<_> = keys.iter().map(|key| (key.as_str(), "answered", "So be it.")).collect();
    let many = reviewed(&["Wish 1."], vec![submit(&[], &verdicts)]);
    let rest = reviewed(&["Wish 51."], vec![submit(&[], &[("T1", "answered", "That too.")])]);
    let (stage, issue, pull) = with_pull_request("Greet whoever wishes it", vec![many, rest]).await;

    let wishes: Vec<String> = (1..=WORKED + 2).map(|number| format!("Wish {number}.")).collect();
    let comments: Vec<_> = wishes.iter().map(|wish| ("greet.sh", 1, wish.as_str())).collect();
    let (_, threads) = stage.review(("maria", pull), "REQUEST_CHANGES", "All of these.", &comments);
    stage.until_answered(pull, &threads).await;
    let shown = stage.threads(pull);
    let shown: Vec<&str> = shown.split("\n----\n").collect();
    assert!(shown[..WORKED].iter().all(|thread| thread.ends_with("\nwiz[bot]: So be it.")), "{shown:?}");
    insta::assert_snapshot!(shown[WORKED..].join("\n----\n"), @r"
    greet.sh:1
    maria: Wish 50.
    wiz[bot]: I have not come to this: I work on 50 threads of one review at most. A reply here with `/wiz fix` lets me take it up.
    ----
    greet.sh:1
    maria: Wish 51.
    wiz[bot]: I have not come to this: I work on 50 threads of one review at most. A reply here with `/wiz fix` lets me take it up.
    ");
    insta::assert_snapshot!(stage.talk(pull).await, @r"
    wiz: On the review by maria:

    So be it.
    ");

    stage.person("maria").reply(stage.repo.full_name(), pull, threads[WORKED + 1], "/wiz fix").unwrap();
    let said = async || Ok(stage.threads(pull).contains("That too.").then_some(()));
    until("the last wish is answered", PATIENCE, said).await.unwrap();
    stage.until_says(issue, "is open").await;
    stage.quiet().await;
    assert_eq!((stage.commits(pull).len(), stage.runs().await), (1, 1));
    stage.clear().await;
}
