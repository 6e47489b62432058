//! Where GitHub's description is known to fall short of GitHub itself. Each excuse carries its reason.

/// Statuses that GitHub sends and its description leaves out for many operations, with the reason.
/// Their bodies must still be GitHub's error shape.
pub const EXCUSED: [(u16, &str); 8] = [
    (400, "`Problems parsing JSON` may follow any request with a body; most operations do not declare it"),
    (401, "`Bad credentials` may follow any request; nearly no operation declares it"),
    (403, "`Resource not accessible by integration` and rate limits may follow any request; few operations declare it"),
    (404, "GitHub hides what the caller may not see behind 404 on every operation; several do not declare it"),
    (405, "`Pull Request is not mergeable`: declared for merging only, without a body in places"),
    (409, "a conflict with the state of git may follow any write to git; some operations do not declare it"),
    (422, "validation may fail on any write; checks and statuses declare no 422 and send one"),
    (304, "conditional requests work on every GET; few operations declare it"),
];

/// May this status appear on an operation that does not declare it?
pub fn excused_status(status: u16) -> bool {
    EXCUSED.iter().any(|(excused, _)| *excused == status)
}
