use std::{collections::BTreeMap, io::Read};

use proptest::prelude::*;

use super::*;
use crate::ids::InstallationId;

#[derive(serde::Deserialize)]
struct Example {
    event: String,
    payload: serde_json::Value,
}

fn examples() -> Vec<Example> {
    let packed: &[u8] = include_bytes!("../../fixtures/webhooks/octokit-examples.json.gz");
    let mut json = String::new();
    flate2::read::GzDecoder::new(packed).read_to_string(&mut json).unwrap();
    serde_json::from_str(&json).unwrap()
}

fn read(name: &str, payload: serde_json::Value) -> Event {
    parse(name, payload.to_string().as_bytes()).unwrap()
}

fn kind_of(event: &Event) -> String {
    match &event.kind {
        EventKind::Spoken(spoken) => format!("spoken {:?} {:?}", spoken.place, spoken.action),
        EventKind::Triggered(triggered) => format!("triggered {}", first_word(&triggered.by)),
        EventKind::PullRequest(pull) => format!("pull request {}", first_word(&pull.change)),
        EventKind::Unlocked { .. } => "unlocked".into(),
        EventKind::CheckRun(check) => format!("check run {}", first_word(&check.action)),
        EventKind::CheckSuite(suite) => format!("check suite {}", first_word(&suite.action)),
        EventKind::WorkflowRun(_) => "workflow run".into(),
        EventKind::CommitStatus(_) => "commit status".into(),
        EventKind::Installation(change) => format!("installation {}", first_word(change)),
        EventKind::Repository(change) => format!("repository {}", first_word(change)),
        EventKind::Push(_) => "push".into(),
        EventKind::Ping => "ping".into(),
        EventKind::Ignored { reason } if reason.ends_with(" deliveries") => "ignored: kind of delivery".into(),
        EventKind::Ignored { reason } if reason.contains("ref") => "ignored: no branch".into(),
        EventKind::Ignored { .. } => "ignored: action".into(),
    }
}

fn first_word(value: &impl std::fmt::Debug) -> String {
    format!("{value:?}").split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
}

