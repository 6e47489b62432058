//! Scripted checks and statuses of other apps. They go through the REST API, so GitHub's rules hold for them too.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::schedule::plan;
use super::verdict;
use crate::git::Git;
use crate::rest::{ApiRequest, app_token, serve};
use crate::store::{CheckKind, Conclusion, Errand, ScriptedCheck, State};

/// Plans every scripted check for a new head.
pub fn begin_scripted(state: &mut State, repository: u64, head_sha: &str) {
    let Some(found) = state.repositories.get(&repository) else { return };
    for script in found.scripted_checks.clone() {
        let known = |planned: &crate::store::Planned| matches!(&planned.errand, Errand::Check { script: id, head_sha: sha, .. } if *id == script.id && sha == head_sha);
        if state.agenda.iter().any(known) {
            continue;
        }
        let (head_sha, script_id) = (head_sha.to_owned(), script.id);
        let errand = Errand::Check { repository, script: script_id, head_sha, attempt: 1, begun: None };
        plan(state, script.pace, errand);
    }
}

/// Begins or ends a scripted check.
///
/// # Errors
/// When the app may not write it; the text carries GitHub's refusal.
pub fn perform(state: &mut State, errand: &Errand) -> Result<()> {
    let Errand::Check { repository, script, head_sha, attempt, begun } = errand else { return Ok(()) };
    let Some(found) = state.repositories.get(repository) else { return Ok(()) };
    let Some(script) = found.scripted_checks.iter().find(|one| one.id == *script).cloned() else { return Ok(()) };
    let Some(begun) = begun else {
        let id = begin(state, *repository, &script, head_sha)?;
        let next = Errand::Check {
            repository: *repository,
            script: script.id,
            head_sha: head_sha.clone(),
            attempt: *attempt,
            begun: Some(id),
        };
        plan(state, script.pace, next);
        return Ok(());
    };
    let conclusion = verdict::decide(&Git::at(&found.git_dir), &script.rule, head_sha, *attempt)?;
    end(state, *repository, (&script, head_sha), (*begun, conclusion))
}

fn begin(state: &mut State, repository: u64, script: &ScriptedCheck, head_sha: &str) -> Result<u64> {
    match script.kind {
        CheckKind::CheckRun => {
            let mut body = json!({ "name": script.name, "head_sha": head_sha, "status": "in_progress" });
            if let Some(url) = &script.details_url {
                body["details_url"] = json!(url);
            }
            send(state, (repository, script.app), ("POST", "check-runs"), &body)?["id"].as_u64().context("no id")
        }
        CheckKind::Status => {
            status(state, repository, (script, head_sha), "pending")?;
            Ok(0)
        }
    }
}

fn end(state: &mut State, repository: u64, what: (&ScriptedCheck, &str), how: (u64, Conclusion)) -> Result<()> {
    let ((script, _), (run, conclusion)) = (what, how);
    if script.kind == CheckKind::Status {
        return status(state, repository, what, if conclusion.is_failure() { "failure" } else { "success" });
    }
    let mut body = json!({ "conclusion": conclusion.as_str() });
    if conclusion.is_failure() {
        let said = &script.failed;
        body["output"] = json!({
            "title": said.title.as_deref().unwrap_or("Failed"), "summary": said.summary.as_deref().unwrap_or_default(),
        });
        if let Some(text) = &said.text {
            body["output"]["text"] = json!(text);
        }
        if !said.annotations.is_empty() {
            body["output"]["annotations"] = said.annotations.iter().map(annotation).collect();
        }
    }
    send(state, (repository, script.app), ("PATCH", &format!("check-runs/{run}")), &body).map(drop)
}

/// Without the members that are empty: GitHub takes no null there.
fn annotation(note: &crate::store::Annotation) -> Value {
    let mut value = json!(note);
    if let Some(members) = value.as_object_mut() {
        members.retain(|_, member| !member.is_null());
    }
    value
}

fn status(state: &mut State, repository: u64, what: (&ScriptedCheck, &str), result: &str) -> Result<()> {
    let (script, head_sha) = what;
    let mut body = json!({ "state": result, "context": script.name });
    if let Some(url) = &script.details_url {
        body["target_url"] = json!(url);
    }
    if let Some(text) = script.failed.title.as_ref().filter(|_| result == "failure") {
        body["description"] = json!(text);
    }
    send(state, (repository, script.app), ("POST", &format!("statuses/{head_sha}")), &body).map(drop)
}

fn send(state: &mut State, place: (u64, u64), what: (&str, &str), body: &Value) -> Result<Value> {
    let (repository, app) = place;
    let found = state.repositories.get(&repository).context("the repository is gone")?;
    let path = format!("/repos/{}/{}", state.full_name(found), what.1);
    let token = app_token(state, app, repository).context("the app is not installed there")?;
    let response = serve(state, &ApiRequest::by_hand(&token, (what.0, &path), body));
    state.tokens.remove(&token);
    ensure!(response.status < 300, "{}: {}", response.status, String::from_utf8_lossy(&response.body));
    Ok(response.json())
}

/// The script behind a check run, and how often it was made on the commit.
fn script_of(state: &State, repository: u64, check_run: u64) -> Option<(ScriptedCheck, String, u64)> {
    let found = state.repositories.get(&repository)?;
    let run = found.check_runs.get(&check_run)?;
    let script = found.scripted_checks.iter().find(|one| one.app == run.app && one.name == run.name)?;
    let same = found.check_runs.values().filter(|one| one.app == run.app && one.name == run.name);
    let made = same.filter(|one| one.head_sha == run.head_sha).count() as u64;
    Some((script.clone(), run.head_sha.clone(), made))
}

/// A person asked the other app for its check again; the scripted app obeys.
pub fn rerun_scripted(state: &mut State, repository: u64, check_run: u64) -> bool {
    let Some((script, head_sha, made)) = script_of(state, repository, check_run) else { return false };
    let errand = Errand::Check { repository, script: script.id, head_sha, attempt: made + 1, begun: None };
    plan(state, script.pace, errand);
    true
}
