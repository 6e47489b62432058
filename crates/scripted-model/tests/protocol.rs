//! The server from outside: what it plays, what it refuses, and how it fails on demand.
#![expect(clippy::unwrap_used, reason = "test helpers")]

use std::time::Duration;

use reqwest::{Client, Response};
use scripted_model::{Fault, Script, ScriptedModel};
use serde_json::{Value, json};

const SCRIPT: &str = r#"
canaries: [hunter2]
max_body_bytes: 5000
scenes:
  - name: look
    when: { system: [careful], task: ["repository: octo/x"] }
    turns:
      - { text: Looking., calls: [{ tool: read, input: { path: a } }, { tool: read, input: { path: b } }] }
      - { text: Done., expects: [content of a], cut: true }
"#;

/// Breaks a rule in a conversation that keeps all of them.
type Change = fn(&mut Value);

async fn start() -> (ScriptedModel, Client) {
    rustls::crypto::ring::default_provider().install_default().ok();
    (ScriptedModel::start(Script::from_yaml(SCRIPT).unwrap()).await.unwrap(), Client::builder().build().unwrap())
}

async fn send(model: &ScriptedModel, client: &Client, path: &str, body: &Value) -> Response {
    let request = client.post(format!("{}{path}", model.url())).header("anthropic-version", "2023-06-01");
    request.header("x-api-key", "k").bearer_auth("k").body(body.to_string()).send().await.unwrap()
}

/// The conversation on the messages wire after the model's first turn was answered.
fn conversation() -> Value {
    json!({
        "model": "scripted", "max_tokens": 100, "system": "Be careful.",
        "tools": [{ "name": "read", "input_schema": { "type": "object" } }],
        "messages": [
            { "role": "user", "content": "repository: octo/x" },
            { "role": "assistant", "content": [
                { "type": "text", "text": "Looking." },
                { "type": "tool_use", "id": "call_0_0", "name": "read", "input": { "path": "a" } },
                { "type": "tool_use", "id": "call_0_1", "name": "read", "input": { "path": "b" } },
            ]},
            { "role": "user", "content": [
                { "type": "tool_result", "tool_use_id": "call_0_0", "content": "content of a" },
                { "type": "tool_result", "tool_use_id": "call_0_1", "content": "content of b" },
            ]},
        ],
    })
}

fn opening() -> Value {
    let mut body = conversation();
    body["messages"].as_array_mut().unwrap().truncate(1);
    body
}

#[tokio::test]
async fn the_turn_follows_from_the_history() {
    let (model, client) = start().await;
    for _ in 0..2 {
        let first: Value = send(&model, &client, "/v1/messages", &opening()).await.json().await.unwrap();
        assert_eq!(first["content"], conversation()["messages"][1]["content"]);
        assert_eq!(first["stop_reason"], "tool_use");
        assert!(first["usage"]["output_tokens"].as_u64().unwrap() > 0);
    }
    let second: Value = send(&model, &client, "/v1/messages", &conversation()).await.json().await.unwrap();
    assert_eq!(second["content"], json!([{ "type": "text", "text": "Done." }]));
    assert_eq!(second["stop_reason"], "max_tokens", "as the script says");
    assert!(second["usage"]["cache_read_input_tokens"].as_u64().unwrap() > 0);
    let played: Vec<_> = model.requests().into_iter().map(|request| request.played.unwrap()).collect();
    assert_eq!(played, ["look/1", "look/1", "look/2"]);
    assert_eq!(model.faults(), Vec::<String>::new());
}

#[tokio::test]
async fn every_broken_rule_is_refused_and_kept() {
    let (model, client) = start().await;
    let cases: [(&str, Change); 14] = [
        ("leaves call call_0_1 unanswered", |body| {
            body["messages"][2]["content"].as_array_mut().unwrap().pop();
        }),
        ("answers call_9, which is not an open call", |body| {
            body["messages"][2]["content"][0]["tool_use_id"] = "call_9".into();
        }),
        ("answers call_0_0, which is not an open call", |body| {
            body["messages"][2]["content"][1]["tool_use_id"] = "call_0_0".into();
        }),
        ("does not belong here", |body| body["messages"][2]["role"] = "assistant".into()),
        ("breaks the order", |body| {
            body["messages"].as_array_mut().unwrap().remove(1);
        }),
        ("the last message is the assistant's", |body| {
            body["messages"].as_array_mut().unwrap().pop();
        }),
        ("the history does not hold what was said", |body| body["messages"][1]["content"][0]["text"] = "Else.".into()),
        ("the history does not hold what was said", |body| body["messages"][1]["content"][1]["input"] = json!({})),
        ("the output limit must be above zero", |body| body["max_tokens"] = 0.into()),
        ("streaming is not scripted", |body| body["stream"] = true.into()),
        ("no scene fits", |body| body["system"] = "Be quick.".into()),
        ("canary 0 was sent", |body| body["system"] = "careful hunter2".into()),
        ("expected \"content of a\" in", |body| body["messages"][2]["content"][0]["content"] = "nothing".into()),
        ("bytes are too many", |body| body["system"] = "careful ".repeat(1_000).into()),
    ];
    for (expected, change) in cases {
        let mut body = conversation();
        change(&mut body);
        let response = send(&model, &client, "/v1/messages", &body).await;
        assert!(response.status().is_client_error(), "{expected}");
        let answer: Value = response.json().await.unwrap();
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.contains(expected), "{message:?} should say {expected:?}");
        assert!(!message.contains("hunter2"), "a canary is not repeated");
    }
    let mut undeclared = opening();
    undeclared["tools"] = json!([]);
    let response = send(&model, &client, "/v1/messages", &undeclared).await;
    assert!(response.text().await.unwrap().contains("the tool read is not on offer"));
    let keyless = client.post(format!("{}/v1/messages", model.url())).body("{}").send().await.unwrap();
    assert_eq!(keyless.status(), 401);
    assert_eq!(model.faults().len(), 16);
}

