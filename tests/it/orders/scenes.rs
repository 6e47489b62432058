//! What the scripted model does about an issue, told by the issue's title.

use scripted_model::{Call, Scene, Turn, When};
use serde_json::{Value, json};

fn scene(title: &str, role: &str, turns: Vec<Turn>) -> Scene {
    let when = When { system: vec![], task: vec![title.to_owned(), format!("role: {role}")] };
    Scene { name: format!("{title}, {role}"), when, turns }
}

fn calls(tool: &str, input: Value) -> Turn {
    let calls = vec![Call { tool: tool.to_owned(), input }];
    Turn { expects: vec![], text: String::new(), calls, delay_ms: 0, cut: false }
}

/// A planner that hands in a plan of one step for these files.
pub fn planner(title: &str, files: &[&str]) -> Scene {
    planner_of(title, files, &[("the greeting is tested", "sh tests/greet_test.sh", "fails_then_passes")])
}

/// A planner with criteria of its own: name, command and proof.
pub fn planner_of(title: &str, files: &[&str], criteria: &[(&str, &str, &str)]) -> Scene {
    let criteria: Vec<Value> = criteria
        .iter()
        .map(|(name, command, proof)| json!({ "name": name, "command": command, "proof": proof }))
        .collect();
    let plan = json!({
        "summary": format!("About {title}."),
        "steps": [{ "id": "fix", "title": "Mend it", "detail": "Mend it and test it." }],
        "definition_of_done": criteria, "risks": [], "files": files,
    });
    scene(title, "planner", vec![calls("submit", plan)])
}

/// A coder that runs one shell script, and hands in.
pub fn coder(title: &str, script: &str) -> Scene {
    let report = json!({ "summary": "It is mended.", "evidence": "I ran the tests." });
    scene(title, "coder", vec![calls("bash", json!({ "command": script })), calls("submit", report)])
}

/// A reviewer that likes it.
pub fn reviewer(title: &str) -> Scene {
    let report = json!({ "verdict": "approve", "summary": "It does what was planned.", "findings": [] });
    scene(title, "reviewer", vec![calls("submit", report)])
}

/// The files of a change that is as it should be.
pub const FILES: [&str; 2] = ["greet.sh", "tests/greet_test.sh"];

/// A change that is as it should be: a test that was red, and the repair.
pub const REPAIR: &str = r#"
echo 'echo "Hello, ${1:-you}"' > greet.sh
echo 'test "$(sh greet.sh)" = "Hello, you"' >> tests/greet_test.sh
sh tests/greet_test.sh
"#;

/// Planner, coder and reviewer of a change that is as it should be.
pub fn repair(title: &str) -> Vec<Scene> {
    vec![planner(title, &FILES), coder(title, REPAIR), reviewer(title)]
}
