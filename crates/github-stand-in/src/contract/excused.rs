//! Where GitHub's description is known to fall short of GitHub itself. Each excuse carries its reason.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

/// Statuses that GitHub sends and its description leaves out for many operations, with the reason.
/// Their bodies must still be GitHub's error shape.
pub const EXCUSED: [(u16, &str); 9] = [
    (400, "`Problems parsing JSON` may follow any request with a body; most operations do not declare it"),
    (401, "`Bad credentials` may follow any request; nearly no operation declares it"),
    (403, "`Resource not accessible by integration` and rate limits may follow any request; few operations declare it"),
    (404, "GitHub hides what the caller may not see behind 404 on every operation; several do not declare it"),
    (405, "`Pull Request is not mergeable`: declared for merging only, without a body in places"),
    (409, "a conflict with the state of git may follow any write to git; some operations do not declare it"),
    (410, "logs that are too old are gone; the log operations declare only 302"),
    (422, "validation may fail on any write; checks and statuses declare no 422 and send one"),
    (304, "conditional requests work on every GET; few operations declare it"),
];

/// Schemas that no value can satisfy, by JSON pointer, with the reason. `allOf` is read as `anyOf` there.
const IMPOSSIBLE: [(&str, &str); 1] = [(
    "/paths/~1app~1installations/get/responses/200/content/application~1json/schema/items/properties/account",
    "says that an account is a user and an enterprise at once; everywhere else it is either",
)];

/// Events that an app may subscribe to and that the description's lists in webhook payloads leave out:
/// <https://docs.github.com/en/webhooks/webhook-events-and-payloads>
const UNLISTED_EVENTS: [&str; 8] = [
    "check_run",
    "check_suite",
    "fork",
    "installation_target",
    "pull_request_review_thread",
    "status",
    "workflow_job",
    "workflow_run",
];

/// Completes every list of an app's events.
fn complete_events(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if let Some(Value::Array(events)) = members.get_mut("enum")
                && events.iter().any(|event| event == "issue_comment")
            {
                let missing = UNLISTED_EVENTS.iter().filter(|event| !events.iter().any(|known| known == *event));
                let missing: Vec<Value> = missing.map(|event| Value::from(*event)).collect();
                events.extend(missing);
            }
            members.values_mut().for_each(complete_events);
        }
        Value::Array(items) => items.iter_mut().for_each(complete_events),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What GitHub sends as null and its description does not let be null, with the reason.
const NULL_AT_TIMES: [(&str, &str); 10] = [
    ("/components/schemas/pull-request-review-comment/properties/position", OUTDATED),
    ("/components/schemas/pull-request-review-comment/properties/line", OUTDATED),
    ("/components/schemas/review-comment/properties/line", OUTDATED),
    ("/components/schemas/pull-request/properties/head/properties/repo", FORK_GONE),
    ("/components/schemas/pull-request/properties/head/properties/user", FORK_GONE),
    ("/components/schemas/pull-request-simple/properties/head/properties/repo", FORK_GONE),
    ("/components/schemas/webhooks_pull_request_5/properties/head/properties/repo", FORK_GONE),
    (
        "/components/schemas/webhook-pull-request-synchronize/properties/pull_request/properties/head/properties/repo",
        FORK_GONE,
    ),
    ("/components/schemas/workflow-run/properties/head_repository", FORK_GONE),
    ("/components/schemas/pull-request-simple/properties/labels/items/properties/description", UNDESCRIBED),
];
/// The description itself lets it be null in `label` and everywhere else.
const UNDESCRIBED: &str = "a label need not have a description";
/// <https://docs.github.com/en/graphql/reference/objects#pullrequestreviewcomment> says so of `line`.
const OUTDATED: &str = "a comment whose line is gone has no place in the diff";
/// <https://docs.github.com/en/graphql/reference/objects#pullrequest> says so of `headRepository`.
const FORK_GONE: &str = "the fork may be deleted while its pull request stays";

/// Mends the description where it contradicts itself.
///
/// # Errors
/// When a mended place is gone, so that an excuse never outlives its reason.
pub fn mend(document: &mut Value) -> Result<()> {
    for (pointer, _) in IMPOSSIBLE {
        let schema = document.pointer_mut(pointer).and_then(Value::as_object_mut);
        let schema = schema.with_context(|| format!("the excused schema {pointer} is gone"))?;
        let all = schema.remove("allOf").with_context(|| format!("{pointer} is possible now"))?;
        schema.insert("anyOf".to_owned(), all);
    }
    complete_events(document);
    for (pointer, _) in NULL_AT_TIMES {
        let schema = document.pointer_mut(pointer).with_context(|| format!("the excused schema {pointer} is gone"))?;
        ensure!(schema["nullable"] != Value::Bool(true), "{pointer} may be null now");
        *schema = json!({ "nullable": true, "allOf": [schema.take()] });
    }
    Ok(())
}

/// The method an undeclared one stands for: GitHub takes POST for PATCH, since some clients know no PATCH. octocrab edits
/// comments this way. The description lists only PATCH; the documentation said so under "HTTP verbs":
/// <https://docs.github.com/en/enterprise-server@3.3/rest/overview/resources-in-the-rest-api#http-verbs>
pub fn other_method(method: &str) -> Option<&'static str> {
    (method == "POST").then_some("PATCH")
}

/// May this status appear on an operation that does not declare it?
pub fn excused_status(status: u16) -> bool {
    EXCUSED.iter().any(|(excused, _)| *excused == status)
}
