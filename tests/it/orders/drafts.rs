//! A run whose budget is used up in the middle of its work: what it has so far is shown as a draft, and finished later.

use github_stand_in::{
    control::MergeMethod,
    faults::{Fault, FaultKind},
    store::{Conclusion, Issue, IssueState, Rule},
};
use scripted_model::{Call, Scene, Turn};
use serde_json::json;
use wiz_demo::until;

use super::{
    scenes::{FILES, coder, planner, reviewer},
    stage::{CHECKED, PATIENCE, Stage, shown},
};
use crate::{
    checks::{follow_up, stood, workflow},
    crash::{cut, until_unanswered, withhold},
    support::redact::redact,
};

/// Half of the repair, as far as the money reaches, and the other half.
const FIRST: &str = r#"echo 'echo "Hello, ${1:-you}"' > greet.sh"#;
const REST: &str = r#"echo 'test "$(sh greet.sh)" = "Hello, you"' >> tests/greet_test.sh; sh tests/greet_test.sh"#;

/// A coder whose first turn costs more than a run may spend that was asked for with [`LITTLE`].
fn dear(title: &str, first: &str, rest: &str) -> Scene {
    let mut coder = coder(title, rest);
    let call = Call { tool: "bash".to_owned(), input: json!({ "command": first }) };
    let text = "I think. ".repeat(8_000);
    coder.turns.insert(0, Turn { expects: vec![], text, calls: vec![call], delay_ms: 0, cut: false });
    coder
}

const LITTLE: &str = "/wiz fix --max $0.20";

/// Pull requests as people see them.
fn pull(stage: &Stage, number: u64) -> Issue {
    stage.world.hub().control().issue(stage.repo.full_name(), number).unwrap()
}

fn break_once(stage: &Stage, path: &str, kind: FaultKind) {
    let fault = Fault { method: Some("POST".to_owned()), path: path.to_owned(), kind, times: 1 };
    stage.world.hub().control().add_fault(fault);
}

/// The draft that an issue's run opened.
async fn draft_of(stage: &Stage, issue: u64) -> u64 {
    let opened = async || {
        let pulls = stage.world.hub().control().pull_requests(stage.repo.full_name())?;
        let body = format!("For #{issue}: ");
        Ok(pulls.into_iter().find(|pull| pull.body.as_deref().unwrap_or_default().contains(&body)))
    };
    until("there is a draft", PATIENCE, opened).await.unwrap().number
}

async fn until_pull(stage: &Stage, number: u64, wanted: &str) -> Issue {
    let found = async || {
        let pull = pull(stage, number);
        Ok(pull.body.as_deref().unwrap_or_default().contains(wanted).then_some(pull))
    };
    until(&format!("the pull request says {wanted:?}"), PATIENCE, found).await.unwrap()
}

