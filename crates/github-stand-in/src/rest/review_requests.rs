//! Who is asked to review.

use serde_json::{Value, json};

use super::{Call, issue_state, labels};
use crate::answer::{Answer, Handled, Refusal};
use crate::render::{accounts, pulls as render};

/// `GET /repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers`
pub fn list(call: &mut Call<'_>) -> Handled {
    let (_, pull) = call.pull()?;
    let users: Vec<Value> = pull.requested_reviewers.iter().map(|id| accounts::user(call.state, *id)).collect();
    Ok(Answer::ok(json!({ "users": users, "teams": [] })))
}

/// `POST /repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers`
pub fn add(call: &mut Call<'_>) -> Handled {
    let author = call.pull()?.0.user;
    let mut wanted = Vec::new();
    for login in labels::names(&call.body["reviewers"]) {
        let account = call.state.account_by_login(&login).map(|account| account.id);
        if account == Some(author) {
            return Err(Refusal::new(422, "Review cannot be requested from pull request author."));
        }
        let repository = call.repo()?;
        let Some(account) = account.filter(|account| call.state.is_collaborator(repository, *account)) else {
            let message = "Reviews may only be requested from collaborators. One or more of the users or teams you specified is not a collaborator of the repository.";
            return Err(Refusal::new(422, message));
        };
        wanted.push(account);
    }
    for account in wanted {
        let pull = call.pull_mut()?;
        if !pull.requested_reviewers.contains(&account) {
            pull.requested_reviewers.push(account);
            tell(call, account, "review_requested")?;
        }
    }
    let (issue, pull) = call.pull()?;
    Ok(Answer::created(render::simple(call.state, call.repo()?, issue, pull)))
}

/// `DELETE /repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers`
pub fn remove(call: &mut Call<'_>) -> Handled {
    for login in labels::names(&call.body["reviewers"]) {
        let Some(account) = call.state.account_by_login(&login).map(|account| account.id) else { continue };
        let pull = call.pull_mut()?;
        if pull.requested_reviewers.contains(&account) {
            pull.requested_reviewers.retain(|asked| *asked != account);
            tell(call, account, "review_request_removed")?;
        }
    }
    let (issue, pull) = call.pull()?;
    Ok(Answer::ok(render::simple(call.state, call.repo()?, issue, pull)))
}

fn tell(call: &mut Call<'_>, reviewer: u64, action: &'static str) -> Result<(), Refusal> {
    let (number, actor) = (call.pull()?.0.number, call.actor()?);
    let more = json!({ "requested_reviewer": accounts::user(call.state, reviewer) });
    Ok(issue_state::tell(call.state, (call.repository, number), actor, action, more)?)
}
