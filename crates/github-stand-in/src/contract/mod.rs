//! GitHub's own OpenAPI description, used as the judge of everything that goes in and out.
//!
//! Every REST exchange and every webhook is checked: the operation exists, query and body members are declared, the
//! status is declared, the answer fits its schema, and nothing is accepted that the description forbids. What breaks a
//! rule becomes a [`Violation`]; nothing is repaired here. Schemas are compiled once per process, on first use.
//! Way of the data: description → [`schema::to_json_schema`] → compiled validator → faults → [`Violation`].
//! Read first: [`Contract`], [`Exchange`], [`excused::EXCUSED`].

mod additions;
mod exchange;
mod excused;
mod operations;
mod schema;

use std::collections::HashMap;
use std::io::Read;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use anyhow::{Context, Result};
use jsonschema::error::ValidationErrorKind;
use jsonschema::{Draft, Registry, Resource, ValidationError, Validator};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use exchange::Exchange;
pub use operations::Operation;

/// The description, compressed, as GitHub publishes it (MIT licence; see `fixtures/README.md`).
const DESCRIPTION: &[u8] = include_bytes!("../../../../fixtures/github-openapi-slim.json.gz");
const ADDRESS: &str = "https://stand-in.invalid/github";
/// Faults told per checked value; one wrong member tends to repeat a thousand times.
const MAX_FAULTS: usize = 5;

/// What was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ViolationKind {
    /// A request that no operation of GitHub matches. The client's fault.
    UnknownOperation,
    /// A query or body member that GitHub does not declare. The client's fault.
    UndeclaredMember,
    /// An operation that GitHub has and the stand-in does not answer.
    NotBuilt,
    /// The stand-in accepted what GitHub's schema forbids.
    AcceptedInvalidRequest,
    /// A status that GitHub does not declare for the operation.
    UndeclaredStatus,
    /// An answer that does not fit GitHub's schema.
    InvalidResponse,
    /// A webhook payload that does not fit GitHub's schema, or a webhook GitHub does not have.
    InvalidWebhook,
}

/// Something that GitHub's description does not allow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// What was broken.
    pub kind: ViolationKind,
    /// `POST /repos/…` or the name of the webhook.
    pub subject: String,
    /// What exactly.
    pub detail: String,
}

/// The compiled description.
pub struct Contract {
    document: Arc<Value>,
    operations: Vec<Operation>,
    registry: Registry,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

impl Contract {
    /// The description this crate ships, parsed on first use.
    ///
    /// # Errors
    /// If the shipped file is broken; the text says how.
    pub fn github() -> Result<&'static Self> {
        static GITHUB: LazyLock<Result<Contract, String>> =
            LazyLock::new(|| Contract::parse(DESCRIPTION).map_err(|error| format!("{error:#}")));
        GITHUB.as_ref().map_err(|error| anyhow::anyhow!("{error}"))
    }

    fn parse(compressed: &[u8]) -> Result<Self> {
        let mut text = String::new();
        flate2::read::GzDecoder::new(compressed)
            .read_to_string(&mut text)
            .context("the description does not unpack")?;
        let mut document: Value = serde_json::from_str(&text).context("the description is not JSON")?;
        excused::mend(&mut document)?;
        additions::add(&mut document)?;
        schema::convert_document(&mut document);
        let operations = operations::collect(&document)?;
        let resource = Resource::from_contents(document.clone()).context("the description is no schema resource")?;
        let registry = Registry::options()
            .draft(Draft::Draft202012)
            .build([(ADDRESS, resource)])
            .context("the description holds a broken reference")?;
        Ok(Self { document: Arc::new(document), operations, registry, validators: Mutex::default() })
    }

    /// The operation behind a request, with its path parameters decoded.
    pub fn operation(&self, method: &str, path: &str) -> Option<(&Operation, HashMap<String, String>)> {
        operations::find(&self.operations, method, path)
            .or_else(|| operations::find(&self.operations, excused::other_method(method)?, path))
    }

    /// Checks a webhook payload against the schema of its event and action.
    pub fn check_webhook(&self, event: &str, action: Option<&str>, payload: &Value) -> Vec<Violation> {
        let name = match action {
            Some(action) => format!("{event}-{action}").replace('_', "-"),
            None => event.replace('_', "-"),
        };
        let violation =
            |detail: String| Violation { kind: ViolationKind::InvalidWebhook, subject: name.clone(), detail };
        let pointer = format!("/x-webhooks/{name}/post/requestBody/content/application~1json/schema");
        if self.document.pointer(&pointer).is_none() {
            return vec![violation("GitHub has no such webhook".to_owned())];
        }
        self.faults(&pointer, payload).into_iter().map(violation).collect()
    }

    /// What a value breaks of the schema at a JSON pointer into the description.
    fn faults(&self, pointer: &str, value: &Value) -> Vec<String> {
        match self.validator(pointer) {
            Ok(validator) => validator.iter_errors(value).take(MAX_FAULTS).map(|error| describe(&error)).collect(),
            Err(error) => vec![format!("the schema does not compile: {error:#}")],
        }
    }

    fn validator(&self, pointer: &str) -> Result<Arc<Validator>> {
        let mut validators = self.validators.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = validators.get(pointer) {
            return Ok(Arc::clone(found));
        }
        let schema = json!({ "$ref": format!("{ADDRESS}#{}", pointer.replace('{', "%7B").replace('}', "%7D")) });
        let validator = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .with_registry(self.registry.clone())
            .should_validate_formats(true)
            // Excused: GitHub declares author addresses as `email` and sends `1+app[bot]@users.noreply.github.com`.
            .with_format("email", |_: &str| true)
            .with_format("uri-template", is_uri_template)
            .build(&schema)
            .map_err(|error| anyhow::anyhow!("{error}"))?;
        let validator = Arc::new(validator);
        validators.insert(pointer.to_owned(), Arc::clone(&validator));
        Ok(validator)
    }
}

/// Where and why, down to the alternative that came closest.
fn describe(error: &ValidationError<'_>) -> String {
    let told = format!("{}: {}", error.instance_path, shorten(&error.to_string()));
    let ValidationErrorKind::AnyOf { context } = &error.kind else { return told };
    let closest = context.iter().flatten().max_by_key(|inner| inner.instance_path.to_string().len());
    closest.map_or(told.clone(), |inner| format!("{told}; closest: {}", describe(inner)))
}

/// An absolute address once its `{…}` parts are cut out. The crate's own check refuses percent-encoded literals, which
/// GitHub sends for every bot (`/users/app%5Bbot%5D/events{/privacy}`).
fn is_uri_template(text: &str) -> bool {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((_, tail)) = after.split_once('}') else { return false };
        plain.push_str(before);
        rest = tail;
    }
    plain.push_str(rest);
    url::Url::parse(&plain).is_ok()
}

fn shorten(text: &str) -> String {
    const MAX_CHARS: usize = 300;
    if text.chars().count() <= MAX_CHARS {
        return text.to_owned();
    }
    let head: String = text.chars().take(MAX_CHARS / 2).collect();
    let tail: String = text.chars().rev().take(MAX_CHARS / 2).collect::<Vec<_>>().into_iter().rev().collect();
    format!("{head} … {tail}")
}
