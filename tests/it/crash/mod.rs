//! `kill -9`, at every boundary of a job, between every write to GitHub and its answer, and at random moments. Whatever is cut,
//! the next wiz goes on from what is stored: one pull request, one status comment, one check run, nothing lost.
//!
//! The test's own triggers in the database tell when a job was claimed, when it is about to be finished (by a lock that
//! the finishing transaction waits for) and when it was finished; wiz knows nothing of them.

mod boundary;
mod moment;

use std::{pin::pin, time::Duration};

use wiz_demo::{Case, Ending, HUMANIZE, MINIMIST, Moment, Story, World, until};

pub use self::moment::{until_unanswered, withhold};
use self::{
    boundary::{Bell, Boundary},
    moment::until_signs,
};
use crate::{
    orders::{
        scenes::{FILES, REPAIR, coder, planner, reviewer},
        stage::{CHECKED, PATIENCE, Stage},
    },
    support::{
        dice::Dice,
        world::{assert_ended_well, start},
    },
};

/// Every kind of job that the main job uses.
const KINDS: [&str; 8] = ["triage", "plan", "work", "verify", "review", "publish", "report", "halt"];

/// Every kind of write to GitHub that the main job makes. A job that loses its process three times is given up, so the
/// writes of one job are shared out among several runs.
const WRITES: [&[(&str, &str)]; 2] = [
    &[
        ("POST", "/repos/*/reactions"),
        ("POST", "/repos/*/issues/*/comments"),
        ("POST", "/repos/*/git/commits"),
        ("POST", "/repos/*/pulls"),
    ],
    &[
        ("PATCH", "/repos/*/issues/comments/*"),
        ("POST", "/repos/*/git/trees"),
        ("POST", "/repos/*/git/refs"),
        ("POST", "/repos/*/check-runs"),
    ],
];

/// What is cut of the longer story, in which CI and a reviewer object: the kinds of job that the plain one lacks, and the one
/// behind which CI fails while wiz is down.
const SCRUTINY_KINDS: [&str; 3] = ["publish", "checks", "answer_review"];

/// The writes of the longer story that are cut: those behind which CI starts, and those that the plain one lacks. The first
/// that matches counts.
const SCRUTINY_WRITES: &[(&str, &str)] = &[
    ("POST", "/repos/*/git/refs"),
    ("POST", "/repos/*/pulls/*/comments/*/replies"),
    ("POST", "/repos/*/pulls/*/requested_reviewers"),
    ("POST", "/repos/*/pulls"),
];

/// About as many signs of life as an undisturbed run gives, so that a cut may fall anywhere in it.
const SIGNS_OF_A_RUN: u64 = 30;

/// How long after the story's end the last cut may come: what ends a run takes a few seconds more.
const LAST_CUT: Duration = Duration::from_secs(180);

/// Kills wiz as a power cut does, and starts it again.
pub async fn cut(world: &mut World) {
    world.kill().await.unwrap();
    go_on(world).await;
}

/// Lets the killed wiz's leases run out as time would, and starts it again. What GitHub could not deliver meanwhile is
/// wiz's own to ask for.
async fn go_on(world: &mut World) {
    world.store().await.unwrap().expire_leases().await.unwrap();
    world.restart().await.unwrap();
}

/// Plays the story while `cuts` does its work, and checks the end.
async fn survive(mut world: World, cuts: impl AsyncFnOnce(&mut World)) {
    let (case, repo) = (world.case(), world.repo());
    let story = async {
        let mut listen = |_: &Moment| {};
        Story::new(case, repo, &mut listen).play().await
    };
    let ending: Ending = {
        let (mut story, mut cutting) = (pin!(story), pin!(cuts(&mut world)));
        tokio::select! {
            ending = &mut story => {
                // A story that fails ends the wait for cuts that can no longer come.
                let ending = ending.unwrap();
                let last = tokio::time::timeout(LAST_CUT, cutting).await;
                last.expect("the story has ended, and what was to be cut never came");
                ending
            }
            () = &mut cutting => story.await.unwrap(),
        }
    };
    // The last cut may have fallen behind the story's end.
    world.hub().settle().await.unwrap();
    assert_ended_well(&mut world, &ending).await;
}

