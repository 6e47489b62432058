//! Operations and webhooks that GitHub documents and the shipped cut of its description lacks.
//!
//! `additions.json` writes each one down by hand with the link to its documentation; answers are still judged by the
//! description's own schemas where it has them. An entry that the description gains later is an error, so that nothing
//! hand-written outlives its reason.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::{Map, Value, json};

const ADDITIONS: &str = include_str!("additions.json");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Additions {
    operations: Vec<Addition>,
    webhooks: Vec<Webhook>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Addition {
    id: String,
    method: String,
    path: String,
    docs: String,
    #[serde(default)]
    query: Vec<String>,
    /// Path parameters that span segments.
    #[serde(default)]
    many: Vec<String>,
    #[serde(default)]
    body: Option<Value>,
    /// Status to schema, or null for an answer without JSON.
    answers: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Webhook {
    name: String,
    docs: String,
    /// Required members and their schemas.
    members: Map<String, Value>,
}

/// Puts the additions into the description.
///
/// # Errors
/// When the description has one of them by now, or an entry names no documentation of GitHub's.
pub fn add(document: &mut Value) -> Result<()> {
    let additions: Additions = serde_json::from_str(ADDITIONS).context("additions.json is broken")?;
    for addition in &additions.operations {
        documented(&addition.docs)?;
        let paths = document["paths"].as_object_mut().context("the description has no paths")?;
        let methods = paths.entry(addition.path.clone()).or_insert_with(|| json!({}));
        ensure!(methods.get(&addition.method).is_none(), "{} is described now", addition.id);
        methods[&addition.method] = operation(addition);
    }
    for webhook in &additions.webhooks {
        documented(&webhook.docs)?;
        ensure!(document["x-webhooks"].get(&webhook.name).is_none(), "the webhook {} is described now", webhook.name);
        let required: Vec<&String> = webhook.members.keys().collect();
        let schema = json!({ "type": "object", "required": required, "properties": webhook.members });
        document["x-webhooks"][&webhook.name] =
            json!({ "post": { "requestBody": { "content": { "application/json": { "schema": schema } } } } });
    }
    Ok(())
}

fn documented(link: &str) -> Result<()> {
    ensure!(link.starts_with("https://docs.github.com/"), "{link} is no documentation of GitHub's");
    Ok(())
}

fn operation(addition: &Addition) -> Value {
    let in_path = addition.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let mut parameters: Vec<Value> = in_path
        .map(|name| json!({ "name": name, "in": "path", "x-multi-segment": addition.many.iter().any(|many| many == name) }))
        .collect();
    parameters.extend(addition.query.iter().map(|name| json!({ "name": name, "in": "query" })));
    let content = |schema: &Value| json!({ "content": { "application/json": { "schema": schema } } });
    let answers: Map<String, Value> = addition
        .answers
        .iter()
        .map(|(status, schema)| (status.clone(), if schema.is_null() { json!({}) } else { content(schema) }))
        .collect();
    let mut operation = json!({
        "operationId": addition.id, "externalDocs": { "url": addition.docs }, "parameters": parameters,
        "responses": answers,
    });
    if let Some(schema) = &addition.body {
        operation["requestBody"] = content(schema);
    }
    operation
}
