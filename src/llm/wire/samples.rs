//! A conversation with every kind of block, for the wires' snapshots.

use serde_json::{Value, json};

use crate::llm::{Block, Message, ModelRequest, Speaker, ToolSpec};

pub(super) fn anthropic_thinking() -> Value {
    json!({ "type": "thinking", "thinking": "hm", "signature": "c2ln" })
}

pub(super) fn request(model: &str, thinking: Value) -> ModelRequest {
    let call = |id: &str, input: Value| Block::ToolUse { id: id.into(), name: "read".into(), input };
    ModelRequest {
        model: model.parse().unwrap(),
        system: "You are careful.".into(),
        messages: vec![
            Message { speaker: Speaker::User, blocks: vec![Block::text("Look at a.py.")] },
            Message {
                speaker: Speaker::Assistant,
                blocks: vec![
                    Block::Thinking { opaque: thinking },
                    Block::text("Let me look."),
                    call("call_1", json!({ "path": "a.py" })),
                    call("call_2", json!("{\"path\":")),
                ],
            },
            Message {
                speaker: Speaker::User,
                blocks: vec![
                    Block::ToolResult { id: "call_1".into(), content: "1\tpass".into(), is_error: false },
                    Block::ToolResult { id: "call_2".into(), content: "not JSON".into(), is_error: true },
                    Block::text("Finish soon."),
                ],
            },
        ],
        tools: vec![ToolSpec {
            name: "read".into(),
            description: "Reads a file.".into(),
            schema: json!({ "type": "object", "properties": { "path": { "type": "string" } }, "required": ["path"] }),
        }],
        max_output_tokens: 4096,
    }
}
