//! Checks that fail on the default branch: nothing without the policy's word; with it an issue, a run and a pull request,
//! and no end of them when it does not help.

use github_stand_in::{
    control::{MergeMethod, NewWorkflow},
    faults::{Fault, FaultKind},
    store::{Conclusion, JobScript, Rule},
};
use wiz_demo::until;

use super::{PATIENCE, workflow};
use crate::orders::{
    scenes::{FILES, coder, planner, reviewer},
    stage::{CHECKED, NO_SUCH_MODEL, Stage, shown},
};

/// As the issue is called.
const TITLE: &str = "Checks fail on main: lint";

/// A repair that CI likes, with its test.
const LINTED: &str = r#"
echo 'echo "Hello, ${1:-you}" # linted' > greet.sh
echo 'test "$(sh greet.sh)" = "Hello, you"' >> tests/greet_test.sh
"#;

fn lint(stage: &Stage, rule: Rule, log: &str) {
    let new: NewWorkflow = workflow(rule, log);
    stage.world.hub().control().script_workflow(stage.repo.full_name(), &new).unwrap();
}

fn push(stage: &Stage, (path, text): (&str, &str)) {
    stage.person("wim").write_file(stage.repo.full_name(), "main", (path, text), "By hand").unwrap();
}

/// The issue that wiz opens, after so many others of the repository.
async fn issue_of_wiz(stage: &Stage, before: u64) -> u64 {
    let found = until("wiz opens an issue", PATIENCE, async || {
        let repository = stage.world.hub().control().repository(stage.repo.full_name())?;
        let issues = repository.issues.values().filter(|issue| issue.pull.is_none() && issue.number > before);
        Ok(issues.map(|issue| issue.number).next())
    });
    found.await.unwrap()
}

fn issues(stage: &Stage) -> usize {
    let repository = stage.world.hub().control().repository(stage.repo.full_name()).unwrap();
    repository.issues.values().filter(|issue| issue.pull.is_none()).count()
}