#[tokio::test]
async fn the_openai_wires_play_the_same_turn() {
    let (model, client) = start().await;
    let function = json!({ "name": "read", "parameters": { "type": "object" } });
    let chat = json!({
        "model": "scripted", "max_tokens": 100, "tools": [{ "type": "function", "function": function }],
        "messages": [
            { "role": "system", "content": "Be careful." }, { "role": "user", "content": "repository: octo/x" },
        ],
    });
    let answer: Value = send(&model, &client, "/v1/chat/completions", &chat).await.json().await.unwrap();
    let message = &answer["choices"][0]["message"];
    assert_eq!(message["content"], "Looking.");
    assert_eq!(message["tool_calls"][1]["function"]["arguments"], "{\"path\":\"b\"}");

    let responses = json!({
        "model": "scripted", "max_output_tokens": 100, "instructions": "Be careful.",
        "tools": [{ "type": "function", "name": "read", "parameters": { "type": "object" } }],
        "input": [{ "type": "message", "role": "user", "content": "repository: octo/x" }],
    });
    let answer: Value = send(&model, &client, "/v1/responses", &responses).await.json().await.unwrap();
    let kinds: Vec<&str> =
        answer["output"].as_array().unwrap().iter().map(|item| item["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["reasoning", "message", "function_call", "function_call"]);
    assert_eq!(model.faults(), Vec::<String>::new());
}

#[tokio::test]
async fn calls_fail_on_demand() {
    let (model, client) = start().await;
    model.fail_next(1, Fault::RateLimited { retry_after_s: 7 });
    model.fail_next(1, Fault::Overloaded);
    let broken = json!({ "calls": 1, "fault": "broken" });
    let asked = client.post(format!("{}/_script/fail", model.url())).header("content-type", "application/json");
    assert_eq!(asked.body(broken.to_string()).send().await.unwrap().status(), 204);
    model.fail_next(1, Fault::Truncated);

    let limited = send(&model, &client, "/v1/messages", &opening()).await;
    assert_eq!((limited.status().as_u16(), limited.headers()["retry-after"].to_str().unwrap()), (429, "7"));
    assert_eq!(send(&model, &client, "/v1/messages", &opening()).await.status().as_u16(), 529);
    assert_eq!(send(&model, &client, "/v1/messages", &opening()).await.status().as_u16(), 500);
    let half = send(&model, &client, "/v1/messages", &opening()).await;
    assert!(half.status().is_success() && half.json::<Value>().await.is_err());
    assert!(send(&model, &client, "/v1/messages", &opening()).await.json::<Value>().await.is_ok());

    model.fail_next(1, Fault::Silent);
    let opening = opening();
    let silent = tokio::time::timeout(Duration::from_millis(100), send(&model, &client, "/v1/messages", &opening));
    assert!(silent.await.is_err());
    assert_eq!(model.faults(), Vec::<String>::new(), "bad weather is not the client's fault");
}

#[test]
fn scripts_that_cannot_be_played_are_refused() {
    for (yaml, expected) in [
        ("scenes: [{ name: a, turns: [] }]", "scene a has no turns"),
        ("scenes: [{ name: a, turns: [{}] }]", "turn 1 of scene a says nothing"),
        ("scenes: [{ name: a, turn: [] }]", "cannot read the script"),
    ] {
        assert_eq!(Script::from_yaml(yaml).unwrap_err().to_string(), expected);
    }
}

#[test]
fn the_scripts_of_the_project_can_be_read() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/scripts");
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let script = Script::from_yaml(&std::fs::read_to_string(&path).unwrap());
        assert!(script.unwrap().scenes.len() >= 3, "{}: plan, work, review", path.display());
    }
}
