//! Clone and push with the real git binary.

use serde_json::Value;

use crate::harness::{REPO, World, git, git_output};

impl World {
    fn clone_url(&self, token: &str) -> String {
        self.github.url.replacen("http://", &format!("http://x-access-token:{token}@"), 1) + &format!("/{REPO}.git")
    }
}

/// <https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/authenticating-as-a-github-app-installation>
#[tokio::test(flavor = "multi_thread")]
async fn a_clone_is_changed_and_pushed() {
    let world = World::start().await;
    let token = world.token().await;
    let directory = tempfile::tempdir().unwrap();
    git(directory.path(), &["clone", "--quiet", &world.clone_url(&token), "work"]);
    let work = directory.path().join("work");
    assert_eq!(git(&work, &["rev-parse", "HEAD"]), world.tip("main"));
    git(&work, &["switch", "--quiet", "-c", "topic"]);
    std::fs::write(work.join("new.txt"), "new\n").unwrap();
    git(&work, &["add", "."]);
    git(&work, &["commit", "--quiet", "-m", "Add a file"]);
    git(&work, &["push", "--quiet", "origin", "topic"]);
    let head = git(&work, &["rev-parse", "HEAD"]);
    assert_eq!(world.tip("topic"), head);
    assert_eq!(world.received_names().await, ["check_suite.requested", "create", "push"]);
    // What git says and what REST says is the same; a pushed commit is not signed by GitHub.
    let path = format!("/repos/{REPO}/commits/{head}");
    let commit = world.send("GET", &path, &token, &Value::Null).await.expect(200);
    assert_eq!(commit["files"][0]["filename"], "new.txt");
    assert_eq!(commit["commit"]["verification"]["verified"], false);
    // https://docs.github.com/en/pull-requests/collaborating-with-pull-requests/reviewing-changes-in-pull-requests/checking-out-pull-requests-locally
    let ann = world.github.act_as("ann").unwrap();
    let number = ann.open_pull_request(REPO, ("topic", "main"), "Add a file", "").unwrap();
    git(&work, &["fetch", "--quiet", "origin", &format!("refs/pull/{number}/head")]);
    assert_eq!(git(&work, &["rev-parse", "FETCH_HEAD"]), head);
    git(&work, &["commit", "--quiet", "--allow-empty", "--amend", "-m", "Add one file"]);
    assert!(!git_output(&work, &["push", "--quiet", "origin", "topic"]).status.success(), "not a fast forward");
    world.received_names().await;
    git(&work, &["push", "--quiet", "--force", "origin", "topic"]);
    let received = world.received().await;
    let of = |name: &str| received.iter().find(|one| one.name() == name).unwrap().json();
    assert_eq!((of("push")["forced"].as_bool(), of("push")["before"].as_str()), (Some(true), Some(head.as_str())));
    assert_eq!(of("pull_request.synchronize")["before"], head);
    assert_eq!(world.github.issue(REPO, number).unwrap().pull.unwrap().head_sha, world.tip("topic"));
    assert!(!git_output(&work, &["push", "origin", "HEAD:refs/pull/9/head"]).status.success());
    world.assert_no_violations();
}

#[tokio::test(flavor = "multi_thread")]
async fn git_needs_the_right_token() {
    let world = World::start().await;
    let directory = tempfile::tempdir().unwrap();
    let anonymous = format!("{}/{REPO}.git", world.github.url);
    for url in [anonymous.as_str(), &world.clone_url("ghs_unknown")] {
        assert!(!git_output(directory.path(), &["clone", url, "no"]).status.success(), "{url}");
    }
    let path = format!("/app/installations/{}/access_tokens", world.installation);
    let body = serde_json::json!({ "permissions": { "contents": "read" } });
    let reading = world.send("POST", &path, &world.jwt(), &body).await.expect(201);
    git(directory.path(), &["clone", "--quiet", &world.clone_url(reading["token"].as_str().unwrap()), "work"]);
    let work = directory.path().join("work");
    assert!(!git_output(&work, &["push", "origin", "HEAD:refs/heads/topic"]).status.success());
    world.assert_no_violations();
}
