//! OpenAI responses. <https://platform.openai.com/docs/api-reference/responses>
//!
//! `store: false` keeps the conversation here; reasoning then comes back encrypted and is sent again with each request.

use serde_json::{Value, json};

use super::{
    super::{Block, Message, ModelError, ModelRequest, ModelResponse, Speaker, StopCause, Usage},
    parse_arguments, print_arguments, text,
};

pub(super) fn encode(request: &ModelRequest) -> Value {
    let tools: Vec<Value> = request
        .tools
        .iter()
        .map(|tool| {
            json!({
                "type": "function", "name": tool.name, "description": tool.description, "parameters": tool.schema,
                "strict": false,
            })
        })
        .collect();
    json!({
        "model": request.model.name,
        "instructions": request.system,
        "input": request.messages.iter().flat_map(encode_message).collect::<Vec<_>>(),
        "tools": tools,
        "max_output_tokens": request.max_output_tokens,
        "store": false,
        "include": ["reasoning.encrypted_content"],
    })
}

fn encode_message(message: &Message) -> Vec<Value> {
    let (role, kind) = match message.speaker {
        Speaker::User => ("user", "input_text"),
        Speaker::Assistant => ("assistant", "output_text"),
    };
    message
        .blocks
        .iter()
        .map(|block| match block {
            Block::Text { text } => {
                json!({ "type": "message", "role": role, "content": [{ "type": kind, "text": text }] })
            }
            Block::Thinking { opaque } => opaque.clone(),
            Block::ToolUse { id, name, input } => {
                json!({ "type": "function_call", "call_id": id, "name": name, "arguments": print_arguments(input) })
            }
            Block::ToolResult { id, content, is_error: _ } => {
                json!({ "type": "function_call_output", "call_id": id, "output": content })
            }
        })
        .collect()
}

pub(super) fn decode(body: &Value) -> Result<ModelResponse, ModelError> {
    let output = body["output"].as_array().ok_or_else(|| ModelError::protocol("no `output`"))?;
    let mut blocks = Vec::with_capacity(output.len());
    let mut refused = false;
    for item in output {
        match text(item, "type")? {
            "message" => {
                for part in item["content"].as_array().into_iter().flatten() {
                    refused |= part["type"] == "refusal";
                    let words = part["text"].as_str().or(part["refusal"].as_str()).unwrap_or_default();
                    if !words.is_empty() {
                        blocks.push(Block::text(words));
                    }
                }
            }
            "function_call" => blocks.push(Block::ToolUse {
                id: text(item, "call_id")?.to_owned(),
                name: text(item, "name")?.to_owned(),
                input: parse_arguments(text(item, "arguments")?),
            }),
            _ => blocks.push(Block::Thinking { opaque: item.clone() }),
        }
    }
    let stop = match (text(body, "status")?, body["incomplete_details"]["reason"].as_str()) {
        ("completed", _) if refused => StopCause::Refused,
        ("completed", _) => StopCause::Finished,
        ("incomplete", Some("max_output_tokens")) => StopCause::OutputLimit,
        ("incomplete", _) => StopCause::Refused,
        (status, _) => return Err(ModelError::protocol(format!("the response is `{status}`: {}", body["error"]))),
    };
    let usage = &body["usage"];
    let (Some(input), Some(output)) = (usage["input_tokens"].as_u64(), usage["output_tokens"].as_u64()) else {
        return Err(ModelError::protocol("no `usage`"));
    };
    let cached_read = usage["input_tokens_details"]["cached_tokens"].as_u64().unwrap_or(0).min(input);
    Ok(ModelResponse { blocks, stop, usage: Usage { input: input - cached_read, cached_read, cache_write: 0, output } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::wire::samples;

    #[test]
    fn a_request_is_encoded() {
        let thinking = json!({ "type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "Z0FBQUE=" });
        insta::assert_snapshot!(
            serde_json::to_string_pretty(&encode(&samples::request("openai/gpt-5", thinking))).unwrap()
        );
    }

    #[test]
    fn an_answer_is_decoded() {
        let body = json!({
            "status": "completed",
            "output": [
                { "type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "Z0FBQUE=" },
                { "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": "Let me look." }] },
                { "type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "read", "arguments": "{\"path\":\"a.py\"}" },
                { "type": "function_call", "id": "fc_2", "call_id": "call_2", "name": "bash", "arguments": "{\"command\":" },
            ],
            "usage": { "input_tokens": 125, "input_tokens_details": { "cached_tokens": 100 }, "output_tokens": 9 },
        });
        insta::assert_debug_snapshot!(decode(&body).unwrap(), @r#"
    ModelResponse {
        blocks: [
            Thinking {
                opaque: Object {
                    "encrypted_content": String("Z0FBQUE="),
                    "id": String("rs_1"),
                    "summary": Array [],
                    "type": String("reasoning"),
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
                id: "call_2",
                name: "bash",
                input: String("{\"command\":"),
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
    fn an_answer_that_was_cut_or_failed_says_so() {
        let mut body = json!({
            "status": "incomplete", "incomplete_details": { "reason": "max_output_tokens" }, "output": [],
            "usage": { "input_tokens": 1, "output_tokens": 1 },
        });
        assert_eq!(decode(&body).unwrap().stop, StopCause::OutputLimit);
        body["status"] = "failed".into();
        assert!(matches!(decode(&body), Err(ModelError::Protocol { .. })));
        assert!(matches!(decode(&json!({})), Err(ModelError::Protocol { .. })));
    }
}
