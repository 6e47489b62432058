//! The gate's levels: by the default, by each condition of a rule, by what always needs a person, and by what the change
//! turns out to be.

use super::{
    scenes::{FILES, REPAIR, coder, planner, repair, reviewer},
    stage::{CHECKED, Stage, shown},
};

const READY: &str = "The plan is ready for approval";

const RULES: &str = "budget_day: $99
gate:
  default: autonomous
  rules:
    - { name: secrets, level: human-required, labels: [Security] }
    - { level: supervised, verbs: [refactor, docs], files_over: 0 }
    - { level: supervised, paths: [greet.sh], authors: [none] }
    - { name: large, level: supervised, files_over: 2 }
    - { name: dear, level: human-required, verbs: [test], cost_over: $0.0001 }
    - { name: long, level: human-required, lines_over: 40 }
";

/// What the status comment of an issue says about its gate.
async fn gate(stage: &Stage, issue: u64) -> String {
    let body = stage.until_says(issue, READY).await.body;
    let (_, after) = body.split_once("**Gate** ").unwrap();
    let (section, _) = after.split_once("\n\nEdit this comment").unwrap();
    section.replace("\n\n", "\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn each_level_says_who_is_wanted_and_why() {
    let docs = ["README.md"];
    let mut scenes = vec![
        planner("Label", &FILES),
        coder("Label", REPAIR),
        reviewer("Label"),
        planner("Stranger", &FILES),
        planner("Many", &["a.sh", "b.sh", "tests/c.sh"]),
        planner("Moves", &["migrations/0001_names.sql"]),
        planner("Deploys", &["deploy/", ".circleci/config.yml", "SECURITY.md", "package.json"]),
        planner("Waits", &FILES),
    ];
    let mut words = planner("Words", &docs);
    words.turns[0].calls[0].input["definition_of_done"][0]["proof"] = "passes".into();
    let mut dear = planner("Dear", &["tests/greet_test.sh"]);
    dear.turns[0].calls[0].input["definition_of_done"][0]["proof"] = "passes".into();
    let mut late = planner("Sorted", &FILES);
    late.turns[0].delay_ms = 10_000;
    scenes.extend([words, dear, late]);
    let stage = Stage::set(&format!("{RULES}{CHECKED}"), scenes).await;
    let name = stage.repo.full_name();
    stage.world.hub().control().create_user("nora").unwrap();
    let strange = stage.person("nora").open_issue(name, "Stranger", "It is wrong.").unwrap();
    let label = stage.issue("Label");
    stage.person("maria").label(name, label, &["security"]).unwrap();
    let mut said = String::new();
    for (issue, command) in [
        (label, "fix"),
        (strange, "fix"),
        (stage.issue("Many"), "fix"),
        (stage.issue("Moves"), "fix"),
        (stage.issue("Deploys"), "fix"),
        (stage.issue("Words"), "docs"),
        (stage.issue("Waits"), "plan"),
    ] {
        stage.say("maria", issue, &format!("/wiz {command}"));
        let title = stage.world.hub().control().issue(name, issue).unwrap().title;
        said += &format!("{title}: {}\n", gate(&stage, issue).await);
    }
    insta::assert_snapshot!(said, @r"
    Label: `human-required`: the plan needs the approval of another person than maria
    - rule “secrets”: the label security
    Stranger: `supervised`: the plan needs one approval
    - rule 3 of the gate: the path greet.sh, the author is none
    Many: `supervised`: the plan needs one approval
    - rule “large”: 3 files are expected, over 2
    Moves: `human-required`: the plan needs the approval of another person than maria
    - migrations/0001_names.sql is a migration, which always needs a person
    Deploys: `human-required`: the plan needs the approval of another person than maria
    - deploy/ is a deployment file, which always needs a person
    - .circleci/config.yml is a CI file, which always needs a person
    - SECURITY.md is a security file, which always needs a person
    - package.json is protected by **/package.json
    Words: `supervised`: the plan needs one approval
    - rule 2 of the gate: the command is docs, 1 files are expected, over 0
    Waits: `supervised`: the plan needs one approval
    - `/wiz plan` waits for approval
    ");

    // Those who sort issues do so while the planner works.
    let sorted = stage.issue("Sorted");
    stage.say("maria", sorted, "/wiz fix");
    stage.until_briefed(sorted).await;
    stage.person("max").label(name, sorted, &["security"]).unwrap();
    assert!(gate(&stage, sorted).await.contains("rule “secrets”: the label security"));
    let dear = stage.issue("Dear");
    stage.say("maria", dear, "/wiz test");
    let quoted = gate(&stage, dear).await;
    assert!(quoted.contains("another person") && quoted.contains(r"are quoted, over \$0.0001"), "{quoted}");

    // The one who asked does not approve, in words or by a copy of them, and neither does somebody without the role.
    stage.say("maria", label, "/wiz approve");
    stage.until_answers(label, "somebody other than").await;
    stage.say("tess", label, "/wiz approve");
    stage.until_answers(label, "may not use").await;
    stage.say("max", label, "/wiz approve");
    stage.until_says(label, "is open").await;
    stage.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_grows_beyond_what_was_agreed_is_asked_about() {
    let long = format!("{REPAIR}\nfor line in $(seq 50); do echo \"# $line\" >> greet.sh; done");
    let mut scenes = repair("Plain");
    scenes.extend([planner("Grows", &FILES), coder("Grows", &long), reviewer("Grows")]);
    let stage = Stage::set(&format!("{RULES}{CHECKED}"), scenes).await;
    let (plain, grows) = (stage.issue("Plain"), stage.issue("Grows"));
    stage.say("maria", plain, "/wiz fix");
    let open = stage.until_says(plain, "is open").await.body;
    assert!(open.contains("**Gate** `autonomous`: work begins without an approval"), "{open}");

    stage.say("maria", grows, "/wiz fix");
    insta::assert_snapshot!(shown(&stage.until_says(grows, "an approval of its own").await), @r"
    ### The change needs an approval of its own

    `/wiz fix` by maria · Grows · spent <money>, cap $3.00

    The change is made, and now that it is known it needs the approval of another person than the one who asked for it:

    - rule “long”: 53 lines are expected, over 40

    About Grows.

    …

    **Next:** `/wiz approve scope` (go on with the change as it is), `/wiz reject` (end the run)

    <sub>run 2 · model `anthropic/scripted`</sub>
    ");
    stage.say("maria", grows, "/wiz approve scope");
    stage.until_answers(grows, "somebody other than").await;
    stage.say("max", grows, "/wiz reject");
    stage.until_says(grows, "The change was rejected").await;
    stage.say("max", grows, "/wiz retry");
    stage.until_says(grows, "an approval of its own").await;
    // That it was shown is stored a moment later.
    stage.quiet().await;
    stage.say("max", grows, "/wiz approve scope");
    stage.until_says(grows, "is open").await;
    stage.clear().await;
}
