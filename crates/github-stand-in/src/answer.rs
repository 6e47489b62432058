//! What a handler gives back: an answer, or a refusal in GitHub's error shape.

use serde_json::{Value, json};

/// Where GitHub's errors point; the exact page differs per operation on GitHub.
const DOCUMENTATION: &str = "https://docs.github.com/rest";

/// The body of an answer.
#[derive(Debug)]
pub enum Body {
    /// Nothing.
    Empty,
    /// JSON.
    Json(Value),
    /// A list to be cut into pages; with a name, it sits in an object beside `total_count`.
    List(Option<&'static str>, Vec<Value>),
    /// Another media type.
    Raw(&'static str, Vec<u8>),
}

/// An answer of a handler.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Body.
    pub body: Body,
    /// Extra headers.
    pub headers: Vec<(&'static str, String)>,
}

impl Answer {
    /// 200 with JSON.
    pub fn ok(value: Value) -> Self {
        Self { status: 200, body: Body::Json(value), headers: Vec::new() }
    }

    /// 201 with JSON and, if it has a `url`, a `Location`.
    pub fn created(value: Value) -> Self {
        let location = value["url"].as_str().map(|url| ("location", url.to_owned()));
        Self { status: 201, body: Body::Json(value), headers: location.into_iter().collect() }
    }

    /// 204.
    pub fn no_content() -> Self {
        Self { status: 204, body: Body::Empty, headers: Vec::new() }
    }

    /// 200 with a list, cut into pages by the caller's `page` and `per_page`.
    pub fn list(items: Vec<Value>) -> Self {
        Self { status: 200, body: Body::List(None, items), headers: Vec::new() }
    }

    /// 200 with `{"total_count": n, name: [...]}`, cut into pages.
    pub fn list_in(name: &'static str, items: Vec<Value>) -> Self {
        Self { status: 200, body: Body::List(Some(name), items), headers: Vec::new() }
    }

    /// 200 with another media type.
    pub fn raw(media_type: &'static str, bytes: Vec<u8>) -> Self {
        Self { status: 200, body: Body::Raw(media_type, bytes), headers: Vec::new() }
    }
}

/// A refusal.
#[derive(Debug)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// `message`.
    pub message: String,
    /// `errors`.
    pub errors: Vec<Value>,
}

/// What every handler returns.
pub type Handled = Result<Answer, Refusal>;

impl Refusal {
    /// A refusal with a message.
    pub fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), errors: Vec::new() }
    }

    /// 404, also for what the caller may not see.
    pub fn not_found() -> Self {
        Self::new(404, "Not Found")
    }

    /// 403 for a token whose grant does not reach.
    pub fn not_accessible() -> Self {
        Self::new(403, "Resource not accessible by integration")
    }

    /// 422 with one error of code `custom`.
    pub fn invalid(resource: &str, message: impl Into<String>) -> Self {
        let error = json!({ "resource": resource, "code": "custom", "message": message.into() });
        Self { status: 422, message: "Validation Failed".to_owned(), errors: vec![error] }
    }

    /// 422 about one field, with one of GitHub's codes (`missing_field`, `invalid`, `already_exists`, …).
    pub fn invalid_field(resource: &str, field: &str, code: &str) -> Self {
        let error = json!({ "resource": resource, "field": field, "code": code });
        Self { status: 422, message: "Validation Failed".to_owned(), errors: vec![error] }
    }

    /// The error body.
    pub fn body(&self) -> Value {
        let mut body = json!({
            "message": self.message,
            "documentation_url": DOCUMENTATION,
            "status": self.status.to_string(),
        });
        if !self.errors.is_empty() {
            body["errors"] = Value::Array(self.errors.clone());
        }
        body
    }
}

/// A fault of the stand-in itself (git missing, disk full) is a 500 that says so.
impl From<anyhow::Error> for Refusal {
    fn from(error: anyhow::Error) -> Self {
        tracing::error!(error = format!("{error:#}"), "the stand-in failed");
        Self::new(500, format!("github-stand-in failed: {error:#}"))
    }
}
