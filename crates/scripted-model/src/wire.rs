//! The three wires: their JSON to [`Seen`], and a [`Turn`] to their JSON.

use serde_json::{Value, json};

use crate::{
    request::{Seen, plain_text},
    script::{Call, Turn},
};

/// Bytes that count as one token.
const BYTES_PER_TOKEN: usize = 4;

/// How the client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    Messages,
    Responses,
    Chat,
}

impl Wire {
    pub(crate) fn read(self, body: &Value) -> Result<Seen, String> {
        let mut seen = Seen {
            model: body["model"].as_str().unwrap_or_default().to_owned(),
            stream: body["stream"] == true,
            ..Seen::default()
        };
        match self {
            Self::Messages => read_messages(body, &mut seen)?,
            Self::Responses => read_responses(body, &mut seen)?,
            Self::Chat => read_chat(body, &mut seen)?,
        }
        Ok(seen)
    }

    /// The answer, with ids that name the turn so that they are the same when it is played again.
    pub(crate) fn write(self, turn: &Turn, number: usize, usage: Tokens, model: &str) -> Value {
        match self {
            Self::Messages => write_messages(turn, number, usage, model),
            Self::Responses => write_responses(turn, number, usage, model),
            Self::Chat => write_chat(turn, number, usage, model),
        }
    }
}

/// Usage computed from sizes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tokens {
    /// Input that was not in the cache.
    fresh: usize,
    cached: usize,
    output: usize,
}

impl Tokens {
    pub(crate) fn of(body_bytes: usize, seen: &Seen, turn: &Turn) -> Self {
        let input = body_bytes / BYTES_PER_TOKEN;
        let newest = seen.messages.last().map_or(0, |message| message.text.len()) / BYTES_PER_TOKEN;
        let cached = if seen.assistant_turns() == 0 { 0 } else { input.saturating_sub(newest) };
        let calls: usize = turn.calls.iter().map(|call| call.tool.len() + call.input.to_string().len()).sum();
        Self { fresh: input - cached, cached, output: (turn.text.len() + calls) / BYTES_PER_TOKEN + 1 }
    }
}

fn list<'a>(value: &'a Value, what: &str) -> Result<&'a Vec<Value>, String> {
    value.as_array().ok_or_else(|| format!("`{what}` must be a list"))
}

fn string(value: &Value, field: &str) -> Result<String, String> {
    value[field].as_str().map(str::to_owned).ok_or_else(|| format!("`{field}` must be text"))
}

fn parsed_arguments(value: &Value) -> Result<Value, String> {
    let text = value.as_str().ok_or("`arguments` must be JSON in a string")?;
    serde_json::from_str(text).map_err(|_| "`arguments` must be JSON".to_owned())
}

fn read_messages(body: &Value, seen: &mut Seen) -> Result<(), String> {
    seen.system = plain_text(&body["system"]);
    seen.max_output_tokens = body["max_tokens"].as_u64().unwrap_or(0);
    for tool in list(&body["tools"], "tools")? {
        tool["input_schema"].as_object().ok_or("a tool has no `input_schema`")?;
        seen.tools.push(string(tool, "name")?);
    }
    for message in list(&body["messages"], "messages")? {
        let assistant = message["role"] == "assistant";
        // One wire message is one turn here; two of the same side in a row are a fault, not one turn.
        seen.messages.push(crate::SeenMessage { assistant, ..Default::default() });
        let last = seen.turn_of(assistant);
        if let Some(text) = message["content"].as_str() {
            last.add_text(text);
            continue;
        }
        for block in list(&message["content"], "content")? {
            match (block["type"].as_str().unwrap_or_default(), assistant) {
                ("text", _) => last.add_text(&string(block, "text")?),
                ("tool_use", true) => {
                    let call = Call { tool: string(block, "name")?, input: block["input"].clone() };
                    last.calls.push((string(block, "id")?, call));
                }
                ("tool_result", false) => {
                    last.results.push(string(block, "tool_use_id")?);
                    last.add_text(&plain_text(&block["content"]));
                }
                ("thinking" | "redacted_thinking", true) => {}
                (kind, _) => return Err(format!("a block of type {kind:?} does not belong here")),
            }
        }
    }
    Ok(())
}

fn read_responses(body: &Value, seen: &mut Seen) -> Result<(), String> {
    seen.system = plain_text(&body["instructions"]);
    seen.max_output_tokens = body["max_output_tokens"].as_u64().unwrap_or(0);
    for tool in list(&body["tools"], "tools")? {
        tool["parameters"].as_object().ok_or("a tool has no `parameters`")?;
        seen.tools.push(string(tool, "name")?);
    }
    for item in list(&body["input"], "input")? {
        match item["type"].as_str().unwrap_or("message") {
            "message" => {
                let assistant = item["role"] == "assistant";
                seen.turn_of(assistant).add_text(&plain_text(&item["content"]));
            }
            "function_call" => {
                let call = Call { tool: string(item, "name")?, input: parsed_arguments(&item["arguments"])? };
                seen.turn_of(true).calls.push((string(item, "call_id")?, call));
            }
            "function_call_output" => {
                let turn = seen.turn_of(false);
                turn.results.push(string(item, "call_id")?);
                turn.add_text(&plain_text(&item["output"]));
            }
            "reasoning" => {
                seen.turn_of(true);
            }
            kind => return Err(format!("an item of type {kind:?} does not belong here")),
        }
    }
    Ok(())
}