/// Cuts the case's story when each kind of job comes to the boundary for the first time.
async fn cut_at_every(boundary: Boundary, case: &'static Case, kinds: &[&str]) {
    let world = start(case).await;
    let mut bell = Bell::hang(&world, boundary, kinds).await;
    survive(world, async move |world| {
        let mut left = kinds.to_vec();
        while !left.is_empty() {
            let kind = bell.next(&left).await;
            left.retain(|other| *other != kind);
            world.kill().await.unwrap();
            bell.silence(&kind).await;
            go_on(world).await;
        }
    })
    .await;
}

/// Cuts the case's story behind each of the writes.
async fn cut_behind_every(case: &'static Case, writes: &[(&str, &str)]) {
    let world = start(case).await;
    for write in writes {
        withhold(&world, *write);
    }
    survive(world, async |world| {
        for left in (0..writes.len()).rev() {
            until_unanswered(world, left).await;
            cut(world).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_when_each_kind_of_job_was_claimed() {
    cut_at_every(Boundary::Claimed, &MINIMIST, &KINDS).await;
    cut_at_every(Boundary::Claimed, &HUMANIZE, &SCRUTINY_KINDS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_before_each_kind_of_job_is_finished() {
    cut_at_every(Boundary::Finishing, &MINIMIST, &KINDS).await;
    cut_at_every(Boundary::Finishing, &HUMANIZE, &SCRUTINY_KINDS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_when_each_kind_of_job_was_finished() {
    cut_at_every(Boundary::Finished, &MINIMIST, &KINDS).await;
    cut_at_every(Boundary::Finished, &HUMANIZE, &SCRUTINY_KINDS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_between_each_write_and_its_answer() {
    for writes in WRITES {
        cut_behind_every(&MINIMIST, writes).await;
    }
    cut_behind_every(&HUMANIZE, SCRUTINY_WRITES).await;
}

/// Ten worlds with one cut each, in which CI and a reviewer object as well; a failure names its seed. (A job that loses its
/// process three times is given up, so that one that kills its worker cannot kill them all.)
#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stderr, reason = "a failure must name its seed")]
async fn cut_at_ten_random_moments() {
    for seed in 0..10 {
        let mut dice = Dice::new(seed);
        let (signs, pause) = (dice.number(SIGNS_OF_A_RUN), Duration::from_millis(dice.number(1_000)));
        eprintln!("seed {seed}: cut {pause:?} after sign {signs}");
        survive(start(&HUMANIZE).await, async |world| {
            until_signs(world, signs).await;
            // The moment is what is tested; nothing is waited for.
            if tokio::time::timeout(pause, std::future::pending::<()>()).await.is_err() {
                cut(world).await;
            }
        })
        .await;
    }
}

/// wiz is killed while the coder's command sleeps, behind a line that it has added. The command is made again, and the line
/// is there once.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_cut_command_did_is_not_done_twice() {
    let scenes = vec![planner("Once", &FILES), coder("Once", &format!("{REPAIR}sleep 5\n")), reviewer("Once")];
    let mut stage = Stage::set(&format!("gate: autonomous\n{CHECKED}"), scenes).await;
    let issue = stage.issue("Once");
    stage.say("maria", issue, "/wiz fix");
    let model = stage.world.model().unwrap();
    // The planner and the coder were answered. Nothing outside the box tells how far its command is: the moment is what is
    // tested, and a command that has not begun is made once as well.
    until("the coder works", PATIENCE, async || Ok((model.requests().len() > 1).then_some(()))).await.unwrap();
    tokio::time::timeout(Duration::from_secs(2), std::future::pending::<()>()).await.unwrap_err();
    cut(&mut stage.world).await;
    stage.until_says(issue, "is open").await;
    let pull = stage.repo.pulls().unwrap().pop().unwrap();
    let tests = stage.repo.git(&["show", &format!("{}:tests/greet_test.sh", pull.head_sha)]).unwrap();
    assert_eq!(tests.matches("Hello, you").count(), 1, "{tests}");
    stage.clear().await;
}
