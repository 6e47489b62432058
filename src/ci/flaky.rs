//! Whether a failure smells as if it would pass by itself.

/// What programs say when the world around them fails and not they. A wrong guess costs one rerun and no model call.
const SIGNS: [&str; 26] = [
    "timed out",
    "timeout exceeded",
    "deadline exceeded",
    "maximum execution time",
    "etimedout",
    "econnreset",
    "econnrefused",
    "enotfound",
    "eai_again",
    "connection reset",
    "connection refused",
    "connection aborted",
    "network is unreachable",
    "temporary failure in name resolution",
    "could not resolve host",
    "tls handshake",
    "unexpected disconnect",
    "502 bad gateway",
    "503 service unavailable",
    "504 gateway",
    "too many requests",
    "no space left on device",
    "shutdown signal",
    "lost communication with the server",
    "the hosted runner encountered an error",
    "the runner has been lost",
];

/// The sign in the text that the failure may pass by itself.
pub fn smells_flaky(text: &str) -> Option<&'static str> {
    let text = text.to_ascii_lowercase();
    SIGNS.into_iter().find(|sign| text.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_world_is_told_from_the_program() {
        for flaky in [
            "npm ERR! code ETIMEDOUT",
            "curl: (6) Could not resolve host: pypi.org",
            "##[error]The runner has received a shutdown signal.",
            "The job 'test' has exceeded the maximum execution time of 6h0m0s.",
        ] {
            assert!(smells_flaky(flaky).is_some(), "{flaky}");
        }
        for honest in
            ["AssertionError: 1 != 2", "error[E0308]: mismatched types", "FAILED tests/test_timeout.py::test_a"]
        {
            assert_eq!(smells_flaky(honest), None, "{honest}");
        }
    }
}
