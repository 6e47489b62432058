//! The tools an agent has. The loop knows `submit` and `ask` itself; everything else is a [`Toolbox`]'s.

use async_trait::async_trait;
use serde_json::{Value, json};

use crate::{limits::TOOL_OUTPUT_CHARS, llm::ToolSpec};

/// The tool that ends a session with a result.
pub(super) const SUBMIT: &str = "submit";
/// The tool that ends a session with a question.
pub(super) const ASK: &str = "ask";
/// Longest time an agent may ask for one command, in seconds.
pub(super) const MAX_COMMAND_S: u64 = 900;
/// Time a command has when the agent asks for none, in seconds.
pub(super) const COMMAND_S: u64 = 120;

/// Where tool calls run.
#[async_trait]
pub trait Toolbox: Send + Sync {
    /// The tools there are, in the order the model sees them.
    fn specs(&self) -> Vec<ToolSpec>;

    /// Makes one call. The required fields of the tool's schema are known to be present.
    async fn call(&self, name: &str, input: &Value) -> ToolReply;
}

/// Whether a call of this tool may change what later calls see, so that a rebuilt box needs it again.
pub(super) fn mutates(name: &str) -> bool {
    ![SUBMIT, ASK, "read"].contains(&name)
}

/// How a tool call went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolReply {
    /// It worked; the text is for the model.
    Fine(String),
    /// It did not work, and the text tells the model why.
    Failed(String),
    /// The input was not understood; three such turns in a row end the session.
    Malformed(String),
    /// The box cannot be used any more.
    Dead(String),
}

/// What is wrong with a call, before any toolbox sees it.
pub(super) fn fault(specs: &[ToolSpec], name: &str, input: &Value) -> Option<String> {
    let Some(spec) = specs.iter().find(|spec| spec.name == name) else {
        let known: Vec<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
        return Some(format!("there is no tool {name:?}; the tools are {}", known.join(", ")));
    };
    let Some(fields) = input.as_object() else {
        return Some("the arguments are not a JSON object; send the call again with valid JSON".to_owned());
    };
    let required = spec.schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let missing: Vec<&str> = required.filter(|field| !fields.contains_key(*field)).collect();
    (!missing.is_empty()).then(|| format!("{name} needs {}", missing.join(", ")))
}

/// Half the cap from the head and half from the tail; commands say what they do first and how it went last.
pub(super) fn clip(text: String) -> String {
    let total = text.chars().count();
    if total <= TOOL_OUTPUT_CHARS {
        return text;
    }
    let half = TOOL_OUTPUT_CHARS / 2;
    let head: String = text.chars().take(half).collect();
    let tail: String = text.chars().skip(total - half).collect();
    format!("{head}\n\n[{} characters left out; narrow the command to see them]\n\n{tail}", total - 2 * half)
}

fn spec(name: &str, description: &str, properties: Value, required: &[&str]) -> ToolSpec {
    let schema = json!({
        "type": "object", "properties": properties, "required": required, "additionalProperties": false,
    });
    ToolSpec { name: name.to_owned(), description: description.to_owned(), schema }
}

/// `bash`: a command in the box.
pub fn bash_spec() -> ToolSpec {
    spec(
        "bash",
        "Runs a command with sh in the repository's root. Each call is a new shell: `cd` and variables do not last. \
         There is no network. Output is stdout and stderr together, cut in the middle when long; prefer rg, head and \
         quiet flags.",
        json!({
            "command": { "type": "string" },
            "timeout_s": {
                "type": "integer", "minimum": 1, "maximum": MAX_COMMAND_S,
                "description": format!("Seconds until the command is killed; {COMMAND_S} unless given."),
            },
        }),
        &["command"],
    )
}

/// `read`: numbered lines of a file.
pub fn read_spec() -> ToolSpec {
    spec(
        "read",
        "Shows a text file with line numbers.",
        json!({
            "path": { "type": "string", "description": "Relative to the repository's root." },
            "offset": { "type": "integer", "minimum": 1, "description": "First line to show." },
            "limit": { "type": "integer", "minimum": 1, "description": "How many lines." },
        }),
        &["path"],
    )
}

/// `edit`: exact replacement.
pub fn edit_spec() -> ToolSpec {
    spec(
        "edit",
        "Replaces text in a file. `old` must occur exactly once, character for character and without line numbers; \
         include enough of its surroundings. Set `replace_all` to change every occurrence.",
        json!({
            "path": { "type": "string" },
            "old": { "type": "string" },
            "new": { "type": "string" },
            "replace_all": { "type": "boolean" },
        }),
        &["path", "old", "new"],
    )
}

/// `write`: a whole file.
pub fn write_spec() -> ToolSpec {
    spec(
        "write",
        "Creates a file or replaces all of it; its directories are made. To change part of a file use edit.",
        json!({ "path": { "type": "string" }, "content": { "type": "string" } }),
        &["path", "content"],
    )
}

/// `ask`: hands a decision to a person.
pub(super) fn ask_spec() -> ToolSpec {
    spec(
        ASK,
        "Ends your work with a question to the people of the repository. You have one question, so ask for the decision \
         that matters most. Only for one that is theirs and that the code, the issue and the instructions leave open; \
         never for permission to go on.",
        json!({
            "question": { "type": "string" },
            "options": { "type": "array", "items": { "type": "string" }, "maxItems": 4 },
            "default": { "type": "string", "description": "What you do if nobody answers within a day." },
            "files": {
                "type": "array", "items": { "type": "string" }, "maxItems": 20,
                "description": "Paths that the question is about, whose owners may know the answer.",
            },
        }),
        &["question", "default"],
    )
}

/// `submit`, with the role's own schema.
pub(super) fn submit_spec(description: &str, properties: Value, required: &[&str]) -> ToolSpec {
    spec(SUBMIT, description, properties, required)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faulty_calls_are_explained() {
        let specs = [bash_spec(), edit_spec()];
        for (name, input, expected) in [
            ("bash", json!({ "command": "ls" }), None),
            ("shell", json!({}), Some("there is no tool \"shell\"; the tools are bash, edit")),
            ("bash", json!("{"), Some("the arguments are not a JSON object; send the call again with valid JSON")),
            ("edit", json!({ "path": "a" }), Some("edit needs old, new")),
        ] {
            assert_eq!(fault(&specs, name, &input).as_deref(), expected);
        }
    }

    #[test]
    fn long_output_keeps_head_and_tail() {
        let short = "x".repeat(TOOL_OUTPUT_CHARS);
        assert_eq!(clip(short.clone()), short);
        let clipped = clip(format!("head{}tail", "é".repeat(TOOL_OUTPUT_CHARS)));
        assert!(clipped.starts_with("head") && clipped.ends_with("tail") && clipped.contains("[8 characters left out"));
    }

    #[test]
    fn tools_are_described_to_the_model() {
        let specs = [bash_spec(), read_spec(), edit_spec(), write_spec(), ask_spec()];
        insta::assert_snapshot!(serde_json::to_string_pretty(&specs).unwrap());
    }
}
