//! A review whose work uses up the budget: what it has so far is shown in a draft into the pull request's branch, which
//! itself holds only what was proven.

use github_stand_in::{
    control::MergeMethod,
    faults::{Fault, FaultKind},
    store::{Conclusion, Issue, IssueState, Rule},
};
use scripted_model::{Scene, Turn};
use wiz_demo::until;

use super::{AUTONOMOUS, PATIENCE, bash, reviewed, submit};
use crate::{
    checks::workflow,
    orders::{
        scenes::repair,
        stage::{Stage, shown},
    },
    support::redact::redact,
};

/// Half of what a review asks for, as far as the money reaches, and the other half.
const FIRST: &str = r#"echo 'echo "Good morning, ${1:-you}"' > greet.sh"#;
const REST: &str = r##"
echo '# It said Hello once.' >> greet.sh
echo 'test "$(sh greet.sh Ann)" = "Good morning, Ann" && test "$(sh greet.sh)" = "Good morning, you"' > tests/greet_test.sh
sh tests/greet_test.sh
"##;

/// A turn that costs more than a run has that was asked for with [`LITTLE`].
fn dear(script: &str) -> Turn {
    Turn { text: "I think. ".repeat(8_000), ..bash(script) }
}

const LITTLE: &str = "/wiz fix --max $0.20";

/// What the coder does about a review that begins with these words.
fn half_done(words: &str, first: &str, rest: &str) -> Scene {
    let done = submit(&[], &[("T1", "changed", "It is friendlier."), ("T2", "answered", "Thank you.")]);
    reviewed(&[words], vec![dear(first), bash(rest), done])
}

/// A stage on which wiz has an open pull request and little money left.
async fn with_little(scenes: Vec<Scene>) -> (Stage, u64, u64) {
    let stage = Stage::set(AUTONOMOUS, scenes.into_iter().chain(repair("Greet nobody")).collect()).await;
    // On what is half done, CI fails.
    let rule = Rule::FailsWhileFileLacks { path: "greet.sh".to_owned(), text: "Hello".to_owned() };
    stage.world.hub().control().script_workflow(stage.repo.full_name(), &workflow(rule, "error: rude")).unwrap();
    let issue = stage.issue("Greet nobody as well");
    stage.say("maria", issue, LITTLE);
    stage.until_says(issue, "is open").await;
    let pull = stage.repo.pulls().unwrap().pop().unwrap().number;
    (stage, issue, pull)
}

fn issue(stage: &Stage, number: u64) -> Issue {
    stage.world.hub().control().issue(stage.repo.full_name(), number).unwrap()
}

fn branches(stage: &Stage) -> String {
    stage.repo.git(&["branch", "--format=%(refname:short)"]).unwrap()
}

