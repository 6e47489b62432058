//! What people may order, where they may say it, and what they hear: through GitHub alone.

mod permission;
mod plans;
mod scenes;
mod speech;
mod stage;
mod work;
