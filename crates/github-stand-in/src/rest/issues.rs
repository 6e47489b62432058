//! Issues. Pull requests are issues too and answer here as well.

use serde_json::{Value, json};

use super::{Call, issue_state, labels};
use crate::answer::{Answer, Body, Handled, Refusal};
use crate::render::issues as render;
use crate::store::{AccountKind, Issue, IssueState, Repository, Role, State};

const MAX_TITLE_CHARS: usize = 256;
const MAX_ASSIGNEES: usize = 10;

/// `GET /repos/{owner}/{repo}/issues`, newest first, pull requests among them.
pub fn list(call: &mut Call<'_>) -> Handled {
    let repository = call.repo()?;
    let state = call.asked("state").unwrap_or("open");
    let labels: Vec<&str> = call.asked("labels").into_iter().flat_map(|text| text.split(',')).collect();
    let creator = call.asked("creator");
    let since = call.asked("since").and_then(|text| chrono::DateTime::parse_from_rfc3339(text).ok());
    let wanted = |issue: &&Issue| {
        (state == "all" || issue.state.as_str() == state)
            && labels.iter().all(|label| issue.labels.iter().any(|held| held.eq_ignore_ascii_case(label)))
            && creator.is_none_or(|login| call.state.login(issue.user).eq_ignore_ascii_case(login))
            && since.is_none_or(|since| issue.updated_at >= since)
    };
    let mut found: Vec<&Issue> = repository.issues.values().filter(wanted).collect();
    match call.asked("sort") {
        Some("updated") => found.sort_by_key(|issue| (issue.updated_at, issue.number)),
        Some("comments") => found.sort_by_key(|issue| repository.comments_of(issue.number).count()),
        Some(_) | None => {}
    }
    if call.asked("direction") != Some("asc") {
        found.reverse();
    }
    Ok(Answer::list(found.into_iter().map(|issue| render::issue(call.state, repository, issue)).collect()))
}

/// `GET /repos/{owner}/{repo}/issues/{issue_number}`
pub fn get(call: &mut Call<'_>) -> Handled {
    // https://docs.github.com/en/rest/issues/issues#get-an-issue: gone when deleted, elsewhere when transferred.
    match call.repo()?.moved_issues.get(&call.number("issue_number")?) {
        Some(None) => return Err(Refusal::new(410, "This issue was deleted")),
        Some(Some(url)) => {
            let body = json!({ "message": "Moved Permanently", "url": url, "documentation_url": "https://docs.github.com/rest" });
            return Ok(Answer { status: 301, body: Body::Json(body), headers: vec![("location", url.clone())] });
        }
        None => {}
    }
    let value = render::issue(call.state, call.repo()?, call.issue("issue_number")?);
    Ok(Answer::ok(value))
}

/// `POST /repos/{owner}/{repo}/issues`
pub fn create(call: &mut Call<'_>) -> Handled {
    // The description allows a number for a title.
    let title = call.text("title").map_or_else(|| call.body["title"].to_string(), |text| text.trim().to_owned());
    check_text(&title, call.text("body"))?;
    // Labels and assignees of callers without triage are dropped without a word:
    // https://docs.github.com/en/rest/issues/issues#create-an-issue
    let privileged = call.role()? >= Role::Triage;
    let names = if privileged { labels::names(&call.body["labels"]) } else { Vec::new() };
    let names = labels::ensure(call, &names)?;
    let assignees = if privileged { assignable(call, &call.body["assignees"])? } else { Vec::new() };
    let body = call.text("body").map(str::to_owned);
    let (actor, app, now) = (call.actor()?, call.caller.app(), call.state.now());
    let id = call.state.fresh_id();
    let repository = call.repo_mut()?;
    let number = repository.next_number();
    let issue = Issue {
        id,
        number,
        title,
        body,
        user: actor,
        app,
        state: IssueState::Open,
        state_reason: None,
        labels: names.clone(),
        assignees,
        reactions: Vec::new(),
        locked: None,
        created_at: now,
        updated_at: now,
        closed_at: None,
        closed_by: None,
        pull: None,
    };
    repository.issues.insert(number, issue);
    issue_state::tell(call.state, (call.repository, number), actor, "opened", json!({}))?;
    for name in &names {
        labels::tell(call, number, name, "labeled")?;
    }
    let repository = call.repo()?;
    let issue = repository.issues.get(&number).ok_or_else(Refusal::not_found)?;
    Ok(Answer::created(render::issue(call.state, repository, issue)))
}

