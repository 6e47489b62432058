//! What people may order, where they may say it, and what they hear: through GitHub alone.

mod downtime;
mod drafts;
mod edits;
mod enormous;
mod gates;
mod kinds;
mod levels;
mod limits;
mod line;
mod memory;
mod moves;
mod permission;
mod plans;
mod questions;
mod reach;
mod refusals;
mod rules;
pub mod scenes;
mod schedules;
mod selftest;
mod speech;
pub mod stage;
mod stored;
mod transfers;
mod triggers;
mod undo;
mod work;
