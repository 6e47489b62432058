//! What GitHub would have delivered, as far as wiz reads it.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{
    github::{Author, OpenState, PullRequest, PullRequestSide},
    ids::DeliveryId,
    run::store::StoredRun,
};

/// The same for the same thing, whoever finds it.
pub(super) fn id_of(what: &str) -> DeliveryId {
    let digest = Sha256::digest(what);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    DeliveryId(uuid::Uuid::from_bytes(bytes))
}

/// What every delivery about a run's repository says, without who did it.
pub(super) fn payload(stored: &StoredRun, action: &str) -> Value {
    json!({
        "action": action,
        "installation": { "id": stored.installation },
        "repository": {
            "id": stored.repository, "full_name": stored.repository_name, "default_branch": stored.default_branch,
        },
    })
}

pub(super) fn account(author: &Author) -> Value {
    json!({ "id": author.id, "login": author.login, "type": author.kind })
}

pub(super) fn state(state: OpenState) -> &'static str {
    match state {
        OpenState::Open => "open",
        OpenState::Closed => "closed",
    }
}

/// <https://docs.github.com/en/webhooks/webhook-events-and-payloads#pull_request_review>
pub(super) fn pull_request(pull: &PullRequest) -> Value {
    let side = |side: &PullRequestSide| {
        let repository = side.repo.as_ref().map(|found| json!({ "id": found.id, "full_name": found.full_name }));
        json!({ "ref": side.branch, "sha": side.sha, "repo": repository })
    };
    json!({
        "id": pull.number, "number": pull.number, "title": pull.title, "body": pull.body, "state": state(pull.state),
        "locked": pull.locked, "user": pull.user.as_ref().map(account), "head": side(&pull.head),
        "base": side(&pull.base),
    })
}
