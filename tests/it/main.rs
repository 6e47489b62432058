//! wiz from outside: real HTTP, real git, the stand-in for GitHub.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod github;
