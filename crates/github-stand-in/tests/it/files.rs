//! Files of the default branch over GraphQL.

use github_stand_in::control::NewRepository;
use serde_json::{Value, json};

use crate::harness::{REPO, World};

const FILE: &str = "query($owner: String!, $name: String!, $path: String!, $other: String!) {
  here: repository(owner: $owner, name: $name) { defaultBranchRef { name target { oid ... on Commit { file(path: $path) {
    type mode object { __typename ... on Blob { byteSize isBinary isTruncated text } }
  } } } } }
  there: repository(owner: $owner, name: $other) { nameWithOwner defaultBranchRef { name } }
}";

async fn ask(world: &World, token: &str, query: &str, path: &str, other: &str) -> Value {
    let variables = json!({ "owner": "acme", "name": "widgets", "path": path, "other": other });
    let body = json!({ "query": query, "variables": variables });
    world.send("POST", "/graphql", token, &body).await.expect(200)
}

/// <https://docs.github.com/en/graphql/reference/objects#treeentry>
#[tokio::test]
async fn a_file_of_the_newest_commit_is_read_by_its_path() {
    let world = World::start().await;
    let token = world.token().await;
    let ann = world.github.act_as("ann").unwrap();
    ann.write_file(REPO, "main", ("docs/hello.txt", "Grüße\n"), "Say hello").unwrap();
    ann.write_file(REPO, "main", ("docs/zero.bin", "a\0b"), "Add zero").unwrap();
    ann.write_file(REPO, "main", ("docs/long.txt", &"x".repeat(600_000)), "Add much").unwrap();

    let read = ask(&world, &token, FILE, "docs/hello.txt", "gone").await;
    let target = &read["data"]["here"]["defaultBranchRef"]["target"];
    assert_eq!(target["oid"], world.tip("main"));
    let blob =
        json!({ "__typename": "Blob", "byteSize": 8, "isBinary": false, "isTruncated": false, "text": "Grüße\n" });
    assert_eq!(target["file"], json!({ "type": "blob", "mode": 0o100_644, "object": blob }));
    assert_eq!(read["data"]["there"], Value::Null, "a repository that is not there leaves the rest alone");
    let missing = "Could not resolve to a Repository with the name 'acme/gone'.";
    assert_eq!((&read["errors"][0]["type"], &read["errors"][0]["message"]), (&json!("NOT_FOUND"), &json!(missing)));
    assert_eq!(read["errors"].as_array().map(Vec::len), Some(1));

    let file = async |path: &str| {
        let mut read = ask(&world, &token, FILE, path, "gone").await;
        read["data"]["here"]["defaultBranchRef"]["target"]["file"].take()
    };
    let zero = file("docs/zero.bin").await;
    assert_eq!((&zero["object"]["isBinary"], &zero["object"]["text"]), (&json!(true), &Value::Null));
    let long = file("docs/long.txt").await;
    assert_eq!((&long["object"]["isTruncated"], &long["object"]["byteSize"]), (&json!(true), &json!(600_000)));
    assert!(long["object"]["text"].as_str().unwrap().len() < 600_000);
    let folder = json!({ "type": "tree", "mode": 0o040_000, "object": { "__typename": "Tree" } });
    assert_eq!(file("docs").await, folder);
    assert_eq!((file("docs/none.txt").await, file("").await), (Value::Null, Value::Null));
    world.assert_no_violations();
}

#[tokio::test]
async fn what_cannot_be_read_is_said() {
    let world = World::start().await;
    let token = world.token().await;
    let empty = NewRepository { owner: "acme".to_owned(), name: "empty".to_owned(), ..NewRepository::default() };
    world.github.create_repository(&empty).unwrap();
    let read = ask(&world, &token, FILE, "README.md", "empty").await;
    assert_eq!(read["data"]["there"], json!({ "nameWithOwner": "acme/empty", "defaultBranchRef": null }));

    let narrow = world.token_with(&["issues"]).await;
    let refused = ask(&world, &narrow, FILE, "README.md", "gone").await;
    assert_eq!(refused["data"]["here"]["defaultBranchRef"], Value::Null);
    assert_eq!(refused["errors"][0]["type"], "FORBIDDEN", "{refused}");

    let wrong = FILE.replace("... on Blob", "... on Commit");
    let refused = ask(&world, &token, &wrong, "README.md", "gone").await;
    assert_eq!(refused["errors"][0]["message"], "Field 'byteSize' doesn't exist on type 'Commit'");
    let wrong = FILE.replace("... on Commit", "... on Repository");
    let refused = ask(&world, &token, &wrong, "README.md", "gone").await;
    assert_eq!(refused["errors"][0]["message"], "Fragment on Repository can't be spread here");
    let wrong = FILE.replace("file(path: $path)", "file");
    let refused = ask(&world, &token, &wrong, "README.md", "gone").await;
    assert_eq!(refused["errors"][0]["message"], "Field 'file' is missing required arguments: path");
    assert_eq!(refused.get("data"), None);
}
