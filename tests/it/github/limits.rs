//! Rate limits and tokens that end early.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use github_stand_in::faults::FaultKind;
use wiz::{github::GitHubError, ids::InstallationId};

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
async fn there_is_one_client_per_installation_until_it_is_forgotten() {
    let scene = Scene::start().await;
    let id = scene.installation.id();
    assert!(std::sync::Arc::ptr_eq(&scene.installation, &scene.wiz.installation(id)));
    scene.wiz.forget(id);
    assert!(!std::sync::Arc::ptr_eq(&scene.installation, &scene.wiz.installation(id)));
    tokio::time::timeout(Duration::from_secs(30), scene.head()).await.unwrap();
    scene.done();
}
