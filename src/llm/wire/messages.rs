//! Anthropic messages. <https://docs.claude.com/en/api/messages>

use serde_json::{Value, json};

use super::{
    super::{Block, Message, ModelError, ModelRequest, ModelResponse, Speaker, StopCause, Usage},
    text,
};

/// Marks where the provider may cache the prefix: after the system prompt (which follows the tools) and at the end of
/// the newest message, so that the next turn reads everything before it at a tenth of the price.
pub(super) fn encode(request: &ModelRequest) -> Value {
    let mut messages: Vec<Value> = request.messages.iter().map(encode_message).collect();
    if let Some(last_block) = messages.last_mut().and_then(|message| message["content"].as_array_mut()?.last_mut()) {
        last_block["cache_control"] = json!({ "type": "ephemeral" });
    }
    let tools: Vec<Value> = request
        .tools
        .iter()
        .map(|tool| json!({ "name": tool.name, "description": tool.description, "input_schema": tool.schema }))
        .collect();
    json!({
        "model": request.model.name,
        "max_tokens": request.max_output_tokens,
        "system": [{ "type": "text", "text": request.system, "cache_control": { "type": "ephemeral" } }],
        "messages": messages,
        "tools": tools,
    })
}

fn encode_message(message: &Message) -> Value {
    let role = match message.speaker {
        Speaker::User => "user",
        Speaker::Assistant => "assistant",
    };
    let blocks: Vec<Value> = message
        .blocks
        .iter()
        .map(|block| match block {
            Block::Text { text } => json!({ "type": "text", "text": text }),
            Block::Thinking { opaque } => opaque.clone(),
            // The wire wants an object; arguments that were none are shown as what they were.
            Block::ToolUse { id, name, input } if !input.is_object() => {
                json!({ "type": "tool_use", "id": id, "name": name, "input": { "malformed": input } })
            }
            Block::ToolUse { id, name, input } => {
                json!({ "type": "tool_use", "id": id, "name": name, "input": input })
            }
            Block::ToolResult { id, content, is_error } => {
                json!({ "type": "tool_result", "tool_use_id": id, "content": content, "is_error": is_error })
            }
        })
        .collect();
    json!({ "role": role, "content": blocks })
}

pub(super) fn decode(body: &Value) -> Result<ModelResponse, ModelError> {
    let content = body["content"].as_array().ok_or_else(|| ModelError::protocol("no `content`"))?;
    let mut blocks = Vec::with_capacity(content.len());
    for block in content {
        match text(block, "type")? {
            "text" => {
                let text = text(block, "text")?;
                if !text.is_empty() {
                    blocks.push(Block::text(text));
                }
            }
            "tool_use" => blocks.push(Block::ToolUse {
                id: text(block, "id")?.to_owned(),
                name: text(block, "name")?.to_owned(),
                input: block["input"].clone(),
            }),
            // `thinking`, `redacted_thinking` and what else the provider wants to see again.
            _ => blocks.push(Block::Thinking { opaque: block.clone() }),
        }
    }
    let stop = match text(body, "stop_reason")? {
        "max_tokens" | "model_context_window_exceeded" => StopCause::OutputLimit,
        "refusal" => StopCause::Refused,
        _ => StopCause::Finished,
    };
    let usage = &body["usage"];
    let count = |field: &str| usage[field].as_u64().unwrap_or(0);
    if usage["output_tokens"].as_u64().is_none() {
        return Err(ModelError::protocol("no `usage`"));
    }
    Ok(ModelResponse {
        blocks,
        stop,
        usage: Usage {
            input: count("input_tokens"),
            cached_read: count("cache_read_input_tokens"),
            cache_write: count("cache_creation_input_tokens"),
            output: count("output_tokens"),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::wire::samples;

    #[test]
    fn a_request_is_encoded() {
        insta::assert_snapshot!(
            serde_json::to_string_pretty(&encode(&samples::request(
                "anthropic/claude-sonnet-4-5",
                samples::anthropic_thinking()
            )))
            .unwrap()
        );
    }

    #[test]
    fn an_answer_is_decoded() {
        let body = json!({
            "type": "message", "role": "assistant", "stop_reason": "tool_use",
            "content": [
                { "type": "thinking", "thinking": "hm", "signature": "c2ln" },
                { "type": "text", "text": "Let me look." },
                { "type": "tool_use", "id": "toolu_1", "name": "read", "input": { "path": "a.py" } },
            ],
            "usage": { "input_tokens": 5, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 20, "output_tokens": 9 },
        });
        insta::assert_debug_snapshot!(decode(&body).unwrap(), @r#"
    ModelResponse {
        blocks: [
            Thinking {
                opaque: Object {
                    "signature": String("c2ln"),
                    "thinking": String("hm"),
                    "type": String("thinking"),
                },
            },
            Text {
                text: "Let me look.",
            },
            ToolUse {
                id: "toolu_1",
                name: "read",
                input: Object {
                    "path": String("a.py"),
                },
            },
        ],
        stop: Finished,
        usage: Usage {
            input: 5,
            cached_read: 100,
            cache_write: 20,
            output: 9,
        },
    }
    "#);
    }

    #[test]
    fn half_an_answer_is_a_protocol_error() {
        for body in
            [json!({}), json!({ "content": [] }), json!({ "content": [{ "type": "tool_use" }], "stop_reason": "x" })]
        {
            assert!(matches!(decode(&body), Err(ModelError::Protocol { .. })), "{body}");
        }
    }
}
