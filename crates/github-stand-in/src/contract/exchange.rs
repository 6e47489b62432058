//! Judging one REST exchange.

use std::collections::BTreeSet;

use serde_json::Value;

use super::excused::excused_status;
use super::schema::{resolve, undeclared};
use super::{Contract, Operation, Violation, ViolationKind};

/// One request and its answer, as far as the description speaks about it.
#[derive(Debug)]
pub struct Exchange<'a> {
    /// The operation.
    pub operation: &'a Operation,
    /// `POST /repos/…`, for the violation.
    pub subject: &'a str,
    /// Names in the query string.
    pub query: &'a [String],
    /// Parsed request body; null when there was none.
    pub body: &'a Value,
    /// Answered status.
    pub status: u16,
    /// Answered JSON; `None` for other media types and empty bodies.
    pub answer: Option<&'a Value>,
}

impl Contract {
    /// What a request body breaks of its schema. GitHub answers such a request with 422 (or 400).
    pub fn request_faults(&self, operation: &Operation, body: &Value) -> Vec<String> {
        let pointer = format!("{}/requestBody/content/application~1json/schema", operation.pointer);
        if body.is_null() || self.document.pointer(&pointer).is_none() {
            return Vec::new();
        }
        self.faults(&pointer, body)
    }

    /// Everything an exchange breaks.
    pub fn check(&self, exchange: &Exchange<'_>) -> Vec<Violation> {
        let mut found = Vec::new();
        let mut report = |kind, detail: String| {
            found.push(Violation { kind, subject: exchange.subject.to_owned(), detail });
        };
        for name in self.undeclared_members(exchange) {
            report(ViolationKind::UndeclaredMember, name);
        }
        let faults = self.request_faults(exchange.operation, exchange.body);
        if exchange.status < 300 && !faults.is_empty() {
            report(ViolationKind::AcceptedInvalidRequest, faults.join("; "));
        }
        let operation = self.document.pointer(&exchange.operation.pointer).unwrap_or(&Value::Null);
        let status = exchange.status.to_string();
        match operation["responses"].get(&status) {
            Some(response) => {
                let reference = response.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix('#'));
                let below = reference
                    .map_or_else(|| format!("{}/responses/{status}", exchange.operation.pointer), str::to_owned);
                let content = &resolve(&self.document, response)["content"];
                let pointer = format!("{below}/content/application~1json/schema");
                match (exchange.answer, content.get("application/json")) {
                    (Some(answer), Some(_)) => {
                        for fault in self.faults(&pointer, answer) {
                            report(ViolationKind::InvalidResponse, format!("{status} {fault}"));
                        }
                    }
                    (Some(_), None) if !excused_status(exchange.status) => {
                        report(ViolationKind::InvalidResponse, format!("{status} declares no JSON body"));
                    }
                    (Some(_) | None, _) => {}
                }
            }
            None if exchange.status == 304 && exchange.answer.is_none() => {}
            None if excused_status(exchange.status) => {
                let error = exchange.answer.unwrap_or(&Value::Null);
                for fault in self.faults("/components/schemas/basic-error", error) {
                    report(ViolationKind::InvalidResponse, format!("{status} {fault}"));
                }
            }
            None => report(ViolationKind::UndeclaredStatus, status),
        }
        found
    }

    fn undeclared_members(&self, exchange: &Exchange<'_>) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for name in exchange.query {
            if !exchange.operation.query.contains(name) {
                found.insert(format!("?{name}"));
            }
        }
        let pointer = format!("{}/requestBody/content/application~1json/schema", exchange.operation.pointer);
        match self.document.pointer(&pointer) {
            Some(schema) => undeclared(&self.document, schema, exchange.body, "", &mut found),
            None => {
                let members = exchange.body.as_object().into_iter().flatten();
                found.extend(members.map(|(name, _)| format!("/{name}")));
            }
        }
        found
    }
}
