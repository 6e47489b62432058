//! Review threads over GraphQL, answers, outdated comments, review requests, dismissals.

use github_stand_in::control::{LineNote, Verdict};
use serde_json::{Value, json};

use crate::harness::{REPO, World};

const THREADS: &str = "query($owner: String!, $name: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $name) { pullRequest(number: $number) { reviewThreads(first: 1, after: $after) {
    totalCount pageInfo { hasNextPage endCursor }
    nodes { id isResolved isOutdated path line comments(first: 10) { nodes { databaseId body author { login __typename } } } }
  } } } }";

async fn pull_request(world: &World) -> (u64, String) {
    let ann = world.github.act_as("ann").unwrap();
    ann.write_file(REPO, "topic", ("src/lib.txt", "first\nsecond\nthird\n"), "Cut").unwrap();
    let token = world.token().await;
    let body = json!({ "title": "Cut", "head": "topic", "base": "main" });
    let pull = world.send("POST", &format!("/repos/{REPO}/pulls"), &token, &body).await.expect(201);
    world.received_names().await;
    (pull["number"].as_u64().unwrap(), token)
}

async fn ask(world: &World, token: &str, query: &str, variables: Value) -> Value {
    world.send("POST", "/graphql", token, &json!({ "query": query, "variables": variables })).await.expect(200)
}

fn page(number: u64, after: &Value) -> Value {
    json!({ "owner": "acme", "name": "widgets", "number": number, "after": after })
}

/// <https://docs.github.com/en/graphql/reference/objects#pullrequestreviewthread>
#[tokio::test]
async fn threads_are_read_answered_and_resolved() {
    let world = World::start().await;
    let (number, token) = pull_request(&world).await;
    let ann = world.github.act_as("ann").unwrap();
    let notes = [
        LineNote { path: "src/lib.txt", start_line: None, line: 1, body: "```suggestion\nFirst\n```" },
        LineNote { path: "src/lib.txt", start_line: Some(2), line: 3, body: "Both, please" },
    ];
    ann.review_lines((REPO, number), Verdict::RequestChanges, "Two things", &notes).unwrap();
    let expected =
        ["pull_request_review.submitted", "pull_request_review_comment.created", "pull_request_review_comment.created"];
    assert_eq!(world.received_names().await, expected, "one review, all its comments");
    let backwards = [LineNote { path: "src/lib.txt", start_line: Some(3), line: 2, body: "no" }];
    assert!(ann.review_lines((REPO, number), Verdict::Comment, "", &backwards).is_err());

    let first = ask(&world, &token, THREADS, page(number, &Value::Null)).await;
    assert!(first.get("errors").is_none(), "{first}");
    let threads = &first["data"]["repository"]["pullRequest"]["reviewThreads"];
    assert_eq!((&threads["totalCount"], &threads["pageInfo"]["hasNextPage"]), (&json!(2), &json!(true)));
    let thread = &threads["nodes"][0];
    assert_eq!(
        (&thread["isResolved"], &thread["isOutdated"], &thread["line"]),
        (&json!(false), &json!(false), &json!(1))
    );
    let root = thread["comments"]["nodes"][0]["databaseId"].as_u64().unwrap();
    let answer = format!("/repos/{REPO}/pulls/{number}/comments/{root}/replies");
    world.send("POST", &answer, &token, &json!({ "body": "done" })).await.expect(201);
    let second = ask(&world, &token, THREADS, page(number, &threads["pageInfo"]["endCursor"])).await;
    let threads = &second["data"]["repository"]["pullRequest"]["reviewThreads"];
    assert_eq!((&threads["nodes"][0]["line"], &threads["pageInfo"]["hasNextPage"]), (&json!(3), &json!(false)));
    world.received_names().await;
    let edits = "query($n: Int!) { repository(owner: \"acme\", name: \"widgets\") { pullRequest(number: $n) { reviews(last: 2) { totalCount nodes { fullDatabaseId lastEditedAt comments(first: 9) { nodes { fullDatabaseId lastEditedAt } } } } } } }";
    ann.edit_line_comment(REPO, root, "First, please").unwrap();
    let shown = ask(&world, &token, edits, json!({ "n": number })).await;
    let reviews = &shown["data"]["repository"]["pullRequest"]["reviews"];
    let comments = &reviews["nodes"][0]["comments"]["nodes"];
    assert_eq!((&reviews["totalCount"], &reviews["nodes"][0]["lastEditedAt"]), (&json!(2), &Value::Null), "{shown}");
    assert_eq!(
        (&comments[0]["fullDatabaseId"], &comments[1]["lastEditedAt"]),
        (&json!(root.to_string()), &Value::Null)
    );
    assert!(comments[0]["lastEditedAt"].is_string(), "{shown}");
    world.received_names().await;

    let resolve = "mutation($id: ID!) { resolveReviewThread(input: {threadId: $id}) { thread { id isResolved resolvedBy { login } comments(last: 1) { nodes { author { login __typename } } } } } }";
    let done = ask(&world, &token, resolve, json!({ "id": thread["id"] })).await;
    let shown = &done["data"]["resolveReviewThread"]["thread"];
    assert_eq!((&shown["isResolved"], &shown["resolvedBy"]["login"]), (&json!(true), &json!("helper")));
    assert_eq!(shown["comments"]["nodes"][0]["author"], json!({ "login": "helper", "__typename": "Bot" }));
    assert_eq!(world.received_names().await, ["pull_request_review_thread.resolved"]);
    ann.resolve_thread(REPO, root, false).unwrap();
    assert_eq!(world.received_names().await, ["pull_request_review_thread.unresolved"]);
    let rita = world.github.act_as("rita").unwrap();
    assert!(rita.resolve_thread(REPO, root, true).unwrap_err().to_string().contains("FORBIDDEN"));
    let narrow = world.token_with(&["pull_requests"]).await;
    let refused = ask(&world, &narrow, resolve, json!({ "id": thread["id"] })).await;
    assert_eq!(refused["errors"][0]["message"], "Resource not accessible by integration");
    let page = world.send("GET", &format!("/{REPO}/pull/{number}"), "", &Value::Null).await;
    assert!(String::from_utf8_lossy(&page.bytes).contains("Resolve conversation"));
    world.assert_no_violations();
}

