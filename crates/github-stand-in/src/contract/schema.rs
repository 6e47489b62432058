//! OpenAPI 3.0 schemas to JSON Schema 2020-12, and the search for members that a schema does not declare.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// Converts every schema of the description in place.
pub fn convert_document(document: &mut Value) {
    for section in ["/components/schemas", "/paths", "/x-webhooks", "/components/responses", "/components/parameters"] {
        if let Some(Value::Object(members)) = document.pointer_mut(section) {
            for member in members.values_mut() {
                if section == "/components/schemas" {
                    convert(member);
                } else {
                    convert_below(member);
                }
            }
        }
    }
}

/// Finds the `schema` members of operations, parameters and responses.
fn convert_below(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                if name == "schema" {
                    convert(member);
                } else {
                    convert_below(member);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(convert_below),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn convert(schema: &mut Value) {
    let Value::Object(members) = schema else { return };
    // GitHub's alternatives overlap in places (an empty object fits several), so exactly-one would refuse good answers.
    if let Some(one_of) = members.remove("oneOf") {
        members.insert("anyOf".to_owned(), one_of);
    }
    members.remove("discriminator");
    for name in ["anyOf", "allOf"] {
        if let Some(Value::Array(items)) = members.get_mut(name) {
            items.iter_mut().for_each(convert);
        }
    }
    for name in ["items", "additionalProperties", "not"] {
        if let Some(member) = members.get_mut(name) {
            convert(member);
        }
    }
    if let Some(Value::Object(properties)) = members.get_mut("properties") {
        properties.values_mut().for_each(convert);
    }
    if members.remove("nullable") == Some(Value::Bool(true)) {
        let inner = Value::Object(std::mem::take(members));
        *members = nullable(inner);
    }
}

fn nullable(inner: Value) -> Map<String, Value> {
    let mut wrapped = Map::new();
    wrapped.insert("anyOf".to_owned(), json!([{ "type": "null" }, inner]));
    wrapped
}

/// Names of all members, at any depth, that a body carries and its schema does not declare.
pub fn undeclared(document: &Value, schema: &Value, value: &Value, at: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            let Some(known) = declared(document, schema) else { return };
            for (name, member) in members {
                let path = format!("{at}/{name}");
                let schemas: Vec<&Value> = known.iter().filter(|(key, _)| *key == name).map(|(_, s)| *s).collect();
                if schemas.is_empty() {
                    found.insert(path);
                } else if let Some(first) = schemas.first() {
                    undeclared(document, first, member, &path, found);
                }
            }
        }
        Value::Array(items) => {
            for alternative in alternatives(document, schema) {
                if let Some(item_schema) = alternative.get("items") {
                    items.iter().for_each(|item| undeclared(document, item_schema, item, at, found));
                    return;
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The declared members of all object alternatives; `None` if any of them is open.
fn declared<'a>(document: &'a Value, schema: &'a Value) -> Option<Vec<(&'a String, &'a Value)>> {
    let mut known = Vec::new();
    for alternative in alternatives(document, schema) {
        if alternative.get("additionalProperties").is_some_and(|more| *more != Value::Bool(false)) {
            return None;
        }
        if let Some(Value::Object(properties)) = alternative.get("properties") {
            known.extend(properties.iter());
        }
    }
    if known.is_empty() { None } else { Some(known) }
}

/// A schema with references followed and alternatives spread out.
fn alternatives<'a>(document: &'a Value, schema: &'a Value) -> Vec<&'a Value> {
    let schema = resolve(document, schema);
    let mut all = vec![schema];
    for name in ["anyOf", "allOf"] {
        if let Some(Value::Array(items)) = schema.get(name) {
            all.extend(items.iter().flat_map(|item| alternatives(document, item)));
        }
    }
    all
}

/// Follows a `$ref` within the description.
pub fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let target = value.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
    target.and_then(|pointer| document.pointer(pointer)).unwrap_or(value)
}
