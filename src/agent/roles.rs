//! The four roles: what each hands in, and what is accepted.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    drive::{Brief, drive},
    prompt::{self, AnswerInput, Asking, PlanningInput, ReviewInput, WorkInput},
    session::{AgentError, Finished, Session},
    threads::{self, ReviewThread, ThreadAnswer},
    tools::{ask_spec, submit_spec},
};
use crate::{
    llm::{AgentRole, ToolSpec},
    plan::{MAX_CRITERIA, MAX_STEPS, Plan, WorkKind},
};

/// Most findings of a review; a reader acts on few.
const MAX_FINDINGS: usize = 6;
/// Longest text of a report, in characters.
const MAX_TEXT_CHARS: usize = 4_000;
/// Longest answer to a question, in characters; it is a comment among others.
const MAX_ANSWER_CHARS: usize = 8_000;
/// Longest title of a finding, in characters; it is an annotation's headline.
const MAX_TITLE_CHARS: usize = 200;

/// What a coder says it did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkReport {
    /// What was changed and why.
    pub summary: String,
    /// Commands run and what they showed. A claim: wiz verifies for itself.
    pub evidence: String,
    /// What it says to each thread of a review that it worked on; none in other work.
    #[serde(default)]
    pub threads: Vec<ThreadAnswer>,
}

/// What a reviewer says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReviewReport {
    pub verdict: ReviewVerdict,
    pub summary: String,
    #[serde(default)]
    pub findings: Vec<Finding>,
}

/// A reviewer's judgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewVerdict {
    Approve,
    RequestChanges,
}

/// One thing a reviewer found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    pub path: String,
    /// Line in the changed file, from 1.
    pub line: u32,
    pub level: FindingLevel,
    pub title: String,
    pub detail: String,
}

/// How much a finding matters; GitHub's annotation levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingLevel {
    Notice,
    Warning,
    /// Must be mended before the change is published.
    Failure,
}

/// What the caller has against a plan that is valid in itself, in words for the planner.
pub type PlanObjection<'a> = &'a (dyn Fn(&Plan) -> Option<String> + Send + Sync);

/// Lets a planner propose a plan. What is submitted is valid, fits the kind of work, and met no objection.
pub async fn plan(
    session: &Session<'_>,
    input: &PlanningInput,
    objection: PlanObjection<'_>,
) -> Result<Finished<Plan>, AgentError> {
    let kind = input.assignment.kind;
    let nonce = prompt::nonce();
    let brief = Brief {
        role: AgentRole::Planner,
        system: prompt::system(AgentRole::Planner, kind, &nonce)?,
        task: prompt::planning_task(input, &nonce)?,
        own_tools: match input.asking {
            Asking::Allowed => vec![ask_spec(), submit_plan_spec()],
            Asking::Over => vec![submit_plan_spec()],
        },
    };
    let accept = |submission: &Value| {
        let plan = accept_plan(submission, kind)?;
        objection(&plan).map_or(Ok(plan), Err)
    };
    drive(session, brief, &accept).await
}

/// Lets a coder work one step of a plan in its box.
pub async fn work(session: &Session<'_>, input: &WorkInput) -> Result<Finished<WorkReport>, AgentError> {
    let nonce = prompt::nonce();
    let brief = Brief {
        role: AgentRole::Coder,
        system: prompt::system(AgentRole::Coder, input.assignment.kind, &nonce)?,
        task: prompt::work_task(input, &nonce)?,
        own_tools: vec![submit_work_spec(&input.threads)],
    };
    drive(session, brief, &|submitted| accept_work(submitted, &input.threads)).await
}

/// Lets a reviewer judge a diff against its plan.
pub async fn review(session: &Session<'_>, input: &ReviewInput) -> Result<Finished<ReviewReport>, AgentError> {
    let nonce = prompt::nonce();
    let brief = Brief {
        role: AgentRole::Reviewer,
        system: prompt::system(AgentRole::Reviewer, input.assignment.kind, &nonce)?,
        task: prompt::review_task(input, &nonce)?,
        own_tools: vec![submit_review_spec()],
    };
    drive(session, brief, &accept_review).await
}

/// Lets an answerer look into the repository and answer a question, in Markdown.
pub async fn answer(session: &Session<'_>, input: &AnswerInput) -> Result<Finished<String>, AgentError> {
    let nonce = prompt::nonce();
    let brief = Brief {
        role: AgentRole::Answerer,
        system: prompt::system(AgentRole::Answerer, input.assignment.kind, &nonce)?,
        task: prompt::answer_task(input, &nonce)?,
        own_tools: vec![submit_answer_spec()],
    };
    drive(session, brief, &accept_answer).await
}

pub(super) fn read_submission<T: serde::de::DeserializeOwned>(input: &Value) -> Result<T, String> {
    serde_json::from_value(input.clone()).map_err(|error| error.to_string())
}

