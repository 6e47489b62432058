//! Every cap in one place: GitHub's with their source, ours with their reason.

use std::time::Duration;

/// Largest webhook body GitHub sends; larger events are dropped at the source.
/// <https://docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap>
pub const WEBHOOK_BODY_BYTES: usize = 25 * 1024 * 1024;

/// Longest issue or pull request comment GitHub accepts, in characters (its 422 says `body is too long`).
pub const COMMENT_CHARS: usize = 65_536;

/// Longest `summary` or `text` of a check run's output, in characters (from the API's error message).
pub const CHECK_FIELD_CHARS: usize = 65_535;

/// Most annotations GitHub takes in one check-run call; more need further updates.
/// <https://docs.github.com/en/rest/checks/runs#update-a-check-run>
pub const CHECK_ANNOTATIONS_PER_CALL: usize = 50;

/// Most buttons on a check run. <https://docs.github.com/en/rest/checks/runs#create-a-check-run>
pub const CHECK_ACTIONS: usize = 3;

/// Least time between two edits of one sticky comment: GitHub allows about 80 content writes a minute for the whole
/// installation, and readers gain nothing from more.
/// <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits>
pub const STICKY_COMMENT_INTERVAL: Duration = Duration::from_secs(5);

/// Longest wait for running jobs at shutdown; below the 30 s that container platforms wait before they kill.
pub const SHUTDOWN_GRACE: Duration = Duration::from_secs(25);

/// Most files one run may change; above this no person reviews with care.
pub const PATCH_FILES: usize = 100;

/// Most bytes all changed files of one run may hold together.
pub const PATCH_BYTES: usize = 4 * 1024 * 1024;

/// Most bytes one changed file may hold.
pub const PATCH_FILE_BYTES: usize = 1024 * 1024;

/// Most of a command's output kept for a person or model, half from its head and half from its tail.
pub const TOOL_OUTPUT_CHARS: usize = 12_000;
