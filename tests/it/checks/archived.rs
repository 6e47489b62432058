//! Jobs without a log of their own: it is read from the archive of their run or, where there is none, the check's remarks
//! are. A workflow that never started has none of these, and a person is told.

use github_stand_in::{
    control::NewWorkflow,
    faults::{Fault, FaultKind},
    store::{Annotation, JobScript, OwnLog, Rule},
};
use wiz_demo::{Pull, until};

use super::{PATIENCE, commits, follow_up, pull_request};
use crate::orders::{
    scenes::repair,
    stage::{CHECKED, Stage, shown},
};

const ARCHIVED: &str = "Logs are in the archive";
const REMARKED: &str = "Logs are nowhere";

/// A job that fails on commits of which `greet.sh` lacks a word.
fn job(name: &str, word: &str, own_log: OwnLog) -> JobScript {
    let remark = Annotation {
        path: "greet.sh".to_owned(),
        start_line: 1,
        end_line: 1,
        annotation_level: "failure".to_owned(),
        message: format!("the remark: not {word}"),
        title: None,
        raw_details: None,
    };
    JobScript {
        name: name.to_owned(),
        steps: vec!["make prepare".to_owned(), "make check".to_owned()],
        rule: Rule::FailsWhileFileLacks { path: "greet.sh".to_owned(), text: format!("# {word}") },
        log: format!("greet.sh: line 1: not {word}"),
        own_log,
        annotations: vec![remark],
    }
}

fn script(stage: &Stage, jobs: Vec<JobScript>) {
    let workflow = NewWorkflow { name: "CI".to_owned(), jobs, ..NewWorkflow::default() };
    stage.world.hub().control().script_workflow(stage.repo.full_name(), &workflow).unwrap();
}

/// How often a refusal is good; far more often than a story asks.
const REFUSALS: u32 = 100;

/// Reads of such a path are refused until faults are cleared.
fn refuse(stage: &Stage, path: &str, status: u16) {
    let (method, kind) = (Some("GET".to_owned()), FaultKind::Status { status });
    stage.world.hub().control().add_fault(Fault { method, path: path.to_owned(), kind, times: REFUSALS });
}

/// The subject of the commit that mends, which is the only one.
async fn mended(stage: &Stage, (issue, pull): (u64, &Pull)) -> String {
    let made = until("a further commit is there", PATIENCE, async || {
        Ok(Some(commits(stage, pull)).filter(|commits| commits.len() > 1))
    });
    let made = made.await.unwrap();
    stage.quiet().await;
    stage.until_says(issue, "### Pull request #").await;
    assert_eq!(commits(stage, pull).len(), 2);
    stage.repo.git(&["log", "-1", "--format=%s", &made[1]]).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_without_a_log_is_read_from_its_run_and_a_workflow_that_never_started_is_told_of() {
    let both = "echo '# linted' >> greet.sh; echo '# styled' >> greet.sh";
    let mut coder = follow_up(ARCHIVED, "follow-up-1", "greet.sh: line 1: not linted", both);
    coder.turns[0].expects.push("greet.sh: line 1: not styled".to_owned());
    let mut scenes = vec![
        coder,
        follow_up(REMARKED, "follow-up-1", "greet.sh:1: the remark: not sorted", "echo '# sorted' >> greet.sh"),
    ];
    scenes.extend([ARCHIVED, REMARKED].into_iter().flat_map(repair));
    let stage = Stage::set(&format!("gate: autonomous\n{CHECKED}"), scenes).await;

    // One job's log is gone and the other's never arrived; names are not what paths are made of.
    script(
        &stage,
        vec![
            job("lint / all: \"src\"", "linted", OwnLog::Missing),
            job("style (3.14, ubuntu)", "styled", OwnLog::NeverArrived),
            JobScript { rule: Rule::Succeeds, ..job("lint", "", OwnLog::Kept) },
        ],
    );
    let (issue, pull) = pull_request(&stage, ARCHIVED).await;
    let subject = mended(&stage, (issue, &pull)).await;
    insta::assert_snapshot!(subject, @"Mend the failing check style (3.14, ubuntu), lint / all: src");

    // Nor is there an archive.
    refuse(&stage, "/repos/*/actions/runs/*/attempts/1/logs", 410);
    script(&stage, vec![job("sort", "sorted", OwnLog::Missing)]);
    let (issue, pull) = pull_request(&stage, REMARKED).await;
    insta::assert_snapshot!(mended(&stage, (issue, &pull)).await, @"Mend the failing check sort");

    stage.world.hub().control().clear_faults();
    never_started(&stage, &pull).await;
    stage.clear().await;
}

async fn never_started(stage: &Stage, pull: &Pull) {
    script(stage, vec![]);
    let push = |text| {
        let wim = stage.person("wim");
        wim.write_file(stage.repo.full_name(), &pull.head_ref, ("notes.txt", text), "By hand").unwrap();
    };
    // Where runs may not be listed, nothing is known, and nothing fails.
    refuse(stage, "/repos/*/actions/runs", 403);
    push("one");
    stage.quiet().await;
    assert!(stage.world.hub().control().faults()[0].times < REFUSALS, "runs were asked for");
    let told = stage.repo.wiz_comments().unwrap().iter().any(|comment| comment.body.contains("could not start"));
    assert!(!told);
    stage.world.hub().control().clear_faults();
    push("two");
    let word = stage.until_answers(pull.number, "could not start").await;
    insta::assert_snapshot!(shown(&word), @"GitHub could not start the workflow `.github/workflows/ci.yml`, so none of its jobs ran and there is no log. Most often the file is at fault; its run under *Actions* says where. I may not change workflow files, so I leave this to you and look at the checks again after your next push.");
    // It is said once, however often it happens: another comment would be one that nobody expected.
    push("three");
    stage.quiet().await;
    assert_eq!(commits(stage, pull).len(), 5, "wiz changed nothing");
}
