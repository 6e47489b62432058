//! The REST API: one request in, one answer out, with GitHub's rules around every handler.
//!
//! Order of things: which operation → faults → who calls → rate limit → access → body against the schema → handler →
//! pages and conditional answers → the contract's judgement. A handler sees only [`Call`].
//! Read first: [`serve`](serve::serve), [`routes::ROUTES`], [`Call`].

mod actions;
mod apps;
mod call;
mod check_runs;
mod comments;
mod commit_comments;
mod commits;
mod contents;
mod forks;
mod git_data;
mod git_refs;
mod installations;
pub mod issue_moves;
pub mod issue_state;
mod issues;
mod labels;
mod locks;
mod logs;
mod manifests;
mod merging;
mod pulls;
mod reactions;
mod repos;
mod repository_life;
mod review_comments;
mod review_requests;
mod reviews;
mod routes;
mod serve;
mod statuses;
mod tokens;

pub use call::Call;
pub use check_runs::{click_action, rerequest, rerequest_suite};
pub use comments::MAX_BODY_CHARS;
pub use serve::{ApiRequest, ApiResponse, finish, rate_headers, serve};
pub use tokens::{app_token, fresh_token};