pub(super) fn check_text(what: &str, text: &str, max_chars: usize) -> Result<(), String> {
    if text.trim().is_empty() || text.chars().count() > max_chars {
        return Err(format!("{what} is empty or longer than {max_chars} characters"));
    }
    Ok(())
}

fn accept_plan(input: &Value, kind: WorkKind) -> Result<Plan, String> {
    let plan: Plan = read_submission(input)?;
    plan.validate().and_then(|()| plan.fits(kind)).map_err(|fault| fault.to_string())?;
    Ok(plan)
}

fn accept_work(input: &Value, threads: &[ReviewThread]) -> Result<WorkReport, String> {
    let report: WorkReport = read_submission(input)?;
    check_text("summary", &report.summary, MAX_TEXT_CHARS)?;
    check_text("evidence", &report.evidence, MAX_TEXT_CHARS)?;
    match threads::fault(threads, &report.threads) {
        Some(fault) => Err(fault),
        None => Ok(report),
    }
}

fn accept_answer(input: &Value) -> Result<String, String> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Submitted {
        answer: String,
    }
    let Submitted { answer } = read_submission(input)?;
    check_text("answer", &answer, MAX_ANSWER_CHARS)?;
    Ok(answer)
}

fn accept_review(input: &Value) -> Result<ReviewReport, String> {
    let report: ReviewReport = read_submission(input)?;
    check_text("summary", &report.summary, MAX_TEXT_CHARS)?;
    if report.findings.len() > MAX_FINDINGS {
        return Err(format!("at most {MAX_FINDINGS} findings; keep those that matter most"));
    }
    for finding in &report.findings {
        check_finding(finding)?;
    }
    let must_be_mended = report.findings.iter().any(|finding| finding.level == FindingLevel::Failure);
    match report.verdict {
        ReviewVerdict::Approve if must_be_mended => {
            Err("a change with a finding of level failure cannot be approved".to_owned())
        }
        ReviewVerdict::RequestChanges if report.findings.is_empty() => {
            Err("requested changes need at least one finding that says what to change".to_owned())
        }
        ReviewVerdict::Approve | ReviewVerdict::RequestChanges => Ok(report),
    }
}

pub(super) fn check_finding(finding: &Finding) -> Result<(), String> {
    check_text("a finding's path", &finding.path, MAX_TITLE_CHARS)?;
    check_text("a finding's title", &finding.title, MAX_TITLE_CHARS)?;
    check_text("a finding's detail", &finding.detail, MAX_TEXT_CHARS)?;
    if finding.line == 0 {
        return Err("a finding's line counts from 1".to_owned());
    }
    Ok(())
}

fn submit_plan_spec() -> ToolSpec {
    let text = json!({ "type": "string" });
    let texts = json!({ "type": "array", "items": { "type": "string" } });
    let step = json!({
        "type": "object", "additionalProperties": false, "required": ["id", "title", "detail"],
        "properties": {
            "id": { "type": "string", "pattern": "^[a-z0-9-]{1,40}$" },
            "title": text, "detail": text,
            "depends_on": { "type": "array", "items": { "type": "string" }, "description": "Ids of earlier steps." },
        },
    });
    let criterion = json!({
        "type": "object", "additionalProperties": false, "required": ["name", "command", "proof"],
        "properties": {
            "name": text,
            "command": { "type": "string", "description": "Run with sh in the root of a fresh checkout, offline." },
            "proof": { "enum": ["passes", "fails_then_passes", "passes_throughout"] },
        },
    });
    submit_spec(
        "Hands in the plan and ends your work.",
        json!({
            "summary": { "type": "string", "description": "The cause and the intended change, in one paragraph." },
            "steps": { "type": "array", "minItems": 1, "maxItems": MAX_STEPS, "items": step },
            "definition_of_done": { "type": "array", "minItems": 1, "maxItems": MAX_CRITERIA, "items": criterion },
            "risks": texts,
            "files": { "type": "array", "items": { "type": "string" }, "description": "Paths expected to change; directories end in /." },
        }),
        &["summary", "steps", "definition_of_done", "files"],
    )
}

fn submit_work_spec(review: &[ReviewThread]) -> ToolSpec {
    let mut properties = json!({
        "summary": { "type": "string", "description": "What you changed and why, for the pull request." },
        "evidence": { "type": "string", "description": "Which commands you ran last and what they showed." },
    });
    let mut required = vec!["summary", "evidence"];
    if !review.is_empty() {
        properties["threads"] = threads::schema(review);
        required.push("threads");
    }
    submit_spec("Hands in your work and ends it. What counts is the state of the files.", properties, &required)
}

fn submit_answer_spec() -> ToolSpec {
    let answer = json!({ "type": "string", "description": "The answer, in Markdown." });
    submit_spec("Hands in the answer and ends your work.", json!({ "answer": answer }), &["answer"])
}

