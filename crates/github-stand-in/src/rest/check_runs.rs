//! Check runs and suites. Only apps write them.

use serde_json::{Value, json};

use super::Call;
use crate::actions::{rerun_check, rerun_scripted};
use crate::answer::{Answer, Handled, Refusal};
use crate::events::{Audience, Event, emit};
use crate::render::checks as render;
use crate::store::{Annotation, CheckAction, CheckRun, CheckSuite, State};

fn app(call: &Call<'_>) -> Result<u64, Refusal> {
    call.caller.app().ok_or_else(|| Refusal::new(403, "You must authenticate via a GitHub App."))
}

/// `POST /repos/{owner}/{repo}/check-runs`
pub fn create(call: &mut Call<'_>) -> Handled {
    let app = app(call)?;
    let head_sha = call.text("head_sha").unwrap_or_default().to_owned();
    if call.git()?.object_type(&head_sha)?.as_deref() != Some("commit") {
        return Err(Refusal::new(422, format!("No commit found for SHA: {head_sha}")));
    }
    let suite = suite_for(call, app, &head_sha)?;
    let (id, now) = (call.state.fresh_id(), call.state.now());
    let run = CheckRun {
        id,
        suite,
        app,
        name: call.text("name").unwrap_or_default().to_owned(),
        head_sha,
        external_id: String::new(),
        details_url: None,
        status: "queued".to_owned(),
        conclusion: None,
        started_at: now,
        completed_at: None,
        output: crate::store::CheckOutput::default(),
        actions: Vec::new(),
        stood: Vec::new(),
    };
    let run = changed(call, run)?;
    write(call, &run)?;
    tell(call, &run, "created")?;
    if run.status == "completed" {
        tell(call, &run, "completed")?;
    }
    Ok(Answer::created(render::run(call.state, call.repo()?, &run)))
}

fn write(call: &mut Call<'_>, run: &CheckRun) -> Result<(), Refusal> {
    let repository = call.repo_mut()?;
    repository.check_runs.insert(run.id, run.clone());
    if let Some(suite) = repository.check_suites.get_mut(&run.suite) {
        suite.asked_again = false;
    }
    Ok(())
}

/// The app's suite on a commit; the first run makes it when no push did.
fn suite_for(call: &mut Call<'_>, app: u64, head_sha: &str) -> Result<u64, Refusal> {
    let repository = call.repo()?;
    let known = repository.check_suites.values().find(|suite| suite.app == app && suite.head_sha == head_sha);
    if let Some(suite) = known {
        return Ok(suite.id);
    }
    let head_branch = repository
        .announced_refs
        .iter()
        .find(|(name, sha)| name.starts_with("refs/heads/") && *sha == head_sha)
        .map(|(name, _)| name.trim_start_matches("refs/heads/").to_owned());
    let (id, now) = (call.state.fresh_id(), call.state.now());
    let suite = CheckSuite {
        id,
        app,
        head_sha: head_sha.to_owned(),
        head_branch,
        before: None,
        created_at: now,
        updated_at: now,
        asked_again: false,
    };
    call.repo_mut()?.check_suites.insert(id, suite);
    Ok(id)
}

/// Applies a body to a run.
fn changed(call: &Call<'_>, mut run: CheckRun) -> Result<CheckRun, Refusal> {
    let text = |name: &str| call.text(name).map(str::to_owned);
    run.name = text("name").unwrap_or(run.name);
    run.external_id = text("external_id").unwrap_or(run.external_id);
    run.details_url = text("details_url").or(run.details_url);
    run.status = text("status").unwrap_or(run.status);
    let time = |name: &str| -> Result<Option<chrono::DateTime<chrono::Utc>>, Refusal> {
        let Some(text) = call.text(name) else { return Ok(None) };
        let parsed = chrono::DateTime::parse_from_rfc3339(text);
        let parsed = parsed.map_err(|_| Refusal::invalid_field("CheckRun", name, "invalid"))?;
        Ok(Some(parsed.with_timezone(&chrono::Utc)))
    };
    run.started_at = time("started_at")?.unwrap_or(run.started_at);
    let completed_at = time("completed_at")?;
    // A conclusion completes the run; a completed run needs one:
    // https://docs.github.com/en/rest/checks/runs#create-a-check-run
    if let Some(conclusion) = text("conclusion") {
        run.conclusion = Some(conclusion);
        "completed".clone_into(&mut run.status);
        run.completed_at = Some(completed_at.unwrap_or_else(|| call.state.now()));
    } else if run.status == "completed" && run.conclusion.is_none() {
        return Err(Refusal::new(422, "Invalid request.\n\nMissing required parameter: conclusion"));
    } else if run.status != "completed" {
        run.conclusion = None;
        run.completed_at = None;
    }
    let stands = run.conclusion.as_ref().unwrap_or(&run.status);
    if run.stood.last() != Some(stands) {
        run.stood.push(stands.clone());
    }
    if let Some(output) = call.body["output"].as_object() {
        let member = |name: &str| output.get(name).and_then(Value::as_str).map(str::to_owned);
        run.output.title = member("title").or(run.output.title);
        run.output.summary = member("summary").or(run.output.summary);
        run.output.text = member("text").or(run.output.text);
        // Each call adds to the annotations; that is how more than 50 get in:
        // https://docs.github.com/en/rest/checks/runs#update-a-check-run
        let more: Vec<Annotation> = output
            .get("annotations")
            .map_or_else(|| Ok(Vec::new()), |given| serde_json::from_value(given.clone()))
            .map_err(|error| Refusal::new(422, format!("Invalid request.\n\nannotations: {error}")))?;
        run.output.annotations.extend(more);
    }
    if !call.body["actions"].is_null() {
        let actions: Result<Vec<CheckAction>, _> = serde_json::from_value(call.body["actions"].clone());
        run.actions = actions.map_err(|error| Refusal::new(422, format!("Invalid request.\n\nactions: {error}")))?;
    }
    Ok(run)
}