fn subjects(stage: &Stage, number: u64) -> Vec<String> {
    let head = pull(stage, number).pull.unwrap().head_sha;
    let subjects = stage.repo.git(&["log", "--reverse", "--format=%s", &format!("main..{head}")]).unwrap();
    subjects.lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_when_the_money_was_used_up_is_a_draft_until_it_is_proven() {
    let scenes = vec![
        planner("Half done", &FILES),
        dear("Half done", FIRST, REST),
        reviewer("Half done"),
        planner("Given up", &FILES),
        dear("Given up", FIRST, REST),
        reviewer("Given up"),
    ];
    let stage = Stage::set(&format!("gate: autonomous\n{CHECKED}"), scenes).await;
    let name = stage.repo.full_name().to_owned();
    // What GitHub did and did not say is found again.
    for path in ["/repos/*/git/refs", "/repos/*/pulls"] {
        break_once(&stage, path, FaultKind::AfterWork { status: 502 });
    }
    let (half, up) = (stage.issue("Half done, @octo closes #1"), stage.issue("Given up"));
    stage.say("maria", half, LITTLE);
    let paused = stage.until_says(half, "in the draft").await;
    insta::assert_snapshot!(shown(&paused).replace('\u{200b}', "␣"), @r"
    ### Paused: the budget is used up

    `/wiz fix` by maria · Half done, @␣octo closes #␣1 · spent <money>, cap $0.20

    The run has spent its budget of \$0.20. What it has done so far is in the draft pull request below, unfinished and unproven, and it goes on from there.

    **Pull request:** [#3](http://github/octo/greeter/pull/3) as a draft

    About Half done.

    …

    **Next:** `/wiz budget +$2` (go on with more), `/wiz cancel` (end the run)

    <sub>run 1 · model `anthropic/scripted` · branch `wiz/run-1-half-done-octo-closes-1`</sub>
    ");
    let number = draft_of(&stage, half).await;
    let draft = pull(&stage, number);
    let text = draft.body.clone().unwrap();
    let text = redact(text.rsplit_once("\n\n<!-- wiz:run=").unwrap().0);
    insta::assert_snapshot!(format!("{}\n----\n{text}", draft.title).replace('\u{200b}', "␣"), @r"
    Unfinished: Half done, @␣octo closes #␣1
    ----
    > [!WARNING]
    > **Unfinished and unproven.** The budget of this run was used up before its work was done. Here is what it had so far; nothing of it was proven and reviewed to the end.
    >
    > `/wiz budget +$2` in #1 lets it go on from here. Once it is done and proven, this becomes ready for review.

    About Half done.

    For #1: Half done, @␣octo closes #␣1

    ## Plan

    - [ ] **fix** Mend it

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
    assert!(draft.pull.as_ref().unwrap().draft);
    assert_eq!(subjects(&stage, number).len(), 1);
    let shown = async || Ok((stood(&stage, &draft.pull.as_ref().unwrap().head_sha) == "action_required").then_some(()));
    until("the draft's check asks for somebody", PATIENCE, shown).await.unwrap();

    // What is asked for meanwhile waits, and nobody without the role lets it go on.
    stage.say("tess", number, "/wiz budget +$2");
    stage.until_answers(number, "may not use").await;
    stage.say("maria", number, "/wiz budget +$2");
    stage.until_state(half, "working").await;
    break_once(&stage, "/graphql", FaultKind::AfterWork { status: 502 });
    let open = stage.until_says(half, "is open").await;
    assert!(!open.body.contains("draft"), "{}", open.body);
    let done = until_pull(&stage, number, "## Proof").await;
    assert_eq!(
        (done.title.as_str(), done.pull.as_ref().unwrap().draft),
        ("Half done, @\u{200b}octo closes #\u{200b}1", false)
    );
    assert!(done.body.unwrap().contains(&format!("Fixes #{half}")));
    let subjects_of = |number| subjects(&stage, number).join("\n");
    insta::assert_snapshot!(subjects_of(number).replace('\u{200b}', "␣"), @r"
    Unfinished: Half done, @␣octo closes #␣1
    Half done, @␣octo closes #␣1
    ");
    let (_, other) = stage.journal().await;
    assert_eq!(other, Vec::<String>::new(), "what the journal has no name for");

    // A draft whose run is given up says so, stays one, and can be taken up again while it is open.
    stage.say("maria", up, LITTLE);
    stage.until_says(up, "in the draft").await;
    let given = draft_of(&stage, up).await;
    stage.say("maria", up, "/wiz cancel");
    let left = until_pull(&stage, given, "was cancelled").await.pull.unwrap();
    assert!(left.draft);
    stage.person("maria").close(&name, given).unwrap();
    stage.quiet().await;
    stage.say("maria", up, "/wiz retry");
    stage.until_answers(up, "does not fit now").await;
    stage.say("maria", given, "/wiz fix it some more");
    stage.quiet().await;
    let said = stage.talk(given).await;
    assert!(said.contains("This pull request is closed"), "{said}");
    assert!(pull(&stage, given).closed_at.is_some());
    stage.person("maria").reopen(&name, given).unwrap();
    stage.quiet().await;
    stage.say("maria", up, "/wiz retry");
    stage.until_says(up, "### Paused").await;
    stage.say("maria", up, "/wiz budget +$2");
    stage.until_says(up, "is open").await;
    assert!(!until_pull(&stage, given, "## Proof").await.pull.unwrap().draft);
    assert_eq!(subjects(&stage, given), ["Unfinished: Given up", "Given up"]);
    stage.quiet().await;
    let stood = stood(&stage, &left.head_sha);
    assert!(stood.starts_with("action_required, cancelled, "), "{stood}");
    assert!(stood.ends_with("action_required, in_progress, neutral"), "{stood}");
    assert_eq!(stage.repo.pulls().unwrap().len(), 2);
    for number in [half, up, number] {
        stage.talk(number).await;
    }
    stage.clear().await;
}

/// CI fails on a draft, which is left to its run. That finds nothing more to do, so what has failed is mended then.
#[tokio::test(flavor = "multi_thread")]
async fn what_failed_on_a_draft_is_mended_once_it_is_finished() {
    let scenes = vec![
        planner("All of it", &FILES),
        dear("All of it", &format!("{FIRST}; {REST}"), "sh tests/greet_test.sh"),
        reviewer("All of it"),
        follow_up("All of it", "follow-up-1", "error: not linted", "echo '# linted' >> greet.sh"),
    ];
    let stage = Stage::set(&format!("gate: autonomous\n{CHECKED}"), scenes).await;
    let rule = Rule::FailsWhileFileLacks { path: "greet.sh".to_owned(), text: "# linted".to_owned() };
    let control = stage.world.hub().control();
    control.script_workflow(stage.repo.full_name(), &workflow(rule, "error: not linted")).unwrap();
    let issue = stage.issue("All of it");
    stage.say("maria", issue, LITTLE);
    stage.until_says(issue, "in the draft").await;
    let number = draft_of(&stage, issue).await;
    let ci_of_draft = async || {
        let runs = control.workflow_runs(stage.repo.full_name())?;
        Ok(runs.first().and_then(|run| run.latest()).and_then(|attempt| attempt.conclusion))
    };
    assert_eq!(until("CI of the draft has ended", PATIENCE, ci_of_draft).await.unwrap(), Conclusion::Failure);
    stage.quiet().await;
    assert_eq!(subjects(&stage, number).len(), 1, "that is the draft's own to mend");

    stage.say("maria", number, "/wiz budget +$2");
    stage.until_followed_up(issue, 1).await;
    insta::assert_snapshot!(subjects(&stage, number).join("\n"), @r"
    Unfinished: All of it
    Mend the failing check lint
    ");
    assert!(!pull(&stage, number).pull.unwrap().draft);
    stage.until_says(issue, "is open").await;
    stage.talk(number).await;
    stage.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_published_becomes_no_draft() {
    let key = format!("AKIA{}", "IOSFODNN7EXAMPLF");
    let leaks = format!("{FIRST}; echo 'key={key}' >> tests/greet_test.sh");
    let strays = format!("{FIRST}; echo more >> README.md");
    let scenes = vec![
        planner("A secret", &FILES),
        dear("A secret", &leaks, REST),
        planner("Astray", &FILES),
        dear("Astray", &strays, REST),
        planner("Taken over", &FILES),
        dear("Taken over", FIRST, REST),
        reviewer("Taken over"),
    ];
    let stage = Stage::set(&format!("gate: autonomous\n{CHECKED}"), scenes).await;
    let name = stage.repo.full_name().to_owned();
    let [secret, astray, taken] = ["A secret", "Astray", "Taken over"].map(|title| stage.issue(title));
    let mut said = Vec::new();
    for issue in [secret, astray] {
        stage.say("maria", issue, LITTLE);
        said.push(shown(&stage.until_says(issue, "no draft shows it").await));
    }
    insta::assert_snapshot!(said.join("\n----\n"), @r"
    ### Paused: the budget is used up

    `/wiz fix` by maria · A secret · spent <money>, cap $0.20

    The run has spent its budget of \$0.20. What it has done and said is kept, and it goes on from there, but no draft shows it. The change cannot be published:
    - tests/greet_test.sh: this looks like an AWS access key

    About A secret.

    …

    **Next:** `/wiz budget +$2` (go on with more), `/wiz cancel` (end the run)

    <sub>run 1 · model `anthropic/scripted`</sub>
    ----
    ### Paused: the budget is used up

    `/wiz fix` by maria · Astray · spent <money>, cap $0.20

    The run has spent its budget of \$0.20. What it has done and said is kept, and it goes on from there, but no draft shows it. It touches files that the approved plan does not name:

    - `README.md`

    About Astray.

    …

    **Next:** `/wiz budget +$2` (go on with more), `/wiz cancel` (end the run)

    <sub>run 2 · model `anthropic/scripted`</sub>
    ");
    let branches = stage.repo.git(&["branch", "--list", "--format=%(refname:short)"]).unwrap();
    assert!(!branches.contains("a-secret") && !branches.contains("astray"), "{branches}");

    // Somebody else's commit on the branch is theirs.
    stage.say("maria", taken, LITTLE);
    stage.until_says(taken, "in the draft").await;
    let draft = draft_of(&stage, taken).await;
    let branch = stage.repo.pull_request(draft).unwrap().head_ref;
    let head = stage.person("wim").write_file(&name, &branch, ("greet.sh", "echo Mine\n"), "Mine").unwrap();
    stage.say("maria", taken, "/wiz budget +$2");
    insta::assert_snapshot!(shown(&stage.until_says(taken, "Somebody else has written").await), @r"
    ### Failed

    `/wiz fix` by maria · Taken over · spent <money>, cap $2.20

    Somebody else has written to the branch of the draft #4, and wiz does not write over that. Take those commits off the branch and `/wiz retry`, or close the draft and start over with `/wiz fix`.

    **Pull request:** [#4](http://github/octo/greeter/pull/4) as a draft

    About Taken over.

    …

    **Next:** `/wiz retry` (try again), `/wiz fix …` (start over, with other words)

    <sub>run 3 · model `anthropic/scripted` · branch `wiz/run-3-taken-over`</sub>
    ");
    let left = until_pull(&stage, draft, "The run has failed").await.pull.unwrap();
    assert_eq!((left.head_sha, left.draft), (head, true));
    for issue in [secret, astray] {
        stage.say("maria", issue, "/wiz cancel");
        stage.until_says(issue, "Cancelled").await;
    }
    for number in [secret, astray, taken, draft] {
        stage.talk(number).await;
    }
    stage.clear().await;
}

/// GitHub refuses the pull request after wiz has made its branch, or makes it and refuses all the same; and where there are
/// no drafts, the branch goes.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_draft_has_left_that_its_run_never_heard_of_becomes_the_pull_request() {
    let titles = ["Refused", "Made and refused", "No drafts"];
    let scenes = titles.map(|title| [planner(title, &FILES), dear(title, FIRST, REST), reviewer(title)]).concat();
    let twice = dear("Twice", FIRST, REST);
    let more = dear("Twice", "echo 'greets politely' >> greet.sh", REST).turns.remove(0);
    let twice =
        Scene { turns: [twice.turns[0].clone(), more].into_iter().chain(twice.turns[1..].to_vec()).collect(), ..twice };
    let ended = ["Closed", "Merged"];
    let ended = ended.map(|title| [planner(title, &FILES), dear(title, FIRST, REST), reviewer(title)]).concat();
    let scenes = [scenes, vec![planner("Twice", &FILES), twice], ended].concat();
    let stage = Stage::set(&format!("gate: autonomous\n{CHECKED}"), scenes).await;
    let [refused, made, none] = titles.map(|title| stage.issue(title));
    let kinds =
        [FaultKind::Status { status: 403 }, FaultKind::AfterWork { status: 403 }, FaultKind::Status { status: 422 }];
    let whys = ["GitHub refused a step", "GitHub refused a step", "makes no draft"];
    for ((issue, kind), why) in [refused, made, none].into_iter().zip(kinds).zip(whys) {
        break_once(&stage, "/repos/*/pulls", kind);
        stage.say("maria", issue, LITTLE);
        stage.until_says(issue, why).await;
    }
    let branches = stage.repo.git(&["branch", "--list", "--format=%(refname:short)"]).unwrap();
    let branches: Vec<&str> = branches.lines().filter(|name| name.starts_with("wiz/")).collect();
    assert_eq!(branches, ["wiz/run-1-refused", "wiz/run-2-made-and-refused"]);
    assert_eq!(stage.repo.pulls().unwrap().len(), 1);
    for issue in [refused, made, none] {
        stage.say("maria", issue, "/wiz budget +$2");
        stage.until_says(issue, "is open").await;
    }
    let mut ended: Vec<(String, bool, Vec<String>)> = Vec::new();
    for issue in stage.world.hub().control().pull_requests(stage.repo.full_name()).unwrap() {
        ended.push((issue.title.clone(), issue.pull.as_ref().unwrap().draft, subjects(&stage, issue.number)));
        stage.talk(issue.number).await;
    }
    ended.sort();
    let finished = |title: &str| vec![format!("Unfinished: {title}"), title.to_owned()];
    let expected = [
        (titles[1].to_owned(), false, finished(titles[1])),
        (titles[2].to_owned(), false, vec![titles[2].to_owned()]),
        (titles[0].to_owned(), false, finished(titles[0])),
    ];
    assert_eq!(ended, expected);

    // Refused, and then more was done before the money was used up once more.
    let again = stage.issue("Twice");
    break_once(&stage, "/repos/*/pulls", FaultKind::Status { status: 403 });
    stage.say("maria", again, LITTLE);
    stage.until_says(again, "GitHub refused a step").await;
    stage.say("maria", again, "/wiz budget +$0.40");
    stage.until_says(again, "in the draft").await;
    let draft = draft_of(&stage, again).await;
    assert_eq!(subjects(&stage, draft), ["Unfinished: Twice", "Unfinished: Twice"]);
    stage.say("maria", again, "/wiz cancel");
    stage.until_says(again, "Cancelled").await;
    ended_unheard(&stage).await;
    for number in [refused, made, none, again, draft] {
        stage.talk(number).await;
    }
    stage.clear().await;
}

/// What a person has closed meanwhile is not opened again, and what is merged takes no more.
async fn ended_unheard(stage: &Stage) {
    let (maria, name) = (stage.person("maria"), stage.repo.full_name());
    for title in ["Closed", "Merged"] {
        let issue = stage.issue(title);
        break_once(stage, "/repos/*/pulls", FaultKind::AfterWork { status: 403 });
        stage.say("maria", issue, LITTLE);
        stage.until_says(issue, "GitHub refused a step").await;
        let draft = draft_of(stage, issue).await;
        let told = if title == "Closed" {
            maria.close(name, draft).unwrap();
            format!("The pull request #{draft} of this run is closed")
        } else {
            let node = maria.request("GET", &format!("/repos/{name}/pulls/{draft}"), &json!(null)).unwrap();
            let ready = "mutation($id: ID!) { markPullRequestReadyForReview(input: {pullRequestId: $id}) { pullRequest { id } } }";
            let ready = json!({ "query": ready, "variables": { "id": node["node_id"] } });
            maria.request("POST", "/graphql", &ready).unwrap();
            maria.merge(name, draft, MergeMethod::Merge).unwrap();
            format!("The draft #{draft} was merged before it was finished")
        };
        stage.say("maria", issue, "/wiz budget +$2");
        let said = stage.until_says(issue, &told).await;
        assert!(said.body.contains("### Failed"), "{}", said.body);
        for number in [issue, draft] {
            stage.talk(number).await;
        }
    }
}

/// The process is killed behind each write of a draft and of its end, before it hears what came of it.
#[tokio::test(flavor = "multi_thread")]
async fn a_draft_outlives_every_cut() {
    let mut scenes = vec![planner("Cut", &FILES), dear("Cut", FIRST, REST), reviewer("Cut")];
    scenes.extend([planner("Taken", &FILES), dear("Taken", FIRST, REST)]);
    let mut stage = Stage::set(&format!("gate: autonomous\n{CHECKED}"), scenes).await;
    let issue = stage.issue("Cut");
    let drafting = [("POST", "/repos/*/git/refs"), ("POST", "/repos/*/pulls")];
    let finishing = [("PATCH", "/repos/*/git/refs/*"), ("PATCH", "/repos/*/pulls/*")];
    for (order, writes, state) in [(LITTLE, drafting, "in the draft"), ("/wiz budget +$2", finishing, "is open")] {
        for write in writes {
            withhold(&stage.world, write);
        }
        stage.say("maria", issue, order);
        for left in (0..writes.len()).rev() {
            until_unanswered(&stage.world, left).await;
            // The engine may be slow to take boxes down, and a job whose process was lost three times is given up.
            let store = stage.world.store().await.unwrap();
            let halted = async || Ok((!store.due_jobs().await?.iter().any(|kind| kind == "halt")).then_some(()));
            until("the boxes are taken down", PATIENCE, halted).await.unwrap();
            cut(&mut stage.world).await;
        }
        stage.until_says(issue, state).await;
    }
    let draft = stage.repo.pulls().unwrap()[0].number;
    assert!(!until_pull(&stage, draft, "## Proof").await.pull.unwrap().draft);
    assert_eq!(subjects(&stage, draft), ["Unfinished: Cut", "Cut"]);
    assert_eq!(stage.repo.pulls().unwrap().len(), 1);
    for number in [issue, draft] {
        stage.talk(number).await;
    }
    taken_back_under_way(&stage).await;
    stage.clear().await;
}

/// A draft that is just being published is waited for, so that it does not appear behind the back of who wants it gone.
async fn taken_back_under_way(stage: &Stage) {
    let before = stage.repo.pulls().unwrap().len();
    break_once(stage, "/repos/*/git/commits", FaultKind::Late { ms: 2_500 });
    let issue = stage.issue("Taken");
    stage.say("maria", issue, LITTLE);
    until_unanswered(&stage.world, 0).await;
    stage.say("maria", issue, "/wiz undo");
    let said = stage.until_answers(issue, "### Taken back").await.body;
    stage.quiet().await;
    assert!(said.contains("- closed #"), "{said}");
    assert!(!stage.repo.git(&["branch", "--list", "wiz/run-2*"]).unwrap().contains("taken"));
    let pulls = stage.world.hub().control().pull_requests(stage.repo.full_name()).unwrap();
    assert_eq!(pulls.len(), before + 1);
    assert_eq!(pulls.last().unwrap().state, IssueState::Closed);
}
