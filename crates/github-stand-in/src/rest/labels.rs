//! Labels of a repository and of its issues.

use serde_json::{Value, json};

use super::{Call, issue_state};
use crate::answer::{Answer, Handled, Refusal};
use crate::render::repositories::label as render;
use crate::store::Label;

const DEFAULT_COLOR: &str = "ededed";

/// Names in a list of texts or of objects with a `name`.
pub fn names(given: &Value) -> Vec<String> {
    let items = given.as_array().into_iter().flatten();
    items.filter_map(|item| item.as_str().or_else(|| item["name"].as_str())).map(str::to_owned).collect()
}

/// Makes the labels that are missing, as GitHub does for whoever may label, and gives all in the repository's spelling.
pub fn ensure(call: &mut Call<'_>, names: &[String]) -> Result<Vec<String>, Refusal> {
    let mut found: Vec<String> = Vec::new();
    for name in names {
        let known = call.repo()?.label(name).map(|label| label.name.clone());
        let name = match known {
            Some(known) => known,
            None => {
                let id = call.state.fresh_id();
                let label = Label { id, name: name.clone(), color: DEFAULT_COLOR.to_owned(), description: None };
                call.repo_mut()?.labels.push(label);
                name.clone()
            }
        };
        if !found.contains(&name) {
            found.push(name);
        }
    }
    Ok(found)
}

/// Sends `labeled` or `unlabeled`.
pub fn tell(call: &mut Call<'_>, number: u64, name: &str, action: &'static str) -> Result<(), Refusal> {
    let repository = call.repo()?;
    let label = repository.label(name).map_or(Value::Null, |label| render(call.state, repository, label));
    let actor = call.actor()?;
    Ok(issue_state::tell(call.state, (call.repository, number), actor, action, json!({ "label": label }))?)
}

/// Sets the labels of an issue, telling of each one that came or went.
pub fn replace(call: &mut Call<'_>, number: u64, wanted: Vec<String>) -> Result<(), Refusal> {
    let now = call.state.now();
    let issue = call.repo_mut()?.issues.get_mut(&number).ok_or_else(Refusal::not_found)?;
    let before = std::mem::replace(&mut issue.labels, wanted.clone());
    issue.updated_at = now;
    for gone in before.iter().filter(|name| !wanted.contains(name)) {
        tell(call, number, gone, "unlabeled")?;
    }
    for new in wanted.iter().filter(|name| !before.contains(name)) {
        tell(call, number, new, "labeled")?;
    }
    Ok(())
}

/// `POST /repos/{owner}/{repo}/issues/{issue_number}/labels`
pub fn add(call: &mut Call<'_>) -> Handled {
    let number = call.number("issue_number")?;
    let given = if call.body.is_array() { call.body.clone() } else { call.body["labels"].clone() };
    let mut wanted = call.issue("issue_number")?.labels.clone();
    for name in ensure(call, &names(&given))? {
        if !wanted.contains(&name) {
            wanted.push(name);
        }
    }
    replace(call, number, wanted.clone())?;
    let repository = call.repo()?;
    let shown = wanted.iter().filter_map(|name| repository.label(name));
    Ok(Answer::ok(shown.map(|label| render(call.state, repository, label)).collect()))
}

fn shown(call: &Call<'_>) -> Handled {
    let (repository, issue) = (call.repo()?, call.issue("issue_number")?);
    let held = issue.labels.iter().filter_map(|name| repository.label(name));
    Ok(Answer::list(held.map(|label| render(call.state, repository, label)).collect()))
}

/// `GET /repos/{owner}/{repo}/issues/{issue_number}/labels`
pub fn list_on_issue(call: &mut Call<'_>) -> Handled {
    shown(call)
}

/// `PUT /repos/{owner}/{repo}/issues/{issue_number}/labels`
pub fn set(call: &mut Call<'_>) -> Handled {
    let number = call.issue("issue_number")?.number;
    let given = if call.body.is_array() { call.body.clone() } else { call.body["labels"].clone() };
    let wanted = ensure(call, &names(&given))?;
    replace(call, number, wanted)?;
    shown(call)
}

/// `DELETE /repos/{owner}/{repo}/issues/{issue_number}/labels/{name}`
pub fn remove(call: &mut Call<'_>) -> Handled {
    let (number, name) = (call.issue("issue_number")?.number, call.parameter("name").to_lowercase());
    let held = call.issue("issue_number")?.labels.clone();
    let kept: Vec<String> = held.iter().filter(|one| one.to_lowercase() != name).cloned().collect();
    if kept.len() == held.len() {
        return Err(Refusal::new(404, "Label does not exist"));
    }
    replace(call, number, kept)?;
    shown(call)
}

/// `DELETE /repos/{owner}/{repo}/issues/{issue_number}/labels`
pub fn remove_all(call: &mut Call<'_>) -> Handled {
    let number = call.issue("issue_number")?.number;
    replace(call, number, Vec::new())?;
    Ok(Answer::no_content())
}

/// `GET /repos/{owner}/{repo}/labels`
pub fn list(call: &mut Call<'_>) -> Handled {
    let repository = call.repo()?;
    Ok(Answer::list(repository.labels.iter().map(|label| render(call.state, repository, label)).collect()))
}

/// `POST /repos/{owner}/{repo}/labels`
pub fn create(call: &mut Call<'_>) -> Handled {
    let name = call.text("name").unwrap_or_default().to_owned();
    if call.repo()?.label(&name).is_some() {
        return Err(Refusal::invalid_field("Label", "name", "already_exists"));
    }
    let color = call.text("color").unwrap_or(DEFAULT_COLOR).to_owned();
    if color.len() != 6 || !color.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Refusal::invalid_field("Label", "color", "invalid"));
    }
    let description = call.text("description").map(str::to_owned);
    let label = Label { id: call.state.fresh_id(), name, color, description };
    call.repo_mut()?.labels.push(label.clone());
    Ok(Answer::created(render(call.state, call.repo()?, &label)))
}
