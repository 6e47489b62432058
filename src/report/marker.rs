//! The hidden line by which wiz finds its own comments again. It is signed, so text that merely looks like one is not
//! believed; a caller still checks that the comment's author is wiz, because a marker can be copied.

use std::{fmt, str::FromStr};

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::ids::{CommentId, RunId};

/// Longest marker, in characters; texts leave this much room below GitHub's limit.
pub const MARKER_CHARS: usize = 160;

/// Bytes of the signature that are kept; 128 bits cannot be guessed.
const SIGNATURE_BYTES: usize = 16;

/// What a text on GitHub is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Marker {
    /// The run it belongs to; none for answers to commands that start no run.
    pub run: Option<RunId>,
    pub kind: MarkerKind,
}

/// The texts wiz must find again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MarkerKind {
    /// The sticky status comment.
    Status,
    /// The body of the pull request.
    PullRequest,
    /// The answer to one comment.
    Reply(CommentId),
    /// That nothing came of a review or comment.
    Failure(CommentId),
    /// A review of the run's; a run may post several.
    Review(u32),
    /// What is wrong with the rules that a commit brings.
    Policy,
    /// The tracking issue of the schedule whose name has this digest.
    Schedule(u64),
    /// The issue about a failure on the default branch that comes after the run of this number; 0 where there was none.
    BranchFailure(u64),
}

impl fmt::Display for MarkerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status => f.write_str("status"),
            Self::PullRequest => f.write_str("pull-request"),
            Self::Policy => f.write_str("policy"),
            Self::Reply(comment) => write!(f, "reply-{comment}"),
            Self::Failure(comment) => write!(f, "failure-{comment}"),
            Self::Review(part) => write!(f, "review-{part}"),
            Self::Schedule(digest) => write!(f, "schedule-{digest}"),
            Self::BranchFailure(digest) => write!(f, "branch_failure-{digest}"),
        }
    }
}

impl FromStr for MarkerKind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "status" => Ok(Self::Status),
            "pull-request" => Ok(Self::PullRequest),
            "policy" => Ok(Self::Policy),
            _ => match text.split_once('-') {
                Some(("reply", id)) => id.parse().map(Self::Reply).map_err(|_| ()),
                Some(("failure", id)) => id.parse().map(Self::Failure).map_err(|_| ()),
                Some(("review", part)) => part.parse().map(Self::Review).map_err(|_| ()),
                Some(("schedule", digest)) => digest.parse().map(Self::Schedule).map_err(|_| ()),
                Some(("branch_failure", digest)) => digest.parse().map(Self::BranchFailure).map_err(|_| ()),
                Some(_) | None => Err(()),
            },
        }
    }
}

impl Marker {
    /// The marker as an HTML comment.
    pub fn sign(&self, key: &[u8]) -> String {
        let claim = self.claim();
        let signature = mac(key, &claim).finalize().into_bytes();
        format!("<!-- {claim} sig={} -->", hex::encode(&signature[..SIGNATURE_BYTES]))
    }

    /// `text` with the marker at its end.
    pub fn append_to(&self, text: &str, key: &[u8]) -> String {
        format!("{}\n\n{}\n", text.trim_end(), self.sign(key))
    }

    /// The first marker in `text` that carries a valid signature.
    pub fn find(text: &str, key: &[u8]) -> Option<Self> {
        text.match_indices("<!-- wiz:run=").find_map(|(start, _)| {
            let inside = text[start..].strip_prefix("<!-- ")?.split_once(" -->")?.0;
            Self::verify(inside, key)
        })
    }

    fn verify(inside: &str, key: &[u8]) -> Option<Self> {
        let (claim, signature) = inside.split_once(" sig=")?;
        let signature = hex::decode(signature).ok().filter(|bytes| bytes.len() == SIGNATURE_BYTES)?;
        // Compares in constant time.
        mac(key, claim).verify_truncated_left(&signature).ok()?;
        let (run, kind) = claim.strip_prefix("wiz:run=")?.split_once(" kind=")?;
        let run = if run == "none" { None } else { Some(run.parse().ok()?) };
        Some(Self { run, kind: kind.parse().ok()? })
    }

    fn claim(&self) -> String {
        let run = self.run.map_or_else(|| "none".to_owned(), |run| run.to_string());
        format!("wiz:run={run} kind={}", self.kind)
    }
}

fn mac(key: &[u8], claim: &str) -> Hmac<Sha256> {
    // HMAC hashes keys that are longer than a block; every length is valid.
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"));
    mac.update(b"wiz marker\n");
    mac.update(claim.as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_markers_signed_with_the_key_are_found() {
        for marker in [
            Marker { run: Some(RunId(12)), kind: MarkerKind::Status },
            Marker { run: Some(RunId(i64::MAX)), kind: MarkerKind::Reply(CommentId(i64::MAX)) },
            Marker { run: None, kind: MarkerKind::Reply(CommentId(7)) },
            Marker { run: Some(RunId(12)), kind: MarkerKind::Review(3) },
            Marker { run: Some(RunId(12)), kind: MarkerKind::Failure(CommentId(i64::MAX)) },
            Marker { run: Some(RunId(1)), kind: MarkerKind::PullRequest },
        ] {
            let text = marker.append_to("Hello", b"key");
            assert_eq!(Marker::find(&text, b"key"), Some(marker));
            assert_eq!(Marker::find(&text, b"other key"), None);
            assert_eq!(Marker::find(&text.replace("run=1", "run=2").replace("run=9", "run=8"), b"key"), {
                if text.contains("run=none") { Some(marker) } else { None }
            });
            assert!(marker.sign(b"key").chars().count() <= MARKER_CHARS);
        }
    }

    #[test]
    fn a_forged_marker_before_the_real_one_is_passed_over() {
        let marker = Marker { run: Some(RunId(3)), kind: MarkerKind::Status };
        let forged = "<!-- wiz:run=4 kind=status sig=00000000000000000000000000000000 -->";
        let unsigned = "<!-- wiz:run=4 kind=status -->";
        let text = marker.append_to(&format!("{forged}\n{unsigned}\n<!-- wiz:run=5"), b"key");
        assert_eq!(Marker::find(&text, b"key"), Some(marker));
        assert_eq!(Marker::find(forged, b"key"), None);
    }

    #[test]
    fn a_marker_looks_like_this() {
        let marker = Marker { run: Some(RunId(12)), kind: MarkerKind::Status };
        insta::assert_snapshot!(marker.sign(b"key"), @"<!-- wiz:run=12 kind=status sig=c2a0880875f94aa1e86cf2890a36f90d -->");
    }
}
