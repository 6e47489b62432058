//! What a refusal by GitHub means for the caller: who retries, when, and what must be looked at first.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;

/// Wait after a secondary limit that names no time.
/// <https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#handle-rate-limit-errors-appropriately>
const SECONDARY_LIMIT_WAIT: TimeDelta = TimeDelta::seconds(60);

/// Longest wait believed: GitHub's windows are an hour, so a later time is a wrong clock.
pub(super) const LONGEST_WAIT: TimeDelta = TimeDelta::seconds(3_660);

/// Most of GitHub's own words kept in an error.
const MESSAGE_CHARS: usize = 400;

/// Why a call to GitHub failed, by what the caller does next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GitHubError {
    /// A rate limit: nothing was done, and nothing for this installation works before `until`.
    #[error("rate limited until {until}: {detail}")]
    RateLimited { until: DateTime<Utc>, detail: Detail },
    /// Nothing was done, or it does not matter whether it was: try again later.
    #[error("{0}")]
    Transient(Detail),
    /// A write whose answer was lost: it may have been done. Look for its result before repeating it.
    #[error("no clear answer to a write: {0}")]
    Ambiguous(Detail),
    /// It does not exist, or this installation may not know that it does.
    #[error("{0}")]
    NotFound(Detail),
    /// It existed once.
    #[error("{0}")]
    Gone(Detail),
    /// The installation may not do this.
    #[error("{0}")]
    Forbidden(Detail),
    /// The world is not as the request assumed: read it again and decide anew.
    #[error("{0}")]
    Conflict(Detail),
    /// The request itself is wrong; repeating it changes nothing.
    #[error("{0}")]
    Invalid(Detail),
    /// The key or token is not accepted.
    #[error("{0}")]
    Unauthorized(Detail),
}

/// Which call failed and what GitHub said, for the log. Never shown to people as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Detail {
    /// Method and path, such as `POST /repos/octo/hello/pulls`.
    pub call: String,
    /// The status, when there was an answer.
    pub status: Option<u16>,
    /// GitHub's message and the codes of its `errors`, at most 400 characters.
    pub message: String,
    /// `X-GitHub-Request-Id`, for GitHub's support.
    pub request_id: Option<String>,
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.call)?;
        if let Some(status) = self.status {
            write!(f, "{status} ")?;
        }
        f.write_str(&self.message)?;
        match &self.request_id {
            Some(id) => write!(f, " (request {id})"),
            None => Ok(()),
        }
    }
}

impl GitHubError {
    /// Whether the installation itself is gone: GitHub gives no token for it, and says nothing of what was asked for.
    pub fn is_uninstalled(&self) -> bool {
        matches!(self, Self::NotFound(detail) if detail.call.starts_with("POST /app/installations/"))
    }

    /// Whether the same work may succeed later without anyone changing anything. After [`GitHubError::Ambiguous`] the
    /// repetition must look first; every `find_or_create` here does.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::RateLimited { .. } | Self::Transient(_) | Self::Ambiguous(_) => true,
            Self::NotFound(_)
            | Self::Gone(_)
            | Self::Forbidden(_)
            | Self::Conflict(_)
            | Self::Invalid(_)
            | Self::Unauthorized(_) => false,
        }
    }

    /// For calls that may be repeated without a look: an unclear answer is then just a failure to try again.
    pub(super) fn repeatable(self) -> Self {
        if let Self::Ambiguous(detail) = self { Self::Transient(detail) } else { self }
    }

    /// The same failure under another name of its call, where the real one must not be logged.
    pub(super) fn without_call(mut self, name: &str) -> Self {
        let detail = match &mut self {
            Self::RateLimited { detail, .. }
            | Self::Transient(detail)
            | Self::Ambiguous(detail)
            | Self::NotFound(detail)
            | Self::Gone(detail)
            | Self::Forbidden(detail)
            | Self::Conflict(detail)
            | Self::Invalid(detail)
            | Self::Unauthorized(detail) => detail,
        };
        name.clone_into(&mut detail.call);
        self
    }

    /// A conflict that wiz itself found.
    pub(super) fn conflict(message: impl Into<String>) -> Self {
        Self::Conflict(Detail { message: message.into(), ..Detail::default() })
    }

    /// A request that wiz itself refuses to send.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::Invalid(Detail { message: message.into(), ..Detail::default() })
    }

    /// No usable answer: harmless for a read, ambiguous for a write.
    pub(super) fn no_answer(call: &str, writes: bool, message: impl Into<String>) -> Self {
        let detail = Detail { call: call.to_owned(), message: message.into(), ..Detail::default() };
        if writes { Self::Ambiguous(detail) } else { Self::Transient(detail) }
    }
}

