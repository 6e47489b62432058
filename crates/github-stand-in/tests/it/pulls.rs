//! Pull requests and merging.

use github_stand_in::control::MergeMethod;
use github_stand_in::store::IssueState;
use serde_json::{Value, json};

use crate::harness::{REPO, World, git};

/// <https://docs.github.com/en/rest/pulls/pulls#create-a-pull-request>
#[tokio::test]
async fn a_pull_request_needs_two_branches_that_differ() {
    let world = World::start().await;
    let token = world.token().await;
    let ann = world.github.act_as("ann").unwrap();
    ann.write_file(REPO, "topic", ("a.txt", "a\n"), "Add a").unwrap();
    let open = async |head: &str, base: &str| {
        let body = json!({ "title": "Add a", "head": head, "base": base });
        world.send("POST", &format!("/repos/{REPO}/pulls"), &token, &body).await
    };
    let missing = open("none", "main").await.expect(422);
    assert_eq!(missing["errors"][0], json!({ "resource": "PullRequest", "field": "head", "code": "invalid" }));
    assert_eq!(open("topic", "none").await.expect(422)["errors"][0]["field"], "base");
    assert_eq!(open("main", "main").await.expect(422)["errors"][0]["message"], "No commits between main and main");
    open("acme:topic", "main").await.expect(201);
    let second = open("topic", "main").await.expect(422);
    assert_eq!(second["errors"][0]["message"], "A pull request already exists for acme:topic.");
    let found =
        world.send("GET", &format!("/repos/{REPO}/pulls?head=acme:topic&state=open"), &token, &Value::Null).await;
    assert_eq!(found.expect(200).as_array().unwrap().len(), 1);
    let none = world.send("GET", &format!("/repos/{REPO}/pulls?head=acme:other"), &token, &Value::Null).await;
    assert_eq!(none.expect(200), json!([]));
    // A pull request is an issue too.
    let issue = world.send("GET", &format!("/repos/{REPO}/issues/1"), &token, &Value::Null).await.expect(200);
    assert!(issue["pull_request"]["url"].as_str().unwrap().ends_with("/pulls/1"));
    assert!(world.github.act_as("rita").unwrap().open_pull_request(REPO, ("topic", "main"), "t", "").is_err());
    world.assert_no_violations();
}

#[tokio::test]
async fn a_pull_request_follows_git() {
    let world = World::start().await;
    let token = world.token().await;
    let ann = world.github.act_as("ann").unwrap();
    ann.write_file(REPO, "topic", ("src/lib.txt", "line 1\n"), "Cut").unwrap();
    let number = ann.open_pull_request(REPO, ("topic", "main"), "Cut", "").unwrap();
    let path = format!("/repos/{REPO}/pulls/{number}");
    let get = async |more: &str| world.send("GET", &format!("{path}{more}"), &token, &Value::Null).await.expect(200);
    assert_eq!(get("").await["mergeable"], Value::Null, "GitHub needs a moment");
    let pull = get("").await;
    assert_eq!((&pull["mergeable"], &pull["mergeable_state"]), (&json!(true), &json!("clean")));
    assert_eq!((&pull["additions"], &pull["deletions"]), (&json!(0), &json!(19)));
    let files = get("/files").await;
    assert_eq!((&files[0]["filename"], &files[0]["status"]), (&json!("src/lib.txt"), &json!("modified")));
    assert!(files[0]["patch"].as_str().unwrap().starts_with("@@ -1,20 +1 @@"));
    assert_eq!(get("/commits").await[0]["commit"]["message"], "Cut");
    let diff =
        world.send_with("GET", &path, &token, (&Value::Null, &[("accept", "application/vnd.github.diff")])).await;
    assert!(diff.bytes.starts_with(b"diff --git a/src/lib.txt b/src/lib.txt\n"));
    // The base goes another way: a conflict, then no merge.
    ann.write_file(REPO, "main", ("src/lib.txt", "other\n"), "Other").unwrap();
    get("").await;
    assert_eq!(get("").await["mergeable_state"], "dirty");
    let body = json!({ "merge_method": "merge" });
    let refused = world.send("PUT", &format!("{path}/merge"), &token, &body).await.expect(405);
    assert_eq!(refused["message"], "Pull Request is not mergeable");
    // The head moves: synchronize. The head goes: closed.
    world.received_names().await;
    ann.write_file(REPO, "topic", ("b.txt", "b\n"), "More").unwrap();
    assert!(world.received_names().await.contains(&"pull_request.synchronize".to_owned()));
    world.send("DELETE", &format!("/repos/{REPO}/git/refs/heads/topic"), &token, &Value::Null).await.expect(204);
    assert_eq!(world.github.issue(REPO, number).unwrap().state, IssueState::Closed);
    world.assert_no_violations();
}

