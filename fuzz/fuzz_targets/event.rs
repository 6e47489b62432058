//! Any delivery is read or refused without panic. The first byte chooses the kind of delivery.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wiz::event;

const NAMES: [&str; 10] = [
    "issues",
    "issue_comment",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "check_run",
    "check_suite",
    "installation",
    "installation_repositories",
    "push",
];

fuzz_target!(|input: &[u8]| {
    let Some((kind, body)) = input.split_first() else { return };
    let name = NAMES[usize::from(*kind) % NAMES.len()];
    drop(event::parse(name, body));
    if let Ok(payload) = event::payload_of(Some("application/x-www-form-urlencoded"), body) {
        drop(event::parse(name, &payload));
    }
});
