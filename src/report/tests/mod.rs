//! What people see, word by word, and what nobody may make them see.

mod check;
mod draft;
pub(super) mod example;
mod follow_up;
mod hostile;
mod pull_request;
mod short;
mod status;
