//! The main job from the issue to the merge, on three real bugs in three languages, through the front door alone.

use wiz_demo::{Case, DatabaseChoice, Ending, HUMANIZE, MINIMIST, Mark, Moment, STRSIM, Shown, Story, World};

use crate::support::{
    redact::redact,
    world::{assert_ended_well, assert_upstream_agrees, options, start},
};

/// Plays the story, and keeps the status comment as it was when the plan was shown.
async fn play(world: &World) -> (Ending, Option<Shown>) {
    let repo = world.repo();
    let mut planned = None;
    let mut listen = |moment: &Moment| {
        if moment.mark == Mark::Planned {
            planned = repo.wiz_comments().unwrap().pop();
        }
    };
    let ending = Story::new(world.case(), world.repo(), &mut listen).play().await.unwrap();
    (ending, planned)
}

async fn whole_job(case: &'static Case) {
    let mut world = start(case).await;
    let (ending, _) = play(&world).await;
    assert_ended_well(&mut world, &ending).await;
    assert_upstream_agrees(&world, &ending).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_javascript_issue_becomes_a_merged_pull_request() {
    whole_job(&MINIMIST).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rust_issue_becomes_a_merged_pull_request() {
    whole_job(&STRSIM).await;
}

/// On the embedded database, as `wiz serve` starts without any; and every text that people see.
#[tokio::test(flavor = "multi_thread")]
async fn a_python_issue_becomes_a_merged_pull_request_and_every_text_is_right() {
    let mut world = World::start(options(&HUMANIZE, DatabaseChoice::Embedded)).await.unwrap();
    let repo = world.repo();
    let (ending, planned) = play(&world).await;
    assert_ended_well(&mut world, &ending).await;
    assert_upstream_agrees(&world, &ending).await;

    // The plan's own choice of words is the script's; the repair is what upstream released.
    let upstream = HUMANIZE.upstream_files().await.unwrap();
    for path in HUMANIZE.changed_files {
        let merged = repo.git(&["show", &format!("{}:{path}", ending.merge_commit)]).unwrap();
        let released = upstream.iter().find(|file| file.path == *path).unwrap();
        assert_eq!(merged.trim_end(), String::from_utf8_lossy(&released.content).trim_end(), "{path}");
    }
    let finished = repo.comment(ending.status_comment).unwrap().unwrap();
    let check = repo.checks().unwrap().pop().unwrap();
    insta::assert_snapshot!(redact(&planned.unwrap().body), @"");
    insta::assert_snapshot!(redact(&finished.body), @"");
    insta::assert_snapshot!(redact(&format!("{}\n\n{}", ending.pull.title, ending.pull.body)), @"");
    insta::assert_snapshot!(redact(&format!("{}: {}\n\n{}", check.name, check.title, check.summary)), @"");
}
