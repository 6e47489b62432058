//! Kinds of work beside mending: what each may change, and what counts as its proof.

use super::{
    scenes::{REPAIR, coder, planner_of, reviewer},
    stage::{CHECKED, Stage, shown},
};

const GREEN: (&str, &str, &str) = ("the greeting is tested", "sh tests/greet_test.sh", "passes");
const RED: (&str, &str, &str) = ("the greeting is tested", "sh tests/greet_test.sh", "fails_then_passes");
const ALWAYS: (&str, &str, &str) = ("the greeting is tested", "sh tests/greet_test.sh", "passes_throughout");

/// A planner whose first plan is sent back with these words.
fn corrected(
    title: &str,
    first: (&[&str], &[(&str, &str, &str)]),
    said: &str,
    files: &[&str],
    proof: (&str, &str, &str),
) -> scripted_model::Scene {
    let mut scene = planner_of(title, first.0, first.1);
    let mut second = planner_of(title, files, &[proof]).turns.remove(0);
    second.expects = vec![said.to_owned()];
    scene.turns.push(second);
    scene
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_work_has_its_own_files_and_its_own_proof() {
    let tests = ["tests/greet_test.sh"];
    let both = ["greet.sh", "tests/greet_test.sh"];
    let scenes = vec![
        corrected("Say it", (&["greet.sh"], &[GREEN]), "changes only documentation files", &["README.md"], GREEN),
        coder("Say it", "echo 'It greets.' >> README.md"),
        reviewer("Say it"),
        corrected("Greet all", (&both, &[GREEN]), "needs a criterion with proof fails_then_passes", &both, RED),
        coder("Greet all", REPAIR),
        reviewer("Greet all"),
        corrected(
            "Tidy up",
            (&["greet.sh"], &[RED]),
            "needs a criterion with proof passes_throughout",
            &["greet.sh"],
            ALWAYS,
        ),
        coder("Tidy up", "echo 'printf \"Hello, %s\\n\" \"$1\"' > greet.sh"),
        reviewer("Tidy up"),
        corrected("Test more", (&tests, &[RED]), "describe the behaviour as it is", &tests, GREEN),
        coder("Test more", "echo 'true' >> tests/greet_test.sh; echo 'true' >> greet.sh"),
    ];
    let stage = Stage::set(&format!("gate: autonomous\n{CHECKED}"), scenes).await;
    let name = stage.repo.full_name();
    stage.person("maria").write_file(name, "next", ("NEXT.md", "# Next\n"), "Begin the next version").unwrap();
    let [docs, feature, refactor, test] =
        ["Say it", "Greet all", "Tidy up", "Test more"].map(|title| stage.issue(title));
    stage.say("maria", docs, "/wiz docs --base next --draft");
    stage.quiet().await;
    stage.say("maria", feature, "/wiz feature --plan auto");
    stage.quiet().await;
    stage.say("maria", refactor, "/wiz refactor --plan ask");
    stage.quiet().await;
    stage.say("maria", test, "/wiz test");
    stage.until_says(refactor, "is ready for approval").await;
    stage.say("maria", refactor, "/wiz approve");
    for issue in [docs, feature, refactor] {
        stage.until_says(issue, "is open").await;
    }
    insta::assert_snapshot!(shown(&stage.until_says(test, "### Failed").await), @r"
    ### Failed

    `/wiz test` by maria · Test more · spent <money>, cap $3.00

    The change cannot be published:
    - greet.sh is not in the approved plan
    - greet.sh: `/wiz test` changes only test files

    `/wiz retry` tries again, `/wiz revise …` changes the plan.

    About Test more.

    …

    **Next:** `/wiz retry` (try again), `/wiz fix …` (start over, with other words)

    <sub>run 4 · model `anthropic/scripted`</sub>
    ");

    let pulls = stage.world.hub().control().pull_requests(name).unwrap();
    let opened = |title: &str| {
        let found = pulls.iter().find(|pull| pull.title == title).unwrap();
        let pull = found.pull.as_ref().unwrap();
        (pull.base_ref.clone(), pull.draft)
    };
    assert_eq!(opened("Say it"), ("next".to_owned(), true));
    assert_eq!(opened("Greet all"), ("main".to_owned(), false));
    let proof = stage.repo.pulls().unwrap().into_iter().find(|pull| pull.title == "Tidy up").unwrap().body;
    assert!(proof.contains("| 🟢 passed, "), "{proof}");
    stage.say("maria", refactor, "/wiz fix --base nowhere");
    stage.until_answers(refactor, "already at work").await;
    let nowhere = stage.issue("From nowhere");
    stage.say("maria", nowhere, "/wiz fix --base nowhere");
    stage.until_says(nowhere, "There is no branch `nowhere` here").await;
    stage.say("maria", nowhere, "/wiz allow example.com");
    stage.until_answers(nowhere, "Boxes have no network").await;
    stage.clear().await;
}
