//! What people may order, where they may say it, and what they hear: through GitHub alone.

mod gates;
mod kinds;
mod permission;
mod plans;
mod scenes;
mod speech;
mod stage;
mod work;
