//! What form a delivery's body has, and the payload in it. Pure.

use std::borrow::Cow;

use serde::de::IgnoredAny;

/// How the payload is packed into the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "delivery_encoding", rename_all = "lowercase")]
pub enum Encoding {
    /// The body is the payload.
    Json,
    /// The body is a form, and its field `payload` is the payload: what a webhook set to
    /// `application/x-www-form-urlencoded` sends.
    Form,
}

/// Reads the `Content-Type` and checks that the payload is JSON. The error is for the sender.
pub fn inspect(content_type: &[u8], body: &[u8]) -> Result<Encoding, &'static str> {
    let essence = content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    let encoding = if essence.eq_ignore_ascii_case(b"application/x-www-form-urlencoded") {
        Encoding::Form
    } else {
        Encoding::Json
    };
    let payload = unpack(encoding, body).ok_or("the form has no field `payload`")?;
    match serde_json::from_slice::<IgnoredAny>(&payload) {
        Ok(_) => Ok(encoding),
        Err(_) => Err("the payload is not JSON"),
    }
}

/// The payload of a body packed this way; `None` if a form lacks it.
pub fn unpack(encoding: Encoding, body: &[u8]) -> Option<Cow<'_, [u8]>> {
    match encoding {
        Encoding::Json => Some(Cow::Borrowed(body)),
        Encoding::Form => url::form_urlencoded::parse(body)
            .find(|(name, _)| name == "payload")
            .map(|(_, value)| Cow::Owned(value.into_owned().into_bytes())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bodies_are_json_or_a_form_with_a_payload() {
        const FORM: &str = "application/x-www-form-urlencoded";
        let cases = [
            ("application/json", r#"{"zen":"x"}"#, Ok(Encoding::Json)),
            ("application/json; charset=utf-8", "{}", Ok(Encoding::Json)),
            ("", "{}", Ok(Encoding::Json)),
            ("application/json", "", Err("the payload is not JSON")),
            ("application/json", "{} {}", Err("the payload is not JSON")),
            (FORM, "a=1&payload=%7B%22zen%22%3A%22x+y%22%7D", Ok(Encoding::Form)),
            ("Application/X-WWW-Form-URLencoded;charset=UTF-8", "payload=%7B%7D", Ok(Encoding::Form)),
            (FORM, "pay=1", Err("the form has no field `payload`")),
            (FORM, "payload=zen", Err("the payload is not JSON")),
        ];
        for (content_type, body, expected) in cases {
            assert_eq!(inspect(content_type.as_bytes(), body.as_bytes()), expected, "{content_type} {body}");
        }
        let payload = unpack(Encoding::Form, b"payload=%7B%22zen%22%3A%22x+y%22%7D").unwrap();
        assert_eq!(payload.as_ref(), br#"{"zen":"x y"}"#);
    }

    proptest! {
        #[test]
        fn no_body_panics(form in any::<bool>(), body in prop::collection::vec(any::<u8>(), 0..200)) {
            let content_type: &[u8] = if form { b"application/x-www-form-urlencoded" } else { b"application/json" };
            if let Ok(encoding) = inspect(content_type, &body) {
                prop_assert!(unpack(encoding, &body).is_some());
            }
        }
    }
}