/// <https://docs.github.com/en/graphql/guides/forming-calls-with-graphql>: one fault, and nothing is answered.
#[tokio::test]
async fn graphql_is_strict() {
    let world = World::start().await;
    let (number, token) = pull_request(&world).await;
    let fault = async |query: &str, variables: Value| {
        let answer = ask(&world, &token, query, variables).await;
        answer["errors"][0]["message"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(fault("{ viewer { mood } }", json!({})).await, "Field 'mood' doesn't exist on type 'User'");
    assert!(
        fault("{ repository(owner: \"acme\") { name } }", json!({})).await.contains("missing required arguments: name")
    );
    assert!(fault("{ viewer }", json!({})).await.contains("must have selections"));
    assert!(fault("{ viewer { login { x } } }", json!({})).await.contains("on scalars"));
    assert!(fault("{ viewer { login }", json!({})).await.contains("Parse error"));
    assert!(fault("query($x: Int) { viewer { login } }", json!({})).await.contains("not used"));
    assert!(fault("{ repository(owner: $o, name: \"n\") { name } }", json!({})).await.contains("not declared"));
    let unpaged = format!(
        "{{ repository(owner: \"acme\", name: \"widgets\") {{ pullRequest(number: {number}) {{ reviewThreads {{ totalCount }} }} }} }}"
    );
    assert!(fault(&unpaged, json!({})).await.contains("`first` or `last`"));
    let missing = ask(&world, &token, "{ repository(owner: \"acme\", name: \"none\") { name } }", json!({})).await;
    assert_eq!((&missing["data"]["repository"], &missing["errors"][0]["type"]), (&Value::Null, &json!("NOT_FOUND")));
    world.send("POST", "/graphql", "", &json!({ "query": "{ viewer { login } }" })).await.expect(401);
    world.assert_no_violations();
}

/// A comment follows its line, and is outdated once the line itself changes.
#[tokio::test]
async fn comments_become_outdated() {
    let world = World::start().await;
    let (number, token) = pull_request(&world).await;
    let ann = world.github.act_as("ann").unwrap();
    let id = ann.comment_on_line(REPO, number, ("src/lib.txt", 2), "hm").unwrap();
    let get = async || {
        world.send("GET", &format!("/repos/{REPO}/pulls/comments/{id}"), &token, &Value::Null).await.expect(200)
    };
    let head = ann.write_file(REPO, "topic", ("src/lib.txt", "zeroth\nfirst\nsecond\nthird\n"), "Before").unwrap();
    let moved = get().await;
    assert_eq!((&moved["line"], &moved["original_line"], &moved["commit_id"]), (&json!(3), &json!(2), &json!(head)));
    ann.write_file(REPO, "topic", ("src/lib.txt", "zeroth\nfirst\n2nd\nthird\n"), "Itself").unwrap();
    let gone = get().await;
    assert_eq!((&gone["line"], &gone["position"], &gone["original_line"]), (&Value::Null, &Value::Null, &json!(2)));
    let threads = ask(&world, &token, THREADS, page(number, &Value::Null)).await;
    let thread = &threads["data"]["repository"]["pullRequest"]["reviewThreads"]["nodes"][0];
    assert_eq!((&thread["isOutdated"], &thread["line"]), (&json!(true), &Value::Null));
    world.received_names().await;
    ann.edit_line_comment(REPO, id, "better").unwrap();
    ann.delete_line_comment(REPO, id).unwrap();
    let names = world.received_names().await;
    assert_eq!(names, ["pull_request_review_comment.deleted", "pull_request_review_comment.edited"]);
    world.assert_no_violations();
}

/// <https://docs.github.com/en/rest/pulls/review-requests>, <https://docs.github.com/en/rest/pulls/reviews>
#[tokio::test]
async fn reviews_are_asked_for_submitted_later_and_dismissed() {
    let world = World::start().await;
    let (number, token) = pull_request(&world).await;
    let path = format!("/repos/{REPO}/pulls/{number}");
    let ann = world.github.act_as("ann").unwrap();
    ann.request_review(REPO, number, &["tom", "rita"]).unwrap();
    ann.unrequest_review(REPO, number, &["rita"]).unwrap();
    let asked = world.send("GET", &format!("{path}/requested_reviewers"), &token, &Value::Null).await.expect(200);
    assert_eq!((asked["users"].as_array().unwrap().len(), &asked["users"][0]["login"]), (1, &json!("tom")));
    let tom = world.github.act_as("tom").unwrap();
    let line = json!({ "path": "src/lib.txt", "line": 1, "side": "RIGHT", "body": "later" });
    let pending = tom.request("POST", &format!("{path}/reviews"), &json!({ "comments": [line] })).unwrap();
    let hidden = world.send("GET", &format!("{path}/comments"), &token, &Value::Null).await.expect(200);
    assert_eq!(hidden, json!([]), "a pending review is its author's");
    world.received_names().await;
    let events = format!("{path}/reviews/{}/events", pending["id"]);
    tom.request("POST", &events, &json!({ "event": "REQUEST_CHANGES", "body": "so" })).unwrap();
    let names = world.received_names().await;
    assert_eq!(names, ["pull_request_review.submitted", "pull_request_review_comment.created"]);
    let asked = world.send("GET", &format!("{path}/requested_reviewers"), &token, &Value::Null).await.expect(200);
    assert_eq!(asked["users"], json!([]), "who reviewed is asked no longer");
    let review = pending["id"].as_u64().unwrap();
    ann.dismiss_review(REPO, number, review, "It is fine").unwrap();
    assert_eq!(world.received_names().await, ["pull_request_review.dismissed"]);
    assert!(ann.dismiss_review(REPO, number, review, "again").is_err());
    let shown = world.send("GET", &format!("{path}/reviews/{review}"), &token, &Value::Null).await.expect(200);
    assert_eq!(shown["state"], "DISMISSED");
    ann.set_draft(REPO, number, true).unwrap();
    ann.set_draft(REPO, number, false).unwrap();
    assert_eq!(world.received_names().await, ["pull_request.converted_to_draft", "pull_request.ready_for_review"]);
    world.assert_no_violations();
}

/// <https://docs.github.com/en/graphql/reference/mutations#markpullrequestreadyforreview>
#[tokio::test]
async fn a_draft_is_made_ready_by_who_may_write() {
    let world = World::start().await;
    let (number, token) = pull_request(&world).await;
    let path = format!("/repos/{REPO}/pulls/{number}");
    let id = world.send("GET", &path, &token, &Value::Null).await.expect(200)["node_id"].clone();
    let ready = "mutation($pull: ID!) { markPullRequestReadyForReview(input: { pullRequestId: $pull }) { pullRequest { isDraft } } }";
    let fault = async |token: &str, id: &Value| {
        let answer = ask(&world, token, ready, json!({ "pull": id })).await;
        answer["errors"][0]["type"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(fault(&token, &id).await, "UNPROCESSABLE", "it is no draft");
    world.github.act_as("ann").unwrap().set_draft(REPO, number, true).unwrap();
    world.received_names().await;
    let narrow = world.token_with(&["pull_requests"]).await;
    assert_eq!(fault(&narrow, &id).await, "FORBIDDEN", "contents must be writable as well");
    assert_eq!(fault(&token, &json!("PR_nothing")).await, "NOT_FOUND");
    let done = ask(&world, &token, ready, json!({ "pull": id })).await;
    assert_eq!(done["data"]["markPullRequestReadyForReview"]["pullRequest"], json!({ "isDraft": false }));
    assert_eq!(world.received_names().await, ["pull_request.ready_for_review"]);
    world.github.act_as("ann").unwrap().set_draft(REPO, number, true).unwrap();
    world.github.act_as("ann").unwrap().close(REPO, number).unwrap();
    assert_eq!(fault(&token, &id).await, "UNPROCESSABLE", "it is closed");
    world.assert_no_violations();
}

/// <https://docs.github.com/en/rest/commits/comments>
#[tokio::test]
async fn commits_are_commented_on() {
    let world = World::start().await;
    let token = world.token().await;
    let path = format!("/repos/{REPO}/commits/{}/comments", world.tip("main"));
    assert_eq!(world.send("GET", &path, &token, &Value::Null).await.expect(200), json!([]));
    let made = world.send("POST", &path, &token, &json!({ "body": "Hm." })).await.expect(201);
    assert_eq!(world.send("GET", &path, &token, &Value::Null).await.expect(200), json!([made]));
    let narrow = world.token_with(&["issues", "pull_requests"]).await;
    world.send("POST", &path, &narrow, &json!({ "body": "Hm." })).await.expect(403);
    world.send("POST", &path, &token, &json!({ "body": " " })).await.expect(422);
    let nowhere = format!("/repos/{REPO}/commits/{}/comments", "0".repeat(40));
    world.send("POST", &nowhere, &token, &json!({ "body": "Hm." })).await.expect(422);
    assert!(world.received_names().await.is_empty(), "nobody subscribed");
    world.assert_no_violations();
}