fn run<'a>(call: &'a Call<'_>) -> Result<&'a CheckRun, Refusal> {
    call.repo()?.check_runs.get(&call.number("check_run_id")?).ok_or_else(Refusal::not_found)
}

/// `GET /repos/{owner}/{repo}/check-runs/{check_run_id}`
pub fn get(call: &mut Call<'_>) -> Handled {
    Ok(Answer::ok(render::run(call.state, call.repo()?, run(call)?)))
}

/// `PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}`
pub fn update(call: &mut Call<'_>) -> Handled {
    let app = app(call)?;
    let old = run(call)?.clone();
    if old.app != app {
        return Err(Refusal::new(403, "Invalid app_id `check_run` does not belong to this app."));
    }
    let new = changed(call, old.clone())?;
    write(call, &new)?;
    if new.status == "completed" && old.status != "completed" {
        tell(call, &new, "completed")?;
    }
    Ok(Answer::ok(render::run(call.state, call.repo()?, &new)))
}

/// `GET /repos/{owner}/{repo}/commits/{ref}/check-runs`; by default the latest run of each name.
pub fn list_for_ref(call: &mut Call<'_>) -> Handled {
    let sha = named_sha(call)?;
    list_where(call, |run| run.head_sha == sha)
}

/// `GET /repos/{owner}/{repo}/check-suites/{check_suite_id}/check-runs`
pub fn list_for_suite(call: &mut Call<'_>) -> Handled {
    let suite = suite(call)?.id;
    list_where(call, |run| run.suite == suite)
}

fn list_where(call: &Call<'_>, wanted: impl Fn(&CheckRun) -> bool) -> Handled {
    let repository = call.repo()?;
    let all = call.asked("filter") == Some("all");
    let name = call.asked("check_name");
    let status = call.asked("status");
    let app = call.asked("app_id").and_then(|text| text.parse::<u64>().ok());
    let mut found: Vec<&CheckRun> = Vec::new();
    for run in repository.check_runs.values().rev().filter(|run| wanted(run)) {
        let older = found.iter().any(|newer| newer.name == run.name && newer.suite == run.suite);
        if all || !older {
            found.push(run);
        }
    }
    found.retain(|run| {
        name.is_none_or(|name| run.name == name)
            && status.is_none_or(|status| run.status == status)
            && app.is_none_or(|app| run.app == app)
    });
    Ok(Answer::list_in("check_runs", found.iter().map(|run| render::run(call.state, repository, run)).collect()))
}

fn named_sha(call: &Call<'_>) -> Result<String, Refusal> {
    let name = call.parameter("ref");
    let found = call.git()?.resolve_commit(name.trim_start_matches("refs/"))?;
    found.ok_or_else(|| Refusal::new(422, format!("No commit found for SHA: {name}")))
}

/// `GET /repos/{owner}/{repo}/commits/{ref}/check-suites`
pub fn list_suites_for_ref(call: &mut Call<'_>) -> Handled {
    let sha = named_sha(call)?;
    let repository = call.repo()?;
    let mut found = Vec::new();
    for suite in repository.check_suites.values().filter(|suite| suite.head_sha == sha) {
        found.push(render::suite(call.state, repository, suite)?);
    }
    Ok(Answer::list_in("check_suites", found))
}

