//! Records to the JSON that GitHub sends. Pure: reads [`State`](crate::store::State) and git, changes nothing.
//!
//! GitHub has several shapes of most things (`simple`, `full`, webhook …). Each function here gives one superset that
//! holds every required member of all of them; the contract checker keeps that true on every exchange.
//! Read first: [`accounts::user`], [`repositories::repository`], [`issues::issue`].

pub mod accounts;
pub mod actions;
pub mod checks;
pub mod commits;
pub mod issues;
pub mod pulls;
pub mod repositories;
pub mod reviews;

use base64::Engine as _;

/// A `node_id`: opaque to clients, but stable and different per kind.
pub fn node_id(kind: &str, id: impl std::fmt::Display) -> String {
    base64::engine::general_purpose::STANDARD.encode(format!("{kind}:{id}"))
}

/// Percent-encodes a path for use in a URL, keeping the slashes.
pub fn url_path(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