/// Titles and texts have GitHub's lengths.
pub fn check_text(title: &str, body: Option<&str>) -> Result<(), Refusal> {
    if title.is_empty() {
        return Err(Refusal::invalid_field("Issue", "title", "missing_field"));
    }
    if title.chars().count() > MAX_TITLE_CHARS {
        return Err(Refusal::invalid("Issue", "title is too long (maximum is 256 characters)"));
    }
    if body.is_some_and(|body| body.chars().count() > super::MAX_BODY_CHARS) {
        return Err(Refusal::invalid("Issue", "body is too long (maximum is 65536 characters)"));
    }
    Ok(())
}

/// `PATCH /repos/{owner}/{repo}/issues/{issue_number}`
pub fn update(call: &mut Call<'_>) -> Handled {
    let number = call.number("issue_number")?;
    let actor = call.actor()?;
    let author = call.issue("issue_number")?.user;
    if call.role()? < Role::Triage && author != actor {
        return Err(Refusal::new(403, "Must have admin rights to Repository."));
    }
    let title = call.text("title").map(str::to_owned);
    let body = call.text("body").map(str::to_owned);
    check_text(title.as_deref().unwrap_or("kept"), body.as_deref())?;
    edit(call, number, title, body)?;
    if !call.body["labels"].is_null() {
        let wanted = labels::ensure(call, &labels::names(&call.body["labels"]))?;
        labels::replace(call, number, wanted)?;
    }
    if !call.body["assignees"].is_null() {
        let assignees = assignable(call, &call.body["assignees"])?;
        set_assignees(call, number, assignees)?;
    }
    let wanted = match call.text("state") {
        Some("closed") => Some(IssueState::Closed),
        Some("open") => Some(IssueState::Open),
        Some(_) | None => None,
    };
    if let Some(wanted) = wanted {
        let reason = call.text("state_reason").map(str::to_owned);
        issue_state::set(call.state, (call.repository, number), actor, (wanted, reason.as_deref()))?;
    }
    get(call)
}

/// Changes title and text and sends one `edited` event with what they were.
pub fn edit(call: &mut Call<'_>, number: u64, title: Option<String>, body: Option<String>) -> Result<(), Refusal> {
    let now = call.state.now();
    let actor = call.actor()?;
    let repository = call.repo_mut()?;
    let issue = repository.issues.get_mut(&number).ok_or_else(Refusal::not_found)?;
    let mut changes = json!({});
    if let Some(title) = title.filter(|title| *title != issue.title) {
        changes["title"] = json!({ "from": issue.title });
        issue.title = title;
    }
    if let Some(body) = body.filter(|body| Some(body) != issue.body.as_ref()) {
        changes["body"] = json!({ "from": issue.body.clone().unwrap_or_default() });
        issue.body = Some(body);
    }
    if changes.as_object().is_none_or(serde_json::Map::is_empty) {
        return Ok(());
    }
    issue.updated_at = now;
    Ok(issue_state::tell(call.state, (call.repository, number), actor, "edited", json!({ "changes": changes }))?)
}

