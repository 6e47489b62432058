//! Contents, blobs, trees, commits and refs over REST.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::harness::{REPO, World};

struct Git {
    world: World,
    token: String,
}

impl Git {
    async fn start() -> Self {
        let world = World::start().await;
        let token = world.token().await;
        Self { world, token }
    }

    async fn call(&self, method: &str, path: &str, body: Value, status: u16) -> Value {
        self.world.send(method, &format!("/repos/{REPO}{path}"), &self.token, &body).await.expect(status)
    }

    /// A commit on top of another that writes one file.
    async fn commit(&self, parent: &str, content: &str) -> String {
        let entry = json!({ "path": "note.txt", "mode": "100644", "type": "blob", "content": content });
        let tree = self.call("POST", "/git/trees", json!({ "base_tree": parent, "tree": [entry] }), 201).await;
        let body = json!({ "message": content, "tree": tree["sha"], "parents": [parent] });
        self.call("POST", "/git/commits", body, 201).await["sha"].as_str().unwrap().to_owned()
    }
}

/// <https://docs.github.com/en/rest/git/refs>
#[tokio::test]
async fn refs_move_only_by_the_rules() {
    let git = Git::start().await;
    let base = git.world.tip("main");
    let (one, other) = (git.commit(&base, "one").await, git.commit(&base, "other").await);
    let create = |name: &str, sha: &str| json!({ "ref": name, "sha": sha });
    git.call("POST", "/git/refs", create("refs/heads/a/b", &one), 201).await;
    let exists = git.call("POST", "/git/refs", create("refs/heads/a/b", &other), 422).await;
    assert_eq!(exists["message"], "Reference already exists");
    git.call("POST", "/git/refs", create("heads/c", &one), 422).await;
    git.call("POST", "/git/refs", create("refs/heads/bad..name", &one), 422).await;
    git.call("POST", "/git/refs", create("refs/heads/c", &"0".repeat(40)), 422).await;
    assert_eq!(git.call("GET", "/git/ref/heads/a/b", Value::Null, 200).await["object"]["sha"], one);
    git.call("GET", "/git/ref/heads/none", Value::Null, 404).await;
    let matching = git.call("GET", "/git/matching-refs/heads/a", Value::Null, 200).await;
    assert_eq!(matching[0]["ref"], "refs/heads/a/b");
    let refused = git.call("PATCH", "/git/refs/heads/a/b", json!({ "sha": other }), 422).await;
    assert_eq!(refused["message"], "Update is not a fast forward");
    git.call("PATCH", "/git/refs/heads/a/b", json!({ "sha": other, "force": true }), 200).await;
    git.call("PATCH", "/git/refs/heads/none", json!({ "sha": other }), 422).await;
    git.call("DELETE", "/git/refs/heads/a/b", Value::Null, 204).await;
    git.call("DELETE", "/git/refs/heads/a/b", Value::Null, 422).await;
    let names = git.world.received_names().await;
    let expected = ["check_suite.requested", "check_suite.requested", "create", "delete", "push", "push", "push"];
    assert_eq!(names, expected);
    git.world.assert_no_violations();
}

