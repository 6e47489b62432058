//! OpenAI chat completions, as Ollama, vLLM and many others speak it.
//! <https://platform.openai.com/docs/api-reference/chat>

use serde_json::{Map, Value, json};

use super::{
    super::{Block, Message, ModelError, ModelRequest, ModelResponse, Speaker, StopCause, Usage},
    parse_arguments, print_arguments, text,
};

/// Fields in which servers put a model's reasoning: DeepSeek and vLLM the first, Ollama and OpenRouter the second.
const REASONING_FIELDS: [&str; 2] = ["reasoning_content", "reasoning"];

pub(super) fn encode(request: &ModelRequest) -> Value {
    let mut messages = vec![json!({ "role": "system", "content": request.system })];
    for message in &request.messages {
        match message.speaker {
            Speaker::User => encode_user(message, &mut messages),
            Speaker::Assistant => messages.push(encode_assistant(message)),
        }
    }
    let tools: Vec<Value> = request
        .tools
        .iter()
        .map(|tool| {
            let function = json!({ "name": tool.name, "description": tool.description, "parameters": tool.schema });
            json!({ "type": "function", "function": function })
        })
        .collect();
    json!({
        "model": request.model.name,
        "messages": messages,
        "tools": tools,
        // The older name: every compatible server knows it, and OpenAI's own reasoning models are served by `openai/`.
        "max_tokens": request.max_output_tokens,
    })
}

/// Results become messages of their own and must come before the words of the same turn.
fn encode_user(message: &Message, messages: &mut Vec<Value>) {
    let mut words = Vec::new();
    for block in &message.blocks {
        match block {
            Block::ToolResult { id, content, is_error: _ } => {
                messages.push(json!({ "role": "tool", "tool_call_id": id, "content": content }));
            }
            Block::Text { text } => words.push(text.as_str()),
            Block::Thinking { .. } | Block::ToolUse { .. } => {}
        }
    }
    if !words.is_empty() {
        messages.push(json!({ "role": "user", "content": words.join("\n\n") }));
    }
}

fn encode_assistant(message: &Message) -> Value {
    let mut encoded = Map::from_iter([("role".to_owned(), json!("assistant"))]);
    let mut words = Vec::new();
    let mut calls = Vec::new();
    for block in &message.blocks {
        match block {
            Block::Text { text } => words.push(text.as_str()),
            Block::Thinking { opaque } => {
                encoded
                    .extend(opaque.as_object().into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())));
            }
            Block::ToolUse { id, name, input } => {
                let function = json!({ "name": name, "arguments": print_arguments(input) });
                calls.push(json!({ "id": id, "type": "function", "function": function }));
            }
            Block::ToolResult { .. } => {}
        }
    }
    encoded.insert("content".to_owned(), json!(words.join("\n\n")));
    if !calls.is_empty() {
        encoded.insert("tool_calls".to_owned(), Value::Array(calls));
    }
    Value::Object(encoded)
}

pub(super) fn decode(body: &Value) -> Result<ModelResponse, ModelError> {
    let choice = &body["choices"][0];
    let message = &choice["message"];
    if !message.is_object() {
        return Err(ModelError::protocol("no `choices[0].message`"));
    }
    let mut blocks = Vec::new();
    for field in REASONING_FIELDS {
        if message[field].as_str().is_some_and(|reasoning| !reasoning.is_empty()) {
            blocks.push(Block::Thinking { opaque: json!({ field: message[field] }) });
        }
    }
    if let Some(words) = message["content"].as_str().filter(|words| !words.is_empty()) {
        blocks.push(Block::text(words));
    }
    for (index, call) in message["tool_calls"].as_array().into_iter().flatten().enumerate() {
        let function = &call["function"];
        // Some local servers give no id; the position is enough, as results follow their calls at once.
        let id = call["id"].as_str().filter(|id| !id.is_empty()).map_or(format!("unnamed_{index}"), str::to_owned);
        let arguments = &function["arguments"];
        let input = arguments.as_str().map_or_else(|| arguments.clone(), parse_arguments);
        blocks.push(Block::ToolUse { id, name: text(function, "name")?.to_owned(), input });
    }
    let stop = match choice["finish_reason"].as_str() {
        Some("length") => StopCause::OutputLimit,
        Some("content_filter") => StopCause::Refused,
        Some(_) | None => StopCause::Finished,
    };
    Ok(ModelResponse { blocks, stop, usage: decode_usage(&body["usage"])? })
}

fn decode_usage(usage: &Value) -> Result<Usage, ModelError> {
    let (Some(input), Some(output)) = (usage["prompt_tokens"].as_u64(), usage["completion_tokens"].as_u64()) else {
        return Err(ModelError::protocol("no `usage`"));
    };
    let cached_read = usage["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap_or(0).min(input);
    Ok(Usage { input: input - cached_read, cached_read, cache_write: 0, output })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::wire::samples;

    #[test]
    fn a_request_is_encoded() {
        let thinking = json!({ "reasoning_content": "hm" });
        insta::assert_snapshot!(
            serde_json::to_string_pretty(&encode(&samples::request("openai-chat/qwen3", thinking))).unwrap()
        );
    }

    #[test]
    fn an_answer_is_decoded() {
        let body = json!({
            "choices": [{
                "finish_reason": "tool_calls",
                "message": {
                    "role": "assistant", "content": "Let me look.", "reasoning": "hm",
                    "tool_calls": [
                        { "id": "call_1", "type": "function", "function": { "name": "read", "arguments": "{\"path\":\"a.py\"}" } },
                        { "type": "function", "function": { "name": "bash", "arguments": { "command": "ls" } } },
                    ],
                },
            }],
            "usage": { "prompt_tokens": 125, "prompt_tokens_details": { "cached_tokens": 100 }, "completion_tokens": 9 },
        });
        insta::assert_debug_snapshot!(decode(&body).unwrap(), @r#"
    ModelResponse {
        blocks: [
            Thinking {
                opaque: Object {
                    "reasoning": String("hm"),
                },
            },
            Text {
                text: "Let me look.",
            },
            ToolUse {
                id: "call_1",
                name: "read",
                input: Object {
                    "path": String("a.py"),
                },
            },
            ToolUse {
                id: "unnamed_1",
                name: "bash",
                input: Object {
                    "command": String("ls"),
                },
            },
        ],
        stop: Finished,
        usage: Usage {
            input: 25,
            cached_read: 100,
            cache_write: 0,
            output: 9,
        },
    }
    "#);
    }

    #[test]
    fn half_an_answer_is_a_protocol_error() {
        for body in [json!({}), json!({ "choices": [] }), json!({ "choices": [{ "message": { "content": "x" } }] })] {
            assert!(matches!(decode(&body), Err(ModelError::Protocol { .. })), "{body}");
        }
    }
}