#[test]
fn every_example_of_github_is_read() {
    let mut counts = BTreeMap::<String, BTreeMap<String, usize>>::new();
    let mut read = 0;
    for Example { event: name, payload } in examples() {
        let event = parse(&name, payload.to_string().as_bytes()).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let subject = match kind_of(&event).as_str() {
            "ignored: kind of delivery" => "(other)".to_owned(),
            _ => format!("{name}.{}", payload["action"].as_str().unwrap_or("-")),
        };
        *counts.entry(kind_of(&event)).or_default().entry(subject).or_default() += 1;
        read += 1;
    }
    assert_eq!(read, 329);
    let table: Vec<String> = counts
        .into_iter()
        .map(|(kind, subjects)| {
            let subjects: Vec<String> = subjects.iter().map(|(name, count)| format!("{name} {count}")).collect();
            format!("{kind}: {}", subjects.join(", "))
        })
        .collect();
    insta::assert_snapshot!(table.join("\n"), @r#"
    check run Completed: check_run.completed 3
    check run RequestedAction: check_run.requested_action 1
    check run Rerequested: check_run.rerequested 2
    check suite Completed: check_suite.completed 4
    check suite Rerequested: check_suite.rerequested 2
    commit status: status.- 4
    ignored: action: check_run.created 3, check_suite.requested 3, issues.deleted 1, issues.demilestoned 2, issues.locked 2, issues.milestoned 2, issues.pinned 1, issues.reopened 1, issues.transferred 1, issues.unassigned 2, issues.unlabeled 2, issues.unpinned 1, pull_request.assigned 2, pull_request.converted_to_draft 3, pull_request.locked 2, pull_request.ready_for_review 3, pull_request.review_request_removed 1, pull_request.review_requested 1, pull_request.unassigned 2, pull_request.unlabeled 2, pull_request_review.dismissed 1, repository.created 2, repository.privatized 2, repository.publicized 3, workflow_run.requested 2
    ignored: kind of delivery: (other) 192
    ignored: no branch: push.- 5
    installation Created: installation.created 2
    installation Deleted: installation.deleted 2
    installation PermissionsAccepted: installation.new_permissions_accepted 1
    installation Repositories: installation_repositories.added 2, installation_repositories.removed 1
    installation Suspended: installation.suspend 1
    installation Unsuspended: installation.unsuspend 1
    ping: ping.- 4
    pull request Closed: pull_request.closed 2
    pull request Reopened: pull_request.reopened 2
    pull request Synchronize: pull_request.synchronize 1
    push: push.- 2
    repository Described: repository.edited 2, repository.renamed 1, repository.transferred 3
    spoken Issue Created: issues.opened 4
    spoken Issue Edited: issues.edited 3
    spoken IssueComment Created: issue_comment.created 5
    spoken IssueComment Deleted: issue_comment.deleted 2
    spoken IssueComment Edited: issue_comment.edited 2
    spoken PullRequest Created: pull_request.opened 4
    spoken Review Created: pull_request_review.submitted 3
    spoken ReviewComment Created: pull_request_review_comment.created 3
    spoken ReviewComment Deleted: pull_request_review_comment.deleted 1
    spoken ReviewComment Edited: pull_request_review_comment.edited 1
    triggered Assignee: issues.assigned 3
    triggered Label: issues.labeled 2, pull_request.labeled 2
    unlocked: issues.unlocked 2, pull_request.unlocked 2
    workflow run: workflow_run.completed 3
    "#);
}

#[test]
fn repository_and_actor_are_known_in_every_example_that_names_them() {
    for Example { event: name, payload } in examples() {
        let event = parse(&name, payload.to_string().as_bytes()).unwrap();
        if payload["repository"]["full_name"].is_string() {
            assert!(event.repository.is_some(), "{name}: {}", payload["repository"]["full_name"]);
        }
        if payload["sender"]["id"].is_number() {
            assert!(event.actor.is_some(), "{name}: {}", payload["sender"]);
        }
    }
}

/// GitHub may send `null` for what it usually sends. Take away every value of one example of each action.
#[test]
fn no_missing_value_is_a_panic() {
    let mut seen = std::collections::HashSet::new();
    let mut readable = 0;
    for Example { event: name, mut payload } in examples() {
        let is_new = seen.insert((name.clone(), payload["action"].to_string()));
        let event = parse(&name, payload.to_string().as_bytes()).unwrap();
        if !is_new || matches!(event.kind, EventKind::Ignored { .. }) {
            continue;
        }
        for pointer in pointers(&payload, 3) {
            let value = payload.pointer_mut(&pointer).unwrap().take();
            readable += usize::from(parse(&name, payload.to_string().as_bytes()).is_ok());
            *payload.pointer_mut(&pointer).unwrap() = value;
        }
    }
    assert!(readable > 1_000, "only {readable} payloads were still readable");
}

fn pointers(value: &serde_json::Value, depth: usize) -> Vec<String> {
    let Some(object) = value.as_object().filter(|_| depth > 0) else { return Vec::new() };
    let below = |(key, value): (&String, &serde_json::Value)| {
        let key = format!("/{}", key.replace('~', "~0").replace('/', "~1"));
        let inner: Vec<String> = pointers(value, depth - 1).into_iter().map(|path| format!("{key}{path}")).collect();
        [vec![key], inner].concat()
    };
    object.iter().filter(|(key, _)| !key.ends_with("url")).flat_map(below).collect()
}

fn repository() -> serde_json::Value {
    serde_json::json!({"id": 5, "full_name": "acme/dates", "default_branch": "main", "private": true})
}

fn pull(head_repository: serde_json::Value) -> serde_json::Value {
    serde_json::json!({
        "id": 70, "number": 7, "title": "Change", "body": "/wiz fix", "merged": false,
        "user": {"id": 3, "login": "alice", "type": "User"},
        "head": {"ref": "topic", "sha": "a".repeat(40), "repo": head_repository},
        "base": {"ref": "main", "sha": "b".repeat(40), "repo": {"id": 5}},
    })
}

#[test]
fn a_comment_becomes_spoken_text() {
    let event = read(
        "issue_comment",
        serde_json::json!({
            "action": "edited",
            "installation": {"id": 99},
            "repository": repository(),
            "sender": {"id": 2, "login": "bob", "type": "User"},
            "issue": {"id": 10, "number": 1, "title": "Broken", "body": "It is", "pull_request": {"url": "x"}},
            "comment": {"id": 11, "body": "/wiz fix", "html_url": "https://x", "user": {"id": 3, "login": "alice"}},
            "changes": {"body": {"from": "hello"}},
        }),
    );
    assert_eq!(event.installation, Some(InstallationId(99)));
    assert_eq!(event.actor, Some(Actor { id: UserId(2), login: "bob".parse().unwrap(), is_bot: false }));
    let EventKind::Spoken(spoken) = event.kind else { panic!("{:?}", event.kind) };
    assert_eq!(
        spoken,
        Spoken {
            place: Place::IssueComment,
            issue: IssueNumber(1),
            pull_request: true,
            closed: false,
            locked: false,
            fork: None,
            head: None,
            id: CommentId(11),
            author: Some(Actor { id: UserId(3), login: "alice".parse().unwrap(), is_bot: false }),
            text: "/wiz fix".into(),
            previous_text: Some("hello".into()),
            action: SpokenAction::Edited,
            issue_title: "Broken".into(),
            issue_body: Some("It is".into()),
            review: None,
            anchor: None,
            url: Some("https://x".into()),
        }
    );
}

#[test]
fn an_edit_that_left_the_text_alone_repeats_it_as_previous() {
    for changes in [serde_json::json!({"title": {"from": "Old"}}), serde_json::Value::Null] {
        let event = read(
            "issues",
            serde_json::json!({
                "action": "edited", "repository": repository(), "changes": changes,
                "issue": {"id": 10, "number": 1, "title": "New", "body": "/wiz fix"},
            }),
        );
        let EventKind::Spoken(spoken) = event.kind else { panic!("{:?}", event.kind) };
        assert_eq!(spoken.previous_text.as_deref(), Some("/wiz fix"));
        assert_eq!(spoken.place, Place::Issue);
        assert!(command::parse(&spoken.text, spoken.previous_text.as_deref()).is_empty());
    }
}

#[test]
fn a_review_and_its_comments_are_spoken_too() {
    let review = read(
        "pull_request_review",
        serde_json::json!({
            "action": "submitted", "repository": repository(), "pull_request": pull(serde_json::json!({"id": 5})),
            "review": {"id": 12, "body": null, "state": "changes_requested", "user": {"id": 3, "login": "alice"}},
        }),
    );
    let EventKind::Spoken(review) = review.kind else { panic!("{:?}", review.kind) };
    assert_eq!((review.place, review.review), (Place::Review, Some(ReviewState::ChangesRequested)));
    assert_eq!((review.text.as_str(), review.fork, review.pull_request), ("", Some(false), true));

    let comment = read(
        "pull_request_review_comment",
        serde_json::json!({
            "action": "created", "repository": repository(), "pull_request": pull(serde_json::json!({"id": 5})),
            "comment": {"id": 13, "body": "here", "path": "src/a.rs", "line": null, "original_line": 4,
                        "in_reply_to_id": 11, "pull_request_review_id": 12},
        }),
    );
    let EventKind::Spoken(comment) = comment.kind else { panic!("{:?}", comment.kind) };
    let (thread, review) = (CommentId(11), Some(ReviewId(12)));
    let anchor = Anchor { path: "src/a.rs".into(), thread, review, line: Some(4), diff_hunk: None };
    assert_eq!((comment.place, comment.anchor), (Place::ReviewComment, Some(anchor)));
}

#[test]
fn only_a_head_in_the_same_repository_is_no_fork() {
    for (head_repository, fork) in [
        (serde_json::json!({"id": 5}), false),
        (serde_json::json!({"id": 6}), true),
        (serde_json::json!({}), true),
        (serde_json::Value::Null, true),
    ] {
        let payload = |action: &str| serde_json::json!({"action": action, "repository": repository(), "pull_request": pull(head_repository.clone())});
        let EventKind::PullRequest(moved) = read("pull_request", payload("synchronize")).kind else { panic!() };
        assert_eq!(moved.fork, fork, "{head_repository}");
        let EventKind::Spoken(spoken) = read("pull_request", payload("opened")).kind else { panic!() };
        assert_eq!((spoken.fork, spoken.place), (Some(fork), Place::PullRequest));
    }
}

#[test]
fn apps_and_bot_names_are_bots() {
    for (sender, is_bot) in [
        (serde_json::json!({"id": 1, "login": "octocat", "type": "User"}), Some(false)),
        (serde_json::json!({"id": 1, "login": "Copilot", "type": "Bot"}), Some(true)),
        (serde_json::json!({"id": 1, "login": "wiz[bot]", "type": "User"}), Some(true)),
        (serde_json::json!({"id": 1, "login": "octo-org", "type": "Organization"}), Some(false)),
        (serde_json::json!({"id": 1, "login": "not a login"}), None),
        (serde_json::json!({"login": "ghost"}), None),
        (serde_json::Value::Null, None),
    ] {
        let event = read("ping", serde_json::json!({"sender": sender}));
        assert_eq!(event.actor.map(|actor| actor.is_bot), is_bot, "{sender}");
    }
}

#[test]
fn pull_requests_of_other_repositories_are_not_listed() {
    let event = read(
        "check_run",
        serde_json::json!({
            "action": "completed", "repository": repository(),
            "check_run": {
                "id": 1, "name": "ci", "head_sha": "c".repeat(40), "conclusion": "failure",
                "check_suite": {"head_branch": null},
                "pull_requests": [{"number": 3, "base": {"repo": {"id": 5}}}, {"number": 4, "base": {"repo": {"id": 6}}}],
            },
        }),
    );
    let EventKind::CheckRun(check) = event.kind else { panic!("{:?}", event.kind) };
    assert_eq!(check.pull_requests, [IssueNumber(3)]);
    assert_eq!(check.action, CheckRunAction::Completed { conclusion: Some("failure".into()) });
    assert_eq!((check.head_branch, check.external_id.as_str()), (None, ""));
}

#[test]
fn broken_deliveries_are_errors_with_a_name() {
    let message = |name: &str, payload: &str| parse(name, payload.as_bytes()).unwrap_err().to_string();
    insta::assert_snapshot!(message("issues", "{"), @"issues: the payload is not the JSON that GitHub documents");
    insta::assert_snapshot!(message("issue_comment", r#"{"action":"created","issue":{"id":1,"number":1}}"#), @"issue_comment: the comment is missing");
    insta::assert_snapshot!(message("check_run", r#"{"action":"requested_action","check_run":{"id":1}}"#), @"check_run: the button's identifier is missing");
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(parse("push", deep.as_bytes()).is_err());
    assert!(parse("push", br#"{"sender":{"id":99999999999999999999}}"#).is_err());
    assert!(parse("push", b"\"\xff\"").is_err());
}

#[test]
fn odd_names_are_ignored_and_not_quoted() {
    let event = read("<b>\n", serde_json::json!({"action": "x"}));
    assert_eq!(event.kind, EventKind::Ignored { reason: "wiz has no use for ?b?? deliveries".into() });
    let event = read("issues", serde_json::json!({"action": "pinned"}));
    assert_eq!(event.kind, EventKind::Ignored { reason: "wiz has no use for issues pinned".into() });
}

#[test]
fn forms_and_json_bodies_are_read() {
    let payload = |content_type, body: &'static str| {
        payload_of(content_type, body.as_bytes()).map(|payload| String::from_utf8(payload.into_owned()).unwrap())
    };
    assert_eq!(payload(Some("application/json; charset=utf-8"), "{}").unwrap(), "{}");
    assert_eq!(payload(None, "{}").unwrap(), "{}");
    let form = "a=b&payload=%7B%22zen%22%3A+%22a%2Bb%22%7D";
    assert_eq!(payload(Some("Application/X-WWW-Form-Urlencoded"), form).unwrap(), r#"{"zen": "a+b"}"#);
    assert!(matches!(payload(Some("application/x-www-form-urlencoded"), "a=b"), Err(EventError::FormWithoutPayload)));
    assert!(matches!(payload(Some("text/plain"), "{}"), Err(EventError::ContentType(_))));
}

proptest! {
    #[test]
    fn no_bytes_are_a_panic(name in "[a-z_]{0,12}|issues|issue_comment|pull_request|check_run|push", bytes: Vec<u8>) {
        drop(parse(&name, &bytes));
        drop(payload_of(Some("application/x-www-form-urlencoded"), &bytes));
    }
}
