//! Where wiz is installed, what was granted there, and what stands on branches of its own.

use wiz::{
    github::missing_permissions,
    ids::{InstallationId, Login},
};

use super::{REPOSITORY, Scene};

#[tokio::test(flavor = "multi_thread")]
async fn installations_repositories_and_grants_are_known() {
    let scene = Scene::start().await;
    let listed = scene.wiz.installations().await.unwrap().unwrap();
    assert_eq!(listed.iter().map(|one| one.id).collect::<Vec<_>>(), [scene.installation.id()]);
    assert_eq!(listed[0].account.as_ref().map(Login::as_str), Some("acme"));
    assert_eq!(missing_permissions(&listed[0].permissions), []);
    assert!(!listed[0].is_suspended());
    let mut granted = listed[0].permissions.clone();
    granted.insert("checks".into(), "read".into());
    granted.insert("contents".into(), "admin".into());
    granted.remove("actions");
    assert_eq!(missing_permissions(&granted), [("actions", "write"), ("checks", "write")]);

    let repositories = scene.installation.repositories().await.unwrap().unwrap();
    assert_eq!(repositories.iter().map(|one| one.name.to_string()).collect::<Vec<_>>(), [REPOSITORY]);
    let id = u64::try_from(scene.installation.id().0).unwrap();
    scene.hub.set_suspended(id, true).unwrap();
    assert!(scene.wiz.installed(scene.installation.id()).await.unwrap().is_suspended());
    scene.hub.uninstall(id).unwrap();
    assert_eq!(scene.wiz.installations().await.unwrap().unwrap(), []);
    assert!(scene.wiz.installed(InstallationId(1)).await.is_err());
    scene.done();
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_known_who_committed_to_a_branch() {
    let scene = Scene::start().await;
    let (ann, main) = (scene.hub.act_as("ann").unwrap(), scene.head().await);
    for branch in ["wiz/run-1", "wiz/run-1-x", "wiz/run-12", "other"] {
        scene.git(&["branch", branch, main.as_str()]);
    }
    let found = scene.installation.branches_starting(&scene.repository, "wiz/run-1").await.unwrap();
    assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), ["wiz/run-1", "wiz/run-1-x", "wiz/run-12"]);
    assert_eq!(scene.installation.branches_starting(&scene.repository, "nothing").await.unwrap(), []);

    let authors = async || scene.installation.authors_since(&scene.repository, "main", "wiz/run-1").await.unwrap();
    assert_eq!(authors().await, []);
    ann.write_file(REPOSITORY, "wiz/run-1", ("ann.txt", "mine\n"), "Mine").unwrap();
    assert_eq!(authors().await, [Some("ann".parse().unwrap())]);
    scene.done();
}
