//! Texts as long as GitHub and the plan's rules allow, from the issue to the pull request: everything that wiz writes fits
//! into what GitHub takes, and still says what to do next.

use github_stand_in::store::CheckRun;
use scripted_model::{Call, Scene, Turn, When};
use serde_json::{Value, json};
use wiz::limits::{CHECK_FIELD_CHARS, COMMENT_CHARS};

use super::{
    scenes::{FILES, REPAIR},
    stage::Stage,
};

/// So many characters of a text that no line break ends.
fn long(chars: usize) -> String {
    "words and @octo words | ` ".chars().cycle().take(chars).collect()
}

fn scene(role: &str, turns: Vec<(&str, Value)>) -> Scene {
    let when = When { system: vec![], task: vec!["Too much".to_owned(), format!("role: {role}")] };
    let turn = |(tool, input): (&str, Value)| {
        let calls = vec![Call { tool: tool.to_owned(), input }];
        Turn { expects: vec![], text: long(4_000), calls, delay_ms: 0, cut: false }
    };
    Scene { name: format!("too much, {role}"), when, turns: turns.into_iter().map(turn).collect() }
}

/// The longest of everything that a plan, a report and a review may hold.
fn scenes() -> Vec<Scene> {
    let loud = "head -c 300000 /dev/zero | tr '\\0' x; echo; sh tests/greet_test.sh";
    let criterion = |number: usize, proof: &str| {
        let name = format!("{number} {}", long(3_990));
        json!({ "name": name, "command": format!("{loud} # {number} {}", long(3_800)), "proof": proof })
    };
    let criteria: Vec<Value> =
        (1..=12).map(|number| criterion(number, if number == 1 { "fails_then_passes" } else { "passes" })).collect();
    let plan = json!({
        "summary": long(4_000), "steps": [{ "id": "fix", "title": long(4_000), "detail": long(4_000) }],
        "definition_of_done": criteria, "risks": vec![long(4_000); 12], "files": FILES,
    });
    let report = json!({ "summary": long(4_000), "evidence": long(4_000) });
    let finding = |number: usize| {
        json!({
            "path": "greet.sh", "line": 1, "level": "notice", "title": format!("{number} {}", long(190)),
            "detail": long(4_000),
        })
    };
    let findings: Vec<Value> = (1..=6).map(finding).collect();
    let review = json!({ "verdict": "approve", "summary": long(4_000), "findings": findings });
    vec![
        scene("planner", vec![("submit", plan)]),
        scene("coder", vec![("bash", json!({ "command": REPAIR })), ("submit", report)]),
        scene("reviewer", vec![("submit", review)]),
    ]
}

fn fits(check: &CheckRun) {
    let output = &check.output;
    for text in [&output.title, &output.summary, &output.text].into_iter().flatten() {
        assert!(text.chars().count() <= CHECK_FIELD_CHARS, "{}", check.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_texts_lead_to_a_pull_request_that_github_takes() {
    let stage = Stage::set("budget_run: 20\n", scenes()).await;
    let name = stage.repo.full_name();
    let title = format!("Too much {}", long(247));
    let issue = stage.person("sam").open_issue(name, &title, &long(COMMENT_CHARS)).unwrap();
    let order = "/wiz fix --max $20 ";
    stage.say("maria", issue, &format!("{order}{}", long(COMMENT_CHARS - order.len())));
    let plan = stage.until_says(issue, "### The plan is ready").await;
    assert!(plan.body.chars().count() <= COMMENT_CHARS);
    assert!(plan.body.contains("**Next:** `/wiz approve "), "what to do next is not what is cut");
    let order = format!("/wiz approve {}\n\n", stage.plan_hash(issue));
    stage.say("maria", issue, &format!("{order}{}", long(COMMENT_CHARS - order.len())));
    let open = stage.until_says(issue, "is open").await;
    assert!(open.body.chars().count() <= COMMENT_CHARS);
    stage.quiet().await;

    let pulls = stage.world.hub().control().pull_requests(name).unwrap();
    let body = pulls[0].body.as_deref().unwrap();
    assert!(body.chars().count() <= COMMENT_CHARS && body.contains(&format!("Fixes #{issue}")));
    let subject = stage.repo.git(&["log", "-1", "--format=%s", &pulls[0].pull.as_ref().unwrap().head_sha]).unwrap();
    let seen = subject.trim().chars().filter(|char| *char != '\u{200b}').count();
    assert!(seen <= 72, "{subject}");
    let checks = stage.world.hub().control().check_runs(name).unwrap();
    let ours: Vec<&CheckRun> = checks.iter().filter(|check| check.name.starts_with("wiz")).collect();
    assert!(ours.iter().all(|check| check.conclusion.as_deref() == Some("success")), "{ours:?}");
    assert!(ours.len() > 2 && ours.iter().any(|check| check.output.annotations.len() == 6));
    ours.into_iter().for_each(fits);
    for number in [issue, pulls[0].number] {
        stage.talk(number).await;
    }
    stage.clear().await;
}