pub(super) fn finding_schema() -> Value {
    json!({
        "type": "object", "additionalProperties": false, "required": ["path", "line", "level", "title", "detail"],
        "properties": {
            "path": { "type": "string" },
            "line": { "type": "integer", "minimum": 1, "description": "Line in the changed file." },
            "level": { "enum": ["notice", "warning", "failure"] },
            "title": { "type": "string" },
            "detail": { "type": "string", "description": "What goes wrong, for which input, and what would mend it." },
        },
    })
}

fn submit_review_spec() -> ToolSpec {
    submit_spec(
        "Hands in the review and ends your work.",
        json!({
            "verdict": { "enum": ["approve", "request_changes"] },
            "summary": { "type": "string", "description": "Two or three sentences: what you checked and what you found." },
            "findings": { "type": "array", "maxItems": MAX_FINDINGS, "items": finding_schema() },
        }),
        &["verdict", "summary", "findings"],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reviews_are_checked() {
        let finding = |level: &str, line: u32| json!({ "path": "a.py", "line": line, "level": level, "title": "t", "detail": "d" });
        let fault = |verdict: &str, findings: Vec<Value>| {
            accept_review(&json!({ "verdict": verdict, "summary": "s", "findings": findings })).map(|_| ()).err()
        };
        assert_eq!(fault("approve", vec![finding("notice", 1)]), None);
        assert_eq!(fault("request_changes", vec![finding("failure", 1)]), None);
        for (verdict, findings, expected) in [
            ("approve", vec![finding("failure", 1)], "cannot be approved"),
            ("request_changes", vec![], "at least one finding"),
            ("approve", vec![finding("notice", 0)], "counts from 1"),
            ("approve", vec![finding("notice", 1); 7], "at most 6"),
            ("maybe", vec![], "unknown variant"),
            ("approve", vec![json!({ "path": "a" })], "missing field"),
        ] {
            let fault = fault(verdict, findings).unwrap();
            assert!(fault.contains(expected), "{fault}");
        }
    }

    #[test]
    fn plans_and_reports_are_checked() {
        let criterion = json!({ "name": "n", "command": "c", "proof": "fails_then_passes" });
        let step = |id: &str| json!({ "id": id, "title": "t", "detail": "d" });
        let plan = |steps: Vec<Value>| {
            let plan = json!({ "summary": "s", "steps": steps, "definition_of_done": [criterion], "files": ["a"] });
            accept_plan(&plan, WorkKind::Fix)
        };
        assert_eq!(plan(vec![step("fix")]).unwrap().steps.len(), 1);
        assert!(plan(vec![]).unwrap_err().contains("1 to 12 steps"));
        assert!(plan(vec![step("Fix it")]).unwrap_err().contains("must be 1 to 40 characters"));
        let red = json!({ "summary": "s", "steps": [step("fix")], "definition_of_done": [criterion], "files": [] });
        assert!(accept_plan(&red, WorkKind::Docs).unwrap_err().contains("documentation turns no test"));
        assert!(accept_work(&json!({ "summary": "s", "evidence": "e" }), &[]).is_ok());
        assert!(accept_work(&json!({ "summary": "", "evidence": "e" }), &[]).is_err());
    }

    #[test]
    fn submissions_are_described_to_the_model() {
        let specs = [submit_plan_spec(), submit_work_spec(&[]), submit_review_spec()];
        insta::assert_snapshot!(serde_json::to_string_pretty(&specs).unwrap());
    }

    #[test]
    fn a_review_asks_for_a_verdict_on_each_thread_and_an_answer_for_words() {
        let place = "a.py, line 1".to_owned();
        let thread = ReviewThread { key: "T1".to_owned(), place, hunk: String::new(), words: vec![] };
        let spec = submit_work_spec(std::slice::from_ref(&thread));
        assert_eq!(spec.schema["required"], json!(["summary", "evidence", "threads"]));
        assert_eq!(spec.schema["properties"]["threads"]["items"]["properties"]["thread"]["enum"], json!(["T1"]));
        let review = [thread];
        let report = |threads: Value| json!({ "summary": "s", "evidence": "e", "threads": threads });
        let verdict = |verdict: &str| json!([{ "thread": "T1", "verdict": verdict, "reply": "Done." }]);
        assert!(accept_work(&report(verdict("changed")), &review).is_ok());
        assert!(accept_work(&report(verdict("ignored")), &review).unwrap_err().contains("unknown variant"));
        assert!(accept_work(&report(json!([])), &review).unwrap_err().contains("no verdict yet: T1"));
        assert!(accept_work(&report(verdict("changed")), &[]).unwrap_err().contains("there is no thread"));

        assert_eq!(accept_answer(&json!({ "answer": "Yes." })).unwrap(), "Yes.");
        for bad in [json!({ "answer": " " }), json!({}), json!({ "answer": "x".repeat(8_001) })] {
            assert!(accept_answer(&bad).is_err(), "{bad}");
        }
    }
}