/// <https://docs.github.com/en/pull-requests/collaborating-with-pull-requests/incorporating-changes-from-a-pull-request/about-pull-request-merges>
#[tokio::test]
async fn each_way_of_merging_makes_real_commits() {
    let world = World::start().await;
    let ann = world.github.act_as("ann").unwrap();
    let bare = world.github.git_dir(REPO).unwrap();
    let log = || git(&bare, &["log", "--format=%s|%p", "-1", "main"]);
    for (branch, method) in [("one", MergeMethod::Merge), ("two", MergeMethod::Squash), ("three", MergeMethod::Rebase)]
    {
        ann.write_file(REPO, branch, (&format!("{branch}.txt"), "x\n"), &format!("Add {branch}")).unwrap();
        ann.write_file(REPO, branch, (&format!("{branch}.txt"), "y\n"), &format!("Change {branch}")).unwrap();
        ann.write_file(REPO, "main", ("main.txt", branch), "Meanwhile").unwrap();
        let number = ann.open_pull_request(REPO, (branch, "main"), &format!("Do {branch}"), "").unwrap();
        let before = world.tip("main");
        let sha = ann.merge(REPO, number, method).unwrap();
        assert_eq!(world.tip("main"), sha);
        assert_eq!(git(&bare, &["show", &format!("main:{branch}.txt")]), "y");
        let (subject, parents) = log().split_once('|').map(|(a, b)| (a.to_owned(), b.split(' ').count())).unwrap();
        match method {
            MergeMethod::Merge => assert_eq!((subject, parents), ("Merge pull request #1 from acme/one".into(), 2)),
            MergeMethod::Squash => assert_eq!((subject, parents), ("Do two (#2)".into(), 1)),
            MergeMethod::Rebase => {
                assert_eq!((subject, parents), ("Change three".into(), 1));
                assert_eq!(git(&bare, &["rev-list", "--count", &format!("{before}..main")]), "2");
            }
        }
        let pull = world.github.issue(REPO, number).unwrap();
        assert_eq!(pull.pull.unwrap().merge_commit_sha, Some(sha));
        assert!(ann.merge(REPO, number, method).is_err(), "merged once");
    }
    world.assert_no_violations();
}

#[tokio::test]
async fn merging_checks_the_head_and_the_role() {
    let world = World::start().await;
    let token = world.token().await;
    let ann = world.github.act_as("ann").unwrap();
    ann.write_file(REPO, "topic", ("a.txt", "a\n"), "Add a").unwrap();
    let number = ann.open_pull_request(REPO, ("topic", "main"), "Add a", "").unwrap();
    let path = format!("/repos/{REPO}/pulls/{number}/merge");
    let stale = json!({ "sha": world.tip("main") });
    assert!(
        world.send("PUT", &path, &token, &stale).await.expect(409)["message"].as_str().unwrap().contains("modified")
    );
    assert!(world.github.act_as("tom").unwrap().merge(REPO, number, MergeMethod::Merge).is_err(), "triage may not");
    let current = json!({ "sha": world.tip("topic") });
    assert_eq!(world.send("PUT", &path, &token, &current).await.expect(200)["merged"], true);
    world.assert_no_violations();
}
