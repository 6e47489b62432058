//! Which deliveries are read first; pure.

/// The priority of a delivery's triage job, by GitHub's name of its event. Smaller goes first, and all of them before
/// other jobs: a person sees within seconds that a command was heard, however many builds report at the same time.
pub(super) fn priority(event: &str) -> i16 {
    match event {
        // People speak. Only these can hold a command.
        "issue_comment" | "issues" | "pull_request_review" | "pull_request_review_comment" => -30,
        // A run may wait for it, or a person pressed a button; there are a few per push.
        "pull_request" | "check_run" | "installation" | "installation_repositories" | "repository" => -20,
        // Machines speak.
        _ => -10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_come_before_what_runs_wait_for_and_that_before_machines() {
        let ordered = [
            vec!["issue_comment", "issues", "pull_request_review", "pull_request_review_comment"],
            vec!["pull_request", "check_run", "installation", "installation_repositories", "repository"],
            vec!["push", "workflow_run", "workflow_job", "check_suite", "status", "ping", "invented_tomorrow", ""],
        ];
        let priorities = ordered.map(|events| {
            let first = priority(events[0]);
            assert!(events.iter().all(|event| priority(event) == first), "{events:?}");
            first
        });
        assert!(priorities.is_sorted_by(|one, next| one < next), "{priorities:?}");
        assert!(priorities.iter().all(|priority| *priority < 0), "before every other job: {priorities:?}");
    }

    #[test]
    fn a_delivery_is_tried_until_an_hour_without_github_has_passed() {
        let span = crate::queue::shortest_span(crate::intake::TRIAGE_ATTEMPTS);
        assert!(span > std::time::Duration::from_secs(2 * 60 * 60), "{span:?}");
    }
}