fn read_chat(body: &Value, seen: &mut Seen) -> Result<(), String> {
    seen.max_output_tokens = body["max_completion_tokens"].as_u64().or(body["max_tokens"].as_u64()).unwrap_or(0);
    for tool in list(&body["tools"], "tools")? {
        tool["function"]["parameters"].as_object().ok_or("a tool has no `parameters`")?;
        seen.tools.push(string(&tool["function"], "name")?);
    }
    for message in list(&body["messages"], "messages")? {
        match message["role"].as_str().unwrap_or_default() {
            "system" => seen.system = plain_text(&message["content"]),
            "user" => seen.turn_of(false).add_text(&plain_text(&message["content"])),
            "tool" => {
                let turn = seen.turn_of(false);
                turn.results.push(string(message, "tool_call_id")?);
                turn.add_text(&plain_text(&message["content"]));
            }
            "assistant" => {
                let turn = seen.turn_of(true);
                turn.add_text(&plain_text(&message["content"]));
                for call in message["tool_calls"].as_array().into_iter().flatten() {
                    let function = &call["function"];
                    let input = parsed_arguments(&function["arguments"])?;
                    turn.calls.push((string(call, "id")?, Call { tool: string(function, "name")?, input }));
                }
            }
            role => return Err(format!("a message of role {role:?} does not belong here")),
        }
    }
    Ok(())
}

fn call_id(turn: usize, call: usize) -> String {
    format!("call_{turn}_{call}")
}

fn write_messages(turn: &Turn, number: usize, usage: Tokens, model: &str) -> Value {
    let mut content = Vec::new();
    if !turn.text.is_empty() {
        content.push(json!({ "type": "text", "text": turn.text }));
    }
    for (index, call) in turn.calls.iter().enumerate() {
        content.push(json!({
            "type": "tool_use", "id": call_id(number, index), "name": call.tool, "input": call.input,
        }));
    }
    let stop_reason = match (turn.cut, turn.calls.is_empty()) {
        (true, _) => "max_tokens",
        (false, true) => "end_turn",
        (false, false) => "tool_use",
    };
    json!({
        "id": format!("msg_{number}"), "type": "message", "role": "assistant", "model": model, "content": content,
        "stop_reason": stop_reason,
        "usage": {
            "input_tokens": 0, "cache_read_input_tokens": usage.cached,
            "cache_creation_input_tokens": usage.fresh, "output_tokens": usage.output,
        },
    })
}

fn write_responses(turn: &Turn, number: usize, usage: Tokens, model: &str) -> Value {
    let mut output = vec![json!({
        "type": "reasoning", "id": format!("rs_{number}"), "summary": [], "encrypted_content": "c2NyaXB0ZWQ=",
    })];
    if !turn.text.is_empty() {
        let content = json!([{ "type": "output_text", "text": turn.text, "annotations": [] }]);
        output.push(json!({ "type": "message", "role": "assistant", "status": "completed", "content": content }));
    }
    for (index, call) in turn.calls.iter().enumerate() {
        output.push(json!({
            "type": "function_call", "id": format!("fc_{number}_{index}"), "call_id": call_id(number, index),
            "name": call.tool, "arguments": call.input.to_string(), "status": "completed",
        }));
    }
    let (status, details) = match turn.cut {
        true => ("incomplete", json!({ "reason": "max_output_tokens" })),
        false => ("completed", Value::Null),
    };
    json!({
        "id": format!("resp_{number}"), "object": "response", "status": status, "incomplete_details": details, "model": model, "output": output,
        "usage": {
            "input_tokens": usage.fresh + usage.cached, "input_tokens_details": { "cached_tokens": usage.cached },
            "output_tokens": usage.output, "total_tokens": usage.fresh + usage.cached + usage.output,
        },
    })
}

fn write_chat(turn: &Turn, number: usize, usage: Tokens, model: &str) -> Value {
    let mut message = json!({ "role": "assistant", "content": turn.text });
    let calls: Vec<Value> = turn
        .calls
        .iter()
        .enumerate()
        .map(|(index, call)| {
            let function = json!({ "name": call.tool, "arguments": call.input.to_string() });
            json!({ "id": call_id(number, index), "type": "function", "function": function })
        })
        .collect();
    let finish_reason = match (turn.cut, calls.is_empty()) {
        (true, _) => "length",
        (false, true) => "stop",
        (false, false) => "tool_calls",
    };
    if !calls.is_empty() {
        message["tool_calls"] = Value::Array(calls);
    }
    json!({
        "id": format!("chatcmpl-{number}"), "object": "chat.completion", "model": model,
        "choices": [{ "index": 0, "finish_reason": finish_reason, "message": message }],
        "usage": {
            "prompt_tokens": usage.fresh + usage.cached, "prompt_tokens_details": { "cached_tokens": usage.cached },
            "completion_tokens": usage.output, "total_tokens": usage.fresh + usage.cached + usage.output,
        },
    })
}