/// <https://docs.github.com/en/rest/git/trees#create-a-tree>
#[tokio::test]
async fn trees_write_modes_and_deletions() {
    let git = Git::start().await;
    let base = git.world.tip("main");
    let script = STANDARD.encode("#!/bin/sh\n\u{e9}\0");
    let blob = git.call("POST", "/git/blobs", json!({ "content": script, "encoding": "base64" }), 201).await;
    let entries = json!([
        { "path": "bin/run", "mode": "100755", "type": "blob", "sha": blob["sha"] },
        { "path": "link", "mode": "120000", "type": "blob", "content": "bin/run" },
        { "path": "README.md", "mode": "100644", "type": "blob", "sha": null },
    ]);
    let tree = git.call("POST", "/git/trees", json!({ "base_tree": base, "tree": entries }), 201).await;
    let bare = git.world.github.git_dir(REPO).unwrap();
    let listing =
        crate::harness::git(&bare, &["ls-tree", "-r", "--format=%(objectmode) %(path)", tree["sha"].as_str().unwrap()]);
    assert_eq!(listing, "100755 bin/run\n120000 link\n100644 src/lib.txt");
    let recursive =
        git.call("GET", &format!("/git/trees/{}?recursive=1", tree["sha"].as_str().unwrap()), Value::Null, 200).await;
    let paths: Vec<&str> = recursive["tree"].as_array().unwrap().iter().map(|e| e["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["bin", "bin/run", "link", "src", "src/lib.txt"]);
    for (entry, why) in [
        (json!({ "path": "a/../b", "mode": "100644", "content": "x" }), "dots"),
        (json!({ "path": ".git/config", "mode": "100644", "content": "x" }), ".git"),
        (json!({ "path": "none", "mode": "100644", "sha": null }), "removes what is not there"),
        (json!({ "path": "a", "mode": "100644", "sha": "0".repeat(40) }), "unknown blob"),
        (json!({ "path": "a", "mode": "100600", "content": "x" }), "unknown mode"),
    ] {
        let answer = git
            .world
            .send(
                "POST",
                &format!("/repos/{REPO}/git/trees"),
                &git.token,
                &json!({ "base_tree": base, "tree": [entry] }),
            )
            .await;
        assert_eq!(answer.status, 422, "{why}");
    }
    // Workflow files need a permission of their own.
    let workflow = json!([{ "path": ".github/workflows/ci.yml", "mode": "100644", "content": "on: push" }]);
    git.call("POST", "/git/trees", json!({ "base_tree": base, "tree": workflow }), 403).await;
    let read = git.call("GET", &format!("/git/blobs/{}", blob["sha"].as_str().unwrap()), Value::Null, 200).await;
    assert_eq!(read["content"].as_str().unwrap().trim(), script);
    git.call("GET", &format!("/git/blobs/{}", "0".repeat(40)), Value::Null, 404).await;
    git.world.assert_no_violations();
}

/// <https://docs.github.com/en/authentication/managing-commit-signature-verification/about-commit-signature-verification#signature-verification-for-bots>
#[tokio::test]
async fn only_a_bots_own_commit_is_verified() {
    let git = Git::start().await;
    let base = git.world.tip("main");
    let tree = git.call("GET", "/git/trees/main", Value::Null, 200).await["sha"].clone();
    let plain = json!({ "message": "m", "tree": tree, "parents": [base] });
    let plain = git.call("POST", "/git/commits", plain, 201).await;
    assert_eq!(plain["verification"]["verified"], true);
    let author = json!({ "name": "Ann", "email": "ann@example.com", "date": "2026-01-02T03:04:05Z" });
    let custom = json!({ "message": "m", "tree": tree, "parents": [base], "author": author });
    let custom = git.call("POST", "/git/commits", custom, 201).await;
    assert_eq!(custom["verification"]["verified"], false);
    assert_eq!(custom["author"], author);
    let again = git.call("GET", &format!("/git/commits/{}", plain["sha"].as_str().unwrap()), Value::Null, 200).await;
    assert_eq!(again["verification"]["verified"], true);
    git.call("POST", "/git/commits", json!({ "message": "m", "tree": base, "parents": [] }), 422).await;
    git.call("POST", "/git/commits", json!({ "message": "m", "tree": tree, "parents": ["0".repeat(40)] }), 422).await;
    git.world.assert_no_violations();
}

/// <https://docs.github.com/en/rest/repos/contents>
#[tokio::test]
async fn contents_are_read_and_written() {
    let git = Git::start().await;
    let list = git.call("GET", "/contents/src", Value::Null, 200).await;
    assert_eq!((&list[0]["path"], &list[0]["type"]), (&json!("src/lib.txt"), &json!("file")));
    git.call("GET", "/contents/none", Value::Null, 404).await;
    git.call("GET", "/contents/README.md?ref=none", Value::Null, 404).await;
    let raw = git
        .world
        .send_with(
            "GET",
            &format!("/repos/{REPO}/contents/README.md"),
            &git.token,
            (&Value::Null, &[("accept", "application/vnd.github.raw+json")]),
        )
        .await;
    assert_eq!(raw.bytes, "# Widgets\n");
    let old = git.call("GET", "/contents/README.md", Value::Null, 200).await["sha"].clone();
    let content = STANDARD.encode("# Gadgets\n");
    let body = |sha: &Value| json!({ "message": "Rename", "content": content, "sha": sha });
    let mut without = body(&old);
    without.as_object_mut().unwrap().remove("sha");
    git.call("PUT", "/contents/README.md", without, 422).await;
    let put = git.call("PUT", "/contents/README.md", body(&old), 200).await;
    assert_eq!(put["commit"]["verification"]["verified"], true);
    git.call("PUT", "/contents/README.md", body(&old), 409).await;
    let new = json!({ "message": "Add", "content": content, "branch": "main" });
    git.call("PUT", "/contents/docs/new%20page.md", new, 201).await;
    let bare = git.world.github.git_dir(REPO).unwrap();
    assert_eq!(crate::harness::git(&bare, &["show", "main:docs/new page.md"]), "# Gadgets");
    assert_eq!(crate::harness::git(&bare, &["show", "main:README.md"]), "# Gadgets");
    let commits = git.call("GET", "/commits?per_page=1", Value::Null, 200).await;
    assert_eq!(commits[0]["commit"]["message"], "Add");
    let branch = git.call("GET", "/branches/main", Value::Null, 200).await;
    assert_eq!(branch["commit"]["sha"], commits[0]["sha"]);
    git.call("GET", "/branches/none", Value::Null, 404).await;
    let compared = git.call("GET", "/compare/main~2...main", Value::Null, 200).await;
    assert_eq!((&compared["status"], &compared["ahead_by"]), (&json!("ahead"), &json!(2)));
    git.world.assert_no_violations();
}

#[tokio::test]
async fn lists_are_paged_by_link_headers() {
    let git = Git::start().await;
    let mut tip = git.world.tip("main");
    for number in 0..4 {
        tip = git.commit(&tip, &number.to_string()).await;
    }
    git.call("PATCH", "/git/refs/heads/main", json!({ "sha": tip }), 200).await;
    let mut path = format!("/repos/{REPO}/commits?per_page=2");
    let mut seen = Vec::new();
    loop {
        let answer = git.world.send("GET", &path, &git.token, &Value::Null).await;
        let link = answer.header("link").to_owned();
        seen.extend(answer.expect(200).as_array().unwrap().iter().map(|c| c["commit"]["message"].clone()));
        let next = link.split(", ").find(|part| part.ends_with("rel=\"next\""));
        let Some(next) = next else { break };
        let url = next.split(['<', '>']).nth(1).unwrap();
        path = url.strip_prefix(&git.world.github.url).unwrap().to_owned();
    }
    assert_eq!(seen, ["3", "2", "1", "0", "Initial commit"]);
    git.world.assert_no_violations();
}
