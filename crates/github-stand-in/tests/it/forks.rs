//! Forks and pull requests from them.

use github_stand_in::control::{NewRepository, NewWorkflow, Verdict};
use github_stand_in::store::{JobScript, Role, Trigger};
use serde_json::{Value, json};

use crate::harness::{World, seed};

const BASE: &str = "acme/open";

async fn open_world() -> (World, String) {
    let world = World::start().await;
    let seed = seed();
    let new = NewRepository {
        owner: "acme".to_owned(),
        name: "open".to_owned(),
        seed: Some(seed.path().to_owned()),
        ..NewRepository::default()
    };
    world.github.create_repository(&new).unwrap();
    world.github.set_role(BASE, "ann", Role::Admin).unwrap();
    world.github.add_to_installation(world.installation, &[BASE]).unwrap();
    world.received_names().await;
    let token = world.token().await;
    (world, token)
}

/// <https://docs.github.com/en/pull-requests/collaborating-with-pull-requests/working-with-forks>
#[tokio::test]
async fn a_pull_request_comes_from_a_fork() {
    let (world, token) = open_world().await;
    let (ann, rita) = (world.github.act_as("ann").unwrap(), world.github.act_as("rita").unwrap());
    let job = JobScript { name: "test".to_owned(), ..JobScript::default() };
    let new = NewWorkflow {
        name: "CI".to_owned(),
        on: vec![Trigger::PullRequest],
        jobs: vec![job],
        ..NewWorkflow::default()
    };
    world.github.script_workflow(BASE, &new).unwrap();
    let fork = rita.fork(BASE).unwrap();
    assert_eq!((fork.as_str(), rita.fork(BASE).unwrap().as_str()), ("rita/open", "rita/open"), "one fork each");
    let head = rita.write_file(&fork, "patch", ("src/lib.txt", "line 1\n"), "Cut").unwrap();
    assert_eq!(world.received_names().await, Vec::<String>::new(), "what happens in the fork is not told");
    assert!(rita.open_pull_request(BASE, ("patch", "main"), "Cut", "").is_err(), "no such branch here");
    assert!(ann.open_pull_request(BASE, ("rita:patch", "main"), "Cut", "").is_err(), "not ann's to offer");
    let number = rita.open_pull_request(BASE, ("rita:patch", "main"), "Cut", "").unwrap();
    assert!(rita.open_pull_request(BASE, ("rita:patch", "main"), "Cut", "").is_err(), "a second one");
    let names = world.received_names().await;
    assert!(names.contains(&"workflow_run.completed".to_owned()) && names.contains(&"pull_request.opened".to_owned()));
    let get =
        async |path: &str| world.send("GET", &format!("/repos/{BASE}{path}"), &token, &Value::Null).await.expect(200);
    let pull = get(&format!("/pulls/{number}")).await;
    assert_eq!(
        (&pull["head"]["label"], &pull["head"]["repo"]["full_name"]),
        (&json!("rita:patch"), &json!("rita/open"))
    );
    assert_eq!((&pull["head"]["repo"]["fork"], &pull["maintainer_can_modify"]), (&json!(true), &json!(true)));
    assert_eq!(pull["changed_files"], 1);
    assert_eq!(get("/pulls?head=rita:patch").await[0]["number"], number);
    let checks = get(&format!("/commits/{head}/check-runs")).await;
    assert_eq!(checks["check_runs"][0]["pull_requests"], json!([]));
    assert_eq!(get(&format!("/commits/{head}/check-suites")).await["check_suites"][0]["head_branch"], Value::Null);
    let run = get(&format!("/actions/runs?head_sha={head}")).await["workflow_runs"][0].clone();
    assert_eq!((&run["head_repository"]["full_name"], &run["pull_requests"]), (&json!("rita/open"), &json!([])));

    // The app reaches the base only, and makes its check on the fork's commit there.
    let blocked =
        world.send("PUT", "/repos/rita/open/contents/x", &token, &json!({ "message": "m", "content": "" })).await;
    assert_eq!(blocked.status, 403);
    let check = json!({ "name": "helper", "head_sha": head, "conclusion": "success" });
    let check = world.send("POST", &format!("/repos/{BASE}/check-runs"), &token, &check).await.expect(201);
    assert_eq!(check["pull_requests"], json!([]));
    world.received_names().await;
    let second = rita.write_file(&fork, "patch", ("src/lib.txt", "line one\n"), "Again").unwrap();
    let names = world.received_names().await;
    assert!(names.contains(&"pull_request.synchronize".to_owned()), "{names:?}");
    assert_eq!(get(&format!("/pulls/{number}")).await["head"]["sha"], second);
    ann.review(BASE, number, Verdict::Approve, "").unwrap();
    rita.delete_repository(&fork).unwrap();
    let orphan = get(&format!("/pulls/{number}")).await;
    assert_eq!((&orphan["head"]["repo"], &orphan["head"]["sha"]), (&Value::Null, &json!(second)));
    ann.merge(BASE, number, github_stand_in::control::MergeMethod::Squash).unwrap();
    world.settle().await;
    world.assert_no_violations();
}

/// An installation cannot fork: it would have to be installed on the account that gets the fork.
#[tokio::test]
async fn an_app_does_not_fork() {
    let (world, token) = open_world().await;
    world.send("POST", &format!("/repos/{BASE}/forks"), &token, &json!({})).await.expect(403);
    assert!(world.github.act_as("ann").unwrap().request("POST", &format!("/repos/{BASE}/forks"), &json!({})).is_ok());
    let forks = world.send("GET", &format!("/repos/{BASE}/forks"), &token, &Value::Null).await.expect(200);
    assert_eq!(forks[0]["owner"]["login"], "ann");
    world.assert_no_violations();
}