fn suite<'a>(call: &'a Call<'_>) -> Result<&'a CheckSuite, Refusal> {
    call.repo()?.check_suites.get(&call.number("check_suite_id")?).ok_or_else(Refusal::not_found)
}

/// `GET /repos/{owner}/{repo}/check-suites/{check_suite_id}`
pub fn get_suite(call: &mut Call<'_>) -> Handled {
    Ok(Answer::ok(render::suite(call.state, call.repo()?, suite(call)?)?))
}

/// `GET /repos/{owner}/{repo}/check-runs/{check_run_id}/annotations`
pub fn list_annotations(call: &mut Call<'_>) -> Handled {
    let (repository, run) = (call.repo()?, run(call)?);
    let notes = run.output.annotations.iter();
    Ok(Answer::list(notes.map(|note| render::annotation(call.state, repository, run, note)).collect()))
}

fn tell(call: &mut Call<'_>, run: &CheckRun, action: &'static str) -> Result<(), Refusal> {
    let payload = json!({ "check_run": render::run_event(call.state, call.repo()?, run) });
    call.tell("check_run", action, payload)
}

/// A person clicks one of the run's buttons. Only the app that made the run hears of it:
/// <https://docs.github.com/en/rest/guides/using-the-rest-api-to-interact-with-checks#check-runs-and-requested-actions>
///
/// # Errors
/// 404 for an unknown run, 422 for a button it does not have.
pub fn click_action(state: &mut State, place: (u64, u64), actor: u64, identifier: &str) -> Result<(), Refusal> {
    let run = find(state, place)?;
    // Buttons appear only once a run is complete.
    let shown = run.status == "completed" && run.actions.iter().any(|action| action.identifier == identifier);
    if !shown {
        return Err(Refusal::new(422, format!("check run {} shows no button `{identifier}`", run.id)));
    }
    let more = json!({ "requested_action": { "identifier": identifier } });
    tell_owner(state, place, actor, ("requested_action", more))
}

/// A person asks for the run to be made again. Only the app that made it hears of it.
///
/// # Errors
/// 404 for an unknown run.
pub fn rerequest(state: &mut State, place: (u64, u64), actor: u64) -> Result<(), Refusal> {
    if rerun_check(state, place, actor)? {
        return Ok(());
    }
    if !rerun_scripted(state, place.0, place.1) {
        let suite = find(state, place)?.suite;
        ask_again(state, (place.0, suite))?;
    }
    tell_owner(state, place, actor, ("rerequested", json!({})))
}

/// A person asks for a whole suite again. Only the app it belongs to hears of it:
/// <https://docs.github.com/en/webhooks/webhook-events-and-payloads#check_suite>
///
/// # Errors
/// 404 for an unknown suite.
pub fn rerequest_suite(state: &mut State, place: (u64, u64), actor: u64) -> Result<(), Refusal> {
    ask_again(state, place)?;
    let repository = state.repositories.get(&place.0).ok_or_else(Refusal::not_found)?;
    let suite = repository.check_suites.get(&place.1).ok_or_else(Refusal::not_found)?;
    let (app, payload) = (suite.app, json!({ "check_suite": render::suite(state, repository, suite)? }));
    let event = Event {
        name: "check_suite",
        action: Some("rerequested"),
        repository: Some(place.0),
        sender: actor,
        payload,
        audience: Audience::OneApp(app),
    };
    emit(state, &event);
    Ok(())
}

/// The suite is queued until its App writes one of its runs.
fn ask_again(state: &mut State, place: (u64, u64)) -> Result<(), Refusal> {
    let repository = state.repositories.get_mut(&place.0).ok_or_else(Refusal::not_found)?;
    repository.check_suites.get_mut(&place.1).ok_or_else(Refusal::not_found)?.asked_again = true;
    Ok(())
}

fn find(state: &State, place: (u64, u64)) -> Result<&CheckRun, Refusal> {
    let repository = state.repositories.get(&place.0).ok_or_else(Refusal::not_found)?;
    repository.check_runs.get(&place.1).ok_or_else(Refusal::not_found)
}

fn tell_owner(state: &mut State, place: (u64, u64), actor: u64, what: (&'static str, Value)) -> Result<(), Refusal> {
    let run = find(state, place)?;
    let app = run.app;
    let repository = state.repositories.get(&place.0).ok_or_else(Refusal::not_found)?;
    let mut payload = json!({ "check_run": render::run_event(state, repository, run) });
    crate::render::accounts::merge(&mut payload, what.1);
    let event = Event {
        name: "check_run",
        action: Some(what.0),
        repository: Some(place.0),
        sender: actor,
        payload,
        audience: Audience::OneApp(app),
    };
    emit(state, &event);
    Ok(())
}