/// Accounts that can be assigned. Names that cannot are refused when an issue is made or changed.
fn assignable(call: &Call<'_>, given: &Value) -> Result<Vec<u64>, Refusal> {
    let repository = call.repo()?;
    let mut found = Vec::new();
    for login in given.as_array().into_iter().flatten().filter_map(Value::as_str) {
        let account = call.state.account_by_login(login).map(|account| account.id);
        match account.filter(|account| may_be_assigned(call.state, repository, *account, 0)) {
            Some(account) => found.push(account),
            None => return Err(Refusal::invalid_field("Issue", "assignees", "invalid")),
        }
    }
    found.truncate(MAX_ASSIGNEES);
    Ok(found)
}

/// People of the repository and whoever wrote on the issue; never an app's bot:
/// <https://docs.github.com/en/issues/tracking-your-work-with-issues/using-issues/assigning-issues-and-pull-requests-to-other-github-users>
fn may_be_assigned(state: &State, repository: &Repository, account: u64, number: u64) -> bool {
    let person = state.accounts.get(&account).is_some_and(|found| found.kind == AccountKind::User);
    let wrote = repository.comments_of(number).any(|comment| comment.user == account);
    state.is_collaborator(repository, account) || (person && wrote && !repository.private)
}

/// Sets the assignees and tells of each one that came or went.
fn set_assignees(call: &mut Call<'_>, number: u64, wanted: Vec<u64>) -> Result<(), Refusal> {
    let now = call.state.now();
    let actor = call.actor()?;
    let issue = call.repo_mut()?.issues.get_mut(&number).ok_or_else(Refusal::not_found)?;
    let before = std::mem::replace(&mut issue.assignees, wanted.clone());
    issue.updated_at = now;
    let gone = before.iter().filter(|id| !wanted.contains(id)).map(|id| (*id, "unassigned"));
    let come = wanted.iter().filter(|id| !before.contains(id)).map(|id| (*id, "assigned"));
    for (account, action) in gone.chain(come) {
        let more = json!({ "assignee": crate::render::accounts::user(call.state, account) });
        issue_state::tell(call.state, (call.repository, number), actor, action, more)?;
    }
    Ok(())
}

/// `GET /repos/{owner}/{repo}/assignees/{assignee}`
pub fn check_assignee(call: &mut Call<'_>) -> Handled {
    let account = call.state.account_by_login(call.parameter("assignee")).map(|account| account.id);
    let repository = call.repo()?;
    let able = account.is_some_and(|account| may_be_assigned(call.state, repository, account, 0));
    if able { Ok(Answer::no_content()) } else { Err(Refusal::not_found()) }
}

/// `DELETE /repos/{owner}/{repo}/issues/{issue_number}/assignees`
pub fn remove_assignees(call: &mut Call<'_>) -> Handled {
    let issue = call.issue("issue_number")?;
    let number = issue.number;
    let names = labels::names(&call.body["assignees"]);
    let leaves = |id: &u64| names.iter().any(|name| name.eq_ignore_ascii_case(call.state.login(*id)));
    let kept: Vec<u64> = issue.assignees.iter().copied().filter(|id| !leaves(id)).collect();
    set_assignees(call, number, kept)?;
    get(call)
}

/// `POST /repos/{owner}/{repo}/issues/{issue_number}/assignees`; logins that cannot be assigned are ignored, as on GitHub.
pub fn add_assignees(call: &mut Call<'_>) -> Handled {
    let number = call.number("issue_number")?;
    let logins: Vec<String> = labels::names(&call.body["assignees"]);
    let mut wanted = call.issue("issue_number")?.assignees.clone();
    let repository = call.repo()?;
    for account in logins.iter().filter_map(|login| call.state.account_by_login(login)).map(|account| account.id) {
        let able = may_be_assigned(call.state, repository, account, number);
        if able && !wanted.contains(&account) && wanted.len() < MAX_ASSIGNEES {
            wanted.push(account);
        }
    }
    set_assignees(call, number, wanted)?;
    let mut answer = get(call)?;
    answer.status = 201;
    Ok(answer)
}
