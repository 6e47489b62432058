//! GitHub's webhook signature: HMAC-SHA256 over the raw body.
//! <https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries>

use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// The header's value: 32 bytes that may or may not be right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature([u8; 32]);

impl Signature {
    /// Reads `sha256=<64 hexadecimal digits>`. `None` for everything else, `sha1=…` included: SHA-1 is not accepted.
    pub fn parse(header: &[u8]) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(header.strip_prefix(b"sha256=")?, &mut bytes).ok()?;
        Some(Self(bytes))
    }
}

/// The webhook secrets, newest first; several while one is being replaced.
#[derive(Clone)]
pub struct Secrets(Vec<Hmac<Sha256>>);

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets({} hidden)", self.0.len())
    }
}

impl Secrets {
    /// Prepares the keys.
    pub fn new(secrets: &[SecretString]) -> Self {
        let key = |secret: &SecretString| {
            Hmac::new_from_slice(secret.expose_secret().as_bytes()).expect("HMAC takes keys of any length")
        };
        Self(secrets.iter().map(key).collect())
    }
}

/// Which secret signed the body, by its place in the list. Every secret is tried and each comparison takes constant
/// time, so the answer's delay tells nothing about how close a guess was.
pub fn verify(secrets: &Secrets, body: &[u8], signature: &Signature) -> Option<usize> {
    let mut signed_by = None;
    for (index, key) in secrets.0.iter().enumerate() {
        let matches = key.clone().chain_update(body).verify_slice(&signature.0).is_ok();
        if matches && signed_by.is_none() {
            signed_by = Some(index);
        }
    }
    signed_by
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn secrets(texts: &[&str]) -> Secrets {
        Secrets::new(&texts.iter().map(|text| SecretString::from(*text)).collect::<Vec<_>>())
    }

    /// The example of GitHub's documentation.
    const EXAMPLE: &[u8] = b"sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    #[test]
    fn githubs_own_example_verifies() {
        let keys = secrets(&["It's a Secret to Everybody"]);
        let signature = Signature::parse(EXAMPLE).unwrap();
        assert_eq!(verify(&keys, b"Hello, World!", &signature), Some(0));
        assert_eq!(verify(&keys, b"Hello, World?", &signature), None);
        assert_eq!(verify(&secrets(&["another secret"]), b"Hello, World!", &signature), None);
        assert_eq!(verify(&secrets(&[]), b"Hello, World!", &signature), None);
    }

    #[test]
    fn an_old_secret_still_counts_and_is_told_apart() {
        let keys = secrets(&["the new secret", "It's a Secret to Everybody"]);
        assert_eq!(verify(&keys, b"Hello, World!", &Signature::parse(EXAMPLE).unwrap()), Some(1));
    }

    #[test]
    fn only_whole_sha256_signatures_are_read() {
        let digits = "ab".repeat(32);
        assert!(Signature::parse(format!("sha256={digits}").as_bytes()).is_some());
        for bad in [
            String::new(),
            "sha256=".into(),
            digits.clone(),
            format!("sha1={digits}"),
            format!("sha256={}", &digits[1..]),
            format!("sha256={digits}00"),
            format!("sha256= {digits}"),
            format!("SHA256={digits}"),
            format!("sha256={}", "zz".repeat(32)),
        ] {
            assert_eq!(Signature::parse(bad.as_bytes()), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_changed_byte_is_noticed(body in prop::collection::vec(any::<u8>(), 1..200), place in any::<prop::sample::Index>()) {
            let keys = secrets(&["It's a Secret to Everybody"]);
            let signature = Signature(keys.0[0].clone().chain_update(&body).finalize().into_bytes().into());
            prop_assert_eq!(verify(&keys, &body, &signature), Some(0));
            let mut changed = body;
            let place = place.index(changed.len());
            changed[place] ^= 1;
            prop_assert_eq!(verify(&keys, &changed, &signature), None);
        }

        #[test]
        fn parsing_never_panics(header in prop::collection::vec(any::<u8>(), 0..100)) {
            Signature::parse(&header);
        }
    }
}