/// Waits for CI on the default branch, and for what wiz makes of it.
async fn settled(stage: &Stage) {
    let head = stage.repo.git(&["rev-parse", "main"]).unwrap();
    let ended = async || {
        let runs = stage.world.hub().control().workflow_runs(stage.repo.full_name())?;
        let last = runs.iter().rfind(|run| run.head_sha == head).and_then(|run| run.latest());
        Ok(last.and_then(|attempt| attempt.conclusion))
    };
    until("CI has ended", PATIENCE, ended).await.unwrap();
    stage.quiet().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failing_checks_of_the_default_branch_are_mended_where_the_policy_says_so_and_not_for_ever() {
    let scenes = vec![planner(TITLE, &FILES), coder(TITLE, LINTED), reviewer(TITLE)];
    let stage = Stage::set(&format!("gate: autonomous\n{CHECKED}"), scenes).await;
    let lacks = Rule::FailsWhileFileLacks { path: "greet.sh".to_owned(), text: "# linted".to_owned() };
    lint(&stage, lacks, "greet.sh: line 1: not linted\n@octo/greeters");
    push(&stage, ("README.md", "# Greeter\n"));
    settled(&stage).await;
    assert_eq!((issues(&stage), stage.runs().await), (0, 0), "nobody asked for it");

    // Told in the issue where the work is to be done, once, and begun as soon as somebody can do it.
    let rules = format!("gate: autonomous\nci:\n  default_branch: fix\n{CHECKED}");
    push(&stage, (".github/wiz.yml", &format!("model: nobody/nothing\n{rules}")));
    let issue = issue_of_wiz(&stage, 0).await;
    push(&stage, ("README.md", "# A greeter\n"));
    settled(&stage).await;
    let talk = stage.talk(issue).await;
    assert_eq!(talk.split("\n----\n").skip(1).collect::<Vec<_>>(), [format!("wiz: {NO_SUCH_MODEL}")]);
    assert_eq!((issues(&stage), stage.runs().await), (1, 0));

    push(&stage, (".github/wiz.yml", &rules));
    stage.until_state(issue, "watching").await;
    let text = stage.world.hub().control().issue(stage.repo.full_name(), issue).unwrap();
    let (body, _) = text.body.as_deref().unwrap().split_once("\n\n<!-- wiz:").unwrap();
    insta::assert_snapshot!(crate::support::redact::redact(&format!("{}\n\n{body}", text.title)), @r"
    Checks fail on main: lint

    `lint` fails on `main` at `<hash>`:

    ```text
    <output>
    ```

    wiz works on it, since `ci:` in the policy file says so for the default branch. What comes of it is said here; `/wiz cancel` stops it.
    ");
    stage.until_says(issue, "is open").await;
    // While a run is at work, a further failing commit starts no other.
    push(&stage, ("README.md", "# The greeter\n"));
    settled(&stage).await;
    assert_eq!((issues(&stage), stage.runs().await), (1, 1));
    let pull = stage.repo.pulls().unwrap().pop().unwrap();
    stage.person("maria").merge(stage.repo.full_name(), pull.number, MergeMethod::Merge).unwrap();
    stage.until_says(issue, "### Done").await;
    settled(&stage).await;
    assert_eq!((issues(&stage), stage.runs().await), (1, 1), "CI likes it");
    gives_up(&stage, issue).await;
    stage.clear().await;
}

/// What fails again although it was mended is left to people, and said once.
async fn gives_up(stage: &Stage, issue: u64) {
    push(stage, ("greet.sh", "echo \"Hello, ${1:-you}\"\n"));
    let word = stage.until_answers(issue, "I leave it to you").await;
    insta::assert_snapshot!(shown(&word), @"`lint` fails on `main` at `<hash>` again, and I have worked on that very failure before. I leave it to you; `/wiz fix` in an open issue lets me try once more.");
    for text in ["# One\n", "# Two\n"] {
        push(stage, ("README.md", text));
        settled(stage).await;
    }
    assert_eq!((issues(stage), stage.runs().await), (1, 1), "it was left to people");
    let never = Rule::Outcomes { outcomes: vec![Conclusion::Failure] };
    lint(stage, never, "error: another thing entirely");
    push(stage, ("README.md", "# Three\n"));
    let other = issue_of_wiz(stage, issue).await;
    // The issue is there before its run.
    until("its run is shown", PATIENCE, async || Ok(stage.status(other).map(drop))).await.unwrap();
    stage.say("maria", other, "/wiz cancel");
    stage.until_says(other, "### Cancelled").await;
    settled(stage).await;
    assert_eq!((issues(stage), stage.runs().await), (2, 2), "another failure is another matter");
}

/// Two heads of the default branch fail while the issue about the first is being made, which wiz does not survive; each
/// failure is told by several deliveries. One issue, about the head that is there by now, and one pull request.
#[tokio::test(flavor = "multi_thread")]
async fn two_failing_heads_at_once_have_one_issue_and_one_pull_request() {
    let title = "Checks fail on main: ";
    let scenes = vec![planner(title, &FILES), coder(title, LINTED), reviewer(title)];
    let mut stage = Stage::set(&format!("gate: autonomous\nci:\n  default_branch: fix\n{CHECKED}"), scenes).await;
    let control = stage.world.hub().control().clone();
    let lacks = Rule::FailsWhileFileLacks { path: "greet.sh".to_owned(), text: "# linted".to_owned() };
    let new = workflow(lacks, "greet.sh: line 1: not linted");
    let also = JobScript { name: "style".to_owned(), log: "greet.sh: no style".to_owned(), ..new.jobs[0].clone() };
    let new = NewWorkflow { jobs: vec![new.jobs[0].clone(), also], ..new };
    control.script_workflow(stage.repo.full_name(), &new).unwrap();

    let path = format!("/repos/{}/issues", stage.repo.full_name());
    let unanswered = Fault { method: Some("POST".to_owned()), path, kind: FaultKind::Unanswered, times: 1 };
    control.add_fault(unanswered);
    push(&stage, ("README.md", "# The first head\n"));
    let issue = issue_of_wiz(&stage, 0).await;
    push(&stage, ("README.md", "# The second head\n"));
    let head = stage.repo.git(&["rev-parse", "main"]).unwrap();
    let told = async || {
        let runs = control.workflow_runs(stage.repo.full_name())?;
        let last = runs.iter().rfind(|run| run.head_sha == head).and_then(|run| run.latest());
        Ok(last.and_then(|attempt| attempt.conclusion))
    };
    assert_eq!(until("CI has ended", PATIENCE, told).await.unwrap(), Conclusion::Failure);
    stage.world.hub().settle().await.unwrap();
    stage.until_looks(2).await;
    stage.world.kill().await.unwrap();
    stage.world.store().await.unwrap().expire_leases().await.unwrap();
    stage.world.restart().await.unwrap();

    stage.until_says(issue, "is open").await;
    stage.quiet().await;
    assert_eq!((issues(&stage), stage.runs().await, stage.repo.pulls().unwrap().len()), (1, 1, 1));
    let text = control.issue(stage.repo.full_name(), issue).unwrap();
    assert!(text.body.as_deref().unwrap().contains(&format!("at `{}`", &head[..8])), "{:?}", text.body);
    // What comes of it is like what comes of one failure: nothing was counted twice.
    let pull = stage.repo.pulls().unwrap().pop().unwrap();
    stage.person("maria").merge(stage.repo.full_name(), pull.number, MergeMethod::Merge).unwrap();
    stage.until_says(issue, "### Done").await;
    settled(&stage).await;
    push(&stage, ("greet.sh", "echo \"Hello, ${1:-you}\"\n"));
    stage.until_answers(issue, "I leave it to you").await;
    settled(&stage).await;
    assert_eq!((issues(&stage), stage.runs().await), (1, 1));
    stage.clear().await;
}

/// The same head, another failure, and a first run that is over.
#[tokio::test(flavor = "multi_thread")]
async fn another_failure_on_the_same_head_has_a_run_of_its_own() {
    let stage = Stage::set(&format!("ci:\n  default_branch: fix\n{CHECKED}"), vec![planner(TITLE, &FILES)]).await;
    let name = stage.repo.full_name().to_owned();
    let never = || Rule::Outcomes { outcomes: vec![Conclusion::Failure] };
    lint(&stage, never(), "greet.sh: line 1: not linted");
    push(&stage, ("README.md", "# Greeter\n"));
    let first = issue_of_wiz(&stage, 0).await;
    stage.until_says(first, "The plan is ready").await;
    stage.say("maria", first, "/wiz cancel");
    stage.until_says(first, "Cancelled").await;

    lint(&stage, never(), "error: another thing entirely");
    let run = stage.world.hub().control().workflow_runs(&name).unwrap().pop().unwrap().id;
    stage.person("maria").rerun(&name, run).unwrap();
    let second = issue_of_wiz(&stage, first).await;
    stage.until_says(second, "The plan is ready").await;
    assert_eq!((issues(&stage), stage.runs().await), (2, 2));
    for issue in [first, second] {
        stage.talk(issue).await;
    }
    stage.clear().await;
}

/// An issue that was made when nobody could work on it says what fails by now as soon as somebody does; gives what it says
/// before and after.
async fn retold() -> (Stage, u64, [String; 2]) {
    let rules = format!("ci:\n  default_branch: fix\n{CHECKED}");
    let stage = Stage::set(&format!("model: nobody/nothing\n{rules}"), vec![planner(TITLE, &FILES)]).await;
    lint(&stage, Rule::Outcomes { outcomes: vec![Conclusion::Failure] }, "greet.sh: line 1: not linted");
    push(&stage, ("README.md", "# Greeter\n"));
    let issue = issue_of_wiz(&stage, 0).await;
    stage.quiet().await;
    let before = says(&stage, issue);
    push(&stage, (".github/wiz.yml", &rules));
    stage.until_says(issue, "The plan is ready").await;
    let after = says(&stage, issue);
    assert_ne!(before, after);
    stage.quiet().await;
    (stage, issue, [before, after])
}

fn says(stage: &Stage, issue: u64) -> String {
    let issue = stage.world.hub().control().issue(stage.repo.full_name(), issue).unwrap();
    format!("{}\n{}", issue.title, issue.body.unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undone_run_gives_the_issue_that_was_there_before_its_text_back() {
    let (stage, issue, [before, _]) = retold().await;
    stage.say("maria", issue, "/wiz undo");
    let said = stage.until_answers(issue, "### Taken back").await;
    insta::assert_snapshot!(shown(&said), @r"
    ### Taken back

    Of run 1 I have

    - put the text of #1 back as it was
    - removed 1 comment

    Mails and notifications are with people already. `/wiz fix` on an issue starts over.
    ");
    assert_eq!(says(&stage, issue), before);
    stage.talk(issue).await;
    stage.clear().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_has_written_into_an_issue_since_stays_there() {
    let (stage, issue, [_, after]) = retold().await;
    let (_, body) = after.split_once('\n').unwrap();
    let body = format!("By the way, it never worked.\n\n{body}");
    stage.person("maria").edit_issue(stage.repo.full_name(), issue, &body).unwrap();
    stage.say("maria", issue, "/wiz undo");
    let said = stage.until_answers(issue, "### Taken back").await;
    assert!(said.body.contains(&format!("the text of #{issue}, which somebody has edited")), "{}", said.body);
    assert!(says(&stage, issue).contains("By the way"));
    stage.talk(issue).await;
    stage.clear().await;
}