/// Turns an absent object into `None`; every other failure stays one.
pub(super) trait Optional<T> {
    /// `Ok(None)` for not found and gone.
    fn optional(self) -> Result<Option<T>, GitHubError>;
}

impl<T> Optional<T> for Result<T, GitHubError> {
    fn optional(self) -> Result<Option<T>, GitHubError> {
        match self {
            Ok(value) => Ok(Some(value)),
            Err(GitHubError::NotFound(_) | GitHubError::Gone(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// An answer that is not a success.
#[derive(Debug)]
pub(super) struct Refusal<'a> {
    pub call: &'a str,
    pub writes: bool,
    pub status: StatusCode,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
}

/// Says what a refusal means. Pure, so that the table in the tests is the specification.
///
/// Limits come as 403 or 429, and only headers and message tell a limit from a missing permission.
/// <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit>
pub(super) fn classify(refusal: &Refusal<'_>, now: DateTime<Utc>) -> GitHubError {
    let detail = Detail {
        call: refusal.call.to_owned(),
        status: Some(refusal.status.as_u16()),
        message: message(refusal.status, refusal.body),
        request_id: text(refusal.headers, "x-github-request-id").map(str::to_owned),
    };
    match refusal.status.as_u16() {
        403 | 429 => match limited_until(refusal, &detail.message, now) {
            Some(until) => GitHubError::RateLimited { until, detail },
            None => GitHubError::Forbidden(detail),
        },
        401 => GitHubError::Unauthorized(detail),
        404 => GitHubError::NotFound(detail),
        410 | 451 => GitHubError::Gone(detail),
        409 | 412 | 423 => GitHubError::Conflict(detail),
        408 => GitHubError::Transient(detail),
        300..=399 => GitHubError::NotFound(detail),
        // 503 with a time is GitHub under maintenance: the request was turned away at the door.
        503 if refusal.headers.contains_key(header::RETRY_AFTER) => GitHubError::Transient(detail),
        500..=599 if refusal.writes => GitHubError::Ambiguous(detail),
        500..=599 => GitHubError::Transient(detail),
        _ => GitHubError::Invalid(detail),
    }
}

fn limited_until(refusal: &Refusal<'_>, message: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let seconds = |name| text(refusal.headers, name).and_then(|value| value.trim().parse::<i64>().ok());
    let message = message.to_ascii_lowercase();
    let named = if let Some(wait) = seconds("retry-after") {
        Some(now + TimeDelta::seconds(wait.clamp(0, LONGEST_WAIT.num_seconds())))
    } else if seconds("x-ratelimit-remaining") == Some(0) {
        seconds("x-ratelimit-reset").and_then(|reset| DateTime::from_timestamp(reset, 0))
    } else {
        None
    };
    let is_limit = named.is_some()
        || refusal.status == StatusCode::TOO_MANY_REQUESTS
        || seconds("x-ratelimit-remaining") == Some(0)
        || message.contains("rate limit")
        || message.contains("abuse detection");
    let until = named.unwrap_or(now + SECONDARY_LIMIT_WAIT);
    is_limit.then(|| until.clamp(now + TimeDelta::seconds(1), now + LONGEST_WAIT))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// GitHub's message with the codes of its `errors`, which say more than "Validation Failed".
fn message(status: StatusCode, body: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Body {
        message: String,
        #[serde(default)]
        errors: serde_json::Value,
    }
    let text = match serde_json::from_slice::<Body>(body) {
        Ok(Body { message, errors: serde_json::Value::Null }) => message,
        Ok(Body { message, errors }) => format!("{message} {errors}"),
        Err(_) => status.canonical_reason().unwrap_or("an answer that is not JSON").to_owned(),
    };
    text.chars().filter(|c| !c.is_control()).take(MESSAGE_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn judged(writes: bool, status: u16, headers: &[(&'static str, &str)], body: &str) -> GitHubError {
        let headers =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect::<HeaderMap>();
        let refusal = Refusal {
            call: "POST /x",
            writes,
            status: StatusCode::from_u16(status).unwrap(),
            headers: &headers,
            body: body.as_bytes(),
        };
        classify(&refusal, DateTime::from_timestamp(NOW, 0).unwrap())
    }

    fn kind(error: &GitHubError) -> String {
        match error {
            GitHubError::RateLimited { until, .. } => format!("limited +{}", until.timestamp() - NOW),
            GitHubError::Transient(_) => "transient".into(),
            GitHubError::Ambiguous(_) => "ambiguous".into(),
            GitHubError::NotFound(_) => "not found".into(),
            GitHubError::Gone(_) => "gone".into(),
            GitHubError::Forbidden(_) => "forbidden".into(),
            GitHubError::Conflict(_) => "conflict".into(),
            GitHubError::Invalid(_) => "invalid".into(),
            GitHubError::Unauthorized(_) => "unauthorized".into(),
        }
    }

    #[test]
    fn every_refusal_has_one_meaning() {
        let secondary = r#"{"message":"You have exceeded a secondary rate limit."}"#;
        let forbidden = r#"{"message":"Resource not accessible by integration"}"#;
        type Row = (bool, u16, &'static [(&'static str, &'static str)], &'static str, &'static str);
        let table: &[Row] = &[
            (true, 403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1800000900")], "{}", "limited +900"),
            (true, 429, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1800000900")], "{}", "limited +900"),
            (true, 403, &[("x-ratelimit-remaining", "0")], "{}", "limited +60"),
            (true, 403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1")], "{}", "limited +1"),
            (true, 403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1900000000")], "{}", "limited +3660"),
            (true, 403, &[("retry-after", "7"), ("x-ratelimit-remaining", "4000")], secondary, "limited +7"),
            (true, 403, &[("retry-after", "-7")], "{}", "limited +1"),
            (true, 403, &[("retry-after", "999999999999")], "{}", "limited +3660"),
            (true, 403, &[("retry-after", "soon")], forbidden, "forbidden"),
            (false, 403, &[], secondary, "limited +60"),
            (false, 403, &[], r#"{"message":"abuse detection mechanism"}"#, "limited +60"),
            (false, 429, &[], "<html>", "limited +60"),
            (true, 403, &[("x-ratelimit-remaining", "12")], forbidden, "forbidden"),
            (true, 403, &[], "", "forbidden"),
            (true, 401, &[], r#"{"message":"Bad credentials"}"#, "unauthorized"),
            (true, 404, &[], "{}", "not found"),
            (false, 301, &[], "{}", "not found"),
            (true, 410, &[], "{}", "gone"),
            (false, 451, &[], "{}", "gone"),
            (true, 409, &[], "{}", "conflict"),
            (true, 412, &[], "{}", "conflict"),
            (true, 422, &[], r#"{"message":"Validation Failed"}"#, "invalid"),
            (true, 400, &[], "{}", "invalid"),
            (true, 413, &[], "{}", "invalid"),
            (false, 408, &[], "{}", "transient"),
            (false, 500, &[], "{}", "transient"),
            (false, 502, &[], "<html>", "transient"),
            (true, 502, &[], "<html>", "ambiguous"),
            (true, 504, &[], "", "ambiguous"),
            (true, 503, &[], "", "ambiguous"),
            (true, 503, &[("retry-after", "30")], "", "transient"),
        ];
        for (writes, status, headers, body, expected) in table {
            let error = judged(*writes, *status, headers, body);
            assert_eq!(kind(&error), *expected, "{status} {headers:?} {body}");
            let again = expected.starts_with("limited") || *expected == "transient" || *expected == "ambiguous";
            assert_eq!(error.is_retryable(), again, "{status} {headers:?}");
        }
    }

    #[test]
    fn the_log_line_names_call_reason_and_request() {
        let error = judged(
            true,
            422,
            &[("x-github-request-id", "AB:12")],
            r#"{"message":"Validation Failed","errors":[{"code":"custom","message":"body is too long"}]}"#,
        );
        insta::assert_snapshot!(error, @r#"POST /x: 422 Validation Failed [{"code":"custom","message":"body is too long"}] (request AB:12)"#);
        let long = judged(true, 422, &[], &format!(r#"{{"message":"{}"}}"#, "x".repeat(9_000)));
        assert!(long.to_string().len() < 500);
    }
}
