//! A world for a test, and what must be true of every one in the end.

use std::{path::PathBuf, time::Duration};

use wiz_demo::{
    Case, DatabaseChoice, Ending, ModelChoice, Options, SpokenBy, Wire, World, project_root, until, upstream_tests,
};

use super::database::TestDatabase;

/// Nothing waits so long unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(180);

/// wiz looks for missed deliveries when it starts and every quarter of a minute.
const REPAIRED_IN: Duration = PATIENCE;

/// The usual world of a case, with a database of its own on the test server.
pub async fn start(case: &'static Case) -> World {
    let database = TestDatabase::empty().await;
    World::start(options(case, DatabaseChoice::Url(database.url))).await.unwrap()
}

/// What the usual world is made of.
pub fn options(case: &'static Case, database: DatabaseChoice) -> Options {
    let runner = project_root().join("target/runner/wiz-runner");
    assert!(runner.is_file(), "{} is missing: scripts/build-runner makes it", runner.display());
    Options {
        case,
        wiz: PathBuf::from(env!("CARGO_BIN_EXE_wiz")),
        runner: runner.canonicalize().unwrap(),
        image: "wiz-base:bookworm".to_owned(),
        database,
        model: ModelChoice::Scripted(Wire::Messages),
        settings: vec![],
    }
}

/// Everything a good end consists of, seen from outside, whatever happened on the way. Nothing may be left over: each
/// comment, pull request, check run, delivery, job and box is accounted for.
pub async fn assert_ended_well(world: &mut World, ending: &Ending) {
    let (case, repo) = (world.case(), world.repo());
    world.hub().settle().await.unwrap();
    let store = world.store().await.unwrap();
    let idle = until("the queue is empty", PATIENCE, async || Ok(store.due_jobs().await?.is_empty().then_some(())));
    idle.await.unwrap();

    let comments = repo.all_comments().unwrap();
    let said: Vec<_> = comments.iter().map(|comment| (comment.number, &comment.by, comment.headline())).collect();
    let maria = SpokenBy::Other("maria".to_owned());
    let expected = [
        (ending.issue, &maria, String::new()),
        (ending.issue, &SpokenBy::Wiz, "Done".to_owned()),
        (ending.issue, &maria, String::new()),
    ];
    assert_eq!(said, expected, "one status comment, and nobody is spoken to besides");
    assert!(repo.is_closed(ending.issue).unwrap());

    let pulls = repo.pulls().unwrap();
    assert_eq!(pulls.len(), 1, "{pulls:#?}");
    assert_eq!((&pulls[0].by, pulls[0].merged, &pulls[0].head_sha), (&SpokenBy::Wiz, true, &ending.pull.head_sha));
    for version in &ending.versions {
        let checks =
            repo.checks().unwrap().into_iter().filter(|check| check.name == "wiz" && check.head_sha == *version);
        let shown: Vec<_> = checks.map(|check| check.conclusion.unwrap_or_default()).collect();
        assert_eq!(shown, ["success"], "one check run on each version");
    }

    assert!(repo.is_verified(&ending.pull.head_sha).unwrap(), "the commit is not shown as verified");
    let commits = repo.git(&["rev-list", &format!("{}..{}", ending.pull.base_sha, ending.pull.head_sha)]).unwrap();
    let commits: Vec<_> = commits.lines().rev().collect();
    assert_eq!(commits, ending.versions, "one commit for each version");
    let changed = repo.git(&["diff", "--name-only", &ending.pull.base_sha, &ending.merge_commit]).unwrap();
    assert_eq!(changed.lines().collect::<Vec<_>>(), case.changed_files);

    assert_eq!(store.dead_jobs().await.unwrap(), Vec::<String>::new());
    assert_eq!(world.model().unwrap().faults(), Vec::<String>::new(), "what the model found wrong with its requests");
    assert_eq!(world.hub().control().violations(), [], "what GitHub's description does not allow");
    let repaired = async || Ok(store.missed_of(&world.hub().unanswered()).await?.is_empty().then_some(()));
    until("wiz has asked for every delivery that it missed", REPAIRED_IN, repaired).await.unwrap();
    world.until_no_box_is_left().await.unwrap();
    let engine = world.engine_activity().unwrap();
    assert!(engine.boxes > 0 && engine.connected == 0, "boxes are made, and none has a network: {engine:?}");
    world.stop().await.unwrap();
}

/// Upstream's tests of the next release fail on the base and pass on the merged result.
pub async fn assert_upstream_agrees(world: &World, ending: &Ending) {
    let (case, clone_url) = (world.case(), world.hub().clone_url());
    let before = upstream_tests(case, world.image(), &clone_url, &ending.pull.base_sha).await.unwrap();
    assert!(!before.passed, "the tests prove nothing: {}", before.output);
    let after = upstream_tests(case, world.image(), &clone_url, &ending.merge_commit).await.unwrap();
    assert!(after.passed, "{}", after.output);
}