/// Waits until a pull request is closed.
async fn until_closed(stage: &Stage, number: u64) {
    let closed = async || Ok((issue(stage, number).state == IssueState::Closed).then_some(()));
    until("the draft is closed", PATIENCE, closed).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_review_came_to_when_the_money_was_used_up_is_a_draft_until_it_is_done() {
    let scenes = vec![
        half_done("Good morning, please", FIRST, REST),
        half_done("Good evening, please", "sed -i s/morning/evening/ greet.sh", "true"),
    ];
    let (stage, number, pull) = with_little(scenes).await;
    let before = stage.repo.pull_request(pull).unwrap();
    // GitHub refuses the draft, and has made it all the same.
    let refused = Fault {
        method: Some("POST".to_owned()),
        path: "/repos/*/pulls".to_owned(),
        kind: FaultKind::AfterWork { status: 403 },
        times: 1,
    };
    stage.world.hub().control().add_fault(refused);
    let (_, threads) =
        stage.review(("maria", pull), "REQUEST_CHANGES", "Nearly.", &[("greet.sh", 1, "Good morning, please.")]);
    let paused = stage.until_says(number, "[#3]").await;
    insta::assert_snapshot!(shown(&paused), @r"
    ### Paused: the budget is used up

    `/wiz fix` by maria · Greet nobody as well · spent <money>, cap $0.20

    The run has spent its budget of \$0.20. What it has done so far is in the draft pull request below, unfinished and unproven, and it goes on from there.

    **Pull request:** [#2](http://github/octo/greeter/pull/2)

    **Unfinished work:** [#3](http://github/octo/greeter/pull/3) as a draft

    About Greet nobody.

    …

    **Next:** `/wiz budget +$2` (go on with more), `/wiz cancel` (end the run)

    <sub>run 1 · model `anthropic/scripted` · branch `wiz/run-1-greet-nobody-as-well`</sub>
    ");
    let draft = issue(&stage, 3);
    let text = redact(draft.body.as_deref().unwrap());
    insta::assert_snapshot!(format!("{}\n----\n{text}", draft.title), @r"
    Unfinished: Follow the review by maria
    ----
    > [!WARNING]
    > **Unfinished and unproven.** The budget of a run was used up before its further work on #2 was done. Here is what it had so far, on top of #2; nothing of it was proven and reviewed to the end.
    >
    > #1 shows how it stands; while it rests, `/wiz budget +$2` there lets it go on from here. What comes of it is committed to #2, and this is closed then.

    ## Where this comes from

    | | |
    | --- | --- |
    | cost | spent <money>, cap $0.20 |
    | run | 1 |
    | asked for by | maria |
    | plan | `<hash>` |
    | made on | `<hash>` |
    | model | `anthropic/scripted` |

    wiz does not merge: that is yours.
    ");
    let shown_in = draft.pull.unwrap();
    assert_eq!(
        (shown_in.draft, &shown_in.base_ref, &shown_in.head_ref[..]),
        (true, &before.head_ref, "wiz/run-1-unfinished_1")
    );
    let range = format!("{}..{}", before.head_sha, shown_in.head_sha);
    insta::assert_snapshot!(stage.repo.git(&["log", "--format=%s%n%n%b", &range]).unwrap().trim(), @r"
    Unfinished: Follow the review by maria

    The run used up its budget before its work was done. Nothing of this is
    proven.

    Wiz-Run: 1
    ");
    assert_eq!(stage.repo.pull_request(pull).unwrap().head_sha, before.head_sha, "that holds only what was proven");
    let ci_of_draft = async || {
        let runs = stage.world.hub().control().workflow_runs(stage.repo.full_name())?;
        let run = runs.iter().find(|run| run.head_sha == shown_in.head_sha);
        Ok(run.and_then(|run| run.latest()).and_then(|attempt| attempt.conclusion))
    };
    assert_eq!(until("CI of the draft has ended", PATIENCE, ci_of_draft).await.unwrap(), Conclusion::Failure);
    stage.quiet().await;
    assert_eq!(stage.repo.pulls().unwrap().len(), 2, "what fails there is what is yet to be done");

    // Orders reach the run from the draft as well, and work is asked for where it is committed.
    stage.say("maria", 3, "/wiz fix it here");
    let said = stage.until_answers(3, "only shows").await;
    insta::assert_snapshot!(shown(&said), @"#3 only shows unfinished work on #2. Say what more there is to do in #2.");
    stage.say("maria", 3, "/wiz budget +$0.40");
    stage.until_answered(pull, &threads).await;
    stage.until_says(number, "is open").await;
    until_closed(&stage, 3).await;
    stage.quiet().await;
    assert_eq!(branches(&stage), format!("main\n{}", before.head_ref));
    assert_eq!(stage.commits(pull), ["Greet nobody as well", "Follow the review by maria"]);
    assert!(stage.on_head(pull, "tests/greet_test.sh").contains("Good morning"));

    // What somebody has taken up is left to them.
    stage.review(("maria", pull), "REQUEST_CHANGES", "Well.", &[("greet.sh", 1, "Good evening, please.")]);
    stage.until_says(number, "[#4]").await;
    let name = stage.repo.full_name();
    let branch = issue(&stage, 4).pull.unwrap().head_ref;
    stage.person("wim").write_file(name, &branch, ("notes.txt", "mine\n"), "Notes").unwrap();
    stage.person("maria").merge(name, pull, MergeMethod::Merge).unwrap();
    stage.until_says(number, "### Done").await;
    stage.quiet().await;
    assert_eq!(issue(&stage, 4).state, IssueState::Open);
    assert!(branches(&stage).contains(&branch), "{}", branches(&stage));
    for number in [pull, 3, 4] {
        stage.talk(number).await;
    }
    stage.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_of_further_work_goes_with_its_run() {
    let mut scene = half_done("Good morning, please", FIRST, REST);
    scene.turns.insert(1, dear("echo '# It said Hello once.' >> greet.sh"));
    let (stage, number, pull) = with_little(vec![scene]).await;
    stage.review(("maria", pull), "REQUEST_CHANGES", "Nearly.", &[("greet.sh", 1, "Good morning, please.")]);
    stage.until_says(number, "[#3]").await;
    stage.quiet().await;
    // The money is used up once more, and the draft holds what is done by then.
    stage.say("maria", number, "/wiz budget +$0.30");
    let grown = async || {
        let [from, to] = [pull, 3].map(|number| stage.repo.pull_request(number).unwrap().head_sha);
        let commits = stage.repo.git(&["rev-list", "--count", &format!("{from}..{to}")])?;
        Ok((commits.trim() == "2").then_some(to))
    };
    let head = until("the draft has another commit", PATIENCE, grown).await.unwrap();
    assert!(stage.repo.git(&["show", &format!("{head}:greet.sh")]).unwrap().contains("once"));
    stage.until_says(number, "### Paused").await;
    stage.quiet().await;
    stage.say("maria", number, "/wiz undo");
    let said = stage.until_answers(number, "### Taken back").await;
    insta::assert_snapshot!(shown(&said), @r"
    ### Taken back

    Of run 1 I have

    - closed #2
    - closed #3
    - deleted the branch `wiz/run-1-greet-nobody-as-well`
    - deleted the branch `wiz/run-1-unfinished_1`
    - removed 1 comment
    - removed 3 reactions

    What stays:

    - 1 check run, neutral now: nobody can delete one

    Mails and notifications are with people already. `/wiz fix` on an issue starts over.
    ");
    assert_eq!([pull, 3].map(|number| issue(&stage, number).state), [IssueState::Closed; 2]);
    assert_eq!(branches(&stage), "main");
    stage.quiet().await;
    for number in [pull, 3] {
        stage.talk(number).await;
    }
    stage.clear().await;
}
