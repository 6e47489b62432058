//! Rate limits and tokens that end early.

use chrono::{TimeDelta, Utc};
use github_stand_in::faults::FaultKind;
use wiz::{
    github::{Calls, GitHubError},
    ids::InstallationId,
};

use super::Scene;

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_names_its_end_and_pauses_the_installation() {
    let table = [
        (FaultKind::PrimaryRateLimit { reset_s: 600 }, 600),
        (FaultKind::SecondaryRateLimit { status: 403, retry_after_s: 30 }, 30),
        (FaultKind::SecondaryRateLimit { status: 429, retry_after_s: 30 }, 30),
    ];
    for (kind, wait_s) in table {
        let scene = Scene::start().await;
        scene.fault("GET", "/repos", kind);
        let limited = scene.installation.repository(&scene.repository).await;
        let Err(GitHubError::RateLimited { until, .. }) = &limited else { panic!("{limited:?}") };
        let wait = *until - Utc::now();
        assert!((wait - TimeDelta::seconds(wait_s)).num_seconds().abs() <= 5, "{wait}");
        // The fault was played once, so only our own pause can refuse this.
        assert_eq!(scene.installation.repository(&scene.repository).await, limited);
        scene.done();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_token_is_replaced_once() {
    let scene = Scene::start().await;
    scene.head().await;
    scene.hub.expire_tokens();
    scene.head().await;
    scene.done();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_or_removed_installation_is_refused() {
    let scene = Scene::start().await;
    let installed = u64::try_from(scene.installation.id().0).unwrap();
    scene.hub.set_suspended(installed, true).unwrap();
    let refused = scene.installation.repository(&scene.repository).await;
    assert!(matches!(refused, Err(GitHubError::Forbidden(_))), "{refused:?}");
    let unknown = scene.wiz.installation(InstallationId(1)).token(wiz::github::Purpose::Converse).await;
    assert!(matches!(unknown, Err(GitHubError::NotFound(_))), "{unknown:?}");
    scene.done();
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_share_an_installation_until_it_is_forgotten() {
    let scene = Scene::start().await;
    let id = scene.installation.id();
    scene.head().await;
    let asked = async || {
        let work = scene.wiz.metered();
        work.installation(id).default_head(&scene.repository).await.unwrap();
        work.calls()
    };
    assert_eq!(
        asked().await,
        Calls { all: 2, writes: 0, unchanged: 2 },
        "the token is shared, and what was read before"
    );
    scene.wiz.forget(id);
    assert_eq!(asked().await, Calls { all: 3, writes: 1, unchanged: 0 });
    scene.done();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_not_changed_is_not_sent_again_and_what_has_is() {
    let scene = Scene::start().await;
    let ann = scene.hub.act_as("ann").unwrap();
    let number = ann.open_issue(super::REPOSITORY, "It breaks", "Badly.").unwrap();
    let issue = wiz::ids::IssueNumber(i64::try_from(number).unwrap());
    let read = async || scene.installation.issue(&scene.repository, issue).await.unwrap().unwrap().body;
    assert_eq!((read().await, read().await), ("Badly.".to_owned(), "Badly.".to_owned()));
    assert_eq!(scene.wiz.calls().unchanged, 1);
    ann.edit_issue(super::REPOSITORY, number, "Very badly.").unwrap();
    assert_eq!(read().await, "Very badly.");
    assert_eq!(scene.wiz.calls().unchanged, 1);

    // A file at a commit cannot change, so it is asked for once; the default head can.
    let head = scene.installation.head(&scene.repository).await.unwrap().unwrap();
    let file = async |head| scene.installation.file(&scene.repository, head, ".github/wiz.yml", 1_000).await.unwrap();
    let policy = file(&head).await;
    let before = scene.wiz.calls().all;
    assert_eq!((file(&head).await, scene.wiz.calls().all), (policy, before));
    ann.write_file(super::REPOSITORY, "main", (".github/wiz.yml", "gate: autonomous\n"), "Dare").unwrap();
    let moved = scene.installation.head(&scene.repository).await.unwrap().unwrap();
    assert_ne!(moved, head);
    assert_eq!(file(&moved).await.unwrap(), "gate: autonomous\n");

    // One piece of work goes by one head; the next one asks again.
    let work = scene.wiz.metered();
    let seen = work.installation(scene.installation.id()).head(&scene.repository).await.unwrap();
    ann.write_file(super::REPOSITORY, "main", ("x", "x"), "Move").unwrap();
    assert_eq!(work.installation(scene.installation.id()).head(&scene.repository).await.unwrap(), seen);
    let next = scene.wiz.metered().installation(scene.installation.id()).head(&scene.repository).await.unwrap();
    assert_ne!(next, seen);
    scene.done();
}
