//! Renames, transfers, archives, default branches; limits.

use serde_json::{Value, json};

use crate::harness::{EVENTS, REPO, World, git, permissions};

async fn subscribed() -> (World, String) {
    let world = World::start().await;
    let granted = permissions().into_iter().map(|(name, level)| (name.to_owned(), level)).collect();
    let events: Vec<&str> = EVENTS.iter().copied().chain(["repository"]).collect();
    world.github.change_app(world.app.id, granted, &events).unwrap();
    let token = world.token().await;
    (world, token)
}

/// <https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects>
#[tokio::test(flavor = "multi_thread")]
async fn a_repository_is_renamed() {
    let (world, token) = subscribed().await;
    let ann = world.github.act_as("ann").unwrap();
    let issue = ann.open_issue(REPO, "Old", "").unwrap();
    let id = world.github.repository(REPO).unwrap().id;
    world.received_names().await;
    ann.rename_repository(REPO, "gadgets").unwrap();
    let received = world.received().await.remove(0).json();
    assert_eq!(
        (&received["action"], &received["changes"]["repository"]["name"]["from"]),
        (&json!("renamed"), &json!("widgets"))
    );
    assert_eq!(received["repository"]["full_name"], "acme/gadgets");
    let old = world.send_once(&format!("/repos/{REPO}/issues/{issue}?per_page=1"), &token).await;
    assert_eq!(old.status, 301);
    assert_eq!(old.header("location"), format!("{}/repositories/{id}/issues/{issue}?per_page=1", world.github.url));
    let path = format!("/repositories/{id}/issues/{issue}");
    assert_eq!(world.send("GET", &path, &token, &Value::Null).await.expect(200)["title"], "Old");
    let clone = tempfile::tempdir().unwrap();
    let address = format!("{}/{REPO}.git", world.github.url).replacen("://", &format!("://x-access-token:{token}@"), 1);
    git(clone.path(), &["clone", "--quiet", &address, "."]);
    world.github.create_user("zoe").unwrap();
    ann.transfer_repository("acme/gadgets", "zoe").unwrap();
    let names = world.received_names().await;
    assert!(names.contains(&"repository.transferred".to_owned()), "{names:?}");
    assert!(world.github.installations()[0].repositories.is_empty(), "another account's installation");
    world.assert_no_violations();
}

#[tokio::test]
async fn branches_change_and_archives_are_read_only() {
    let (world, token) = subscribed().await;
    let ann = world.github.act_as("ann").unwrap();
    ann.write_file(REPO, "next", ("notes.txt", "x"), "Note").unwrap();
    world.received_names().await;
    assert!(ann.set_default_branch(REPO, "none").is_err());
    ann.set_default_branch(REPO, "next").unwrap();
    ann.delete_branch(REPO, "main").unwrap();
    assert_eq!(world.received_names().await, ["delete", "push", "repository.edited"]);
    ann.set_archived(REPO, true).unwrap();
    let refused =
        world.send("POST", &format!("/repos/{REPO}/issues"), &token, &json!({ "title": "t" })).await.expect(403);
    assert_eq!(refused["message"], "Repository was archived so is read-only.");
    assert_eq!(world.send("GET", &format!("/repos/{REPO}"), &token, &Value::Null).await.expect(200)["archived"], true);
    ann.set_archived(REPO, false).unwrap();
    world.send("POST", &format!("/repos/{REPO}/issues"), &token, &json!({ "title": "t" })).await.expect(201);
    assert_eq!(world.received_names().await, ["issues.opened", "repository.archived", "repository.unarchived"]);
    world.assert_no_violations();
}

/// <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api>
#[tokio::test]
async fn the_hourly_limit_bites() {
    let world = World::start().await;
    let token = world.token().await;
    world.github.set_rate_limit(Some(3));
    let path = format!("/repos/{REPO}");
    let first = world.send("GET", &path, &token, &Value::Null).await;
    assert_eq!((first.header("x-ratelimit-limit"), first.header("x-ratelimit-remaining")), ("3", "2"));
    let tag = first.header("etag").to_owned();
    for _ in 0..5 {
        let known = [("if-none-match", tag.as_str())];
        let again = world.send_with("GET", &path, &token, (&Value::Null, &known)).await;
        assert_eq!((again.status, again.header("x-ratelimit-remaining")), (304, "2"), "304 is free");
        world.send("GET", "/rate_limit", &token, &Value::Null).await.expect(200);
    }
    world.send("GET", &path, &token, &Value::Null).await.expect(200);
    world.github.spend_requests(world.installation, 1);
    let refused = world.send("GET", &path, &token, &Value::Null).await;
    assert_eq!((refused.status, refused.header("x-ratelimit-remaining")), (403, "0"));
    assert_eq!(
        refused.json()["message"],
        format!("API rate limit exceeded for installation ID {}.", world.installation)
    );
    let window = world.send("GET", "/rate_limit", &token, &Value::Null).await.expect(200);
    assert_eq!(window["resources"]["core"]["remaining"], 0);
    world.github.advance_clock(chrono::TimeDelta::minutes(60));
    let fresh = world.token_with(&["contents"]).await;
    world.send("GET", &path, &fresh, &Value::Null).await.expect(200);
    world.assert_no_violations();
}
