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

/// Longest `label` and `identifier` of a button, in characters.
pub const CHECK_ACTION_CHARS: usize = 20;

/// Longest `description` of a button, in characters.
pub const CHECK_ACTION_DESCRIPTION_CHARS: usize = 40;

/// Longest one GitHub request may take, from the first byte out to the last byte in. GitHub itself cuts off after 10 s;
/// the rest is for slow networks and Enterprise servers.
/// <https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api#timeouts>
pub const GITHUB_REQUEST_DEADLINE: Duration = Duration::from_secs(30);

/// Largest answer read from GitHub's API; a list of 100 pull requests is about 2 MB.
pub const GITHUB_ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// Most of a job's log that is kept, from its end: the failing step is there, and a reader sees far less of it.
pub const LOG_TAIL_BYTES: usize = 2 * 1024 * 1024;

/// Most of a log that is read to come to its end, and of an archive of logs, packed and unpacked.
pub const LOG_BYTES: usize = 64 * 1024 * 1024;

/// Most files of an archive of logs that are looked through: each job has one, and one for each of its steps.
pub const LOG_ARCHIVE_ENTRIES: usize = 20_000;

/// Longest one log may take to arrive.
pub const LOG_DEADLINE: Duration = Duration::from_secs(60);

/// Most pages of 100 read when wiz looks for something of its own; beyond them it fails rather than make a second one.
pub const GITHUB_PAGES: usize = 10;

/// Longest one git process may run on a mirror.
pub const GIT_DEADLINE: Duration = Duration::from_secs(120);

/// Most files a repository may hold for wiz to work on it.
pub const TREE_ENTRIES: usize = 100_000;

/// Most bytes of files loaded from a mirror at once.
pub const TREE_BYTES: u64 = 256 * 1024 * 1024;

/// Least time between two edits of one sticky comment: GitHub allows about 80 content writes a minute for the whole
/// installation, and readers gain nothing from more.
/// <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits>
pub const STICKY_COMMENT_INTERVAL: Duration = Duration::from_secs(5);

/// How long a state in which wiz is at work must last before it is shown. What passes sooner is not worth an edit, and
/// would hold up by [`STICKY_COMMENT_INTERVAL`] the news that a person waits for.
pub const TRANSIENT_STATE_SHOWN_AFTER: Duration = Duration::from_secs(3);

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
