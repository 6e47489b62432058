//! A reviewer of a pull request that people made. It has no plan to hold the change against and no say in what becomes of
//! it; its findings are about files that the pull request changes.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    drive::{Brief, drive},
    prompt::{self, PullReviewInput},
    roles::{Finding, check_finding, check_text, finding_schema, read_submission},
    session::{AgentError, Finished, Session},
    tools::submit_spec,
};
use crate::llm::{AgentRole, ToolSpec};

/// Most findings: each becomes a comment, and a conversation with more of them is read by nobody.
const MAX_FINDINGS: usize = 10;
/// Longest summary, in characters.
const MAX_SUMMARY_CHARS: usize = 2_000;

/// What the reviewer says of a pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PullReview {
    pub summary: String,
    #[serde(default)]
    pub findings: Vec<Finding>,
}

/// Lets a reviewer read a pull request in its box.
pub async fn review_pull(session: &Session<'_>, input: &PullReviewInput) -> Result<Finished<PullReview>, AgentError> {
    let nonce = prompt::nonce();
    let brief = Brief {
        role: AgentRole::Reviewer,
        system: prompt::pull_review_system(&nonce)?,
        task: prompt::pull_review_task(input, &nonce)?,
        own_tools: vec![submit_pull_review_spec()],
    };
    drive(session, brief, &|submitted| accept(submitted, &input.changed)).await
}

fn accept(input: &Value, changed: &[String]) -> Result<PullReview, String> {
    let review: PullReview = read_submission(input)?;
    check_text("summary", &review.summary, MAX_SUMMARY_CHARS)?;
    if review.findings.len() > MAX_FINDINGS {
        return Err(format!("at most {MAX_FINDINGS} findings; keep those that matter most"));
    }
    for finding in &review.findings {
        check_finding(finding)?;
        if !changed.contains(&finding.path) {
            return Err(format!("{:?} is not a file that the pull request changes", finding.path));
        }
    }
    Ok(review)
}

fn submit_pull_review_spec() -> ToolSpec {
    submit_spec(
        "Hands in the review and ends your work.",
        json!({
            "summary": { "type": "string", "description": "Two to four sentences: what you read and ran, and what the findings come to." },
            "findings": { "type": "array", "maxItems": MAX_FINDINGS, "items": finding_schema() },
        }),
        &["summary", "findings"],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_few_and_about_what_is_changed() {
        let finding = |path: &str, line: u32| json!({ "path": path, "line": line, "level": "failure", "title": "t", "detail": "d" });
        let changed = ["a.py".to_owned()];
        let fault = |summary: &str, findings: Vec<Value>| {
            accept(&json!({ "summary": summary, "findings": findings }), &changed).map(|_| ()).err()
        };
        assert_eq!(fault("Fine.", vec![]), None);
        assert_eq!(fault("Wrong.", vec![finding("a.py", 1); 10]), None);
        for (summary, findings, expected) in [
            ("", vec![], "summary is empty"),
            ("s", vec![finding("b.py", 1)], "\"b.py\" is not a file that the pull request changes"),
            ("s", vec![finding("a.py", 0)], "counts from 1"),
            ("s", vec![finding("a.py", 1); 11], "at most 10"),
            ("s", vec![json!({ "verdict": "approve" })], "unknown field"),
        ] {
            let fault = fault(summary, findings).unwrap();
            assert!(fault.contains(expected), "{fault}");
        }
        assert!(accept(&json!({ "summary": "s", "findings": [], "verdict": "approve" }), &changed).is_err());
    }
}
