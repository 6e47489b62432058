//! The list of operations, and finding the one a request means.

use std::collections::{BTreeSet, HashMap};

use anyhow::{Context, Result};
use serde_json::Value;

use super::schema::resolve;

#[derive(Debug)]
enum Segment {
    Literal(String),
    One(String),
    /// Spans one or more segments, such as a file path or a branch name with slashes.
    Many(String),
}

/// One operation of GitHub's REST API.
#[derive(Debug)]
pub struct Operation {
    /// `issues/create-comment` …
    pub id: String,
    /// Upper-case method.
    pub method: String,
    /// JSON pointer to the operation in the description.
    pub pointer: String,
    /// Declared query members.
    pub query: BTreeSet<String>,
    segments: Vec<Segment>,
}

impl Operation {
    fn literals(&self) -> usize {
        self.segments.iter().filter(|segment| matches!(segment, Segment::Literal(_))).count()
    }
}

/// All operations, the most literal paths first, so that the first match is the right one.
pub fn collect(document: &Value) -> Result<Vec<Operation>> {
    let paths = document["paths"].as_object().context("the description has no paths")?;
    let mut operations = Vec::new();
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let parameters: Vec<&Value> =
                operation["parameters"].as_array().into_iter().flatten().map(|p| resolve(document, p)).collect();
            let named = |place: &str| {
                parameters.iter().filter(|p| p["in"] == place).filter_map(|p| p["name"].as_str()).collect::<Vec<_>>()
            };
            let many: Vec<&str> = parameters
                .iter()
                .filter(|p| p["x-multi-segment"] == Value::Bool(true))
                .filter_map(|p| p["name"].as_str())
                .collect();
            operations.push(Operation {
                id: operation["operationId"].as_str().context("an operation has no id")?.to_owned(),
                method: method.to_uppercase(),
                pointer: format!("/paths/{}/{method}", path.replace('~', "~0").replace('/', "~1")),
                query: named("query").into_iter().map(str::to_owned).collect(),
                segments: path.split('/').skip(1).map(|text| segment(text, &many)).collect(),
            });
        }
    }
    operations.sort_by_key(|operation| std::cmp::Reverse(operation.literals()));
    Ok(operations)
}

fn segment(text: &str, many: &[&str]) -> Segment {
    match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
        Some(name) if many.contains(&name) => Segment::Many(name.to_owned()),
        Some(name) => Segment::One(name.to_owned()),
        None => Segment::Literal(text.to_owned()),
    }
}

/// The operation a request means, with its path parameters decoded.
pub fn find<'a>(
    operations: &'a [Operation],
    method: &str,
    path: &str,
) -> Option<(&'a Operation, HashMap<String, String>)> {
    let parts: Vec<String> = path.trim_matches('/').split('/').map(decode).collect();
    operations.iter().filter(|operation| operation.method == method).find_map(|operation| {
        let mut found = HashMap::new();
        matches(&operation.segments, &parts, &mut found).then_some((operation, found))
    })
}

fn matches(segments: &[Segment], parts: &[String], found: &mut HashMap<String, String>) -> bool {
    let Some((segment, rest)) = segments.split_first() else { return parts.is_empty() };
    match segment {
        Segment::Literal(text) => parts.first() == Some(text) && matches(rest, &parts[1..], found),
        Segment::One(name) => {
            let Some(part) = parts.first().filter(|part| !part.is_empty()) else { return false };
            found.insert(name.clone(), part.clone());
            matches(rest, &parts[1..], found)
        }
        // The root directory is asked for as `/contents` or `/contents/`.
        Segment::Many(name) if parts.is_empty() => {
            found.insert(name.clone(), String::new());
            rest.is_empty() && name == "path"
        }
        Segment::Many(name) => (1..=parts.len()).rev().any(|length| {
            found.insert(name.clone(), parts[..length].join("/"));
            matches(rest, &parts[length..], found)
        }),
    }
}

/// Percent-decodes one path segment.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        match (byte, hex.and_then(|pair| u8::from_str_radix(pair, 16).ok())) {
            (b'%', Some(decoded)) => {
                bytes.push(decoded);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(*byte);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
